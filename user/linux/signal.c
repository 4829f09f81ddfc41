/* SPDX-License-Identifier: MIT */
/* Signals are the process server's; here their calls become messages. Frames are in sigframe.c. */
#include "time.h"
#include <protocol/proc_client.h>

#define SIGSET_SIZE 8
enum { SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK };
#define NEVER_CAUGHT (1ul << 8 | 1ul << 18) /* SIGKILL, SIGSTOP */

/* The kernel's struct sigaction on riscv64. */
struct linux_sigaction {
    uint64_t handler, flags, mask;
};
#define SIGNALS 64
#define STACK_SIZE 24 /* stack_t */

long linux_kill(int pid, int signal) {
    return proc_kill(PK_SLOT_PROC, pid, signal);
}

long linux_tkill(int thread, int signal) {
    return thread <= 0 ? -EINVAL : proc_tgkill(PK_SLOT_PROC, -1, thread, signal);
}

long linux_tgkill(int group, int thread, int signal) {
    if (group <= 0 || thread <= 0)
        return -EINVAL;
    return proc_tgkill(PK_SLOT_PROC, group, thread, signal);
}

long linux_rt_sigqueueinfo(int pid, int signal, const void *info) {
    return proc_queue_signal(PK_SLOT_PROC, pid, 0, signal, info, 128);
}

long linux_rt_tgsigqueueinfo(int group, int thread, int signal, const void *info) {
    if (group <= 0 || thread <= 0)
        return -EINVAL;
    return proc_queue_signal(PK_SLOT_PROC, group, thread, signal, info, 128);
}

/* SIGCHLD, SIGCONT, SIGURG, SIGWINCH: ignored by default, so that pending ones go when that is set anew. */
#define IGNORED_BY_DEFAULT (1ul << 16 | 1ul << 17 | 1ul << 22 | 1ul << 27)

/* A signal has the default action and shall have it: posix_spawn's child asks for that of all of them. */
static bool stays_default(uint64_t bit, const struct linux_sigaction *new) {
    return !(state.acted & bit) && !(IGNORED_BY_DEFAULT & bit) && !new->handler && !new->flags &&
           !new->mask;
}

long linux_rt_sigaction(int signal, const void *user_new, void *old, uint64_t size) {
    struct linux_sigaction new = {0};
    uint64_t bit = signal > 0 && signal <= SIGNALS ? 1ul << (signal - 1) : 0;
    if (size != SIGSET_SIZE)
        return -EINVAL;
    if (user_new && user_get(&new, user_new, sizeof new) < 0)
        return -EFAULT;
    bool known = bit && (user_new ? stays_default(bit, &new) : !(state.acted & bit));
    if (known && !(user_new && NEVER_CAUGHT & bit))
        return old ? user_put(old, &new, sizeof new) : 0; /* zeros */
    if (user_new)
        __atomic_fetch_or(&state.acted, bit, __ATOMIC_RELAXED);
    return proc_sigaction(PK_SLOT_PROC, signal, user_new, user_new ? sizeof new : 0, old,
                          old ? sizeof new : 0);
}

