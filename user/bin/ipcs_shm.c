/* SPDX-License-Identifier: MIT */
/* ipcs: shared memory segments, by shmctl(2). */
#include "ipcs.h"

#include <err.h>
#include <stdio.h>
#include <sys/shm.h>
#include <unistd.h>

static void limits(void) {
    struct shminfo info;
    unsigned long long page = (unsigned long long)getpagesize() / ipcs_unit, total;
    const char *unit = ipcs_unit == 1 ? "bytes" : "kbytes";

    puts("------ Shared Memory Limits --------");
    if (shmctl(0, IPC_INFO, (struct shmid_ds *)&info) < 0)
        return;
    if (__builtin_mul_overflow((unsigned long long)info.shmall, page, &total))
        total = ~0ull / page * page;
    printf("max number of segments = %lu\n", info.shmmni);
    printf("max seg size (%s) = %lu\n", unit, info.shmmax / ipcs_unit);
    printf("max total shared memory (%s) = %llu\n", unit, total);
    printf("min seg size (bytes) = %lu\n", info.shmmin);
}

static void summary(const struct shm_info *info) {
    puts("------ Shared Memory Status --------");
    printf("segments allocated %d\n", info->used_ids);
    printf("pages allocated %lu\n", info->shm_tot);
    printf("pages resident  %lu\n", info->shm_rss);
    printf("pages swapped   %lu\n", info->shm_swp);
    printf("Swap performance: %lu attempts\t %lu successes\n", info->swap_attempts,
           info->swap_successes);
}

static void title(enum ipcs_view view) {
    switch (view) {
    case VIEW_CREATORS:
        puts("------ Shared Memory Segment Creators/Owners --------");
        ipcs_creators_title("shmid");
        break;
    case VIEW_TIMES:
        puts("------ Shared Memory Attach/Detach/Change Times --------");
        printf("%-10s %-10s %-20s %-20s %-20s\n", "shmid", "owner", "attached", "detached",
               "changed");
        break;
    case VIEW_PIDS:
        puts("------ Shared Memory Creator/Last-op PIDs --------");
        printf("%-10s %-10s %-10s %-10s\n", "shmid", "owner", "cpid", "lpid");
        break;
    default:
        puts("------ Shared Memory Segments --------");
        printf("%-10s %-10s %-10s %-10s %-10s %-10s %-12s\n", "key", "shmid", "owner", "perms",
               "bytes", "nattch", "status");
        break;
    }
}

static void print(enum ipcs_view view, int id, const struct shmid_ds *segment) {
    const struct ipc_perm *perm = &segment->shm_perm;

    switch (view) {
    case VIEW_CREATORS:
        ipcs_print_creators(id, perm);
        break;
    case VIEW_TIMES:
        ipcs_print_owner(10, id, perm);
        printf("%-20s ", ipcs_short_time(segment->shm_atime));
        printf("%-20s ", ipcs_short_time(segment->shm_dtime));
        printf("%-20s\n", ipcs_short_time(segment->shm_ctime));
        break;
    case VIEW_PIDS:
        ipcs_print_owner(10, id, perm);
        printf("%-10d %-10d\n", segment->shm_cpid, segment->shm_lpid);
        break;
    default:
        ipcs_print_key(id, perm);
        printf("%-10zu %-10lu %-6s %-6s\n", segment->shm_segsz, (unsigned long)segment->shm_nattch,
               perm->mode & SHM_DEST ? "dest" : " ", perm->mode & SHM_LOCKED ? "locked" : " ");
        break;
    }
}

void ipcs_shm(enum ipcs_view view) {
    struct shm_info info;
    struct shmid_ds segment;
    int highest = shmctl(0, SHM_INFO, (struct shmid_ds *)&info);

    if (highest < 0) {
        puts("kernel not configured for shared memory");
        return;
    }
    if (view == VIEW_LIMITS) {
        limits();
        return;
    }
    if (view == VIEW_SUMMARY) {
        summary(&info);
        return;
    }
    title(view);
    for (int index = 0; index <= highest; index++) {
        int id = shmctl(index, SHM_STAT, &segment);

        if (id >= 0)
            print(view, id, &segment);
    }
}

void ipcs_shm_detail(int id) {
    struct shmid_ds segment;
    const struct ipc_perm *perm = &segment.shm_perm;

    if (shmctl(id, IPC_STAT, &segment) < 0)
        err(1, "id %d", id);
    printf("\nShared memory Segment shmid=%d\n", id);
    printf("uid=%u\tgid=%u\tcuid=%u\tcgid=%u\n", perm->uid, perm->gid, perm->cuid, perm->cgid);
    printf("mode=%#o\taccess_perms=%#o\n", (unsigned int)perm->mode, perm->mode & 0777u);
    printf("bytes=%zu\tlpid=%d\tcpid=%d\tnattch=%lu\n", segment.shm_segsz, segment.shm_lpid,
           segment.shm_cpid, (unsigned long)segment.shm_nattch);
    printf("att_time=%-26s\n", ipcs_long_time(segment.shm_atime));
    printf("det_time=%-26s\n", ipcs_long_time(segment.shm_dtime));
    printf("change_time=%-26s\n\n", ipcs_long_time(segment.shm_ctime));
}
