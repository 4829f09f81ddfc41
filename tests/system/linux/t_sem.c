/* SPDX-License-Identifier: MIT */
/*
 * System V semaphores: semget(2), semop(2), semctl(2), with SEM_UNDO. Interruption by signals is in
 * t_eintr. Runs on Linux as root and under qemu-user.
 */
#include "tap.h"

#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/shm.h>

#define KEY 0x50415202

union semun {
    int val;
    struct semid_ds *buf;
    unsigned short *array;
    struct seminfo *info;
};

static int set;

static int operate(int number, int change, int flags) {
    struct sembuf operation = {(unsigned short)number, (short)change, (short)flags};

    return semop(set, &operation, 1);
}

static int value(int number) {
    return semctl(set, number, GETVAL);
}

static void set_value(int number, int to) {
    semctl(set, number, SETVAL, (union semun){.val = to});
}

static void new_set(int count) {
    set = semget(IPC_PRIVATE, count, 0600);
    if (set < 0)
        bail("semget");
}

static void remove_set(void) {
    is_int(semctl(set, 0, IPC_RMID), 0, "IPC_RMID");
}

static void test_get(void) {
    int id;

    semctl(semget(KEY, 0, 0), 0, IPC_RMID);
    is_errno(semget(KEY, 1, 0), ENOENT, "no such key: ENOENT");
    id = semget(KEY, 3, IPC_CREAT | IPC_EXCL | 0600);
    ok(id >= 0, "create by key");
    is_int(semget(KEY, 3, IPC_CREAT | 0600), id, "the same key gives the same set");
    is_int(semget(KEY, 0, 0), id, "0 semaphores will do to find it");
    is_errno(semget(KEY, 4, 0), EINVAL, "more than it has: EINVAL");
    is_errno(semget(KEY, 3, IPC_CREAT | IPC_EXCL), EEXIST, "IPC_EXCL: EEXIST");
    is_int(semctl(id, 0, IPC_RMID), 0, "remove it");
    is_errno(semctl(id, 0, GETVAL), EINVAL, "then the id is bad: EINVAL");
    is_errno(semget(IPC_PRIVATE, 0, 0600), EINVAL, "an empty set: EINVAL");
    is_errno(semget(IPC_PRIVATE, -1, 0600), EINVAL, "a negative number: EINVAL");
    is_errno(semget(IPC_PRIVATE, 10000000, 0600), EINVAL, "too many: EINVAL");
}

static void test_control(void) {
    unsigned short values[4] = {1, 2, 3, 4}, read[4] = {0};
    struct semid_ds stat;
    time_t now = time(NULL);

    new_set(4);
    is_int(value(0), 0, "semaphores begin at 0");
    is_int(semctl(set, 0, SETALL, (union semun){.array = values}), 0, "SETALL");
    is_int(semctl(set, 0, GETALL, (union semun){.array = read}), 0, "GETALL");
    ok(!memcmp(values, read, sizeof(values)), "gives what was set");
    is_int(semctl(set, 2, SETVAL, (union semun){.val = 30}), 0, "SETVAL");
    is_int(value(2), 30, "GETVAL");
    is_errno(semctl(set, 0, SETVAL, (union semun){.val = -1}), ERANGE, "SETVAL -1: ERANGE");
    is_errno(semctl(set, 0, SETVAL, (union semun){.val = 32768}), ERANGE, "SETVAL 32768: ERANGE");
    values[1] = 40000;
    is_errno(semctl(set, 0, SETALL, (union semun){.array = values}), ERANGE, "SETALL: ERANGE");
    is_int(value(1), 2, "and nothing is set then");
    is_errno(semctl(set, 4, GETVAL), EINVAL, "no such semaphore: EINVAL");
    is_errno(semctl(set, -1, GETVAL), EINVAL, "a negative one: EINVAL");
    is_errno(semctl(set, 0, 12345), EINVAL, "an unknown command: EINVAL");
    is_int(semctl(set, 0, IPC_STAT, (union semun){.buf = &stat}), 0, "IPC_STAT");
    ok(stat.sem_nsems == 4 && stat.sem_otime == 0 && labs(stat.sem_ctime - now) < 5, "its fields");
    ok((stat.sem_perm.mode & 0777) == 0600 && stat.sem_perm.uid == geteuid(), "its permissions");
    operate(0, 1, 0);
    is_int(semctl(set, 0, GETPID), getpid(), "GETPID");
    stat.sem_perm.mode = 0666;
    is_int(semctl(set, 0, IPC_SET, (union semun){.buf = &stat}), 0, "IPC_SET");
    semctl(set, 0, IPC_STAT, (union semun){.buf = &stat});
    ok((stat.sem_perm.mode & 0777) == 0666 && labs(stat.sem_otime - now) < 5, "it has set");
    is_errno(semctl(set, 0, IPC_STAT, (union semun){.buf = nowhere}), EFAULT, "EFAULT");
    remove_set();
}

