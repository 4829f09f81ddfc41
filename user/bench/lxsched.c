/* SPDX-License-Identifier: MIT */
/*
 * How a machine's time is shared, for tools/bench --sched: `lxsched` prints lines "SCHED name value". Nothing here is of
 * Parley alone; on Linux it needs root for the real-time part.
 *
 * Times are in nanoseconds of the clock; with QEMU's instruction clock that is instructions.
 */
#include "program.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MS 1000000ull
#define BUSY 4     /* beside who is measured */
#define SHARERS 8  /* of different nice values */
#define WARM_UP 20 /* wake-ups that do not count: a policy may have to learn */
#define WAKE_UPS 200
#define TRIPS 100
#define SHARE_S 4
#define LOAD_WAKE_UPS 2000

static volatile uint64_t *counters;
static pid_t children[SHARERS + BUSY];
static unsigned child_count;

static void sleep_until(uint64_t ns) {
    struct timespec t = {(time_t)(ns / (1000 * MS)), (long)(ns % (1000 * MS))};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
        continue;
}

static void say(const char *name, double value) {
    printf("SCHED %s %.0f\n", name, value);
}

/* A child; it is ended by end_children(). */
static bool child_runs(void) {
    pid_t child = fork();

    if (child < 0)
        die("fork");
    if (child > 0)
        children[child_count++] = child;
    return child == 0;
}

static void end_children(void) {
    while (child_count > 0) {
        kill(children[--child_count], SIGKILL);
        if (waitpid(children[child_count], NULL, 0) < 0)
            die("waitpid");
    }
}

static _Noreturn void compute(unsigned index) {
    for (;;)
        counters[index]++;
}

static void start_busy(void) {
    for (unsigned i = 0; i < BUSY; i++)
        if (child_runs())
            compute(i);
}

static uint64_t cpu_ns(pid_t child) {
    clockid_t clock;
    struct timespec t;

    if (clock_getcpuclockid(child, &clock) != 0 || clock_gettime(clock, &t) < 0)
        die("the clock of a process");
    return (uint64_t)t.tv_sec * 1000 * MS + (uint64_t)t.tv_nsec;
}

/* Jain's index, in millionths, of what n threads got, each divided by its weight; and the furthest from its due, in 1/1000. */
static void shares(const char *name, int step) {
    double sum = 0, squares = 0, weights = 0, total = 0, worst = 0, got[SHARERS], weight[SHARERS];
    uint64_t from[SHARERS];
    char text[64];

    for (int i = 0; i < SHARERS; i++) {
        weight[i] = 1;
        for (int n = 0; n < i * step; n++)
            weight[i] /= 1.25;
        if (child_runs()) {
            if (setpriority(PRIO_PROCESS, 0, i * step) < 0)
                die("setpriority");
            compute((unsigned)i);
        }
    }
    sleep(1);
    for (int i = 0; i < SHARERS; i++)
        from[i] = cpu_ns(children[i]);
    sleep(SHARE_S);
    for (int i = 0; i < SHARERS; i++) {
        got[i] = (double)(cpu_ns(children[i]) - from[i]);
        sum += got[i] / weight[i];
        squares += got[i] / weight[i] * (got[i] / weight[i]);
        weights += weight[i];
        total += got[i];
    }
    for (int i = 0; i < SHARERS; i++) {
        double due = total * weight[i] / weights, off = got[i] > due ? got[i] - due : due - got[i];
        worst = off / total > worst ? off / total : worst;
    }
    end_children();
    snprintf(text, sizeof text, "%s_jain_ppm", name);
    say(text, sum * sum / (SHARERS * squares) * 1e6);
    snprintf(text, sizeof text, "%s_off_permille", name);
    say(text, worst * 1000);
}

static int by_size(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void say_spread(const char *name, uint64_t *found, unsigned count) {
    static const struct {
        const char *name;
        unsigned of_thousand;
    } parts[] = {{"50", 500}, {"99", 990}, {"999", 999}, {"worst", 1000}};
    char text[64];

    qsort(found, count, sizeof *found, by_size);
    for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++) {
        unsigned at = count * parts[i].of_thousand / 1000;
        snprintf(text, sizeof text, "%s_%s_ns", name, parts[i].name);
        say(text, (double)found[at < count ? at : count - 1]);
    }
}

/* One that mostly sleeps: how late it runs. */
static void wake_ups(const char *name, unsigned count) {
    static uint64_t late[LOAD_WAKE_UPS];

    for (unsigned i = 0; i < count + WARM_UP; i++) {
        uint64_t at = now() + 2 * MS + i % 7 * 130000;
        sleep_until(at);
        if (i >= WARM_UP)
            late[i - WARM_UP] = now() - at;
    }
    say_spread(name, late, count);
}

/* A byte to another process and back. */
static void round_trips(void) {
    static uint64_t took[TRIPS];
    int there[2], back[2];
    char byte = 1;

    if (pipe(there) < 0 || pipe(back) < 0)
        die("pipe");
    if (child_runs())
        while (read(there[0], &byte, 1) == 1 && write(back[1], &byte, 1) == 1)
            continue;
    for (unsigned i = 0; i < TRIPS + WARM_UP; i++) {
        uint64_t from = now();
        if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
            die("pipe");
        if (i >= WARM_UP)
            took[i - WARM_UP] = now() - from;
        sleep_until(now() + MS);
    }
    for (int i = 0; i < 2; i++) {
        close(there[i]);
        close(back[i]);
    }
    say_spread("pipe", took, TRIPS);
}

/* ---- A real-time thread beside everything that makes a kernel and its servers work ------------ */

static void load_forks(void) {
    for (;;) {
        pid_t child = fork();
        if (child == 0) {
            execl("/bin/bench/nop_static", "nop", NULL);
            _exit(0);
        }
        if (child > 0)
            waitpid(child, NULL, 0);
    }
}

static void load_faults(void) {
    for (size_t length = 4ul << 20;;) {
        char *at = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        for (size_t i = 0; at != MAP_FAILED && i < length; i += 4096)
            at[i] = 1;
        munmap(at, length);
    }
}

static void load_pipes(void) {
    static char data[65536];
    int ends[2];

    if (pipe(ends) < 0)
        return;
    for (;;)
        if (write(ends[1], data, sizeof data) < 0 || read(ends[0], data, sizeof data) < 0)
            return;
}

static void urgent(void) {
    static void (*const loads[])(void) = {load_forks, load_faults, load_pipes};
    struct sched_param param = {.sched_priority = 50}, none = {0};

    for (unsigned i = 0; i < sizeof loads / sizeof *loads; i++)
        if (child_runs()) {
            loads[i]();
            _exit(0);
        }
    if (sched_setscheduler(0, SCHED_FIFO, &param) < 0)
        die("sched_setscheduler");
    wake_ups("urgent", LOAD_WAKE_UPS);
    if (sched_setscheduler(0, SCHED_OTHER, &none) < 0)
        die("sched_setscheduler");
    end_children();
}

int main(void) {
    counters = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (counters == MAP_FAILED)
        die("mmap");
    setvbuf(stdout, NULL, _IOLBF, 0);
    shares("equal", 0);
    shares("nice", 2);
    start_busy();
    wake_ups("wake", WAKE_UPS);
    round_trips();
    end_children();
    urgent();
    puts("SCHED done 1");
    return 0;
}
