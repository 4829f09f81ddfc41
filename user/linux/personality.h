/* SPDX-License-Identifier: MIT */
/*
 * The Linux personality: a Linux system call turned into messages, in the process that made it and
 * with no more rights than the process has. Functions named linux_* take a call's arguments in
 * Linux's order for riscv64 and return its result or a negative errno.
 *
 * Position-independent, without relocations: no pointers in data. The only state is `state`.
 */
#ifndef LINUX_PERSONALITY_H
#define LINUX_PERSONALITY_H

#include "frame.h"
#include <parley/errno.h>
#include <parley/personality.h>
#include <parley/stubs.h>
#include <stdbool.h>
#include <stddef.h>

/* Hidden: reached relative to the pc, without a table of addresses that would need relocation. */
extern struct personality_state state __attribute__((visibility("hidden")));

/*
 * A call through the slot said EBADF: connects to its server. 0: it was not connected, or to one that has
 * died, or another thread may have connected meanwhile; the call is to be made again. Else the call's result: -EBADF, it was about a descriptor, or why
 * there is no connection.
 */
long personality_connect(unsigned slot);

/* A call through a slot: the first one finds it empty, connects and calls again. */
#define personality_connected(slot, expr)                                                          \
    ({                                                                                             \
        long result_ = (expr);                                                                     \
        if (__builtin_expect(result_ == -EBADF, 0)) {                                              \
            result_ = personality_connect(slot);                                                   \
            if (result_ >= 0)                                                                      \
                result_ = (expr);                                                                  \
        }                                                                                          \
        result_;                                                                                   \
    })

/*
 * The same for calls that are made often, without keeping their arguments for the case that the slot is
 * empty: foreign_entry's frame, which is where a linux_* function's own begins, has them as a[].
 */
#define PERSONALITY_AGAIN(name, slot, expr)                                                        \
    static __attribute__((noinline, cold)) long name##_again(const struct foreign_frame *frame) {  \
        const uint64_t *a = frame->a;                                                              \
        long result = personality_connect(slot);                                                   \
        return result >= 0 ? (expr) : result;                                                      \
    }
#define personality_try(name, expr)                                                                \
    ({                                                                                             \
        long result_ = (expr);                                                                     \
        __builtin_expect(result_ == -EBADF, 0) ? name##_again(__builtin_dwarf_cfa()) : result_;    \
    })

/*
 * A call that fails only if the personality is wrong: to drop a capability that it holds. The process ends
 * by the breakpoint.
 */
static inline void must(long result) {
    if (result < 0)
        __builtin_trap();
}

/*
 * A thread's signal mask is kept at its seat, and the process server told of what is unblocked only (servers/proc/mask.c).
 * NULL: the thread with that word has none, and its mask is the server's.
 */
static inline struct personality_seat *seat_of(uint64_t word) {
    uint64_t seat = personality_seat(word);
    char *before_first = (char *)&state + PERSONALITY_SEATS_AT - sizeof *state.seats;
    return seat ? (void *)(before_first + seat * sizeof *state.seats) : NULL;
}
/* The server knows of this mask. */
static inline void mask_was_told(struct personality_seat *seat, uint64_t mask) {
    __atomic_store_n(&seat->told, mask, __ATOMIC_RELAXED);
}
/* The mask is this from now on. False: the server believes that more is blocked. */
bool mask_keep(struct personality_seat *seat, uint64_t mask);
/* Before a call for which the server is to know what is blocked. */
void mask_tell(const struct foreign_frame *f);
/*
 * The mask that goes to the server with a message that makes a child, which begins with it: one that gets a copy of the
 * memory, where the server has to know of it; or one that has a seat of its own there, or none.
 */
uint64_t mask_for_child(const struct foreign_frame *f);
uint64_t mask_for_thread(const struct foreign_frame *f);

/* Raises a signal for this process. */
void personality_raise(int signal);

/*
 * Copies from or to memory that the program named: 0 or -EFAULT. Only these may touch it: a fault
 * inside personality_copy makes it return, anywhere else it is a SIGSEGV.
 */
long personality_copy(void *dst, const void *src, size_t n);
PK_MUST_CHECK static inline long user_get(void *dst, const void *user, size_t n) {
    return personality_copy(dst, user, n);
}
PK_MUST_CHECK static inline long user_put(void *user, const void *src, size_t n) {
    return personality_copy(user, src, n);
}

/* 0 if the n bytes, at least one, can be read now, else -EFAULT. */
PK_MUST_CHECK static inline long user_probe(const char *user, size_t n) {
    const char *last = user + n - 1;
    register long a0 __asm__("a0") = (long)user;
    register long a1 __asm__("a1") = (long)last;
    __asm__ volatile("jal personality_probe" : "+r"(a0) : "r"(a1) : "ra", "a3", "a4", "memory");
    return a0;
}

/* The same for a value of 8 bytes, and for three of 2 bytes, packed; these change few registers. */
PK_MUST_CHECK static inline long user_get_word(int64_t *value, const void *user) {
    register long a0 __asm__("a0") = (long)user;
    register int64_t a3 __asm__("a3");
    __asm__ volatile("jal personality_load" : "+r"(a0), "=r"(a3) : : "ra", "memory");
    *value = a3;
    return a0;
}
PK_MUST_CHECK static inline long user_put_word(void *user, int64_t value) {
    register long a0 __asm__("a0") = (long)user;
    register int64_t a3 __asm__("a3") = value;
    __asm__ volatile("jal personality_store" : "+r"(a0) : "r"(a3) : "ra", "memory");
    return a0;
}
PK_MUST_CHECK static inline long user_get_halves(uint64_t *packed, const void *user) {
    register long a0 __asm__("a0") = (long)user;
    register uint64_t a3 __asm__("a3");
    __asm__ volatile("jal personality_load_halves"
                     : "+r"(a0), "=r"(a3)
                     :
                     : "ra", "a4", "a5", "memory");
    *packed = a3;
    return a0;
}

size_t string_length(const char *s);
bool string_equal(const char *a, const char *b);
void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memset(void *dst, int byte, size_t n);

/* Nanoseconds of the monotonic and the real-time clock. */
uint64_t clock_monotonic_ns(void);
uint64_t clock_realtime_ns(void);

struct linux_timespec {
    int64_t seconds, nanoseconds;
};
struct linux_timeval {
    int64_t seconds, microseconds;
};

#define NS_PER_SECOND 1000000000ull

#endif
