/* SPDX-License-Identifier: MIT */
/*
 * poll(2): callers that wait for any of several descriptors.
 *
 * A waiting call keeps its own copy of the requests. When a pipe or the terminal changes, all
 * waiting calls are looked at again; there are few of them, and each is short.
 */
#include "pipe.h"

#include <lib/clock.h>
#include <stdlib.h>

#define POLL_MOST FD_SOFT_LIMIT

struct poll_wait {
    struct waiter waiter;
    size_t count;
    struct lx_pollfd requests[];
};

static struct waiter_queue waiting = {LIST_INIT(waiting.list)};

/* Sets revents; how many are not 0. */
static long check(const struct process *process, struct lx_pollfd *requests, size_t count) {
    long found = 0;
    for (size_t i = 0; i < count; i++) {
        struct lx_pollfd *request = &requests[i];
        request->revents = 0;
        if (request->fd < 0) {
            continue;
        }
        struct file *file = fd_file(process, request->fd);
        uint32_t bits = file ? file->ops->poll(file) : LX_POLLNVAL;
        uint32_t wanted = (uint16_t)request->events | LX_POLLERR | LX_POLLHUP | LX_POLLNVAL;
        request->revents = (int16_t)(bits & wanted);
        found += request->revents != 0;
    }
    return found;
}

static long copy_out(uint64_t token, const struct lx_pollfd *requests, size_t count, long found) {
    if (count == 0) {
        return found;
    }
    long copied = pk_copy_to_caller(token, 0, requests, count * sizeof(*requests));
    return copied < 0 ? copied : found;
}

static long poll_ended(struct waiter *waiter, enum waiter_end why) {
    struct poll_wait *wait = container_of(waiter, struct poll_wait, waiter);
    long result = -EINTR;
    if (why == WAITER_EXPIRED) {
        long found = check(waiter->client->data, wait->requests, wait->count);
        result = copy_out(waiter_token(waiter), wait->requests, wait->count, found);
    }
    free(wait);
    return result;
}

static const struct waiter_ops poll_ops = {.ended = poll_ended};

void poll_wake(void) {
    struct waiter *waiter = waiter_first(&waiting);
    while (waiter) {
        struct waiter *next = waiter_next(&waiting, waiter);
        struct poll_wait *wait = container_of(waiter, struct poll_wait, waiter);
        long found = check(waiter->client->data, wait->requests, wait->count);
        if (found > 0) {
            long result = copy_out(waiter_token(waiter), wait->requests, wait->count, found);
            waiter_finish(waiter, result);
            free(wait);
        }
        waiter = next;
    }
}

long vfs_handle_poll(struct request *req, int64_t timeout_ns) {
    size_t count = request_in_len(req) / sizeof(struct lx_pollfd);
    const struct process *process = request_process(req);
    if (!process) {
        return -EBADF;
    }
    if (count > POLL_MOST) {
        return -EINVAL;
    }
    struct poll_wait *wait = malloc(sizeof(*wait) + count * sizeof(struct lx_pollfd));
    if (!wait) {
        return -ENOMEM;
    }
    wait->count = count;
    if (count > 0 && request_read(req, 0, wait->requests, count * sizeof(struct lx_pollfd)) < 0) {
        free(wait);
        return -EFAULT;
    }
    long found = check(process, wait->requests, count);
    if (found > 0 || timeout_ns == 0) {
        long result = copy_out(req->token, wait->requests, count, found);
        free(wait);
        return result;
    }
    waiter_init(&wait->waiter, req, request_client(req), &poll_ops);
    if (timeout_ns > 0 && waiter_set_deadline(&wait->waiter, clock_ns() + (uint64_t)timeout_ns)) {
        waiter_remove(&wait->waiter);
        free(wait);
        return -ENOMEM;
    }
    waiter_enqueue(&waiting, &wait->waiter);
    return SERVER_DEFER;
}
