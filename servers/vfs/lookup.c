/* SPDX-License-Identifier: MIT */
/* Paths and callers of requests (lookup.h). */
#include "lookup.h"

#include <stdlib.h>
#include <string.h>

#define PAGE 4096u
#define STEP_FIRST 64u

#define TEXT_SIZE (2 * PATH_LONGEST + 2)

/* Aligned so that the first piece, all of most paths, is in one page: that is copied the shortest way. */
static _Alignas(STEP_FIRST) char path_buffer[TEXT_SIZE];

/* On the way up from a directory. */
struct climb {
    struct node *from; /* NULL: not begun */
    struct node *at;
    uint64_t moves; /* dir_moves then: after another move it begins again */
};

/* What is kept of a request whose walks are too long for one go. */
struct walks {
    struct request_memory head;
    struct walk_rest rest[2];
    struct climb climb[2];
    char text[TEXT_SIZE];
};

static struct walks *exec_walks; /* of the exec that is asked for, or NULL */

static struct walks *walks_of_request(void) {
    struct request_memory *memory = request_memory();
    return memory ? container_of(memory, struct walks, head) : exec_walks;
}

static void climb_end(struct climb *climb) {
    if (climb->from) {
        node_put(climb->from);
        node_put(climb->at);
    }
    climb->from = NULL;
}

static void walks_release(struct request_memory *memory) {
    struct walks *walks = container_of(memory, struct walks, head);
    for (int i = 0; i < 2; i++) {
        if (walks->rest[i].at) {
            node_put(walks->rest[i].at);
        }
        climb_end(&walks->climb[i]);
    }
    free(walks);
}

static struct walks *walks_new(void) {
    struct walks *walks = malloc(sizeof(*walks));
    if (walks) {
        walks->head.release = walks_release;
        walks->rest[0].at = walks->rest[1].at = NULL;
        walks->climb[0].from = walks->climb[1].from = NULL;
        memcpy(walks->text, path_buffer, TEXT_SIZE);
    }
    return walks;
}

/* The walk has come to rest->at: `before` was where it had stopped last. An exec's is asked for by a server. */
static long walk_on_later(const struct request *req, const struct caller *caller,
                          struct walks *walks, struct node *before, const struct walk_rest *rest) {
    node_hold(rest->at);
    if (before) {
        node_put(before);
    }
    if (request_client(req)) {
        return request_wait(req, NULL, &walks->head);
    }
    caller->context->exec_walk = walks;
    return -EAGAIN;
}

long walk_from(const struct request *req, unsigned which, const char *path, struct node *start,
               const struct caller *caller, uint32_t flags, struct walk *walk) {
    static struct walk_rest fresh;
    struct walks *walks = walks_of_request();
    struct walk_rest *rest = walks ? &walks->rest[which] : &fresh;
    fresh.at = NULL;
    struct node *before = rest->at;
    int result = path_walk_part(rest, path, start, &caller->who, flags, walk);
    if (result != WALK_MORE) {
        return result;
    }
    if (!walks) {
        walks = walks_new();
        if (!walks) {
            return -ENOMEM;
        }
        walks->rest[which] = fresh;
    }
    return walk_on_later(req, caller, walks, before, rest);
}

#define CLIMBED_AT_ONCE 5000

static long climb_on_later(const struct request *req, unsigned which, struct node *from,
                           struct node *at) {
    struct walks *walks = walks_of_request();
    if (!walks && !(walks = walks_new())) {
        return -ENOMEM;
    }
    node_hold(from);
    node_hold(at);
    climb_end(&walks->climb[which]);
    walks->climb[which] = (struct climb){from, at, dir_moves};
    return request_wait(req, NULL, &walks->head);
}

long is_below(const struct request *req, unsigned which, struct node *node,
              const struct node *ancestor) {
    const struct walks *walks = walks_of_request();
    const struct climb *climb = walks ? &walks->climb[which] : NULL;
    bool goes_on = climb && climb->from == node && climb->moves == dir_moves;
    struct node *at = goes_on ? climb->at : node;
    for (int climbed = 0; at != ancestor; climbed++) {
        if (at == tree_root) {
            return 0;
        }
        if (climbed == CLIMBED_AT_ONCE) {
            return climb_on_later(req, which, node, at);
        }
        at = at->dir.parent;
    }
    return 1;
}

int caller_of(const struct request *req, struct caller *caller) {
    caller->context = request_context(req);
    if (!caller->context) {
        return -EBADF;
    }
    caller->who = request_credentials(req);
    return 0;
}

int caller_by_pid(int pid, struct caller *caller) {
    struct client *client = context_client(pid);
    if (!client) {
        return -ESRCH;
    }
    payer_serve(client->payer);
    caller->context = client->data;
    caller->who =
        (struct credentials){client->uid, client->gid, client->groups, caller->context->root, pid};
    return 0;
}

