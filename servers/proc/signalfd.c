/* SPDX-License-Identifier: MIT */
/*
 * Descriptors that signals are read from: signalfd(2). vfs has the descriptors (its served_* messages); reads come
 * here, where signals are.
 *
 * Who reads takes signals of its own, whoever made the descriptor, as on Linux. Who polls hears what is pending for
 * the process that made it: a descriptor has one state for all who share it.
 */
#include "proc.h"
#include <protocol/proc_server.h>
#include <protocol/vfs_client.h>
#include <stdlib.h>
#include <string.h>

#define O_RDWR 02u
#define O_NONBLOCK 04000u
#define O_CLOEXEC 02000000u
#define POLL_READABLE 0x41u /* POLLIN, POLLRDNORM */

struct signalfd {
    struct hash_node node;   /* key: its number */
    struct process *process; /* that made it; NULL: it has gone */
    struct list link;        /* in process->signalfds */
    uint64_t set;
    bool readable; /* as vfs was told */
};

/* struct signalfd_siginfo of signalfd(2). */
struct signal_record {
    uint32_t signal;
    int32_t error, code;
    uint32_t pid, uid;
    int32_t fd;
    uint32_t timer, band, overrun, trap;
    int32_t status, value_int;
    uint64_t value, user_time, system_time, address;
    uint8_t room[48];
};
_Static_assert(sizeof(struct signal_record) == SIGNAL_RECORD_SIZE, "signalfd_siginfo");

static struct hash signalfds;

static struct signalfd *of_link(struct list *link) {
    return container_of(link, struct signalfd, link);
}

static struct signalfd *find(uint64_t number) {
    return (struct signalfd *)(void *)hash_find(&signalfds, number);
}
_Static_assert(offsetof(struct signalfd, node) == 0, "find casts");

static bool is_readable(const struct signalfd *s) {
    const struct process *p = s->process;
    if (!p || p->state == PROCESS_ZOMBIE)
        return false;
    uint64_t pending = p->pending.set;
    for (const struct thread *t = thread_next(p, NULL); t; t = thread_next(p, t))
        pending |= t->pending.set;
    return pending & s->set;
}

static void look(struct signalfd *s, bool again) {
    bool readable = is_readable(s);
    if (readable == s->readable && !(again && readable))
        return;
    s->readable = readable;
    /* If vfs does not know it, nobody polls it. */
    pk_may_fail(vfs_served_ready(connect_endpoint(PK_SLOT_VFS), s->node.key,
                                 readable ? POLL_READABLE : 0, readable ? POLL_READABLE : 0));
}

void signalfds_look(struct process *p, bool added) {
    for (struct list *at = p->signalfds.next; at != &p->signalfds; at = at->next)
        look(of_link(at), added);
}

void signalfds_process_ended(struct process *p) {
    while (!list_empty(&p->signalfds)) {
        struct signalfd *s = of_link(p->signalfds.next);
        list_remove(&s->link);
        s->process = NULL;
        look(s, false);
    }
}

void signalfd_closed(uint64_t number) {
    struct signalfd *s = find(number);
    if (!s)
        return;
    list_remove(&s->link);
    hash_remove(&signalfds, &s->node);
    free(s);
}

static long install(struct process *by, const struct signalfd *s, uint32_t flags) {
    static const char name[] = "[signalfd]";
    long fd;
    do
        fd = vfs_served_install(connect_endpoint(PK_SLOT_VFS), process_pid(by), s->node.key,
                                O_RDWR | flags, s->readable ? POLL_READABLE : 0, 1, name,
                                sizeof name - 1);
    while (connect_again(by, PK_SLOT_VFS, fd));
    return fd;
}

static long make(struct process *by, uint64_t set, uint32_t flags) {
    struct signalfd *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    s->process = by;
    s->set = set;
    s->readable = is_readable(s);
    list_add_tail(&by->signalfds, &s->link);
    hash_insert(&signalfds, &s->node, served_number());
    long fd = install(by, s, flags);
    if (fd < 0)
        signalfd_closed(s->node.key);
    return fd;
}

static long at_descriptor(const struct process *by, int fd, struct signalfd **s, uint32_t *flags) {
    uint64_t number;
    long error = vfs_served_at(connect_endpoint(PK_SLOT_VFS), process_pid(by), fd, &number, flags);
    *s = error < 0 ? NULL : find(number);
    return error < 0 ? error : *s ? 0 : -EINVAL;
}

long proc_handle_signalfd(struct request *req, int fd, uint64_t set, uint32_t flags) {
    struct process *by = request_process(req);
    struct signalfd *s;
    uint32_t unused;
    if (!by)
        return -ESRCH;
    if (flags & ~(O_NONBLOCK | O_CLOEXEC))
        return -EINVAL;
    set &= ~UNBLOCKABLE;
    if (fd == -1)
        return make(by, set, flags);
    long error = at_descriptor(by, fd, &s, &unused);
    if (error < 0)
        return error;
    s->set = set;
    look(s, true);
    return fd;
}

void signal_record(const struct signal_info *info, void *to) {
    struct signal_record r = {
        .signal = (uint32_t)info->signal, .error = info->error, .code = info->code};
    if (info->code == SI_TIMER) {
        r.timer = (uint32_t)info->words[0];
        r.overrun = (uint32_t)(info->words[0] >> 32);
    } else {
        r.pid = (uint32_t)info->pid;
        r.uid = info->uid;
    }
    if (info->signal == SIGCHLD && info->code > 0) {
        r.status = info->status;
    } else {
        r.value = info->value;
        r.value_int = (int32_t)info->value;
    }
    memcpy(to, &r, sizeof r);
}

/* As many as are pending and have room. Those that were taken are lost if the caller's buffer is bad, as on Linux. */
static long take(struct request *req, struct thread *t, uint64_t set) {
    struct signal_info info;
    struct signal_record r;
    uint64_t room = request_out_len(req) / sizeof r, n = 0;
    for (; n < room && n < SIGNAL_RECORDS_MOST && signal_take(t, set, &info); n++) {
        signal_record(&info, &r);
        long done = pk_copy_to_caller(req->token, n * sizeof r, &r, sizeof r);
        if (done < 0)
            return n ? (long)(n * sizeof r) : -EFAULT;
    }
    return (long)(n * sizeof r);
}

long proc_handle_signalfd_read(struct request *req, int fd) {
    struct thread *t = request_thread(req);
    struct signalfd *s;
    uint32_t flags;
    if (!t)
        return -ESRCH;
    long error = at_descriptor(t->process, fd, &s, &flags);
    if (error < 0)
        return error;
    if (request_out_len(req) < sizeof(struct signal_record))
        return -EINVAL;
    long taken = take(req, t, s->set);
    if (taken)
        return taken;
    return flags & O_NONBLOCK ? -EAGAIN : signal_wait_record(req, t, s->set);
}
