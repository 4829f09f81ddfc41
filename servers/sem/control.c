/* SPDX-License-Identifier: MIT */
/* semctl(2). */
#include "sem.h"
#include <lib/clock.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(struct ipc64_perm) == sizeof(struct ipc_perm_k), "the same structure");

long sem_handle_value(struct request *req, int semid, int semnum, int command) {
    struct set *set;
    long error = set_find(semid, request_client(req), SYSV_READ, &set);
    if (error < 0)
        return error;
    if (semnum < 0 || (uint32_t)semnum >= set->count)
        return -EINVAL;
    if (set_held(set))
        return set_wait(req, set);
    const struct sem *sem = set_sem(set, (uint32_t)semnum);
    switch (command) {
    case GETVAL:
        return sem->value;
    case GETPID:
        return sem->pid;
    case GETNCNT:
        return sem_waiting(set, sem, false);
    case GETZCNT:
        return sem_waiting(set, sem, true);
    default:
        return -EINVAL;
    }
}

long sem_handle_set_value(struct request *req, int semid, int semnum, int value) {
    const struct client *client = request_client(req);
    struct set *set;
    if (value < 0 || value > SEMVMX)
        return -ERANGE;
    long error = set_find(semid, client, SYSV_WRITE, &set);
    if (error < 0)
        return error;
    if (semnum < 0 || (uint32_t)semnum >= set->count)
        return -EINVAL;
    if (set_held(set))
        return set_wait(req, set);
    undo_clear(set, (uint32_t)semnum, 1);
    set_one(set, (uint32_t)semnum, (uint16_t)value, client_pid(client));
    set->ctime = clock_seconds();
    set_update(set);
    return 0;
}

long sem_handle_stat(struct request *req, int semid, int command) {
    struct set *set;
    if (command != IPC_STAT) {
        if (command != SEM_STAT && command != SEM_STAT_ANY)
            return -EINVAL;
        const struct sysv_object *object = idtable_at(&sem_state.table.ids, semid);
        if (!object)
            return -EINVAL;
        semid = object->id;
    }
    long error = set_find(semid, sysv_asker(req), command == SEM_STAT_ANY ? 0 : SYSV_READ, &set);
    if (error < 0)
        return error;
    struct semid64_ds ds = {
        .sem_otime = set->otime,
        .sem_ctime = set->ctime,
        .sem_nsems = set->count,
    };
    memcpy(&ds.sem_perm, &set->object.perm, sizeof(ds.sem_perm));
    error = request_write_all(req, &ds, sizeof(ds));
    return error < 0 ? error : command == IPC_STAT ? 0 : semid;
}

/* IPC_SET and IPC_RMID are for the owner, the creator and the superuser, whatever the mode. */
static long find_own(int semid, const struct client *client, struct set **set) {
    long error = set_find(semid, client, 0, set);
    return error < 0 ? error : sysv_may_control(&(*set)->object, client);
}

long sem_handle_set(struct request *req, int semid) {
    struct semid64_ds ds;
    struct set *set;
    long error = request_read_all(req, &ds, sizeof(ds));
    if (error >= 0)
        error = find_own(semid, request_client(req), &set);
    if (error < 0)
        return error;
    struct ipc_perm_k perm;
    memcpy(&perm, &ds.sem_perm, sizeof(perm));
    error = sysv_set(&set->object, &perm);
    if (error < 0)
        return error;
    set->ctime = clock_seconds();
    return 0;
}

long sem_handle_remove(struct request *req, int semid) {
    struct set *set;
    long error = find_own(semid, request_client(req), &set);
    if (error < 0)
        return error;
    if (set_held(set))
        return set_wait(req, set);
    sysv_remove(&sem_state.table, &set->object);
    sem_state.semaphores -= set->count;
    set_bury(set);
    return 0;
}

/* Linux's values, the obsolete fields included (linux/sem.h). */
long sem_handle_info(struct request *req, int command) {
    struct seminfo info = {
        .semmap = SEMMNS,
        .semmni = (int32_t)sem_state.table.ids.limit,
        .semmns = (int32_t)sem_state.semmns,
        .semmnu = SEMMNS,
        .semmsl = (int32_t)sem_state.semmsl,
        .semopm = (int32_t)sem_state.semopm,
        .semume = SEMOPM,
        .semusz = 20,
        .semvmx = SEMVMX,
        .semaem = SEMVMX,
    };
    if (command == SEM_INFO) {
        info.semusz = (int32_t)sem_state.table.ids.used;
        info.semaem = (int32_t)sem_state.semaphores;
    } else if (command != IPC_INFO) {
        return -EINVAL;
    }
    long error = request_write_all(req, &info, sizeof(info));
    int highest = idtable_highest(&sem_state.table.ids);
    return error < 0 ? error : highest < 0 ? 0 : highest;
}

long sem_handle_setting(struct request *req, uint32_t which, int set, uint64_t value) {
    static const struct sysv_setting settings[] = {
        [SEM_SETTING_SEMMSL] = {&sem_state.semmsl, INT32_MAX},
        [SEM_SETTING_SEMMNS] = {&sem_state.semmns, INT32_MAX},
        [SEM_SETTING_SEMOPM] = {&sem_state.semopm, INT32_MAX},
    };
    uint64_t now = 0;
    long error =
        which == SEM_SETTING_SEMMNI    ? sysv_setting_places(&sem_state.table, set, value, &now)
        : which == SEM_SETTING_NEXT_ID ? sysv_setting_next_id(&sem_state.table, set, value, &now)
        : which < SEM_SETTING_SEMMNI   ? sysv_setting(&settings[which], set, value, &now)
                                       : -EINVAL;
    sem_results_setting(&req->msg, now);
    return error;
}
