/* SPDX-License-Identifier: MIT */
/* Children belong to the thread that forked them: __WNOTHREAD (wait(2)), and death signals (prctl(2)). */
#include <poll.h>
#include <pthread.h>
#include <sys/prctl.h>

#include "tap.h"

#define LONG_MS 20000

/* Children that end when told to, or at once. */
static int go[2];

static pid_t child_that_waits(void) {
    pid_t pid = fork();
    if (pid == 0) {
        char c;
        close(go[1]);
        _exit(read(go[0], &c, 1) < 0);
    }
    return pid;
}

static pid_t child_that_ends(int code) {
    pid_t pid = fork();
    if (pid == 0)
        _exit(code);
    return pid;
}

static pid_t wait_own(pid_t pid, int options) {
    return waitpid(pid, NULL, options | __WNOTHREAD);
}

/* A thread that forks a child, and says what it waits for in vain and with success. */
struct forker {
    pthread_t thread;
    pthread_barrier_t forked, end;
    pid_t child;
    pid_t others; /* a child of another thread */
    pid_t got[3];
    int error[2];
};

static void *fork_and_wait(void *argument) {
    struct forker *f = argument;
    f->child = child_that_ends(1);
    pthread_barrier_wait(&f->forked);
    f->got[0] = wait_own(f->others, WNOHANG);
    f->error[0] = errno;
    f->got[1] = wait_own(-1, 0);
    f->got[2] = wait_own(-1, 0);
    f->error[1] = errno;
    return NULL;
}

static void waits_for_own(void) {
    struct forker f = {.others = child_that_ends(2)};
    pthread_barrier_init(&f.forked, NULL, 2);
    pthread_create(&f.thread, NULL, fork_and_wait, &f);
    pthread_barrier_wait(&f.forked);
    pthread_join(f.thread, NULL);
    is_int(f.got[0], -1, "another thread's child");
    is_int(f.error[0], ECHILD, "cannot be waited for with __WNOTHREAD: ECHILD");
    is_int(f.got[1], f.child, "any child means the thread's own");
    is_int(f.got[2], -1, "and when that is gone");
    is_int(f.error[1], ECHILD, "there is none, though its process has one: ECHILD");
    is_int(wait_own(-1, 0), f.others, "the other thread has its own");
}

static void *fork_one(void *argument) {
    pid_t *pid = argument;
    *pid = child_that_waits();
    return NULL;
}

static void *fork_in_group(void *argument) {
    struct forker *f = argument;
    f->child = child_that_waits();
    setpgid(f->child, f->child);
    pthread_barrier_wait(&f->forked);
    pthread_barrier_wait(&f->end);
    return NULL;
}

static void adopts(void) {
    pthread_t thread;
    pid_t pid = 0;
    char c = 0;
    pthread_create(&thread, NULL, fork_one, &pid);
    pthread_join(thread, NULL);
    is_int(wait_own(-1, WNOHANG), 0, "a thread that has ended leaves its child to another one");
    ok(write(go[1], &c, 1) == 1, "the child ends");
    is_int(wait_own(pid, 0), pid, "which can wait for it");
}

static void groups(void) {
    struct forker f = {0};
    char c = 0;
    siginfo_t info;
    pthread_barrier_init(&f.forked, NULL, 2);
    pthread_barrier_init(&f.end, NULL, 2);
    pthread_create(&f.thread, NULL, fork_in_group, &f);
    pthread_barrier_wait(&f.forked);
    is_errno(wait_own(-f.child, WNOHANG), ECHILD, "another thread's child of a group: ECHILD");
    is_int(waitpid(-f.child, NULL, WNOHANG), 0, "without __WNOTHREAD it is one to wait for");
    is_int(waitid(P_PGID, (id_t)f.child, &info, WEXITED | WNOHANG), 0, "by waitid(2), too");
    pthread_barrier_wait(&f.end);
    pthread_join(f.thread, NULL);
    is_int(wait_own(-f.child, WNOHANG), 0, "and with it when that thread has ended");
    ok(write(go[1], &c, 1) == 1, "the child ends");
    is_int(wait_own(-f.child, 0), f.child, "and is waited for by its group");
}

