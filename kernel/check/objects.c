/* SPDX-License-Identifier: MIT */
/* Kernel objects (check.h): what each refers to, and its counts against what was found. */
#include <check/check.h>
#include <ipc/ipc.h>
#include <mm/account.h>
#include <mm/aspace.h>
#include <mm/object.h>
#include <sched/reserve.h>
#include <task/task.h>
#include <task/thread.h>
#include <time/irq.h>

static struct object *object_of(struct kobject *k) {
    return CONTAINER_OF(k, struct object, kobject);
}

/* mark.others of an account: capabilities to manage it. */
static void visit_account(struct account *a) {
    struct account *parent = account_parent(a);
    MUST(a->paid >= a->used, a);
    if (parent) {
        check_piece(a, sizeof *a, parent);
        check_charge(parent, a->paid);
        MUST(a->ended || a->depth == parent->depth + 1, a);
    }
    for (struct list *l = a->below.next; l != &a->below; l = l->next) {
        struct account *child = CONTAINER_OF(l, struct account, sibling);
        if (MUST(account_parent(child) == a, child))
            check_see(&child->kobject);
    }
    for (struct list *l = a->tasks.next; l != &a->tasks; l = l->next) {
        struct task *task = CONTAINER_OF(l, struct task, account_link);
        bool may_be_in = !a->ended || !list_empty(&a->kobject.doomed); /* its end is under way */
        if (MUST(task->account == a && may_be_in, task))
            check_see(&task->kobject);
    }
}

/* mark.others of a task: threads whose calls it serves. */
static void visit_task(struct task *task) {
    uint64_t threads = 0;
    check_piece(task, sizeof *task, task->account);
    check_caps(task);
    for (struct list *l = task->threads.next; l != &task->threads; l = l->next, threads++) {
        struct thread *t = CONTAINER_OF(l, struct thread, task_link);
        if (MUST(t->task == task && t->state != THREAD_ENDED, t))
            check_refer(&t->kobject); /* being alive */
    }
    MUST(threads == task->thread_count, task);
    MUST(!task->in_hand || task->in_hand->state == THREAD_SERVED, task);
    if (task->exception)
        check_refer(&task->exception->kobject);
    if (task->aspace)
        check_aspace(task->aspace);
    MUST(task->aspace || (!task->thread_count && task->dying), task);
}

static bool is_in_hand(const struct thread *t) {
    return this_hart()->current == t ||
           (t->hart && (t->hart->current == t || t->hart->handoff == t));
}

static void visit_thread_state(struct thread *t) {
    switch ((enum thread_state)t->state) {
    case THREAD_RUNNING:
        MUST(is_in_hand(t) && !t->sched.queued, t);
        break;
    case THREAD_READY:
        MUST(t->suspended != t->sched.queued, t);
        break;
    case THREAD_SERVED:
        MUST(t->call.server, t);
        check_other(&t->call.server->kobject);
        check_refer(&t->call.endpoint->kobject);
        break;
    case THREAD_QUEUED:
        MUST(!t->call.server && !list_empty(&t->link), t);
        check_refer(&t->call.endpoint->kobject);
        break;
    case THREAD_RECEIVING:
        MUST(t->receiving && (t->receiving->waiting == t || !list_empty(&t->link)), t);
        break;
    case THREAD_WAITING:
        MUST(list_empty(&t->link) == (t->sleep.queue != NULL),
             t); /* at a notification, or for a time */
        break;
    case THREAD_ENDED:
        MUST(!t->sched.queued && list_empty(&t->link), t);
        if (is_in_hand(t))
            check_refer(&t->kobject); /* until its hart has left it */
        break;
    }
}

/* Who waits at an endpoint, or lends to a thread. */
static void visit_ranked(const struct ranked *r, unsigned state, const struct endpoint *at,
                         const struct thread *lent_to) {
    unsigned priority = UINT8_MAX + 1;
    struct list *level = r->levels.next;
    for (struct list *l = r->threads.next; l != &r->threads; l = l->next) {
        struct thread *t = CONTAINER_OF(l, struct thread, link);
        if (!MUST(t->state == state && (!at || t->call.endpoint == at), t))
            return;
        MUST(t->call.lent_to == lent_to, t);
        MUST(t->call.priority == t->sched.priority && t->call.priority <= priority, t);
        if (t->call.priority < priority) {
            MUST(level == &t->call.level, t);
            level = level->next;
        } else {
            MUST(list_empty(&t->call.level), t);
        }
        priority = t->call.priority;
    }
    MUST(level == &r->levels, r);
}

