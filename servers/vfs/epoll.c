/* SPDX-License-Identifier: MIT */
/*
 * epoll(7): sets of open files, and who waits for one of them to be ready.
 *
 * An item stands in the queue of what it waits for (poll.h), from epoll_ctl(2) on. A change there puts it into the
 * set's list of those that are ready (ready.h), and who waits is served from that list. So neither waiting nor a change
 * costs anything for files that nothing happens to, however many they are.
 *
 * A set is an open file that may be in another set. Wake-ups go up through such sets: so they are no more than
 * NESTED_MOST deep, and none is in itself; epoll_ctl sees to that.
 *
 * An item holds no reference on its file: with the file's last descriptor it leaves the set. It is the file and the
 * number that it was added by that name it, so a file that has several numbers may be there several times.
 */
#include "epoll.h"

#include "poll.h"
#include "ready.h"

#include <lib/clock.h>
#include <lib/job.h>
#include <lib/waiter.h>
#include <stdlib.h>

#define ALWAYS ((uint32_t)(LX_POLLERR | LX_POLLHUP))
#define EXCLUSIVE_MAY                                                                              \
    (ALWAYS | (uint32_t)(LX_POLLIN | LX_POLLOUT) | READY_EDGE | READY_WAKEUP | READY_EXCLUSIVE)
#define NESTED_MOST 4     /* sets above one another but the first, as on Linux */
#define NESTED_LOOKS 1000 /* how many sets are looked at before a set is put into another */
#define BATCH 128         /* events that one call gets at most */
#define LOOKS 256         /* items that it looks at for them */
#define SERVED_AT_ONCE 4
#define REMOVED_AT_ONCE 64

struct epoll {
    struct ready_set set;
    struct file *file;  /* NULL: closed */
    uint32_t refs;      /* the file, those who wait, the job while it is queued */
    struct list nested; /* items that are sets themselves */
    struct waiter_queue waiting;
    struct poll_queue pollers;
    struct job job; /* serves more of those who wait; or, closed, takes the items apart */
};

struct epoll_item {
    struct ready_item ready;
    struct poll_watch watch;
    struct epoll *epoll;
    struct file *file;
    struct list nested;              /* in the set's list, if the file is a set */
    struct epoll_item *next, **link; /* the file's items in all sets: file->watchers */
};

struct epoll_wait {
    struct waiter waiter;
    struct epoll *epoll;
    size_t most;
};

static const struct file_ops epoll_ops;

static void epoll_put(struct epoll *epoll) {
    if (--epoll->refs == 0) {
        free(epoll);
    }
}

static struct epoll_item *item_of(struct ready_item *ready) {
    return container_of(ready, struct epoll_item, ready);
}

static uint32_t look(struct ready_item *ready) {
    struct file *file = item_of(ready)->file;
    return file->ops->poll(file);
}

/* ---- Waiting --------------------------------------------------------------------------------- */

/*
 * Events to a caller: how many, 0: none, or -EFAULT with nothing taken. One goes in the reply's words, which is the usual
 * case, more into the caller's buffer.
 */
static long give(struct epoll *epoll, uint64_t token, size_t most, struct pk_msg *reply,
                 bool *more) {
    static struct ready_event found[BATCH];
    static struct lx_epoll_event events[BATCH];
    size_t count = ready_look(&epoll->set, found, most < BATCH ? most : BATCH, LOOKS, more);
    if (count == 1) {
        vfs_results_epoll_wait(reply, found[0].events, found[0].item->data);
    } else if (count > 1) {
        for (size_t i = 0; i < count; i++) {
            events[i] = (struct lx_epoll_event){found[i].events, 0, found[i].item->data};
        }
        if (pk_copy_to_caller(token, 0, events, count * sizeof(*events)) < 0) {
            return -EFAULT;
        }
    }
    ready_take(&epoll->set, found, count);
    return (long)count;
}

