/* SPDX-License-Identifier: MIT */
/*
 * Path resolution. A symbolic link's target and what follows it make a new path in the other of
 * two buffers; 40 links in one walk are too many, as on Linux. Inside a remote directory names are
 * only collected, with "." and ".." taken as text, until the path ends or climbs out again.
 */
#include "path.h"

#include <limits.h>
#include <string.h>

#include <parley/errno.h>

#define LINKS_MOST 40

/* What one part of a walk may cost, in ordinary components, some 300 instructions each. */
#define PART_MOST 130u
#define LENGTH_COST 32u /* bytes of a component that cost as much as one */
#define LINK_COST 16u   /* two texts of a page at most are copied */
#define REMOTE_COST 8u

struct walker {
    const struct credentials *who;
    uint32_t flags;
    struct node *at;
    struct node *top; /* where it began, if it is to stay below; else NULL */
    const char *rest;
    unsigned links;
    size_t remote_length; /* in remote_path; 0 = not in a remote directory */
    bool slash; /* the last component must be a directory: a slash, or another dot, follows it */
    unsigned cost;
};

static char work[2][PATH_LONGEST];
static char remote_path[PATH_LONGEST];

static const char *skip_slashes(const char *text) {
    while (*text == '/') {
        text++;
    }
    return text;
}

static size_t component_length(const char *text) {
    size_t length = 0;
    while (text[length] != '\0' && text[length] != '/') {
        length++;
    }
    return length;
}

static bool is_dot(const char *text, size_t length) {
    return length == 1 && text[0] == '.';
}

static bool is_dotdot(const char *text, size_t length) {
    return length == 2 && text[0] == '.' && text[1] == '.';
}

/* An absolute path, or what a link leads to that has none: allowed, unless it is to stay below where it began. */
static int leave(const struct walker *w) {
    return w->flags & WALK_BENEATH ? -EXDEV : 0;
}

/* Where absolute paths begin. */
static struct node *root_of(const struct walker *w) {
    return w->flags & WALK_IN_ROOT ? w->top : access_root(w->who);
}

/* Puts a link's target before the rest of the path; where relative, the walk goes on from here. */
static int follow(struct walker *w, const struct node *link, const char *rest) {
    if (++w->links > LINKS_MOST || w->flags & WALK_NO_LINKS) {
        return -ELOOP;
    }
    w->cost += LINK_COST;
    size_t target = (size_t)link->size;
    size_t tail = strlen(rest);
    if (target + tail + 1 > PATH_LONGEST) {
        return -ENAMETOOLONG;
    }
    char *buffer = rest >= work[0] && rest < work[0] + PATH_LONGEST ? work[1] : work[0];
    memcpy(buffer, link->target, target);
    memcpy(buffer + target, rest, tail + 1);
    if (target == 0) {
        return -ENOENT;
    }
    w->rest = skip_slashes(buffer);
    if (buffer[0] != '/') {
        return 0;
    }
    w->at = root_of(w);
    return leave(w);
}

/* Entering a remote directory: its own path begins the collected one. */
static int enter_remote(struct walker *w) {
    if (w->flags & WALK_NO_XDEV && w->cost > 0) {
        return -EXDEV; /* it did not begin there */
    }
    long length = path_of(w->at, tree_root, remote_path, sizeof(remote_path));
    if (length < 0) {
        return (int)length;
    }
    w->remote_length = (size_t)length - 1;
    while (w->at->dir.remote_path) {
        w->at = w->at->dir.parent; /* up to the one that has a name in the tree */
    }
    return 0;
}

/* One component inside a remote directory. */
static int step_remote(struct walker *w, const char *text, size_t length) {
    if (is_dot(text, length)) {
        return 0;
    }
    if (is_dotdot(text, length) && w->top) {
        return -EXDEV;
    }
    if (is_dotdot(text, length)) {
        char here[PATH_LONGEST];
        long own = path_of(w->at, tree_root, here, sizeof(here));
        if ((long)w->remote_length + 1 <= own) {
            w->at = w->at->dir.parent;
            w->remote_length = 0;
            return 0;
        }
        while (remote_path[--w->remote_length] != '/') {
        }
        return 0;
    }
    if (w->remote_length + length + 2 > PATH_LONGEST) {
        return -ENAMETOOLONG;
    }
    remote_path[w->remote_length++] = '/';
    memcpy(remote_path + w->remote_length, text, length);
    w->remote_length += length;
    return 0;
}

/* Is this the last component, with nothing but slashes behind it? */
static bool is_last(const char *after) {
    return *skip_slashes(after) == '\0';
}

