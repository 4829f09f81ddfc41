/* SPDX-License-Identifier: MIT */
/* Control and status registers and their bits (RISC-V privileged manual, chapter 4). */
#ifndef RISCV_CSR_H
#define RISCV_CSR_H

#define CSR_STIMECMP 0x14d

#define SSTATUS_FS_SHIFT 13
#define CAUSE_ECALL_USER 8

#ifndef __ASSEMBLER__
#define SSTATUS_SPIE (1ull << 5)
#define SSTATUS_SPP (1ull << 8)
#define SSTATUS_FS (3ull << SSTATUS_FS_SHIFT)
#define FS_OFF (0ull << SSTATUS_FS_SHIFT)
#define FS_INITIAL (1ull << SSTATUS_FS_SHIFT)
#define FS_CLEAN (2ull << SSTATUS_FS_SHIFT)
#define FS_DIRTY (3ull << SSTATUS_FS_SHIFT)

#define SIE_SOFT (1ull << 1)
#define SIE_TIMER (1ull << 5)
#define SIE_EXTERNAL (1ull << 9)

#define CAUSE_INTERRUPT (1ull << 63)
enum {
    CAUSE_FETCH_MISALIGNED = 0,
    CAUSE_FETCH_ACCESS = 1,
    CAUSE_ILLEGAL = 2,
    CAUSE_BREAKPOINT = 3,
    CAUSE_LOAD_MISALIGNED = 4,
    CAUSE_LOAD_ACCESS = 5,
    CAUSE_STORE_MISALIGNED = 6,
    CAUSE_STORE_ACCESS = 7,
    CAUSE_FETCH_PAGE = 12,
    CAUSE_LOAD_PAGE = 13,
    CAUSE_STORE_PAGE = 15,
};
enum { IRQ_SOFT = 1, IRQ_TIMER = 5, IRQ_EXTERNAL = 9 };

#define STR_(x) #x
#define STR(x) STR_(x)
#define csr_read(name)                                                                             \
    ({                                                                                             \
        uint64_t v_;                                                                               \
        __asm__ volatile("csrr %0, " STR(name) : "=r"(v_)::"memory");                              \
        v_;                                                                                        \
    })
#define csr_write(name, value) __asm__ volatile("csrw " STR(name) ", %0" ::"r"(value) : "memory")
#define csr_set(name, bits) __asm__ volatile("csrs " STR(name) ", %0" ::"r"(bits) : "memory")
#define csr_clear(name, bits) __asm__ volatile("csrc " STR(name) ", %0" ::"r"(bits) : "memory")

#endif

#endif
