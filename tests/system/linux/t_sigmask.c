/* SPDX-License-Identifier: MIT */
/*
 * The signal mask, which a process keeps where nobody hears of it: who sends a signal, creates, executes or looks must find
 * it as it is, and no signal may be lost, whatever the mask is changed to while it is on its way.
 */
#include "tap.h"
#include "signal_set.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>

static void block(int signum) {
    sigset_t set = set_of(signum);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

static void unblock(int signum) {
    sigset_t set = set_of(signum);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static bool is_pending(int signum) {
    sigset_t set;
    sigpending(&set);
    return sigismember(&set, signum);
}

static bool is_blocked(int signum) {
    sigset_t set;
    sigprocmask(SIG_BLOCK, NULL, &set);
    return sigismember(&set, signum);
}

static volatile sig_atomic_t hits, order, first, second;

static void on_signal(int signum) {
    (void)signum;
    hits++;
}

static void catch (int signum, void (*handler)(int), int masked) {
    struct sigaction action = {.sa_handler = handler, .sa_mask = set_of(masked)};
    sigaction(signum, &action, NULL);
}

/* A child that sends this process a signal, and has ended. */
static void be_sent(int signum) {
    pid_t parent = getpid(), child = fork();
    if (child == 0)
        _exit(kill(parent, signum) < 0);
    reap(child);
}

static void test_sent(void) {
    block(SIGTERM);
    be_sent(SIGTERM);
    ok(is_pending(SIGTERM),
       "a signal that is blocked here does not end the process that another one sends it");
    catch (SIGTERM, on_signal, 0);
    hits = 0;
    unblock(SIGTERM);
    is_int(hits, 1, "and arrives when it is let through");
    signal(SIGTERM, SIG_DFL);
    block(SIGTSTP);
    be_sent(SIGTSTP);
    ok(is_pending(SIGTSTP), "nor does one stop it");
    signal(SIGTSTP, SIG_IGN);
    unblock(SIGTSTP);
    signal(SIGTSTP, SIG_DFL);
    block(SIGCHLD);
    if (fork() == 0)
        _exit(0);
    sigset_t set = set_of(SIGCHLD);
    siginfo_t info;
    is_int(sigwaitinfo(&set, &info), SIGCHLD,
           "one that is ignored by default is kept while it is blocked");
    unblock(SIGCHLD);
    waitpid(-1, NULL, 0);
    pid_t child = fork();
    if (child == 0) {
        block(SIGTERM);
        be_sent(SIGTERM);
        unblock(SIGTERM);
        _exit(0);
    }
    int status = reap(child);
    ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM,
       "its default action comes when it is let through");
    child = fork();
    if (child == 0) {
        block(SIGSEGV);
        *(volatile int *)NULL = 0;
        _exit(0);
    }
    status = reap(child);
    ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "a fault's signal ends who blocks it");
}

static unsigned long shown(const char *file) {
    char line[256];
    unsigned long mask = 0;
    FILE *f = fopen(file, "r");
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, "SigBlk:", 7))
            mask = strtoul(line + 7, NULL, 16);
    if (f)
        fclose(f);
    return mask;
}

static void test_seen(void) {
    block(SIGUSR1);
    is_int((int)shown("/proc/self/status"), 1 << (SIGUSR1 - 1), "/proc shows what is blocked");
    char file[64];
    snprintf(file, sizeof file, "/proc/%d/status", getpid());
    pid_t child = fork();
    if (child == 0)
        _exit(!(shown(file) == 1ul << (SIGUSR1 - 1) && is_blocked(SIGUSR1)));
    is_int(reap(child), 0, "to others, too; and a child has the same mask");
    unblock(SIGUSR1);
    is_int((int)shown("/proc/self/status"), 0, "/proc shows that nothing is");
}

static void test_programs(const char *self) {
    pid_t child = fork();
    if (child == 0) {
        block(SIGUSR2);
        execl(self, self, "inherited", NULL);
        _exit(127);
    }
    is_int(reap(child), 0, "a program is executed with the mask");
    child = vfork();
    if (child == 0) {
        block(SIGUSR2);
        execl(self, self, "inherited", NULL);
        _exit(127);
    }
    is_int(reap(child), 0, "a vfork child has a mask of its own, which it executes with");
    ok(!is_blocked(SIGUSR2), "and its parent's is as it was");
    block(SIGUSR1);
    child = vfork();
    if (child == 0) {
        unblock(SIGUSR1);
        block(SIGUSR2);
        pid_t grandchild = fork();
        if (grandchild == 0)
            _exit(is_blocked(SIGUSR1) || !is_blocked(SIGUSR2));
        _exit(reap(grandchild) != 0);
    }
    is_int(reap(child), 0, "what a vfork child forks has the child's");
    ok(is_blocked(SIGUSR1) && !is_blocked(SIGUSR2), "and the parent its own");
    unblock(SIGUSR1);
}

