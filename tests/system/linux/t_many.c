/* SPDX-License-Identifier: MIT */
/*
 * Much of one thing: children, processes, names, semaphores, waiters. What is done with so many takes steps, and
 * comes out as if it had been done at once. (That others do not wait meanwhile is measured by tools/bench --latency.)
 */
#include "tap.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/stat.h>

#define CHILDREN 600
#define NAMES 3000
#define DEPTH 12000
#define SEMS 32000
#define WAITERS 400

static pid_t children[CHILDREN];

/* Every third child has ended, every third is in a group of its own kind; the others live. */
static void make_children(void) {
    pid_t leader = 0;
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = start();
        if (children[i] == 0 && i % 3 == 0)
            _exit(7);
        while (children[i] == 0)
            pause();
        if (i % 3 == 1) {
            leader = leader ? leader : children[i];
            if (setpgid(children[i], leader) < 0)
                bail("setpgid");
        }
    }
}

static void test_waits(void) {
    int status, wrong = 0;
    make_children();
    is_int(waitpid(children[CHILDREN - 1], &status, WNOHANG), 0, "one of many lives");
    is_int(reap_exit(children[CHILDREN - 3]), 7, "another has ended");
    is_int(waitpid(-children[1], &status, WNOHANG), 0, "in their group all live");
    kill(children[4], SIGKILL);
    is_int(waitpid(-children[1], &status, 0), children[4], "until one ends");
    kill(children[7], SIGSTOP);
    is_int(waitpid(-children[1], &status, WUNTRACED), children[7], "or is stopped");
    is_int(waitpid(-children[1], &status, WUNTRACED | WNOHANG), 0, "which is told once");
    setpgid(children[10], children[10]);
    kill(children[10], SIGKILL);
    is_int(waitpid(-children[10], &status, 0), children[10], "one that left ends in its new group");
    is_errno(waitpid(-children[10], &status, 0), ECHILD, "where there is no other");
    for (int i = 0; i < CHILDREN; i += 3)
        wrong += i != CHILDREN - 3 && waitpid(-1, &status, 0) <= 0;
    is_int(wrong, 0, "all that have ended are waited for");
    is_int(waitpid(-1, &status, WNOHANG), 0, "and no other");
    for (int i = 0; i < CHILDREN; i++)
        if (i % 3 && i != 4 && i != 10) {
            kill(children[i], SIGKILL);
            wrong += reap(children[i]) != SIGKILL;
        }
    is_int(wrong, 0, "the rest is killed, and waited for one by one");
    is_errno(waitpid(-1, &status, 0), ECHILD, "then there is none");
}

/* The children of one that ends have another parent at once. */
static void test_orphans(void) {
    int pipes[2], go[2], wrong = 0;
    pid_t parents[2];
    if (pipe(pipes) < 0 || pipe(go) < 0)
        bail("pipe");
    pid_t middle = start();
    if (middle == 0) {
        for (int i = 0; i < CHILDREN; i++) {
            pid_t child = fork();
            if (child == 0 && i % 2)
                _exit(0);
            if (child == 0) {
                char byte;
                if (read(go[0], &byte, 1) != 1)
                    _exit(1);
                parents[0] = getppid();
                _exit(write(pipes[1], parents, sizeof(parents[0])) < 0);
            }
        }
        _exit(0);
    }
    is_int(reap_exit(middle), 0, "a process with many children ends");
    for (int i = 0; i < CHILDREN / 2; i++)
        if (write(go[1], "", 1) != 1)
            bail("write");
    for (int i = 0; i < CHILDREN / 2; i++) {
        if (read(pipes[0], parents, sizeof(parents[0])) != sizeof(parents[0]))
            bail("read");
        wrong += parents[0] == middle;
    }
    is_int(wrong, 0, "none of them has it for a parent after that");
    for (int i = 0; i < 2; i++) {
        close(pipes[i]);
        close(go[i]);
    }
}

