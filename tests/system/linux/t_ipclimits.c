/* SPDX-License-Identifier: MIT */
/*
 * System V's limits: /proc/sys/kernel shows and sets them (proc(5)), the *_INFO calls tell them, and they are kept to. Runs
 * on Linux as root in a machine of its own: each setting is put back, but they are everybody's.
 */
#include "tap.h"

#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

union semun {
    int val;
    struct seminfo *info;
    unsigned short *array;
};

static const char *path_of(const char *name) {
    static char path[64];
    snprintf(path, sizeof path, "/proc/sys/kernel/%s", name);
    return path;
}

static const char *get(const char *name) {
    static char text[100];
    int fd = open(path_of(name), O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n - 1 : 0] = 0;
    return text;
}

/* 0 or an errno. */
static int set(const char *name, const char *text) {
    int fd = open(path_of(name), O_WRONLY), error = 0;
    if (fd < 0)
        return errno;
    ssize_t n = write(fd, text, strlen(text));
    error = n < 0 ? errno : n == (ssize_t)strlen(text) ? 0 : -1;
    close(fd);
    return error;
}

static void shows(const char *name, const char *want) {
    const char *got = get(name);
    ok(!strcmp(got, want), "%s: %s", name, want);
    if (strcmp(got, want))
        printf("# got %s\n", got);
}

static void test_defaults(void) {
    shows("shmmax", "18446744073692774399");
    shows("shmall", "18446744073692774399");
    shows("shmmni", "4096");
    shows("shm_rmid_forced", "0");
    shows("msgmax", "8192");
    shows("msgmnb", "16384");
    shows("msgmni", "32000");
    shows("auto_msgmni", "0");
    shows("sem", "32000\t1024000000\t500\t32000");
}

static void test_bad_values(void) {
    static const char *const ints[] = {"shmmni", "msgmax", "msgmnb", "msgmni"};
    char before[100];
    for (int i = 0; i < 4; i++) {
        strcpy(before, get(ints[i]));
        is_int(set(ints[i], "-1"), EINVAL, "%s: -1", ints[i]);
        is_int(set(ints[i], "2147483648"), EINVAL, "%s: too large", ints[i]);
        is_int(set(ints[i], "x"), EINVAL, "%s: no number", ints[i]);
        is_int(set(ints[i], "\n"), EINVAL, "%s: nothing", ints[i]);
        ok(!strcmp(before, get(ints[i])), "%s has not changed", ints[i]);
    }
    is_int(set("shmmni", "32769"), EINVAL, "shmmni above 32768");
    is_int(set("msgmni", "32769"), EINVAL, "msgmni above 32768");
    is_int(set("sem", "32000 1024000000 500 32769"), ERANGE, "semmni above 32768");
    is_int(set("shm_rmid_forced", "2"), EINVAL, "shm_rmid_forced: 2");
    is_int(set("auto_msgmni", "2"), EINVAL, "auto_msgmni: 2");
    is_int(set("auto_msgmni", "1"), 0, "auto_msgmni: 1");
    shows("auto_msgmni", "0");
    is_int(set("shmmax", "-5"), EINVAL, "shmmax: negative");
    is_int(set("shmmax", "12k"), EINVAL, "shmmax: not only a number");
}

static void test_writing(void) {
    int fd = open(path_of("msgmnb"), O_RDWR);
    is_int(write(fd, "", 0), 0, "nothing");
    is_int(write(fd, " 0x5000\n", 8), 8, "a hexadecimal number");
    is_int(write(fd, "77\n", 3), 3, "a second write");
    shows("msgmnb", "20480");
    is_int(pwrite(fd, "16384\n", 6, 0), 6, "at the beginning");
    shows("msgmnb", "16384");
    char text[20] = "";
    is_int(pread(fd, text, sizeof text, 0), 6, "reading from the same descriptor");
    is_errno(write(fd, nowhere, 0) < 0 ? -1 : pwrite(fd, nowhere, 8, 0), EFAULT, "EFAULT");
    close(fd);
    fd = open(path_of("msgmnb"), O_RDONLY);
    is_errno(write(fd, "1", 1), EBADF, "open for reading only");
    close(fd);
    is_int(set("sem", "32000 1024000000"), 0, "the first two of sem");
    shows("sem", "32000\t1024000000\t500\t32000");
}