/* Serves some who wait. *served: any; true if there may be more to do. */
static bool serve(struct epoll *epoll, bool *served) {
    bool more = true;
    for (int i = 0; i < SERVED_AT_ONCE; i++) {
        struct waiter *waiter = waiter_first(&epoll->waiting);
        if (!waiter || list_empty(&epoll->set.ready)) {
            return false;
        }
        struct epoll_wait *wait = container_of(waiter, struct epoll_wait, waiter);
        struct pk_msg reply = {0};
        long result = give(epoll, waiter_token(waiter), wait->most, &reply, &more);
        if (result == 0) {
            return more;
        }
        waiter_remove(waiter);
        server_reply_words(waiter_token(waiter), result, &reply);
        epoll_put(epoll);
        free(wait);
        *served = true;
    }
    return true;
}

static bool serve_step(struct job *job) {
    struct epoll *epoll = container_of(job, struct epoll, job);
    bool served = false;
    bool more = serve(epoll, &served);
    if (!more) {
        epoll_put(epoll);
    }
    return more;
}

/* Something in it is ready. True: that was told to a caller that waited. */
static bool announce(struct epoll *epoll) {
    bool served = false;
    epoll->refs++;
    if (serve(epoll, &served) && !job_is_queued(&epoll->job)) {
        epoll->refs++;
        job_queue(&epoll->job);
    }
    poll_wake(&epoll->pollers, POLL_INPUT);
    epoll_put(epoll);
    return served;
}

static bool woken(struct poll_watch *watch, uint32_t what) {
    struct epoll_item *item = container_of(watch, struct epoll_item, watch);
    struct epoll *epoll = item->epoll;
    return epoll->file && ready_changed(&epoll->set, &item->ready, what) && announce(epoll);
}

static long wait_ended(struct waiter *waiter, enum waiter_end why) {
    struct epoll_wait *wait = container_of(waiter, struct epoll_wait, waiter);
    epoll_put(wait->epoll);
    free(wait);
    return why == WAITER_EXPIRED ? 0 : -EINTR;
}

static const struct waiter_ops wait_ops = {.ended = wait_ended};

static long wait_in(struct request *req, struct epoll *epoll, size_t most, int64_t timeout_ns) {
    struct epoll_wait *wait = malloc(sizeof(*wait));
    if (!wait) {
        return -ENOMEM;
    }
    wait->most = most;
    wait->epoll = epoll;
    waiter_init(&wait->waiter, req, request_client(req), &wait_ops);
    if (timeout_ns > 0 &&
        waiter_set_deadline(&wait->waiter, clock_after((uint64_t)timeout_ns)) < 0) {
        waiter_remove(&wait->waiter);
        free(wait);
        return -ENOMEM;
    }
    epoll->refs++;
    waiter_enqueue(&epoll->waiting, &wait->waiter);
    return SERVER_DEFER;
}

long vfs_handle_epoll_wait(struct request *req, int fd, int64_t timeout_ns) {
    struct file *file = fd_file(request_context(req), fd);
    size_t most = request_out_len(req) / sizeof(struct lx_epoll_event);
    bool more = false;
    if (!file || (file->flags & LX_O_PATH)) {
        return -EBADF;
    }
    if (file->ops != &epoll_ops || most == 0) {
        return -EINVAL;
    }
    struct epoll *epoll = file->epoll;
    long result =
        list_empty(&epoll->set.ready) ? 0 : give(epoll, req->token, most, &req->msg, &more);
    if (result != 0) {
        return result;
    }
    if (more) {
        return request_wait(req, NULL, NULL); /* so far nothing that still holds */
    }
    return timeout_ns == 0 ? 0 : wait_in(req, epoll, most, timeout_ns);
}

/* ---- The set --------------------------------------------------------------------------------- */

/* The address space of a server ends below 2^38, and numbers of descriptors are below 2^24. */
static uint64_t key_of(const struct file *file, int fd) {
    return (uint64_t)(uintptr_t)file >> 4 << 24 | (uint32_t)fd;
}
_Static_assert(VFS_FILES_MOST <= 1 << 24, "numbers of descriptors in keys");

static void item_remove(struct epoll_item *item) {
    poll_leave(&item->watch);
    ready_remove(&item->epoll->set, &item->ready);
    list_remove(&item->nested);
    *item->link = item->next;
    if (item->next) {
        item->next->link = item->link;
    }
    free(item);
}

