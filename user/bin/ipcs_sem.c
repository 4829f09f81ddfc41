/* SPDX-License-Identifier: MIT */
/* ipcs: semaphore arrays, by semctl(2). */
#include "ipcs.h"

#include <err.h>
#include <stdio.h>
#include <sys/sem.h>

/* semctl(2): the calling program defines this union. */
union semun {
    int val;
    struct semid_ds *buf;
    unsigned short *array;
    struct seminfo *info;
};

static void limits(void) {
    struct seminfo info;

    puts("------ Semaphore Limits --------");
    if (semctl(0, 0, IPC_INFO, (union semun){.info = &info}) < 0)
        return;
    printf("max number of arrays = %d\n", info.semmni);
    printf("max semaphores per array = %d\n", info.semmsl);
    printf("max semaphores system wide = %d\n", info.semmns);
    printf("max ops per semop call = %d\n", info.semopm);
    printf("semaphore max value = %d\n", info.semvmx);
}

/* SEM_INFO puts its figures into fields named for something else (semctl(2)). */
static void summary(const struct seminfo *info) {
    puts("------ Semaphore Status --------");
    printf("used arrays = %d\n", info->semusz);
    printf("allocated semaphores = %d\n", info->semaem);
}

static void title(enum ipcs_view view) {
    switch (view) {
    case VIEW_CREATORS:
        puts("------ Semaphore Arrays Creators/Owners --------");
        ipcs_creators_title("semid");
        break;
    case VIEW_TIMES:
        puts("------ Semaphore Operation/Change Times --------");
        printf("%-8s %-10s %-26s %-26s\n", "semid", "owner", "last-op", "last-changed");
        break;
    case VIEW_PIDS:
        break; /* an array has no process ids, only its semaphores have */
    default:
        puts("------ Semaphore Arrays --------");
        printf("%-10s %-10s %-10s %-10s %-10s\n", "key", "semid", "owner", "perms", "nsems");
        break;
    }
}

static void print(enum ipcs_view view, int id, const struct semid_ds *set) {
    const struct ipc_perm *perm = &set->sem_perm;

    switch (view) {
    case VIEW_CREATORS:
        ipcs_print_creators(id, perm);
        break;
    case VIEW_TIMES:
        ipcs_print_owner(8, id, perm);
        printf(" %-26s ", ipcs_long_time(set->sem_otime));
        printf("%-26s\n", ipcs_long_time(set->sem_ctime));
        break;
    case VIEW_PIDS:
        break;
    default:
        ipcs_print_key(id, perm);
        printf("%-10lu\n", (unsigned long)set->sem_nsems);
        break;
    }
}

void ipcs_sem(enum ipcs_view view) {
    struct seminfo info;
    struct semid_ds set;
    int highest = semctl(0, 0, SEM_INFO, (union semun){.info = &info});

    if (highest < 0) {
        puts("kernel not configured for semaphores");
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
        int id = semctl(index, 0, SEM_STAT, (union semun){.buf = &set});

        if (id >= 0)
            print(view, id, &set);
    }
}

void ipcs_sem_detail(int id) {
    struct semid_ds set;
    const struct ipc_perm *perm = &set.sem_perm;

    if (semctl(id, 0, IPC_STAT, (union semun){.buf = &set}) < 0)
        err(1, "id %d", id);
    printf("\nSemaphore Array semid=%d\n", id);
    printf("uid=%u\t gid=%u\t cuid=%u\t cgid=%u\n", perm->uid, perm->gid, perm->cuid, perm->cgid);
    printf("mode=%#o, access_perms=%#o\n", (unsigned int)perm->mode, perm->mode & 0777u);
    printf("nsems = %lu\n", (unsigned long)set.sem_nsems);
    printf("otime = %-26s\n", ipcs_long_time(set.sem_otime));
    printf("ctime = %-26s\n", ipcs_long_time(set.sem_ctime));
    printf("%-10s %-10s %-10s %-10s %-10s\n", "semnum", "value", "ncount", "zcount", "pid");
    for (int i = 0; i < (int)set.sem_nsems; i++) {
        int value = semctl(id, i, GETVAL), increase = semctl(id, i, GETNCNT);
        int zero = semctl(id, i, GETZCNT), pid = semctl(id, i, GETPID);

        if (value < 0 || increase < 0 || zero < 0 || pid < 0)
            err(1, "semctl");
        printf("%-10d %-10d %-10d %-10d %-10d\n", i, value, increase, zero, pid);
    }
    putchar('\n');
}
