/* SPDX-License-Identifier: MIT */
/*
 * sched(7): policies, priorities and affinity as they are asked for and told; and what else a program may know of harts.
 * Runs on Linux too.
 */
#include "tap.h"

#include "schedattr.h"

#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define NOBODY 65534
#define NO_SUCH 4000000
#define KEEP_POLICY 8
#define KEEP_PARAMS 16
#define NR_RISCV_HWPROBE 258

static void become_nobody(void) {
    if (setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
        _exit(1);
}

/* ---- Policies ----------------------------------------------------------------------------- */

static int nobody_asks(void) {
    struct sched_param real_time = {.sched_priority = 1}, none = {0};

    become_nobody();
    if (sched_setscheduler(0, SCHED_OTHER, &none) < 0)
        return 2;
    if (sched_setscheduler(0, SCHED_FIFO, &real_time) == 0 || errno != EPERM)
        return 3;
    if (sched_getscheduler(getppid()) != SCHED_OTHER || sched_getparam(getppid(), &none) < 0)
        return 4;
    return sched_setscheduler(getppid(), SCHED_OTHER, &none) == 0 || errno != EPERM ? 5 : 0;
}

static void test_policies(void) {
    struct sched_param param = {.sched_priority = 5};

    is_int(sched_getscheduler(0), SCHED_OTHER, "the policy at first");
    is_int(sched_getscheduler(getpid()), SCHED_OTHER, "by number");
    is_errno(sched_getscheduler(-1), EINVAL, "a negative number: EINVAL");
    is_errno(sched_getscheduler(NO_SUCH), ESRCH, "nobody's: ESRCH");
    ok(sched_getparam(0, &param) == 0 && param.sched_priority == 0, "its priority is 0");
    is_errno(sched_getparam(0, NULL), EINVAL, "told to nowhere: EINVAL");
    is_errno(sched_getparam(0, nowhere), EFAULT, "to a bad address: EFAULT");
    is_errno(sched_getparam(NO_SUCH, &param), ESRCH, "nobody's: ESRCH");
    is_int(sched_setparam(0, &param), 0, "set to what it is");
    is_int(sched_setscheduler(0, SCHED_OTHER, &param), 0, "and with the policy");
    is_errno(sched_setscheduler(NO_SUCH, SCHED_OTHER, &param), ESRCH, "nobody's: ESRCH");
    is_errno(sched_setscheduler(0, SCHED_OTHER, nowhere), EFAULT, "from a bad address: EFAULT");
    is_errno(sched_setscheduler(0, 77, &param), EINVAL, "no such policy: EINVAL");
    is_errno(sched_setscheduler(0, SCHED_RR, &param), EINVAL, "SCHED_RR with priority 0: EINVAL");
    param.sched_priority = 1;
    is_errno(sched_setscheduler(0, SCHED_OTHER, &param), EINVAL, "SCHED_OTHER with 1: EINVAL");
    is_errno(sched_setparam(0, &param), EINVAL, "by sched_setparam too");
    is_int(in_child(nobody_asks), 0, "who is not root changes only its own");
}

static void test_ranges(void) {
    struct timespec interval = {-1, -1};

    is_int(sched_get_priority_min(SCHED_OTHER), 0, "SCHED_OTHER: from 0");
    is_int(sched_get_priority_max(SCHED_OTHER), 0, "to 0");
    is_int(sched_get_priority_min(SCHED_FIFO), 1, "SCHED_FIFO: from 1");
    is_int(sched_get_priority_max(SCHED_RR), 99, "SCHED_RR: to 99");
    is_errno(sched_get_priority_max(77), EINVAL, "no such policy: EINVAL");
    is_errno(sched_get_priority_min(-1), EINVAL, "nor that: EINVAL");
    ok(sched_rr_get_interval(0, &interval) == 0 && interval.tv_sec == 0 && interval.tv_nsec >= 0,
       "a quantum");
    is_errno(sched_rr_get_interval(NO_SUCH, &interval), ESRCH, "nobody's: ESRCH");
    is_errno(sched_rr_get_interval(0, nowhere), EFAULT, "to a bad address: EFAULT");
}

/* ---- Attributes --------------------------------------------------------------------------- */

static int set_attributes(void) {
    struct attr attr = {.size = sizeof(attr), .nice = 4};

    if (set_attr(0, &attr, 0) < 0 || getpriority(PRIO_PROCESS, 0) != 4)
        return 2;
    attr = (struct attr){.size = sizeof(attr), .nice = 7, .flags = KEEP_PARAMS | KEEP_POLICY};
    if (set_attr(0, &attr, 0) < 0 || getpriority(PRIO_PROCESS, 0) != 4)
        return 3;
    if (get_attr(0, &attr, sizeof(attr), 0) < 0 || attr.nice != 4 || attr.policy != SCHED_OTHER ||
        attr.size != sizeof(attr) || attr.priority || attr.flags)
        return 4;
    become_nobody();
    attr.nice = 3;
    return set_attr(0, &attr, 0) == 0 || (errno != EPERM && errno != EACCES) ? 5 : 0;
}

static void test_attributes(void) {
    struct {
        struct attr attr;
        unsigned more[20];
    } big = {.attr = {.size = sizeof(big)}};
    struct attr attr = {.size = sizeof(attr)};

    is_int(in_child(set_attributes), 0, "attributes: nice is set, kept, and told");
    is_errno(get_attr(0, &attr, sizeof(attr) - 1, 0), EINVAL, "told in too small a room: EINVAL");
    is_errno(get_attr(0, &attr, sizeof(attr), 1), EINVAL, "with flags: EINVAL");
    is_errno(get_attr(NO_SUCH, &attr, sizeof(attr), 0), ESRCH, "nobody's: ESRCH");
    is_errno(set_attr(NO_SUCH, &attr, 0), ESRCH, "set: ESRCH");
    is_errno(set_attr(0, NULL, 0), EINVAL, "from nowhere: EINVAL");
    is_errno(set_attr(0, nowhere, 0), EFAULT, "from a bad address: EFAULT");
    attr.flags = 1ull << 60;
    is_errno(set_attr(0, &attr, 0), EINVAL, "unknown flags: EINVAL");
    attr = (struct attr){.size = 8};
    is_errno(set_attr(0, &attr, 0), E2BIG, "too short: E2BIG");
    ok(attr.size >= sizeof(attr), "and the size is told");
    is_int(set_attr(0, &big.attr, 0), 0, "a later version without anything new");
    big.attr.size = sizeof(big);
    big.more[19] = 1;
    is_errno(set_attr(0, &big.attr, 0), E2BIG, "with something new: E2BIG");
}

/* ---- Threads ------------------------------------------------------------------------------ */

static pthread_barrier_t barrier;
static volatile pid_t other;

static void *wait_twice(void *argument) {
    other = (pid_t)syscall(SYS_gettid);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    return argument;
}

static void test_threads(void) {
    struct sched_param param = {.sched_priority = 9};
    cpu_set_t set;
    pthread_t thread;
    int policy = -1;

    pthread_barrier_init(&barrier, NULL, 2);
    if (pthread_create(&thread, NULL, wait_twice, NULL) != 0)
        bail("pthread_create");
    pthread_barrier_wait(&barrier);
    is_int(sched_getscheduler(other), SCHED_OTHER, "a thread's policy, by its number");
    is_int(getpriority(PRIO_PROCESS, (id_t)other), 0, "and its nice value");
    ok(pthread_getschedparam(thread, &policy, &param) == 0 && policy == SCHED_OTHER &&
           param.sched_priority == 0,
       "pthread_getschedparam");
    is_int(pthread_setschedparam(thread, SCHED_OTHER, &param), 0, "pthread_setschedparam");
    ok(pthread_getaffinity_np(thread, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0,
       "pthread_getaffinity_np");
    is_int(pthread_setaffinity_np(thread, sizeof(set), &set), 0, "pthread_setaffinity_np");
    pthread_barrier_wait(&barrier);
    pthread_join(thread, NULL);
    is_errno(sched_getscheduler(other), ESRCH, "when it has ended: ESRCH");
    pthread_barrier_destroy(&barrier);
}

/* ---- Harts --------------------------------------------------------------------------------- */

static int nobody_binds(void) {
    cpu_set_t set;

    become_nobody();
    if (sched_getaffinity(getppid(), sizeof(set), &set) < 0)
        return 2;
    return sched_setaffinity(getppid(), sizeof(set), &set) == 0 || errno != EPERM ? 3 : 0;
}

static void test_affinity(void) {
    cpu_set_t set, none;

    CPU_ZERO(&none);
    is_int(sched_getaffinity(0, sizeof(set), &set), 0, "affinity");
    is_int(CPU_COUNT(&set), sysconf(_SC_NPROCESSORS_ONLN), "every hart");
    is_int(sched_setaffinity(0, sizeof(set), &set), 0, "is set to what it is");
    is_errno(sched_setaffinity(0, sizeof(none), &none), EINVAL, "to none: EINVAL");
    CPU_SET(1000, &none);
    is_errno(sched_setaffinity(0, sizeof(none), &none), EINVAL, "to one that is not there: EINVAL");
    is_errno(sched_setaffinity(0, sizeof(set), nowhere), EFAULT, "from a bad address: EFAULT");
    is_errno(sched_setaffinity(NO_SUCH, sizeof(set), &set), ESRCH, "nobody's: ESRCH");
    is_errno(sched_getaffinity(NO_SUCH, sizeof(set), &set), ESRCH, "nor told: ESRCH");
    is_errno(syscall(SYS_sched_getaffinity, 0, 3, &set), EINVAL, "in too small a room: EINVAL");
    is_int(in_child(nobody_binds), 0, "another user's may be told, but not set");
}

static void test_probe(void) {
#ifdef __riscv
    struct {
        long long key;
        unsigned long long value;
    } pairs[] = {{3, 0}, {4, 0}, {1 << 20, 5}};

    if (syscall(NR_RISCV_HWPROBE, pairs, 3, 0, NULL, 0) < 0 && errno == ENOSYS) {
        skip("riscv_hwprobe", "not supported");
        return;
    }
    ok(pairs[0].key == 3 && pairs[0].value & 1, "riscv_hwprobe: the base is IMA");
    is_int(pairs[1].value & 3, 3, "with F, D and C");
    ok(pairs[2].key == -1 && pairs[2].value == 0, "an unknown key becomes -1");
    is_errno(syscall(NR_RISCV_HWPROBE, nowhere, 1, 0, NULL, 0), EFAULT, "a bad address: EFAULT");
    is_errno(syscall(NR_RISCV_HWPROBE, pairs, 1, 0, NULL, 1 << 20), EINVAL, "flags: EINVAL");
#endif
}

/* ---- The file system's ids ----------------------------------------------------------------- */

static int ask_fsids(void) {
    if (setfsuid((uid_t)-1) != 0 || setfsgid((gid_t)-1) != 0)
        return 2;
    if (seteuid(NOBODY) < 0)
        return 3;
    return setfsuid(NOBODY) != NOBODY || setfsuid((uid_t)-1) != NOBODY ? 4 : 0;
}

int main(void) {
    test_policies();
    test_ranges();
    test_attributes();
    test_threads();
    test_affinity();
    test_probe();
    is_int(in_child(ask_fsids), 0, "setfsuid tells the effective user");
    return done();
}
