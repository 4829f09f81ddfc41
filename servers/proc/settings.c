/* SPDX-License-Identifier: MIT */
/*
 * What a process inherits and few change: limits, supplementary groups, and what prctl(2) sets. Limits and
 * groups are one record that a fork shares and a change copies.
 *
 * Who keeps to a limit stands in the page of calls (docs/linux-calls.md, prlimit64): core.c, time_limits.c, fork.c, signal.c, schedule.c, vfs,
 * mq, the kernel. The others are only told.
 */
#include "pool.h"
#include "procfs.h"
#include <parley/capabilities.h>
#include <protocol/proc_server.h>
#include <protocol/vfs_client.h>
#include <stdlib.h>
#include <string.h>

static struct limit sigpending_usual(void) {
    struct pk_machine_info info;
    must(pk_machine_info(&info));
    uint64_t most = info.frames_total * 4096 / SIGPENDING_BYTES;
    most = most > SIGPENDING_LEAST ? most : SIGPENDING_LEAST;
    return (struct limit){most, most};
}

struct settings *settings_usual(void) {
    static struct settings usual;
    if (!usual.refs) {
        for (unsigned i = 0; i < LIMITS; i++)
            usual.limits[i] = (struct limit){INFINITY, INFINITY};
        usual.limits[RLIMIT_STACK].soft = 8ul << 20;
        usual.limits[RLIMIT_CORE].soft = 0;
        usual.limits[RLIMIT_NOFILE] = (struct limit){1024, 4096};
        usual.limits[RLIMIT_MEMLOCK] = (struct limit){8ul << 20, 8ul << 20};
        usual.limits[RLIMIT_SIGPENDING] = sigpending_usual();
        usual.limits[RLIMIT_MSGQUEUE] = (struct limit){819200, 819200};
        usual.limits[RLIMIT_NICE] = usual.limits[RLIMIT_RTPRIO] = (struct limit){0, 0};
        usual.refs = 1;
    }
    usual.refs++;
    return &usual;
}

void settings_put(struct settings *s) {
    if (--s->refs == 0)
        free(s);
}

/* The process's own, with room for so many groups; 0: no memory. Groups are kept if there is room. */
static struct settings *own_settings(struct process *p, size_t groups) {
    struct settings *old = p->settings;
    if (old->refs == 1 && old->group_count == groups)
        return old;
    struct settings *s = malloc(sizeof *s + groups * sizeof *s->groups);
    if (!s)
        return 0;
    size_t kept = groups < old->group_count ? groups : old->group_count;
    memcpy(s, old, sizeof *s + kept * sizeof *s->groups);
    s->refs = 1;
    s->group_count = (uint32_t)groups;
    settings_put(old);
    p->settings = s;
    return s;
}

uint64_t settings_limit(const struct process *p, unsigned resource) {
    return p->settings->limits[resource].soft;
}

/* Without memory for a record of its own it stays as it is. */
void settings_set_soft(struct process *p, unsigned resource, uint64_t soft) {
    struct settings *s = own_settings(p, p->settings->group_count);
    if (s)
        s->limits[resource].soft = soft;
}

/* The stack is mapped as a whole, while on Linux it counts as far as it has grown: at first so much, and as data never. */
#define STACK_AT_FIRST (132ul << 10)

static uint64_t with(uint64_t limit, uint64_t more) {
    return limit > INFINITY - more ? INFINITY : limit + more;
}

long settings_limit_memory(const struct process *p, uint64_t task, uint64_t stack) {
    uint64_t all = settings_limit(p, RLIMIT_AS), data = settings_limit(p, RLIMIT_DATA);
    long error = pk_task_set(task, PK_TASK_MAPPED_MOST, with(all, stack - STACK_AT_FIRST));
    return error < 0 ? error : pk_task_set(task, PK_TASK_DATA_MOST, with(data, stack));
}

