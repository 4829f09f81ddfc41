/* SPDX-License-Identifier: MIT */
/*
 * PLIC driver. All lines go to the boot hart. A claimed line is completed when its driver
 * acknowledges it (irq_ack), which is what masks it meanwhile.
 */
#include "plic.h"
#include "csr.h"
#include <arch/machine.h>
#include <arch/mmu.h>
#include <entry.h>

#define PRIORITY(line) (4ull * (line))
#define ENABLE(context, line) (0x2000ull + 0x80ull * (context) + 4ull * ((line) / 32))
#define THRESHOLD(context) (0x200000ull + 0x1000ull * (context))
#define CLAIM(context) (THRESHOLD(context) + 4)

static uint64_t base;
static uint32_t context;

static volatile uint32_t *reg(uint64_t offset) {
    return phys_to_virt(base + offset);
}

void plic_init(uint64_t physical, uint32_t boot_context) {
    base = physical;
    context = boot_context;
    if (base)
        *reg(THRESHOLD(context)) = 0;
}

void plic_dispatch(void) {
    uint32_t line;
    while ((line = *reg(CLAIM(context))) != 0)
        kernel_irq(line);
}

void arch_irq_enable(uint32_t line) {
    *reg(PRIORITY(line)) = 1;
    *reg(ENABLE(context, line)) |= 1u << line % 32;
}

void arch_irq_disable(uint32_t line) {
    *reg(ENABLE(context, line)) &= ~(1u << line % 32);
}

void arch_irq_complete(uint32_t line) {
    *reg(CLAIM(context)) = line;
}
