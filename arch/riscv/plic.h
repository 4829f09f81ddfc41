/* SPDX-License-Identifier: MIT */
/* The platform-level interrupt controller (RISC-V PLIC specification 1.0). */
#ifndef RISCV_PLIC_H
#define RISCV_PLIC_H

#include <stdint.h>

/* context: the PLIC's number for the boot hart's S-mode, which takes all lines. */
void plic_init(uint64_t physical, uint32_t context);
/* Claims every pending line and hands it to the kernel; a line stays quiet until completed. */
void plic_dispatch(void);

#endif
