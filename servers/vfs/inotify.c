/* SPDX-License-Identifier: MIT */
/*
 * inotify(7): queues of events of files that are watched. Who watches pays for what is kept for him, whoever does what is
 * told. A user has INSTANCES_MOST of them, so that what happens to one file is told to a bounded number for each user.
 */
#include "lookup.h"
#include "notify.h"
#include "poll.h"

#include <lib/hash.h>
#include <lib/heap.h>
#include <lib/waiter.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_MOST 16384 /* in a queue; then one that says that others are lost */
#define INSTANCES_MOST 128
#define GIVEN_AT_ONCE 64 /* events by one read */
#define NAME_UNIT 16     /* names are padded with NULs to a multiple */
#define FREED_AT_ONCE 64

#define ONLY_DIRECTORY 0x01000000u
#define DONT_FOLLOW 0x02000000u
#define EXCLUDE_UNLINKED 0x04000000u
#define MASK_CREATE 0x10000000u
#define MASK_ADD 0x20000000u
#define ONE_SHOT 0x80000000u
#define KNOWN                                                                                      \
    (NOTIFY_ALL | ONLY_DIRECTORY | DONT_FOLLOW | EXCLUDE_UNLINKED | MASK_CREATE | MASK_ADD |       \
     ONE_SHOT | NOTIFY_DIRECTORY | NOTIFY_OVERFLOW | NOTIFY_IGNORED | 0x2000u)

/* struct inotify_event; the name follows. */
struct event_head {
    int32_t watch;
    uint32_t mask;
    uint32_t cookie;
    uint32_t length;
};

struct event {
    struct list link;
    struct event_head head;
    char name[]; /* head.length bytes */
};

/* How many instances a user has. */
struct user {
    struct hash_node node; /* key: uid */
    uint32_t count;
};

struct inotify {
    uint32_t refs; /* the open file, who waits, the job while it is queued */
    struct payer *payer;
    struct user *user;
    struct tree watches;
    int last; /* number given to a watch */
    struct list events;
    uint32_t count;
    uint64_t bytes;
    struct waiter_queue readers;
    struct poll_queue pollers;
    struct job job; /* takes it apart */
};

struct read_wait {
    struct waiter waiter;
    struct inotify *inotify;
    uint64_t room;
};

static struct hash users;

static void inotify_put(struct inotify *inotify) {
    if (--inotify->refs == 0) {
        payer_put(inotify->payer);
        free(inotify);
    }
}

/* ---- Events ---------------------------------------------------------------------------------- */

static void event_drop(struct inotify *inotify, struct event *event) {
    list_remove(&event->link);
    inotify->count--;
    inotify->bytes -= sizeof(event->head) + event->head.length;
    free(event);
}

static struct event *first_of(const struct inotify *inotify) {
    return list_empty(&inotify->events) ? NULL
                                        : container_of(inotify->events.next, struct event, link);
}

/* As many whole events as fit: bytes; 0: there is none, -EINVAL: the first does not fit. */
static long give(struct inotify *inotify, uint64_t token, uint64_t room) {
    uint64_t done = 0;
    struct event *event = first_of(inotify);
    for (int i = 0; event && i < GIVEN_AT_ONCE; i++, event = first_of(inotify)) {
        uint64_t size = sizeof(event->head) + event->head.length;
        if (size > room - done) {
            return done > 0 ? (long)done : -EINVAL;
        }
        if (pk_copy_to_caller(token, done, &event->head, size) != (long)size) {
            return done > 0 ? (long)done : -EFAULT;
        }
        done += size;
        event_drop(inotify, event);
    }
    return (long)done;
}
_Static_assert(offsetof(struct event, name) ==
                   offsetof(struct event, head) + sizeof(struct event_head),
               "an event is copied in one piece");

static bool is_same(const struct event *event, const struct event_head *head, const char *name) {
    return event->head.watch == head->watch && event->head.mask == head->mask &&
           event->head.cookie == head->cookie && event->head.length == head->length &&
           (!name || strcmp(event->name, name) == 0);
}

/* The first who waits gets what there is. */
static void serve(struct inotify *inotify) {
    struct waiter *waiter = waiter_first(&inotify->readers);
    if (waiter) {
        struct read_wait *wait = container_of(waiter, struct read_wait, waiter);
        waiter_finish(waiter, give(inotify, waiter_token(waiter), wait->room));
        free(wait);
        inotify_put(inotify);
    }
    if (inotify->count > 0) {
        poll_wake(&inotify->pollers, POLL_INPUT);
    }
}

