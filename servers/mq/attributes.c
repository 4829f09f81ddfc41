/* SPDX-License-Identifier: MIT */
/* What can be asked of a queue: mq_getattr(3), mq_setattr(3), and read(2) of its file. */
#include "mq.h"
#include <stdio.h>

long mq_handle_attributes(struct request *req, int fd, uint32_t flags, uint32_t use) {
    const struct client *client = request_client(req);
    long error;
    if ((flags != MQ_KEEP && flags & ~O_NONBLOCK) || use > O_RDWR)
        return -EINVAL;
    const struct opened *at = opened_at(client, fd, use, &error);
    if (!at)
        return error;
    const struct queue *queue = at->queue;
    uint32_t old = at->flags & O_NONBLOCK;
    error = flags == MQ_KEEP ? 0 : files_nonblock(client_pid(client), fd, flags);
    if (error < 0)
        return -EBADF; /* it was closed meanwhile */
    if (flags != MQ_KEEP)
        queue_looked_at(at->queue);
    mq_results_attributes(&req->msg, old, (int64_t)queue->maxmsg, (int64_t)queue->msgsize,
                          (int64_t)queue->messages.count);
    return 0;
}

/* SIGEV_SIGNAL, or nobody, is 0. */
static int sigev_of(int how) {
    return how == MQ_NOTIFY_NONE ? 1 : how == MQ_NOTIFY_THREAD ? 2 : 0;
}

static int text_of(struct queue *queue, char *text, size_t size) {
    int how, signal, pid = notify_pid(queue, &how, &signal);
    return snprintf(text, size, "QSIZE:%-10lu NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n",
                    (unsigned long)queue->messages.bytes, sigev_of(how), signal, pid);
}

long mq_handle_text(struct request *req, int fd, int64_t offset) {
    const struct client *client = request_client(req);
    char text[128];
    long error;
    const struct opened *at = opened_at(client, fd, O_RDONLY, &error);
    if (!at)
        return error;
    uint64_t length = (uint64_t)text_of(at->queue, text, sizeof text), from = (uint64_t)offset;
    if (offset < 0 && files_read(client_pid(client), fd, length, request_out_len(req), &from) < 0)
        return -EBADF;
    if (from >= length)
        return 0;
    queue_looked_at(at->queue);
    uint64_t left = length - from, room = request_out_len(req);
    return request_write(req, 0, text + from, left < room ? left : room);
}

long mq_handle_times(struct request *req, uint64_t number) {
    struct queue *queue = files_queue(number);
    (void)req;
    if (!queue)
        return -ENOENT;
    if (queue->changed || queue->looked)
        files_times(queue);
    queue->changed = queue->looked = 0;
    return 0;
}
