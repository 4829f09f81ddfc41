/* SPDX-License-Identifier: MIT */
/*
 * What descriptors stand for. vfs knows it, and to ask it at each call would double the messages. So its answer is kept,
 * with a stamp that it changes before anything about the descriptor does (files.c): a record is true as long as the stamp
 * is the same. Whatever a program does to its descriptors by vfs, its next call here finds the record stale, for vfs
 * answers it only when the stamp has changed.
 */
#include "mq.h"
#include <stdlib.h>

static struct hash table;
static struct list ended = LIST_INIT(ended); /* of processes that have ended */

static void opened_free(struct opened *opened) {
    list_remove(&opened->of_member);
    hash_remove(&table, &opened->node);
    free(opened);
}

static bool free_some(struct job *job) {
    (void)job;
    for (int i = 0; i < FREED_AT_ONCE && !list_empty(&ended); i++)
        opened_free(container_of(ended.next, struct opened, of_member));
    return !list_empty(&ended);
}

void opened_end(struct member *member) {
    static struct job job = {.link = LIST_INIT(job.link), .step = free_some};
    if (list_empty(&member->opened))
        return;
    list_move_all(&ended, &member->opened);
    if (free_some(&job))
        job_queue(&job);
}

static struct opened *opened_new(struct member *member, uint64_t key) {
    struct opened *opened = malloc(sizeof *opened);
    if (!opened)
        return NULL;
    hash_insert(&table, &opened->node, key);
    list_add_tail(&member->opened, &opened->of_member);
    return opened;
}

/* The stamp is read before vfs is asked: what changes after its answer changes the stamp. */
static __attribute__((noinline)) struct opened *
ask(const struct client *client, int fd, uint64_t key, struct opened *opened, long *error) {
    struct queue *queue;
    uint32_t flags;
    uint64_t stamp = files_stamp(client_pid(client));
    *error = files_at(client_pid(client), fd, &queue, &flags);
    if (*error < 0) {
        if (opened)
            opened_free(opened);
        return NULL;
    }
    if (!opened && !(opened = opened_new(member_of(client), key))) {
        *error = -ENOMEM;
        return NULL;
    }
    opened->queue = queue;
    opened->flags = flags;
    opened->stamp = stamp;
    return opened;
}

static bool allows(uint32_t flags, uint32_t use) {
    uint32_t mode = flags & O_ACCMODE;
    return use == O_RDWR || mode == O_RDWR || mode == use;
}

struct opened *opened_at(const struct client *client, int fd, uint32_t use, long *error) {
    *error = -EBADF;
    if (!client || fd < 0)
        return NULL;
    uint64_t key = member_of(client)->serial + (uint32_t)fd;
    struct hash_node *node = hash_find(&table, key);
    struct opened *opened = node ? container_of(node, struct opened, node) : NULL;
    if (!opened || opened->stamp != files_stamp(client_pid(client)))
        opened = ask(client, fd, key, opened, error);
    if (!opened)
        return NULL;
    if (!allows(opened->flags, use)) {
        *error = -EBADF;
        return NULL;
    }
    return opened;
}
