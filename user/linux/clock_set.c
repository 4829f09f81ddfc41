/* SPDX-License-Identifier: MIT */
/* Setting the time of day: clock_settime(2), settimeofday(2), adjtimex(2). The process server does it (servers/proc/clock.c). */
#include "time.h"
#include <protocol/proc_client.h>

#define ZONE_MOST (15 * 60) /* minutes from Greenwich */
/* As Linux: ns must last for the years that the machine may run. */
#define SECONDS_MOST (INT64_MAX / (int64_t)NS_PER_SECOND - 30l * 365 * 24 * 3600)

static long set_clock(int64_t seconds, int64_t nanoseconds) {
    struct linux_timespec t = {seconds, nanoseconds};
    if (!timespec_valid(&t) || seconds >= SECONDS_MOST)
        return -EINVAL;
    return proc_set_clock(PK_SLOT_PROC, timespec_ns(&t));
}

/* Of clocks of CPU time, which nobody sets: the error for one that is there. */
static long refuse(int clock) {
    struct linux_timespec now;
    return clock < 0 && linux_clock_gettime(clock, &now) == 0 ? -EPERM : -EINVAL;
}

long linux_clock_settime(int clock, const struct linux_timespec *user) {
    struct linux_timespec t;
    if (clock != CLOCK_REALTIME && clock >= 0)
        return -EINVAL;
    if (user_get(&t, user, sizeof t) < 0)
        return -EFAULT;
    return clock == CLOCK_REALTIME ? set_clock(t.seconds, t.nanoseconds) : refuse(clock);
}

/* A time zone is checked, and not kept: no program has asked for one for long. */
long linux_settimeofday(const struct linux_timeval *user, const int32_t *user_zone) {
    struct linux_timeval tv = {0, 0};
    int32_t zone[2] = {0, 0};
    if ((user && user_get(&tv, user, sizeof tv) < 0) ||
        (user_zone && user_get(zone, user_zone, sizeof zone) < 0))
        return -EFAULT;
    if (tv.microseconds < 0 || tv.microseconds >= 1000000 || tv.seconds < 0 ||
        tv.seconds >= SECONDS_MOST)
        return -EINVAL;
    uint32_t ids[6];
    if (proc_users(PK_SLOT_PROC, &ids[0], &ids[1], &ids[2], &ids[3], &ids[4], &ids[5]) < 0 ||
        ids[1] != 0)
        return -EPERM;
    if (zone[0] > ZONE_MOST || zone[0] < -ZONE_MOST)
        return -EINVAL;
    return user ? set_clock(tv.seconds, tv.microseconds * 1000) : 0;
}

/* ---- adjtimex(2): the clock runs as the hardware's does; it can be told, and moved ---- */

enum {
    ADJ_SETOFFSET = 0x0100,
    ADJ_NANO = 0x2000,
    ADJ_OFFSET_SS_READ = 0xa001,
};
#define STA_UNSYNC 0x40
#define TIME_ERROR 5
#define UNKNOWN_ERROR 16000000 /* us: what Linux says of a clock that nothing disciplines */
#define TICK_US 10000
#define TOLERANCE 32768000 /* parts of 2^16 millionths: 500 ppm */

struct timex {
    uint32_t modes, pad;
    int64_t offset, frequency, most_error, error;
    int32_t status, pad2;
    int64_t constant, precision, tolerance;
    struct linux_timeval time;
    int64_t tick, pps[2];
    int32_t shift, pad3;
    int64_t pps_counts[5];
    int32_t tai, rest[11];
};
_Static_assert(sizeof(struct timex) == 208, "struct timex");

static long move_clock(const struct timex *t) {
    int64_t fraction = t->modes & ADJ_NANO ? 1 : 1000, below = t->time.microseconds;
    uint64_t now = clock_realtime_ns();
    int64_t by;
    if (below < 0 || below >= (int64_t)NS_PER_SECOND / fraction)
        return -EINVAL;
    if (__builtin_mul_overflow(t->time.seconds, (int64_t)NS_PER_SECOND, &by) ||
        __builtin_add_overflow(by, below * fraction, &by) || now > INT64_MAX ||
        __builtin_add_overflow(by, (int64_t)now, &by) || by < 0)
        return -EINVAL;
    return proc_set_clock(PK_SLOT_PROC, (uint64_t)by);
}

static long read_state(struct timex *t) {
    struct linux_timespec now = to_timespec(clock_realtime_ns());
    *t = (struct timex){
        .modes = t->modes,
        .most_error = UNKNOWN_ERROR,
        .error = UNKNOWN_ERROR,
        .status = STA_UNSYNC,
        .constant = 2,
        .precision = 1,
        .tolerance = TOLERANCE,
        .time = {now.seconds, now.nanoseconds / 1000},
        .tick = TICK_US,
    };
    return TIME_ERROR;
}

long linux_adjtimex(struct timex *user) {
    struct timex t;
    if (user_get(&t, user, sizeof t) < 0)
        return -EFAULT;
    uint32_t changes = t.modes == ADJ_OFFSET_SS_READ ? 0 : t.modes;
    if (changes & ~(uint32_t)(ADJ_SETOFFSET | ADJ_NANO))
        return -EPERM; /* to discipline it is nobody's here */
    long error = changes & ADJ_SETOFFSET ? move_clock(&t) : 0;
    if (error < 0)
        return error;
    long told = read_state(&t);
    return user_put(user, &t, sizeof t) < 0 ? -EFAULT : told;
}

long linux_clock_adjtime(int clock, struct timex *user) {
    if (clock == CLOCK_REALTIME)
        return linux_adjtimex(user);
    struct linux_timespec now;
    return linux_clock_gettime(clock, &now) == 0 ? -EOPNOTSUPP : -EINVAL;
}
