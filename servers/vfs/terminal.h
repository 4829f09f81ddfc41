/* SPDX-License-Identifier: MIT */
/*
 * Terminals as this server knows them: who waits for which. The serial line is number 0, /dev/pts/N number N + 1
 * (protocols/console.toml).
 */
#ifndef VFS_TERMINAL_H
#define VFS_TERMINAL_H

#include <lib/hash.h>
#include <lib/job.h>
#include <lib/waiter.h>

#include "node.h"
#include "poll.h"

#define GROUP_TTY 5 /* Debian's */

/* Who waits at one end of it. */
struct side {
    struct waiter_queue readers, writers;
    struct poll_queue pollers;
    /* What the console said could be done by files of that opening. It holds until it wakes the terminal, or the next
     * call that moves bytes. */
    long readiness;
    uint64_t readiness_of;
    bool readiness_known;
};

struct terminal {
    struct hash_node number; /* in the table, from the opening of its master to its close */
    struct list link;        /* of all in the table */
    uint32_t refs;           /* open files, waiting callers, the table */
    struct job job;          /* there is more to try than one turn may take */
    struct side slave, master;
    struct node *name; /* its node in /dev/pts */
    bool ended;        /* its master is closed */
};

/* In the table, for its master; NULL: no memory. */
struct terminal *terminal_new(uint32_t number);
/* It is not in the table any more, and who waits tries again. */
void terminal_end(struct terminal *terminal);
struct terminal *terminal_find(uint32_t number);
struct terminal *terminal_hold(struct terminal *terminal);
void terminal_put(struct terminal *terminal);
/* There is something to try for those who wait. */
void terminal_retry_later(struct terminal *terminal);

/* The console signalled that something is possible that was not. */
void terminals_woken(void);
/* It has started anew, and no pseudo-terminal is there any more. */
void terminals_lost(void);
/* At the start: /dev/pts. */
void pty_init(struct node *directory);
bool pty_has(const struct node *node); /* it is that directory, or in it */

#endif