bool settings_limits_memory(const struct process *p) {
    return settings_limit(p, RLIMIT_AS) != INFINITY || settings_limit(p, RLIMIT_DATA) != INFINITY;
}

/* Another's limits are for root, and for who is the same in all ids (prlimit(2)). */
static bool may_limit(const struct process *from, const struct process *to) {
    return from == to || from->euid == 0 ||
           (from->ruid == to->ruid && from->ruid == to->euid && from->ruid == to->suid &&
            from->rgid == to->rgid && from->rgid == to->egid && from->rgid == to->sgid);
}

static long check_limit(const struct process *caller, unsigned resource, const struct limit *old,
                        const struct limit *new) {
    if (new->soft > new->hard)
        return -EINVAL;
    if (resource == RLIMIT_NOFILE && new->hard > VFS_FILES_MOST)
        return -EPERM;
    return new->hard > old->hard && caller->euid != 0 ? -EPERM : 0;
}

long proc_handle_limit(struct request *req, int pid, uint32_t resource, int set, uint64_t soft,
                       uint64_t hard) {
    struct process *caller = request_process(req), *p = pid ? process_find(pid) : caller;
    if (resource >= LIMITS)
        return -EINVAL;
    if (!caller || !p || p->state == PROCESS_ZOMBIE)
        return -ESRCH;
    if (!may_limit(caller, p))
        return -EPERM;
    struct limit old = p->settings->limits[resource], new = {soft, hard};
    long error = set ? check_limit(caller, resource, &old, &new) : 0;
    if (error < 0)
        return error;
    if (set) {
        struct settings *s = own_settings(p, p->settings->group_count);
        if (!s)
            return -ENOMEM;
        s->limits[resource] = new;
        if (resource == RLIMIT_NOFILE || resource == RLIMIT_FSIZE || resource == RLIMIT_MSGQUEUE)
            connect_limits_changed(p);
        if ((resource == RLIMIT_AS || resource == RLIMIT_DATA) && p->task && !p->shares_memory)
            error = settings_limit_memory(p, p->task, p->strings.stack);
        if (resource == RLIMIT_CPU || resource == RLIMIT_RTTIME)
            error = time_limits_begin(p);
        if (error < 0) {
            s->limits[resource] = old;
            return error;
        }
    }
    proc_results_limit(&req->msg, old.soft, old.hard);
    return 0;
}

long proc_handle_groups(struct request *req) {
    struct process *p = request_process(req);
    if (!p)
        return -ESRCH;
    uint64_t room = request_out_len(req) / sizeof *p->settings->groups;
    uint32_t count = p->settings->group_count;
    if (!room)
        return count;
    if (room < count)
        return -EINVAL;
    long error =
        count ? request_write_all(req, p->settings->groups, count * sizeof *p->settings->groups)
              : 0;
    return error < 0 ? error : count;
}

long proc_handle_set_groups(struct request *req) {
    struct process *p = request_process(req);
    if (!p)
        return -ESRCH;
    if (p->euid != 0)
        return -EPERM;
    uint64_t count = request_in_len(req) / sizeof *p->settings->groups;
    if (count > GROUPS_MOST)
        return -EINVAL;
    uint32_t *groups = malloc(count * sizeof *groups + 1);
    if (!groups)
        return -ENOMEM;
    long error = count ? request_read_all(req, groups, count * sizeof *groups) : 0;
    struct settings *s = error < 0 ? 0 : own_settings(p, count);
    if (s && count)
        memcpy(s->groups, groups, count * sizeof *groups);
    free(groups);
    return error < 0 ? error : s ? connect_groups(p) : -ENOMEM;
}

/* ---- prctl(2) ---- */

