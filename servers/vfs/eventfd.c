/* SPDX-License-Identifier: MIT */
/*
 * Counters for events: eventfd(2). A read takes the count, or one of it (EFD_SEMAPHORE), and waits while it is 0; a
 * write adds, and waits while the sum would be too large.
 *
 * Invariant: nobody waits who could be served, so a waiting reader means that the count is 0.
 */
#include "file.h"
#include "poll.h"

#include <lib/job.h>
#include <lib/waiter.h>
#include <stdlib.h>

#define COUNT_MOST (UINT64_MAX - 1)
#define WIDTH sizeof(uint64_t)
#define SERVED_AT_ONCE 16

struct counter {
    uint64_t count;
    uint32_t refs; /* the open file, those who wait, the job while it is queued */
    bool semaphore;
    struct waiter_queue readers, writers;
    struct poll_queue pollers;
    struct job job; /* serves those who wait if they are many */
};

struct counter_wait {
    struct waiter waiter;
    struct counter *counter;
    uint64_t add; /* a writer's */
};

static void counter_put(struct counter *counter) {
    if (--counter->refs == 0) {
        free(counter);
    }
}

/* A small count is the answer itself. */
static long give(struct counter *counter, uint64_t token) {
    uint64_t value = counter->semaphore ? 1 : counter->count;
    bool small = value < VFS_NUMBER_MOST;
    if (!small && pk_copy_to_caller(token, 0, &value, WIDTH) != (long)WIDTH) {
        return -EFAULT;
    }
    counter->count -= value;
    return small ? VFS_READ_NUMBER + (long)value : (long)WIDTH;
}

static bool has_room(const struct counter *counter, uint64_t add) {
    return add <= COUNT_MOST - counter->count;
}

static void answer(struct waiter *waiter, long result) {
    struct counter_wait *wait = container_of(waiter, struct counter_wait, waiter);
    waiter_finish(waiter, result);
    counter_put(wait->counter);
    free(wait);
}

/* The first who waits and can be served is: what changed by it for others; 0: there is none. */
static uint32_t serve_one(struct counter *counter) {
    struct waiter *reader = waiter_first(&counter->readers);
    struct waiter *writer = waiter_first(&counter->writers);
    if (reader && counter->count > 0) {
        answer(reader, give(counter, waiter_token(reader)));
        return POLL_OUTPUT;
    }
    struct counter_wait *wait = writer ? container_of(writer, struct counter_wait, waiter) : NULL;
    if (wait && has_room(counter, wait->add)) {
        counter->count += wait->add;
        answer(writer, (long)WIDTH);
        return POLL_INPUT;
    }
    return 0;
}

/* Serves who can be served, some at once and more by the job; then those who poll hear what changed. */
static bool serve(struct counter *counter, uint32_t what) {
    uint32_t more = 1;
    for (int i = 0; i < SERVED_AT_ONCE && more; i++) {
        more = serve_one(counter);
        what |= more;
    }
    poll_wake(&counter->pollers, what);
    return more != 0;
}

static bool serve_step(struct job *job) {
    struct counter *counter = container_of(job, struct counter, job);
    bool more = serve(counter, 0);
    if (!more) {
        counter_put(counter);
    }
    return more;
}

static void settle(struct counter *counter, uint32_t what) {
    counter->refs++;
    if (serve(counter, what) && !job_is_queued(&counter->job)) {
        counter->refs++;
        job_queue(&counter->job);
    }
    counter_put(counter);
}

/* A writer that goes makes way for a smaller one. */
static long wait_ended(struct waiter *waiter, enum waiter_end why) {
    struct counter_wait *wait = container_of(waiter, struct counter_wait, waiter);
    struct counter *counter = wait->counter;
    (void)why;
    free(wait);
    settle(counter, 0);
    counter_put(counter);
    return -EINTR;
}

static const struct waiter_ops wait_ops = {.ended = wait_ended};

static long wait_in(struct request *req, const struct file *file, struct waiter_queue *queue,
                    uint64_t add) {
    if (file->flags & LX_O_NONBLOCK) {
        return -EAGAIN;
    }
    struct counter_wait *wait = malloc(sizeof(*wait));
    if (!wait) {
        return -ENOMEM;
    }
    wait->counter = file->counter;
    wait->counter->refs++;
    wait->add = add;
    waiter_init(&wait->waiter, req, request_client(req), &wait_ops);
    waiter_enqueue(queue, &wait->waiter);
    return SERVER_DEFER;
}

static long eventfd_read(struct request *req, struct file *file, int64_t offset) {
    struct counter *counter = file->counter;
    (void)offset;
    if (request_out_len(req) < WIDTH) {
        return -EINVAL;
    }
    if (counter->count == 0) {
        return wait_in(req, file, &counter->readers, 0);
    }
    long result = give(counter, req->token);
    settle(counter, result == -EFAULT ? 0 : POLL_OUTPUT);
    return result;
}

static long add_to(struct request *req, struct file *file, uint64_t add) {
    struct counter *counter = file->counter;
    if (add == UINT64_MAX) {
        return -EINVAL;
    }
    if (!has_room(counter, add)) {
        return wait_in(req, file, &counter->writers, add);
    }
    counter->count += add;
    settle(counter, POLL_INPUT);
    return (long)WIDTH;
}

static long eventfd_write(struct request *req, struct file *file, int64_t offset) {
    uint64_t add;
    (void)offset;
    if (request_in_len(req) < WIDTH) {
        return -EINVAL;
    }
    return request_read(req, 0, &add, WIDTH) == (long)WIDTH ? add_to(req, file, add) : -EFAULT;
}

static uint32_t eventfd_poll(struct file *file) {
    const struct counter *counter = file->counter;
    return (counter->count > 0 ? POLL_INPUT : 0) | (has_room(counter, 1) ? POLL_OUTPUT : 0);
}

static struct poll_queue *eventfd_poll_queue(struct file *file) {
    return &file->counter->pollers;
}

static void eventfd_close(struct file *file) {
    counter_put(file->counter);
}

static const struct file_ops eventfd_ops = {
    .read = eventfd_read,
    .write = eventfd_write,
    .poll = eventfd_poll,
    .poll_queue = eventfd_poll_queue,
    .close = eventfd_close,
    .name = "[eventfd]",
};

long eventfd_add(struct request *req, struct file *file, uint64_t number) {
    return file->ops == &eventfd_ops ? add_to(req, file, number) : -ENOTTY;
}

static struct counter *counter_new(uint32_t count, bool semaphore) {
    struct counter *counter = calloc(1, sizeof(*counter));
    if (counter) {
        counter->refs = 1;
        counter->count = count;
        counter->semaphore = semaphore;
        waiter_queue_init(&counter->readers);
        waiter_queue_init(&counter->writers);
        poll_queue_init(&counter->pollers);
        job_init(&counter->job, serve_step);
    }
    return counter;
}

long vfs_handle_eventfd(struct request *req, uint32_t count, uint32_t flags) {
    struct context *context = request_context(req);
    if (!context) {
        return -EBADF;
    }
    if (flags & ~(LX_EFD_SEMAPHORE | LX_O_CLOEXEC | LX_O_NONBLOCK)) {
        return -EINVAL;
    }
    struct counter *counter = counter_new(count, flags & LX_EFD_SEMAPHORE);
    struct file *file =
        counter ? file_new(node_nameless, &eventfd_ops, LX_O_RDWR | (flags & LX_O_NONBLOCK)) : NULL;
    if (!file) {
        free(counter);
        return -ENOMEM;
    }
    file->counter = counter;
    return fd_give(context, file, flags & LX_O_CLOEXEC);
}
