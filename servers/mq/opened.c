/* SPDX-License-Identifier: MIT */
/*
 * What descriptors stand for. vfs knows it, and to ask it at each call would double the messages. So its answer is kept,
 * with a stamp that it changes before anything about the descriptor does (files.c): a record is true as long as the stamp
 * is the same. Whatever a program does to its descriptors by vfs, its next call here finds the record stale, for vfs
 * answers it only when the stamp has changed.
 */
#include "mq.h"
#include <stdlib.h>
#include <string.h>

#define SIZE_FIRST 16
#define KEPT_MOST                                                                                  \
    4096 /* descriptors; of those from here on, which few programs have, vfs is asked each time */

static bool reserve(struct member *member, uint32_t fd) {
    uint32_t size = member->size ? member->size : SIZE_FIRST;
    while (size <= fd)
        size *= 2;
    if (size == member->size)
        return true;
    struct opened *opened = realloc(member->opened, size * sizeof *opened);
    if (!opened)
        return false;
    memset(opened + member->size, 0, (size - member->size) * sizeof *opened);
    member->opened = opened;
    member->size = size;
    return true;
}

/* The stamp is read before vfs is asked: what changes after its answer changes the stamp. */
struct opened *opened_ask(const struct client *client, int fd, long *error) {
    struct member *member = member_of(client);
    struct opened now = {.stamp = files_stamp(client_pid(client))};
    *error = files_at(client_pid(client), fd, &now.queue, &now.flags);
    if (*error < 0)
        return NULL;
    static struct opened far;
    bool kept = fd < KEPT_MOST;
    if (kept && !reserve(member, (uint32_t)fd)) {
        *error = -ENOMEM;
        return NULL;
    }
    *error = -EBADF; /* if it may not be used so */
    struct opened *opened = kept ? &member->opened[fd] : &far;
    *opened = now;
    return opened;
}
