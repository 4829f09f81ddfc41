/* SPDX-License-Identifier: MIT */
/* Tables of descriptors (descriptors.h). The array of groups doubles. */
#include "descriptors.h"

#include "file.h"

#include <parley/errno.h>
#include <stdlib.h>
#include <string.h>

static uint64_t bit(int fd) {
    return 1ull << ((uint32_t)fd % FD_GROUP);
}

static const struct fd_group no_files;

void fd_table_init(struct fd_table *table) {
    *table = (struct fd_table){.first = &no_files};
}

static void set_group(struct fd_table *table, uint32_t at, struct fd_group *group) {
    table->groups[at] = group;
    if (at == 0) {
        table->first = group ? group : &no_files;
    }
}

struct file *fd_table_file_far(const struct fd_table *table, uint32_t fd) {
    uint32_t at = fd / FD_GROUP;
    const struct fd_group *group = at < table->size ? table->groups[at] : NULL;
    return group ? group->files[fd % FD_GROUP] : NULL;
}

static struct fd_group *group_of(const struct fd_table *table, int fd) {
    uint32_t at = (uint32_t)fd / FD_GROUP;
    return at < table->size ? table->groups[at] : NULL;
}

/* A copy of a group that others have, too; of the table alone. */
static __attribute__((noinline)) struct fd_group *copy_group(struct fd_table *table, uint32_t at) {
    struct fd_group *group = table->groups[at], *copy = group->spare, *spare = copy->spare;
    memcpy(copy, group, sizeof(*copy));
    copy->refs = 1;
    copy->spare = NULL;
    group->spare = spare;
    group->refs--;
    for (uint32_t i = 0; i < FD_GROUP && copy->used >> i; i++) {
        if (copy->used >> i & 1) {
            copy->files[i]->refs++;
        }
    }
    set_group(table, at, copy);
    return copy;
}

/* To be changed. */
static inline struct fd_group *own_group(struct fd_table *table, uint32_t at) {
    struct fd_group *group = table->groups[at];
    return group->refs == 1 ? group : copy_group(table, at);
}

/* Of the bits of a group's numbers those from `first` to `last`. */
static uint64_t range(uint32_t at, int first, int last) {
    int64_t from = (int64_t)first - (int64_t)at * FD_GROUP,
            to = (int64_t)last - (int64_t)at * FD_GROUP;
    uint64_t low = from <= 0 ? UINT64_MAX : from >= FD_GROUP ? 0 : UINT64_MAX << from;
    uint64_t high = to < 0 ? 0 : to >= FD_GROUP - 1 ? UINT64_MAX : (2ull << to) - 1;
    return low & high;
}

int fd_table_next(const struct fd_table *table, int fd, bool cloexec) {
    uint32_t at = (uint32_t)fd / FD_GROUP, i = (uint32_t)fd % FD_GROUP;
    for (; at < table->size; at++, i = 0) {
        const struct fd_group *group = table->groups[at];
        uint64_t wanted = group ? group->used & (cloexec ? group->cloexec : UINT64_MAX) : 0;
        for (wanted >>= i; wanted; wanted >>= 1, i++) {
            if (wanted & 1) {
                return (int)(at * FD_GROUP + i);
            }
        }
    }
    return -1;
}

bool fd_table_cloexec(const struct fd_table *table, int fd) {
    return (group_of(table, fd)->cloexec & bit(fd)) != 0;
}

static void mark(struct fd_group *group, int fd, bool on) {
    group->cloexec = on ? group->cloexec | bit(fd) : group->cloexec & ~bit(fd);
}

void fd_table_set_cloexec(struct fd_table *table, int fd, bool on) {
    if (fd_table_cloexec(table, fd) != on) {
        mark(own_group(table, (uint32_t)fd / FD_GROUP), fd, on);
    }
}

void fd_table_mark_cloexec(struct fd_table *table, int first, int last) {
    for (uint32_t at = (uint32_t)first / FD_GROUP; at < table->size && (int)(at * FD_GROUP) <= last;
         at++) {
        const struct fd_group *group = table->groups[at];
        uint64_t wanted = group ? group->used & range(at, first, last) & ~group->cloexec : 0;
        if (wanted) {
            own_group(table, at)->cloexec |= wanted;
        }
    }
}

static bool grow(struct fd_table *table, uint32_t least) {
    uint32_t size = table->size ? table->size : 1;
    while (size < least) {
        size *= 2;
    }
    struct fd_group **groups = realloc(table->groups, size * sizeof(struct fd_group *));
    if (!groups) {
        return false;
    }
    memset(groups + table->size, 0, (size - table->size) * sizeof(struct fd_group *));
    table->groups = groups;
    table->size = size;
    return true;
}

/* The group of a number, to be changed; NULL: no memory. */
static inline struct fd_group *make_group(struct fd_table *table, uint32_t at) {
    if (at < table->size && table->groups[at]) {
        return own_group(table, at);
    }
    if (at >= table->size && !grow(table, at + 1)) {
        return NULL;
    }
    struct fd_group *group = calloc(1, sizeof(*group));
    if (group) {
        group->refs = 1;
        set_group(table, at, group);
    }
    return group;
}

