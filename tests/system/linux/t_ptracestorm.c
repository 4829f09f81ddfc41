/* SPDX-License-Identifier: MIT */
/*
 * Tracers that do what they like, and end at any moment: whoever they traced goes on as if nobody had, and nobody else notices. Workers fork,
 * execute, make threads and take signals; tracers seize or attach to them and their children, step them from call to call,
 * interrupt them, let them go, or are killed.
 */
#include "tap.h"
#include "traced.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

#define WORKERS 3
#define TRACERS 3
#define ROUNDS 6
#define WORK 12 /* of a worker */

struct shared {
    volatile pid_t workers[WORKERS];
    volatile unsigned long stops, attached, killed;
};
static struct shared *shared;
static const char *own_path;

static unsigned next_random(unsigned *state) {
    *state = *state * 1103515245u + 12345u;
    return *state >> 16;
}

/* ---- Workers ---- */

static volatile sig_atomic_t handled;

static void handler(int signal) {
    (void)signal;
    handled++;
}

static void *thread(void *result) {
    unsigned long n = 0;
    for (int i = 0; i < 20; i++)
        n += syscall(SYS_close, 900 + i) == -1;
    *(unsigned long *)result = n;
    return NULL;
}

static bool with_threads(void) {
    pthread_t t[2];
    unsigned long n[2] = {0, 0};
    for (int i = 0; i < 2; i++)
        if (pthread_create(&t[i], NULL, thread, &n[i]))
            return false;
    for (int i = 0; i < 2; i++)
        pthread_join(t[i], NULL);
    return n[0] == 20 && n[1] == 20;
}

static bool with_child(bool executes) {
    pid_t pid = executes ? vfork() : fork();
    if (pid == 0) {
        if (executes)
            execl(own_path, own_path, "exit", NULL);
        _exit(33);
    }
    return pid > 0 && reap_exit(pid) == 33;
}

static bool with_signal(void) {
    sig_atomic_t before = handled;
    raise(SIGUSR1);
    return handled == before + 1;
}

/* What went wrong, as an exit code. */
static int work(void) {
    signal(SIGUSR1, handler);
    for (int i = 0; i < WORK; i++) {
        if (!with_signal())
            return 1;
        if (!with_child(false))
            return 2;
        if (!with_child(true))
            return 3;
        if (!with_threads())
            return 4;
        usleep(500);
    }
    return 0;
}

/* ---- Tracers ---- */

#define OPTIONS                                                                                    \
    (PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |      \
     PTRACE_O_TRACEEXEC | PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACEEXIT)

/* The signal that a stop is for; one that is the tracer's own affair: 0. */
static int signal_of(int status, bool seized) {
    int signal = WSTOPSIG(status);
    if (status >> 16 || signal == SIGTRAP || signal == (SIGTRAP | 0x80))
        return 0;
    return signal == SIGSTOP && !seized ? 0 : signal;
}

static void act(pid_t pid, int status, bool seized, unsigned *random) {
    int signal = signal_of(status, seized);
    uint64_t word = peek(pid, (void *)(uintptr_t)own_path);
    struct user_regs_struct r = registers(pid);
    if (next_random(random) % 8 == 0 && set_registers(pid, &r) == 0)
        trace(PTRACE_POKEDATA, pid, (uintptr_t)own_path, word);
    switch (next_random(random) % 16) {
    case 0:
        trace(PTRACE_DETACH, pid, 0, (uint64_t)signal);
        return;
    case 1:
    case 2:
        if (trace(PTRACE_LISTEN, pid, 0, 0) == 0 && trace(PTRACE_INTERRUPT, pid, 0, 0) == 0)
            return;
        break;
    case 3:
        trace(PTRACE_INTERRUPT, pid, 0, 0);
        break;
    default:
        break;
    }
    trace(next_random(random) % 2 ? PTRACE_SYSCALL : PTRACE_CONT, pid, 0, (uint64_t)signal);
}

static void trace_some(unsigned seed) {
    unsigned random = seed;
    bool seized = next_random(&random) % 2;
    for (int tries = 0; tries < 50; tries++) {
        pid_t pid = shared->workers[next_random(&random) % WORKERS];
        if (trace(seized ? PTRACE_SEIZE : PTRACE_ATTACH, pid, 0, seized ? OPTIONS : 0) == 0) {
            __atomic_add_fetch(&shared->attached, 1, __ATOMIC_RELAXED);
            if (seized)
                trace(PTRACE_INTERRUPT, pid, 0, 0);
        }
        int status;
        pid_t stopped;
        for (unsigned n = next_random(&random) % 200; n; n--) {
            stopped = waitpid(-1, &status, __WALL | (next_random(&random) % 4 ? 0 : WNOHANG));
            if (stopped < 0)
                break;
            if (stopped == 0 || !WIFSTOPPED(status))
                continue;
            __atomic_add_fetch(&shared->stops, 1, __ATOMIC_RELAXED);
            if (!seized) /* it has had no options yet */
                trace(PTRACE_SETOPTIONS, stopped, 0, OPTIONS);
            act(stopped, status, seized, &random);
        }
        usleep(1000);
    }
}

/*
 * A tracer that is killed before it has heard of the SIGSTOP that PTRACE_ATTACH sends, or that a child begins with, leaves that
 * behind (ptrace(2)).
 */
static int reap_continued(pid_t pid) {
    int status = -1;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        kill(-pid, SIGCONT);
        usleep(2000);
    }
    return status;
}

static void one_round(unsigned seed) {
    pid_t tracers[TRACERS];
    unsigned random = seed;
    for (int i = 0; i < WORKERS; i++) {
        pid_t pid = start();
        if (pid == 0)
            _exit(setpgid(0, 0) < 0 ? 9 : work());
        setpgid(pid, pid);
        shared->workers[i] = pid;
    }
    for (int i = 0; i < TRACERS; i++) {
        tracers[i] = start();
        if (tracers[i] == 0) {
            trace_some(seed + (unsigned)i);
            _exit(0);
        }
    }
    for (int i = 0; i < TRACERS; i++) {
        usleep(next_random(&random) % 60000);
        kill(tracers[i], SIGKILL);
        shared->killed++;
        reap(tracers[i]);
    }
    for (int i = 0; i < WORKERS; i++)
        is_int(reap_continued(shared->workers[i]), 0, "round %u: worker %d has done its work", seed,
               i);
}

int main(int argc, char **argv) {
    if (argc > 1)
        return 33;
    own_path = path_of(argv[0]);
    shared = shared_page();
    for (unsigned round = 0; round < ROUNDS; round++)
        one_round(round * 16);
    ok(shared->attached && shared->stops, "%lu times attached, %lu stops", shared->attached,
       shared->stops);
    is_errno(waitpid(-1, NULL, 0), ECHILD, "nobody is left");
    return done();
}
