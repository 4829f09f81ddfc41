/* SPDX-License-Identifier: MIT */
/*
 * Signal frames, made and taken apart on the program's own stack: the program's registers never
 * leave the process. What is unusual (a call cut short, an alternate stack, a default action) is
 * left to the process server, which does the same to a thread at rest.
 */
#include "personality.h"
#include <parley/sigframe.h>
#include <protocol/proc_client.h>

/* sigframe.S */
void sigframe_save_fp(struct linux_sigframe *frame);
void sigframe_load_fp(const struct linux_sigframe *frame);
_Noreturn void sigframe_leave(const struct linux_sigframe *frame);
long sigframe_take(struct linux_sigframe *frame, uint64_t word);

/* All that the kernel of a Linux writes; the rest is left as it was there too. */
static void fill_info(struct linux_siginfo *to, int signal, int code, uint64_t w0, uint64_t w1) {
    to->info.signal = signal;
    to->info.error = 0;
    to->info.code = code;
    to->info.pad = 0;
    to->info.words[0] = w0;
    to->info.words[1] = w1;
    to->info.words[2] = to->info.words[3] = 0;
    enum { ROOM = sizeof to->room / sizeof to->room[0] };
#pragma GCC unroll 16
    for (unsigned i = 0; i < ROOM; i++)
        to->room[i] = 0;
}

static void fill_context(struct linux_ucontext *to, uint64_t mask) {
    to->flags = to->link = 0;
    to->stack = (struct linux_stack){.flags = SS_DISABLE};
    to->mask = mask;
    to->reserved[0] = to->reserved[1] = to->reserved[2] = 0;
}

static void clear_fp(struct linux_ucontext *to) {
    for (unsigned i = 0; i < 32; i++)
        to->f[i] = 0;
    to->fcsr = 0;
}

static bool fp_is_clear(const struct linux_ucontext *c) {
    uint64_t any = c->fcsr;
    for (unsigned i = 0; i < 32; i++)
        any |= c->f[i];
    return !any;
}

/*
 * Attention: the frame holds the integer registers but pc, a7 and t0. If a handler is to run, the
 * frame is completed and the handler's address is where foreign_return leads: the signal. 0:
 * nothing is to be done. Negative: it is for the process server to do.
 */
long sigframe_take(struct linux_sigframe *frame, uint64_t word) {
    uint64_t handler, before, after, w0, w1;
    struct personality_seat *seat = seat_of(word);
    uint64_t mask = seat ? seat->mask : 0;
    long taken =
        proc_take_signal(PK_SLOT_PROC, seat != NULL, mask, &handler, &before, &after, &w0, &w1);
    if (seat)
        mask_was_told(seat, mask);
    if (taken <= 0)
        return taken;
    if (seat)
        __atomic_store_n(&seat->mask, after, __ATOMIC_RELAXED); /* nothing is let through by that */
    if (seat && taken & PROC_TAKEN_TOLD)
        mask_was_told(seat, after);
    int signal = taken & PROC_TAKEN_SIGNAL;
    struct pk_foreign f = {.pc = handler};
    long fp_used = pk_foreign_exchange(&f);
    frame->context.x[0] = f.pc;
    frame->context.x[17] = f.number;
    frame->context.x[5] = f.scratch;
    fill_info(&frame->info, signal, (int)(taken >> PROC_TAKEN_CODE), w0, w1);
    fill_context(&frame->context, before);
    if (fp_used)
        sigframe_save_fp(frame);
    else
        clear_fp(&frame->context); /* what they hold before they are first used */
    return signal;
}

static bool no_stack(const struct linux_stack *s) {
    return !s->sp && s->flags == SS_DISABLE && !s->size;
}

/* Of another stack, if ever one was set, the process server knows. It answers unless it is dead; this process ends with it. */
static void end_handler(struct personality_seat *seat, uint64_t mask) {
    if (seat && mask_keep(seat, mask) && !state.other_stack)
        return;
    pk_may_fail(proc_end_handler(PK_SLOT_PROC, mask));
    if (seat)
        mask_was_told(seat, seat->mask);
}

/* The handler may have changed whatever it likes in its frame. A bad one is a fault, here. */
long linux_rt_sigreturn(long a0, long a1, long a2, long a3, long a4, long a5,
                        struct foreign_frame *f) {
    (void)a0, (void)a1, (void)a2, (void)a3, (void)a4, (void)a5;
    const struct linux_sigframe *frame = (const struct linux_sigframe *)f->sp;
    const struct linux_ucontext *c = &frame->context;
    if (!no_stack(&c->stack))
        return proc_sigreturn(PK_SLOT_PROC, f->sp);
    struct pk_foreign back = {c->x[0], c->x[17], c->x[5]};
    if (pk_foreign_exchange(&back) || !fp_is_clear(c))
        sigframe_load_fp(frame);
    end_handler(seat_of(f->word), c->mask);
    sigframe_leave(frame);
}
