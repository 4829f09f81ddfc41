/* SPDX-License-Identifier: MIT */
/*
 * The connection broker. A process reaches a server through a capability badged with its pid, made
 * here when it first calls that server; each server hears of the forks, execs and exits of just the
 * processes that are connected to it.
 *
 * A server that is dead, or was started anew and knows nobody, hinders no fork, exec or exit. It gets to
 * know a process when that calls it (protocols/session.toml) or when something about it is asked here.
 */
#include "pool.h"
#include <protocol/futex_client.h>
#include <protocol/mq_client.h>
#include <protocol/session_client.h>
#include <protocol/vfs_client.h>
#include <string.h>

/*
 * By slot of a process: the server that it is for, the capability to call with, and the unbadged one to make
 * badged copies of. All servers are here whose capabilities this one was given.
 */
#define FIRST_SLOT PK_SLOT_VFS
static const char *names[SLOTS];
static uint64_t endpoints[SLOTS], mints[SLOTS];
static unsigned slots_end; /* behind the last one in use */

/* What the personality calls; all others get the slots from PK_SLOT_FIRST_SERVER on as they come. */
static const char *const fixed[PK_SLOT_FIRST_SERVER] = {
    [PK_SLOT_VFS] = "vfs", [PK_SLOT_SHM] = "shm",     [PK_SLOT_SEM] = "sem",
    [PK_SLOT_MSG] = "msg", [PK_SLOT_FUTEX] = "futex", [PK_SLOT_MQ] = "mq"};

static unsigned slot_for(const char *name) {
    unsigned slot = FIRST_SLOT;
    while (slot < PK_SLOT_FIRST_SERVER && (!fixed[slot] || strcmp(fixed[slot], name)))
        slot++;
    while (slot >= PK_SLOT_FIRST_SERVER && slot < SLOTS && names[slot])
        slot++;
    return slot;
}

long connect_setup(void) {
    for (uint32_t i = 0; i < boot_info->cap_count; i++) {
        const struct pk_boot_cap *mint = &boot_info->caps[i];
        if (strncmp(mint->name, "mint:", 5))
            continue;
        const char *name = mint->name + 5;
        unsigned slot = slot_for(name);
        if (slot == SLOTS) {
            server_log("no slot is left for programs to call %s", name);
            return -ENOSPC;
        }
        names[slot] = name;
        mints[slot] = mint->slot;
        endpoints[slot] = boot_cap(name);
        slots_end = slot < slots_end ? slots_end : slot + 1;
    }
    return endpoints[PK_SLOT_VFS] ? 0 : -ENOENT;
}

void connect_forget_all(void) {
    for (unsigned slot = FIRST_SLOT; slot < slots_end; slot++)
        while (endpoints[slot] && session_forget(endpoints[slot]) > 0)
            continue;
}

uint64_t connect_endpoint(unsigned slot) {
    return endpoints[slot];
}

/* 1, or 0 if the slot is taken: by what stood there before, or by what the process itself put there. */
static long install(const struct process *p, unsigned slot) {
    long result = pk_cap_copy(mints[slot], p->task, slot, PK_RIGHT_USE, p->pid_node.key);
    return result == -EEXIST ? 0 : result < 0 ? result : 1;
}

/* The server is dead, or was started anew and has not heard of the process: to it nothing has happened. */
static bool is_lost(long error) {
    return error == -EHOSTDOWN || error == -ESRCH;
}

/* What a server that knows the process cannot refuse. One that does not hears it when the process connects. */
static void tell(long result) {
    if (result < 0 && !is_lost(result))
        server_log("a server refuses to hear of a process: error %ld", -result);
}

void connect_clock_set(void) {
    for (unsigned slot = FIRST_SLOT; slot < slots_end; slot++)
        if (endpoints[slot])
            tell(session_clock_set(endpoints[slot]));
}

