/* SPDX-License-Identifier: MIT */
/*
 * Closing many descriptors: few at a time, for the last one of a file may take long to end. The first ones are closed at once:
 * who waits for the end of a pipe's writer hears of it before that one's parent does.
 */
#include "descriptors.h"
#include "file.h"

#include <limits.h>
#include <stdlib.h>

#define CLOSED_AT_ONCE 16
#define LOOKED_AT_ONCE 1024 /* groups */

/* Descriptors that a process has no more. */
struct closing {
    int pid;
    uint64_t lock_key;
    bool left; /* of the process these files know already */
    struct fd_table fds;
    uint32_t at; /* the group that is next */
    bool begun;
    uint64_t rest; /* of that group, if it is begun: what has not been seen to yet */
};

/* The rest of it, in steps. */
struct closing_rest {
    struct continuation call; /* who waits until all are closed, or */
    struct job job;           /* nobody does */
    struct closing closing;
};

static void leave(const struct closing *c, struct file *file) {
    if (!c->left) {
        file_left(file, c->pid, c->lock_key);
    }
}

/*
 * One group, as far as the credit goes. While others share it the process only leaves; if all others have left meanwhile, its
 * files are to be closed after all. False: the credit ended.
 */
static bool close_group(struct closing *c, struct fd_group *group, int *credit) {
    if (!c->begun) {
        c->rest = group->used;
        c->begun = true;
    }
    do {
        bool alone = group->refs == 1;
        if (alone && !c->rest) {
            c->rest = group->used;
        }
        for (uint32_t i = 0; i < FD_GROUP && c->rest >> i; i++) {
            if (!(c->rest >> i & 1)) {
                continue;
            }
            if ((*credit)-- == 0) {
                return false;
            }
            c->rest &= ~(1ull << i);
            leave(c, group->files[i]);
            if (alone) {
                group->used &= ~(1ull << i);
                file_put(group->files[i]);
            }
        }
    } while (group->refs == 1 && group->used);
    if (group->refs == 1) {
        free(group);
    } else {
        fd_group_leave(group);
    }
    return true;
}

/* True: there is more. */
static bool close_some(struct closing *c) {
    int credit = CLOSED_AT_ONCE;
    for (int looked = 0; c->at < c->fds.size; looked++) {
        struct fd_group *group = c->fds.groups[c->at];
        if (looked == LOOKED_AT_ONCE || (group && !close_group(c, group, &credit))) {
            return true;
        }
        c->begun = false;
        c->at++;
    }
    fd_table_end(&c->fds);
    return false;
}

static bool step(struct job *job) {
    struct closing_rest *rest = container_of(job, struct closing_rest, job);
    if (close_some(&rest->closing)) {
        return true;
    }
    free(rest);
    return false;
}

static struct closing_rest *rest_of(struct continuation *call) {
    return container_of(call, struct closing_rest, call);
}

static long call_step(struct continuation *call) {
    return close_some(&rest_of(call)->closing) ? SERVER_DEFER : 0;
}

/* If its caller has died it goes on without. */
static void call_release(struct continuation *call) {
    struct closing_rest *rest = rest_of(call);
    if (!rest->closing.fds.groups) {
        free(rest);
        return;
    }
    job_init(&rest->job, step);
    job_queue(&rest->job);
}

static const struct continuation_ops call_ops = {.step = call_step, .release = call_release};

/* All of c, which is the caller's; what is not closed at once goes on elsewhere. The answer to the request, if there is one. */
static long close_all(struct closing *c, const struct request *req) {
    if (!close_some(c)) {
        return 0;
    }
    struct closing_rest *rest = malloc(sizeof(*rest));
    if (!rest) {
        rest = own_calloc(1, sizeof(*rest));
    }
    if (!rest) {
        while (close_some(c)) {
        }
        return 0;
    }
    rest->closing = *c;
    if (req) {
        continuation_init(&rest->call, req, &call_ops);
        continuation_go(&rest->call);
        return SERVER_DEFER;
    }
    job_init(&rest->job, step);
    job_queue(&rest->job);
    return 0;
}

void fds_end(struct context *context) {
    struct closing c = {.pid = context->pid, .lock_key = context->lock_key, .fds = context->fds};
    fd_table_init(&context->fds);
    close_all(&c, NULL);
}

/* One after the other, but not more than so many; the next, or -1. */
static int close_first(struct context *context, int fd, int last, bool cloexec, int most) {
    fd = fd_table_next(&context->fds, fd, cloexec);
    while (fd >= 0 && fd <= last && most-- > 0) {
        fd_close(context, fd);
        fd = fd_table_next(&context->fds, fd, cloexec);
    }
    return fd > last ? -1 : fd;
}

long fds_close(struct context *context, const struct request *req, int first, int last) {
    int fd = close_first(context, first, last, false, CLOSED_AT_ONCE);
    if (fd < 0) {
        return 0;
    }
    struct closing c = {.pid = context->pid, .lock_key = context->lock_key};
    if (!fd_table_split(&context->fds, &c.fds, fd, last, false)) {
        close_first(context, fd, last, false, INT_MAX);
    }
    return close_all(&c, req);
}

/* What has a process's name on it is to know before the new program does anything. */
static void all_left(struct closing *c) {
    for (uint32_t at = 0; at < c->fds.size; at++) {
        const struct fd_group *group = c->fds.groups[at];
        for (uint32_t i = 0; group && i < FD_GROUP && group->used >> i; i++) {
            if (group->used >> i & 1) {
                leave(c, group->files[i]);
            }
        }
    }
    c->left = true;
}

void fds_exec(struct context *context) {
    int fd = close_first(context, 0, INT_MAX, true, CLOSED_AT_ONCE);
    if (fd < 0) {
        return;
    }
    struct closing c = {.pid = context->pid, .lock_key = context->lock_key};
    if (!fd_table_split(&context->fds, &c.fds, fd, INT_MAX, true)) {
        close_first(context, fd, INT_MAX, true, INT_MAX);
    }
    all_left(&c);
    close_all(&c, NULL);
}