/* Without memory an event is lost, as in a queue that is full; that there is such a one is told if it can be. */
static void put(struct inotify *inotify, struct event_head head, const char *name, size_t length) {
    head.length = name ? (uint32_t)((length + NAME_UNIT) & ~(size_t)(NAME_UNIT - 1)) : 0;
    if (inotify->count > 0) {
        const struct event *last = container_of(inotify->events.prev, struct event, link);
        if (is_same(last, &head, NULL) &&
            (!name || (strncmp(last->name, name, length) == 0 && last->name[length] == '\0'))) {
            return;
        }
    }
    if (inotify->count > EVENTS_MOST) {
        return;
    }
    if (inotify->count == EVENTS_MOST) {
        head = (struct event_head){.watch = -1, .mask = NOTIFY_OVERFLOW};
        name = NULL;
    }
    struct event *event = heap_alloc(&inotify->payer->heap, sizeof(*event) + head.length);
    if (!event) {
        return;
    }
    event->head = head;
    memset(event->name, 0, head.length);
    if (name) {
        memcpy(event->name, name, length);
    }
    list_add_tail(&inotify->events, &event->link);
    inotify->count++;
    inotify->bytes += sizeof(head) + head.length;
    serve(inotify);
}

static int number_of(const struct notify_watch *watch) {
    return (int)watch->place.key;
}

/* Takes it from its node and its queue, which hears of that if it is to go on. */
static void watch_end(struct notify_watch *watch, bool told) {
    struct inotify *inotify = watch->inotify;
    struct event_head head = {.watch = number_of(watch), .mask = NOTIFY_IGNORED};
    *watch->link = watch->next;
    if (watch->next) {
        watch->next->link = watch->link;
    }
    tree_remove(&inotify->watches, &watch->place);
    notify_count--;
    free(watch);
    if (told) {
        put(inotify, head, NULL, 0);
    }
}

void inotify_forget(struct notify_watch *watch) {
    watch_end(watch, true);
}

void inotify_tell(struct notify_watch *watch, uint32_t what, uint32_t cookie, const char *name,
                  size_t length) {
    struct event_head head = {
        .watch = number_of(watch), .mask = what & ~MASK_ADD, .cookie = cookie};
    put(watch->inotify, head, name, length);
    if (watch->mask & ONE_SHOT) {
        watch_end(watch, true);
    }
}

/* ---- The open file --------------------------------------------------------------------------- */

static long wait_ended(struct waiter *waiter, enum waiter_end why) {
    struct read_wait *wait = container_of(waiter, struct read_wait, waiter);
    (void)why;
    inotify_put(wait->inotify);
    free(wait);
    return -EINTR;
}

static const struct waiter_ops wait_ops = {.ended = wait_ended};

static long inotify_read(struct request *req, struct file *file, int64_t offset) {
    struct inotify *inotify = file->inotify;
    uint64_t room = request_out_len(req);
    (void)offset;
    long result = give(inotify, req->token, room);
    if (result != 0 || (file->flags & LX_O_NONBLOCK)) {
        return result != 0 ? result : -EAGAIN;
    }
    struct read_wait *wait = malloc(sizeof(*wait));
    if (!wait) {
        return -ENOMEM;
    }
    wait->inotify = inotify;
    wait->room = room;
    inotify->refs++;
    waiter_init(&wait->waiter, req, request_client(req), &wait_ops);
    waiter_enqueue(&inotify->readers, &wait->waiter);
    return SERVER_DEFER;
}

static long inotify_ioctl(struct request *req, struct file *file, uint32_t request,
                          uint64_t argument) {
    int32_t bytes = (int32_t)file->inotify->bytes;
    (void)argument;
    if (request != LX_FIONREAD) {
        return -ENOTTY;
    }
    return request_write(req, 0, &bytes, sizeof(bytes)) < 0 ? -EFAULT : 0;
}

static uint32_t inotify_poll(struct file *file) {
    return file->inotify->count > 0 ? POLL_INPUT : 0;
}

static struct poll_queue *inotify_poll_queue(struct file *file) {
    return &file->inotify->pollers;
}

static bool take_apart(struct job *job) {
    struct inotify *inotify = container_of(job, struct inotify, job);
    int left = FREED_AT_ONCE;
    for (; left > 0 && inotify->watches.root; left--) {
        watch_end(container_of(inotify->watches.root, struct notify_watch, place), false);
    }
    for (; left > 0 && inotify->count > 0; left--) {
        event_drop(inotify, first_of(inotify));
    }
    if (inotify->watches.root || inotify->count > 0) {
        return true;
    }
    inotify_put(inotify);
    return false;
}

static void user_leave(struct user *user) {
    if (--user->count == 0) {
        hash_remove(&users, &user->node);
        free(user);
    }
}

static void inotify_close(struct file *file) {
    struct inotify *inotify = file->inotify;
    user_leave(inotify->user);
    job_queue(&inotify->job); /* later: who closes it may do so by what is told to another watch */
}

static const struct file_ops inotify_ops = {
    .read = inotify_read,
    .ioctl = inotify_ioctl,
    .poll = inotify_poll,
    .poll_queue = inotify_poll_queue,
    .close = inotify_close,
    .name = "inotify",
};

static struct inotify *inotify_new(const struct client *client, struct user *user) {
    struct inotify *inotify = calloc(1, sizeof(*inotify));
    if (inotify) {
        inotify->refs = 1;
        inotify->payer = payer_hold(client->payer);
        inotify->user = user;
        list_init(&inotify->events);
        waiter_queue_init(&inotify->readers);
        poll_queue_init(&inotify->pollers);
        job_init(&inotify->job, take_apart);
    }
    return inotify;
}