/*
 * A buffer longer than a page reaches to the end of the page behind the one where the path begins
 * (protocols/vfs.toml): no piece that is copied crosses a page boundary before the path's NUL.
 * Pieces start small, because most paths are short.
 */
int read_path(const struct request *req, const char **path) {
    uint64_t length = request_in_len(req);
    uint64_t boundary = length > PAGE ? (length - 1) % PAGE + 1 : length;
    uint64_t step = STEP_FIRST;
    uint64_t at = 0;

    if (walks_of_request()) {
        *path = walks_of_request()->text;
        return 0;
    }
    *path = path_buffer;
    while (at < length && at < PATH_LONGEST) {
        uint64_t end = at < boundary ? boundary : length;
        uint64_t count = end - at < step ? end - at : step;
        if (count > PATH_LONGEST - at) {
            count = PATH_LONGEST - at;
        }
        if (request_read(req, at, path_buffer + at, count) < 0) {
            return -EFAULT;
        }
        if (memchr(path_buffer + at, 0, count)) {
            return 0;
        }
        at += count;
        step *= 4;
    }
    if (at >= PATH_LONGEST) {
        return -ENAMETOOLONG;
    }
    path_buffer[at] = '\0';
    return 0;
}

int read_two_paths(const struct request *req, const char *path[2]) {
    uint64_t length = request_in_len(req);
    if (walks_of_request()) {
        path[0] = walks_of_request()->text;
        path[1] = path[0] + strlen(path[0]) + 1;
        return 0;
    }
    if (length > 2 * PATH_LONGEST) {
        return -ENAMETOOLONG;
    }
    if (length > 0 && request_read(req, 0, path_buffer, length) < 0) {
        return -EFAULT;
    }
    path_buffer[length] = path_buffer[length + 1] = '\0';
    path[0] = path_buffer;
    size_t first = strlen(path_buffer);
    path[1] = path_buffer + first + 1;
    if (first + 1 > length) {
        return -EINVAL;
    }
    return first >= PATH_LONGEST || strlen(path[1]) >= PATH_LONGEST ? -ENAMETOOLONG : 0;
}

int start_of(const struct caller *caller, int dirfd, const char *path, struct node **start) {
    *start = caller->context->cwd;
    if (path[0] == '/' || dirfd == LX_AT_FDCWD) {
        return 0;
    }
    struct file *file = fd_file(caller->context, dirfd);
    if (!file) {
        return -EBADF;
    }
    *start = file->node;
    return path[0] != '\0' && !node_is_dir(file->node) ? -ENOTDIR : 0;
}

long walk_at(const struct request *req, const struct caller *caller, int dirfd, uint32_t flags,
             struct walk *walk) {
    const char *path;
    struct node *start;
    int error = read_path(req, &path);
    if (!error) {
        error = start_of(caller, dirfd, path, &start);
    }
    return error ? error : walk_from(req, 0, path, start, caller, flags, walk);
}

void exec_walk_end(struct context *context) {
    if (context->exec_walk) {
        walks_release(&context->exec_walk->head);
        context->exec_walk = NULL;
    }
}

long walk_for_exec(const struct request *req, const struct caller *caller, int dirfd,
                   uint32_t flags, bool again, struct walk *walk) {
    if (!again) {
        exec_walk_end(caller->context);
    }
    exec_walks = caller->context->exec_walk;
    long result = walk_at(req, caller, dirfd, flags, walk);
    exec_walks = NULL;
    return result;
}

long node_at(const struct request *req, const struct caller *caller, int dirfd, uint32_t at_flags,
             struct node **node) {
    struct walk walk;
    uint32_t flags = 0;
    if (at_flags & LX_AT_SYMLINK_NOFOLLOW) {
        flags |= WALK_NOFOLLOW;
    }
    if (at_flags & LX_AT_EMPTY_PATH) {
        flags |= WALK_EMPTY;
        if (request_in_len(req) == 0 && dirfd != LX_AT_FDCWD) {
            struct file *file = fd_file(caller->context, dirfd);
            *node = file ? file->node : NULL;
            return file ? 0 : -EBADF;
        }
    }
    long error = walk_at(req, caller, dirfd, flags, &walk);
    *node = walk.node;
    return error;
}

int check_new_name(const struct walk *walk, const struct caller *caller) {
    if (walk->node || !walk->dir) {
        return -EEXIST;
    }
    if (walk->dir->nlink == 0) {
        return -ENOENT;
    }
    int error = access_check(walk->dir, &caller->who, MAY_WRITE);
    return !error && walk->dir->dir.served ? -EPERM : error;
}