/* The same, if what was collected may lead to something of this server's, where the walk goes on. */
static int step_link(struct walker *w, const char *text, size_t length, struct walk *walk,
                     bool *done) {
    struct node *node;
    const char *after = text + length;
    bool slash = *after == '/';
    int error = step_remote(w, text, length);
    w->rest = skip_slashes(after);
    w->slash = slash || is_dot(text, length) || is_dotdot(text, length);
    if (error || w->remote_length == 0) {
        return error;
    }
    remote_path[w->remote_length] = '\0';
    bool last = is_last(after);
    if (!last && length == 2 && memcmp(text, "fd", 2) == 0) {
        return 0; /* a descriptor's link is asked for by its whole path */
    }
    error =
        process_link(remote_path, w->who, !(last && !slash && (w->flags & WALK_NOFOLLOW)), &node);
    if (error) {
        return error == -EREMOTE ? 0 : error;
    }
    if (++w->links > LINKS_MOST || w->flags & (WALK_NO_LINKS | WALK_NO_MAGIC)) {
        return -ELOOP;
    }
    if (w->top || w->flags & WALK_NO_XDEV) {
        return -EXDEV; /* nobody knows how it lies to where the walk began */
    }
    w->at = node;
    w->remote_length = 0;
    walk->dir = NULL;
    walk->node = last ? node : NULL;
    walk->slash = slash;
    *done = last;
    return 0;
}

/*
 * One component in a directory of ours. Sets *done when it was the last one and walk is filled
 * in; otherwise w->at and w->rest have moved on.
 */
static int step(struct walker *w, const char *text, size_t length, struct walk *walk, bool *done) {
    const char *after = text + length;
    bool last = is_last(after);
    bool slash = *after == '/';

    if (!node_is_dir(w->at)) {
        return -ENOTDIR;
    }
    int error = access_check(w->at, w->who, MAY_EXECUTE);
    if (error) {
        return error;
    }
    if (length > NAME_LONGEST) {
        return -ENAMETOOLONG;
    }
    w->rest = skip_slashes(after);
    if (is_dot(text, length) || is_dotdot(text, length)) {
        if (is_dotdot(text, length) && w->at == w->top && leave(w)) {
            return leave(w);
        }
        bool stays = is_dot(text, length) || w->at == access_root(w->who) || w->at == w->top;
        w->at = stays ? w->at : w->at->dir.parent;
        walk->dir = NULL;
        walk->dots = (uint8_t)length;
        return 0;
    }
    struct name *name = dir_find(w->at, text, length);
    if (!name && !(last && (w->flags & WALK_PARENT))) {
        return -ENOENT;
    }
    bool keep = last && ((w->flags & WALK_NAME) || (!slash && (w->flags & WALK_NOFOLLOW)));
    if (name && node_is_symlink(name->node) && !keep) {
        return follow(w, name->node, after);
    }
    walk->dir = w->at;
    walk->last = text;
    walk->length = length;
    walk->slash = slash;
    if (last) {
        walk->node = name ? name->node : NULL;
        *done = true;
        return 0;
    }
    w->at = name->node;
    return 0;
}

/* The walk ended on w->at, not on a name in it. */
static int finish(const struct walker *w, struct walk *walk) {
    walk->dir = NULL;
    if (w->remote_length) {
        remote_path[w->remote_length] = '\0';
        int error = process_link(remote_path, w->who, true, &walk->node);
        if (error == -EREMOTE && w->slash) {
            strcpy(remote_path + w->remote_length, "/"); /* there is room: step_remote saw to it */
        }
        walk->remote = remote_path;
        return error;
    }
    walk->node = w->at;
    return 0;
}

/* What the last component was found to be; *again if the walk goes on into it. */
static int finish_last(struct walker *w, struct walk *walk, bool *again) {
    struct node *node = walk->node;
    if (node && node_is_dir(node) && node->dir.remote && !node->dir.files_of) {
        w->at = node;
        *again = true;
        return 0;
    }
    bool unfit = walk->slash && node && !node_is_dir(node);
    return unfit && !(w->flags & WALK_NAME) ? -ENOTDIR : 0;
}