void connect_job_changed(const struct process *p) {
    if (p->connected >> PK_SLOT_VFS & 1)
        tell(vfs_job(endpoints[PK_SLOT_VFS], process_pid(p), process_group(p),
                     p->no_terminal ? 0 : process_session(p)));
}

void connect_thread_ended(int tid, bool known, const struct pk_word_name *clear) {
    uint64_t futex = endpoints[PK_SLOT_FUTEX];
    if (known)
        pk_may_fail(futex_thread_ended(futex, (uint32_t)tid, clear->id,
                                       clear->offset)); /* if it is dead nobody waits there */
    else
        pk_may_fail(futex_wake_named(futex, clear->id, clear->offset, 1));
}

/* The futex server may lend the thread what others have, no more. */
long connect_owner(const struct thread *t) {
    long error = connect_server(t->process, PK_SLOT_FUTEX);
    long slot = pk_cap_copy(t->slot, 0, 0, PK_RIGHT_USE | PK_RIGHT_GRANT, 0);
    if (error < 0 || slot < 0)
        return error < 0 ? error : slot;
    error = futex_owner(endpoints[PK_SLOT_FUTEX], process_pid(t->process), (uint32_t)thread_tid(t),
                        (uint64_t)slot);
    must(pk_cap_drop(0, (uint64_t)slot));
    return error;
}

void connect_rescheduled(const struct thread *t) {
    if (t->process->connected >> PK_SLOT_FUTEX & 1)
        tell(futex_rescheduled(endpoints[PK_SLOT_FUTEX], process_pid(t->process),
                               (uint32_t)thread_tid(t)));
}

void connect_limits_changed(const struct process *p) {
    if (p->connected >> PK_SLOT_VFS & 1)
        tell(vfs_limit(endpoints[PK_SLOT_VFS], process_pid(p), settings_limit(p, RLIMIT_NOFILE),
                       settings_limit(p, RLIMIT_FSIZE)));
    if (p->connected >> PK_SLOT_MQ & 1)
        tell(mq_limit(endpoints[PK_SLOT_MQ], process_pid(p), settings_limit(p, RLIMIT_MSGQUEUE)));
}

void connect_guard_changed(struct process *p) {
    bool guarded = process_guarded(p);
    if (guarded != p->guarded && p->connected >> PK_SLOT_VFS & 1) {
        p->guarded = guarded;
        tell(vfs_guard(endpoints[PK_SLOT_VFS], process_pid(p), guarded));
    }
}

static uint64_t real_ids(const struct process *p) {
    return p->ruid | (uint64_t)p->rgid << 32;
}

static long tell_groups(const struct process *p, unsigned slot) {
    return session_groups(endpoints[slot], process_pid(p), p->settings->groups,
                          p->settings->group_count);
}

/* Makes p known to the server: 1 if it did not know it before, 0, or an error. */
static long connect_to(struct process *p, unsigned slot) {
    uint32_t flags = p->connected >> slot & 1 ? SESSION_REJOIN : 0;
    long result =
        session_connect(endpoints[slot], process_pid(p), p->euid, p->egid, pool_tag(p->pool),
                        real_ids(p), flags, pool_pays_records(p->pool), pool_pays_data(p->pool));
    if (result >= 0)
        p->connected |= 1u << slot;
    if (result > 0 && (slot == PK_SLOT_VFS || slot == PK_SLOT_MQ))
        connect_limits_changed(p);
    if (result > 0 && slot == PK_SLOT_VFS) {
        connect_job_changed(p);
        p->guarded = false;
        connect_guard_changed(p);
    }
    long error = result > 0 && p->settings->group_count ? tell_groups(p, slot) : 0;
    if (error >= 0)
        return result;
    tell(session_exited(endpoints[slot], process_pid(p)));
    p->connected &= ~(1u << slot);
    return error;
}

