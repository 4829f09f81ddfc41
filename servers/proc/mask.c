/* SPDX-License-Identifier: MIT */
/*
 * Which signals a thread blocks. Programs change that often and are seldom sent a signal, so a process whose memory
 * nobody else uses keeps its mask there (struct personality_state) and tells this server only of what it unblocks: no
 * message for the many pairs of block and restore. thread.blocked may then lack signals that are blocked. Who is about to
 * send one looks (mask_blocks). While threads or a vfork child share the memory, while a call has lent another mask,
 * and while a thread waits for a child, which it does often, thread.blocked is the whole truth.
 *
 * Invariant: what is in thread.blocked is in `mask`, and in `told`. The thread stores its mask and then looks whether it
 * still blocks all of `told`; this server stores `told` and then reads the mask once more. On two harts at once, one of
 * them sees what the other stored: a signal that is kept here as blocked is never forgotten.
 */
#include "proc.h"
#include <parley/personality.h>
#include <stddef.h>

/* Of struct personality_state, as they stand there. */
struct words {
    uint64_t shared, vforking, mask, told;
};
_Static_assert(offsetof(struct personality_state, vforking) ==
                       offsetof(struct personality_state, shared) +
                           offsetof(struct words, vforking) &&
                   offsetof(struct personality_state, mask) ==
                       offsetof(struct personality_state, shared) + offsetof(struct words, mask) &&
                   offsetof(struct personality_state, told) ==
                       offsetof(struct personality_state, shared) + offsetof(struct words, told),
               "personality.h");

/* What this server has is the whole truth, whatever stands in memory. */
static inline bool is_exact(const struct thread *t) {
    return t->process->sole != t || t->mask_saved || t->waiting == WAIT_CHILD;
}

/* False: so it is. */
static bool read_words(const struct thread *t, struct words *w) {
    const struct process *p = t->process;
    if (is_exact(t) || !p->task)
        return false;
    uint64_t at = exec_state() + offsetof(struct personality_state, shared);
    return pk_task_copy_in(p->task, w, at, sizeof *w) >= 0 && !w->shared && !w->vforking;
}

static long write_told(const struct thread *t, uint64_t told) {
    uint64_t at = exec_state() + offsetof(struct personality_state, told);
    return pk_task_copy_out(t->process->task, at, &told, sizeof told);
}

/* The signal is not in t->blocked. */
static __attribute__((noinline)) bool look(struct thread *t, uint64_t bit) {
    struct words w;
    if (!read_words(t, &w) || !(w.mask & bit & ~UNBLOCKABLE))
        return false;
    uint64_t told = w.mask;
    if (w.told != told) {
        if (write_told(t, told) < 0)
            return false; /* it has made its own state unwritable */
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        if (!read_words(t, &w))
            return false;
    }
    t->blocked = told & w.mask & ~UNBLOCKABLE;
    return t->blocked & bit;
}

bool mask_blocks(struct thread *t, int signal) {
    uint64_t bit = signal_bit(signal);
    return (t->blocked & ~UNBLOCKABLE & bit) || (!is_exact(t) && look(t, bit));
}

uint64_t mask_of(const struct thread *t) {
    struct words w;
    return read_words(t, &w) ? w.mask & ~UNBLOCKABLE : t->blocked;
}

void mask_learn(struct thread *t) {
    struct words w;
    if (!read_words(t, &w))
        return;
    if (w.told == w.mask || write_told(t, w.mask) >= 0)
        t->blocked = w.mask & ~UNBLOCKABLE;
}

long mask_tell(const struct thread *t) {
    struct words w;
    if (!read_words(t, &w))
        return 0;
    uint64_t at = exec_state() + offsetof(struct personality_state, mask);
    const uint64_t both[] = {t->blocked, t->blocked};
    long error = pk_task_copy_out(t->process->task, at, both, sizeof both);
    return error < 0 ? error : 0;
}