/* Each one's parent is the one before, and its end is to be its own. The last one tells that it is there. */
static void be_chain(int told) {
    for (int i = 0; i < CHILDREN; i++) {
        pid_t parent = getpid(), child = fork();
        if (child < 0)
            _exit(1);
        while (child > 0)
            pause();
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
    }
    if (write(told, "", 1) != 1)
        _exit(1);
    for (;;)
        pause();
}

static void test_chain(void) {
    int pipes[2];
    char byte;
    if (pipe(pipes) < 0)
        bail("pipe");
    pid_t first = start();
    if (first == 0)
        be_chain(pipes[1]);
    close(pipes[1]);
    is_int(read(pipes[0], &byte, 1), 1, "each of many processes is to end with its parent");
    kill(first, SIGKILL);
    is_int(reap(first), SIGKILL, "the first ends");
    is_int(read(pipes[0], &byte, 1), 0, "and with it all");
    close(pipes[0]);
}

static void test_nice(void) {
    int wrong = 0;
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = start();
        while (children[i] == 0)
            pause();
        if (setpgid(children[i], children[0]) < 0)
            bail("setpgid");
    }
    id_t group = (id_t)children[0];
    int own = getpriority(PRIO_PROCESS, 0);
    is_int(setpriority(PRIO_PGRP, group, 17), 0, "a group of many is nice");
    for (int i = 0; i < CHILDREN; i++)
        wrong += getpriority(PRIO_PROCESS, (id_t)children[i]) != 17;
    is_int(wrong, 0, "each of it");
    is_int(getpriority(PRIO_PROCESS, 0), own, "and nobody else");
    setpriority(PRIO_PROCESS, (id_t)children[CHILDREN - 1], 19);
    is_int(getpriority(PRIO_PGRP, group), 17, "the least is told");
    for (int i = 0; i < CHILDREN - 1; i++) {
        kill(children[i], SIGKILL);
        reap(children[i]);
    }
    is_int(getpriority(PRIO_PGRP, group), 19, "of those that are left");
    kill(children[CHILDREN - 1], SIGKILL);
    reap(children[CHILDREN - 1]);
    is_errno(getpriority(PRIO_PGRP, group), ESRCH, "or nobody is");
}

static void test_listing(void) {
    int found = 0;
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = start();
        while (children[i] == 0)
            pause();
    }
    DIR *proc = opendir("/proc");
    if (!proc)
        bail("/proc");
    for (struct dirent *entry; (entry = readdir(proc)) != NULL;) {
        int pid = atoi(entry->d_name);
        for (int i = 0; i < CHILDREN; i++)
            found += pid == children[i];
    }
    closedir(proc);
    is_int(found, CHILDREN, "/proc shows each of many processes once");
    for (int i = 0; i < CHILDREN; i++) {
        kill(children[i], SIGKILL);
        reap(children[i]);
    }
}

static void test_names(void) {
    char name[32], dir[64];
    long places[NAMES];
    static char names[NAMES][32];
    int count = 0, wrong = 0;
    snprintf(dir, sizeof(dir), "/tmp/many-%d", (int)getpid());
    if (mkdir(dir, 0700) < 0 || chdir(dir) < 0)
        bail(dir);
    for (int i = 0; i < NAMES; i++) {
        snprintf(name, sizeof(name), "name-%d", i);
        int fd = open(name, O_CREAT | O_WRONLY, 0600);
        if (fd < 0)
            bail(name);
        close(fd);
    }
    DIR *all = opendir(".");
    for (struct dirent *entry; count < NAMES; count++) {
        places[count] = telldir(all);
        if (!(entry = readdir(all)))
            break;
        snprintf(names[count], sizeof(names[count]), "%.31s", entry->d_name);
    }
    is_int(count, NAMES, "a directory of many names is read");
    for (int i = 0; i < 500; i++) {
        int at = i * 7919 % NAMES;
        seekdir(all, places[at]);
        struct dirent *entry = readdir(all);
        wrong += !entry || strcmp(entry->d_name, names[at]) != 0;
    }
    is_int(wrong, 0, "each of its places is found again");
    closedir(all);
    for (int i = 0; i < NAMES; i++) {
        snprintf(name, sizeof(name), "name-%d", i);
        wrong += unlink(name) < 0;
    }
    is_int(wrong, 0, "all are removed");
    chdir("/");
    is_int(rmdir(dir), 0, "and it is empty");
}

