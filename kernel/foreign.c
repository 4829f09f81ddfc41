/* SPDX-License-Identifier: MIT */
/* Foreign calls: other systems' calls, which a task's own code serves (docs/kernel-interface.md). */
#include <arch/thread.h>
#include <calls.h>
#include <ipc/ipc.h>
#include <parley/errno.h>
#include <task/task.h>
#include <task/thread.h>
#include <trace/trace.h>

void foreign_enter(struct thread *t, uint64_t entry) {
    uint64_t *x = t->regs.x;
    t->foreign = (struct foreign){.inside = true,
                                  .pc = x[REG_PC],
                                  .call_number = x[REG_CALL_NUMBER],
                                  .scratch = x[REG_SCRATCH],
                                  .first_argument = x[REG_A0]};
    x[REG_PC] = entry;
    x[REG_SCRATCH] = t->word;
}

/* A non-negative call number: resumes the thread at its task's foreign entry. */
void foreign_call(struct thread *t) {
    uint64_t *x = t->regs.x;
    if (traced(PK_TRACE_FOREIGN))
        trace_foreign(t);
    if (!t->task->foreign_entry || t->foreign.inside) {
        exception_send(t, PK_EXCEPTION_FOREIGN, x[REG_CALL_NUMBER], 0, x[REG_PC], 0);
        return;
    }
    foreign_enter(t, t->task->foreign_entry);
}

/* Back to the program; the value is in the result register already. */
static void foreign_leave(struct thread *t) {
    if (traced(PK_TRACE_RETURN))
        trace_return(t);
    t->foreign.inside = false;
    t->regs.x[REG_PC] = t->foreign.pc;
    t->regs.x[REG_CALL_NUMBER] = t->foreign.call_number;
    t->regs.x[REG_SCRATCH] = t->foreign.scratch;
}

/* With attention pending it goes on inside, behind the call, with its word: coming back is how it is told. */
long sys_foreign_return(struct thread *self, const uint64_t *a) {
    (void)a;
    if (!self->foreign.inside)
        return -EINVAL;
    if (self->attention) {
        self->attention = false;
        self->regs.x[REG_SCRATCH] = self->word;
    } else {
        foreign_leave(self);
    }
    return CALL_DONE;
}

long sys_foreign_exchange(struct thread *self, const uint64_t *a) {
    struct foreign *f = &self->foreign;
    uint64_t *out = &self->regs.x[REG_A1];
    if (!f->inside)
        return -EINVAL;
    struct foreign old = *f;
    f->pc = a[0];
    f->call_number = a[1];
    f->scratch = a[2];
    out[0] = old.pc;
    out[1] = old.call_number;
    out[2] = old.scratch;
    return arch_fp_ready(self);
}

long sys_foreign_attention(struct thread *self, const uint64_t *a) {
    uint64_t word = self->regs.x[REG_T0];
    (void)a;
    if (!self->foreign.inside)
        return -EINVAL;
    foreign_leave(self);
    exception_attention(self, word);
    return CALL_DONE;
}