/* ---- Handlers ------------------------------------------------------------------------------ */

static void on_first(int signum) {
    (void)signum;
    first = ++order;
    be_sent(SIGUSR2);
    first = ++order;
}

static void on_second(int signum) {
    (void)signum;
    second = ++order;
}

static void unblock_in_frame(int signum, siginfo_t *info, void *context) {
    (void)signum, (void)info;
    sigaddset(&((ucontext_t *)context)->uc_sigmask, SIGHUP);
}

static sigjmp_buf away;

static void on_jump(int signum) {
    (void)signum;
    siglongjmp(away, 1);
}

static void test_handlers(void) {
    order = 0;
    catch (SIGUSR1, on_first, SIGUSR2);
    catch (SIGUSR2, on_second, 0);
    raise(SIGUSR1);
    ok(first == 2 && second == 3, "what a handler's mask blocks comes after it");
    ok(!is_blocked(SIGUSR1) && !is_blocked(SIGUSR2), "with the mask from before it");
    pid_t child = fork();
    if (child == 0) {
        catch (SIGUSR1, on_signal, SIGTERM);
        block(SIGUSR1);
        block(SIGTERM);
        hits = 0;
        be_sent(SIGUSR1);
        be_sent(SIGTERM);
        sigset_t none = set_of(0);
        sigprocmask(SIG_SETMASK, &none, NULL);
        _exit(0);
    }
    int status = reap(child);
    ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM, "two at once, the second one fatal");
    struct sigaction action = {.sa_sigaction = unblock_in_frame, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    ok(is_blocked(SIGHUP), "a handler may change the mask in its frame");
    be_sent(SIGHUP);
    ok(is_pending(SIGHUP), "which then holds");
    signal(SIGHUP, SIG_IGN);
    unblock(SIGHUP);
    signal(SIGHUP, SIG_DFL);
    catch (SIGUSR1, on_jump, 0);
    if (sigsetjmp(away, 1) == 0)
        raise(SIGUSR1);
    ok(!is_blocked(SIGUSR1), "siglongjmp out of a handler restores the mask");
    if (sigsetjmp(away, 0) == 0)
        raise(SIGUSR1);
    ok(is_blocked(SIGUSR1), "or leaves the handler's");
    unblock(SIGUSR1);
    static char stack[65536];
    stack_t other = {.ss_sp = stack, .ss_size = sizeof stack};
    child = fork();
    if (child == 0) {
        sigaltstack(&other, NULL);
        struct sigaction on = {
            .sa_handler = on_first, .sa_flags = SA_ONSTACK, .sa_mask = set_of(SIGUSR2)};
        sigaction(SIGUSR1, &on, NULL);
        order = 0;
        block(SIGTERM);
        raise(SIGUSR1);
        be_sent(SIGTERM);
        _exit(!(first == 2 && second == 3 && is_blocked(SIGTERM) && !is_blocked(SIGUSR1) &&
                is_pending(SIGTERM)));
    }
    is_int(reap(child), 0, "the same on another stack");
}

/* ---- Calls with another mask ---------------------------------------------------------------- */

static void test_calls(void) {
    sigset_t none = set_of(0);
    const struct timespec soon = {0, 10000000};
    catch (SIGUSR1, on_signal, 0);
    hits = 0;
    block(SIGUSR1);
    be_sent(SIGUSR1);
    ok(sigsuspend(&none) < 0 && errno == EINTR && hits == 1,
       "sigsuspend lets through what is pending");
    ok(is_blocked(SIGUSR1), "with the mask from before it");
    be_sent(SIGUSR1);
    ok(ppoll(NULL, 0, &soon, &none) < 0 && errno == EINTR && hits == 2, "so does ppoll");
    is_int(ppoll(NULL, 0, &soon, &none), 0, "which ends in time without a signal");
    be_sent(SIGUSR1);
    ok(hits == 2 && is_pending(SIGUSR1), "and the mask is the own one again");
    unblock(SIGUSR1);
    is_int(hits, 3, "the last one comes when it is let through");
}