/* The user's count goes up by one; NULL: no memory. */
static struct user *user_enter(uint32_t uid) {
    struct user *user = (struct user *)(void *)hash_find(&users, uid);
    if (!user && (user = calloc(1, sizeof(*user)))) {
        hash_insert(&users, &user->node, uid);
    }
    if (user) {
        user->count++;
    }
    return user;
}
_Static_assert(offsetof(struct user, node) == 0, "user_enter casts");

long vfs_handle_inotify_init(struct request *req, uint32_t flags) {
    const struct client *client = request_client(req);
    if (!client) {
        return -EBADF;
    }
    if (flags & ~(LX_O_CLOEXEC | LX_O_NONBLOCK)) {
        return -EINVAL;
    }
    struct user *user = user_enter(client->uid);
    if (!user || user->count > INSTANCES_MOST) {
        if (user) {
            user_leave(user);
        }
        return user ? -EMFILE : -ENOMEM;
    }
    struct inotify *inotify = inotify_new(client, user);
    struct file *file =
        inotify ? file_new(node_nameless, &inotify_ops, flags & LX_O_NONBLOCK) : NULL;
    if (!file) {
        user_leave(user);
        if (inotify) {
            inotify_put(inotify);
        }
        return -ENOMEM;
    }
    file->inotify = inotify;
    return fd_give(client->data, file, flags & LX_O_CLOEXEC);
}

/* ---- Watches --------------------------------------------------------------------------------- */

static long inotify_at(const struct request *req, int fd, struct inotify **inotify) {
    const struct file *file = fd_file(request_context(req), fd);
    if (!file || (file->flags & LX_O_PATH)) {
        return -EBADF;
    }
    *inotify = file->ops == &inotify_ops ? file->inotify : NULL;
    return *inotify ? 0 : -EINVAL;
}

static struct notify_watch *watch_of(const struct inotify *inotify, const struct node *node) {
    struct notify_watch *watch = node->watches;
    while (watch && watch->inotify != inotify) {
        watch = watch->next;
    }
    return watch;
}

/* Numbers of watches are not used again. */
static long watch_new(struct inotify *inotify, struct node *node, uint32_t mask) {
    struct notify_watch *watch = inotify->last < INT32_MAX ? calloc(1, sizeof(*watch)) : NULL;
    if (!watch) {
        return inotify->last < INT32_MAX ? -ENOMEM : -ENOSPC;
    }
    watch->inotify = inotify;
    watch->node = node;
    watch->mask = mask;
    watch->place.key = (uint64_t)++inotify->last;
    tree_insert(&inotify->watches, &watch->place);
    watch->next = node->watches;
    watch->link = &node->watches;
    if (watch->next) {
        watch->next->link = &watch->next;
    }
    node->watches = watch;
    notify_count++;
    return number_of(watch);
}

static long watch_node(struct inotify *inotify, struct node *node, uint32_t mask) {
    struct notify_watch *watch = watch_of(inotify, node);
    uint32_t kept = mask & ~(MASK_ADD | MASK_CREATE);
    if (!watch) {
        return watch_new(inotify, node, kept);
    }
    if (mask & MASK_CREATE) {
        return -EEXIST;
    }
    watch->mask = mask & MASK_ADD ? watch->mask | kept : kept;
    return number_of(watch);
}

long vfs_handle_inotify_add_watch(struct request *req, int fd, uint32_t mask) {
    struct caller caller;
    struct walk walk;
    struct inotify *inotify;
    bool both = (mask & MASK_ADD) && (mask & MASK_CREATE);
    if (!(mask & NOTIFY_ALL) || (mask & ~KNOWN) || both) {
        return -EINVAL;
    }
    long error = caller_of(req, &caller);
    error = error ? error : inotify_at(req, fd, &inotify);
    uint32_t how = mask & DONT_FOLLOW ? WALK_NOFOLLOW : 0;
    error = error ? error : walk_at(req, &caller, LX_AT_FDCWD, how, &walk);
    if (error) {
        return error == -EREMOTE ? -EACCES : error;
    }
    if ((mask & ONLY_DIRECTORY) && !node_is_dir(walk.node)) {
        return -ENOTDIR;
    }
    error = access_check(walk.node, &caller.who, MAY_READ);
    return error ? error : watch_node(inotify, walk.node, mask);
}

long vfs_handle_inotify_rm_watch(struct request *req, int fd, int number) {
    struct inotify *inotify;
    long error = inotify_at(req, fd, &inotify);
    if (error) {
        return error;
    }
    struct tree_node *node = tree_at_or_below(&inotify->watches, (uint64_t)(uint32_t)number);
    if (!node || node->key != (uint64_t)(uint32_t)number) {
        return -EINVAL;
    }
    watch_end(container_of(node, struct notify_watch, place), true);
    return 0;
}
