/* SPDX-License-Identifier: MIT */
/*
 * Lines on the console about what a server does: when it dies, or works for long. They say where it stands and
 * whom it serves; tools/decode turns addresses and message numbers into names.
 */
#include "init.h"
#include <lib/server.h>
#include <stdio.h>
#include <string.h>

#define FRAMES_MOST 8 /* of a backtrace */

enum { REG_PC = 0, REG_RA = 1, REG_SP = 2, REG_FP = 8, REG_A0 = 10 };

bool report_request(const struct task_record *s, struct request *out) {
    uint64_t at;
    if (pk_task_copy_in(s->task, &at, SERVER_REQUEST_AT, sizeof at) != (long)sizeof at || !at)
        return false;
    return pk_task_copy_in(s->task, out, at, sizeof *out) == (long)sizeof *out;
}

void report_format(char *text, size_t size, const struct request *req) {
    uint64_t number = req->msg.label & PK_LABEL_MASK;
    const char *server = servers_caller(req->msg.badge);
    if (req->msg.label & PK_LABEL_KERNEL)
        snprintf(text, size, "the kernel's message %lu", number);
    else if (server)
        snprintf(text, size, "message %lu of %s", number, server);
    else
        snprintf(text, size, "message %lu of process %lu", number, req->msg.badge);
}

static void say_cause(char *text, size_t size, const struct request *exception,
                      const struct pk_regs *regs) {
    const uint64_t *w = exception->msg.w;
    if (exception->msg.label == PK_EXCEPTION_FAULT)
        snprintf(text, size, "cause %lu, address %lx", w[0], w[1]);
    else if (exception->msg.label == PK_EXCEPTION_FOREIGN && w[0] == SERVER_EXIT_CALL)
        snprintf(text, size, "it ended itself with %ld", (long)regs->x[REG_A0]);
    else
        snprintf(text, size, "it made system call %lu", w[0]);
}

#ifdef PARLEY_DEBUG
/*
 * Frame pointers (RISC-V ELF psABI): below one stand the return address and the caller's frame pointer,
 * or that alone in a function that calls nobody. A line with whom the function was called by.
 */
static void say_backtrace(const struct task_record *s, const struct pk_regs *regs) {
    char text[17 * FRAMES_MOST + 1];
    size_t length = 0;
    uint64_t fp = regs->x[REG_FP], low = regs->x[REG_SP], frame[2];
    for (int i = 0; i < FRAMES_MOST && fp > low && fp <= SERVER_STACK_TOP && fp % 8 == 0; i++) {
        if (pk_task_copy_in(s->task, frame, fp - sizeof frame, sizeof frame) < 0 || !frame[1])
            break;
        bool calls = frame[1] < fp || frame[1] > SERVER_STACK_TOP;
        if (calls)
            length += (size_t)snprintf(text + length, sizeof text - length, " %08lx", frame[1]);
        low = fp;
        fp = frame[!calls];
    }
    if (length)
        server_log("%s was called from%s", s->spec.name, text);
}
#else
static void say_backtrace(const struct task_record *s, const struct pk_regs *regs) {
    (void)s, (void)regs;
}
#endif

/* Of a thread that waits, or that is stopped for it; all zeros if it has no registers to show. */
static const struct pk_regs *read_regs(const struct task_record *s) {
    static struct pk_regs regs;
    if (pk_thread_regs(s->thread, &regs, PK_REGS_GET) < 0)
        memset(&regs, 0, sizeof regs);
    return &regs;
}

void report_death(const struct task_record *s, const struct request *exception) {
    char cause[64], serving[64] = "before any message";
    const struct pk_regs *regs = read_regs(s);
    struct request req;
    say_cause(cause, sizeof cause, exception, regs);
    if (report_request(s, &req))
        report_format(serving, sizeof serving, &req);
    server_log("%s died, %s: %s, pc %08lx, ra %08lx", s->spec.name, serving, cause, regs->x[REG_PC],
               regs->x[REG_RA]);
    say_backtrace(s, regs);
}

void report_slow(const struct task_record *s, const struct request *req) {
    char serving[64];
    report_format(serving, sizeof serving, req);
    if (pk_thread_suspend(s->thread) < 0)
        return;
    const struct pk_regs *regs = read_regs(s);
    server_log("%s has worked for more than 1 s on %s: pc %08lx, ra %08lx", s->spec.name, serving,
               regs->x[REG_PC], regs->x[REG_RA]);
    say_backtrace(s, regs);
    if (pk_thread_resume(s->thread) < 0)
        server_log("%s cannot go on: its thread has ended", s->spec.name);
}
