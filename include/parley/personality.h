/* SPDX-License-Identifier: MIT */
/*
 * What the process server and the Linux personality share: the end of the personality's data
 * segment, which the process server fills in at exec and every process has a private copy of.
 */
#ifndef PARLEY_PERSONALITY_H
#define PARLEY_PERSONALITY_H

#ifndef __ASSEMBLER__
#include <stdint.h>
#endif

/*
 * The routine that touches memory named by the program stands in the bytes before the entry point;
 * a fault in it is answered by making it return -EFAULT.
 */
#define PERSONALITY_COPY_SIZE 384
/*
 * The entry begins by saving registers on the program's stack, within so many bytes. Who has no stack any more may
 * still end: then the fault there is answered by the process server, which does what exit(2) would.
 */
#define PERSONALITY_SAVE_SIZE 68
/* Before that stands the code that signal handlers return to (__vdso_rt_sigreturn), first in text. */
#define PERSONALITY_RETURN_SIZE 64
/* And before that what writes a core file, on a stack whose lowest address is in a0: so far before the entry point. */
#define PERSONALITY_CORE_SIZE 64
/* A breakpoint, so far behind the start of that: where the system call of a thread that is traced leads (ptrace_call.c). */
#define PERSONALITY_TRACED_RETURN 32
#define PERSONALITY_CORE_BEFORE                                                                    \
    (PERSONALITY_CORE_SIZE + PERSONALITY_RETURN_SIZE + PERSONALITY_COPY_SIZE)

/* A region's tag: it does not go into a core file. */
#define PERSONALITY_REGION_NOT_DUMPED (1ull << 58)
/* It is a System V segment, whose id is in the lowest 31 bits. */
#define PERSONALITY_REGION_SHM (1ull << 60)
#define PERSONALITY_REGION_SHM_ID 0x7fffffffull

/* Of the stack that the personality has put away for a child that uses it (vfork.S). */
#define PERSONALITY_VFORK_MOST 1024

/*
 * The word of a system call's attention, if it was cut short: how it may be made again. All others are the time at which it
 * ends, made again or not: ns since boot.
 */
#define PERSONALITY_CUT_SHORT 1
#define PERSONALITY_CUT_FINALLY 2

/* Offsets of other_stack, shared and seats. */
#define PERSONALITY_OTHER_STACK 40
#define PERSONALITY_SHARED 56
#define PERSONALITY_SEATS_AT 112

/*
 * The word of a thread (kernel interface): in its uppermost bits the thread's seat, 1 for seats[0] and so on, 0: it has none;
 * then its process's number, and its own.
 */
#define PERSONALITY_NUMBER_BITS 23
#define PERSONALITY_SEAT_SHIFT (2 * PERSONALITY_NUMBER_BITS)
#define PERSONALITY_SEATS 1024
/* Stands as `told` where nobody sits, and then as long as the server has not looked at what who came there first blocks. */
#define PERSONALITY_UNTOLD 0x100 /* SIGKILL's bit: in no mask */
#define PERSONALITY_SEAT_LOG 5   /* log2 of struct personality_seat's size */

/* uname(2), and /proc/sys/kernel: the ABI that programs see is Linux's, and C libraries check the release. */
#define PERSONALITY_SYSTEM "Linux"
#define PERSONALITY_HOST "parley"
#define PERSONALITY_RELEASE "6.1.0-parley"

/* What a core file is called, in the working directory. */
#define PERSONALITY_CORE_NAME "core"

#ifndef __ASSEMBLER__
/* Who a process is, kept here by the process server once the process has asked for it (its message `know`). */
struct personality_known {
    int32_t pid; /* whose it is: another may use the same memory. 0: nobody's */
    int32_t parent;
    uint32_t ruid, euid, suid, rgid, egid, sgid;
};

/* What a thread keeps where it costs no message. */
struct personality_seat {
    uint64_t
        owner; /* before this is the thread's word the rest says nothing (servers/proc/seat.c) */
    uint64_t mask; /* signals that it blocks (bit n-1: signal n), and */
    uint64_t
        told; /* of them those of which the process server knows, or more (servers/proc/mask.c) */
    uint64_t robust; /* its list (set_robust_list(2)) */
};

struct personality_state {
    uint64_t brk_start, brk; /* the program break's lowest and present address */
    uint64_t timebase_hz;
    uint64_t random;      /* seed */
    uint64_t log_unknown; /* report unknown system calls to the process server */
    uint64_t other_stack; /* a stack for signals was set: frames are the process server's */
    uint64_t acted; /* bit n-1: signal n may have an action; of all others it is the default */
    uint64_t
        shared; /* others may run in this memory: threads, or children that were given a stack */
    uint64_t vforking;  /* a child of vfork uses this memory and the stack that was put away */
    uint64_t clear_tid; /* the first thread's (set_tid_address(2)) */
    struct personality_known known;
    struct personality_seat seats[PERSONALITY_SEATS];
};
_Static_assert(__builtin_offsetof(struct personality_state, other_stack) == PERSONALITY_OTHER_STACK,
               "personality.h: PERSONALITY_OTHER_STACK");
_Static_assert(__builtin_offsetof(struct personality_state, shared) == PERSONALITY_SHARED,
               "personality.h: PERSONALITY_SHARED");
_Static_assert(sizeof(struct personality_seat) == 1 << PERSONALITY_SEAT_LOG,
               "personality.h: PERSONALITY_SEAT_LOG");
_Static_assert(__builtin_offsetof(struct personality_state, seats) == PERSONALITY_SEATS_AT,
               "personality.h: PERSONALITY_SEATS_AT");

static inline uint64_t personality_word(int pid, unsigned seat, int tid) {
    return (uint64_t)seat << PERSONALITY_SEAT_SHIFT | (uint64_t)pid << PERSONALITY_NUMBER_BITS |
           (uint64_t)tid;
}
static inline int personality_tid(uint64_t word) {
    return (int)(word & ((1u << PERSONALITY_NUMBER_BITS) - 1));
}
static inline int personality_pid(uint64_t word) {
    return personality_tid(word >> PERSONALITY_NUMBER_BITS);
}
static inline uint64_t personality_seat(uint64_t word) {
    return word >> PERSONALITY_SEAT_SHIFT;
}
#endif

#endif