static void visit_thread(struct thread *t) {
    check_piece(t, sizeof *t, t->kobject.account);
    if (t->reserve)
        check_piece(t->reserve, sizeof *t->reserve, t->kobject.account);
    check_refer(&t->task->kobject);
    check_queues_thread(&t->kobject);
    visit_thread_state(t);
    visit_ranked(&t->lenders, THREAD_SERVED, NULL, t);
    MUST(t->base_priority >= t->given_priority, t);
    if (t->call.lent_to && MUST(t->state == THREAD_SERVED && !list_empty(&t->link), t))
        check_refer(&t->call.lent_to->kobject);
}

/* mark.others of an endpoint: capabilities to receive. */
static void visit_endpoint(struct endpoint *e) {
    check_piece(e, sizeof *e, e->kobject.account);
    visit_ranked(&e->callers, THREAD_QUEUED, e, NULL);
    if (e->bound) {
        check_refer(&e->bound->kobject);
        MUST(e->bound->bound == e, e);
    }
    MUST(!e->waiting || (e->waiting->state == THREAD_RECEIVING && e->waiting == e->server), e);
    for (struct list *l = e->receivers.next; l != &e->receivers; l = l->next) {
        struct thread *t = CONTAINER_OF(l, struct thread, link);
        MUST(t->state == THREAD_RECEIVING && t->receiving == e, t);
    }
    for (struct list *l = e->notices.next; l != &e->notices; l = l->next) {
        struct thread *t = CONTAINER_OF(l, struct thread, call.notice);
        if (t->state == THREAD_ENDED)
            check_refer(&t->kobject); /* for the notice of its end */
        else
            MUST(t->state == THREAD_SERVED && t->call.endpoint == e, t);
    }
    MUST(!e->server || e->server->receiving == e, e);
    MUST(e->pending || (ranked_empty(&e->callers) && list_empty(&e->notices)), e);
    MUST(e->pending || !e->bound || !e->bound->bits, e);
}

static void visit_notification(struct notification *n) {
    check_piece(n, sizeof *n, n->kobject.account);
    check_queues_timer(&n->kobject);
    for (struct list *l = n->waiters.next; l != &n->waiters; l = l->next)
        MUST(CONTAINER_OF(l, struct thread, link)->state == THREAD_WAITING, l);
}

static void visit_irq(struct irq *irq) {
    check_piece(irq, sizeof *irq, irq->kobject.account);
    if (irq->notification)
        check_refer(&irq->notification->kobject);
}

void check_visit(struct kobject *k) {
    if (k->account)
        check_see(&k->account->kobject);
    switch ((enum pk_type)k->type) {
    case PK_TYPE_TASK:
        visit_task(task_of(k));
        break;
    case PK_TYPE_THREAD:
        visit_thread(thread_of(k));
        break;
    case PK_TYPE_ENDPOINT:
        visit_endpoint(endpoint_of(k));
        break;
    case PK_TYPE_NOTIFICATION:
        visit_notification(notification_of(k));
        break;
    case PK_TYPE_OBJECT:
        check_object(object_of(k));
        break;
    case PK_TYPE_IRQ:
        visit_irq(CONTAINER_OF(k, struct irq, kobject));
        break;
    case PK_TYPE_ACCOUNT:
        visit_account(account_of(k));
        break;
    case PK_TYPE_MACHINE:
        check_refer(k); /* it never ends */
        break;
    case PK_TYPE_NONE:
        MUST(false, k);
    }
}

static uint64_t served_by(const struct task *task) {
    uint64_t count = task->in_hand != NULL;
    for (struct list *l = task->served.next; l != &task->served; l = l->next)
        count++;
    return count;
}

void check_compare(struct kobject *k) {
    const struct check_mark *m = &k->check.mark;
    MUST((k->type == PK_TYPE_OBJECT ? object_refs(object_of(k)) : k->refs) == m->refs, k);
    if (k->type == PK_TYPE_ACCOUNT) {
        MUST(account_of(k)->used == k->check.bytes, k);
        MUST(account_of(k)->holders == m->others, k);
    } else if (k->type == PK_TYPE_ENDPOINT) {
        MUST(endpoint_of(k)->receiver_caps == m->others, k);
    } else if (k->type == PK_TYPE_OBJECT) {
        check_object_compare(object_of(k));
    } else if (k->type == PK_TYPE_TASK) {
        MUST(served_by(task_of(k)) == m->others, k);
        if (task_of(k)->aspace)
            check_aspace_compare(task_of(k)->aspace);
    }
}
