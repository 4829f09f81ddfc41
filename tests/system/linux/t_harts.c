/* SPDX-License-Identifier: MIT */
/* What programs ask of harts: getcpu(2), membarrier(2). */
#include "tap.h"
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>

#define ROUNDS 3000

static long membarrier(int command, unsigned flags) {
    return syscall(SYS_membarrier, command, flags, 0);
}

/* ---- membarrier ---- */

/*
 * Dekker's test: each stores its own word and then loads the other's. One side has only a compiler barrier between the two; the
 * other asks for a barrier of all. So at least one must see the other's store.
 */
static volatile int mine, theirs, seen_here, seen_there;
static pthread_barrier_t meeting;

static void *fast_side(void *unused) {
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        pthread_barrier_wait(&meeting);
        theirs = 1;
        __asm__ volatile("" ::: "memory");
        seen_there = mine;
        pthread_barrier_wait(&meeting);
    }
    return NULL;
}

static int neither_seen(int command) {
    pthread_t thread;
    int bad = 0;

    pthread_barrier_init(&meeting, NULL, 2);
    if (pthread_create(&thread, NULL, fast_side, NULL))
        bail("pthread_create");
    for (int i = 0; i < ROUNDS; i++) {
        mine = theirs = 0;
        pthread_barrier_wait(&meeting);
        mine = 1;
        if (membarrier(command, 0) < 0)
            bad++;
        seen_here = theirs;
        pthread_barrier_wait(&meeting);
        bad += !seen_here && !seen_there;
    }
    pthread_join(thread, NULL);
    pthread_barrier_destroy(&meeting);
    return bad;
}

static int inherits(void) {
    return membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0) == 0 ? 0 : 1;
}

static void barriers(void) {
    long known = membarrier(MEMBARRIER_CMD_QUERY, 0);

    if (known < 0) {
        skip("membarrier", "it is not served");
        return;
    }
    ok(known & MEMBARRIER_CMD_GLOBAL && known & MEMBARRIER_CMD_PRIVATE_EXPEDITED, "the query");
    is_errno(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0), EPERM, "not registered");
    is_errno(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0), EPERM, "nor this");
    is_int(membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0), 0, "it is registered");
    is_int(membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0), 0, "twice");
    is_int(neither_seen(MEMBARRIER_CMD_PRIVATE_EXPEDITED), 0, "all threads have a barrier");
    is_int(neither_seen(MEMBARRIER_CMD_GLOBAL), 0, "all processes do");
    is_int(WEXITSTATUS(in_child(inherits)), 0, "a fork has what was registered");
    is_errno(membarrier(1 << 20, 0), EINVAL, "no such command");
    is_errno(membarrier(MEMBARRIER_CMD_QUERY, 1 << 10), EINVAL, "no such flag");
}

/* ---- getcpu ---- */

static void *where(void *most) {
    unsigned cpu = 0, node = 1;

    for (int i = 0; i < 2000; i++) {
        if (syscall(SYS_getcpu, &cpu, &node, NULL) < 0 || node != 0)
            return most;
        if ((long)cpu > *(long *)most)
            *(long *)most = cpu;
    }
    return NULL;
}

static void harts(void) {
    long count = sysconf(_SC_NPROCESSORS_ONLN), most[4] = {0};
    pthread_t threads[4];
    bool good = true;

    for (int i = 0; i < 4; i++)
        if (pthread_create(&threads[i], NULL, where, &most[i]))
            bail("pthread_create");
    for (int i = 0; i < 4; i++) {
        void *failed;

        pthread_join(threads[i], &failed);
        good &= !failed && most[i] < count;
    }
    ok(good, "getcpu tells one of those that are there");
    ok(sched_getcpu() >= 0 && sched_getcpu() < count, "sched_getcpu");
    is_errno(syscall(SYS_getcpu, nowhere, NULL, NULL), EFAULT, "a bad address");
    is_int(syscall(SYS_getcpu, NULL, NULL, NULL), 0, "nothing is asked");
}

int main(void) {
    barriers();
    harts();
    return done();
}
