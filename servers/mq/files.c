/* SPDX-License-Identifier: MIT */
/*
 * What vfs has of queues: descriptors, names, rights, and who polls (served_* in protocols/vfs.toml).
 *
 * The words are a page of ours that vfs writes and we read. A vfs that was started anew writes other ones: stamps of before
 * must not come again, so the first word begins further up.
 */
#include "mq.h"

#define GONE_AT_ONCE 32
#define STAMP_RESTART (1ull << 48) /* more changes than a vfs lives to count */
#define FILE_SIZE 80               /* FILENT_SIZE of Linux's ipc/mqueue.c */

const volatile uint64_t *files_words;

static uint64_t vfs(void) {
    static uint64_t slot;
    if (!slot)
        slot = boot_cap("vfs");
    return slot;
}

/* Ours, mapped to be read, and vfs's to be written. The object stays while it is mapped. */
static uint64_t make_words(uint64_t first) {
    uint64_t size = VFS_SERVED_WORDS * sizeof(uint64_t);
    uint64_t object = (uint64_t)must(pk_object_create(size, 0, 0));
    must(pk_object_write(object, 0, &first, sizeof first));
    long address = must(pk_map(0, 0, size, PK_PROT_READ | PK_MAP_SHARED, object, 0, object));
    must(pk_populate(0, (uint64_t)address, size));
    if (files_words)
        must(pk_unmap(0, (uint64_t)files_words, size));
    files_words = (const uint64_t *)address;
    return object;
}

/* If vfs is dead it says so itself when it is there again (VFS_EVENT_NEW). */
void files_begin(void) {
    static uint64_t first;
    uint64_t object = make_words(first += STAMP_RESTART);
    while (vfs_served_begin(vfs(), object) > 0)
        continue;
    must(pk_cap_drop(0, object));
}

/* Of those before a restart none is given out again. */
uint64_t files_number(void) {
    static uint64_t last;
    return ++last + ((uint64_t)boot_info->restarts << 32);
}

/* If nobody has it open nobody polls it. */
void files_tell(const struct queue *queue, uint32_t changed) {
    pk_may_fail(vfs_served_ready(vfs(), queue->node.key, queue_polls(queue), changed));
}

struct queue *files_queue(uint64_t number) {
    struct hash_node *node = hash_find(&mq_state.table, number);
    return node ? container_of(node, struct queue, node) : NULL;
}

/* To who has no such descriptor, and to vfs which has none of it, any call is about a bad one. */
long files_at(int pid, int fd, struct queue **queue, uint32_t *flags) {
    uint64_t number;
    if (vfs_served_at(vfs(), pid, fd, &number, flags) < 0)
        return -EBADF;
    *queue = files_queue(number);
    return *queue ? 0 : -EBADF;
}

long files_open(int pid, uint32_t flags, const char *name, uint64_t length, struct queue **queue) {
    uint64_t number;
    long fd = vfs_served_open(vfs(), pid, flags, name, length, &number);
    *queue = fd < 0 ? NULL : files_queue(number);
    return fd;
}

long files_make(int pid, const struct queue *queue, uint32_t flags, uint32_t mode, const char *name,
                uint64_t length) {
    return vfs_served_make(vfs(), pid, queue->node.key, flags, mode, queue_polls(queue), FILE_SIZE,
                           name, length);
}

long files_unlink(int pid, const char *name, uint64_t length) {
    return vfs_served_unlink(vfs(), pid, name, length);
}

long files_nonblock(int pid, int fd, bool on) {
    return vfs_served_nonblock(vfs(), pid, fd, on);
}

long files_read(int pid, int fd, uint64_t size, uint64_t room, uint64_t *offset) {
    return vfs_served_read(vfs(), pid, fd, size, room, offset);
}

void files_times(const struct queue *queue) {
    pk_may_fail(vfs_served_times(vfs(), queue->node.key, queue->changed,
                                 queue->looked)); /* it may be gone there */
}

/* If it has no descriptor any more it cannot close one. */
void files_watch(const struct queue *queue, int pid) {
    pk_may_fail(vfs_served_watch(vfs(), queue->node.key, pid));
}

bool files_watched(const struct queue *queue, int pid) {
    int watcher;
    return vfs_served_watched(vfs(), queue->node.key, &watcher) == 0 && watcher == pid;
}

long files_cookie(int pid, int fd, const void *cookie, uint64_t *number) {
    return vfs_cookie_keep(vfs(), pid, fd, cookie, VFS_COOKIE_SIZE, number);
}

/* A vfs that was started anew has none, nor the socket. */
void files_cookie_send(uint64_t number, uint32_t end) {
    pk_may_fail(vfs_cookie_send(vfs(), number, end));
}

bool files_gone(void) {
    uint64_t number;
    for (int i = 0; i < GONE_AT_ONCE; i++) {
        bool closed = vfs_served_closed(vfs(), &number) == 0;
        if (!closed && vfs_served_gone(vfs(), &number) < 0)
            return false;
        struct queue *queue = files_queue(number);
        if (queue && closed)
            notify_closed(queue);
        else if (queue)
            queue_end(queue);
    }
    return true;
}
