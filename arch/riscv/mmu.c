/* SPDX-License-Identifier: MIT */
/*
 * Kernel page tables, address space switches, ASIDs and TLB shoot-down (privileged manual 4.4, 4.2.1).
 *
 * ASIDs are handed out in order; when they run out a new generation begins, every hart flushes its
 * whole TLB before it runs anything else, and address spaces get a new ASID when next used. So
 * creating and destroying address spaces needs no flush at all. An address space that moves to
 * another hart takes a new ASID too: what the old hart's TLB remembers of it can never be used again,
 * and changes need no shoot-down unless threads of it run on several harts at the same time.
 *
 * An address space whose `home` is this hart's home_tag can be activated by writing its satp: it has
 * an ASID of the generation that this hart's TLB is in, and no other hart used that one.
 */
#include "csr.h"
#include "sbi.h"
#include <arch/hart.h>
#include <arch/machine.h>
#include <arch/mmu.h>
#include <lib/lib.h>
#include <mm/aspace.h>
#include <mm/frame.h>
#include <sched/hart.h>

#define SATP_SV39 (8ull << 60)
#define SATP_ASID_SHIFT 44
#define DEVICES_END (4ull << 30) /* the interrupt controller and the test device are below */
#define FLUSH_PAGES_MAX 32       /* above this many pages the whole ASID goes */

extern char text_start[], text_end[], rodata_end[], image_end[];
static pte_t kernel_root[512] __attribute__((aligned(4096)));
static pte_t image_mid[512] __attribute__((aligned(4096)));
static uint64_t direct_gigabytes; /* of physical memory in the direct map */
static uint64_t asid_generation = 1;
static uint64_t asid_next = 1, asid_limit;

static pte_t kernel_pte(uint64_t pa, uint64_t bits) {
    return pa >> PAGE_SHIFT << PTE_PA_SHIFT | bits | PTE_V | PTE_A | PTE_G;
}

static uint64_t image_phys(const char *p) {
    return (uint64_t)(uintptr_t)p - ARCH_IMAGE_OFFSET;
}

/* One leaf table after the other for the image, each page with the rights of its section. */
static void map_image(void) {
    static pte_t leaves[4][512] __attribute__((aligned(4096)));
    uint64_t start = (uint64_t)(uintptr_t)text_start, end = (uint64_t)(uintptr_t)image_end;
    unsigned tables = 0;
    for (uint64_t va = align_down(start, ARCH_LEAF_SPAN); va < end; va += ARCH_LEAF_SPAN) {
        if (tables == ARRAY_SIZE(leaves))
            panic("kernel image larger than %u MiB", 2 * (unsigned)ARRAY_SIZE(leaves));
        image_mid[mmu_mid_index(va)] = pte_make_table(image_phys((char *)leaves[tables])) | PTE_G;
        tables++;
    }
    for (uint64_t va = start; va < end; va += PAGE_SIZE) {
        uint64_t bits = PTE_R | PTE_W | PTE_D;
        if (va < (uint64_t)(uintptr_t)text_end)
            bits = PTE_R | PTE_X;
        else if (va < (uint64_t)(uintptr_t)rodata_end)
            bits = PTE_R;
        unsigned table = mmu_mid_index(va) - mmu_mid_index(start);
        leaves[table][mmu_leaf_index(va)] = kernel_pte(va - ARCH_IMAGE_OFFSET, bits);
    }
    kernel_root[mmu_root_index(start)] = pte_make_table(image_phys((char *)image_mid)) | PTE_G;
}

void arch_mmu_init_kernel(void) {
    direct_gigabytes = align_up(max_u64(machine.ram_end, DEVICES_END), 1ull << 30) >> 30;
    for (uint64_t gb = 0; gb < direct_gigabytes; gb++)
        kernel_root[256 + gb] = kernel_pte(gb << 30, PTE_R | PTE_W | PTE_D);
    map_image();
    /* Learn how many ASID bits the hardware keeps. */
    uint64_t satp = SATP_SV39 | image_phys((char *)kernel_root) >> PAGE_SHIFT;
    csr_write(satp, satp | 0xffffull << SATP_ASID_SHIFT);
    asid_limit = csr_read(satp) >> SATP_ASID_SHIFT & 0xffff;
    csr_write(satp, satp);
    __asm__ volatile("sfence.vma" ::: "memory");
}

void arch_mmu_init_root(pte_t *root) {
    for (unsigned i = 256; i < 256 + direct_gigabytes; i++)
        root[i] = kernel_root[i];
    unsigned image = mmu_root_index((uintptr_t)text_start);
    root[image] = kernel_root[image];
}

void arch_mmu_clear_root(pte_t *root) {
    memset(&root[256], 0, direct_gigabytes * sizeof *root);
    root[mmu_root_index((uintptr_t)text_start)] = 0;
}

static void assign_asid(struct aspace *as) {
    if (asid_limit == 0)
        return;
    if (asid_next > asid_limit) {
        asid_generation++;
        asid_next = 1;
    }
    as->asid = asid_next++;
    as->asid_generation = asid_generation;
    as->home = 0;
    as->harts = as->tlb_stale = 0;
    for (unsigned i = 0; i < machine.hart_count; i++) /* some may use it by its old ASID still */
        if (harts[i].aspace == as)
            as->harts |= 1u << i;
}

static uint32_t active_elsewhere(const struct aspace *as) {
    uint32_t mask = 0;
    for (uint32_t i = 0; i < machine.hart_count; i++)
        if (&harts[i] != this_hart() && harts[i].aspace == as)
            mask |= 1u << i;
    return mask;
}

