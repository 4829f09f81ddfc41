/* SPDX-License-Identifier: MIT */
/* /proc/sysvipc: what System V objects there are, asked of their servers place by place. All are told, as on Linux. */
#include "procfs.h"
#include <protocol/msg_client.h>
#include <protocol/sem_client.h>
#include <protocol/shm_client.h>

/* The next few places of a table: `line` prints what is at one. */
static bool list_places(struct making *m, long highest, void (*line)(struct text *t, int place)) {
    for (int n = 0; n < MADE_AT_ONCE && (long)m->at <= highest; n++)
        line(&m->text, (int)m->at++);
    return (long)m->at <= highest;
}

static void shm_line(struct text *t, int place) {
    struct shmid64_ds ds;
    uint64_t resident;
    long id = shm_stat(connect_endpoint(PK_SLOT_SHM), place, SHM_STAT_ANY, &ds, &resident);
    const struct ipc64_perm *perm = &ds.shm_perm;
    if (id < 0)
        return;
    text_print(t, "%10d %10ld  %4o %21lu %5d %5d  %5lu %5u %5u %5u %5u ", perm->key, id,
               (unsigned)perm->mode, (unsigned long)ds.shm_segsz, ds.shm_cpid, ds.shm_lpid,
               (unsigned long)ds.shm_nattch, (unsigned)perm->uid, (unsigned)perm->gid,
               (unsigned)perm->cuid, (unsigned)perm->cgid);
    text_print(t, "%10ld %10ld %10ld %21lu %21lu\n", (long)ds.shm_atime, (long)ds.shm_dtime,
               (long)ds.shm_ctime, (unsigned long)resident * 4096, 0ul);
}

bool make_sysvipc_shm(struct making *m) {
    struct shminfo64 info;
    if (m->at == 0)
        text_print(
            &m->text,
            "       key      shmid perms                  size  cpid  lpid nattch   uid   gid"
            "  cuid  cgid      atime      dtime      ctime                   rss"
            "                  swap\n");
    return list_places(m, shm_limits(connect_endpoint(PK_SLOT_SHM), &info), shm_line);
}

static void msg_line(struct text *t, int place) {
    struct msqid64_ds ds;
    long id = msg_stat(connect_endpoint(PK_SLOT_MSG), place, MSG_STAT_ANY, &ds);
    const struct ipc64_perm *perm = &ds.msg_perm;
    if (id < 0)
        return;
    text_print(t, "%10d %10ld  %4o  %10lu %10lu %5d %5d %5u %5u %5u %5u %10ld %10ld %10ld\n",
               perm->key, id, (unsigned)perm->mode, (unsigned long)ds.msg_cbytes,
               (unsigned long)ds.msg_qnum, ds.msg_lspid, ds.msg_lrpid, (unsigned)perm->uid,
               (unsigned)perm->gid, (unsigned)perm->cuid, (unsigned)perm->cgid, (long)ds.msg_stime,
               (long)ds.msg_rtime, (long)ds.msg_ctime);
}

bool make_sysvipc_msg(struct making *m) {
    struct msg_limits info;
    if (m->at == 0)
        text_print(
            &m->text,
            "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid"
            "  cgid      stime      rtime      ctime\n");
    return list_places(m, msg_info(connect_endpoint(PK_SLOT_MSG), IPC_INFO, &info), msg_line);
}

static void sem_line(struct text *t, int place) {
    struct semid64_ds ds;
    long id = sem_stat(connect_endpoint(PK_SLOT_SEM), place, SEM_STAT_ANY, &ds);
    const struct ipc64_perm *perm = &ds.sem_perm;
    if (id < 0)
        return;
    text_print(t, "%10d %10ld  %4o %10lu %5u %5u %5u %5u %10ld %10ld\n", perm->key, id,
               (unsigned)perm->mode, (unsigned long)ds.sem_nsems, (unsigned)perm->uid,
               (unsigned)perm->gid, (unsigned)perm->cuid, (unsigned)perm->cgid, (long)ds.sem_otime,
               (long)ds.sem_ctime);
}

bool make_sysvipc_sem(struct making *m) {
    struct seminfo info;
    if (m->at == 0)
        text_print(&m->text,
                   "       key      semid perms      nsems   uid   gid  cuid  cgid      otime"
                   "      ctime\n");
    return list_places(m, sem_info(connect_endpoint(PK_SLOT_SEM), IPC_INFO, &info), sem_line);
}
