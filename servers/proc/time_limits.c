/* SPDX-License-Identifier: MIT */
/*
 * RLIMIT_CPU and RLIMIT_RTTIME (getrlimit(2)): how long a process may compute in all, and a real-time thread without ever being
 * blocked. Who goes beyond the soft limit gets SIGXCPU, and that limit becomes a second more, as on Linux; beyond the
 * hard one it ends. A process with neither limit has nothing here.
 */
#include "timer.h"
#include <stdlib.h>

enum { CPU, REAL_TIME, KINDS };

struct time_limits {
    struct timer timers[KINDS]; /* both count the process's time */
};

static const struct {
    unsigned resource;
    uint64_t ns; /* in a limit's unit */
} kinds[KINDS] = {{RLIMIT_CPU, 1000000000}, {RLIMIT_RTTIME, 1000}};

static uint64_t limit_ns(int kind, uint64_t limit) {
    uint64_t ns;
    return __builtin_mul_overflow(limit, kinds[kind].ns, &ns) ? INT64_MAX : ns;
}

static bool is_limited(const struct process *p, int kind) {
    return settings_limit(p, kinds[kind].resource) != INFINITY;
}

static bool has_real_time(const struct process *p) {
    for (struct thread *t = thread_next(p, NULL); t; t = thread_next(p, t))
        if (schedule_is_real_time(&t->schedule))
            return true;
    return false;
}

/* Of the thread that has been at it for longest. */
static uint64_t unblocked_ns(const struct process *p) {
    uint64_t most = 0;
    struct pk_thread_info info;
    for (struct thread *t = thread_next(p, NULL); t; t = thread_next(p, t))
        if (schedule_is_real_time(&t->schedule) && t->slot && pk_thread_info(t->slot, &info) == 0 &&
            info.user_ns - info.blocked_at_ns > most)
            most = info.user_ns - info.blocked_at_ns;
    return most;
}

static uint64_t used_ns(const struct process *p, int kind) {
    return kind == CPU ? process_run_ns(p) : unblocked_ns(p);
}

/* A process whose thread has been blocked meanwhile is looked at again later. */
static long watch(struct process *p, int kind, uint64_t used) {
    struct timer *timer = &p->time_limits->timers[kind];
    uint64_t limit = limit_ns(kind, settings_limit(p, kinds[kind].resource));
    timer->at = process_run_ns(p) + (limit > used ? limit - used : 0);
    return timer_arm(timer);
}

/* The signal, which may be the process's end, comes last. */
static void look(struct process *p, int kind) {
    struct limit limit = p->settings->limits[kinds[kind].resource];
    uint64_t used = used_ns(p, kind);
    if (used >= limit_ns(kind, limit.hard)) {
        signal_send_simple(p, SIGKILL, SI_KERNEL, 0);
        return;
    }
    bool over = used >= limit_ns(kind, limit.soft);
    if (over)
        settings_set_soft(p, kinds[kind].resource, limit.soft + limit_ns(CPU, 1) / kinds[kind].ns);
    pk_may_fail(watch(p, kind, used)); /* without memory it is not watched any more */
    if (over)
        signal_send_simple(p, SIGXCPU, SI_KERNEL, 0);
}

static void cpu_passed(struct timer *timer) {
    look(timer->p, CPU);
}

static void real_time_passed(struct timer *timer) {
    look(timer->p, REAL_TIME);
}

static struct time_limits *limits_new(struct process *p) {
    struct time_limits *l = malloc(sizeof *l);
    if (!l)
        return NULL;
    timer_init(&l->timers[CPU], p, TIMER_PROCESS, cpu_passed);
    timer_init(&l->timers[REAL_TIME], p, TIMER_PROCESS, real_time_passed);
    return l;
}

long time_limits_begin(struct process *p) {
    long error = 0;
    if (!p->time_limits && !(is_limited(p, CPU) || is_limited(p, REAL_TIME)))
        return 0;
    if (!p->time_limits && !(p->time_limits = limits_new(p)))
        return -ENOMEM;
    for (int kind = 0; kind < KINDS && error == 0; kind++) {
        timer_disarm(&p->time_limits->timers[kind]);
        if (is_limited(p, kind) && (kind == CPU || has_real_time(p)))
            error = watch(p, kind, used_ns(p, kind));
    }
    return error;
}

void time_limits_end(struct process *p) {
    if (!p->time_limits)
        return;
    for (int kind = 0; kind < KINDS; kind++)
        timer_end(&p->time_limits->timers[kind]);
    free(p->time_limits);
    p->time_limits = NULL;
}
