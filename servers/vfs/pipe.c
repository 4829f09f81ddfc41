/* SPDX-License-Identifier: MIT */
/* Pipes: reading, writing, waiting (pipe.h). Opening and closing of ends is in fifo.c, the bytes in pipe_data.c. */
#include "pipe.h"

#include <stdlib.h>

/* What one request copies and answers at most, in bytes; an answer counts as much as so many. */
#define PASS_MOST 32768u
#define SERVE_MOST 32768u
#define ANSWER_COST 2048u

/* A caller that waits in read, or in write with `done` of its bytes in the pipe already. */
struct pipe_wait {
    struct waiter waiter;
    struct pipe *pipe;
    uint64_t length;
    uint64_t done;
    bool packets; /* a writer's (pipe2(2): O_DIRECT) */
};

static void settle(struct pipe *pipe, uint32_t what);

static struct pipe_wait *wait_of(struct waiter *waiter) {
    return container_of(waiter, struct pipe_wait, waiter);
}

static void wait_free(struct pipe_wait *wait) {
    pipe_put(wait->pipe);
    free(wait);
}

/*
 * A signal or the caller's death: what has gone into the pipe already counts (pipe(7)), and a
 * writer behind this one may have room now.
 */
static long wait_ended(struct waiter *waiter, enum waiter_end why) {
    struct pipe_wait *wait = wait_of(waiter);
    long result = wait->done > 0 ? (long)wait->done : -EINTR;
    (void)why;
    settle(wait->pipe, POLL_ANY);
    wait_free(wait);
    return result;
}

static const struct waiter_ops wait_ops = {.ended = wait_ended};

static long wait_on(struct request *req, struct file *file, struct waiter_queue *queue,
                    uint64_t length, uint64_t done) {
    struct pipe *pipe = file->pipe;
    struct pipe_wait *wait = malloc(sizeof(*wait));
    if (!wait) {
        return done > 0 ? (long)done : -ENOMEM;
    }
    wait->pipe = pipe;
    wait->length = length;
    wait->done = done;
    wait->packets = file->flags & LX_O_DIRECT;
    pipe->refs++;
    waiter_init(&wait->waiter, req, request_client(req), &wait_ops);
    waiter_enqueue(queue, &wait->waiter);
    return SERVER_DEFER;
}

/* Takes a waiter out with its answer. */
static void answer(struct pipe_wait *wait, long result) {
    waiter_finish(&wait->waiter, result);
    wait_free(wait);
}

/* Serves the first reader if it can be: what that took of a request's time; 0 if there is none, or nothing
 * for it. */
static uint64_t serve_reader(struct pipe *pipe) {
    struct waiter *waiter = waiter_first(&pipe->reading);
    if (!waiter || (ring_used(&pipe->ring) == 0 && pipe->writers > 0)) {
        return 0;
    }
    struct pipe_wait *wait = wait_of(waiter);
    long done = pipe_give(pipe, waiter_token(waiter), wait->length);
    answer(wait, done);
    return ANSWER_COST + (done > 0 ? (uint64_t)done : 0);
}

static uint64_t serve_writer(struct pipe *pipe) {
    struct waiter *waiter = waiter_first(&pipe->writing);
    if (!waiter) {
        return 0;
    }
    struct pipe_wait *wait = wait_of(waiter);
    if (pipe->readers == 0) {
        answer(wait, wait->done > 0 ? VFS_BROKEN_PIPE + (long)wait->done : -EPIPE);
        return ANSWER_COST;
    }
    long done =
        pipe_take(pipe, waiter_token(waiter), wait->done, wait->length - wait->done, wait->packets);
    if (done < 0) {
        answer(wait, wait->done > 0 ? (long)wait->done : done);
        return ANSWER_COST;
    }
    wait->done += (uint64_t)done;
    if (wait->done == wait->length) {
        answer(wait, (long)wait->done);
    }
    return done > 0 ? ANSWER_COST + (uint64_t)done : 0;
}

