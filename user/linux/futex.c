/* SPDX-License-Identifier: MIT */
/*
 * futex(2). The futex server compares words and keeps who waits; what changes a word is done here, with the
 * program's own instructions, before the server hears of it.
 */
#include "time.h"
#include <parley/clock.h>
#include <protocol/futex_client.h>
#include <protocol/proc_client.h>

#define ALWAYS_INLINE inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))

enum {
    FUTEX_WAIT = 0,
    FUTEX_WAKE = 1,
    FUTEX_REQUEUE = 3,
    FUTEX_CMP_REQUEUE = 4,
    FUTEX_WAKE_OP = 5,
    FUTEX_LOCK_PI = 6,
    FUTEX_UNLOCK_PI = 7,
    FUTEX_TRYLOCK_PI = 8,
    FUTEX_WAIT_BITSET = 9,
    FUTEX_WAKE_BITSET = 10,
    FUTEX_WAIT_REQUEUE_PI = 11,
    FUTEX_CMP_REQUEUE_PI = 12,
    FUTEX_LOCK_PI2 = 13,
};
#define FUTEX_PRIVATE 128u
#define FUTEX_CLOCK_REALTIME 256u
#define COMMAND(op) ((op) & ~(FUTEX_PRIVATE | FUTEX_CLOCK_REALTIME))
#define MATCH_ANY 0xffffffffu

static ALWAYS_INLINE uint32_t flags_of(unsigned op) {
    return op & FUTEX_PRIVATE ? FUTEX_OWN : 0;
}

/* When a timeout ends (parley/clock.h), never 0; times that are too long to count are for ever. */
static NOINLINE long read_deadline(const struct linux_timespec *timeout, bool relative,
                                   bool realtime, uint64_t *deadline) {
    uint64_t at;
    long error = time_read(timeout, &at);
    if (error < 0)
        return error;
    if (at == TIME_FOR_EVER) {
        *deadline = FUTEX_FOREVER;
        return 0;
    }
    uint64_t now = relative ? clock_monotonic_ns() : 0;
    at = at > INT64_MAX - now ? INT64_MAX : at + now;
    if (!relative && realtime)
        at |= TIME_REAL;
    *deadline = at ? at : 1;
    return 0;
}

static ALWAYS_INLINE long wait(const uint32_t *word, unsigned op, uint32_t value, uint64_t deadline,
                               uint32_t bitset) {
    return futex_wait(PK_SLOT_FUTEX, value, bitset, flags_of(op), deadline, word);
}

static NOINLINE long wait_for_bits(const uint32_t *word, unsigned op, uint32_t value,
                                   const struct linux_timespec *timeout, uint32_t bitset) {
    uint64_t deadline = FUTEX_FOREVER;
    long error = timeout ? read_deadline(timeout, false, op & FUTEX_CLOCK_REALTIME, &deadline) : 0;
    return error < 0
               ? error
               : personality_connected(PK_SLOT_FUTEX, wait(word, op, value, deadline, bitset));
}

NOINLINE long futex_wait_until(struct foreign_frame *f, const uint32_t *word, unsigned op,
                               uint32_t value, uint64_t deadline) {
    long result = personality_connected(PK_SLOT_FUTEX, wait(word, op, value, deadline, MATCH_ANY));
    return result == -EINTR && deadline != FUTEX_FOREVER ? cut_short(f, deadline) : result;
}

static NOINLINE long wait_in_time(struct foreign_frame *f, const uint32_t *word, unsigned op,
                                  uint32_t value, const struct linux_timespec *timeout) {
    uint64_t deadline;
    long error = read_deadline(timeout, true, false, &deadline);
    return error < 0 ? error : futex_wait_until(f, word, op, value, deadline);
}

static ALWAYS_INLINE long wake(const uint32_t *word, unsigned op, uint32_t count, uint32_t bitset) {
    return futex_wake(PK_SLOT_FUTEX, (uint64_t)word, (int)count, bitset, flags_of(op));
}

/* Sets a word of the program to `value` if it is `expected`, in one; what it was comes back in *was. */
static long exchange_word(uint32_t *word, uint32_t expected, uint32_t value, uint32_t *was) {
    register long a0 __asm__("a0") = (long)word;
    register int64_t a3 __asm__("a3") = (int32_t)expected;
    register uint64_t a4 __asm__("a4") = value;
    __asm__ volatile("jal personality_exchange"
                     : "+r"(a0), "+r"(a3)
                     : "r"(a4)
                     : "ra", "a5", "a6", "memory");
    *was = (uint32_t)a3;
    return a0;
}

/* FUTEX_WAKE_OP's operation and comparison, packed into its last argument. */
struct wake_op {
    unsigned operation, comparison;
    int32_t operand, compared;
};
enum { OP_SET, OP_ADD, OP_OR, OP_ANDN, OP_XOR, OP_KINDS };
#define OP_OPERAND_SHIFT 8u
enum { CMP_EQ, CMP_NE, CMP_LT, CMP_LE, CMP_GT, CMP_GE, CMP_KINDS };

