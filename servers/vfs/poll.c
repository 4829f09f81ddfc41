/* SPDX-License-Identifier: MIT */
/*
 * poll(2): callers that wait for any of several descriptors.
 *
 * A call that waits has an entry for each descriptor, which stands in the queue of what it waits for; a
 * change wakes just those. Both a call of many entries and a change that many wait for are dealt with in
 * slices, as jobs: the call is *looking* (its entries are placed and looked at), *waiting*, or *found* (an
 * entry is ready; all are looked at again and leave their queues). When it is *over* its caller has gone.
 */
#include "poll.h"

#include "file.h"

#include <lib/clock.h>
#include <lib/job.h>
#include <stdlib.h>

#define SLICE 128

enum poll_state { LOOKING, WAITING, FOUND, OVER };

struct poll_entry {
    struct poll_watch watch;
    struct poll_wait *wait;
    struct file *file; /* held while the entry stands in a queue, else NULL */
};

struct poll_wait {
    struct waiter waiter;
    struct job job;
    enum poll_state state;
    bool changed; /* an entry was woken while it looked at them, maybe one that it had looked at */
    bool has_deadline;
    uint64_t deadline;
    long found;
    size_t count;
    size_t at; /* the entry whose turn it is, unless it waits */
    struct lx_pollfd *requests;
    struct poll_entry entries[];
};

static uint32_t wanted(const struct lx_pollfd *request) {
    return (uint16_t)request->events | LX_POLLERR | LX_POLLHUP | LX_POLLNVAL;
}

static struct file *file_of(const struct poll_wait *wait, size_t at) {
    const struct context *context = wait->waiter.client ? wait->waiter.client->data : NULL;
    return wait->entries[at].file ? wait->entries[at].file
                                  : fd_file(context, wait->requests[at].fd);
}

/* Sets revents of one request. */
static void look(struct poll_wait *wait, size_t at) {
    struct lx_pollfd *request = &wait->requests[at];
    request->revents = 0;
    if (request->fd < 0) {
        return;
    }
    struct file *file = file_of(wait, at);
    uint32_t bits = file ? file->ops->poll(file) : LX_POLLNVAL;
    request->revents = (int16_t)(bits & wanted(request));
    wait->found += request->revents != 0;
}

static bool woken(struct poll_watch *watch, uint32_t what);

static void stand(struct poll_wait *wait, size_t at) {
    struct poll_entry *entry = &wait->entries[at];
    struct file *file = file_of(wait, at);
    if (!file || !file->ops->poll_queue || entry->file) {
        return;
    }
    entry->file = file;
    file->refs++;
    entry->watch.woken = woken;
    entry->watch.exclusive = false;
    poll_stand(file->ops->poll_queue(file), &entry->watch);
}

static void leave(struct poll_wait *wait, size_t at) {
    struct poll_entry *entry = &wait->entries[at];
    struct file *file = entry->file;
    if (file) {
        poll_leave(&entry->watch);
        entry->file = NULL;
        file_put(file);
    }
}

static long copy_out(uint64_t token, const struct poll_wait *wait) {
    if (wait->count == 0) {
        return wait->found;
    }
    long copied =
        pk_copy_to_caller(token, 0, wait->requests, wait->count * sizeof(struct lx_pollfd));
    return copied < 0 ? copied : wait->found;
}

/* Its entries leave their queues a slice at a time. */
static bool over_step(struct job *job) {
    struct poll_wait *wait = container_of(job, struct poll_wait, job);
    size_t end = wait->count - wait->at > SLICE ? wait->at + SLICE : wait->count;
    for (; wait->at < end; wait->at++) {
        leave(wait, wait->at);
    }
    if (wait->at < wait->count) {
        return true;
    }
    free(wait);
    return false;
}

static void wait_free(struct poll_wait *wait) {
    job_cancel(&wait->job);
    wait->state = OVER;
    wait->at = 0;
    wait->job.step = over_step;
    if (over_step(&wait->job)) {
        job_queue(&wait->job);
    }
}

/* Nothing was found, or it would have been woken: at its deadline there is nothing to look at again. */
static long poll_ended(struct waiter *waiter, enum waiter_end why) {
    struct poll_wait *wait = container_of(waiter, struct poll_wait, waiter);
    long result = -EINTR;
    if (why == WAITER_EXPIRED) {
        wait->found = 0;
        result = copy_out(waiter_token(waiter), wait);
    }
    wait_free(wait);
    return result;
}

static const struct waiter_ops poll_ops = {.ended = poll_ended};

static void finish(struct poll_wait *wait) {
    waiter_finish(&wait->waiter, copy_out(waiter_token(&wait->waiter), wait));
    wait_free(wait);
}

