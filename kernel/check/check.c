/* SPDX-License-Identifier: MIT */
/* The check of the kernel's data (check.h): its course, and what it has found. */
#include <check/check.h>
#include <lib/lib.h>
#include <mm/account.h>
#include <mm/object.h>
#include <sched/hart.h>
#include <task/thread.h>
#include <trace/trace.h>

#define LINES 20 /* of complaint */

uint32_t check_round;
static long wrong;
static struct kobject *first, *last, *visited; /* found objects, and the last that was visited */

bool check_must(bool good, const char *what, const char *file, int line, const void *at) {
    if (!good && wrong++ < LINES)
        kprintf("check: %s:%d: not %s, at %p\n", file, line, what, at);
    return good;
}

void check_see(struct kobject *k) {
    if (k->check.mark.round == check_round)
        return;
    k->check = (struct check_kobject){.mark = {.round = check_round}};
    if (last)
        last->check.next = k;
    else
        first = k;
    last = k;
}

void check_refer(struct kobject *k) {
    check_see(k);
    k->check.mark.refs++;
}

void check_charge(struct account *account, uint64_t bytes) {
    if (!account)
        return;
    check_see(&account->kobject);
    account->kobject.check.bytes += bytes;
}

/* Those whose end takes steps that others may interrupt hold themselves until then. */
static void see_doomed(struct kobject *k) {
    if (k->type == PK_TYPE_TASK || k->type == PK_TYPE_ENDPOINT || k->type == PK_TYPE_ACCOUNT)
        check_refer(k);
    else
        check_see(k);
}

static void see_roots(void) {
    check_refer(&root_account.kobject); /* it never ends */
    for (struct list *l = kobject_doomed.next; l != &kobject_doomed; l = l->next)
        see_doomed(CONTAINER_OF(l, struct kobject, doomed));
    for (uint32_t i = 0; i < machine.hart_count; i++)
        if (harts[i].current)
            check_see(&harts[i].current->kobject);
    if (trace_object())
        check_refer(&trace_object()->kobject);
    check_frame_roots();
}

static void visit_found(void) {
    struct kobject *next;
    while ((next = visited ? visited->check.next : first)) {
        visited = next;
        check_visit(next);
    }
}

long check_kernel(void) {
    check_round++;
    wrong = 0;
    first = last = visited = NULL;
    check_queues_begin();
    see_roots();
    visit_found();
    check_frame_charges(); /* by which more accounts may be found */
    visit_found();
    check_frames();
    for (struct kobject *k = first; k; k = k->check.next)
        check_compare(k);
    check_queues();
    return wrong;
}