static long unpack_wake_op(uint32_t packed, struct wake_op *op) {
    op->operation = packed >> 28 & 7;
    op->comparison = packed >> 24 & 15;
    op->operand = (int32_t)(packed << 8) >> 20;
    op->compared = (int32_t)(packed << 20) >> 20;
    if (packed >> 28 & OP_OPERAND_SHIFT)
        op->operand = (int32_t)(1u << (op->operand & 31));
    return op->operation < OP_KINDS && op->comparison < CMP_KINDS ? 0 : -ENOSYS;
}

static uint32_t operate(const struct wake_op *op, uint32_t old) {
    uint32_t operand = (uint32_t)op->operand;
    switch (op->operation) {
    case OP_SET:
        return operand;
    case OP_ADD:
        return old + operand;
    case OP_OR:
        return old | operand;
    case OP_ANDN:
        return old & ~operand;
    default:
        return old ^ operand;
    }
}

static bool compare(const struct wake_op *op, int32_t old) {
    switch (op->comparison) {
    case CMP_EQ:
        return old == op->compared;
    case CMP_NE:
        return old != op->compared;
    case CMP_LT:
        return old < op->compared;
    case CMP_LE:
        return old <= op->compared;
    case CMP_GT:
        return old > op->compared;
    default:
        return old >= op->compared;
    }
}

/*
 * Who begins to wait between the change and the wake-up is woken, too, as if it had come before both: what it saw in
 * the first word this call does not change.
 */
static NOINLINE long wake_op(const uint32_t *word, unsigned op, uint32_t count,
                             uint32_t second_count, uint32_t *second, uint32_t packed) {
    struct wake_op what;
    long error = unpack_wake_op(packed, &what);
    if (((uint64_t)word | (uint64_t)second) % sizeof(uint32_t))
        return -EINVAL;
    if (error < 0)
        return error;
    uint32_t old = 0, was;
    while ((error = exchange_word(second, old, operate(&what, old), &was)) == 0 && was != old)
        old = was;
    if (error < 0)
        return error;
    if (!compare(&what, (int32_t)old))
        return personality_connected(PK_SLOT_FUTEX, wake(word, op, count, MATCH_ANY));
    return personality_connected(PK_SLOT_FUTEX,
                                 futex_wake_two(PK_SLOT_FUTEX, (uint64_t)word, (int)count,
                                                (uint64_t)second, (int)second_count, flags_of(op)));
}

static NOINLINE long requeue(const uint32_t *word, unsigned op, uint32_t wakes, uint32_t moves,
                             const uint32_t *target, uint32_t value) {
    uint32_t flags = flags_of(op) | (COMMAND(op) == FUTEX_CMP_REQUEUE ? FUTEX_COMPARE : 0);
    return personality_connected(
        PK_SLOT_FUTEX,
        futex_requeue(PK_SLOT_FUTEX, (uint64_t)target, (int)wakes, (int)moves, value, flags, word));
}

/*
 * Has the owner of a lock looked for, as the server asks: 0, or -ESRCH if it is not there. It may have given up the lock
 * and then ended, since the server looked: what it has not given up by now it never will.
 */
static long look_for(uint32_t *word, uint32_t owner) {
    uint32_t now;
    long found = owner ? proc_owner(PK_SLOT_PROC, (int)owner) : 0;
    if (found != -ESRCH)
        return found < 0 ? found : 0;
    long error = exchange_word(word, 0, 0, &now);
    return error < 0 ? error : (now & FUTEX_TID_MASK) == owner ? -ESRCH : 0;
}

static NOINLINE long lock(uint32_t *word, unsigned op, const struct linux_timespec *timeout,
                          uint32_t tid) {
    uint64_t deadline = FUTEX_FOREVER;
    uint32_t owner = 0, flags = flags_of(op), command = COMMAND(op);
    long result = 0;
    if (command == FUTEX_TRYLOCK_PI)
        flags |= FUTEX_TRY;
    else if (timeout)
        result = read_deadline(timeout, false,
                               command == FUTEX_LOCK_PI || op & FUTEX_CLOCK_REALTIME, &deadline);
    while (result == 0) {
        result = personality_connected(
            PK_SLOT_FUTEX, futex_lock(PK_SLOT_FUTEX, tid, flags, deadline, word, &owner));
        if (result != FUTEX_ASK)
            return result;
        result = look_for(word, owner);
    }
    return result;
}

static NOINLINE long unlock(uint32_t *word, unsigned op, uint32_t tid) {
    long result;
    do {
        result = personality_connected(PK_SLOT_FUTEX,
                                       futex_unlock(PK_SLOT_FUTEX, tid, flags_of(op), word));
    } while (result == FUTEX_ASK);
    return result;
}

