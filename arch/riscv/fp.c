/* SPDX-License-Identifier: MIT */
/*
 * Lazy floating point. hart->fp_owner names the thread whose registers the hart's FPU holds; they
 * are good if that thread's fp_hart names the hart too. A thread's sstatus.FS is off unless its
 * registers are loaded, so a thread that never uses the FPU costs nothing. Dirty registers are
 * written back when the thread leaves the hart (a thread may wake on another one).
 */
#include "csr.h"
#include <arch/hart.h>
#include <arch/thread.h>
#include <sched/hart.h>
#include <task/thread.h>

void fp_save_registers(struct arch_fp *fp);
void fp_load_registers(const struct arch_fp *fp);

static void set_fs(struct thread *t, uint64_t fs) {
    t->regs.status = (t->regs.status & ~SSTATUS_FS) | fs;
}

/* t's registers are in this hart, and FS will be on for it. */
static void turn_on(struct thread *t) {
    struct hart *hart = this_hart();
    if (hart->fp_owner != t || t->fp_hart != hart) {
        csr_set(sstatus, FS_DIRTY);
        fp_load_registers(&t->fp);
        csr_clear(sstatus, SSTATUS_FS);
        hart->fp_owner = t;
        t->fp_hart = hart;
    }
    t->fp.used = 1;
    hart->fp_on = true;
    set_fs(t, FS_CLEAN);
}

bool arch_fp_trap(struct thread *t) {
    if (arch_fp_on(t))
        return false; /* the FPU is on: the instruction really is illegal */
    turn_on(t);
    return true;
}

bool arch_fp_ready(struct thread *t) {
    if (!t->fp.used || csr_read(sstatus) & SSTATUS_FS)
        return t->fp.used;
    turn_on(t);
    csr_set(sstatus, FS_CLEAN); /* most calls leave the kernel with sstatus as it is */
    return true;
}

bool arch_fp_on(const struct thread *t) {
    return (t->regs.status & SSTATUS_FS) != FS_OFF;
}

void arch_fp_save(struct thread *t) {
    if ((t->regs.status & SSTATUS_FS) == FS_DIRTY) {
        csr_set(sstatus, FS_DIRTY);
        fp_save_registers(&t->fp);
        csr_clear(sstatus, SSTATUS_FS);
        set_fs(t, FS_CLEAN);
    }
}

void arch_fp_forget(struct thread *t) {
    t->fp_hart = NULL;
    set_fs(t, FS_OFF);
}
