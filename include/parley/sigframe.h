/* SPDX-License-Identifier: MIT */
/*
 * Linux's rt_sigframe on riscv64: siginfo, then a ucontext with all registers, on the stack that
 * the handler uses (asm/ucontext.h, asm/sigcontext.h). The personality builds it or, in the cases
 * that it leaves to it, the process server. Usable from assembly.
 */
#ifndef PARLEY_SIGFRAME_H
#define PARLEY_SIGFRAME_H

#define SIGFRAME_SIZE 1088
#define SIGFRAME_CONTEXT 128
#define SIGFRAME_X(n) (304 + 8 * (n)) /* x[0]: the pc */
#define SIGFRAME_F(n) (560 + 8 * (n))
#define SIGFRAME_FCSR 816

#define SS_ONSTACK 1
#define SS_DISABLE 2
#define SS_AUTODISARM (1u << 31)

#ifndef __ASSEMBLER__
#include <stddef.h>
#include <stdint.h>

/* What of a siginfo_t can differ from zero; all 128 bytes of it are the program's to see. */
struct signal_info {
    int32_t signal, error, code, pad;
    union {
        struct {
            int32_t pid;
            uint32_t uid;
            union {
                int32_t status; /* SIGCHLD */
                uint64_t value; /* sigqueue */
            };
        };
        uint64_t address; /* faults */
        uint64_t words[4];
    };
};

struct linux_siginfo {
    struct signal_info info;
    uint64_t room[10];
};
_Static_assert(sizeof(struct linux_siginfo) == 128, "siginfo_t");

struct linux_stack {
    uint64_t sp;
    int32_t flags, pad;
    uint64_t size;
};

struct linux_ucontext {
    uint64_t flags, link;
    struct linux_stack stack;
    uint64_t mask;
    uint8_t mask_room[120];
    uint64_t pad; /* the registers stand on a 16-byte boundary */
    uint64_t x[32];
    uint64_t f[32];
    uint32_t fcsr;
    uint8_t fp_room[256]; /* what quad-precision state would take */
    uint32_t reserved[3]; /* zero: no other extension's state follows */
};

struct linux_sigframe {
    struct linux_siginfo info;
    struct linux_ucontext context;
};
_Static_assert(sizeof(struct linux_sigframe) == SIGFRAME_SIZE, "rt_sigframe");
_Static_assert(offsetof(struct linux_sigframe, context) == SIGFRAME_CONTEXT, "rt_sigframe");
_Static_assert(offsetof(struct linux_sigframe, context.x) == SIGFRAME_X(0), "sc_regs");
_Static_assert(offsetof(struct linux_sigframe, context.f) == SIGFRAME_F(0), "sc_fpregs");
_Static_assert(offsetof(struct linux_sigframe, context.fcsr) == SIGFRAME_FCSR, "fcsr");
#endif

#endif
