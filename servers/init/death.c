/* SPDX-License-Identifier: MIT */
/*
 * The death of servers. One that faults, or ends itself because an invariant is broken, becomes an
 * exception, which comes here and is its end. A line on the console says where it stood and whom it
 * served; tools/decode turns addresses and message numbers into names. Then it is started anew, if the
 * manifest says so and it has not died too often.
 */
#include "init.h"
#include <lib/clock.h>
#include <lib/server.h>
#include <stdio.h>
#include <string.h>

#define FRAMES_MOST 8 /* of a backtrace */

enum { REG_PC = 0, REG_RA = 1, REG_SP = 2, REG_TP = 4, REG_FP = 8, REG_A0 = 10 };

static long read_word(const struct task_record *s, uint64_t address, uint64_t *value) {
    return pk_task_copy_in(s->task, value, address, sizeof *value);
}

/* What it has received last; false if it has not come that far. */
static bool read_request(const struct task_record *s, const struct pk_regs *regs,
                         struct request *req) {
    uint64_t at;
    if (read_word(s, regs->x[REG_TP] - sizeof(struct server_control), &at) < 0 ||
        read_word(s, at, &at) < 0 || !at)
        return false;
    return pk_task_copy_in(s->task, req, at, sizeof *req) == (long)sizeof *req;
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

static void say_request(char *text, size_t size, const struct task_record *s,
                        const struct pk_regs *regs) {
    struct request req;
    if (!read_request(s, regs, &req)) {
        snprintf(text, size, "before any message");
        return;
    }
    const char *server = servers_caller(req.msg.badge);
    if (req.msg.label & PK_LABEL_KERNEL)
        snprintf(text, size, "in notice %lu", req.msg.label & PK_LABEL_MASK);
    else if (server)
        snprintf(text, size, "in message %lu of %s", req.msg.label & PK_LABEL_MASK, server);
    else
        snprintf(text, size, "in message %lu of process %lu", req.msg.label & PK_LABEL_MASK,
                 req.msg.badge);
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

static void report(const struct task_record *s, const struct request *exception) {
    static struct pk_regs regs;
    char cause[64], serving[64];
    if (pk_thread_regs(s->thread, &regs, PK_REGS_GET) < 0)
        memset(&regs, 0, sizeof regs);
    say_cause(cause, sizeof cause, exception, &regs);
    say_request(serving, sizeof serving, s, &regs);
    server_log("%s died %s: %s, pc %08lx, ra %08lx", s->spec.name, serving, cause, regs.x[REG_PC],
               regs.x[REG_RA]);
    say_backtrace(s, &regs);
}

/* True if it has not died too often lately. */
static bool note_death(struct task_record *s) {
    memmove(&s->died_at[1], &s->died_at[0], sizeof s->died_at - sizeof s->died_at[0]);
    s->died_at[0] = clock_ns();
    s->deaths++;
    return s->deaths < DEATHS_MOST || s->died_at[0] - s->died_at[DEATHS_MOST - 1] > DEATHS_NS;
}

static long come_back(struct task_record *s) {
    bool seldom = note_death(s);
    if (!s->spec.restart)
        return -EPERM;
    if (!seldom) {
        server_log("%s has died %u times in %u s and stays dead", s->spec.name, DEATHS_MOST,
                   (unsigned)(DEATHS_NS / 1000000000));
        return -EAGAIN;
    }
    long error = server_restart(s);
    if (error < 0)
        server_log("%s cannot be started anew and stays dead: error %ld", s->spec.name, -error);
    else
        server_log("%s was started anew", s->spec.name);
    return error;
}

long death_handle(struct request *req) {
    struct task_record *s = servers_by_number(req->msg.badge);
    if (!s || !s->task)
        return SERVER_DEFER;
    report(s, req);
    server_end(s);
    s->lost = come_back(s) < 0;
    pk_notify(session_events, EVENT_SERVERS);
    return SERVER_DEFER;
}