/* Its order against look() in servers/proc/mask.c: one of them sees what the other stored. */
bool mask_keep(struct personality_seat *seat, uint64_t mask) {
    mask &= ~NEVER_CAUGHT;
    __atomic_store_n(&seat->mask, mask, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return !(__atomic_load_n(&seat->told, __ATOMIC_RELAXED) & ~(mask | PERSONALITY_UNTOLD));
}

/* Fails only if the process server is dead; this process ends with it. */
static void tell(struct personality_seat *seat) {
    uint64_t old;
    pk_may_fail(proc_sigprocmask(PK_SLOT_PROC, SIG_SETMASK, seat->mask, &old));
    mask_was_told(seat, seat->mask);
}

void mask_tell(const struct foreign_frame *f) {
    struct personality_seat *seat = seat_of(f->word);
    if (seat && seat->mask != seat->told)
        tell(seat);
}

uint64_t mask_for_thread(const struct foreign_frame *f) {
    const struct personality_seat *seat = seat_of(f->word);
    return seat ? seat->mask : 0;
}

uint64_t mask_for_child(const struct foreign_frame *f) {
    struct personality_seat *seat = seat_of(f->word);
    if (seat && seat->told != seat->mask)
        mask_was_told(seat, seat->mask);
    return seat ? seat->mask : 0;
}

/* The mask becomes another in that way: 0 or -EINVAL. */
static long change_mask(struct personality_seat *seat, int how, uint64_t set) {
    uint64_t mask = seat->mask;
    switch (how) {
    case SIG_BLOCK:
        mask |= set;
        break;
    case SIG_UNBLOCK:
        mask &= ~set;
        break;
    case SIG_SETMASK:
        mask = set;
        break;
    default:
        return -EINVAL;
    }
    if (mask != seat->mask && !mask_keep(seat, mask))
        tell(seat);
    return 0;
}

long linux_rt_sigprocmask(int how, const uint64_t *set, uint64_t *old, uint64_t size, long a4,
                          long a5, const struct foreign_frame *f) {
    (void)a4, (void)a5;
    struct personality_seat *seat = seat_of(f->word);
    uint64_t previous;
    int64_t wanted = 0;
    long error = 0;
    if (size != SIGSET_SIZE)
        return -EINVAL;
    if (set && user_get_word(&wanted, set) < 0)
        return -EFAULT;
    if (!seat) {
        error = proc_sigprocmask(PK_SLOT_PROC, set ? how : -1, (uint64_t)wanted, &previous);
    } else {
        previous = seat->mask;
        if (set)
            error = change_mask(seat, how, (uint64_t)wanted);
    }
    return error == 0 && old ? user_put_word(old, (int64_t)previous) : error;
}

long linux_rt_sigpending(uint64_t *set, uint64_t size, long a2, long a3, long a4, long a5,
                         const struct foreign_frame *f) {
    (void)a2, (void)a3, (void)a4, (void)a5;
    uint64_t pending;
    if (size > SIGSET_SIZE)
        return -EINVAL;
    mask_tell(f);
    long error = proc_sigpending(PK_SLOT_PROC, &pending);
    return error == 0 ? user_put(set, &pending, size) : error;
}

long linux_rt_sigsuspend(const uint64_t *set, uint64_t size, long a2, long a3, long a4, long a5,
                         const struct foreign_frame *f) {
    (void)a2, (void)a3, (void)a4, (void)a5;
    uint64_t mask;
    if (size != SIGSET_SIZE)
        return -EINVAL;
    if (user_get(&mask, set, sizeof mask) < 0)
        return -EFAULT;
    mask_tell(f);
    return proc_sigsuspend(PK_SLOT_PROC, mask, 0);
}

long linux_rt_sigtimedwait(const uint64_t *set, void *info, const struct linux_timespec *timeout,
                           uint64_t size) {
    uint64_t wanted, ns = (uint64_t)-1; /* for ever */
    if (size != SIGSET_SIZE)
        return -EINVAL;
    if (user_get(&wanted, set, sizeof wanted) < 0)
        return -EFAULT;
    long error = timeout ? time_read(timeout, &ns) : 0;
    if (error < 0)
        return error;
    return proc_sigtimedwait(PK_SLOT_PROC, wanted, (int64_t)ns, info, info ? 128 : 0);
}

long linux_sigaltstack(const void *new, void *old, long a2, long a3, long a4, long a5,
                       struct foreign_frame *f) {
    (void)a2, (void)a3, (void)a4, (void)a5;
    state.other_stack |= new != 0;
    return proc_sigaltstack(PK_SLOT_PROC, f->sp, new, new ? STACK_SIZE : 0, old,
                            old ? STACK_SIZE : 0);
}
