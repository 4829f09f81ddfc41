/* SPDX-License-Identifier: MIT */
/*
 * Sessions and their controlling terminal (POSIX XBD 11.1; ioctl_tty(2), credentials(7)).
 *
 * The console server keeps whose terminal it is and which group is in the foreground, and refuses what
 * a process may not do from where it is. What needs to know processes is here: who may become the
 * terminal's session, which groups exist, and how a process takes SIGTTIN and SIGTTOU.
 */
#include "proc.h"
#include <protocol/console_client.h>
#include <protocol/proc_server.h>
#include <protocol/vfs_client.h>

/* Device numbers, as in stat(2). */
#define SERIAL_LINE 0x440
#define SLAVE_MAJOR 136

enum { TIOCSCTTY = 0x540E, TIOCSPGRP = 0x5410, TIOCNOTTY = 0x5422 };

static uint64_t console(void) {
    static uint64_t slot;
    if (!slot)
        slot = boot_cap("console");
    return slot;
}

/* Has p a controlling terminal? Then *foreground is the group that has it. */
static bool has_terminal(const struct process *p, int *foreground) {
    uint32_t number;
    return !p->no_terminal &&
           console_owner(console(), process_session(p), foreground, &number) == 0;
}

static int slave_device(int n) {
    return (n & 0xff) | SLAVE_MAJOR << 8 | (n & ~0xff) << 12;
}

int terminal_foreground(const struct process *p, int *device) {
    int foreground;
    uint32_t number;
    if (p->no_terminal || console_owner(console(), process_session(p), &foreground, &number) < 0)
        return 0;
    *device = number ? slave_device((int)number - 1) : SERIAL_LINE;
    return foreground;
}

static void hang_up(int group) {
    signal_send_group(group, SIGHUP);
    signal_send_group(group, SIGCONT); /* the stopped ones hear the other one then */
}

/* A session's leader, whose terminal is hung up. */
static void hang_up_leader(int pid) {
    struct process *leader = process_find(pid);
    if (!leader || leader->state == PROCESS_ZOMBIE)
        return;
    signal_send_simple(leader, SIGHUP, SI_KERNEL, 0);
    signal_send_simple(leader, SIGCONT, SI_KERNEL, 0);
}

void terminal_signals(void) {
    int number, group, leader;
    while (console_signals(console(), &number, &group, &leader) > 0) {
        if (leader > 0)
            hang_up_leader(leader);
        if (group > 0)
            signal_send_group(group, number);
    }
}

void terminal_session_ended(const struct process *leader) {
    long group = console_release(console(), process_pid(leader), 1);
    if (group > 0)
        hang_up((int)group);
}

/*
 * What is due to p in the background: 1: it takes no such signal and may go on; -EIO; else its group
 * was sent the signal: -EINTR if p has a handler for it, 0 if it was stopped and may try again.
 */
static long refuse(struct thread *t, int signal) {
    struct process *p = t->process;
    uint64_t handler = signal_action(p, signal)->handler;
    if (handler == SIG_IGN || mask_blocks(t, signal))
        return signal == SIGTTIN ? -EIO : 1;
    if (group_orphaned(p->group))
        return -EIO;
    signal_send_group(process_group(p), signal);
    return handler == SIG_DFL ? 0 : -EINTR;
}

long proc_handle_background(struct request *req, int signal) {
    struct thread *t = request_thread(req);
    int foreground;
    if (!t)
        return -ESRCH;
    struct process *p = t->process;
    if (signal != SIGTTIN && signal != SIGTTOU)
        return -EINVAL;
    if (!has_terminal(p, &foreground) || foreground == process_group(p))
        return 0; /* it has changed meanwhile */
    return answer(process_pid(p), refuse(t, signal));
}

/* TIOCSCTTY: root may take a terminal from another session, whose processes are not told. */
static long take(struct process *p, uint64_t opened, bool reads, bool steal) {
    bool root = p->euid == 0;
    if (process_session(p) != process_pid(p) || (!reads && !root))
        return -EPERM;
    p->no_terminal = false;
    connect_job_changed(p);
    return console_acquire(console(), opened, process_group(p), process_session(p), steal && root);
}

/* TIOCNOTTY: the leader gives it up for its session, anybody else for itself. */
static long give_up(struct process *p) {
    int own = process_pid(p), foreground;
    if (!has_terminal(p, &foreground))
        return -ENOTTY;
    if (process_session(p) != own) {
        p->no_terminal = true;
        connect_job_changed(p);
        return 0;
    }
    long group = console_release(console(), own, 0);
    if (group < 0)
        return group;
    hang_up((int)group);
    return answer(own, 0);
}

/* TIOCSPGRP, its errors in the order of Linux's. */
static long set_foreground(struct thread *t, int id) {
    struct process *p = t->process;
    int own = process_pid(p), foreground;
    if (!has_terminal(p, &foreground))
        return -ENOTTY;
    if (foreground != process_group(p)) {
        long result = refuse(t, SIGTTOU);
        if (result != 1)
            return answer(own, result == -EIO ? -ENOTTY : result == 0 ? -ERESTART : result);
    }
    if (id < 0)
        return -EINVAL;
    const struct group *g = group_find(id);
    if (!g)
        return -ESRCH;
    if (g->session != process_session(p))
        return -EPERM;
    return console_set_foreground(console(), id, g->session);
}

long proc_handle_terminal(struct request *req, int fd, uint32_t request, int argument) {
    struct thread *t = request_thread(req);
    if (!t)
        return -ESRCH;
    struct process *p = t->process;
    if (request != TIOCSCTTY && request != TIOCSPGRP && request != TIOCNOTTY)
        return -EINVAL;
    uint64_t opened;
    long how = vfs_terminal(connect_endpoint(PK_SLOT_VFS), process_pid(p), fd, &opened);
    if (how < 0)
        return how == -EIO && request == TIOCSPGRP ? -ENOTTY : how;
    switch (request) {
    case TIOCSCTTY:
        return take(p, opened, how == VFS_TERMINAL_READS, argument == 1);
    case TIOCNOTTY:
        return give_up(p);
    default:
        return set_foreground(t, argument);
    }
}