/* On to the end, or until it has cost so much: WALK_MORE. */
static int go_on(struct walker *w, unsigned most, struct walk *walk) {
    int error = 0;
    for (bool again = true; again && !error;) {
        if (w->remote_length == 0 && node_is_dir(w->at) && w->at->dir.remote) {
            error = enter_remote(w);
            if (error) {
                return error;
            }
        }
        const char *text = w->rest;
        size_t length = component_length(text);
        bool done = false;
        if (length == 0) {
            return finish(w, walk);
        }
        if (w->cost >= most) {
            return WALK_MORE;
        }
        w->cost += 1 + (unsigned)length / LENGTH_COST;
        if (w->remote_length) {
            w->cost += REMOTE_COST;
            error = step_link(w, text, length, walk, &done);
        } else {
            error = step(w, text, length, walk, &done);
        }
        if (done && !error) {
            again = false;
            error = finish_last(w, walk, &again);
        }
    }
    return error;
}

/* Sets the walker where the path begins; false if that is the end, too, with *error. */
static bool begin(struct walker *w, const char *path, struct node *start, struct walk *walk,
                  int *error) {
    memset(walk, 0, sizeof(*walk));
    if (path[0] == '\0') {
        walk->node = start;
        *error = w->flags & WALK_EMPTY ? 0 : -ENOENT;
        return false;
    }
    w->top = w->flags & (WALK_BENEATH | WALK_IN_ROOT) ? start : NULL;
    w->at = path[0] == '/' ? root_of(w) : start;
    w->rest = skip_slashes(path);
    *error = path[0] == '/' ? leave(w) : 0;
    return *error == 0;
}

int path_walk(const char *path, struct node *start, const struct credentials *who, uint32_t flags,
              struct walk *walk) {
    struct walker w = {.who = who, .flags = flags};
    int error;
    return begin(&w, path, start, walk, &error) ? go_on(&w, UINT_MAX, walk) : error;
}

int path_walk_part(struct walk_rest *rest, const char *path, struct node *start,
                   const struct credentials *who, uint32_t flags, struct walk *walk) {
    struct walker w = {.who = who, .flags = flags};
    int error;
    if (!rest->at && !begin(&w, path, start, walk, &error)) {
        return error;
    }
    if (rest->at) {
        memset(walk, 0, sizeof(*walk));
        w.top = flags & (WALK_BENEATH | WALK_IN_ROOT) ? start : NULL;
        if (w.top && rest->moves != dir_moves) {
            return -EAGAIN; /* it may be somewhere else by now than below */
        }
        w.at = rest->at;
        w.rest = rest->rest;
        w.links = rest->links;
        w.remote_length = rest->remote_length;
        memcpy(remote_path, rest->remote, w.remote_length);
    }
    int result = go_on(&w, PART_MOST, walk);
    if (result == WALK_MORE) {
        rest->at = w.at;
        rest->moves = dir_moves;
        rest->links = w.links;
        rest->remote_length = w.remote_length;
        memmove(rest->rest, w.rest, strlen(w.rest) + 1);
        memcpy(rest->remote, remote_path, w.remote_length);
    }
    return result;
}

/* A directory that another server made up knows its own path. */
static long remote_path_of(const struct node *dir, char *buffer, size_t size) {
    size_t length = strlen(dir->dir.remote_path) + 1;
    if (length > size) {
        return -ERANGE;
    }
    memcpy(buffer, dir->dir.remote_path, length);
    return (long)length;
}

#define UNREACHABLE "(unreachable)"

long name_path(const struct name *name, const struct node *root, char *buffer, size_t size) {
    long length = path_of(name->dir, root, buffer, size);
    if (length < 0) {
        return length;
    }
    size_t at = (size_t)length - 1;
    if (at > 1) {
        buffer[at++] = '/';
    }
    if (at + name->length + 1 > size) {
        return -ERANGE;
    }
    memcpy(buffer + at, name->text, name->length + 1);
    return (long)(at + name->length + 1);
}

long path_of(const struct node *dir, const struct node *root, char *buffer, size_t size) {
    size_t at = size;
    if (dir->dir.remote_path) {
        return remote_path_of(dir, buffer, size);
    }
    if (size < 2) {
        return -ERANGE;
    }
    buffer[--at] = '\0';
    if (dir == root || dir == tree_root) {
        buffer[--at] = '/';
    }
    while (dir != root && dir != tree_root) {
        const struct name *name = dir->own;
        if (!name) {
            return -ENOENT;
        }
        if (at < name->length + 1u) {
            return -ERANGE;
        }
        at -= name->length;
        memcpy(buffer + at, name->text, name->length);
        buffer[--at] = '/';
        dir = dir->dir.parent;
    }
    if (dir != root) {
        size_t length = sizeof(UNREACHABLE) - 1;
        if (at < length) {
            return -ERANGE;
        }
        at -= length;
        memcpy(buffer + at, UNREACHABLE, length);
    }
    memmove(buffer, buffer + at, size - at);
    return (long)(size - at);
}
