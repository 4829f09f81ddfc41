/* SPDX-License-Identifier: MIT */
/* Who a process is: parent, group, session, users. */
#include "pool.h"
#include <protocol/proc_server.h>

#define KEEP 0xffffffffu

static int parent_pid(const struct process *p) {
    return p->parent ? process_pid(p->parent) : INIT_PID;
}

long proc_handle_ids(struct request *req, int pid) {
    struct process *p = pid == 0 ? request_process(req) : process_find(pid);
    if (!p)
        return -ESRCH;
    proc_results_ids(&req->msg, parent_pid(p), p->group, p->session);
    return process_pid(p);
}

static bool group_in_session(int group, int session) {
    for (struct process *p = process_next(0); p; p = process_next(p))
        if (p->group == group && p->session == session)
            return true;
    return false;
}

/* setpgid(2), its errors in the order of the page. */
long proc_handle_setpgid(struct request *req, int pid, int group) {
    struct process *caller = request_process(req);
    if (!caller)
        return -ESRCH;
    if (group < 0)
        return -EINVAL;
    struct process *p = pid == 0 ? caller : process_find(pid);
    if (!p || (p != caller && p->parent != caller))
        return -ESRCH;
    if (p != caller && p->session != caller->session)
        return -EPERM;
    if (p != caller && p->execed)
        return -EACCES;
    if (p->session == process_pid(p))
        return -EPERM;
    if (group == 0)
        group = process_pid(p);
    if (group != process_pid(p) && !group_in_session(group, caller->session))
        return -EPERM;
    p->group = group;
    return 0;
}

long proc_handle_setsid(struct request *req) {
    struct process *p = request_process(req);
    if (!p)
        return -ESRCH;
    int pid = process_pid(p);
    for (struct process *q = process_next(0); q; q = process_next(q))
        if (q->group == pid)
            return -EPERM;
    p->group = p->session = pid;
    return pid;
}

long proc_handle_users(struct request *req) {
    struct process *p = request_process(req);
    if (!p)
        return -ESRCH;
    proc_results_users(&req->msg, p->ruid, p->euid, p->suid, p->rgid, p->egid, p->sgid);
    return 0;
}

static bool one_of(uint32_t id, uint32_t a, uint32_t b, uint32_t c) {
    return id == KEEP || id == a || id == b || id == c;
}

long proc_handle_set_users(struct request *req, int group, uint32_t real, uint32_t effective,
                           uint32_t saved) {
    struct process *p = request_process(req);
    if (!p)
        return -ESRCH;
    uint32_t *r = group ? &p->rgid : &p->ruid, *e = group ? &p->egid : &p->euid;
    uint32_t *s = group ? &p->sgid : &p->suid;
    if (p->euid != 0 &&
        !(one_of(real, *r, *e, *s) && one_of(effective, *r, *e, *s) && one_of(saved, *r, *e, *s)))
        return -EPERM;
    uint32_t before = *r;
    *r = real == KEEP ? *r : real;
    if (pool_follow_user(p) < 0) {
        *r = before;
        return -EAGAIN; /* setuid(2): the user's resources are used up */
    }
    *e = effective == KEEP ? *e : effective;
    *s = saved == KEEP ? *s : saved;
    connect_credentials(p);
    return 0;
}
