/* SPDX-License-Identifier: MIT */
/*
 * Linux's rt_sigframe on riscv64: siginfo, then a ucontext with all registers, on the stack that
 * the handler will use (asm/ucontext.h, asm/sigcontext.h).
 */
#include "proc.h"
#include <parley/personality.h>
#include <string.h>

struct linux_stack {
    uint64_t sp;
    int32_t flags, pad;
    uint64_t size;
};

struct linux_ucontext {
    uint64_t flags, link;
    struct linux_stack stack;
    uint64_t mask;
    uint8_t mask_room[120];
    uint64_t pad; /* the registers stand on a 16-byte boundary */
    uint64_t regs[32];
    uint64_t f[32];
    uint32_t fcsr;
    uint8_t fp_room[268]; /* what quad-precision state would take */
};
_Static_assert(offsetof(struct linux_ucontext, regs) == 176, "struct ucontext");
_Static_assert(sizeof(struct linux_ucontext) == 960, "struct ucontext");

struct linux_frame {
    struct signal_info info;
    struct linux_ucontext context;
};

static bool on_alt_stack(const struct process *p, uint64_t sp) {
    return sp > p->alt_stack && sp - p->alt_stack <= p->alt_size;
}

static uint64_t frame_address(const struct process *p, const struct signal_action *a, uint64_t sp) {
    if (a->flags & SA_ONSTACK && !(p->alt_flags & SS_DISABLE) && p->alt_size &&
        !on_alt_stack(p, sp))
        sp = p->alt_stack + p->alt_size;
    return (sp - sizeof(struct linux_frame)) & ~15ull;
}

/* The address of the personality's sigreturn code: two instructions known by their bytes. */
static uint64_t return_address(const struct process *p) {
    return p->entry - PERSONALITY_COPY_SIZE - PERSONALITY_RETURN_SIZE;
}

/*
 * Saves the registers in a frame and makes them those of the handler. The mask becomes the
 * handler's. 0, or -EFAULT: there is no room for the frame.
 */
long frame_push(struct process *p, struct pk_regs *regs, const struct signal_info *info) {
    struct signal_action *a = &p->actions[info->signal - 1];
    struct linux_frame frame;
    uint64_t at = frame_address(p, a, regs->x[2]);
    memset(&frame, 0, sizeof frame);
    frame.info = *info;
    frame.context.stack = (struct linux_stack){p->alt_stack,
                                               (int32_t)(p->alt_flags & SS_DISABLE     ? SS_DISABLE
                                                         : on_alt_stack(p, regs->x[2]) ? SS_ONSTACK
                                                                                       : 0),
                                               0, p->alt_size};
    frame.context.mask = p->mask_saved ? p->saved_mask : p->blocked;
    memcpy(frame.context.regs, regs->x, sizeof frame.context.regs);
    if (regs->fp) {
        memcpy(frame.context.f, regs->f, sizeof frame.context.f);
        frame.context.fcsr = (uint32_t)regs->fcsr;
    }
    frame.context.flags = regs->fp; /* private: whether f is meant */
    if (pk_task_copy_out(p->task, at, &frame, sizeof frame) < 0)
        return -EFAULT;
    p->mask_saved = false;
    regs->x[0] = a->handler;
    regs->x[1] = return_address(p);
    regs->x[2] = at;
    regs->x[10] = (uint64_t)info->signal;
    regs->x[11] = at + offsetof(struct linux_frame, info);
    regs->x[12] = at + offsetof(struct linux_frame, context);
    regs->fp = 0; /* the handler goes on with the FPU as it is */
    p->blocked |= a->mask | (a->flags & SA_NODEFER ? 0 : signal_bit(info->signal));
    if (a->flags & SA_RESETHAND)
        a->handler = SIG_DFL;
    return 0;
}

/* The registers and the mask that a frame holds. 0 or -EFAULT. */
long frame_pop(struct process *p, uint64_t address, struct pk_regs *regs) {
    struct linux_frame frame;
    if (address % 8 || pk_task_copy_in(p->task, &frame, address, sizeof frame) < 0)
        return -EFAULT;
    memset(regs, 0, sizeof *regs);
    memcpy(regs->x, frame.context.regs, sizeof regs->x);
    memcpy(regs->f, frame.context.f, sizeof regs->f);
    regs->fcsr = frame.context.fcsr & 0xff;
    regs->fp = frame.context.flags & 1;
    p->blocked = frame.context.mask & ~(signal_bit(SIGKILL) | signal_bit(SIGSTOP));
    if (!(frame.context.stack.flags & SS_ONSTACK)) {
        p->alt_stack = frame.context.stack.sp;
        p->alt_size = frame.context.stack.size;
        p->alt_flags = frame.context.stack.flags & SS_DISABLE;
    }
    return 0;
}