/* The account of p, to make memory objects from, no more: 1, or 0 if p has it. */
static long connect_account(const struct process *p) {
    long result = pk_cap_copy(p->account, p->task, PK_SLOT_ACCOUNT, PK_RIGHT_USE, 0);
    return result == -EEXIST ? 0 : result < 0 ? result : 1;
}

long connect_server(struct process *p, unsigned slot) {
    if (slot == PK_SLOT_ACCOUNT)
        return connect_account(p);
    if (slot >= SLOTS || !endpoints[slot])
        return -EINVAL;
    long known = connect_to(p, slot);
    if (known < 0)
        return known;
    long installed = install(p, slot);
    return installed < 0 ? installed : known | installed;
}

long connect_named(struct process *p, const char *name) {
    for (unsigned slot = FIRST_SLOT; slot < slots_end; slot++)
        if (names[slot] && !strcmp(names[slot], name)) {
            long error = connect_server(p, slot);
            return error < 0 ? error : (long)slot;
        }
    return -ENOENT;
}

bool connect_again(struct process *p, unsigned slot, long error) {
    return error == -ESRCH && p->connected >> slot & 1 && connect_to(p, slot) > 0;
}

/* The exception endpoint of a process is this server's, badged with its pid like its calls. */
long connect_exceptions(const struct process *p, uint64_t task) {
    return pk_task_set_exception(task, PK_SLOT_SERVER_ENDPOINT, p->pid_node.key);
}

long connect_task(struct process *p) {
    long error =
        pk_cap_copy(PK_SLOT_SERVER_ENDPOINT, p->task, PK_SLOT_PROC, PK_RIGHT_USE, p->pid_node.key);
    for (unsigned slot = FIRST_SLOT; error >= 0 && p->connected >> slot; slot++)
        if (p->connected >> slot & 1)
            error = install(p, slot);
    return error < 0 ? error : 0;
}

static long tell_forked(struct process *parent, const struct process *child, unsigned slot) {
    long error = session_forked(endpoints[slot], process_pid(parent), process_pid(child));
    if (connect_again(parent, slot, error))
        error = session_forked(endpoints[slot], process_pid(parent), process_pid(child));
    return is_lost(error) ? 0 : error;
}

long connect_forked(struct process *parent, struct process *child) {
    for (unsigned slot = FIRST_SLOT; parent->connected >> slot; slot++) {
        if (!(parent->connected >> slot & 1))
            continue;
        long error = tell_forked(parent, child, slot);
        if (error < 0) {
            connect_exited(child);
            return error;
        }
        child->connected |= 1u << slot;
    }
    return 0;
}

void connect_execed(struct process *p) {
    connect_guard_changed(p);
    for (unsigned slot = FIRST_SLOT; p->connected >> slot; slot++)
        if (p->connected >> slot & 1)
            tell(session_execed(endpoints[slot], process_pid(p)));
}

static long tell_credentials(const struct process *p, unsigned slot) {
    return session_credentials(endpoints[slot], process_pid(p), p->euid, p->egid, pool_tag(p->pool),
                               real_ids(p), pool_pays_records(p->pool), pool_pays_data(p->pool));
}

/* Tells all servers that know the process, until one refuses: 0, or its error. */
static long tell_all(const struct process *p, long (*send)(const struct process *, unsigned slot)) {
    long error = 0;
    for (unsigned slot = FIRST_SLOT; error >= 0 && p->connected >> slot; slot++) {
        if (p->connected >> slot & 1)
            error = send(p, slot);
        if (is_lost(error))
            error = 0;
    }
    return error < 0 ? error : 0;
}

long connect_credentials(const struct process *p) {
    return tell_all(p, tell_credentials);
}

long connect_groups(const struct process *p) {
    return tell_all(p, tell_groups);
}

void connect_exited(struct process *p) {
    for (unsigned slot = FIRST_SLOT; p->connected >> slot; slot++)
        if (p->connected >> slot & 1)
            tell(session_exited(endpoints[slot], process_pid(p)));
    p->connected = 0;
}
