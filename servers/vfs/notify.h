/* SPDX-License-Identifier: MIT */
/*
 * What happens to files, for those who watch them: inotify(7). Whatever does something to a file says so here; that
 * costs a look at a number while nobody watches anything.
 */
#ifndef VFS_NOTIFY_H
#define VFS_NOTIFY_H

#include "file.h"

#define NOTIFY_ACCESS 0x001u
#define NOTIFY_MODIFY 0x002u
#define NOTIFY_ATTRIB 0x004u
#define NOTIFY_CLOSE_WRITE 0x008u
#define NOTIFY_CLOSE_NOWRITE 0x010u
#define NOTIFY_OPEN 0x020u
#define NOTIFY_MOVED_FROM 0x040u
#define NOTIFY_MOVED_TO 0x080u
#define NOTIFY_CREATE 0x100u
#define NOTIFY_DELETE 0x200u
#define NOTIFY_DELETE_SELF 0x400u
#define NOTIFY_MOVE_SELF 0x800u
#define NOTIFY_ALL 0xfffu
#define NOTIFY_OVERFLOW 0x4000u
#define NOTIFY_IGNORED 0x8000u
#define NOTIFY_DIRECTORY 0x40000000u

struct inotify;

/* A node that somebody watches. It does not keep the node. */
struct notify_watch {
    struct tree_node place;    /* in its inotify's watches, by its number */
    struct notify_watch *next; /* of its node: node->watches */
    struct notify_watch **link;
    struct inotify *inotify;
    struct node *node;
    uint32_t mask; /* NOTIFY_*, and how */
};

/* How many there are. */
extern uint64_t notify_count;

void notify_tell_node(const struct node *node, uint32_t what);
void notify_tell_name(const struct node *dir, const char *name, size_t length,
                      const struct node *child, uint32_t what, uint32_t cookie);

/* Something happened to a node: who watches it hears, and who watches its directory. */
static inline void notify_node(const struct node *node, uint32_t what) {
    if (notify_count) {
        notify_tell_node(node, what);
    }
}
/* Something happened to a name in a directory, which stands or stood for `child`. */
static inline void notify_name(const struct node *dir, const char *name, size_t length,
                               const struct node *child, uint32_t what, uint32_t cookie) {
    if (notify_count) {
        notify_tell_name(dir, name, length, child, what, cookie);
    }
}
/* Two names that belong to one move. */
uint32_t notify_cookie(void);
/* The node goes, and its watches with it. */
void notify_gone(struct node *node);

/* inotify.c: an event for a watch; it may end it. */
void inotify_tell(struct notify_watch *watch, uint32_t what, uint32_t cookie, const char *name,
                  size_t length);
void inotify_forget(struct notify_watch *watch);

#endif