static COLD void activate_at_length(struct hart *hart, struct aspace *as) {
    uint64_t satp = SATP_SV39;
    if (as) {
        uint32_t others = as->harts & ~(1u << hart->index);
        if (as->asid_generation != asid_generation || (others && !active_elsewhere(as)))
            assign_asid(as);
        as->harts |= 1u << hart->index;
        satp |= as->asid << SATP_ASID_SHIFT | virt_to_phys(as->root) >> PAGE_SHIFT;
        as->activation = satp;
    } else {
        satp |= image_phys((char *)kernel_root) >> PAGE_SHIFT;
    }
    hart->aspace = as;
    csr_write(satp, satp);
    if (hart->asid_generation != asid_generation || asid_limit == 0) {
        hart->asid_generation = asid_generation;
        hart->home_tag = asid_generation * ARCH_MAX_HARTS + hart->index;
        __asm__ volatile("sfence.vma" ::: "memory");
    }
    if (as && as->tlb_stale >> hart->index & 1) {
        __asm__ volatile("sfence.vma x0, %0" ::"r"(as->asid) : "memory");
        as->tlb_stale &= ~(1u << hart->index);
    }
    if (as && as->code_stale >> hart->index & 1) {
        __asm__ volatile("fence.i" ::: "memory");
        as->code_stale &= ~(1u << hart->index);
    }
    if (as)
        as->home = as->harts == 1u << hart->index && asid_limit ? hart->home_tag : 0;
}

bool arch_mmu_at_home(const struct aspace *as) {
    return as && as->home && as->home == this_hart()->home_tag;
}

void arch_mmu_go_home(const struct aspace *as) {
    csr_write(satp, as->activation);
}

void arch_mmu_activate(struct aspace *as) {
    if (arch_mmu_at_home(as)) {
        this_hart()->aspace = as;
        arch_mmu_go_home(as);
    } else {
        activate_at_length(this_hart(), as);
    }
}

static void flush_local(const struct aspace *as, uint64_t va, uint64_t pages) {
    if (this_hart()->asid_generation != asid_generation) {
        __asm__ volatile("sfence.vma" ::: "memory"); /* it may run under as's old ASID */
        return;
    }
    if (pages > FLUSH_PAGES_MAX) {
        __asm__ volatile("sfence.vma x0, %0" ::"r"(as->asid) : "memory");
        return;
    }
    for (; pages; pages--, va += PAGE_SIZE)
        __asm__ volatile("sfence.vma %0, %1" ::"r"(va), "r"(as->asid) : "memory");
}

/* SBI names harts by their hardware ids. */
static uint64_t hardware_mask(uint32_t harts_mask) {
    uint64_t mask = 0;
    for (unsigned i = 0; i < machine.hart_count; i++)
        if (harts_mask >> i & 1)
            mask |= 1ull << machine.hart_ids[i];
    return mask;
}

void arch_mmu_flush_here(struct aspace *as, uint64_t va) {
    if (as->harts >> this_hart()->index & 1)
        flush_local(as, va, 1);
}

void arch_mmu_forget_translations(void) {
    __asm__ volatile("sfence.vma" ::: "memory");
}

/*
 * Harts that wait for the kernel touch no program's memory until they have the lock, which this one has: they need not
 * be asked, and forget all then. Whoever begins to wait just now is seen to, or is asked in vain.
 */
static uint32_t let_waiting_forget(uint32_t active) {
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* the tables are changed before this looks */
    for (uint32_t i = 0; i < machine.hart_count; i++)
        if (active >> i & 1 && __atomic_load_n(&harts[i].waits_for_kernel, __ATOMIC_SEQ_CST)) {
            harts[i].translations_old = true;
            active &= ~(1u << i);
        }
    return active;
}

/* Harts that run the address space now are asked; others that have done so flush before they do it again. */
void arch_mmu_flush(struct aspace *as, uint64_t va, uint64_t length) {
    uint32_t self = 1u << this_hart()->index;
    uint32_t others = as->harts & ~self, active = others ? active_elsewhere(as) : 0;
    if (others && !active) {
        /* What others left in their TLBs is out of reach under a new ASID: nobody need be asked. */
        assign_asid(as);
        if (this_hart()->aspace == as)
            arch_mmu_activate(as);
        return;
    }
    if (as->harts & self)
        flush_local(as, va, (length + PAGE_MASK) >> PAGE_SHIFT);
    as->tlb_stale |= others & ~active;
    if (active && (active = let_waiting_forget(active)))
        sbi_call(SBI_EXT_RFENCE, SBI_RFENCE_SFENCE_VMA, hardware_mask(active), 0, va, length);
}

void arch_mmu_fence_all(void) {
    uint32_t others = ((1u << machine.hart_count) - 1) & ~(1u << this_hart()->index);
    __asm__ volatile("fence.i; fence" ::: "memory");
    if (others)
        sbi_call(SBI_EXT_RFENCE, SBI_RFENCE_FENCE_I, hardware_mask(others), 0, 0, 0);
}

/*
 * Harts that run the address space now are asked to fence; the others do it before they next run it, which
 * takes activate_at_length(), since they are not its home.
 */
void arch_mmu_sync_code(struct aspace *as) {
    uint32_t self = 1u << this_hart()->index, running = 0;
    for (uint32_t i = 0; i < machine.hart_count; i++)
        if (harts[i].aspace == as)
            running |= 1u << i;
    __asm__ volatile("fence.i; fence" ::: "memory");
    as->code_stale = ((1u << machine.hart_count) - 1) & ~(self | running);
    if (running & ~self)
        sbi_call(SBI_EXT_RFENCE, SBI_RFENCE_FENCE_I, hardware_mask(running & ~self), 0, 0, 0);
}
