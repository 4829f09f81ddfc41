/* SPDX-License-Identifier: MIT */
/*
 * Descriptors of processes: pidfd_open(2). vfs has the descriptors (its served_* messages); here is what they stand for.
 *
 * A pid may be another process's after its own has gone, so each process that anybody has a descriptor of has a number
 * that never comes again. Whoever polls it is told when the process ends, and when it has been waited for.
 */
#include "procfs.h"
#include <protocol/proc_server.h>
#include <protocol/vfs_client.h>
#include <stdlib.h>

#define O_NONBLOCK 04000u
#define O_RDWR 02u
#define O_CLOEXEC 02000000u
#define POLL_ENDED 0x41u /* POLLIN, POLLRDNORM */
#define POLL_GONE 0x10u  /* POLLHUP */

struct pidfd {
    struct hash_node node;   /* key: its number */
    struct process *process; /* NULL: it has gone */
};

static struct hash pidfds;

/* Of those before a restart none is given out again. */
uint64_t served_number(void) {
    static uint64_t last;
    return ++last + ((uint64_t)boot_info->restarts << 32);
}

static uint32_t holds(const struct process *p) {
    return !p ? POLL_ENDED | POLL_GONE : p->state == PROCESS_ZOMBIE ? POLL_ENDED : 0;
}

/* Who polls hears what holds now. If vfs does not know it nobody does. */
static void tell(const struct pidfd *pidfd) {
    pk_may_fail(vfs_served_ready(connect_endpoint(PK_SLOT_VFS), pidfd->node.key,
                                 holds(pidfd->process), POLL_ENDED | POLL_GONE));
}

void pidfd_process_ended(const struct process *p) {
    if (p->pidfd)
        tell(p->pidfd);
}

void pidfd_process_gone(struct process *p) {
    if (!p->pidfd)
        return;
    p->pidfd->process = 0;
    tell(p->pidfd);
    p->pidfd = 0;
}

/* The last descriptor of some have gone. */
void pidfd_closed(void) {
    uint64_t number;
    while (vfs_served_gone(connect_endpoint(PK_SLOT_VFS), &number) == 0) {
        struct pidfd *pidfd = (struct pidfd *)(void *)hash_find(&pidfds, number);
        if (!pidfd) {
            signalfd_closed(number);
            continue;
        }
        if (pidfd->process)
            pidfd->process->pidfd = 0;
        hash_remove(&pidfds, &pidfd->node);
        free(pidfd);
    }
}
_Static_assert(offsetof(struct pidfd, node) == 0, "pidfd_closed casts");

bool pidfd_tells(uint64_t number, int *pid) {
    const struct pidfd *pidfd = number ? (struct pidfd *)(void *)hash_find(&pidfds, number) : NULL;
    if (!pidfd)
        return false;
    *pid = pidfd->process ? process_pid(pidfd->process) : -1;
    return true;
}

static long pidfd_of(struct process *p) {
    if (!p->pidfd && (p->pidfd = malloc(sizeof *p->pidfd))) {
        p->pidfd->process = p;
        hash_insert(&pidfds, &p->pidfd->node, served_number());
    }
    return p->pidfd ? 0 : -ENOMEM;
}

long pidfd_open(struct process *by, struct process *p, uint32_t flags) {
    static const char name[] = "[pidfd]";
    bool first = !p->pidfd;
    long fd = pidfd_of(p);
    if (fd < 0)
        return fd;
    do
        fd = vfs_served_install(connect_endpoint(PK_SLOT_VFS), process_pid(by), p->pidfd->node.key,
                                O_RDWR | O_CLOEXEC | (flags & O_NONBLOCK), holds(p), 0, name,
                                sizeof name - 1);
    while (connect_again(by, PK_SLOT_VFS, fd));
    if (fd < 0 && first) {
        hash_remove(&pidfds, &p->pidfd->node);
        free(p->pidfd);
        p->pidfd = 0;
    }
    return fd;
}

long pidfd_process(const struct process *by, int fd, struct process **p, uint32_t *flags) {
    uint64_t number;
    long error = vfs_served_at(connect_endpoint(PK_SLOT_VFS), process_pid(by), fd, &number, flags);
    if (error < 0)
        return error == -EINVAL ? -EBADF : error;
    struct pidfd *pidfd = (struct pidfd *)(void *)hash_find(&pidfds, number);
    *p = pidfd ? pidfd->process : 0;
    return pidfd ? 0 : -EBADF;
}

long proc_handle_pidfd_open(struct request *req, int pid, uint32_t flags) {
    struct process *by = request_process(req);
    if (!by)
        return -ESRCH;
    if ((flags & ~O_NONBLOCK) || pid <= 0)
        return -EINVAL;
    struct process *p = process_find(pid);
    if (!p)
        return thread_find(pid) ? -EINVAL : -ESRCH;
    return pidfd_open(by, p, flags);
}

/* The number of the process that a descriptor stands for, be it one of its directory in /proc (pidfd_send_signal(2)). */
static long signalled(const struct thread *by, int fd) {
    struct process *to;
    uint32_t flags;
    long error = pidfd_process(by->process, fd, &to, &flags);
    if (error == -EBADF)
        return procfs_directory_at(by, fd);
    if (error < 0)
        return error;
    return to ? process_pid(to) : -ESRCH;
}

/* As kill, or as queue_signal if there is an info. */
long proc_handle_pidfd_signal(struct request *req, int fd, int signal) {
    const struct thread *by = request_thread(req);
    if (!by)
        return -ESRCH;
    long to = signalled(by, fd);
    if (to < 0)
        return to;
    return request_in_len(req) ? proc_handle_queue_signal(req, (int)to, 0, signal)
                               : proc_handle_kill(req, (int)to, signal);
}

long proc_handle_pidfd_getfd(struct request *req, int fd, int target) {
    struct process *by = request_process(req), *of;
    uint32_t flags;
    if (!by)
        return -ESRCH;
    long error = pidfd_process(by, fd, &of, &flags);
    if (error < 0)
        return error;
    if (!of || of->state == PROCESS_ZOMBIE)
        return -ESRCH;
    if (!process_may_look_into(by, of))
        return -EPERM;
    if (!(of->connected >> PK_SLOT_VFS & 1))
        return -EBADF; /* it has never had a descriptor */
    do
        error =
            vfs_give_copy(connect_endpoint(PK_SLOT_VFS), process_pid(of), target, process_pid(by));
    while (connect_again(by, PK_SLOT_VFS, error));
    return error;
}
