/* SPDX-License-Identifier: MIT */
/*
 * Signal frames for a thread at rest: pushed and popped on the stack that the handler uses. Most
 * are the personality's own work (user/linux/sigframe.c).
 */
#include "proc.h"
#include <parley/personality.h>
#include <string.h>

/* One that is disarmed while its handler runs is never in use. */
bool signal_on_alt_stack(const struct thread *t, uint64_t sp) {
    return !(t->alt_flags & (SS_DISABLE | SS_AUTODISARM)) && sp > t->alt_stack &&
           sp - t->alt_stack <= t->alt_size;
}

static uint64_t frame_address(const struct thread *t, const struct signal_action *a, uint64_t sp) {
    if (a->flags & SA_ONSTACK && !(t->alt_flags & SS_DISABLE) && t->alt_size &&
        !signal_on_alt_stack(t, sp))
        sp = t->alt_stack + t->alt_size;
    return (sp - sizeof(struct linux_sigframe)) & ~15ull;
}

/* The address of the personality's sigreturn code: two instructions known by their bytes. */
static uint64_t return_address(const struct process *p) {
    return p->entry - PERSONALITY_COPY_SIZE - PERSONALITY_RETURN_SIZE;
}

/*
 * Saves the registers in a frame and makes them those of the handler. The mask becomes the
 * handler's. 0, or -EFAULT: there is no room for the frame.
 */
long frame_push(struct thread *t, struct pk_regs *regs, const struct signal_info *info) {
    const struct signal_action *a = signal_action(t->process, info->signal);
    struct linux_sigframe frame;
    uint64_t at = frame_address(t, a, regs->x[2]);
    memset(&frame, 0, sizeof frame);
    frame.info.info = *info;
    uint32_t flags = t->alt_flags & SS_DISABLE            ? SS_DISABLE
                     : signal_on_alt_stack(t, regs->x[2]) ? SS_ONSTACK
                                                          : t->alt_flags & SS_AUTODISARM;
    frame.context.stack = (struct linux_stack){t->alt_stack, (int32_t)flags, 0, t->alt_size};
    frame.context.mask = t->mask_saved ? t->saved_mask : t->blocked;
    memcpy(frame.context.x, regs->x, sizeof frame.context.x);
    if (regs->fp) {
        memcpy(frame.context.f, regs->f, sizeof frame.context.f);
        frame.context.fcsr = (uint32_t)regs->fcsr;
    }
    if (pk_task_copy_out(t->process->task, at, &frame, sizeof frame) < 0)
        return -EFAULT;
    t->mask_saved = false;
    if (t->alt_flags &
        SS_AUTODISARM) { /* sigaltstack(2): the frame has it, until the handler returns */
        t->alt_stack = t->alt_size = 0;
        t->alt_flags = SS_DISABLE;
    }
    uint64_t mask = t->blocked;
    regs->x[0] = signal_enter_handler(t->process, info->signal, &mask);
    signal_set_mask(t, mask);
    if (mask_tell(t) < 0)
        return -EFAULT;
    regs->x[1] = return_address(t->process);
    regs->x[2] = at;
    regs->x[10] = (uint64_t)info->signal;
    regs->x[11] = at + offsetof(struct linux_sigframe, info);
    regs->x[12] = at + offsetof(struct linux_sigframe, context);
    regs->fp = 0; /* the handler goes on with the FPU as it is */
    return 0;
}

/* The registers and the mask that a frame holds. 0 or -EFAULT. */
long frame_pop(struct thread *t, uint64_t address, struct pk_regs *regs) {
    struct linux_sigframe frame;
    if (address % 8 || pk_task_copy_in(t->process->task, &frame, address, sizeof frame) < 0)
        return -EFAULT;
    memset(regs, 0, sizeof *regs);
    memcpy(regs->x, frame.context.x, sizeof regs->x);
    memcpy(regs->f, frame.context.f, sizeof regs->f);
    regs->fcsr = frame.context.fcsr & 0xff;
    regs->fp = 1;
    signal_set_mask(t, frame.context.mask);
    if (mask_tell(t) < 0)
        return -EFAULT;
    if (!(frame.context.stack.flags & SS_ONSTACK)) {
        t->alt_stack = frame.context.stack.sp;
        t->alt_size = frame.context.stack.size;
        t->alt_flags = (uint32_t)frame.context.stack.flags & (SS_DISABLE | SS_AUTODISARM);
    }
    return 0;
}
