/* SPDX-License-Identifier: MIT */
/*
 * Sv39 page tables (RISC-V privileged manual, 4.4) behind a neutral face: a root, a middle level
 * whose entries point to leaf tables, and leaf tables of ARCH_LEAF_ENTRIES entries that map one
 * page each. An entry of the middle level may also map as many pages itself, a megapage. The kernel's mm decides what to map; this file only knows how an entry looks.
 */
#ifndef ARCH_MMU_H
#define ARCH_MMU_H

#include <stdbool.h>
#include <stdint.h>

#define PAGE_SHIFT 12
#define PAGE_SIZE 4096ull
#define PAGE_MASK (PAGE_SIZE - 1)

#define ARCH_LEAF_ENTRIES 512
#define ARCH_LEAF_SPAN (PAGE_SIZE * ARCH_LEAF_ENTRIES) /* bytes that one leaf table maps */
#define ARCH_MID_SPAN (ARCH_LEAF_SPAN * 512)
#define ARCH_USER_ROOT_ENTRIES 256
#define ARCH_USER_END (1ull << 38)
/* Mappings without a wish are placed below this; stacks and the like stand above. */
#define ARCH_USER_MAP_TOP (ARCH_USER_END - (16ull << 20))

/* Where all of RAM and the devices below it stand in the kernel's space. */
#define ARCH_DIRECT_BASE 0xffffffc000000000ull
#define ARCH_DIRECT_SIZE (128ull << 30)
/* Where the kernel image is linked: the last 2 GiB, at the physical address's low 31 bits. */
#define ARCH_IMAGE_OFFSET 0xffffffff00000000ull

static inline void *phys_to_virt(uint64_t pa) {
    return (void *)(uintptr_t)(pa + ARCH_DIRECT_BASE);
}
static inline uint64_t virt_to_phys(const void *va) {
    return (uint64_t)(uintptr_t)va - ARCH_DIRECT_BASE;
}

typedef uint64_t pte_t;

enum {
    PTE_V = 1,
    PTE_R = 2,
    PTE_W = 4,
    PTE_X = 8,
    PTE_U = 16,
    PTE_G = 32,
    PTE_A = 64,
    PTE_D = 128,
    PTE_UNCOUNTED = 256, /* software: the frame's references do not count this entry */
    PTE_SHARED = 512,    /* software: it stays writable when the address space is cloned */
    PTE_TABLE =
        PTE_UNCOUNTED, /* the same bit of a root's or middle table's entry: a table of the next level */
};
#define PTE_PA_SHIFT 10

static inline bool pte_present(pte_t e) {
    return e & PTE_V;
}
static inline bool pte_writable(pte_t e) {
    return e & PTE_W;
}
static inline bool pte_counted(pte_t e) {
    return !(e & PTE_UNCOUNTED);
}
static inline uint64_t pte_pa(pte_t e) {
    return (e >> PTE_PA_SHIFT & ((1ull << 44) - 1)) << PAGE_SHIFT;
}
static inline bool pte_shared(pte_t e) {
    return e & PTE_SHARED;
}
/* The entry as it is after a copy-on-write clone. */
static inline pte_t pte_cloned(pte_t e) {
    return e & PTE_SHARED ? e : e & ~(pte_t)(PTE_W | PTE_D); /* an absent one stays 0 */
}
/* May user mode read, write, execute through this entry? */
static inline bool pte_allows(pte_t e, bool write, bool exec) {
    pte_t need = PTE_V | PTE_U | (write ? PTE_W : exec ? PTE_X : PTE_R);
    return (e & need) == need;
}
/* The same, and the frame is counted: RAM that is not the shared zero page. */
static inline bool pte_allows_counted(pte_t e, bool write) {
    pte_t need = PTE_V | PTE_U | (write ? PTE_W : PTE_R);
    return (e & (need | PTE_UNCOUNTED)) == need;
}
/*
 * A present entry. Without any right it stays present, but user mode cannot use it. A and D are set
 * at once: the kernel never reads them, and so hardware never traps for them.
 */
static inline pte_t pte_make(uint64_t pa, bool read, bool write, bool exec, bool counted,
                             bool shared) {
    pte_t e = pa >> PAGE_SHIFT << PTE_PA_SHIFT | PTE_V | PTE_A;
    if (read || write || exec)
        e |= PTE_U;
    if (read || !exec)
        e |= PTE_R;
    if (write)
        e |= PTE_R | PTE_W | PTE_D;
    if (exec)
        e |= PTE_X;
    if (!counted)
        e |= PTE_UNCOUNTED;
    if (shared)
        e |= PTE_SHARED;
    return e;
}
/* An entry of the root or the middle level. Hardware leaves the software's bits in it alone. */
static inline pte_t pte_make_table(uint64_t pa) {
    return pa >> PAGE_SHIFT << PTE_PA_SHIFT | PTE_V | PTE_TABLE;
}
static inline bool pte_is_table(pte_t e) {
    return e & PTE_TABLE;
}
/* A middle table's entry that maps a megapage: as pte_make() makes it, counted, of the first frame. */
static inline bool pte_is_megapage(pte_t e) {
    return (e & (PTE_V | PTE_TABLE)) == PTE_V;
}
/* The same of a page `pages` further: also what a leaf table would have at that index in place of a megapage. */
static inline pte_t pte_further(pte_t e, uint64_t pages) {
    return e + (pages << PTE_PA_SHIFT);
}

static inline unsigned mmu_root_index(uint64_t va) {
    return (va >> 30) & 511;
}
static inline unsigned mmu_mid_index(uint64_t va) {
    return (va >> 21) & 511;
}
static inline unsigned mmu_leaf_index(uint64_t va) {
    return (va >> PAGE_SHIFT) & 511;
}
static inline pte_t *pte_table(pte_t e) {
    return phys_to_virt(pte_pa(e));
}

/* Fills the kernel's half of a new, zeroed root table. */
void arch_mmu_init_root(pte_t *root);
/* Takes it out again. */
void arch_mmu_clear_root(pte_t *root);
/* The kernel's final tables, W^X, and the direct map. */
void arch_mmu_init_kernel(void);

struct aspace;
/* Switches this hart to the address space (NULL: the kernel's own), giving it an ASID if needed. */
void arch_mmu_activate(struct aspace *as);
/* True if that takes no more than arch_mmu_go_home(). */
bool arch_mmu_at_home(const struct aspace *as);
void arch_mmu_go_home(const struct aspace *as);
/* Forgets translations of [va, va + length) on every hart that may have them. */
void arch_mmu_flush(struct aspace *as, uint64_t va, uint64_t length);
/* All that this hart remembers of page tables. */
void arch_mmu_forget_translations(void);
/* The page at va on this hart only: enough if more is allowed there now than before. What others remember
 * costs them a fault that finds nothing to do. */
void arch_mmu_flush_here(struct aspace *as, uint64_t va);
/* What was written by now is what harts fetch from now on as instructions of this address space. */
void arch_mmu_sync_code(struct aspace *as);
/* All harts: what they do from now on is behind what others have done by now, in memory and as instructions. */
void arch_mmu_fence_all(void);

#endif