/* How deep the sets in this one go; more than NESTED_MOST: too deep, or `other` is among them. *looks counts down. */
static int depth_below(const struct epoll *epoll, const struct epoll *other, int level,
                       int *looks) {
    int deepest = 0;
    if (epoll == other || level > NESTED_MOST) {
        return NESTED_MOST + 1;
    }
    for (const struct list *at = epoll->nested.next; at != &epoll->nested && *looks > 0;
         at = at->next) {
        const struct epoll_item *item = container_of(at, struct epoll_item, nested);
        --*looks;
        int depth = 1 + depth_below(item->file->epoll, other, level + 1, looks);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest;
}

/* The same of the sets that it is in. */
static int depth_above(const struct epoll *epoll, int level, int *looks) {
    int deepest = 0;
    const struct epoll_item *item = epoll->file->watchers;
    for (; item && *looks > 0 && level <= NESTED_MOST; item = item->next) {
        --*looks;
        int depth = item->epoll->file ? 1 + depth_above(item->epoll, level + 1, looks) : 0;
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest;
}

/* May the one set be put into the other? 0, -ELOOP, or -EINVAL if that is too much to find out. */
static long check_nesting(const struct epoll *outer, const struct epoll *inner) {
    int looks = NESTED_LOOKS;
    int depth = 1 + depth_below(inner, outer, 0, &looks) + depth_above(outer, 0, &looks);
    return depth > NESTED_MOST ? -ELOOP : looks == 0 ? -EINVAL : 0;
}

static long item_add(struct epoll *epoll, struct file *file, int fd,
                     const struct lx_epoll_event *event) {
    bool is_set = file->ops == &epoll_ops;
    long error = is_set ? check_nesting(epoll, file->epoll) : 0;
    if (error) {
        return error;
    }
    struct epoll_item *item = calloc(1, sizeof(*item));
    if (!item) {
        return -ENOMEM;
    }
    item->epoll = epoll;
    item->file = file;
    item->ready.events = event->events | ALWAYS;
    item->ready.data = event->data;
    item->watch.woken = woken;
    item->watch.exclusive = event->events & READY_EXCLUSIVE;
    list_init(&item->nested);
    if (is_set) {
        list_add_tail(&epoll->nested, &item->nested);
    }
    item->next = file->watchers;
    item->link = &file->watchers;
    if (item->next) {
        item->next->link = &item->next;
    }
    file->watchers = item;
    ready_add(&epoll->set, &item->ready, key_of(file, fd));
    poll_stand(file->ops->poll_queue(file), &item->watch);
    return 0;
}

static long item_change(struct epoll_item *item, const struct lx_epoll_event *event) {
    if ((item->ready.events | event->events) & READY_EXCLUSIVE) {
        return -EINVAL;
    }
    item->ready.events = event->events | ALWAYS;
    item->ready.data = event->data;
    return 0;
}

static long check_control(const struct file *set, const struct file *file) {
    if (!set || !file || ((set->flags | file->flags) & LX_O_PATH)) {
        return -EBADF;
    }
    if (!file->ops->poll_queue) {
        return -EPERM;
    }
    return set->ops != &epoll_ops || set == file ? -EINVAL : 0;
}

static long control(struct epoll *epoll, struct file *file, int operation, int fd,
                    const struct lx_epoll_event *event) {
    struct ready_item *ready = ready_find(&epoll->set, key_of(file, fd));
    switch (operation) {
    case LX_EPOLL_CTL_DEL:
        if (ready) {
            item_remove(item_of(ready));
        }
        return ready ? 0 : -ENOENT;
    case LX_EPOLL_CTL_MOD:
        return ready ? item_change(item_of(ready), event) : -ENOENT;
    case LX_EPOLL_CTL_ADD:
        if ((event->events & READY_EXCLUSIVE) &&
            ((event->events & ~EXCLUSIVE_MAY) || file->ops == &epoll_ops)) {
            return -EINVAL;
        }
        return ready ? -EEXIST : item_add(epoll, file, fd, event);
    default:
        return -EINVAL;
    }
}

long vfs_handle_epoll_ctl(struct request *req, int set_fd, int operation, int fd, uint32_t events,
                          uint64_t data) {
    const struct context *context = request_context(req);
    struct file *set = fd_file(context, set_fd);
    struct file *file = fd_file(context, fd);
    struct lx_epoll_event event = {events, 0, data};
    long error = check_control(set, file);
    error = error ? error : control(set->epoll, file, operation, fd, &event);
    if (error || operation == LX_EPOLL_CTL_DEL) {
        return error;
    }
    struct ready_item *ready = ready_find(&set->epoll->set, key_of(file, fd));
    if (ready_changed(&set->epoll->set, ready, POLL_ANY)) {
        announce(set->epoll);
    }
    return 0;
}

/* Few at once. The rest go as a job, for whose time the file lives on. */
struct forgetting {
    struct job job;
    struct file *file;
};

static bool forget_some(struct file *file, int most) {
    for (; most > 0 && file->watchers; most--) {
        item_remove(file->watchers);
    }
    return file->watchers != NULL;
}

static bool forget_step(struct job *job) {
    struct forgetting *forgetting = container_of(job, struct forgetting, job);
    if (forget_some(forgetting->file, REMOVED_AT_ONCE)) {
        return true;
    }
    file_put(forgetting->file);
    free(forgetting);
    return false;
}

void epoll_forget(struct file *file) {
    if (!forget_some(file, REMOVED_AT_ONCE)) {
        return;
    }
    struct forgetting *forgetting = malloc(sizeof(*forgetting));
    if (!forgetting) {
        forget_some(file, INT_MAX);
        return;
    }
    forgetting->file = file;
    file->refs++;
    job_init(&forgetting->job, forget_step);
    job_queue(&forgetting->job);
}

/* ---- The open file --------------------------------------------------------------------------- */

/* If more than it may look at at once do not hold any more it is said to be ready: who then asks finds out. */
static uint32_t epoll_poll(struct file *file) {
    struct ready_event event;
    bool more;
    bool found = ready_look(&file->epoll->set, &event, 1, LOOKS, &more) > 0;
    return found || more ? POLL_INPUT : 0;
}

static struct poll_queue *epoll_poll_queue(struct file *file) {
    return &file->epoll->pollers;
}

static bool take_apart(struct job *job) {
    struct epoll *epoll = container_of(job, struct epoll, job);
    struct ready_item *ready;
    for (int i = 0; i < REMOVED_AT_ONCE && (ready = ready_any(&epoll->set)); i++) {
        item_remove(item_of(ready));
    }
    if (ready_any(&epoll->set)) {
        return true;
    }
    epoll_put(epoll);
    return false;
}

/* Those who wait in calls go on waiting, for nothing: as on Linux. */
static void epoll_close(struct file *file) {
    struct epoll *epoll = file->epoll;
    bool serving = job_is_queued(&epoll->job);
    epoll->file = NULL;
    job_cancel(&epoll->job);
    if (serving) {
        epoll_put(epoll);
    }
    job_init(&epoll->job, take_apart);
    if (take_apart(&epoll->job)) {
        job_queue(&epoll->job);
    }
}

static const struct file_ops epoll_ops = {
    .poll = epoll_poll,
    .poll_queue = epoll_poll_queue,
    .close = epoll_close,
    .name = "[eventpoll]",
};

long vfs_handle_epoll_create(struct request *req, uint32_t flags) {
    struct context *context = request_context(req);
    if (!context) {
        return -EBADF;
    }
    if (flags & ~LX_O_CLOEXEC) {
        return -EINVAL;
    }
    struct epoll *epoll = calloc(1, sizeof(*epoll));
    struct file *file = epoll ? file_new(node_nameless, &epoll_ops, LX_O_RDWR) : NULL;
    if (!file) {
        free(epoll);
        return -ENOMEM;
    }
    ready_init(&epoll->set, look);
    epoll->file = file;
    epoll->refs = 1;
    list_init(&epoll->nested);
    waiter_queue_init(&epoll->waiting);
    poll_queue_init(&epoll->pollers);
    job_init(&epoll->job, serve_step);
    file->epoll = epoll;
    return fd_give(context, file, flags & LX_O_CLOEXEC);
}
