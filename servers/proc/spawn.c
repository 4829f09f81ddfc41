/* SPDX-License-Identifier: MIT */
/* The processes that init starts: the first ones, which have no parent here. */
#include "pool.h"
#include <protocol/proc_server.h>
#include <protocol/session_client.h>
#include <protocol/vfs_client.h>
#include <string.h>

#define EVENT_INIT_ENDED 1ull

/* A session of its own, root's, on the console. */
static long start(struct process *p, const char *bytes, size_t length, size_t count) {
    p->spawned = true;
    struct group *group = group_new(process_pid(p), process_pid(p));
    if (!group)
        return -ENOMEM;
    group_enter(p, group);
    struct pool *pool = pool_of_user(0);
    long error = pool ? pool_enter(p, pool) : -ENOMEM;
    pool_put(pool);
    if (error < 0)
        return error;
    error = session_connect(connect_endpoint(PK_SLOT_VFS), process_pid(p), 0, 0, pool_tag(p->pool),
                            0, 0, pool_pays_records(p->pool), pool_pays_data(p->pool));
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
    must(pk_notify(boot_cap("events:init"), EVENT_INIT_ENDED));
}

long proc_handle_ended(struct request *req, int pid) {
    struct process *p = process_find(pid);
    if (!p || !p->spawned)
        return -ESRCH;
    if (p->state != PROCESS_ZOMBIE || p->departure)
        return -EAGAIN;
    uint32_t status = p->code == CLD_EXITED ? (uint32_t)p->status << 8 : (uint32_t)p->status;
    proc_results_ended(&req->msg, status);
    process_reap(p);
    return 0;
}