static void test_operations(void) {
    struct sembuf both[2] = {{0, -1, IPC_NOWAIT}, {1, -1, IPC_NOWAIT}};
    struct sembuf many[501] = {{0}};
    struct timespec short_time = {0, 30000000};

    new_set(2);
    is_int(operate(0, 5, 0), 0, "add");
    is_int(operate(0, -3, 0), 0, "take");
    is_int(value(0), 2, "what is left");
    is_errno(operate(0, -3, IPC_NOWAIT), EAGAIN, "too little: EAGAIN");
    is_errno(operate(0, 0, IPC_NOWAIT), EAGAIN, "not zero: EAGAIN");
    is_int(operate(1, 0, 0), 0, "zero");
    is_errno(semop(set, both, 2), EAGAIN, "two operations, one impossible: EAGAIN");
    is_int(value(0), 2, "then neither is done");
    operate(1, 1, 0);
    is_int(semop(set, both, 2), 0, "both possible");
    ok(value(0) == 1 && value(1) == 0, "both done");
    is_errno(operate(2, 1, 0), EFBIG, "no such semaphore: EFBIG");
    is_errno(semop(set, both, 0), EINVAL, "no operation: EINVAL");
    is_errno(semop(set, many, 501), E2BIG, "too many operations: E2BIG");
    is_errno(semop(-1, both, 1), EINVAL, "a bad id: EINVAL");
    is_errno(semop(set, nowhere, 1), EFAULT, "bad operations: EFAULT");
    set_value(0, 32767);
    is_errno(operate(0, 1, 0), ERANGE, "above the highest value: ERANGE");
    both[0].sem_num = 1;
    both[0].sem_flg = 0;
    is_errno(semtimedop(set, both, 1, &short_time), EAGAIN, "semtimedop: EAGAIN in the end");
    is_int(semctl(set, 1, GETNCNT), 0, "and nobody waits");
    short_time.tv_nsec = -1;
    is_errno(semtimedop(set, both, 1, &short_time), EINVAL, "a bad time: EINVAL");
    remove_set();
}

/* ---- Blocking ----------------------------------------------------------------------------- */

static int take_three(void) {
    return operate(0, -3, 0);
}

static int await_zero(void) {
    return operate(0, 0, 0);
}

static int await_removal(void) {
    return operate(0, -1, 0) == -1 && errno == EIDRM ? 0 : 1;
}

static pid_t start_blocked(int (*function)(void)) {
    pid_t pid = start();

    if (pid == 0) {
        alarm(30);
        _exit(function() ? 1 : 0);
    }
    let_block();
    return pid;
}

static int take_both(void) {
    struct sembuf operations[] = {{0, -1, 0}, {1, -1, 0}, {2, 0, 0}};

    return semop(set, operations, 3);
}

static void waits_at(int ncnt0, int ncnt1, int zcnt2, const char *when) {
    is_int(semctl(set, 0, GETNCNT), ncnt0, "of several operations %s", when);
    is_int(semctl(set, 1, GETNCNT), ncnt1, "the caller is counted where he is stopped");
    is_int(semctl(set, 2, GETZCNT), zcnt2, "and nowhere else");
}

/* Where a caller of several operations is counted follows the values. */
static void test_counts(void) {
    pid_t pid;

    new_set(3);
    set_value(0, 1);
    set_value(2, 1);
    pid = start_blocked(take_both);
    waits_at(0, 1, 0, "the second stops him");
    operate(0, -1, 0);
    waits_at(1, 0, 0, "the first does, since it was taken");
    set_value(1, 1);
    set_value(0, 1);
    waits_at(0, 0, 1, "the third does");
    operate(1, -1, 0);
    waits_at(0, 1, 0, "the second does again");
    operate(2, -1, 0);
    operate(1, 1, 0);
    is_int(reap_exit(pid), 0, "all can be done");
    remove_set();
}

static void test_blocking(void) {
    pid_t first, second;

    new_set(1);
    first = start_blocked(take_three);
    is_int(semctl(set, 0, GETNCNT), 1, "GETNCNT");
    operate(0, 2, 0);
    let_block();
    is_int(waitpid(first, NULL, WNOHANG), 0, "two are not enough for three");
    operate(0, 1, 0);
    is_int(reap_exit(first), 0, "three are");
    is_int(value(0), 0, "and all are taken");
    first = start_blocked(take_three);
    set_value(0, 3);
    is_int(reap_exit(first), 0, "SETVAL wakes too");
    set_value(0, 1);
    first = start_blocked(await_zero);
    second = start_blocked(await_zero);
    is_int(semctl(set, 0, GETZCNT), 2, "GETZCNT");
    operate(0, -1, 0);
    is_int(reap_exit(first), 0, "zero wakes one");
    is_int(reap_exit(second), 0, "and the other");
    first = start_blocked(take_three);
    kill(first, SIGKILL);
    reap(first);
    is_int(semctl(set, 0, GETNCNT), 0, "a killed process waits no longer");
    first = start_blocked(await_removal);
    second = start_blocked(await_removal);
    remove_set();
    is_int(reap_exit(first), 0, "removal wakes: EIDRM");
    is_int(reap_exit(second), 0, "all of them");
}