static NOINLINE long wait_for_lock(const uint32_t *word, unsigned op, uint32_t value,
                                   const struct linux_timespec *timeout, uint32_t *target,
                                   uint32_t tid) {
    uint64_t deadline = FUTEX_FOREVER;
    long error = timeout ? read_deadline(timeout, false, op & FUTEX_CLOCK_REALTIME, &deadline) : 0;
    if (error < 0)
        return error;
    long result =
        personality_connected(PK_SLOT_FUTEX, futex_wait_lock(PK_SLOT_FUTEX, value, tid,
                                                             flags_of(op), deadline, word, target));
    return result == FUTEX_ASK ? -EAGAIN : result;
}

static NOINLINE long requeue_to_lock(const uint32_t *word, unsigned op, uint32_t wakes,
                                     uint32_t moves, uint32_t *target, uint32_t value) {
    uint32_t owner = 0;
    long result = wakes == 1 ? 0 : -EINVAL;
    while (result == 0) {
        result = personality_connected(PK_SLOT_FUTEX,
                                       futex_requeue_lock(PK_SLOT_FUTEX, value, (int)moves,
                                                          flags_of(op), word, target, &owner));
        if (result != FUTEX_ASK)
            return result;
        result = look_for(target, owner);
    }
    return result;
}

/* Those that have a clock for their time-out. */
static bool has_clock(unsigned command) {
    return command == FUTEX_WAIT_BITSET || command == FUTEX_WAIT_REQUEUE_PI ||
           command == FUTEX_LOCK_PI2;
}

static NOINLINE long other(uint32_t *word, unsigned op, uint32_t value, uint64_t timeout,
                           uint32_t *second, uint32_t third, uint32_t tid) {
    const struct linux_timespec *time = (const struct linux_timespec *)timeout;
    if (op & FUTEX_CLOCK_REALTIME && !has_clock(COMMAND(op)))
        return -ENOSYS;
    switch (COMMAND(op)) {
    case FUTEX_WAIT_BITSET:
        return wait_for_bits(word, op, value, time, third);
    case FUTEX_WAKE_BITSET:
        return personality_connected(PK_SLOT_FUTEX, wake(word, op, value, third));
    case FUTEX_REQUEUE:
    case FUTEX_CMP_REQUEUE:
        return requeue(word, op, value, (uint32_t)timeout, second, third);
    case FUTEX_WAKE_OP:
        return wake_op(word, op, value, (uint32_t)timeout, second, third);
    case FUTEX_LOCK_PI:
    case FUTEX_LOCK_PI2:
    case FUTEX_TRYLOCK_PI:
        return lock(word, op, time, tid);
    case FUTEX_UNLOCK_PI:
        return unlock(word, op, tid);
    case FUTEX_WAIT_REQUEUE_PI:
        return wait_for_lock(word, op, value, time, second, tid);
    case FUTEX_CMP_REQUEUE_PI:
        return requeue_to_lock(word, op, value, (uint32_t)timeout, second, third);
    default:
        return -ENOSYS;
    }
}

#define CLOCK_REALTIME 0
#define CLOCK_MONOTONIC 1
#define ALL_MEMORY (1ull << 38)

long linux_futex_waitv(const struct futex_word *vector, unsigned count, unsigned flags,
                       const struct linux_timespec *timeout, int clock) {
    uint64_t deadline = FUTEX_FOREVER;
    if (flags || !vector || !count || count > FUTEX_MANY_MOST ||
        (timeout && clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC))
        return -EINVAL;
    long error = timeout ? read_deadline(timeout, false, clock == CLOCK_REALTIME, &deadline) : 0;
    if (error < 0)
        return error;
    return personality_connected(PK_SLOT_FUTEX, futex_wait_many(PK_SLOT_FUTEX, (uint64_t)vector,
                                                                count, deadline, 0, ALL_MEMORY));
}

PERSONALITY_AGAIN(wait, PK_SLOT_FUTEX,
                  wait((const uint32_t *)a[0], (unsigned)a[1], (uint32_t)a[2], FUTEX_FOREVER,
                       MATCH_ANY))
PERSONALITY_AGAIN(wake, PK_SLOT_FUTEX,
                  wake((const uint32_t *)a[0], (unsigned)a[1], (uint32_t)a[2], MATCH_ANY))

/* `timeout` is a number for some commands; `third` is a bitset, a value to compare or an operation. */
long linux_futex(uint32_t *word, unsigned op, uint32_t value, uint64_t timeout, uint32_t *second,
                 uint32_t third, struct foreign_frame *f) {
    if ((op & ~FUTEX_PRIVATE) == FUTEX_WAKE)
        return personality_try(wake, wake(word, op, value, MATCH_ANY));
    if ((op & ~FUTEX_PRIVATE) == FUTEX_WAIT && !timeout)
        return personality_try(wait, wait(word, op, value, FUTEX_FOREVER, MATCH_ANY));
    if ((op & ~FUTEX_PRIVATE) == FUTEX_WAIT)
        return wait_in_time(f, word, op, value, (const struct linux_timespec *)timeout);
    return other(word, op, value, timeout, second, third, (uint32_t)frame_tid(f));
}