/* Serves whoever waits until nothing moves any more; true if that would take too long for one request. */
static bool serve(struct pipe *pipe) {
    uint64_t spent = 0;
    while (spent < SERVE_MOST) {
        uint64_t cost = serve_reader(pipe);
        cost = cost ? cost : serve_writer(pipe);
        if (cost == 0) {
            return false;
        }
        spent += cost;
    }
    return true;
}

/* Something changed by which others can go on, who wait in a call or by poll(2). */
static void settle(struct pipe *pipe, uint32_t what) {
    pipe->refs++;
    if (serve(pipe)) {
        pipe_serve_later(pipe);
    }
    poll_wake(&pipe->pollers, what);
    pipe_put(pipe);
}

void pipe_serve_later(struct pipe *pipe) {
    if (!job_is_queued(&pipe->job)) {
        pipe->refs++;
        job_queue(&pipe->job);
    }
}

bool pipe_serve(struct job *job) {
    struct pipe *pipe = container_of(job, struct pipe, job);
    bool more = pipe_wake_openers(pipe);
    more |= serve(pipe);
    poll_wake(&pipe->pollers, POLL_ANY);
    if (!more) {
        pipe_put(pipe);
    }
    return more;
}

/*
 * Writer to the first reader that waits, if nothing is between them: bytes. 0 if there is none, or if one
 * of the two has a bad buffer: which one, the copies by way of the ring tell. A packet is passed as a whole: what
 * the reader has no room for is lost.
 */
static long pass(struct pipe *pipe, uint64_t token, uint64_t length, bool packets) {
    struct waiter *reader = waiter_first(&pipe->reading);
    if (!reader || ring_used(&pipe->ring) > 0) {
        return 0;
    }
    struct pipe_wait *wait = wait_of(reader);
    uint64_t count = length < wait->length ? length : wait->length;
    uint64_t most = packets ? PIPE_ATOMIC : PASS_MOST;
    if (count > most) {
        count = most;
    }
    if (pk_caller_to_caller(token, 0, waiter_token(reader), 0, count) != (long)count) {
        return 0;
    }
    answer(wait, (long)count);
    return packets ? (long)(length < PIPE_ATOMIC ? length : PIPE_ATOMIC) : (long)count;
}

static __attribute__((noinline)) long read_some(struct pipe *pipe, uint64_t token,
                                                uint64_t length) {
    bool was_full = ring_room(&pipe->ring) < PIPE_ATOMIC;
    long done = pipe_give(pipe, token, length);
    settle(pipe, was_full ? POLL_ANY : 0);
    return done;
}

static long pipe_read(struct request *req, struct file *file, int64_t offset) {
    struct pipe *pipe = file->pipe;
    uint64_t length = request_out_len(req);
    (void)offset;
    if (length == 0) {
        return 0;
    }
    if (ring_used(&pipe->ring) == 0) {
        if (pipe->writers == 0) {
            return 0;
        }
        if (file->flags & LX_O_NONBLOCK) {
            return -EAGAIN;
        }
        return wait_on(req, file, &pipe->reading, length, 0);
    }
    return read_some(pipe, req->token, length);
}

static long pipe_write(struct request *req, struct file *file, int64_t offset) {
    struct pipe *pipe = file->pipe;
    uint64_t length = request_in_len(req);
    bool packets = file->flags & LX_O_DIRECT;
    (void)offset;
    if (length == 0) {
        return 0;
    }
    if (pipe->readers == 0) {
        return -EPIPE;
    }
    /* Behind another writer that waits, one must wait too, or its bytes would be torn apart. */
    long done = 0;
    if (waiter_queue_empty(&pipe->writing)) {
        done = pass(pipe, req->token, length, packets);
        if ((uint64_t)done == length) {
            return done;
        }
        long taken = pipe_take(pipe, req->token, (uint64_t)done, length - (uint64_t)done, packets);
        if (taken < 0) {
            return done > 0 ? done : taken;
        }
        done += taken;
        if (taken > 0) {
            settle(pipe, POLL_INPUT);
        }
    }
    if ((uint64_t)done == length) {
        return done;
    }
    if (file->flags & LX_O_NONBLOCK) {
        return done > 0 ? done : -EAGAIN;
    }
    long result = wait_on(req, file, &pipe->writing, length, (uint64_t)done);
    if (result == SERVER_DEFER) {
        settle(pipe, POLL_INPUT);
    }
    return result;
}

