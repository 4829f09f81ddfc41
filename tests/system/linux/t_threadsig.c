/* SPDX-License-Identifier: MIT */
/* Signals in processes with threads: which thread takes one, what stops and goes on, cancellation. */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "tap.h"

#define THREADS 4

static __thread int number;
static _Atomic int taken[THREADS + 1];
static siginfo_t last_info;

static void on_signal(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)context;
    last_info = *info;
    taken[number]++;
}

static void handle(int signal, int flags) {
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | flags};
    sigaction(signal, &action, NULL);
}

static void mask(int how, int signal) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    pthread_sigmask(how, &set, NULL);
}

static int wait_for(_Atomic int *counter, int value) {
    for (int tries = 0; *counter < value && tries < 5000; tries++)
        usleep(1000);
    return *counter;
}

/* Threads that wait until they are told to end; number 2 has SIGUSR1 open, all others block it. */
static pthread_barrier_t barrier;
static pthread_t threads[THREADS + 1];

static void *idle(void *argument) {
    number = (int)(long)argument;
    if (number == 2)
        mask(SIG_UNBLOCK, SIGUSR1);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    return NULL;
}

static void start_threads(void) {
    mask(SIG_BLOCK, SIGUSR1);
    pthread_barrier_init(&barrier, NULL, THREADS + 1);
    for (long i = 1; i <= THREADS; i++)
        pthread_create(&threads[i], NULL, idle, (void *)i);
    pthread_barrier_wait(&barrier);
}

static void end_threads(void) {
    pthread_barrier_wait(&barrier);
    for (int i = 1; i <= THREADS; i++)
        pthread_join(threads[i], NULL);
}

static void who_takes(void) {
    sigset_t pending;
    handle(SIGUSR1, 0);
    start_threads();
    kill(getpid(), SIGUSR1);
    is_int(wait_for(&taken[2], 1), 1, "a process's signal goes to a thread that does not block it");
    is_int(last_info.si_code, SI_USER, "as one from a user");
    pthread_kill(threads[3], SIGUSR1);
    usleep(20000);
    is_int(taken[3], 0, "a thread's signal waits while that thread blocks it");
    is_int(taken[2], 1, "and goes to no other");
    sigpending(&pending);
    is_int(sigismember(&pending, SIGUSR1), 0, "for others it is not pending");
    pthread_kill(threads[2], SIGUSR1);
    is_int(wait_for(&taken[2], 2), 2, "it interrupts the thread that it is for");
    is_int(last_info.si_code, SI_TKILL, "as one for a thread");
    end_threads();
    kill(getpid(), SIGUSR1);
    sigpending(&pending);
    is_int(sigismember(&pending, SIGUSR1), 1, "if all block it it is pending for the process");
    number = 0;
    mask(SIG_UNBLOCK, SIGUSR1);
    is_int(taken[0], 1, "until one unblocks it");
}

/* All block the signal; one waits for it. */
static void *wait_signal(void *info) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    return (void *)(long)sigwaitinfo(&set, info);
}

static void waiting(void) {
    siginfo_t info;
    void *result;
    pthread_t thread;
    union sigval value = {.sival_int = 77};
    mask(SIG_BLOCK, SIGUSR2);
    start_threads();
    pthread_create(&thread, NULL, wait_signal, &info);
    usleep(20000);
    kill(getpid(), SIGUSR2);
    pthread_join(thread, &result);
    is_int(result, SIGUSR2, "sigwait in one thread of many gets the process's signal");
    pthread_create(&thread, NULL, wait_signal, &info);
    pthread_sigqueue(thread, SIGUSR2, value);
    pthread_join(thread, &result);
    ok((long)result == SIGUSR2 && info.si_code == SI_QUEUE && info.si_value.sival_int == 77,
       "a value comes with a signal for a thread");
    end_threads();
    mask(SIG_UNBLOCK, SIGUSR2);
}

/* A signal that a thread could have taken is another's when that one ends or blocks it. */
static void *end_with_signal(void *ready) {
    mask(SIG_BLOCK, SIGUSR1);
    sem_post(ready);
    while (taken[1] == 0)
        usleep(1000);
    return NULL;
}

static void handed_on(void) {
    sem_t ready;
    pthread_t thread;
    memset(taken, 0, sizeof taken);
    sem_init(&ready, 0, 0);
    mask(SIG_BLOCK, SIGUSR1);
    for (int i = 0; i < 20; i++) {
        int before = taken[0];
        taken[1] = 0;
        pthread_create(&thread, NULL, end_with_signal, &ready);
        sem_wait(&ready);
        kill(getpid(), SIGUSR1);
        mask(SIG_UNBLOCK, SIGUSR1);
        if (taken[0] != before + 1)
            break;
        mask(SIG_BLOCK, SIGUSR1);
        taken[1] = 1;
        pthread_join(thread, NULL);
    }
    is_int(taken[0], 20, "what one thread does not take another does, once");
    mask(SIG_UNBLOCK, SIGUSR1);
}

/* SIGCHLD, and waits of several threads: each child is for one of them. */
static void *wait_child(void *unused) {
    int status;
    (void)unused;
    pid_t pid = waitpid(-1, &status, 0);
    return (void *)(long)(pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 0);
}