/* ---- Threads -------------------------------------------------------------------------------- */

static void *see(void *argument) {
    *(bool *)argument = is_blocked(SIGUSR1);
    unblock(SIGUSR1);
    be_sent(SIGUSR1);
    return NULL;
}

static void test_threads(void) {
    pid_t child = fork();
    if (child == 0) {
        pthread_t thread;
        bool inherited = false;
        hits = 0;
        block(SIGUSR1);
        pthread_create(&thread, NULL, see, &inherited);
        pthread_join(thread, NULL);
        bool came = hits == 1;
        be_sent(SIGUSR1);
        _exit(!(inherited && came && is_blocked(SIGUSR1) && hits == 1 && is_pending(SIGUSR1)));
    }
    is_int(reap(child), 0, "a thread begins with the mask, and changes only its own");
}

static pthread_barrier_t both;
static volatile pid_t taker;

static void on_taken(int signum) {
    (void)signum;
    taker = gettid();
    hits++;
}

/* Blocks what it is given, and forks: the child begins with that, whatever the first thread's mask is. */
static void *block_and_fork(void *argument) {
    block(SIGUSR2);
    pid_t child = fork();
    if (child == 0) {
        bool inherited = is_blocked(SIGUSR2) && !is_blocked(SIGUSR1);
        be_sent(SIGUSR2);
        unblock(SIGUSR2);
        _exit(!(inherited && hits == 1 && !is_blocked(SIGUSR2)));
    }
    *(bool *)argument = reap(child) == 0;
    return NULL;
}

/* Lets SIGUSR1 through while the first thread blocks it, and the other way round. */
static void *take_turns(void *argument) {
    *(pid_t *)argument = gettid();
    for (int i = 0; i < 2; i++) {
        pthread_barrier_wait(&both);
        pthread_barrier_wait(&both);
        block(SIGUSR1);
    }
    return NULL;
}

static void test_takers(void) {
    pthread_t thread;
    pid_t other = 0;
    bool inherited = false;
    hits = 0;
    catch (SIGUSR1, on_taken, 0);
    catch (SIGUSR2, on_taken, 0);
    pthread_create(&thread, NULL, block_and_fork, &inherited);
    pthread_join(thread, NULL);
    ok(inherited, "what a thread forks has that thread's mask");
    pthread_barrier_init(&both, NULL, 2);
    pthread_create(&thread, NULL, take_turns, &other);
    block(SIGUSR1);
    pthread_barrier_wait(&both);
    be_sent(SIGUSR1);
    while (hits == 0)
        sched_yield();
    is_int(taker, other, "a signal goes to the thread that does not block it");
    pthread_barrier_wait(&both);
    unblock(SIGUSR1);
    pthread_barrier_wait(&both);
    be_sent(SIGUSR1);
    while (hits == 1)
        sched_yield();
    is_int(taker, getpid(), "or to the first one, when that has let it through");
    pthread_barrier_wait(&both);
    pthread_join(thread, NULL);
    pthread_barrier_destroy(&both);
}

/* ---- Races ---------------------------------------------------------------------------------- */

#define QUEUED 3000
#define TURNS 3000

struct counts {
    volatile long seen, ready, done;
};
static struct counts *counts;

static void count(int signum) {
    (void)signum;
    __atomic_fetch_add(&counts->seen, 1, __ATOMIC_SEQ_CST);
}

/* Blocks and lets through for ever, in the ways that there are. */
static void *change_for_ever(void *unused) {
    sigset_t all, none = set_of(0);
    sigfillset(&all);
    __atomic_fetch_add(&counts->ready, 1, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; !counts->done; i++) {
        sigprocmask(SIG_SETMASK, &all, NULL);
        if (i % 7 == 0)
            sigprocmask(SIG_BLOCK, &all, NULL);
        if (i % 16 == 0)
            syscall(SYS_getppid);
        sigprocmask(SIG_SETMASK, &none, NULL);
    }
    return unused;
}

#define THREADS_MOST 5

