/* SPDX-License-Identifier: MIT */
/* The rest: connecting, usage, quotas, stopping the machine, and what init asks for. */
#include "pool.h"
#include <protocol/console_client.h>
#include <protocol/proc_server.h>
#include <protocol/session_client.h>
#include <protocol/vfs_client.h>
#include <string.h>

#define EVENT_INIT_ENDED 1ull
#define DRAIN_NS 2000000000ull /* most that the terminal's output may hold a stop up */

long proc_handle_connect(struct request *req, uint32_t slot) {
    struct process *p = request_process(req);
    return p ? connect_server(p, slot) : -ESRCH;
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

long proc_handle_system(struct request *req) {
    proc_results_system(&req->msg, process_count());
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

/*
 * A stop that was allowed waits for the terminal to send what it has, and for nothing else: if that
 * takes too long, or the caller ends meanwhile, the machine stops all the same.
 */
static uint32_t stop_how, stop_status;
static struct waiter stop_waiter;
static struct waiter_queue stopping = {LIST_INIT(stopping.list)};

static long stop_ended(struct waiter *w, enum waiter_end why) {
    (void)w, (void)why;
    return pk_machine_stop(boot_cap("machine"), stop_how, stop_status);
}

static const struct waiter_ops stop_ops = {.ended = stop_ended};

void system_drained(void) {
    struct waiter *w = waiter_first(&stopping);
    if (w)
        waiter_finish(w, pk_machine_stop(boot_cap("machine"), stop_how, stop_status));
}

long proc_handle_reboot(struct request *req, uint32_t how, uint32_t status) {
    struct process *p = request_process(req);
    if (!p)
        return -ESRCH;
    if (p->euid != 0)
        return -EPERM;
    if (how > PK_STOP_EXIT)
        return -EINVAL;
    if (!waiter_queue_empty(&stopping))
        return -EBUSY;
    stop_how = how;
    stop_status = status;
    if (console_shut_down(boot_cap("console")) != -EAGAIN)
        return pk_machine_stop(boot_cap("machine"), how, status);
    waiter_init(&stop_waiter, req, 0, &stop_ops);
    waiter_enqueue(&stopping, &stop_waiter);
    if (waiter_set_deadline(&stop_waiter, clock_ns() + DRAIN_NS) < 0)
        system_drained();
    return SERVER_DEFER;
}

long proc_handle_unknown(struct request *req, uint64_t number) {
    struct process *p = request_process(req);
    if (exec_logs_unknown())
        server_log("%s[%d]: system call %lu is not served", p ? p->name : "?", (int)req->msg.badge,
                   number);
    return 0;
}

/* A session of its own, root's, on the console. */
static long start(struct process *p, const char *bytes, size_t length, size_t count) {
    p->spawned = true;
    struct group *group = group_new(process_pid(p), process_pid(p));
    if (!group)
        return -ENOMEM;
    group_enter(p, group);
    p->main.alt_flags = SS_DISABLE;
    struct pool *pool = pool_of_user(0);
    long error = pool ? pool_enter(p, pool) : -ENOMEM;
    pool_put(pool);
    if (error < 0)
        return error;
    error = session_connect(connect_endpoint(PK_SLOT_VFS), process_pid(p), 0, 0, pool_tag(p->pool),
                            0, pool_payment(p->pool));
    if (error < 0)
        return error;
    p->connected |= 1u << PK_SLOT_VFS;
    connect_job_changed(p);
    error = vfs_attach_console(connect_endpoint(PK_SLOT_VFS), process_pid(p));
    return error < 0 ? error : exec_spawn(p, bytes, length, count);
}

long proc_handle_spawn(struct request *req) {
    char bytes[SPAWN_MOST];
    size_t count = 0;
    uint64_t length = request_in_len(req);
    if (length == 0 || length > sizeof bytes)
        return -E2BIG;
    long error = request_read_all(req, bytes, length);
    if (error < 0)
        return error;
    if (bytes[length - 1])
        return -EINVAL;
    struct process *p = process_new(0);
    if (!p)
        return -ENOMEM;
    for (size_t at = 0; at < length; at += strlen(bytes + at) + 1)
        count++;
    error = start(p, bytes, length, count);
    if (error < 0) {
        connect_exited(p);
        pool_leave(p);
        process_free(p);
        return error;
    }
    return process_pid(p);
}

void spawned_ended(const struct process *p) {
    (void)p;
    pk_notify(boot_cap("events:init"), EVENT_INIT_ENDED);
}

long proc_handle_ended(struct request *req, int pid) {
    struct process *p = process_find(pid);
    if (!p || !p->spawned)
        return -ESRCH;
    if (p->state != PROCESS_ZOMBIE)
        return -EAGAIN;
    uint32_t status = p->code == CLD_EXITED ? (uint32_t)p->status << 8 : (uint32_t)p->status;
    proc_results_ended(&req->msg, status);
    process_reap(p);
    return 0;
}