static int as_user(void) {
    int fd = open(path_of("msgmax"), O_WRONLY);
    if (setgid(12345) < 0 || setuid(12345) < 0)
        return 77;
    int wrong = 0;
    wrong |= open(path_of("msgmax"), O_WRONLY) != -1 || errno != EACCES ? 1 : 0;
    wrong |= access(path_of("msgmax"), W_OK) != -1 || access(path_of("msgmax"), R_OK) ? 2 : 0;
    wrong |= write(fd, "1", 1) != -1 ? 4 : 0;
    return wrong;
}

static void test_rights(void) {
    int status = in_child(as_user);
    if (status == 77 << 8)
        skip("who is not root", "cannot change the user");
    else
        is_int(status >> 8, 0, "who is not root sets nothing, with root's descriptor neither");
}

static void test_shm(void) {
    struct shminfo info;
    set("shmmax", "8192");
    set("shmmni", "100");
    ok(shmctl(0, IPC_INFO, (struct shmid_ds *)&info) >= 0 && info.shmmax == 8192 &&
           info.shmmni == 100 && info.shmseg == 100 && info.shmmin == 1,
       "IPC_INFO tells");
    is_errno(shmget(IPC_PRIVATE, 8193, 0600), EINVAL, "more than shmmax: EINVAL");
    int id = shmget(IPC_PRIVATE, 8192, 0600);
    ok(id >= 0, "as much");
    set("shmmax", "18446744073692774399");
    struct shm_info use;
    shmctl(0, SHM_INFO, (struct shmid_ds *)&use);
    char all[30];
    snprintf(all, sizeof all, "%lu", use.shm_tot + 1);
    set("shmall", all);
    is_errno(shmget(IPC_PRIVATE, 4097, 0600), ENOSPC, "more than shmall: ENOSPC");
    int one = shmget(IPC_PRIVATE, 4096, 0600);
    ok(one >= 0, "as much");
    set("shmall", "18446744073692774399");
    snprintf(all, sizeof all, "%d", use.used_ids + 1);
    set("shmmni", all);
    is_errno(shmget(IPC_PRIVATE, 1, 0600), ENOSPC, "more than shmmni: ENOSPC");
    set("shmmni", "4096");
    shmctl(id, IPC_RMID, NULL);
    shmctl(one, IPC_RMID, NULL);
}

static int made;
static int make_segments(void) {
    char *at = shmat(made, NULL, 0);
    int orphan = shmget(0x5041, 4096, IPC_CREAT | 0600);
    return at == (void *)-1 || orphan < 0;
}

static void test_forced(void) {
    set("shm_rmid_forced", "1");
    made = shmget(IPC_PRIVATE, 4096, 0600);
    in_child(make_segments);
    is_errno(shmget(0x5041, 0, 0), ENOENT, "what nobody has attached ends with its maker");
    is_errno(shmctl(made, IPC_RMID, NULL), EINVAL, "and what somebody had, with his end");
    set("shm_rmid_forced", "0");
    in_child(make_segments);
    int orphan = shmget(0x5041, 0, 0);
    ok(orphan >= 0, "without, it stays");
    set("shm_rmid_forced", "1");
    for (int i = 0; i < 100 && shmget(0x5041, 0, 0) >= 0; i++)
        usleep(10000);
    is_errno(shmget(0x5041, 0, 0), ENOENT, "but not longer than that");
    set("shm_rmid_forced", "0");
}