/* The first thread of a process ends. */
static int result[2];
static pthread_barrier_t both;
static pthread_t first_thread;

static void *wait_for_adopted(void *argument) {
    const pid_t *childs = argument;
    pid_t own = child_that_waits();
    pthread_barrier_wait(&both);
    pthread_join(first_thread, NULL);
    pid_t first = wait_own(-1, 0), second = wait_own(-1, 0);
    char good = (first == own || second == own) && (first == *childs || second == *childs);
    _exit(write(result[1], &good, 1) != 1);
}

static void first_thread_ends(void) {
    static pid_t pid;
    char good = 0;
    if (pipe(result) < 0)
        return;
    pid_t family = fork();
    if (family == 0) {
        pthread_t thread;
        pthread_barrier_init(&both, NULL, 2);
        first_thread = pthread_self();
        pid = child_that_waits();
        pthread_create(&thread, NULL, wait_for_adopted, &pid);
        pthread_barrier_wait(&both);
        if (write(go[1], "ab", 2) != 2) /* two children end */
            _exit(1);
        pthread_exit(NULL);
    }
    close(result[1]);
    is_int(read(result[0], &good, 1), 1, "a process goes on without its first thread");
    is_int(good, 1, "the oldest of the others has that one's children, besides its own");
    waitpid(family, NULL, 0);
    close(result[0]);
}

/* ---- Death signals ---- */

static int told[2];

static void tell(int signal) {
    char c = (char)signal;
    if (write(told[1], &c, 1) != 1)
        _exit(1);
}

/* A child that tells by a pipe of each death signal. */
static pid_t child_that_mourns(void) {
    int ready[2];
    char c = 0;
    if (pipe(ready) < 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGUSR1, tell);
        prctl(PR_SET_PDEATHSIG, SIGUSR1);
        if (write(ready[1], &c, 1) < 0)
            _exit(1);
        for (;;)
            pause();
    }
    close(ready[1]);
    if (read(ready[0], &c, 1) != 1)
        pid = -1;
    close(ready[0]);
    return pid;
}

static void *fork_mourner(void *argument) {
    pid_t *pid = argument;
    *pid = child_that_mourns();
    return NULL;
}

static int told_within(int ms) {
    struct pollfd p = {told[0], POLLIN, 0};
    char c = 0;
    return poll(&p, 1, ms) == 1 && read(told[0], &c, 1) == 1 ? c : 0;
}

static void death_signals(void) {
    pthread_t thread;
    pid_t pid = 0;
    if (pipe(told) < 0)
        return;
    pthread_create(&thread, NULL, fork_mourner, &pid);
    pthread_join(thread, NULL);
    ok(pid > 0, "a thread's child asks for a death signal");
    is_int(told_within(LONG_MS), SIGUSR1, "and gets it at the end of that thread");
    is_int(kill(pid, 0), 0, "while its parent goes on");
    kill(pid, SIGKILL);
    is_int(wait_own(pid, 0), pid, "which waits for it");
    pid = child_that_mourns();
    pthread_create(&thread, NULL, fork_one, &(pid_t){0});
    pthread_join(thread, NULL);
    is_int(told_within(100), 0, "another thread's end makes none");
    is_int(write(go[1], "", 1), 1, "that one's child ends");
    kill(pid, SIGKILL);
    is_int(waitpid(-1, NULL, 0) > 0 && waitpid(-1, NULL, 0) > 0, 1, "and both are gone");
}

int main(void) {
    if (pipe(go) < 0)
        return 1;
    waits_for_own();
    adopts();
    groups();
    first_thread_ends();
    death_signals();
    return done();
}
