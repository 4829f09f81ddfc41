/* SPDX-License-Identifier: MIT */
/* Threads that wait, by priority (ranked.h). */
#include <ipc/ranked.h>
#include <task/thread.h>

static struct thread *first_of(struct list *level) {
    return CONTAINER_OF(level, struct thread, call.level);
}

/* Before the first of a level, or at the end of all. */
static void queue_before(struct ranked *r, struct list *level, struct thread *t) {
    list_insert_before(level == &r->levels ? &r->threads : &first_of(level)->link, &t->link);
}

void ranked_insert(struct ranked *r, struct thread *t) {
    unsigned priority = t->call.priority = t->sched.priority;
    struct list *level = r->levels.next;
    while (level != &r->levels && first_of(level)->call.priority > priority)
        level = level->next;
    if (level != &r->levels && first_of(level)->call.priority == priority) {
        queue_before(r, level->next, t);
    } else {
        queue_before(r, level, t);
        list_insert_before(level, &t->call.level);
    }
}

void ranked_remove(struct ranked *r, struct thread *t) {
    if (!list_empty(&t->call.level)) {
        struct list *next = t->link.next;
        struct thread *n = CONTAINER_OF(next, struct thread, link);
        if (next != &r->threads && n->call.priority == t->call.priority)
            list_insert_before(&t->call.level, &n->call.level);
        list_remove(&t->call.level);
    }
    list_remove(&t->link);
}

struct thread *ranked_first(const struct ranked *r) {
    return ranked_empty(r) ? NULL : CONTAINER_OF(r->threads.next, struct thread, link);
}
