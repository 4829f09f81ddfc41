/* SPDX-License-Identifier: MIT */
/*
 * Who may do what to System V objects (sysvipc(7)): owner, creator, groups (supplementary ones too) and the others by the mode,
 * root everything; and what happens to those who wait when limits, rights or the object change. Runs on Linux as root.
 */
#include "tap.h"

#include <grp.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

#define OWNER 1001
#define GROUP 2001
#define OTHER 1002
#define NOBODY 1003

union semun {
    int val;
    struct semid_ds *stat;
};

static int queue, set, segment;

/* What a user may: a bit each. */
enum {
    SEND = 1,
    RECEIVE = 2,
    OPERATE = 4,
    LOOK = 8,
    ATTACH = 16,
    READ_ONLY = 32,
    FIND = 64,
    CONTROL = 128
};

static int attach(int flags) {
    void *at = shmat(segment, NULL, flags);
    if (at == (void *)-1)
        return errno == EACCES ? 0 : 256;
    shmdt(at);
    return 1;
}

/* 1: it works; 0: EACCES, EPERM (or nothing to receive: then it may); else 256. */
static int may(long result) {
    if (result >= 0 || errno == ENOMSG || errno == EAGAIN)
        return 1;
    return errno == EACCES || errno == EPERM ? 0 : 256;
}

static int look_around(void) {
    struct {
        long type;
        char text[4];
    } message = {1, "abc"};
    struct sembuf up = {0, 1, 0};
    struct msqid_ds status;
    int able = 0;
    able |= may(msgsnd(queue, &message, 4, IPC_NOWAIT)) * SEND;
    able |= may(msgrcv(queue, &message, 4, 0, IPC_NOWAIT)) * RECEIVE;
    able |= may(semop(set, &up, 1)) * OPERATE;
    able |= may(semctl(set, 0, GETVAL)) * LOOK;
    able |= attach(0) * ATTACH;
    able |= attach(SHM_RDONLY) * READ_ONLY;
    able |= may(msgget(0x5052, 0600)) * FIND;
    status.msg_perm.uid = OWNER;
    status.msg_perm.gid = GROUP;
    status.msg_perm.mode = 0640;
    status.msg_qbytes = 16384;
    able |= may(msgctl(queue, IPC_SET, &status)) * CONTROL;
    return able > 255 ? 255 : able;
}

static unsigned user, group, also;

static int as_user(void) {
    gid_t groups[] = {also};
    if (setgroups(also ? 1 : 0, groups) < 0 || setgid(group) < 0 || setuid(user) < 0)
        return 254;
    return look_around();
}

static int able(unsigned uid, unsigned gid, unsigned supplementary) {
    user = uid, group = gid, also = supplementary;
    int status = in_child(as_user);
    return status >> 8;
}

static void make(void) {
    struct msqid_ds q;
    struct semid_ds s;
    struct shmid_ds m;
    queue = msgget(0x5052, IPC_CREAT | 0640);
    set = semget(IPC_PRIVATE, 1, 0640);
    segment = shmget(IPC_PRIVATE, 4096, 0640);
    msgctl(queue, IPC_STAT, &q);
    semctl(set, 0, IPC_STAT, (union semun){.stat = &s});
    shmctl(segment, IPC_STAT, &m);
    q.msg_perm.uid = s.sem_perm.uid = m.shm_perm.uid = OWNER;
    q.msg_perm.gid = s.sem_perm.gid = m.shm_perm.gid = GROUP;
    if (msgctl(queue, IPC_SET, &q) < 0 || semctl(set, 0, IPC_SET, (union semun){.stat = &s}) < 0 ||
        shmctl(segment, IPC_SET, &m) < 0)
        bail("IPC_SET");
}

static int remove_as_user(void) {
    if (setgroups(0, NULL) < 0 || setgid(GROUP) < 0 || setuid(OTHER) < 0)
        return 254;
    int wrong = 0;
    wrong |= msgctl(queue, IPC_RMID, NULL) != -1 || errno != EPERM ? 1 : 0;
    wrong |= semctl(set, 0, IPC_RMID) != -1 || errno != EPERM ? 2 : 0;
    wrong |= shmctl(segment, IPC_RMID, NULL) != -1 || errno != EPERM ? 4 : 0;
    wrong |= shmctl(segment, SHM_LOCK, NULL) != -1 || errno != EPERM ? 8 : 0;
    return wrong;
}

static void test_rights(void) {
    const int everything = SEND | RECEIVE | OPERATE | LOOK | ATTACH | READ_ONLY | FIND | CONTROL;
    make();
    is_int(able(OWNER, NOBODY, 0), everything, "the owner");
    is_int(able(OTHER, GROUP, 0), RECEIVE | LOOK | READ_ONLY, "a user of the group reads");
    is_int(able(OTHER, NOBODY, GROUP), RECEIVE | LOOK | READ_ONLY, "by a supplementary group, too");
    is_int(able(OTHER, NOBODY, NOBODY), 0, "another user nothing");
    is_int(look_around(), everything, "root everything");
    is_int(in_child(remove_as_user), 0, "the group removes and locks nothing");
}

