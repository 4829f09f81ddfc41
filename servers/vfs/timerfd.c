/* SPDX-License-Identifier: MIT */
/*
 * Timers as descriptors: timerfd_create(2). A timer has one deadline. When it passes, readers get how often the
 * timer has expired since the last read, which is counted when they ask: so one that expires every nanosecond costs
 * this server no more than one that is read as often.
 *
 * CLOCK_REALTIME is CLOCK_MONOTONIC and a number that root may change: a timer that is set to one of its times follows.
 * With TFD_TIMER_CANCEL_ON_SET its readers are told besides, by ECANCELED.
 */
#include "file.h"
#include "poll.h"

#include <lib/clock.h>
#include <lib/deadline.h>
#include <lib/job.h>
#include <lib/waiter.h>
#include <stdlib.h>

#define SECOND 1000000000ull
#define WIDTH sizeof(uint64_t)
#define SERVED_AT_ONCE 16

struct timer {
    struct deadline deadline;
    uint64_t at;       /* ns: when it expires next; 0: not set */
    bool real;         /* at a time of CLOCK_REALTIME, else of the monotonic one */
    bool canceled;     /* the clock was set, and nobody has been told yet */
    struct list link;  /* in `cancels` or `canceling` */
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

/* Those that are cancelled when the clock is set; those that it has been set for. */
static struct list cancels = LIST_INIT(cancels), canceling = LIST_INIT(canceling);

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
    uint64_t clock = timer->real ? TIME_REAL : 0;
    return timer->at ? deadline_set(&timer->deadline, timer->at | clock) : 0;
}

/* By the clock that it is set by. */
static uint64_t time_of_clock(const struct timer *timer) {
    return timer->real ? clock_realtime_ns() : clock_ns();
}

/* Counts the expiries up to now. */
static void count(struct timer *timer) {
    uint64_t now = time_of_clock(timer);
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
    timer->at += (times - 1) * timer->interval;
    timer->at = timer->interval > INT64_MAX - timer->at ? INT64_MAX : timer->at + timer->interval;
}

/* How often it has expired, to the caller; then it is set for the next time. */
static long give(struct timer *timer, uint64_t token) {
    count(timer);
    if (timer->canceled) {
        timer->canceled = false;
        timer->expired = 0;
        return -ECANCELED;
    }
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
static void tell(struct timer *timer) {
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
    if (timer->expired > 0 || timer->canceled) {
        poll_wake(&timer->pollers, POLL_INPUT);
    }
    timer_put(timer);
}

static void passed(struct deadline *deadline) {
    tell(container_of(deadline, struct timer, deadline));
}

static bool cancel_some(struct job *job) {
    (void)job;
    for (int i = 0; i < SERVED_AT_ONCE && !list_empty(&canceling); i++) {
        struct timer *timer = container_of(canceling.next, struct timer, link);
        list_remove(&timer->link);
        list_add_tail(&cancels, &timer->link);
        timer->canceled = true;
        tell(timer);
    }
    return !list_empty(&canceling);
}

void timerfds_clock_set(void) {
    static struct job job = {.link = LIST_INIT(job.link), .step = cancel_some};
    list_move_all(&canceling, &cancels);
    if (!list_empty(&canceling) && !job_is_queued(&job)) {
        job_queue(&job);
    }
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
    return file->timer->expired > 0 || file->timer->canceled ? POLL_INPUT : 0;
}

static struct poll_queue *timerfd_poll_queue(struct file *file) {
    return &file->timer->pollers;
}

static void timerfd_close(struct file *file) {
    disarm(file->timer);
    list_remove(&file->timer->link);
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
    list_init(&timer->link);
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
    if (timer->at && timer->interval && timer->at <= time_of_clock(timer)) {
        count(timer);
        error = arm(timer);
    }
    uint64_t now = time_of_clock(timer);
    uint64_t left = !timer->at ? 0 : timer->at > now ? timer->at - now : 1;
    is->interval = time_of(timer->interval);
    is->value = time_of(left);
    return error;
}

/* Takes over a setting. What is to come after a while does so, whoever sets the clock meanwhile. */
static void set(struct timer *timer, const struct lx_itimerspec *to, uint32_t flags) {
    bool absolute = flags & LX_TFD_TIMER_ABSTIME;
    uint64_t ns = ns_of(&to->value);
    timer->real = absolute && is_realtime(timer->clock);
    timer->at = absolute || !ns ? ns : clock_after(ns);
    timer->interval = ns_of(&to->interval); /* which is told even if it is off */
    timer->expired = 0;
    list_remove(&timer->link);
    if (timer->real && flags & LX_TFD_TIMER_CANCEL_ON_SET) {
        list_add_tail(&cancels, &timer->link);
    }
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
    bool canceled = timer->canceled;
    timer->canceled = false;
    set(timer, &to, flags);
    error = arm(timer);
    if (error) {
        timer->at = 0;
        return error;
    }
    bool wants_old = request_out_len(req) > 0;
    if (wants_old && request_write_all(req, &was, sizeof(was))) {
        return -EFAULT;
    }
    return canceled && timer->real && timer->at ? -ECANCELED : 0; /* it is set all the same */
}
