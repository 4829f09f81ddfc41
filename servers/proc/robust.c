/* SPDX-License-Identifier: MIT */
/*
 * What a thread leaves in memory at its end, for others to find: robust futexes that it held are marked
 * (get_robust_list(2)), and the word that it was to clear is cleared (set_tid_address(2)); who waits is woken.
 *
 * All of it is what the program itself wrote, in memory that others may share and change meanwhile. So everything is
 * read once, a list ends after as many entries as on Linux or where it meets itself, and a word is changed only if it
 * names this thread as its owner. It is looked at in steps (departure.c).
 */
#include "departure.h"
#include "seat.h"
#include <protocol/futex_client.h>

#define ENTRIES_MOST 2048 /* of one list: ROBUST_LIST_LIMIT */

/* In units of a thousand instructions, about. */
#define COST_ENTRY 1
#define COST_MARK 1
#define COST_WAKE 4

#define FUTEX_TID_MASK 0x3fffffffu
#define FUTEX_OWNER_DIED 0x40000000u
#define FUTEX_WAITERS 0x80000000u

struct robust_head {
    uint64_t
        next; /* of the first entry; an entry begins with the next one's address. Bit 0: a PI futex */
    int64_t offset;   /* from an entry to its word */
    uint64_t pending; /* one that is just being locked or unlocked, or 0 */
};

static void wake(uint64_t task, uint64_t address, int *credit) {
    struct pk_word_name name;
    *credit -= COST_WAKE;
    if (pk_task_word_name(task, address, PK_WORD_ANYWHERE, &name) == 0)
        pk_may_fail(futex_wake_named(connect_endpoint(PK_SLOT_FUTEX), name.id, name.offset, 1));
}

/*
 * A word that this thread owns says from now on that its owner died. Others may set FUTEX_WAITERS in it meanwhile:
 * then it is exchanged again, and they are woken. False: no word is there.
 */
static bool mark(const struct leaver *l, uint64_t task, uint64_t address, int *credit) {
    uint32_t word;
    if (address % sizeof word || pk_task_copy_in(task, &word, address, sizeof word) < 0)
        return false;
    while ((word & FUTEX_TID_MASK) == (uint32_t)l->tid) {
        uint32_t dead = (word & FUTEX_WAITERS) | FUTEX_OWNER_DIED;
        long was = pk_task_word_exchange(task, address, word, dead);
        *credit -= COST_MARK;
        if (was < 0)
            return false;
        if ((uint32_t)was == word) {
            if (word & FUTEX_WAITERS)
                wake(task, address, credit);
            return true;
        }
        word = (uint32_t)was;
    }
    return true;
}

/* The thread may have unlocked it, and not come to wake who waits for it any more. */
static void mark_pending(const struct leaver *l, uint64_t task, int *credit) {
    uint64_t address = l->pending + (uint64_t)l->offset;
    uint32_t word;
    if (!l->pending || !mark(l, task, address, credit))
        return;
    if (pk_task_copy_in(task, &word, address, sizeof word) >= 0 && word == 0)
        wake(task, address, credit);
}

static bool read_head(struct leaver *l, uint64_t task) {
    struct robust_head head;
    if (pk_task_copy_in(task, &head, l->list, sizeof head) < 0)
        return false;
    l->next = head.next;
    l->offset = head.offset;
    l->pending = head.pending & ~1ull;
    l->begun = true;
    return true;
}

/*
 * One entry. False: the list has ended, and if it is no good what is pending is not looked at either, as on Linux.
 * A list that has no end is left soon: of each 1, 2, 4, 8, ... entries the last is kept to see if it comes again.
 */
static bool walk_one(struct leaver *l, uint64_t task, int *credit) {
    uint64_t at = l->next & ~1ull;
    if (at == l->list || at == l->seen || l->entries == ENTRIES_MOST)
        return false;
    *credit -= COST_ENTRY;
    l->entries++;
    if ((l->entries & (l->entries - 1)) == 0)
        l->seen = at;
    bool good = pk_task_copy_in(task, &l->next, at, sizeof l->next) >= 0;
    if (at != l->pending && !mark(l, task, at + (uint64_t)l->offset, credit))
        good = false;
    if (!good)
        l->pending = 0;
    return good;
}

/* The list's address is at the thread's seat, if that was its own. */
static void find_list(struct leaver *l, uint64_t task, int *credit) {
    struct personality_seat seat;
    *credit -= COST_ENTRY;
    if (seat_read_at(task, l->seat, l->owner, &seat))
        l->list = seat.robust;
    l->seat = 0;
}

/* False: the credit is used up before the list's end. */
static bool walk(struct leaver *l, uint64_t task, int *credit) {
    if (l->seat)
        find_list(l, task, credit);
    if (!l->list || (!l->begun && !read_head(l, task)))
        return true;
    while (*credit > 0)
        if (!walk_one(l, task, credit)) {
            mark_pending(l, task, credit);
            return true;
        }
    return false;
}

bool leaver_begin(struct leaver *l, struct thread *t) {
    const struct process *p = t->process;
    bool connected = p->connected >> PK_SLOT_FUTEX & 1;
    bool at_seat = t->seat && !t->robust && !t->tidy;
    if (!t->robust && !t->clear_tid && !connected && !at_seat)
        return false;
    *l = (struct leaver){.tid = thread_tid(t), .list = t->robust, .clear_tid = t->clear_tid};
    l->connected = connected;
    l->seat = at_seat ? seat_address(t) : 0;
    l->owner = t->owner;
    t->tidy = true;
    t->robust = t->clear_tid = 0;
    return true;
}

void leaver_finish(struct leaver *l, uint64_t task, int *credit) {
    struct pk_word_name name = {0, 0};
    if (l->clear_tid) {
        static const int32_t none;
        *credit -= COST_MARK;
        pk_may_fail(pk_task_copy_out(task, l->clear_tid, &none, sizeof none));
        if (pk_task_word_name(task, l->clear_tid, PK_WORD_ANYWHERE, &name) < 0)
            name.id = 0;
    }
    if (!name.id && !l->connected)
        return;
    *credit -= COST_WAKE;
    connect_thread_ended(l->tid, l->connected, &name);
}

bool leaver_step(struct leaver *l, uint64_t task, int *credit) {
    if (!walk(l, task, credit))
        return false;
    leaver_finish(l, task, credit);
    return true;
}
