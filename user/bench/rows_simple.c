/* SPDX-License-Identifier: MIT */
/* Rows of single system calls: the cheapest ones, and a signal to oneself. */
#include "measure.h"

#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Needs a server on Parley: the parent may change at any time. */
static void run_getppid(void) {
    syscall(SYS_getppid);
}

/* The cheapest foreign call: on Parley it is answered inside the process. */
static void run_foreign_null(void) {
    syscall(SYS_getpid);
}

/*
 * getppid with many other processes alive, all asleep in pause().
 */
#define MANY_PROCESSES 10000

static pid_t many_processes[MANY_PROCESSES];

static void setup_many_processes(size_t total) {
    (void)total;
    for (int i = 0; i < MANY_PROCESSES; i++) {
        many_processes[i] = fork();
        if (many_processes[i] < 0)
            die("fork");
        if (many_processes[i] == 0) {
            for (;;)
                pause();
        }
    }
    /* The server's look at all of them, which comes every five seconds, is over then. */
    usleep(200000);
}

static void teardown_many_processes(void) {
    int status;

    for (int i = 0; i < MANY_PROCESSES; i++) {
        kill(many_processes[i], SIGKILL);
        if (waitpid(many_processes[i], &status, 0) != many_processes[i])
            die("waitpid");
    }
}

static volatile sig_atomic_t signals_seen;
static pid_t own_pid;

static void count_signal(int signum) {
    (void)signum;
    signals_seen++;
}

static void setup_signal(size_t total) {
    struct sigaction action = {.sa_handler = count_signal};

    (void)total;
    own_pid = getpid();
    signals_seen = 0;
    if (sigaction(SIGUSR1, &action, NULL) < 0)
        die("sigaction");
}

/* POSIX: a signal to oneself is delivered before kill() returns. */
static void run_signal(void) {
    sig_atomic_t before = signals_seen;

    kill(own_pid, SIGUSR1);
    if (signals_seen != before + 1)
        die("signal_self: no signal");
}

static void teardown_signal(void) {
    signal(SIGUSR1, SIG_DFL);
}

static void run_spawn(void) {
    static char *const arguments[] = {"nop_static", NULL}, *const environment[] = {NULL};
    int status;
    pid_t pid;

    if (posix_spawn(&pid, "/bin/bench/nop_static", NULL, NULL, arguments, environment) != 0)
        die("posix_spawn");
    if (waitpid(pid, &status, 0) != pid || status != 0)
        die("nop_static");
}

const struct row simple_rows[] = {
    {"foreign_null", 2000, NULL, NULL, run_foreign_null, NULL, 1},
    {"getppid", 2000, NULL, NULL, run_getppid, NULL, 1},
    {"getppid_10000_processes", 1000, setup_many_processes, NULL, run_getppid,
     teardown_many_processes, 1},
    {"signal_self", 1000, setup_signal, NULL, run_signal, teardown_signal, 1},
    {"posix_spawn", 200, NULL, NULL, run_spawn, NULL, 1},
};
const size_t simple_row_count = sizeof(simple_rows) / sizeof(simple_rows[0]);
