/* SPDX-License-Identifier: MIT */
/*
 * The descriptors of a process: open files by number, in groups of 64.
 *
 * A fork shares the groups, whatever is in them: who changes a number first gets a copy of its group. Then the open files
 * of that group have one descriptor more, and only then: a group has one reference on each, however many share it. A
 * close must not fail for want of memory, nor an exec, so for each one that shares a group there is room for its copy,
 * which the fork made.
 */
#ifndef VFS_DESCRIPTORS_H
#define VFS_DESCRIPTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct file;

#define FD_GROUP 64

struct fd_group {
    uint32_t refs;
    struct fd_group *spare; /* room for refs - 1 copies */
    uint64_t used, cloexec; /* a bit each */
    struct file *files[FD_GROUP];
};

struct fd_table {
    struct fd_group **groups; /* NULL: none of its numbers is open */
    const struct fd_group
        *first;    /* the first of them, or one without files: most numbers are small */
    uint32_t size; /* of groups */
    int lowest;    /* no number below it is free */
};

void fd_table_init(struct fd_table *table);

struct file *fd_table_file_far(const struct fd_table *table, uint32_t fd);

/* The open file of that number, or NULL. Numbers may be negative. */
static inline struct file *fd_table_file(const struct fd_table *table, int fd) {
    uint32_t number = (uint32_t)fd;
    return number < FD_GROUP ? table->first->files[number] : fd_table_file_far(table, number);
}

/* The first from `fd` on that is open, and to be closed by an exec if that is wanted; or -1. */
int fd_table_next(const struct fd_table *table, int fd, bool cloexec);

/* An open one's. */
bool fd_table_cloexec(const struct fd_table *table, int fd);
void fd_table_set_cloexec(struct fd_table *table, int fd, bool on);
/* An exec closes all that are open from `first` to `last`. */
void fd_table_mark_cloexec(struct fd_table *table, int first, int last);

/* The file, whose reference moves, gets the first free number from `least` on: that; -EMFILE if it is `limit` or more; -ENOMEM. */
long fd_table_add(struct fd_table *table, int least, int limit, struct file *file, bool cloexec);
/* It gets that number; *before is what had it, whose reference is the caller's now, or NULL. False: no memory. */
bool fd_table_put(struct fd_table *table, int fd, struct file *file, bool cloexec,
                  struct file **before);
/* The number is free again: what had it, whose reference moves, or NULL. */
struct file *fd_table_take(struct fd_table *table, int fd);

/* `to` becomes a copy. False: no memory, and nothing has changed. */
bool fd_table_fork(struct fd_table *from, struct fd_table *to);
/*
 * Moves all that are open from `first` to `last`, or those of them that an exec closes, from one table into another, that is
 * empty. False: no memory for all of them; the others stay.
 */
bool fd_table_split(struct fd_table *from, struct fd_table *to, int first, int last, bool cloexec);
/* One that shares the group does so no more; there are others. */
void fd_group_leave(struct fd_group *group);
/* The array of groups, which are seen to. */
void fd_table_end(struct fd_table *table);

#endif
