/* SPDX-License-Identifier: MIT */
/*
 * What /proc counts (proc(5)): switches, interrupts, time of harts, in Linux's formats. On Parley also the threads of servers, which
 * stand there as Linux's kernel threads do.
 */
#include "tap.h"

#include <ctype.h>
#include <dirent.h>
#include <sched.h>
#include <stdint.h>

#define PID_MAX 4194304
#define TEXT 65536
#define SECOND 1000000000ull

/* The whole of a file, in a static buffer. */
static char *contents(const char *path) {
    static char text[TEXT];
    FILE *file = fopen(path, "r");
    size_t n = file ? fread(text, 1, sizeof(text) - 1, file) : 0;

    text[n] = '\0';
    if (file)
        fclose(file);
    return text;
}

/* The number behind a name at the beginning of a line; -1: there is none. */
static long long value(const char *path, const char *name) {
    size_t length = strlen(name);

    for (char *line = strtok(contents(path), "\n"); line; line = strtok(NULL, "\n"))
        if (!strncmp(line, name, length) &&
            (line[length] == ':' || isspace((unsigned char)line[length])))
            return atoll(line + length + 1 + strspn(line + length + 1, ": \t"));
    return -1;
}

static uint64_t now(void) {
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

static void check_switches(void) {
    long long before = value("/proc/self/status", "voluntary_ctxt_switches"), after;

    ok(before >= 0, "status has voluntary_ctxt_switches");
    for (int i = 0; i < 20; i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    after = value("/proc/self/status", "voluntary_ctxt_switches");
    ok(after >= before + 20, "each sleep counts");
    ok(value("/proc/self/sched", "nr_voluntary_switches") >= after, "sched agrees");
}

static void spin(uint64_t until) {
    while (now() < until)
        ;
    _exit(0);
}

/* Two that are busy on one hart make way for each other. */
static void check_preemption(void) {
    cpu_set_t one, all;
    uint64_t until = now() + SECOND / 2;
    long long count = 0;
    pid_t pids[2];
    char path[64];

    sched_getaffinity(0, sizeof(all), &all);
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    sched_setaffinity(0, sizeof(one), &one);
    for (int i = 0; i < 2; i++)
        if ((pids[i] = fork()) == 0)
            spin(until);
    nanosleep(&(struct timespec){.tv_nsec = 400000000}, NULL);
    sched_setaffinity(0, sizeof(all), &all);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "/proc/%d/status", (int)pids[i]);
        count += value(path, "nonvoluntary_ctxt_switches");
    }
    ok(count >= 4, "busy processes are counted when they make way (%lld)", count);
    for (int i = 0; i < 2; i++)
        waitpid(pids[i], NULL, 0);
}

struct cpu {
    unsigned long long used, idle;
};

static struct cpu cpu(const char *name) {
    unsigned long long v[8] = {0};
    char *line = strstr(contents("/proc/stat"), name);

    if (line)
        sscanf(line + strlen(name), "%llu %llu %llu %llu %llu %llu %llu", &v[0], &v[1], &v[2],
               &v[3], &v[4], &v[5], &v[6]);
    return (struct cpu){v[0] + v[1] + v[2] + v[5] + v[6], v[3] + v[4]};
}

/* A busy second makes about a hundred ticks. */
static void check_time(void) {
    struct cpu before = cpu("cpu  "), after;
    pid_t pid = fork();

    if (pid == 0)
        spin(now() + SECOND);
    waitpid(pid, NULL, 0);
    after = cpu("cpu  ");
    ok(after.used - before.used >= 50, "a busy second is in /proc/stat (%llu)",
       after.used - before.used);
    before = cpu("cpu0 ");
    ok(before.used + before.idle > 0, "each hart has a line");
}

static void check_interrupts(void) {
    long long before = value("/proc/stat", "intr"), switches = value("/proc/stat", "ctxt");
    long harts = sysconf(_SC_NPROCESSORS_ONLN), columns = 0;
    char *text;

    for (int i = 0; i < 20; i++)
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    ok(value("/proc/stat", "intr") >= before + 10, "interrupts are counted");
    ok(value("/proc/stat", "ctxt") >= switches + 20, "and switches");
    text = contents("/proc/interrupts");
    for (const char *at = text; (at = strstr(at, "CPU")) && at < strchr(text, '\n'); at++)
        columns++;
    is_int(columns, harts, "/proc/interrupts has a column for each hart");
    ok(strstr(text, "imer") != NULL, "with timers");
}

