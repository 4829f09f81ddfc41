/* SPDX-License-Identifier: MIT */
/*
 * What a thread leaves in memory at its end, for others to find: robust futexes that it held are marked
 * (get_robust_list(2)), and the word that it was to clear is cleared (set_tid_address(2)); who waits is woken.
 *
 * All of it is what the program itself wrote, in memory that others may share and change meanwhile. So everything is
 * read once, a list ends after so many entries, and so do all lists of a process together, and a word is changed only if it names this thread as its owner.
 */
#include "proc.h"
#include <protocol/futex_client.h>

#define ENTRIES_MOST 64 /* of one list, fewer than Linux looks at: this server must get on */

#define FUTEX_TID_MASK 0x3fffffffu
#define FUTEX_OWNER_DIED 0x40000000u
#define FUTEX_WAITERS 0x80000000u

struct robust_head {
    uint64_t
        next; /* of the first entry; an entry begins with the next one's address. Bit 0: a PI futex */
    int64_t offset;   /* from an entry to its word */
    uint64_t pending; /* one that is just being locked or unlocked, or 0 */
};

static void wake(const struct process *p, uint64_t address) {
    struct pk_word_name name;
    if (pk_task_word_name(p->task, address, PK_WORD_ANYWHERE, &name) == 0)
        pk_may_fail(futex_wake_named(connect_endpoint(PK_SLOT_FUTEX), name.id, name.offset, 1));
}

/*
 * A word that this thread owns says from now on that its owner died. Others may set FUTEX_WAITERS in it meanwhile,
 * but nobody takes it; so one who waits is woken whether that bit was seen or not.
 */
static void mark(const struct thread *t, uint64_t address) {
    const struct process *p = t->process;
    uint32_t word;
    if (address % sizeof word || pk_task_copy_in(p->task, &word, address, sizeof word) < 0)
        return;
    while ((word & FUTEX_TID_MASK) == (uint32_t)thread_tid(t)) {
        uint32_t dead = (word & FUTEX_WAITERS) | FUTEX_OWNER_DIED;
        long was = pk_task_word_exchange(p->task, address, word, dead);
        if (was < 0)
            return;
        if ((uint32_t)was == word) {
            wake(p, address);
            return;
        }
        word = (uint32_t)was;
    }
}

/* *left: how many entries there is time for. */
static void walk(const struct thread *t, uint64_t list, unsigned *left) {
    struct robust_head head;
    uint64_t task = t->process->task, at;
    if (pk_task_copy_in(task, &head, list, sizeof head) < 0)
        return;
    uint64_t next = head.next, pending = head.pending & ~1ull;
    for (int n = 0; n < ENTRIES_MOST && *left && (at = next & ~1ull) != list && at; n++) {
        --*left;
        if (pk_task_copy_in(task, &next, at, sizeof next) < 0)
            break;
        if (at != pending)
            mark(t, at + (uint64_t)head.offset);
    }
    if (pending)
        mark(t, pending + (uint64_t)head.offset);
}

void thread_leaves_memory(struct thread *t, unsigned *left) {
    const struct process *p = t->process;
    if (!t->robust && t == &p->main && !t->tidy)
        t->robust = exec_robust_list(p);
    if (t->robust)
        walk(t, t->robust, left);
    t->robust = 0;
    struct pk_word_name name = {0, 0};
    if (t->clear_tid) {
        static const int32_t none;
        pk_may_fail(pk_task_copy_out(p->task, t->clear_tid, &none, sizeof none));
        if (pk_task_word_name(p->task, t->clear_tid, PK_WORD_ANYWHERE, &name) < 0)
            name.id = 0;
    }
    t->clear_tid = 0;
    connect_thread_ended(t, &name);
}