/* A process with so many threads that do it. */
static pid_t start_changing(int signum, int threads) {
    counts->seen = counts->ready = counts->done = 0;
    pid_t child = fork();
    if (child == 0) {
        pthread_t others[THREADS_MOST];
        catch (signum, count, 0);
        for (int i = 1; i < threads; i++)
            pthread_create(&others[i], NULL, change_for_ever, NULL);
        change_for_ever(NULL);
        for (int i = 1; i < threads; i++)
            pthread_join(others[i], NULL);
        _exit(0);
    }
    while (counts->ready < threads)
        sched_yield();
    return child;
}

static bool comes_to(long seen) {
    struct timespec now, pause = {0, 100000};
    clock_gettime(CLOCK_MONOTONIC, &now);
    for (time_t end = now.tv_sec + 60; counts->seen < seen && now.tv_sec < end;) {
        nanosleep(&pause, NULL);
        clock_gettime(CLOCK_MONOTONIC, &now);
    }
    return counts->seen == seen;
}

static void test_races(int threads) {
    counts = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child = start_changing(SIGRTMIN, threads);
    long sent = 0;
    for (; sent < QUEUED; sent++)
        while (sigqueue(child, SIGRTMIN, (union sigval){0}) < 0)
            sched_yield();
    ok(comes_to(sent),
       "%ld queued signals arrive, each once, at a process whose threads, %d, change their masks "
       "all the time",
       sent, threads);
    counts->done = 1;
    is_int(reap(child), 0, "which then ends");
    child = start_changing(SIGUSR1, threads);
    long turn = 0, turns = TURNS / threads;
    while (turn < turns && kill(child, SIGUSR1) == 0 && comes_to(turn + 1))
        turn++;
    is_int((int)turn, (int)turns,
           "so does each of as many that are sent when the one before has arrived");
    counts->done = 1;
    is_int(reap(child), 0, "which then ends");
}

#define ROUNDS 400

static void *send_each_round(void *unused) {
    block(SIGUSR1);
    for (long round = 1; round <= ROUNDS && !counts->done; round++) {
        while (counts->ready < round && !counts->done)
            sched_yield();
        kill(getpid(), SIGUSR1);
    }
    return unused;
}

static void *let_through(void *unused) {
    const struct timespec pause = {0, 1000000};
    while (!counts->done)
        nanosleep(&pause, NULL);
    return unused;
}

/* The first thread may be the one that is to take it, but blocks it from then on: the other one has to. */
static void test_left(void) {
    pthread_t sender, other;
    long round = 0;
    counts->seen = counts->ready = counts->done = 0;
    catch (SIGUSR1, count, 0);
    pthread_create(&other, NULL, let_through, NULL);
    pthread_create(&sender, NULL, send_each_round, NULL);
    do {
        counts->ready = ++round;
        for (int i = 0; i < 40; i++) {
            unblock(SIGUSR1);
            block(SIGUSR1);
        }
    } while (comes_to(round) && round < ROUNDS);
    is_int((int)counts->seen, ROUNDS,
           "what a thread was to take and blocks before it has, another takes");
    counts->done = 1;
    pthread_join(sender, NULL);
    pthread_join(other, NULL);
    unblock(SIGUSR1);
}

/* Begins with all blocked, as pthread_create(3) has it, and waits for what is its to take. */
static void *take_one(void *argument) {
    long round = *(long *)argument;
    unblock(SIGUSR1);
    return comes_to(round) ? argument : NULL;
}

/* A signal is pending when a thread begins that lets it through, or is sent while it does. */
static void test_beginners(void) {
    long round = 0;
    void *took = &round;
    counts->seen = 0;
    catch (SIGUSR1, count, 0);
    block(SIGUSR1);
    while (took && round < ROUNDS) {
        pthread_t thread;
        if (++round % 2)
            kill(getpid(), SIGUSR1);
        pthread_create(&thread, NULL, take_one, &round);
        if (round % 2 == 0)
            kill(getpid(), SIGUSR1);
        pthread_join(thread, &took);
    }
    is_int((int)counts->seen, ROUNDS,
           "a new thread takes what it lets through, sent before it began or meanwhile");
    unblock(SIGUSR1);
}

int main(int argc, char **argv) {
    if (argc > 1)
        return !is_blocked(SIGUSR2) || is_blocked(SIGUSR1);
    test_sent();
    test_seen();
    test_programs(argv[0]);
    test_handlers();
    test_calls();
    test_threads();
    test_takers();
    test_races(1);
    test_races(2);
    test_races(THREADS_MOST);
    test_left();
    test_beginners();
    return done();
}
