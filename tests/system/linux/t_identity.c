/* SPDX-License-Identifier: MIT */
/* Who a process is, asked again and again: what is told must never be older than what happened. */
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "tap.h"

/* A child that has asked before its parent ends sees its new parent. */
static void orphan(void) {
    int fds[2], parents[2] = {0, 0};
    if (pipe(fds) < 0)
        bail("pipe");
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    pid_t middle = start();
    if (middle == 0) {
        if (fork() == 0) {
            int before = getppid(), after;
            if (write(fds[1], &before, sizeof before) < 0)
                _exit(1);
            for (int tries = 0; (after = getppid()) == before && tries < 5000; tries++)
                usleep(1000);
            _exit(write(fds[1], &after, sizeof after) != sizeof after);
        }
        usleep(20000);
        _exit(0);
    }
    ok(read(fds[0], &parents[0], sizeof parents[0]) > 0, "a child asks for its parent");
    reap(middle);
    ok(read(fds[0], &parents[1], sizeof parents[1]) > 0, "and again when that has ended");
    is_int(parents[0], middle, "it was the one that made it");
    is_int(parents[1], getpid(), "it is the one that adopts it");
    reap(-1);
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

/* A vfork's child shares the memory, not the identity. */
static void shared_memory(void) {
    volatile int in_child = 0, parent = 0;
    int own = getpid(), above = getppid();
    pid_t child = vfork();
    if (child == 0) {
        in_child = getpid();
        parent = getppid();
        _exit(0);
    }
    reap(child);
    is_int(in_child, child, "a vfork's child has its own number");
    is_int(parent, own, "and its parent's is that of who made it");
    is_int(getpid(), own, "the parent has its own still");
    is_int(getppid(), above, "and its parent");
}

static void *ask(void *unused) {
    (void)unused;
    return (void *)(long)getuid();
}

/* In a child, which changes for good. */
static int change(void) {
    pthread_t thread;
    void *seen;
    if (getuid() != 0 || geteuid() != 0 || getgid() != 0 || getegid() != 0)
        return 1;
    if (setegid(77) < 0 || getegid() != 77 || getgid() != 0)
        return 2;
    if (setegid(0) < 0 || setgid(55) < 0 || getgid() != 55 || getegid() != 55)
        return 3;
    if (seteuid(33) < 0 || geteuid() != 33 || getuid() != 0)
        return 4;
    pid_t child = fork();
    if (child == 0)
        _exit(geteuid() == 33 && getuid() == 0 ? 0 : 1);
    if (reap(child) != 0)
        return 5;
    if (seteuid(0) < 0 || setuid(44) < 0 || getuid() != 44 || geteuid() != 44)
        return 6;
    if (pthread_create(&thread, NULL, ask, NULL) || pthread_join(thread, &seen) || (long)seen != 44)
        return 7;
    return setuid(0) < 0 && getuid() == 44 ? 0 : 8;
}

#define KEEP 0xffffffffu

static bool are(uid_t real, uid_t effective, uid_t saved, int group) {
    uid_t r, e, s;
    long error = group ? getresgid(&r, &e, &s) : getresuid(&r, &e, &s);
    return error == 0 && r == real && e == effective && s == saved;
}

/* setreuid(2): who is not root may swap the two, and the saved one follows the effective one. */
static int change_two(void) {
    if (setreuid(KEEP, KEEP) < 0 || setregid(KEEP, KEEP) < 0 || !are(0, 0, 0, 0) ||
        !are(0, 0, 0, 1))
        return 1;
    if (setregid(7, 8) < 0 || !are(7, 8, 8, 1) || setreuid(KEEP, 0) < 0 || !are(0, 0, 0, 0))
        return 2;
    if (setresuid(5, 6, 9) < 0)
        return 3;
    if (setreuid(9, KEEP) == 0 || errno != EPERM || setreuid(KEEP, 10) == 0 || errno != EPERM)
        return 4;
    if (setreuid(KEEP, 5) < 0 || !are(5, 5, 9, 0) || setreuid(KEEP, 9) < 0 || !are(5, 9, 9, 0))
        return 5;
    if (setreuid(9, 5) < 0 || !are(9, 5, 5, 0) || setreuid(5, KEEP) < 0 || !are(5, 5, 5, 0))
        return 6;
    if (setregid(8, 7) < 0 || !are(8, 7, 7, 1) || setregid(0, KEEP) == 0 || errno != EPERM)
        return 7;
    return 0;
}

int main(void) {
    orphan();
    shared_memory();
    if (getuid() == 0) {
        is_int(in_child(change), 0, "users and groups are what they were set to last");
        is_int(in_child(change_two) >> 8, 0, "and so are real and effective ones together");
    } else
        skip("users", "not root");
    return done();
}
