/* SPDX-License-Identifier: MIT */
/*
 * Which signals a thread blocks. Programs change that often and are seldom sent a signal, so a thread keeps its mask at its
 * seat in its process's memory (struct personality_seat) and tells this server only of what it unblocks: no message for the
 * many pairs of block and restore. thread.blocked may then lack signals that are blocked. Who is about to send one looks
 * (mask_blocks). Of a thread without a seat, or which has not come so far that its seat is its own; while a call has lent
 * another mask; and while it waits for a child, which it does often, thread.blocked is the whole truth.
 *
 * Invariant: what is in thread.blocked is in `mask`, and in `told`. The thread stores its mask and then looks whether it
 * still blocks all of `told`; this server stores `told` and then reads the mask once more. On two harts at once, one of
 * them sees what the other stored: a signal that is kept here as blocked is never forgotten.
 *
 * A new thread begins with a mask that this server has from its maker, and which mostly is another one soon (pthread_create(3)
 * makes threads that block all). So that is not noted as told before it matters (`untold`): when a signal would wait for it to
 * be let through. The thread makes its seat its own and later looks at `told`, this server stores that and then looks
 * whose the seat is: again one of them sees what the other stored.
 *
 * The other way round, a thread may be chosen to take what is pending for its process and block that before it comes for it.
 * So whenever one comes, what is pending for the process and blocked by it is for another thread (signal_retarget).
 */
#include "seat.h"

/* What this server has is the whole truth, whatever stands in memory. */
static inline bool is_exact(const struct thread *t) {
    return !t->seat || t->mask_saved || t->waiting == WAIT_CHILD;
}

/* False: it is exact. */
static bool read_seat(const struct thread *t, struct personality_seat *seat) {
    return !is_exact(t) && seat_read(t, seat);
}

static long write_told(const struct thread *t, uint64_t told) {
    uint64_t at = seat_address(t) + offsetof(struct personality_seat, told);
    return pk_task_copy_out(t->process->task, at, &told, sizeof told);
}

void mask_said(struct thread *t, uint64_t mask) {
    t->blocked = mask & ~UNBLOCKABLE;
    t->untold = false;
}

/*
 * The signal is not in t->blocked. If the mask changes under the look, `told` is taken back to what is in both masks, so
 * that a thread for which the two are the same has nothing to tell.
 */
static __attribute__((noinline)) bool look(struct thread *t, uint64_t bit) {
    struct personality_seat seat;
    if (!read_seat(t, &seat) || !(seat.mask & bit & ~UNBLOCKABLE))
        return false;
    uint64_t told = seat.mask;
    if (seat.told != told) {
        if (write_told(t, told) < 0)
            return false; /* it has made its own state unwritable */
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        if (!read_seat(t, &seat))
            return false;
        if (told & ~seat.mask && write_told(t, told & seat.mask) < 0)
            return false;
    }
    t->blocked = told & seat.mask & ~UNBLOCKABLE;
    t->untold = false;
    return t->blocked & bit;
}

/* What it began with is noted. If the seat is its own by now, and it lets through some of that, it tells of it. */
static void note(struct thread *t) {
    struct personality_seat seat;
    if (write_told(t, t->blocked) < 0)
        return;
    t->untold = false;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (read_seat(t, &seat))
        t->blocked &= seat.mask;
}

static __attribute__((noinline)) bool blocks_noted(struct thread *t, uint64_t bit) {
    note(t);
    return t->blocked & bit;
}

/* What is pending already it would have to tell of at once. */
void mask_begin(struct thread *t, uint64_t mask) {
    mask_said(t, mask);
    t->untold = t->seat && t->blocked;
    if (t->untold && t->blocked & t->process->pending.set)
        note(t);
}

bool mask_blocks(struct thread *t, int signal) {
    uint64_t bit = signal_bit(signal);
    if (!(t->blocked & bit))
        return !is_exact(t) && look(t, bit);
    return !t->untold || blocks_noted(t, bit);
}

uint64_t mask_of(const struct thread *t) {
    struct personality_seat seat;
    return read_seat(t, &seat) ? seat.mask & ~UNBLOCKABLE : t->blocked;
}

void mask_learn(struct thread *t) {
    struct personality_seat seat;
    if (!read_seat(t, &seat))
        return;
    if (seat.told == seat.mask || write_told(t, seat.mask) >= 0)
        mask_said(t, seat.mask);
}

long mask_tell(const struct thread *t) {
    struct personality_seat seat;
    if (!read_seat(t, &seat))
        return 0;
    uint64_t at = seat_address(t) + offsetof(struct personality_seat, mask);
    const uint64_t both[] = {t->blocked, t->blocked};
    long error = pk_task_copy_out(t->process->task, at, both, sizeof both);
    return error < 0 ? error : 0;
}