/* Without memory for its deadline it ends: better than too late. */
static void wait_for_change(struct poll_wait *wait) {
    wait->state = WAITING;
    if (wait->has_deadline && waiter_set_deadline(&wait->waiter, wait->deadline)) {
        waiter_finish(&wait->waiter, -ENOMEM);
        wait_free(wait);
    }
}

static void begin(struct poll_wait *wait, enum poll_state state) {
    wait->state = state;
    wait->at = 0;
    wait->found = 0;
    wait->changed = false;
}

/* One slice of entries; true if there are more. */
static bool slice(struct poll_wait *wait) {
    size_t end = wait->count - wait->at > SLICE ? wait->at + SLICE : wait->count;
    for (; wait->at < end; wait->at++) {
        if (wait->state == LOOKING) {
            stand(wait, wait->at);
        }
        look(wait, wait->at);
        if (wait->state == FOUND) {
            leave(wait, wait->at);
        }
    }
    return wait->at < wait->count;
}

/* What was ready may be gone again when all have been looked at: then it goes on waiting. */
static bool poll_step(struct job *job) {
    struct poll_wait *wait = container_of(job, struct poll_wait, job);
    if (slice(wait)) {
        return true;
    }
    if (wait->found > 0 || (wait->has_deadline && wait->deadline <= clock_ns())) {
        finish(wait);
        return false;
    }
    if (wait->state == FOUND || wait->changed) {
        begin(wait, wait->changed ? FOUND : LOOKING);
        return true;
    }
    wait_for_change(wait);
    return false;
}

/* An entry is ready. A call of few entries is answered at once. */
static void found(struct poll_wait *wait) {
    if (wait->state != WAITING) {
        wait->changed = wait->state == LOOKING;
        return;
    }
    begin(wait, FOUND);
    if (wait->count > SLICE || poll_step(&wait->job)) {
        job_queue(&wait->job);
    }
}

/* Looks at an entry that a change woke. */
static bool woken(struct poll_watch *watch, uint32_t what) {
    struct poll_entry *entry = container_of(watch, struct poll_entry, watch);
    struct file *file = entry->file;
    struct poll_wait *wait = entry->wait;
    uint32_t events = wanted(&wait->requests[entry - wait->entries]);
    if (!(what & events) || !(file->ops->poll(file) & events)) {
        return false;
    }
    found(wait);
    return true;
}

static struct poll_wait *wait_new(const struct request *req, size_t count, int64_t timeout_ns) {
    size_t size = count * (sizeof(struct poll_entry) + sizeof(struct lx_pollfd));
    struct poll_wait *wait = malloc(sizeof(*wait) + size);
    if (!wait) {
        return NULL;
    }
    wait->waiter.client = request_client(req);
    job_init(&wait->job, poll_step);
    wait->count = count;
    wait->has_deadline = timeout_ns >= 0;
    wait->deadline = timeout_ns > 0 ? clock_after((uint64_t)timeout_ns) : 0;
    wait->requests = (struct lx_pollfd *)(void *)&wait->entries[count];
    for (size_t at = 0; at < count; at++) {
        wait->entries[at].wait = wait;
        wait->entries[at].file = NULL;
    }
    begin(wait, LOOKING);
    return wait;
}

/* A call of few entries: nothing is placed if it need not wait. */
static long poll_few(struct request *req, struct poll_wait *wait) {
    for (size_t at = 0; at < wait->count; at++) {
        look(wait, at);
    }
    if (wait->found > 0 || (wait->has_deadline && wait->deadline == 0)) {
        long result = copy_out(req->token, wait);
        free(wait);
        return result;
    }
    waiter_init(&wait->waiter, req, wait->waiter.client, &poll_ops);
    for (size_t at = 0; at < wait->count; at++) {
        stand(wait, at);
    }
    wait_for_change(wait);
    return SERVER_DEFER;
}

long vfs_handle_poll(struct request *req, int64_t timeout_ns) {
    size_t count = request_in_len(req) / sizeof(struct lx_pollfd);
    const struct context *context = request_context(req);
    if (!context) {
        return -EBADF;
    }
    if (count > (uint64_t)context->limit) {
        return -EINVAL;
    }
    struct poll_wait *wait = wait_new(req, count, timeout_ns);
    if (!wait) {
        return -ENOMEM;
    }
    if (count > 0 && request_read(req, 0, wait->requests, count * sizeof(struct lx_pollfd)) < 0) {
        free(wait);
        return -EFAULT;
    }
    if (count <= SLICE) {
        return poll_few(req, wait);
    }
    waiter_init(&wait->waiter, req, wait->waiter.client, &poll_ops);
    job_queue(&wait->job);
    return SERVER_DEFER;
}
