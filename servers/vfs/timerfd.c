/* SPDX-License-Identifier: MIT */
/*
 * Timers as descriptors: timerfd_create(2). A timer has one deadline. When it passes, readers get how often the
 * timer has expired since the last read, which is counted when they ask: so one that expires every nanosecond costs
 * this server no more than one that is read as often.
 *
 * All clocks run alike here: CLOCK_REALTIME is CLOCK_MONOTONIC and a constant.
 */
#include "file.h"
#include "poll.h"

#include <lib/clock.h>
#include <lib/deadline.h>
#include <lib/waiter.h>
#include <stdlib.h>

#define SECOND 1000000000ull
#define WIDTH sizeof(uint64_t)
#define SERVED_AT_ONCE 16

struct timer {
    struct deadline deadline;
    uint64_t at;       /* when it expires next, monotonic ns; 0: not set */
    uint64_t interval; /* ns; 0: it expires once */
    uint64_t expired;  /* times, counted so far */
    uint32_t refs;     /* the open file and those who wait */
    int clock;
    struct waiter_queue readers;
    struct poll_queue pollers;
};

struct timer_wait {
    struct waiter waiter;
    struct timer *timer;
};

static void timer_put(struct timer *timer) {
    if (--timer->refs == 0) {
        free(timer);
    }
}

static void disarm(struct timer *timer) {
    if (deadline_is_set(&timer->deadline)) {
        deadline_remove(&timer->deadline);
    }
}

/* Sets the deadline for the next expiry; 0 or -ENOMEM. */
static long arm(struct timer *timer) {
    disarm(timer);
    return timer->at ? deadline_set(&timer->deadline, timer->at) : 0;
}

/* Counts the expiries up to now. */
static void count(struct timer *timer) {
    uint64_t now = clock_ns();
    if (!timer->at || now < timer->at) {
        return;
    }
    if (timer->interval == 0) {
        timer->expired++;
        timer->at = 0;
        return;
    }
    uint64_t times = (now - timer->at) / timer->interval + 1;
    timer->expired += times;
    timer->at += times * timer->interval;
}

/* How often it has expired, to the caller; then it is set for the next time. */
static long give(struct timer *timer, uint64_t token) {
    count(timer);
    if (timer->expired == 0) {
        return -EAGAIN;
    }
    uint64_t expired = timer->expired;
    if (pk_copy_to_caller(token, 0, &expired, WIDTH) != (long)WIDTH) {
        return -EFAULT;
    }
    timer->expired = 0;
    long error = arm(timer);
    return error < 0 ? error : (long)WIDTH;
}

static void answer(struct waiter *waiter, long result) {
    struct timer_wait *wait = container_of(waiter, struct timer_wait, waiter);
    waiter_finish(waiter, result);
    timer_put(wait->timer);
    free(wait);
}

/* The first reader gets what there is; with a bad buffer it is the next one's. */
static void passed(struct deadline *deadline) {
    struct timer *timer = container_of(deadline, struct timer, deadline);
    timer->refs++;
    count(timer);
    for (int i = 0; i < SERVED_AT_ONCE && !waiter_queue_empty(&timer->readers); i++) {
        struct waiter *reader = waiter_first(&timer->readers);
        long result = give(timer, waiter_token(reader));
        if (result == -EAGAIN) {
            break;
        }
        answer(reader, result);
    }
    if (timer->expired > 0) {
        poll_wake(&timer->pollers, POLL_INPUT);
    }
    timer_put(timer);
}

static long wait_ended(struct waiter *waiter, enum waiter_end why) {
    struct timer_wait *wait = container_of(waiter, struct timer_wait, waiter);
    (void)why;
    timer_put(wait->timer);
    free(wait);
    return -EINTR;
}

static const struct waiter_ops wait_ops = {.ended = wait_ended};

static long timerfd_read(struct request *req, struct file *file, int64_t offset) {
    struct timer *timer = file->timer;
    (void)offset;
    if (request_out_len(req) < WIDTH) {
        return -EINVAL;
    }
    long result = give(timer, req->token);
    if (result != -EAGAIN || (file->flags & LX_O_NONBLOCK)) {
        return result;
    }
    struct timer_wait *wait = malloc(sizeof(*wait));
    if (!wait) {
        return -ENOMEM;
    }
    wait->timer = timer;
    timer->refs++;
    waiter_init(&wait->waiter, req, request_client(req), &wait_ops);
    waiter_enqueue(&timer->readers, &wait->waiter);
    return SERVER_DEFER;
}

/* A deadline that has passed and was not read stays so: it is not set again before. */
static uint32_t timerfd_poll(struct file *file) {
    return file->timer->expired > 0 ? POLL_INPUT : 0;
}

static struct poll_queue *timerfd_poll_queue(struct file *file) {
    return &file->timer->pollers;
}

static void timerfd_close(struct file *file) {
    disarm(file->timer);
    timer_put(file->timer);
}

