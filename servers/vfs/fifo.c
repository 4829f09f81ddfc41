/* SPDX-License-Identifier: MIT */
/* The life of pipes, and the opening of their ends; FIFOs wait for the other end (fifo(7)). */
#include "pipe.h"

#include <stdlib.h>

struct open_wait {
    struct waiter waiter;
    struct pipe *pipe;
    int fd;
    bool reads;
};

struct pipe *pipe_new(void) {
    struct pipe *pipe = calloc(1, sizeof(*pipe));
    if (pipe) {
        ring_init(&pipe->ring);
        waiter_queue_init(&pipe->reading);
        waiter_queue_init(&pipe->writing);
        waiter_queue_init(&pipe->opening);
        poll_queue_init(&pipe->pollers);
        job_init(&pipe->job, pipe_serve);
    }
    return pipe;
}

void pipe_put(struct pipe *pipe) {
    if (--pipe->refs != 0) {
        return;
    }
    if (pipe->node) {
        pipe->node->pipe = NULL;
    }
    ring_destroy(&pipe->ring);
    free(pipe);
}

#define OPENED_AT_ONCE 16

/* Openers that wait for an end which is open now. */
bool pipe_wake_openers(struct pipe *pipe) {
    struct waiter *waiter = waiter_first(&pipe->opening);
    int most = OPENED_AT_ONCE;
    while (waiter && most > 0) {
        struct waiter *next = waiter_next(&pipe->opening, waiter);
        struct open_wait *wait = container_of(waiter, struct open_wait, waiter);
        if ((wait->reads ? pipe->writers : pipe->readers) > 0) {
            waiter_finish(waiter, wait->fd);
            pipe_put(pipe);
            free(wait);
            most--;
        }
        waiter = next;
    }
    return waiter != NULL;
}

void pipe_open(struct pipe *pipe, struct file *file) {
    file->pipe = pipe;
    pipe->refs++;
    pipe->readers += file_reads(file);
    pipe->writers += file_writes(file);
    if (pipe_wake_openers(pipe)) {
        pipe_serve_later(pipe);
    }
}

static long open_ended(struct waiter *waiter, enum waiter_end why) {
    struct open_wait *wait = container_of(waiter, struct open_wait, waiter);
    if (why != WAITER_DEAD && waiter->client && waiter->client->data) {
        fd_close(waiter->client->data, wait->fd);
    }
    pipe_put(wait->pipe);
    free(wait);
    return -EINTR;
}

static const struct waiter_ops open_ops = {.ended = open_ended};

long fifo_wait_open(struct request *req, struct file *file, int fd) {
    struct pipe *pipe = file->pipe;
    bool reads = file_reads(file);
    if (pipe->unnamed || (file->flags & LX_O_NONBLOCK) || (reads && file_writes(file)) ||
        (reads ? pipe->writers : pipe->readers) > 0) {
        return fd;
    }
    struct open_wait *wait = malloc(sizeof(*wait));
    if (!wait) {
        fd_close(request_context(req), fd);
        return -ENOMEM;
    }
    wait->pipe = pipe;
    wait->fd = fd;
    wait->reads = reads;
    pipe->refs++;
    waiter_init(&wait->waiter, req, request_client(req), &open_ops);
    waiter_enqueue(&pipe->opening, &wait->waiter);
    return SERVER_DEFER;
}