long vfs_handle_tee(struct request *req, int from_fd, int to_fd, uint64_t length) {
    struct context *context = request_context(req);
    struct file *from = fd_file(context, from_fd), *to = fd_file(context, to_fd);
    if (!from || !to || !file_reads(from) || !file_writes(to)) {
        return -EBADF;
    }
    if (from->ops != &pipe_ops || to->ops != &pipe_ops || from->pipe == to->pipe ||
        from->pipe->framed || to->pipe->framed || to->flags & LX_O_DIRECT) {
        return -EINVAL;
    }
    if (to->pipe->readers == 0) {
        return -EPIPE;
    }
    if (ring_used(&from->pipe->ring) == 0 && from->pipe->writers == 0) {
        return 0;
    }
    if (!waiter_queue_empty(&to->pipe->writing)) {
        return -EAGAIN; /* whoever waits for room comes first */
    }
    long done = pipe_copy(from->pipe, to->pipe, length < PASS_MOST ? length : PASS_MOST);
    if (done > 0) {
        settle(to->pipe, POLL_INPUT);
    }
    return done;
}

long pipe_set_capacity(struct pipe *pipe, uint64_t wanted) {
    uint32_t bytes = (uint32_t)wanted, size = RING_FIRST;
    if (bytes > 1u << 31) {
        return -EINVAL;
    }
    if (bytes > RING_LARGEST) {
        return -EPERM;
    }
    while (size < bytes) {
        size *= 2;
    }
    if (ring_used(&pipe->ring) - pipe->header_bytes > size) {
        return -EBUSY;
    }
    if (!ring_limit(&pipe->ring, size)) {
        return -ENOMEM;
    }
    settle(pipe, POLL_ANY);
    return size;
}

static long pipe_ioctl(struct request *req, struct file *file, uint32_t request,
                       uint64_t argument) {
    (void)argument;
    if (request != LX_FIONREAD) {
        return -ENOTTY;
    }
    int32_t value = (int32_t)(ring_used(&file->pipe->ring) - file->pipe->header_bytes);
    return request_write(req, 0, &value, sizeof(value)) < 0 ? -EFAULT : 0;
}

static uint32_t pipe_poll(struct file *file) {
    const struct pipe *pipe = file->pipe;
    uint32_t bits = 0;
    if (file_reads(file)) {
        if (ring_used(&pipe->ring) > 0) {
            bits |= LX_POLLIN | LX_POLLRDNORM;
        }
        if (pipe->writers == 0) {
            bits |= LX_POLLHUP;
        }
    }
    if (file_writes(file)) {
        if (pipe->readers == 0) {
            bits |= LX_POLLERR;
        }
        if (ring_room(&pipe->ring) >= PIPE_ATOMIC) {
            bits |= LX_POLLOUT | LX_POLLWRNORM;
        }
    }
    return bits;
}

static struct poll_queue *pipe_poll_queue(struct file *file) {
    return &file->pipe->pollers;
}

static void pipe_close(struct file *file) {
    struct pipe *pipe = file->pipe;
    pipe->readers -= file_reads(file);
    pipe->writers -= file_writes(file);
    settle(pipe, POLL_ANY);
    pipe_put(pipe);
}

const struct file_ops pipe_ops = {
    .read = pipe_read,
    .write = pipe_write,
    .ioctl = pipe_ioctl,
    .poll = pipe_poll,
    .poll_queue = pipe_poll_queue,
    .close = pipe_close,
};