static const struct file_ops timerfd_ops = {
    .read = timerfd_read,
    .poll = timerfd_poll,
    .poll_queue = timerfd_poll_queue,
    .close = timerfd_close,
    .name = "[timerfd]",
};

static bool is_realtime(int clock) {
    return clock == LX_CLOCK_REALTIME || clock == LX_CLOCK_REALTIME_ALARM;
}

static bool wakes(int clock) {
    return clock == LX_CLOCK_REALTIME_ALARM || clock == LX_CLOCK_BOOTTIME_ALARM;
}

static bool is_known(int clock) {
    return is_realtime(clock) || clock == LX_CLOCK_MONOTONIC || clock == LX_CLOCK_BOOTTIME ||
           clock == LX_CLOCK_BOOTTIME_ALARM;
}

long vfs_handle_timerfd_create(struct request *req, int clock, uint32_t flags) {
    struct context *context = request_context(req);
    if (!context) {
        return -EBADF;
    }
    if ((flags & ~(LX_O_CLOEXEC | LX_O_NONBLOCK)) || !is_known(clock)) {
        return -EINVAL;
    }
    if (wakes(clock) && request_client(req)->uid != 0) {
        return -EPERM;
    }
    struct timer *timer = calloc(1, sizeof(*timer));
    struct file *file =
        timer ? file_new(node_nameless, &timerfd_ops, LX_O_RDWR | (flags & LX_O_NONBLOCK)) : NULL;
    if (!file) {
        free(timer);
        return -ENOMEM;
    }
    timer->refs = 1;
    timer->clock = clock;
    timer->deadline.passed = passed;
    waiter_queue_init(&timer->readers);
    poll_queue_init(&timer->pollers);
    file->timer = timer;
    return fd_give(context, file, flags & LX_O_CLOEXEC);
}

static struct timer *timer_at(const struct request *req, int fd, long *error) {
    struct file *file = fd_file(request_context(req), fd);
    *error = !file || (file->flags & LX_O_PATH) ? -EBADF : file->ops != &timerfd_ops ? -EINVAL : 0;
    return *error ? NULL : file->timer;
}

static bool is_time(const struct lx_timespec *time) {
    return time->sec >= 0 && time->nsec >= 0 && time->nsec < (int64_t)SECOND;
}

static uint64_t ns_of(const struct lx_timespec *time) {
    return (uint64_t)time->sec > INT64_MAX / SECOND - 1
               ? INT64_MAX
               : (uint64_t)time->sec * SECOND + (uint64_t)time->nsec;
}

static struct lx_timespec time_of(uint64_t ns) {
    return (struct lx_timespec){(int64_t)(ns / SECOND), (int64_t)(ns % SECOND)};
}

/* One that has expired and goes on is set for its next time, as Linux does it: nobody waits for that yet. */
static long give_setting(struct timer *timer, struct lx_itimerspec *is) {
    long error = 0;
    if (timer->at && timer->interval && timer->at <= clock_ns()) {
        count(timer);
        error = arm(timer);
    }
    uint64_t now = clock_ns();
    uint64_t left = !timer->at ? 0 : timer->at > now ? timer->at - now : 1;
    is->interval = time_of(timer->interval);
    is->value = time_of(left);
    return error;
}

/* The monotonic time that a setting means; 0: none. */
static uint64_t time_meant(const struct timer *timer, const struct lx_timespec *value,
                           bool absolute) {
    uint64_t ns = ns_of(value);
    if (ns == 0) {
        return 0;
    }
    if (!absolute) {
        return clock_after(ns);
    }
    uint64_t offset = is_realtime(timer->clock) ? clock_realtime_offset() : 0;
    return ns > offset ? ns - offset : 1;
}

long vfs_handle_timerfd_gettime(struct request *req, int fd) {
    long error;
    struct timer *timer = timer_at(req, fd, &error);
    struct lx_itimerspec is;
    error = error ? error : give_setting(timer, &is);
    return error ? error : request_write_all(req, &is, sizeof(is)) ? -EFAULT : 0;
}

long vfs_handle_timerfd_settime(struct request *req, int fd, uint32_t flags) {
    struct lx_itimerspec to;
    struct lx_itimerspec was;
    long error;
    if (request_read_all(req, &to, sizeof(to))) {
        return -EFAULT;
    }
    if ((flags & ~(LX_TFD_TIMER_ABSTIME | LX_TFD_TIMER_CANCEL_ON_SET)) || !is_time(&to.value) ||
        !is_time(&to.interval)) {
        return -EINVAL;
    }
    struct timer *timer = timer_at(req, fd, &error);
    error = error ? error : give_setting(timer, &was);
    if (error) {
        return error;
    }
    timer->at = time_meant(timer, &to.value, flags & LX_TFD_TIMER_ABSTIME);
    timer->interval = timer->at ? ns_of(&to.interval) : 0;
    timer->expired = 0;
    error = arm(timer);
    if (error) {
        timer->at = 0;
        return error;
    }
    bool wants_old = request_out_len(req) > 0;
    return wants_old && request_write_all(req, &was, sizeof(was)) ? -EFAULT : 0;
}