/* What a Linux need not have, or need not see if others use the machine. */
static void check_own(void) {
    struct cpu before = cpu("cpu  "), after;

    nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
    after = cpu("cpu  ");
    ok(after.idle - before.idle >= 50, "a second of sleep is idle time (%llu)",
       after.idle - before.idle);
    ok(strstr(contents("/proc/interrupts"), "IPI0:") != NULL, "interrupts of other harts are told");
    ok(!strncmp(contents("/proc/schedstat"), "version 1", 9), "schedstat has its version");
    ok(value("/proc/schedstat", "cpu0") >= 0, "and harts");
}

static void check_servers(void) {
    bool found = false;
    char path[300], line[512], command[64];
    long long memory = 0;
    DIR *proc = opendir("/proc");
    unsigned long size;

    for (struct dirent *e; (e = readdir(proc));)
        if (atoi(e->d_name) > PID_MAX) {
            snprintf(path, sizeof(path), "/proc/%s/stat", e->d_name);
            snprintf(line, sizeof(line), "%.500s", contents(path));
            if (sscanf(line, "%*d %63s", command) != 1 || strcmp(command, "(vfs)"))
                continue;
            found = true;
            snprintf(path, sizeof(path), "/proc/%s/cmdline", e->d_name);
            is_int(strlen(contents(path)), 0, "it has no arguments");
            snprintf(path, sizeof(path), "/proc/%s/statm", e->d_name);
            memory = sscanf(contents(path), "%lu", &size) == 1 ? (long long)size : -1;
            is_errno(kill(atoi(e->d_name), 0), ESRCH, "nor can it be killed");
            snprintf(path, sizeof(path), "/proc/%s/status", e->d_name);
            ok(strstr(contents(path), "Name:\tvfs\n") != NULL, "it has a status");
        }
    closedir(proc);
    ok(found, "a server is there");
    ok(memory > 0, "with its memory");
    snprintf(path, sizeof(path), "/proc/%d/stat", PID_MAX + 999999);
    is_errno(access(path, F_OK), ENOENT, "there is none of another number");
}

/* How many lines of a command's output have that in them. */
static int lines_with(const char *command, const char *text) {
    FILE *out = popen(command, "r");
    char line[512];
    int count = 0;

    while (out && fgets(line, sizeof(line), out))
        count += strstr(line, text) != NULL;
    if (out)
        pclose(out);
    return count;
}

/* Parley's own ps and top. */
static void check_tools(void) {
    char command[128], pid[16];

    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    is_int(lines_with("ps -e -o pid,comm", " vfs\n"), 1, "ps -e shows servers");
    is_int(lines_with("ps -o pid,comm", " vfs\n"), 0, "ps without it does not");
    snprintf(command, sizeof(command), "ps -p %s -o pid=,comm=,msgs=NUMBER,OF", pid);
    is_int(lines_with(command, " t_procstat "), 1, "fields are chosen");
    is_int(lines_with(command, "NUMBER,OF"), 1, "and their headers");
    is_int(WEXITSTATUS(system("ps -o nothing > /dev/null 2>&1")), 2, "there is no such field");
    is_int(WEXITSTATUS(system("ps -p 4000000 > /dev/null")), 1, "nor such a process");
    is_int(lines_with("top -b -n 3 -d 0.1", "Tasks:"), 3, "top comes as often as told");
    is_int(lines_with("top -b -n 1", "[vfs]"), 1, "with servers");
    snprintf(command, sizeof(command), "top -b -n 1 -o MSGS -p %s", pid);
    is_int(lines_with(command, "t_procstat"), 1, "and with one process alone");
    is_int(WEXITSTATUS(system("top -b -o nothing 2> /dev/null")), 2, "there is no such order");
}

int main(void) {
    struct utsname names;

    check_switches();
    check_preemption();
    check_time();
    check_interrupts();
    uname(&names);
    if (strstr(names.release, "parley")) {
        check_own();
        check_servers();
        check_tools();
    }
    return done();
}
