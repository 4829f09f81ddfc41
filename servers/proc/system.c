/* SPDX-License-Identifier: MIT */
/* Small things that are told or set: connections, usage, limits of memory, calls that are not served. */
#include "load.h"
#include "pool.h"
#include <protocol/proc_server.h>

long proc_handle_connect_named(struct request *req) {
    struct process *p = request_process(req);
    char name[sizeof boot_info->name] = "";
    if (!p)
        return -ESRCH;
    if (request_in_len(req) >= sizeof name)
        return -ENAMETOOLONG;
    long length = request_read(req, 0, name, request_in_len(req));
    return length < 0 ? length : connect_named(p, name);
}

long proc_handle_connect(struct request *req, uint32_t slot) {
    struct process *p = request_process(req);
    return p ? connect_server(p, slot) : -ESRCH;
}

long proc_handle_owner(struct request *req, int tid) {
    const struct thread *t = thread_find(tid);
    (void)req;
    return t ? connect_owner(t) : -ESRCH;
}

long proc_handle_usage(struct request *req) {
    struct process *p = request_process(req);
    struct pk_task_info info;
    if (!p)
        return -ESRCH;
    long error = pk_task_info(p->task, &info);
    if (error < 0)
        return error;
    proc_results_usage(&req->msg, process_run_ns(p), p->children_ns, info.resident);
    return 0;
}

long proc_handle_run_time(struct request *req, int pid, int thread) {
    const struct thread *by = request_thread(req), *t = pid && thread ? thread_find(pid) : by;
    const struct process *p = pid ? process_find(pid) : by ? by->process : NULL;
    if (thread ? !t || !by || t->process != by->process : !p)
        return -ESRCH;
    proc_results_run_time(&req->msg, thread ? thread_run_ns(t) : process_run_ns(p));
    return 0;
}

long proc_handle_system(struct request *req) {
    load_update();
    proc_results_system(&req->msg, process_count(), load_averages[0], load_averages[1],
                        load_averages[2]);
    return 0;
}

long proc_handle_quota(struct request *req, uint64_t pages) {
    struct process *p = request_process(req);
    if (!p)
        return -ESRCH;
    if (pages == 0 || pages > UINT64_MAX / 4096)
        return -EINVAL;
    return pool_limit(p, pages * 4096);
}

long proc_handle_unknown(struct request *req, uint64_t number) {
    struct process *p = request_process(req);
    if (exec_logs_unknown())
        server_log("%s[%d]: system call %lu is not served", p ? p->name : "?", (int)req->msg.badge,
                   number);
    return 0;
}