static void test_bad_owner(void) {
    struct msqid_ds q;
    msgctl(queue, IPC_STAT, &q);
    q.msg_perm.uid = (uid_t)-1;
    q.msg_perm.mode = 0;
    is_errno(msgctl(queue, IPC_SET, &q), EINVAL, "an owner that is none: EINVAL");
    msgctl(queue, IPC_STAT, &q);
    ok(q.msg_perm.uid == OWNER && (q.msg_perm.mode & 0777) == 0640, "and nothing has changed");
}

/* ---- Who waits ----------------------------------------------------------------------------- */

static struct {
    long type;
    char text[100];
} message = {1, ""};

static size_t length;

static int send_waiting(void) {
    return msgsnd(queue, &message, length, 0) == 0 ? 0 : errno;
}

static pid_t begin(int (*work)(void)) {
    pid_t pid = fork();
    if (pid == 0)
        _exit(work());
    usleep(50000); /* until it waits; if it does not yet, what is tested holds all the same */
    return pid;
}

static int end_of(pid_t pid) {
    int status;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void set_bytes(unsigned long bytes) {
    struct msqid_ds q;
    msgctl(queue, IPC_STAT, &q);
    q.msg_qbytes = bytes;
    if (msgctl(queue, IPC_SET, &q) < 0)
        bail("IPC_SET");
}

static long waiting_bytes(void) {
    struct msqid_ds q;
    msgctl(queue, IPC_STAT, &q);
    return (long)q.__msg_cbytes;
}

static int set_bytes_as_owner(void) {
    struct msqid_ds q;
    if (setuid(OWNER) < 0)
        return 254;
    msgctl(queue, IPC_STAT, &q);
    q.msg_qbytes = 16384 + 1;
    if (msgctl(queue, IPC_SET, &q) != -1 || errno != EPERM)
        return 1;
    q.msg_qbytes = 16384;
    return msgctl(queue, IPC_SET, &q) != 0 ? 2 : 0;
}

static void test_bytes(void) {
    while (msgrcv(queue, &message, sizeof message.text, 0, IPC_NOWAIT) >= 0)
        ;
    set_bytes(150);
    length = 100;
    is_int(msgsnd(queue, &message, length, 0), 0, "the first fits");
    pid_t waits = begin(send_waiting);
    is_int(waiting_bytes(), 100, "the second waits");
    set_bytes(199);
    length = 99;
    is_int(msgsnd(queue, &message, length, 0), 0, "a shorter one fits, after there is more room");
    set_bytes(300);
    is_int(end_of(waits), 0, "more room lets the second in");
    is_int(waiting_bytes(), 299, "all are there");
    set_bytes(10);
    is_errno(msgsnd(queue, &message, 1, IPC_NOWAIT), EAGAIN, "less room than is taken: EAGAIN");
    is_int(msgrcv(queue, &message, sizeof message.text, 0, 0), 100, "what is there stays");
    is_int(in_child(set_bytes_as_owner), 0, "above msgmnb is for root only");
}

static int get_one(void) {
    return msgrcv(queue, &message, sizeof message.text, 7, 0) >= 0 ? 0 : errno;
}

static int take_one(void) {
    struct sembuf down = {0, -1, 0};
    return semop(set, &down, 1) == 0 ? 0 : errno;
}

static void test_removed(void) {
    semctl(set, 0, SETVAL, (union semun){.val = 0});
    set_bytes(1);
    length = 2;
    pid_t sender = begin(send_waiting), receiver = begin(get_one), taker = begin(take_one);
    is_int(semctl(set, 0, GETNCNT), 1, "one waits at the semaphore");
    msgctl(queue, IPC_RMID, NULL);
    semctl(set, 0, IPC_RMID);
    is_int(end_of(sender), EIDRM, "the queue is removed: a sender's EIDRM");
    is_int(end_of(receiver), EIDRM, "a receiver's EIDRM");
    is_int(end_of(taker), EIDRM, "the set is removed: EIDRM");
    shmctl(segment, IPC_RMID, NULL);
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void test_times(void) {
    int other = semget(IPC_PRIVATE, 2, 0600);
    struct sembuf ops[] = {{0, 1, 0}, {1, -1, 0}}, zero = {0, 0, 0};
    struct timespec limit = {0, 60000000};
    double before = seconds();
    is_errno(semtimedop(other, ops, 2, &limit), EAGAIN, "semtimedop: EAGAIN");
    double took = seconds() - before;
    ok(took >= 0.06 && took < 5, "not before the time is over (%.0f ms)", took * 1000);
    is_int(semctl(other, 0, GETVAL), 0, "and nothing was done");
    limit.tv_nsec = 0;
    is_errno(semtimedop(other, ops, 2, &limit), EAGAIN, "no time at all: EAGAIN");
    is_int(semtimedop(other, &zero, 1, &limit), 0, "what can be done at once is");
    limit.tv_nsec = 1000000000;
    is_errno(semtimedop(other, ops, 2, &limit), EINVAL, "too many nanoseconds: EINVAL");
    limit = (struct timespec){-1, 0};
    is_errno(semtimedop(other, ops, 2, &limit), EINVAL, "a negative time: EINVAL");
    is_errno(semtimedop(other, ops, 2, nowhere), EFAULT, "a time that cannot be read: EFAULT");
    semctl(other, 0, IPC_RMID);
}

int main(void) {
    if (geteuid() != 0) {
        skip("all", "not root");
        return done();
    }
    test_rights();
    test_bad_owner();
    test_bytes();
    test_removed();
    test_times();
    return done();
}
