/* SPDX-License-Identifier: MIT */
/*
 * Entry from the firmware: S-mode, paging off, a0 = hart id, a1 = device tree (physical).
 * Whoever comes first boots the kernel. OpenSBI 1.1 can send a hart that is being started here
 * too, with the boot hart's arguments: it takes up its new address only after it lets the hart go
 * (sbi_hsm_hart_start). So all others look themselves up by their ids, wherever they come in.
 * The boot tables map the image's gigabyte twice, at its physical and at its linked address, and
 * the direct map, all by gigapages; arch_mmu_init_kernel() replaces them.
 */
#define PTE_LEAF_RWX 0xcf /* V R W X A D */
#define PTE_LEAF_RW 0xc7
#define SATP_SV39 (8 << 60)
#define STACK_SHIFT 14

    .section .boot, "ax"
    .globl _start
_start:
    .option push
    .option norelax
    lla t0, boot_taken
    li t1, 1
    amoswap.w.aqrl t1, t1, (t0)
    bnez t1, arch_secondary_start
    csrw sie, zero
    mv s0, a0
    mv s1, a1
    lla t0, bss_start_pa
    ld t0, 0(t0)
    lla t1, bss_end_pa
    ld t1, 0(t1)
1:  sd zero, 0(t0)
    addi t0, t0, 8
    bltu t0, t1, 1b

    /* root[258..] = direct map: 128 gigapages from physical 0 */
    lla t0, boot_root_pa
    ld t0, 0(t0)
    li t1, 256
    li t2, PTE_LEAF_RW
    li t3, 1 << 28 /* one gigabyte in PTE units */
    li t4, 384
2:  slli t5, t1, 3
    add t5, t5, t0
    sd t2, 0(t5)
    add t2, t2, t3
    addi t1, t1, 1
    bltu t1, t4, 2b
    /* root[2] and root[510]: the gigabyte at 0x80000000 */
    li t2, (0x80000000 >> 12 << 10) | PTE_LEAF_RWX
    sd t2, 16(t0)
    li t5, 510 * 8
    add t5, t5, t0
    sd t2, 0(t5)

    lla t1, boot_hart_va
    ld s2, 0(t1)
    li t2, 0
    call enter_paging
    mv a0, s0
    mv a1, s1
    mv tp, s2
    lla t0, boot_stacks
    li t1, 1 << STACK_SHIFT
    add sp, t0, t1
    li s0, 0
    call boot_main
3:  wfi
    j 3b

    /* Harts started later: the boot tables are still good. */
    .globl arch_secondary_start
arch_secondary_start:
    csrw sie, zero
    mv s0, a0
    lla t0, boot_root_pa
    ld t0, 0(t0)
    call enter_paging
    lla t0, boot_harts
1:  ld tp, 8(t0)
    ld t1, 0(t0)
    addi t0, t0, 16
    bne t1, s0, 1b
    ld sp, 8(tp)
    li s0, 0
    call boot_secondary
4:  wfi
    j 4b

/* t0 = root (physical). Returns at the linked address; clobbers t0-t2. */
enter_paging:
    srli t0, t0, 12
    li t1, SATP_SV39
    or t0, t0, t1
    lla t1, image_offset
    ld t1, 0(t1)
    lla t2, 5f
    add t2, t2, t1
    add ra, ra, t1
    sfence.vma
    csrw satp, t0
    sfence.vma
    jr t2 /* from the physical address, mapped as itself, to the linked one */
5:  lla t1, trap_entry
    csrw stvec, t1
    ret

    .align 3
image_offset:
    .dword 0xffffffff00000000
bss_start_pa:
    .dword bss_start - 0xffffffff00000000
bss_end_pa:
    .dword bss_end - 0xffffffff00000000
boot_root_pa:
    .dword boot_root - 0xffffffff00000000
boot_hart_va:
    .dword harts
boot_taken: /* not in .bss, which the first hart clears */
    .word 0
    .option pop

    .section .bss
    .align 12
    .globl boot_root
boot_root:
    .skip 4096