/* A directory does not move into itself, however deep below; others do. */
static void test_depth(void) {
    char top[64], other[64];
    int wrong = 0;
    snprintf(top, sizeof(top), "/tmp/deep-%d", (int)getpid());
    snprintf(other, sizeof(other), "/tmp/other-%d", (int)getpid());
    if (mkdir(top, 0700) < 0 || mkdir(other, 0700) < 0 || chdir(top) < 0)
        bail(top);
    for (int i = 0; i < DEPTH; i++)
        wrong += mkdir("d", 0700) < 0 || chdir("d") < 0;
    is_int(wrong, 0, "directories are nested deeply");
    is_errno(rename(top, "d"), EINVAL, "the first one does not move into the last: EINVAL");
    is_int(rename(other, "e"), 0, "another does");
    is_int(rename("e", other), 0, "and back");
    for (int i = 0; i < DEPTH; i++)
        wrong += chdir("..") < 0 || rmdir("d") < 0;
    is_int(wrong, 0, "all are removed");
    chdir("/");
    rmdir(other);
    is_int(rmdir(top), 0, "the first one, too");
}

static unsigned short values[SEMS];

static void test_semaphores(void) {
    int set = semget(IPC_PRIVATE, SEMS, 0600), torn = 0;
    if (set < 0)
        bail("semget");
    pid_t writer = start();
    if (writer == 0)
        for (unsigned short n = 0;; n = (unsigned short)(n + 1) % 1000) {
            for (int i = 0; i < SEMS; i++)
                values[i] = n;
            semctl(set, 0, SETALL, values);
        }
    for (int n = 0; n < 20; n++) {
        if (semctl(set, 0, GETALL, values) < 0)
            bail("GETALL");
        for (int i = 1; i < SEMS; i++)
            torn += values[i] != values[0];
    }
    kill(writer, SIGKILL);
    reap(writer);
    is_int(torn, 0, "GETALL shows what one SETALL has set");
    is_int(semctl(set, 0, GETALL, values), 0, "the writer is killed");
    for (int i = 1; i < SEMS; i++)
        torn += values[i] != values[0];
    is_int(torn, 0, "and leaves all of what it set, or nothing");
    is_int(semctl(set, 0, IPC_RMID), 0, "the set is removed");
}

static int take_one(int set) {
    struct sembuf take = {0, -1, 0};
    return semop(set, &take, 1) < 0 ? errno : 0;
}

static void test_waiters(void) {
    int set = semget(IPC_PRIVATE, 1, 0600), woken = 0, removed = 0;
    struct sembuf give = {0, WAITERS / 2, 0};
    for (int i = 0; i < WAITERS; i++) {
        children[i] = start();
        if (children[i] == 0)
            _exit(take_one(set));
    }
    while (semctl(set, 0, GETNCNT) < WAITERS)
        sleep_ms(10);
    is_int(semop(set, &give, 1), 0, "half of many waiters get what they wait for");
    is_int(semctl(set, 0, GETNCNT), WAITERS - WAITERS / 2, "the others wait");
    is_int(semctl(set, 0, GETVAL), 0, "nothing is left");
    is_int(semctl(set, 0, IPC_RMID), 0, "the set is removed");
    for (int i = 0; i < WAITERS; i++) {
        int status = reap_exit(children[i]);
        woken += status == 0;
        removed += status == EIDRM;
    }
    is_int(woken, WAITERS / 2, "so many have come through");
    is_int(removed, WAITERS - WAITERS / 2, "the others hear EIDRM");
}

int main(void) {
    long before = free_pages();
    test_waits();
    test_orphans();
    test_chain();
    test_nice();
    test_listing();
    test_names();
    test_depth();
    test_semaphores();
    test_waiters();
    check_free_pages(before, 400, "memory comes back");
    return done();
}