static void children(void) {
    pthread_t waiters[3];
    long sum = 0;
    for (int i = 0; i < 3; i++)
        if (fork() == 0) {
            usleep(10000);
            _exit(1 << i);
        }
    for (int i = 0; i < 3; i++)
        pthread_create(&waiters[i], NULL, wait_child, NULL);
    for (int i = 0; i < 3; i++) {
        void *result;
        pthread_join(waiters[i], &result);
        sum += (long)result;
    }
    is_int(sum, 7, "three threads wait for three children");
    is_errno(waitpid(-1, NULL, 0), ECHILD, "and there are no more");
}

/* Stop and continue: all threads of a child, which count. */
struct counts {
    _Atomic long n[3];
};
static struct counts *counts;

static void *count(void *counter) {
    for (;;)
        (*(_Atomic long *)counter)++;
    return NULL;
}

static bool all_move(void) {
    long before[3], moved = 0;
    for (int i = 0; i < 3; i++)
        before[i] = counts->n[i];
    for (int tries = 0; tries < 2000 && moved < 3; tries++) {
        usleep(1000);
        moved = 0;
        for (int i = 0; i < 3; i++)
            moved += counts->n[i] != before[i];
    }
    return moved == 3;
}

static bool none_moves(void) {
    long before[3], moved = 0;
    for (int i = 0; i < 3; i++)
        before[i] = counts->n[i];
    usleep(30000);
    for (int i = 0; i < 3; i++)
        moved += counts->n[i] != before[i];
    return moved == 0;
}

static void stop_and_go(void) {
    int status;
    counts = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (counts == MAP_FAILED)
        bail("mmap");
    pid_t child = fork();
    if (child == 0) {
        for (int i = 1; i < 3; i++)
            pthread_create(&threads[i], NULL, count, &counts->n[i]);
        count(&counts->n[0]);
    }
    ok(all_move(), "a child's threads run");
    kill(child, SIGSTOP);
    ok(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status), "it is stopped");
    ok(none_moves(), "with all its threads");
    kill(child, SIGCONT);
    ok(waitpid(child, &status, WCONTINUED) == child && WIFCONTINUED(status), "it is continued");
    ok(all_move(), "with all its threads");
    kill(child, SIGTERM);
    ok(waitpid(child, &status, 0) == child && WTERMSIG(status) == SIGTERM, "and ended");
}

/* Cancellation, which the C library makes of signals. */
static _Atomic int cleaned;

static void clean(void *unused) {
    (void)unused;
    cleaned++;
}

static void *cancel_at_point(void *kind) {
    char byte;
    int fds[2];
    if (pipe(fds) < 0)
        return NULL;
    pthread_cleanup_push(clean, NULL);
    switch ((long)kind) {
    case 0:
        pause();
        break;
    case 1:
        if (read(fds[0], &byte, 1) < 0)
            break;
        break;
    case 2:
        sleep(100);
        break;
    default:
        pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
        for (;;)
            ;
    }
    pthread_cleanup_pop(0);
    return NULL;
}

static void *not_cancelled(void *ready) {
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    sem_post(ready);
    usleep(20000);
    cleaned += 100;
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    pthread_testcancel();
    return NULL;
}

static void cancel(void) {
    static const char *const names[] = {"in pause", "in read", "in sleep", "asynchronously"};
    pthread_t thread;
    void *result;
    sem_t ready;
    for (long kind = 0; kind < 4; kind++) {
        pthread_create(&thread, NULL, cancel_at_point, (void *)kind);
        usleep(5000);
        pthread_cancel(thread);
        pthread_join(thread, &result);
        ok(result == PTHREAD_CANCELED, "a thread is cancelled %s", names[kind]);
    }
    is_int(cleaned, 4, "their cleanup handlers have run");
    sem_init(&ready, 0, 0);
    pthread_create(&thread, NULL, not_cancelled, &ready);
    sem_wait(&ready);
    pthread_cancel(thread);
    pthread_join(thread, &result);
    ok(result == PTHREAD_CANCELED && cleaned == 104, "but not while that is disabled");
}

/* A fault is its own thread's signal, on that thread's alternate stack. */
static void *stack_of_handler;
static void on_fault(int signal, siginfo_t *info, void *context) {
    ucontext_t *c = context;
    (void)signal, (void)info;
    stack_of_handler = __builtin_frame_address(0);
    taken[number]++;
#ifdef __riscv
    c->uc_mcontext.__gregs[REG_PC] += 4;
#else
    (void)c;
#endif
}

static void *fault(void *argument) {
    char *stack = malloc((size_t)SIGSTKSZ * 4);
    stack_t other = {.ss_sp = stack, .ss_size = (size_t)SIGSTKSZ * 4};
    number = (int)(long)argument;
    sigaltstack(&other, NULL);
#ifdef __riscv
    __asm__ volatile(".option push\n.option norvc\nlw zero, 0(%0)\n.option pop" ::"r"(nowhere));
#else
    taken[number]++;
    stack_of_handler = stack + 1;
#endif
    return (void *)(long)((char *)stack_of_handler > stack &&
                          (char *)stack_of_handler < stack + other.ss_size);
}

static void faults(void) {
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    int good = 0;
    memset(taken, 0, sizeof taken);
    sigaction(SIGSEGV, &action, NULL);
    for (long i = 1; i <= THREADS; i++) {
        void *result;
        pthread_create(&threads[i], NULL, fault, (void *)i);
        pthread_join(threads[i], &result);
        good += result && taken[i] == 1;
    }
    is_int(good, THREADS, "a fault's signal is taken by its thread, on its own alternate stack");
    signal(SIGSEGV, SIG_DFL);
}

int main(void) {
    who_takes();
    waiting();
    handed_on();
    children();
    stop_and_go();
    cancel();
    faults();
    return done();
}