static void test_msg(void) {
    struct {
        long type;
        char text[20000];
    } message = {1, ""};
    struct msginfo info;
    set("msgmnb", "40000");
    int id = msgget(IPC_PRIVATE, 0600);
    struct msqid_ds stat;
    msgctl(id, IPC_STAT, &stat);
    is_int(stat.msg_qbytes, 40000, "a new queue has msgmnb");
    is_errno(msgsnd(id, &message, 8193, 0), EINVAL, "more than msgmax: EINVAL");
    set("msgmax", "20000");
    ok(msgctl(0, IPC_INFO, (struct msqid_ds *)&info) >= 0 && info.msgmax == 20000 &&
           info.msgmnb == 40000 && info.msgmni == 32000,
       "IPC_INFO tells");
    memset(message.text, 'm', sizeof message.text);
    is_int(msgsnd(id, &message, sizeof message.text, 0), 0, "as much");
    memset(message.text, 0, sizeof message.text);
    is_int(msgrcv(id, &message, sizeof message.text, 0, 0), 20000, "comes through");
    ok(message.text[0] == 'm' && message.text[19999] == 'm', "whole");
    set("msgmax", "10");
    is_errno(msgsnd(id, &message, 11, 0), EINVAL, "a lower msgmax holds, too");
    is_errno(msgsnd(id, nowhere, 11, 0), EFAULT, "the type is read first: EFAULT");
    is_int(msgsnd(id, &message, 10, IPC_NOWAIT), 0, "as much");
    set("msgmax", "8192");
    set("msgmnb", "16384");
    msgctl(id, IPC_RMID, NULL);
}

static void test_sem(void) {
    struct seminfo info;
    struct sembuf ops[600];
    set("sem", "100 200 550 50");
    ok(semctl(0, 0, IPC_INFO, (union semun){.info = &info}) >= 0 && info.semmsl == 100 &&
           info.semmns == 200 && info.semopm == 550 && info.semmni == 50 && info.semvmx == 32767,
       "IPC_INFO tells");
    is_errno(semget(IPC_PRIVATE, 101, 0600), EINVAL, "more than semmsl: EINVAL");
    int id = semget(IPC_PRIVATE, 100, 0600), other = semget(IPC_PRIVATE, 60, 0600);
    is_errno(semget(IPC_PRIVATE, 100, 0600), ENOSPC, "more than semmns: ENOSPC");
    for (int i = 0; i < 600; i++)
        ops[i] = (struct sembuf){(unsigned short)(i % 100), 1, 0};
    is_errno(semop(id, ops, 551), E2BIG, "more than semopm: E2BIG");
    is_int(semop(id, ops, 550), 0, "as many");
    is_int(semctl(id, 49, GETVAL), 6, "are done");
    semctl(0, 0, SEM_INFO, (union semun){.info = &info});
    char all[40];
    snprintf(all, sizeof all, "32000 1024000000 500 %d", info.semusz);
    set("sem", all);
    is_errno(semget(IPC_PRIVATE, 1, 0600), ENOSPC, "more than semmni: ENOSPC");
    set("sem", "32000 1024000000 500 32000");
    semctl(id, 0, IPC_RMID);
    semctl(other, 0, IPC_RMID);
}

/* The id that the next object is to have: for restoring what was saved. */
static void test_next_id(void) {
    char text[20];
    if (access(path_of("msg_next_id"), F_OK) < 0) {
        skip("the next id", "this kernel has not that");
        return;
    }
    shows("msg_next_id", "-1");
    int id = msgget(IPC_PRIVATE, 0600), want = id ^ 3 * 32768;
    msgctl(id, IPC_RMID, NULL);
    snprintf(text, sizeof text, "%d", want);
    is_int(set("msg_next_id", text), 0, "an id is asked for");
    shows("msg_next_id", text);
    is_int(msgget(0x504e, IPC_CREAT | 0600), want, "and given");
    shows("msg_next_id", "-1");
    is_int(set("msg_next_id", "-1"), EINVAL, "-1 is not to be set");
    msgctl(want, IPC_RMID, NULL);
}

int main(void) {
    if (access(path_of("shmmax"), W_OK) < 0) {
        skip("all", "not root");
        return done();
    }
    test_defaults();
    test_bad_values();
    test_writing();
    test_rights();
    test_shm();
    test_forced();
    test_msg();
    test_sem();
    test_next_id();
    return done();
}
