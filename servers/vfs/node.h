/* SPDX-License-Identifier: MIT */
/*
 * The tree of files: nodes (what Unix calls inodes) and the names that lead to them.
 *
 * Pure data: no messages, no kernel calls, no permissions (access.h), no paths (path.h). What a
 * node's data needs on release is done by node_release_data(), which data.c defines.
 *
 * Invariants: a node lives while nlink or refs is not 0. A directory's nlink is 2 plus its
 * subdirectories; it holds a reference on its parent, so ".." of a removed directory is valid. A
 * name is in its directory's ordered list and in the one hash table, or in neither.
 */
#ifndef VFS_NODE_H
#define VFS_NODE_H

#include <common/tree.h>
#include <lib/hash.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAME_LONGEST 255
#define PATH_LONGEST 4096 /* with its NUL */

/* File types, asm-generic/stat.h. */
#define MODE_TYPE 0170000u
#define MODE_FIFO 0010000u
#define MODE_CHARACTER 0020000u
#define MODE_DIRECTORY 0040000u
#define MODE_BLOCK 0060000u
#define MODE_REGULAR 0100000u
#define MODE_SYMLINK 0120000u
#define MODE_SOCKET 0140000u
#define MODE_SERVED                                                                                \
    0110000u /* here alone: another server's thing (served.h), a regular file to all others */
#define MODE_SETUID 04000u
#define MODE_SETGID 02000u
#define MODE_STICKY 01000u

struct locks;
struct notify_watch;
struct pipe;
struct served;
struct socket;
struct name;
struct waiter_queue;

struct node {
    uint32_t mode;
    uint32_t uid;
    uint32_t gid;
    uint32_t nlink;
    uint32_t refs; /* open files, working directories, subdirectories' way up */
    uint32_t dev;  /* st_dev: DEVICE_* */
    uint64_t ino;
    uint64_t size;  /* regular: bytes; symlink: length */
    uint64_t atime; /* nanoseconds since 1970 */
    uint64_t mtime;
    uint64_t ctime;
    struct notify_watch *watches; /* who is told what happens to it (notify.h) */
    struct locks *locks;          /* of processes and open files; NULL: none (locks.h) */
    struct name *own; /* a name that leads to it, a directory's only one; NULL: none is known */
    char *removed; /* the path of the one that was it and is gone, for /proc/PID/fd; may be NULL */
    union {
        struct {
            uint64_t object;   /* memory object slot, 0 while there is no data */
            uint64_t capacity; /* bytes that the object has */
            /* A write or a cut that takes long is going on: who else wants to change the file waits here. */
            struct waiter_queue *busy;
            uint32_t writers; /* open files that may write it */
            uint32_t runs;    /* processes that run it */
            bool uncut;       /* pages behind the end are still to go */
            bool sparse;      /* it may have fewer pages than its size says */
            bool memory;      /* memfd_create(2) made it: it may have seals */
            bool linkable;    /* O_TMPFILE made it: without a name it may get one still */
            uint8_t seals;    /* LX_F_SEAL_* (seals.h) */
            bool shared;      /* somebody may write to it by way of his memory */
            bool mapped; /* somebody has got its object, by whose number it is found (mapped.c) */
            struct hash_node object_id; /* in that table */
            uint64_t written;           /* uptime of the last such write that its times tell */
        } file;
        struct {
            struct node *parent;
            struct tree names; /* struct name.place */
            uint64_t next_cookie;
            bool
                served; /* its names are another server's things: they are made and go by that server */
            bool remote;       /* its contents are another server's: paths into it get -EREMOTE */
            char *remote_path; /* a remote directory without a name: its absolute path */
            int files_of;      /* its names are this process's descriptors; 0: it is no such one */
        } dir;
        char *target;          /* symlink */
        struct pipe *pipe;     /* FIFO, while open */
        struct socket *socket; /* that is bound to it; NULL: none */
        struct served *served; /* MODE_SERVED */
        uint64_t device;       /* character, block: device number */
    };
};

/* One name in a directory. Cookies grow in order of creation: getdents64(2) positions. */
struct name {
    struct name *hash_next;
    struct tree_node
        place; /* in dir's names, in the order of their making; its key is the cookie */
    struct node *dir;
    struct node *node;
    uint32_t hash;
    uint32_t length;
    char text[];
};

#define DEVICE_TREE 1
#define DEVICE_SERVED 3 /* the directories of other servers' things */
#define DEVICE_MADE 2   /* what the process server made up, and its directory's other entries */

#define COOKIE_FIRST 3 /* 0 is ".", 1 is "..", 2 is where names begin */

static inline uint32_t node_type(const struct node *node) {
    return node->mode & MODE_TYPE;
}
/* As all others see it. */
static inline uint32_t node_mode(const struct node *node) {
    return node_type(node) == MODE_SERVED ? (node->mode & ~MODE_TYPE) | MODE_REGULAR : node->mode;
}
static inline bool node_is_dir(const struct node *node) {
    return node_type(node) == MODE_DIRECTORY;
}
static inline bool node_is_regular(const struct node *node) {
    return node_type(node) == MODE_REGULAR;
}
static inline bool node_is_symlink(const struct node *node) {
    return node_type(node) == MODE_SYMLINK;
}

/* Is it a program that a process runs? */
static inline bool node_is_running(const struct node *node) {
    return node_is_regular(node) && node->file.runs > 0;
}

/* The root directory; NULL before tree_init and if there was no memory. */
extern struct node *tree_root;
/* The directory whose contents are the process server's; NULL: there is none. */
extern struct node *tree_remote;
/* `secret` keys the hash of names: whoever knows it can make names that collide. */
int tree_init(uint64_t secret);
/* Called by tree_init (dir.c). */
void names_init(uint64_t secret);

/* A node without a name and without references; NULL if there is no memory. */
struct node *node_new(uint32_t mode, uint32_t uid, uint32_t gid);
struct node *node_hold(struct node *node);
void node_put(struct node *node);
/* Frees the node if nothing refers to it (after its last name went). */
void node_check(struct node *node);
void node_release_data(struct node *node);
/*
 * It has been read. The access time changes if it is not later than the last change, or a day old: as on Linux, which
 * calls this relatime (mount(8)).
 */
void node_accessed(struct node *node);

/* Before its times are told or set: what was written to its mappings has changed it (mapped.c). */
void node_written(struct node *node);

/* Nodes alive: for statfs(2) and for leak checks. */
uint64_t tree_node_count(void);

struct name *dir_find(const struct node *dir, const char *text, size_t length);
/* 0, or -ENOMEM, -EEXIST. Counts links, and makes dir the parent of a directory. */
int dir_add(struct node *dir, const char *text, size_t length, struct node *node);
/* Takes the name away; the node goes with its last name and reference. */
void dir_remove(struct name *name);
/* Renames, over what has the new name already; 0 or -ENOMEM, with nothing changed. */
int dir_move(struct name *name, struct node *dir, const char *text, size_t length);
/* Each name leads to what the other one led to. */
void dir_exchange(struct name *one, struct name *other);
bool dir_is_empty(const struct node *dir);
/* How many times a directory may have got another parent. */
extern uint64_t dir_moves;
/* The first name with at least that cookie, or NULL. */
struct name *dir_at(const struct node *dir, uint64_t cookie);
/* Time stamps come from here: nanoseconds since 1970. */
uint64_t vfs_now(void);

#endif
