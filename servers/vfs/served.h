/* SPDX-License-Identifier: MIT */
/*
 * Things whose work another server does, and the descriptors that stand for them (served.c); the directories in which
 * they have names (served_names.c). docs/decisions/descriptors-of-other-servers.md.
 */
#ifndef VFS_SERVED_H
#define VFS_SERVED_H

#include "file.h"
#include "poll.h"

#define SERVED_NAME_MOST 24
#define SERVED_SERVERS 8 /* badges from PK_BADGE_SERVER on that may have things */

struct served {
    struct hash_node
        node; /* in its server's table, by its number; or, with `link`, among those that have gone */
    struct list link;
    struct list closed; /* among those that their watcher has closed */
    unsigned server;
    uint32_t refs;      /* open files, and the file that is its name's */
    uint32_t holds;     /* LX_POLL* */
    int reads;          /* VFS_SERVED_*: what reads of it are */
    uint64_t times_set; /* ns of CLOCK_REALTIME, when utimensat(2) last set its file's; 0: never */
    struct node *file;  /* that has its name, or had it and is open still; NULL: it never had one */
    int watcher;        /* whose closing its server is to hear of; 0: nobody's */
    struct poll_queue pollers;
    char name[SERVED_NAME_MOST]; /* as /proc/PID/fd has it; empty: by its file */
};

/* A server that has things. */
struct owner {
    const char *events; /* its notification, as the boot manifest has it; NULL: it has no things */
    const char *folder; /* the directory of its names, in /dev; NULL: they have none */
    struct node *directory;
    struct hash served;
    struct list gone;   /* of which it is to hear; they are empty but for their numbers */
    struct list closed; /* struct served.closed */
    volatile uint64_t
        *words; /* what changes is counted there (served_begin); NULL: it does not ask */
};

/* The sender's; NULL: it is no server that has things. */
struct owner *served_owner(const struct request *req);

/* A new thing of that number, with one reference; NULL if there is no memory. */
struct served *served_new(const struct request *req, uint64_t number);
struct served *served_find(const struct owner *owner, uint64_t number);
void served_put(struct served *served);

/* A descriptor for a thing, closed on exec or not; an open file of the node. -EMFILE, -ENOMEM. */
long served_give(struct context *context, struct served *served, struct node *node, uint32_t flags);

bool file_is_served(const struct file *file);
/* A descriptor of the process stands for it no more; it is served. */
void served_left(const struct file *file, int pid);
/* O_NONBLOCK of an open file that is served has changed. */
void served_flags_changed(const struct file *file);
/* What an open file stands for, if it is the sender's; else 0. */
uint64_t served_number_to(const struct request *req, const struct file *file);

/* The directories, when /dev is there; and, after a restart, whose things are lost hears so. */
void served_setup(const struct node *dev);

/* socket_cookie.c: the oldest go, so many at most; true: there are more. */
bool cookies_end_some(unsigned most);

extern const struct file_ops served_file_ops; /* open files of nodes of MODE_SERVED */

#endif
