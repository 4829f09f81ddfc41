/* SPDX-License-Identifier: MIT */
/*
 * The death of servers. One that faults, or ends itself because an invariant is broken, becomes an
 * exception, which comes here and is its end. Then it is started anew, if the manifest says so and it has
 * not died too often.
 */
#include "init.h"
#include <lib/clock.h>
#include <lib/server.h>
#include <string.h>

/* True if it has not died too often lately. */
static bool note_death(struct task_record *s) {
    memmove(&s->died_at[1], &s->died_at[0], sizeof s->died_at - sizeof s->died_at[0]);
    s->died_at[0] = clock_ns();
    s->deaths++;
    return s->deaths < DEATHS_MOST || s->died_at[0] - s->died_at[DEATHS_MOST - 1] > DEATHS_NS;
}

/* Says what becomes of it, before anybody hears that it is dead: true if it comes back. */
static bool may_come_back(struct task_record *s) {
    bool seldom = note_death(s);
    if (!s->spec.restart)
        return false;
    if (seldom)
        server_log("%s is started anew", s->spec.name);
    else
        server_log("%s has died %u times in %u s and stays dead", s->spec.name, DEATHS_MOST,
                   (unsigned)(DEATHS_NS / 1000000000));
    return seldom;
}

static bool comes_back(struct task_record *s) {
    long error = server_restart(s);
    if (error < 0)
        server_log("%s cannot be started and stays dead: error %ld", s->spec.name, -error);
    return error == 0;
}

long death_handle(struct request *req) {
    struct task_record *s = servers_by_number(req->msg.badge);
    if (!s || !s->task)
        return SERVER_DEFER;
    report_death(s, req);
    bool may = may_come_back(s);
    server_end(s);
    s->lost = !may || !comes_back(s);
    must(pk_notify(session_events, EVENT_SERVERS));
    return SERVER_DEFER;
}
