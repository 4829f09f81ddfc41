/* SPDX-License-Identifier: MIT */
/*
 * Locks on files: record locks of fcntl(2), by process or by open file, and flock(2).
 *
 * A file has a struct locks while anybody has it locked or waits to. Who must wait waits at the lock that stops
 * it, and is looked at again when that lock changes; nobody looks at the others.
 */
#ifndef VFS_LOCKS_H
#define VFS_LOCKS_H

#include "file.h"
#include "lock_ranges.h"

/* Who asks, and for what. */
struct lock_request {
    struct file *file;
    uint64_t key; /* of the owner: context->lock_key of a process, or an open file */
    int pid;      /* -1: an open file's */
    bool flock;   /* flock(2)'s, which record locks do not see */
    bool waits;
    uint64_t first, last;
    enum lock_kind kind;
};

/* The key of a process that starts: never the same again, and odd, as no open file's is. */
uint64_t lock_key_new(void);
static inline uint64_t lock_key_of_file(const struct file *file) {
    return (uint64_t)(uintptr_t)file;
}

/*
 * Locks or unlocks: 0, -EAGAIN, -EDEADLK, -ENOLCK; SERVER_DEFER: the caller waits, or is handled again.
 */
long locks_change(struct request *req, const struct lock_request *asked);

/* The lock that stops this request, for F_GETLK; NULL if none does. SERVER_DEFER in *result: handle it again. */
const struct lock *locks_test(struct request *req, const struct lock_request *asked, long *result);

/* That owner has closed the file: all of its record locks go; by lock_key_of_file(): flock's, too. */
void locks_closed(struct node *node, uint64_t key);

#endif
