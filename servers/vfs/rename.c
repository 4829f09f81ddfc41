/* SPDX-License-Identifier: MIT */
/* renameat2(2). All is checked before the first name changes. */
#include "lookup.h"
#include "notify.h"

#include <string.h>

/* One side of a rename. */
struct side {
    struct node *dir;
    struct node *node;
    char name[NAME_LONGEST + 1];
    size_t length;
    bool slash;
};

static long find_side(const struct request *req, unsigned which, const struct caller *caller,
                      int dirfd, const char *path, struct side *side) {
    struct node *start;
    struct walk walk;
    long error = start_of(caller, dirfd, path, &start);
    if (!error) {
        error = walk_from(req, which, path, start, caller, WALK_PARENT | WALK_NAME, &walk);
    }
    if (error) {
        return error == -EREMOTE ? -EXDEV : error;
    }
    side->dir = walk.dir;
    side->node = walk.node;
    side->length = walk.length;
    side->slash = walk.slash;
    if (walk.dir) {
        memcpy(side->name, walk.last, walk.length);
    }
    return 0;
}

static bool is_dir(const struct side *side) {
    return side->node && node_is_dir(side->node);
}

/* Are these two names that the call can be about, whoever asks? In Linux's order. */
static long check_names(const struct side *from, const struct side *to, uint32_t flags) {
    bool exchange = flags & LX_RENAME_EXCHANGE;
    if (!from->dir || !to->dir) {
        return -EBUSY; /* "/", "." or ".." */
    }
    if (!from->node) {
        return -ENOENT;
    }
    if (to->node && (flags & LX_RENAME_NOREPLACE)) {
        return -EEXIST;
    }
    if (!to->node && exchange) {
        return -ENOENT;
    }
    if (from->dir->dir.served || to->dir->dir.served) {
        return from->dir == to->dir ? -EPERM : -EXDEV;
    }
    if (is_dir(from) && from->node->dir.served) {
        return -EBUSY;
    }
    bool unfit = exchange ? to->slash && !is_dir(to) : to->slash && !is_dir(from);
    return unfit || (from->slash && !is_dir(from)) ? -ENOTDIR : 0;
}

/* No directory goes below itself, and none takes the place of one that it is in. */
static long check_places(const struct request *req, const struct side *from, const struct side *to,
                         bool exchange) {
    long below = is_dir(from) ? is_below(req, 0, to->dir, from->node) : 0;
    if (below) {
        return below < 0 ? below : -EINVAL;
    }
    below = is_dir(to) ? is_below(req, 1, from->dir, to->node) : 0;
    if (below) {
        return below < 0 ? below : exchange ? -EINVAL : -ENOTEMPTY;
    }
    return 0;
}

/* May `from` take the place of `to`, which exists? */
static int check_replace(const struct side *from, const struct side *to) {
    if (node_is_dir(from->node) && !node_is_dir(to->node)) {
        return -ENOTDIR;
    }
    if (!node_is_dir(from->node) && node_is_dir(to->node)) {
        return -EISDIR;
    }
    return node_is_dir(to->node) && !dir_is_empty(to->node) ? -ENOTEMPTY : 0;
}

/* A directory that gets another parent changes itself, by its "..": that takes its permission. */
static int check_parent(const struct caller *caller, const struct node *node) {
    return node_is_dir(node) ? access_check(node, &caller->who, MAY_WRITE) : 0;
}

static long check_rename(const struct request *req, const struct caller *caller,
                         const struct side *from, const struct side *to, uint32_t flags) {
    bool exchange = flags & LX_RENAME_EXCHANGE;
    long error = check_names(from, to, flags);
    if (!error) {
        error = check_places(req, from, to, exchange);
    }
    if (error || from->node == to->node) {
        return error;
    }
    error = access_remove(from->dir, from->node, &caller->who);
    if (!error) {
        error = to->node ? access_remove(to->dir, to->node, &caller->who)
                         : access_check(to->dir, &caller->who, MAY_WRITE | MAY_EXECUTE);
    }
    if (!error && to->dir->nlink == 0) {
        error = -ENOENT;
    }
    if (!error && from->dir != to->dir) {
        error = check_parent(caller, from->node);
        error = error || !exchange ? error : check_parent(caller, to->node);
    }
    return error || !to->node || exchange ? error : check_replace(from, to);
}

/* A node has gone from one name to another. */
static void tell_move(const struct side *from, const struct side *to) {
    uint32_t cookie = notify_cookie();
    notify_name(from->dir, from->name, from->length, from->node, NOTIFY_MOVED_FROM, cookie);
    notify_name(to->dir, to->name, to->length, from->node, NOTIFY_MOVED_TO, cookie);
    notify_node(from->node, NOTIFY_MOVE_SELF);
}

static int do_rename(const struct side *from, const struct side *to, bool exchange) {
    if (from->node == to->node) {
        return 0;
    }
    struct name *name = dir_find(from->dir, from->name, from->length);
    if (exchange) {
        dir_exchange(name, dir_find(to->dir, to->name, to->length));
        tell_move(from, to);
        tell_move(to, from);
        return 0;
    }
    struct node *replaced = notify_count && to->node ? node_hold(to->node) : NULL;
    int error = dir_move(name, to->dir, to->name, to->length);
    if (!error) {
        tell_move(from, to);
    }
    if (!error && replaced && !node_is_dir(replaced)) {
        notify_node(replaced, NOTIFY_ATTRIB);
    }
    if (replaced) {
        node_put(replaced);
    }
    return error;
}

long vfs_handle_renameat(struct request *req, int old_dirfd, int new_dirfd, uint32_t flags) {
    static struct side from;
    static struct side to;
    struct caller caller;
    const char *path[2];
    long error = caller_of(req, &caller);
    if (!error && (flags & ~(LX_RENAME_NOREPLACE | LX_RENAME_EXCHANGE))) {
        error = -EINVAL;
    }
    if (!error && flags == (LX_RENAME_NOREPLACE | LX_RENAME_EXCHANGE)) {
        error = -EINVAL;
    }
    if (!error) {
        error = read_two_paths(req, path);
    }
    if (!error) {
        error = find_side(req, 0, &caller, old_dirfd, path[0], &from);
    }
    if (!error) {
        error = find_side(req, 1, &caller, new_dirfd, path[1], &to);
    }
    if (!error) {
        error = check_rename(req, &caller, &from, &to, flags);
    }
    return error ? error : do_rename(&from, &to, flags & LX_RENAME_EXCHANGE);
}