static inline struct file *exchange(struct fd_group *group, int fd, struct file *file,
                                    bool cloexec) {
    struct file *before = group->files[(uint32_t)fd % FD_GROUP];
    group->files[(uint32_t)fd % FD_GROUP] = file;
    group->used |= bit(fd);
    mark(group, fd, cloexec);
    return before;
}

/* The first from `fd` on that is free. */
static inline uint32_t free_from(const struct fd_table *table, uint32_t fd) {
    uint32_t at = fd / FD_GROUP;
    for (; at < table->size && table->groups[at]; fd = ++at * FD_GROUP) {
        uint64_t used = table->groups[at]->used;
        for (; fd / FD_GROUP == at && used != UINT64_MAX; fd++) {
            if (!(used >> fd % FD_GROUP & 1)) {
                return fd;
            }
        }
    }
    return fd;
}

long fd_table_add(struct fd_table *table, int least, int limit, struct file *file, bool cloexec) {
    int fd = (int)free_from(table, (uint32_t)(least > table->lowest ? least : table->lowest));
    if (fd >= limit) {
        return -EMFILE;
    }
    struct fd_group *group = make_group(table, (uint32_t)fd / FD_GROUP);
    if (!group) {
        return -ENOMEM;
    }
    exchange(group, fd, file, cloexec);
    if (least <= table->lowest) {
        table->lowest = fd + 1;
    }
    return fd;
}

bool fd_table_put(struct fd_table *table, int fd, struct file *file, bool cloexec,
                  struct file **before) {
    struct fd_group *group = make_group(table, (uint32_t)fd / FD_GROUP);
    if (!group) {
        return false;
    }
    *before = exchange(group, fd, file, cloexec);
    return true;
}

struct file *fd_table_take(struct fd_table *table, int fd) {
    const struct fd_group *found = group_of(table, fd);
    if (!found || !(found->used & bit(fd))) {
        return NULL;
    }
    struct fd_group *group = own_group(table, (uint32_t)fd / FD_GROUP);
    struct file *file = group->files[(uint32_t)fd % FD_GROUP];
    group->files[(uint32_t)fd % FD_GROUP] = NULL;
    group->used &= ~bit(fd);
    if (fd < table->lowest) {
        table->lowest = fd;
    }
    return file;
}

void fd_group_leave(struct fd_group *group) {
    struct fd_group *spare = group->spare;
    group->spare = spare->spare;
    group->refs--;
    free(spare);
}

static bool share(struct fd_group *group) {
    struct fd_group *spare = malloc(sizeof(*spare));
    if (!spare) {
        return false;
    }
    spare->spare = group->spare;
    group->spare = spare;
    group->refs++;
    return true;
}

bool fd_table_fork(struct fd_table *from, struct fd_table *to) {
    *to = *from;
    to->groups = malloc(from->size * sizeof(struct fd_group *) + 1);
    if (!to->groups) {
        return false;
    }
    for (uint32_t at = 0; at < from->size; at++) {
        struct fd_group *group = from->groups[at];
        if (group && !share(group)) {
            while (at-- > 0) {
                if (from->groups[at]) {
                    fd_group_leave(from->groups[at]);
                }
            }
            free(to->groups);
            return false;
        }
        to->groups[at] = group;
    }
    return true;
}

/* These files of it, as a group of their own. */
static struct fd_group *part(struct fd_table *table, uint32_t at, uint64_t wanted) {
    struct fd_group *new = calloc(1, sizeof(*new));
    if (!new) {
        return NULL;
    }
    struct fd_group *group = own_group(table, at);
    new->refs = 1;
    new->used = wanted;
    for (uint32_t i = 0; i < FD_GROUP; i++) {
        if (wanted >> i & 1) {
            new->files[i] = group->files[i];
            group->files[i] = NULL;
        }
    }
    group->used &= ~wanted;
    return new;
}

bool fd_table_split(struct fd_table *from, struct fd_table *to, int first, int last, bool cloexec) {
    fd_table_init(to);
    to->groups = calloc(from->size + 1, sizeof(struct fd_group *));
    to->size = to->groups ? from->size : 0;
    if (first < from->lowest) {
        from->lowest = first;
    }
    for (uint32_t at = (uint32_t)first / FD_GROUP; at < to->size && (int)(at * FD_GROUP) <= last;
         at++) {
        struct fd_group *group = from->groups[at];
        uint64_t wanted = group ? group->used & range(at, first, last) : 0;
        wanted &= cloexec && group ? group->cloexec : UINT64_MAX;
        if (!wanted) {
            continue;
        }
        if (wanted != group->used) {
            struct fd_group *those = part(from, at, wanted);
            if (!those) {
                return false;
            }
            set_group(to, at, those);
        } else {
            set_group(to, at, group);
            set_group(from, at, NULL);
        }
    }
    return to->groups != NULL;
}

void fd_table_end(struct fd_table *table) {
    free(table->groups);
    fd_table_init(table);
}