enum {
    PR_SET_PDEATHSIG = 1,
    PR_GET_PDEATHSIG = 2,
    PR_GET_DUMPABLE = 3,
    PR_SET_DUMPABLE = 4,
    PR_GET_KEEPCAPS = 7,
    PR_SET_KEEPCAPS = 8,
    PR_CAPBSET_READ = 23,
    PR_GET_SECUREBITS = 27,
    PR_SET_CHILD_SUBREAPER = 36,
    PR_GET_CHILD_SUBREAPER = 37,
    PR_SET_NO_NEW_PRIVS = 38,
    PR_GET_NO_NEW_PRIVS = 39,
};

#define ADDR_NO_RANDOMIZE 0x40000u

long proc_handle_persona(struct request *req, uint32_t persona) {
    struct process *p = request_process(req);
    if (!p)
        return -ESRCH;
    long old = p->no_random_addresses ? ADDR_NO_RANDOMIZE : 0;
    if (persona == UINT32_MAX)
        return old;
    if (persona & ~ADDR_NO_RANDOMIZE)
        return -EINVAL;
    p->no_random_addresses = persona;
    return old;
}

static long set_name(struct thread *t, const char name[NAME_ROOM]) {
    struct process *p = t->process;
    char *to = t == &p->main ? p->name : t->name;
    memcpy(to, name, NAME_ROOM);
    to[NAME_ROOM - 1] = 0;
    return t == &p->main ? pk_task_set(p->task, PK_TASK_NAME, (uint64_t)to) : 0;
}

long proc_handle_set_name(struct request *req, uint64_t first, uint64_t second) {
    struct thread *t = request_thread(req);
    if (!t)
        return -ESRCH;
    uint64_t words[NAME_ROOM / sizeof(uint64_t)] = {first, second};
    return set_name(t, (const char *)words);
}

/* /proc/PID/task/TID/comm: what is too long is cut off (proc(5)). */
long store_comm(const struct process *by, struct thread *t, const char *text) {
    char name[NAME_ROOM] = "";
    if (t->process != by)
        return -EINVAL;
    strncpy(name, text, NAME_ROOM - 1);
    return set_name(t, name);
}

long proc_handle_get_name(struct request *req) {
    struct thread *t = request_thread(req);
    uint64_t words[NAME_ROOM / sizeof(uint64_t)];
    if (!t)
        return -ESRCH;
    memcpy(words, thread_name(t), sizeof words);
    proc_results_get_name(&req->msg, words[0], words[1]);
    return 0;
}

long proc_handle_attribute(struct request *req, int option, uint64_t value) {
    struct process *p = request_process(req);
    if (!p)
        return -ESRCH;
    switch (option) {
    case PR_SET_PDEATHSIG:
        if (value > SIGNALS)
            return -EINVAL;
        p->parent_death_signal = (uint8_t)value;
        brood_mourn(p);
        return 0;
    case PR_GET_PDEATHSIG:
        return p->parent_death_signal;
    case PR_SET_DUMPABLE:
        if (value > 1)
            return -EINVAL;
        p->dumpable = value;
        connect_guard_changed(p);
        return 0;
    case PR_GET_DUMPABLE:
        return p->dumpable;
    case PR_SET_KEEPCAPS:
        if (value > 1)
            return -EINVAL;
        p->keeps_rights = value;
        return 0;
    case PR_GET_KEEPCAPS:
        return p->keeps_rights;
    case PR_CAPBSET_READ: /* none is ever taken away from those that root may have */
        return value > CAPABILITY_LAST ? -EINVAL : 1;
    case PR_GET_SECUREBITS:
        return 0;
    case PR_SET_CHILD_SUBREAPER:
        process_subreapers -= p->subreaper;
        p->subreaper = value != 0;
        process_subreapers += p->subreaper;
        return 0;
    case PR_GET_CHILD_SUBREAPER:
        return p->subreaper;
    case PR_SET_NO_NEW_PRIVS:
        if (value != 1)
            return -EINVAL;
        p->no_new_rights = true;
        return 0;
    case PR_GET_NO_NEW_PRIVS:
        return p->no_new_rights;
    default:
        return -EINVAL;
    }
}
