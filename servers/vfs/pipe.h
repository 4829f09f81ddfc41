/* SPDX-License-Identifier: MIT */
/*
 * Pipes and FIFOs (pipe(7), fifo(7)).
 *
 * Invariants: a reader waits only while the ring is empty and somebody can still write; a writer
 * waits only while its (rest of a) write does not fit. A write of at most PIPE_BUF bytes is atomic.
 */
#ifndef VFS_PIPE_H
#define VFS_PIPE_H

#include <lib/waiter.h>

#include "file.h"
#include "poll.h"
#include "ring.h"

#define PIPE_ATOMIC 4096 /* PIPE_BUF */

struct pipe {
    struct ring ring;
    bool framed;           /* the ring's bytes stand in frames with headers (pipe_data.c): */
    bool frame_is_packet;  /* the one that has begun */
    uint32_t frame_left;   /* bytes of it; 0: a header is next */
    uint32_t header_bytes; /* in the ring */
    uint32_t refs;         /* open ends and waiting callers */
    uint32_t readers;
    uint32_t writers;
    struct waiter_queue reading;
    struct waiter_queue writing;
    struct waiter_queue opening; /* a FIFO's openers that wait for the other end */
    struct node *node;           /* whose pipe it is */
    bool unnamed;                /* pipe(2)'s: who opens it by /proc/PID/fd waits for nobody */
    struct poll_queue pollers;
    struct job job; /* serves those who wait if they are many; has a reference while it is queued */
};

/* Ring to caller, up to the end of a packet: bytes, or -EFAULT. */
long pipe_give(struct pipe *pipe, uint64_t token, uint64_t length);
/*
 * Caller to ring, from `offset` in its buffer: as much as fits of `length`, but nothing of an atomic write that does
 * not fit whole; as packets of PIPE_BUF bytes at most. Bytes, or a negative errno.
 */
long pipe_take(struct pipe *pipe, uint64_t token, uint64_t offset, uint64_t length, bool packets);

/* Ring to another ring, which keeps them both: bytes, or -ENOMEM, -EAGAIN: there is nothing, or no room. */
long pipe_copy(struct pipe *from, struct pipe *to, uint64_t length);

struct pipe *pipe_new(void);
/* fcntl(2), F_SETPIPE_SZ: the capacity that the pipe has then, or a negative errno. */
long pipe_set_capacity(struct pipe *pipe, uint64_t wanted);
void pipe_put(struct pipe *pipe);
/* Serves those who wait and can be served; the job. */
bool pipe_serve(struct job *job);
/* The same for openers: a number of them; true if there are more. */
bool pipe_wake_openers(struct pipe *pipe);
/* More can be served than one request may. */
void pipe_serve_later(struct pipe *pipe);

/* Opens one or both ends by the file's flags, for a file that will be at its process' fd. */
void pipe_open(struct pipe *pipe, struct file *file);
/*
 * openat(2) on a FIFO whose file and descriptor are made: the descriptor, or SERVER_DEFER while
 * the other end is not open. On a signal the descriptor is closed again.
 */
long fifo_wait_open(struct request *req, struct file *file, int fd);

#endif
