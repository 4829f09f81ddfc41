/* SPDX-License-Identifier: MIT */
/* In place of the hardware's: physical addresses are offsets in the test's arena. */
#ifndef ARCH_MMU_H
#define ARCH_MMU_H

#include <stdbool.h>
#include <stdint.h>

#define PAGE_SHIFT 12
#define PAGE_SIZE 4096ull
#define PAGE_MASK (PAGE_SIZE - 1)

extern unsigned char *arena; /* page-aligned */

static inline void *phys_to_virt(uint64_t pa) {
    return arena + pa;
}
static inline uint64_t virt_to_phys(const void *va) {
    return (uint64_t)((const unsigned char *)va - arena);
}

#endif