/* ---- Undo --------------------------------------------------------------------------------- */

static int add_with_undo(void) {
    return operate(0, 4, SEM_UNDO) || operate(1, -2, SEM_UNDO) || operate(0, -1, SEM_UNDO);
}

static int take_and_hang(void) {
    operate(0, -1, SEM_UNDO);
    return pause();
}

static int fork_after_undo(void) {
    if (operate(0, 1, SEM_UNDO))
        return 1;
    if (in_child(add_with_undo) != 0)
        return 2;
    return value(0) == 11 ? 0 : 3;
}

static void test_undo(void) {
    pid_t pid;

    new_set(2);
    set_value(0, 10);
    set_value(1, 5);
    is_int(in_child(add_with_undo), 0, "operations with SEM_UNDO");
    ok(value(0) == 10 && value(1) == 5, "are undone at exit");
    pid = start_blocked(take_and_hang);
    is_int(value(0), 9, "one taken");
    kill(pid, SIGKILL);
    reap(pid);
    is_int(value(0), 10, "a killed process's is undone too");
    is_int(in_child(fork_after_undo), 0, "a child does not inherit undo");
    is_int(value(0), 10, "each undoes its own");
    pid = start_blocked(take_and_hang);
    set_value(0, 20);
    kill(pid, SIGKILL);
    reap(pid);
    is_int(value(0), 20, "SETVAL forgets what was to be undone");
    set_value(0, 1);
    pid = start_blocked(take_and_hang);
    is_int(value(0), 0, "a lock is held");
    kill(pid, SIGKILL);
    is_int(operate(0, -1, 0), 0, "and passes to who waits when its holder dies");
    reap(pid);
    remove_set();
}

static int check_stranger(void) {
    if (setgid(12345) < 0 || setuid(12345) < 0)
        return 77;
    if (operate(100, 1, IPC_NOWAIT) != -1 || errno != EFBIG)
        return 9;
    if (operate(0, 1, IPC_NOWAIT) != -1 || errno != EACCES)
        return 1;
    if (value(0) != -1 || errno != EACCES)
        return 2;
    return semctl(set, 0, IPC_RMID) != -1 || errno != EPERM ? 3 : 0;
}

static void test_rest(void) {
    struct seminfo limits, used;
    struct semid_ds stat;
    int highest, found = 0, status;

    new_set(3);
    status = WEXITSTATUS(in_child(check_stranger));
    if (status == 77)
        skip("another user is kept out", "cannot change the user");
    else
        is_int(status, 0, "another user is kept out");
    ok(semctl(0, 0, IPC_INFO, (union semun){.info = &limits}) >= 0, "IPC_INFO");
    ok(limits.semvmx == 32767 && limits.semopm == 500 && limits.semmsl >= 250, "the limits");
    highest = semctl(0, 0, SEM_INFO, (union semun){.info = &used});
    ok(highest >= 0 && used.semusz >= 1 && used.semaem >= 3, "SEM_INFO");
    for (int i = 0; i <= highest; i++)
        found += semctl(i, 0, SEM_STAT, (union semun){.buf = &stat}) == set && stat.sem_nsems == 3;
    is_int(found, 1, "SEM_STAT finds the set once");
    remove_set();
}

/* ---- Much --------------------------------------------------------------------------------- */

#define ITEMS 100000
#define SLOTS 64

/* Producer and consumer with counting semaphores: 0 counts free slots, 1 filled ones. */
static void test_many(void) {
    int id = shmget(IPC_PRIVATE, SLOTS * sizeof(unsigned int), 0600);
    unsigned int *ring = shmat(id, NULL, 0), seed = 1, wrong = 0;
    pid_t producer;

    new_set(2);
    set_value(0, SLOTS);
    producer = start();
    if (producer == 0) {
        for (int i = 0; i < ITEMS; i++) {
            seed = seed * 1103515245 + 12345;
            if (operate(0, -1, 0) < 0)
                _exit(1);
            ring[i % SLOTS] = seed;
            if (operate(1, 1, 0) < 0)
                _exit(1);
        }
        _exit(0);
    }
    for (int i = 0; i < ITEMS; i++) {
        seed = seed * 1103515245 + 12345;
        if (operate(1, -1, 0) < 0)
            wrong++;
        wrong += ring[i % SLOTS] != seed;
        if (operate(0, 1, 0) < 0)
            wrong++;
    }
    is_int(wrong, 0, "%d items through a ring", ITEMS);
    is_int(reap(producer), 0, "their producer");
    ok(value(0) == SLOTS && value(1) == 0, "and no count has drifted");
    remove_set();
    shmdt(ring);
    shmctl(id, IPC_RMID, NULL);
}

int main(void) {
    test_get();
    test_control();
    test_operations();
    test_blocking();
    test_counts();
    test_undo();
    test_rest();
    test_many();
    return done();
}
