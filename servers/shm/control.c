/* SPDX-License-Identifier: MIT */
/* shmctl(2). */
#include "shm.h"
#include <lib/clock.h>
#include <string.h>

_Static_assert(sizeof(struct ipc64_perm) == sizeof(struct ipc_perm_k), "the same structure");

/* Calendar time in seconds of a time since boot, 0 being never. */
static int64_t calendar(uint64_t ns) {
    return ns ? (int64_t)((clock_realtime_offset() + ns) / 1000000000) : 0;
}

static void fill(const struct segment *segment, const struct pk_object_info *memory,
                 struct shmid64_ds *ds) {
    *ds = (struct shmid64_ds){
        .shm_segsz = segment->size,
        .shm_atime = calendar(memory->mapped_ns),
        .shm_dtime = calendar(memory->unmapped_ns),
        .shm_ctime = segment->ctime,
        .shm_cpid = segment->cpid,
        .shm_lpid = (int32_t)memory->by,
        .shm_nattch = memory->refs - segment->own,
    };
    memcpy(&ds->shm_perm, &segment->sysv.perm, sizeof(ds->shm_perm));
}

long shm_handle_stat(struct request *req, int shmid, int command) {
    struct segment *segment;
    struct shmid64_ds ds;
    if (command != IPC_STAT) {
        if (command != SHM_STAT && command != SHM_STAT_ANY)
            return -EINVAL;
        const struct sysv_object *object = idtable_at(&shm_state.table.ids, shmid);
        if (!object)
            return -EINVAL;
        shmid = object->id;
    }
    long error =
        segment_find(shmid, sysv_asker(req), command == SHM_STAT_ANY ? 0 : SYSV_READ, &segment);
    if (error < 0)
        return error;
    struct pk_object_info memory = segment_info(segment);
    fill(segment, &memory, &ds);
    shm_results_stat(&req->msg, memory.resident);
    error = request_write_all(req, &ds, sizeof(ds));
    return error < 0 ? error : command == IPC_STAT ? 0 : shmid;
}

/* IPC_SET and IPC_RMID are for the owner, the creator and the superuser, whatever the mode. */
static long find_own(int shmid, const struct client *client, struct segment **segment) {
    long error = segment_find(shmid, client, 0, segment);
    return error < 0 ? error : sysv_may_control(&(*segment)->sysv, client);
}

long shm_handle_set(struct request *req, int shmid) {
    struct shmid64_ds ds;
    struct segment *segment;
    long error = request_read_all(req, &ds, sizeof(ds));
    if (error >= 0)
        error = find_own(shmid, request_client(req), &segment);
    if (error < 0)
        return error;
    struct ipc_perm_k perm;
    memcpy(&perm, &ds.shm_perm, sizeof(perm));
    error = sysv_set(&segment->sysv, &perm);
    if (error < 0)
        return error;
    segment->ctime = clock_seconds();
    return 0;
}

long shm_handle_remove(struct request *req, int shmid) {
    struct segment *segment;
    long error = find_own(shmid, request_client(req), &segment);
    if (error < 0)
        return error;
    segment_remove(segment);
    return 0;
}

long shm_handle_lock(struct request *req, int shmid, int command, uint64_t limit) {
    const struct client *client = request_client(req);
    struct segment *segment;
    if (command != SHM_LOCK && command != SHM_UNLOCK)
        return -EINVAL;
    long error = find_own(shmid, client, &segment);
    if (error < 0)
        return error;
    if (command == SHM_LOCK)
        return client->uid && !limit ? -EPERM : segment_lock(segment, client, limit);
    segment_unlock(segment);
    return 0;
}

static long highest_place(void) {
    int highest = idtable_highest(&shm_state.table.ids);
    return highest < 0 ? 0 : highest;
}

long shm_handle_limits(struct request *req) {
    const struct shminfo64 info = {
        .shmmax = shm_state.shmmax,
        .shmmin = SHMMIN,
        .shmmni = shm_state.table.ids.limit,
        .shmseg = shm_state.table.ids.limit,
        .shmall = shm_state.shmall,
    };
    long error = request_write_all(req, &info, sizeof(info));
    return error < 0 ? error : highest_place();
}

/* ipcs -u asks this: a walk over the segments for what is resident. */
long shm_handle_usage(struct request *req) {
    struct shm_use info = {
        .used_ids = (int32_t)shm_state.table.ids.used,
        .shm_tot = shm_state.pages,
    };
    long highest = highest_place();
    for (uint32_t place = 0; place <= (uint32_t)highest; place++) {
        struct sysv_object *object = idtable_at(&shm_state.table.ids, (int)place);
        if (object)
            info.shm_rss += segment_info(container_of(object, struct segment, sysv)).resident;
    }
    long error = request_write_all(req, &info, sizeof(info));
    return error < 0 ? error : highest;
}

long shm_handle_setting(struct request *req, uint32_t which, int set, uint64_t value) {
    static const struct sysv_setting settings[] = {
        [SHM_SETTING_SHMMAX] = {&shm_state.shmmax, UINT64_MAX},
        [SHM_SETTING_SHMALL] = {&shm_state.shmall, UINT64_MAX},
        [SHM_SETTING_RMID_FORCED] = {&shm_state.rmid_forced, 1},
    };
    uint64_t now = 0;
    long error =
        which == SHM_SETTING_SHMMNI    ? sysv_setting_places(&shm_state.table, set, value, &now)
        : which == SHM_SETTING_NEXT_ID ? sysv_setting_next_id(&shm_state.table, set, value, &now)
        : which <= SHM_SETTING_RMID_FORCED ? sysv_setting(&settings[which], set, value, &now)
                                           : -EINVAL;
    if (error >= 0 && set && which == SHM_SETTING_RMID_FORCED && value)
        segment_force();
    shm_results_setting(&req->msg, now);
    return error;
}
