/* SPDX-License-Identifier: MIT */
/*
 * A thread's saved registers, and which of them carry what in a kernel call. The kernel names
 * registers only through this file.
 */
#ifndef ARCH_REGS_H
#define ARCH_REGS_H

#include <stdbool.h>
#include <stdint.h>

/* x[0] holds the pc; entry.S knows these offsets. */
struct arch_regs {
    uint64_t x[32];
    uint64_t status; /* sstatus: user mode, interrupts on, and the FS field */
};

enum {
    REG_PC = 0,
    REG_RA = 1,
    REG_SP = 2,
    REG_T0 = 5,
    REG_T1 = 6,
    REG_T2 = 7,
    REG_A0 = 10,
    REG_A1 = 11,
    REG_A7 = 17,
    REG_T3 = 28,
    REG_T4 = 29,
    REG_T5 = 30,
};

/* Registers of the message calls (parley/calls.h). */
enum {
    REG_RESULT = REG_A0,
    REG_TOKEN = REG_A0,
    REG_LABEL = REG_A1,
    REG_WORD0 = 12, /* words 0-4 in a2-a6 */
    REG_WORD5 = REG_T0,
    REG_WORD6 = REG_T2,
    REG_WORD7 = REG_T3, /* words 7-9 in t3-t5 */
    REG_BADGE = REG_T1,
    REG_REPLY_ENDPOINT = REG_T1,
    REG_IN_ADDRESS = REG_T1,
    REG_IN_LENGTH = REG_T2,
    REG_OUT_ADDRESS = REG_T3,
    REG_OUT_LENGTH = REG_T4,
    REG_CAPS = REG_T5,
    REG_CALL_NUMBER = REG_A7,
    REG_SCRATCH = REG_T0, /* kept for a foreign call, with the call number */
};

/* Bytes of the ecall instruction: what a restarted call goes back by. */
#define ARCH_CALL_SIZE 4

#endif
