/* SPDX-License-Identifier: MIT */
/* Who a process is: parent, group, session, users. */
#include "pool.h"
#include <parley/personality.h>
#include <protocol/proc_server.h>

#define KEEP 0xffffffffu

static bool in_groups(const struct process *p, uint32_t gid) {
    const struct settings *s = p->settings;
    for (uint32_t i = 0; i < s->group_count; i++)
        if (s->groups[i] == gid)
            return true;
    return p->egid == gid;
}

/* The groups, which may be many, are looked at only if they matter. */
bool process_may_read(const struct process *p, uint32_t mode, uint32_t uid, uint32_t gid) {
    if (p->euid == 0 || (mode & 0444) == 0444)
        return true;
    if (p->euid == uid)
        return mode & 0400;
    bool as_group = mode & 0040, as_other = mode & 0004;
    return as_group != as_other && in_groups(p, gid) ? as_group : as_other;
}

static int parent_pid(const struct process *p) {
    const struct process *parent = process_parent(p);
    return parent ? process_pid(parent) : INIT_PID;
}

long proc_handle_ids(struct request *req, int pid) {
    struct process *p = pid == 0 ? request_process(req) : process_find(pid);
    if (!p)
        return -ESRCH;
    proc_results_ids(&req->msg, parent_pid(p), process_group(p), process_session(p));
    return process_pid(p);
}

/* setpgid(2), its errors in the order of the page. */
long proc_handle_setpgid(struct request *req, int pid, int id) {
    struct process *caller = request_process(req);
    if (!caller)
        return -ESRCH;
    if (id < 0)
        return -EINVAL;
    struct process *p = pid == 0 ? caller : process_find(pid);
    if (!p || (p != caller && p->parent != caller))
        return -ESRCH;
    int session = process_session(caller);
    if (p != caller && process_session(p) != session)
        return -EPERM;
    if (p != caller && p->execed)
        return -EACCES;
    if (process_session(p) == process_pid(p))
        return -EPERM;
    if (id == 0)
        id = process_pid(p);
    struct group *group = group_find(id);
    if (group ? group->session != session : id != process_pid(p))
        return -EPERM;
    if (!group)
        group = group_new(id, session);
    if (!group || group_move(p, group) < 0)
        return -ENOMEM;
    connect_job_changed(p);
    return 0;
}

long proc_handle_setsid(struct request *req) {
    struct process *p = request_process(req);
    if (!p)
        return -ESRCH;
    int pid = process_pid(p);
    if (group_find(pid))
        return -EPERM;
    struct group *group = group_new(pid, pid);
    if (!group || group_move(p, group) < 0)
        return -ENOMEM;
    p->no_terminal = false;
    connect_job_changed(p);
    return pid;
}

long process_tell_known(const struct process *p) {
    struct personality_known known = {process_pid(p), parent_pid(p), p->ruid, p->euid,
                                      p->suid,        p->rgid,       p->egid, p->sgid};
    uint64_t at = exec_state() + offsetof(struct personality_state, known);
    return p->known ? pk_task_copy_out(p->task, at, &known, sizeof known) : 0;
}

/* The copy is only ever written from here, so that it is never older than what was answered. */
long proc_handle_know(struct request *req) {
    struct process *p = request_process(req);
    if (!p)
        return -ESRCH;
    p->known = true;
    long error = process_tell_known(p);
    return error < 0 ? error : 0;
}

long proc_handle_users(struct request *req) {
    struct process *p = request_process(req);
    if (!p)
        return -ESRCH;
    proc_results_users(&req->msg, p->ruid, p->euid, p->suid, p->rgid, p->egid, p->sgid);
    return 0;
}

struct ids {
    uint32_t real, effective, saved;
};

static struct ids ids_of(const struct process *p, int group) {
    return group ? (struct ids){p->rgid, p->egid, p->sgid}
                 : (struct ids){p->ruid, p->euid, p->suid};
}

static bool has(struct ids ids, uint32_t id) {
    return id == KEEP || id == ids.real || id == ids.effective || id == ids.saved;
}

/*
 * From now on p is that, here and to the servers; or an error, and some have not heard of it. Who is another forgets
 * that it was to hear of its parent's end (prctl(2)).
 */
static long become(struct process *p, int group, struct ids ids) {
    if (ids.effective != ids_of(p, group).effective) {
        p->parent_death_signal = 0;
        p->dumpable = false;
    }
    *(group ? &p->rgid : &p->ruid) = ids.real;
    *(group ? &p->egid : &p->euid) = ids.effective;
    *(group ? &p->sgid : &p->suid) = ids.saved;
    long error = pool_follow_user(p);
    error = error < 0 ? error : connect_credentials(p);
    error = error < 0 ? error : process_tell_known(p);
    connect_guard_changed(p);
    return error < 0 ? error : 0;
}

long proc_handle_set_users(struct request *req, int group, uint32_t real, uint32_t effective,
                           uint32_t saved) {
    struct process *p = request_process(req);
    if (!p)
        return -ESRCH;
    struct ids before = ids_of(p, group), after = before;
    if (p->euid != 0 && !(has(before, real) && has(before, effective) && has(before, saved)))
        return -EPERM;
    after.real = real == KEEP ? before.real : real;
    after.effective = effective == KEEP ? before.effective : effective;
    after.saved = saved == KEEP ? before.saved : saved;
    if (become(p, group, after) == 0)
        return 0;
    if (become(p, group, before) == 0)
        return -EAGAIN;                  /* setuid(2): there is no memory for it */
    process_end(p, CLD_KILLED, SIGKILL); /* rather than be one user here and another there */
    return SERVER_DEFER;
}
