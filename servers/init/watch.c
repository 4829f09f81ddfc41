/* SPDX-License-Identifier: MIT */
/*
 * The watch over servers that work for long on one request, which nobody should notice but for its line on
 * the console: one handler that never comes to its end stops everybody who needs that server. Twice a
 * second init looks at who is at work; who works on the same request after a second more gets the line, once.
 * Init is more urgent than any server, so with one hart it sees them, too; and its timer is deferrable,
 * since in a machine where nobody runs there is nothing to see.
 */
#include "init.h"
#include <lib/clock.h>
#include <lib/server.h>

#define LOOK_NS 500000000ull
#define SLOW_NS 1000000000ull

void watch_start(void) {
    must(pk_timer_set_deferrable(PK_SLOT_SERVER_EVENTS, EVENT_WATCH, clock_ns() + LOOK_NS));
}

/* It runs or could; one that waits for another server's answer is not slow itself. */
static bool works(const struct task_record *s, struct pk_thread_info *info) {
    return s->thread && pk_thread_info(s->thread, info) == 0 &&
           (info->state == PK_THREAD_RUNNING || info->state == PK_THREAD_READY);
}

static bool same(const struct task_record *s, const struct request *req) {
    return s->busy_since && s->busy_token == req->token && s->busy_label == req->msg.label &&
           s->busy_notices == req->notices;
}

/*
 * Notices have no token, and one looks like the next: what counts is that it has run for nearly all of the
 * time, which is charged to itself.
 */
static bool runs_all_the_time(const struct task_record *s, const struct pk_thread_info *info,
                              uint64_t now) {
    return info->user_ns - s->busy_ns >= (now - s->busy_since) / 10 * 9;
}

static void look(struct task_record *s, uint64_t now) {
    struct pk_thread_info info;
    struct request req;
    if (!works(s, &info) || !report_request(s, &req)) {
        s->busy_since = 0;
        return;
    }
    if (!same(s, &req) || (!req.token && !runs_all_the_time(s, &info, now))) {
        s->busy_token = req.token;
        s->busy_label = req.msg.label;
        s->busy_notices = req.notices;
        s->busy_since = now;
        s->busy_ns = info.user_ns;
        s->busy_told = false;
    } else if (!s->busy_told && now - s->busy_since >= SLOW_NS) {
        report_slow(s, &req);
        s->busy_told = true;
    }
}

void watch_look(void) {
    uint64_t now = clock_ns();
    struct task_record *s;
    for (uint64_t i = 1; (s = servers_by_number(i)); i++)
        look(s, now);
    watch_start();
}
