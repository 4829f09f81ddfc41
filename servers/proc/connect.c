/* SPDX-License-Identifier: MIT */
/*
 * The connection broker. A process reaches a server through a capability badged with its pid, made
 * here when it first calls that server; each server hears of the forks, execs and exits of just the
 * processes that are connected to it.
 */
#include "proc.h"
#include <protocol/session_client.h>
#include <string.h>

/* By slot: the capability to call with, and the unbadged one to make badged copies of. */
static uint64_t endpoints[LAST_SLOT + 1], mints[LAST_SLOT + 1];

static const char *const names[LAST_SLOT + 1] = {
    [PK_SLOT_VFS] = "vfs", [PK_SLOT_SHM] = "shm", [PK_SLOT_SEM] = "sem", [PK_SLOT_MSG] = "msg"};

long connect_setup(void) {
    for (unsigned slot = FIRST_SLOT; slot <= LAST_SLOT; slot++) {
        char mint[16] = "mint:";
        strcat(mint, names[slot]);
        endpoints[slot] = boot_cap(names[slot]);
        mints[slot] = boot_cap(mint);
        if (!endpoints[slot] || !mints[slot])
            return -ENOENT;
    }
    return 0;
}

uint64_t connect_endpoint(unsigned slot) {
    return endpoints[slot];
}

static long install(const struct process *p, unsigned slot) {
    long result = pk_cap_copy(mints[slot], p->task, slot, PK_RIGHT_USE, p->pid_node.key);
    return result == -EEXIST ? 0 : result < 0 ? result : 0;
}

long connect_server(struct process *p, unsigned slot) {
    if (slot < FIRST_SLOT || slot > LAST_SLOT)
        return -EINVAL;
    if (!(p->connected >> slot & 1)) {
        long error = session_connect(endpoints[slot], process_pid(p), p->euid, p->egid, 0);
        if (error < 0)
            return error;
        p->connected |= 1u << slot;
    }
    return install(p, slot);
}

/* The exception endpoint of a process is this server's, badged with its pid like its calls. */
long connect_exceptions(const struct process *p, uint64_t task) {
    long slot =
        pk_cap_copy(PK_SLOT_SERVER_ENDPOINT, 0, 0, PK_RIGHT_USE | PK_RIGHT_GRANT, p->pid_node.key);
    if (slot < 0)
        return slot;
    long error = pk_task_set(task, PK_TASK_EXCEPTION, (uint64_t)slot);
    pk_cap_drop(0, (uint64_t)slot);
    return error;
}

long connect_task(struct process *p) {
    long error =
        pk_cap_copy(PK_SLOT_SERVER_ENDPOINT, p->task, PK_SLOT_PROC, PK_RIGHT_USE, p->pid_node.key);
    if (error >= 0) /* for memory objects, no more */
        error = pk_cap_copy(p->account, p->task, PK_SLOT_ACCOUNT, PK_RIGHT_USE, 0);
    for (unsigned slot = FIRST_SLOT; error >= 0 && slot <= LAST_SLOT; slot++)
        if (p->connected >> slot & 1)
            error = install(p, slot);
    return error < 0 ? error : 0;
}

long connect_forked(struct process *parent, struct process *child) {
    for (unsigned slot = FIRST_SLOT; slot <= LAST_SLOT; slot++) {
        if (!(parent->connected >> slot & 1))
            continue;
        long error = session_forked(endpoints[slot], process_pid(parent), process_pid(child));
        if (error < 0) {
            connect_exited(child);
            return error;
        }
        child->connected |= 1u << slot;
    }
    return 0;
}

void connect_execed(struct process *p) {
    for (unsigned slot = FIRST_SLOT; slot <= LAST_SLOT; slot++)
        if (p->connected >> slot & 1)
            session_execed(endpoints[slot], process_pid(p));
}

void connect_exited(struct process *p) {
    for (unsigned slot = FIRST_SLOT; slot <= LAST_SLOT; slot++)
        if (p->connected >> slot & 1)
            session_exited(endpoints[slot], process_pid(p));
    p->connected = 0;
}
