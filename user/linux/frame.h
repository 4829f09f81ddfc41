/* SPDX-License-Identifier: MIT */
/* What entry.S saves of the interrupted program; the callee-saved registers are still in place. */
#ifndef LINUX_FRAME_H
#define LINUX_FRAME_H

#define FRAME_SIZE 192
#define FRAME_RA 0
#define FRAME_SP 8
#define FRAME_T(n) (16 + 8 * ((n)-1))
#define FRAME_A(n) (64 + 8 * (n))
#define FRAME_WORD 128
#define FRAME_TP 136
#define FRAME_RESTART FRAME_TP
#define FRAME_CLONE(n) (144 + 8 * (n)) /* struct clone_call */

#ifndef __ASSEMBLER__
#include <parley/personality.h>
#include <stddef.h>
#include <stdint.h>

/* clone(2), in its order of arguments (clone.S). */
struct clone_call {
    uint64_t flags, stack, parent_tid, tls, child_tid, pidfd;
};

struct foreign_frame {
    uint64_t ra, sp;
    uint64_t t[6]; /* t1-t6 */
    uint64_t a[8]; /* a0-a7: the arguments, the number */
    uint64_t word; /* the thread's */
    union {
        uint64_t tp;      /* while a thread is made, as is clone */
        uint64_t restart; /* of a call that is cut short: when it ends (restart.c) */
    };
    struct clone_call clone;
};
_Static_assert(sizeof(struct foreign_frame) == FRAME_SIZE, "frame.h");
_Static_assert(offsetof(struct foreign_frame, word) == FRAME_WORD, "frame.h");
_Static_assert(offsetof(struct foreign_frame, restart) == FRAME_RESTART, "frame.h");
_Static_assert(offsetof(struct foreign_frame, clone) == FRAME_CLONE(0), "frame.h");

static inline int32_t frame_pid(const struct foreign_frame *f) {
    return personality_pid(f->word);
}
static inline int32_t frame_tid(const struct foreign_frame *f) {
    return personality_tid(f->word);
}
#endif

#endif
