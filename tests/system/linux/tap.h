/* SPDX-License-Identifier: MIT */
/*
 * What the system tests share: TAP output and the handling of child processes. One check a line; a
 * failed one names its file and line. Only the first process prints TAP: children tell by their
 * exit status what they saw. To be included by one file of a program.
 */
#ifndef TAP_H
#define TAP_H

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int tap_count, tap_failed;

/* An address without memory; volatile, or the compiler would see what is done with it. */
static void *volatile nowhere __attribute__((unused)) = (void *)8;

#define ok(condition, ...) tap_ok((condition), __FILE__, __LINE__, __VA_ARGS__)

/* The value equals the one wanted. */
#define is_int(got, want, ...) tap_is((long)(got), (long)(want), __FILE__, __LINE__, __VA_ARGS__)

/* The call gives -1 and the errno wanted. */
#define is_errno(call, error, ...)                                                                 \
    do {                                                                                           \
        long tap_result;                                                                           \
                                                                                                   \
        errno = 0;                                                                                 \
        tap_result = (long)(call);                                                                 \
        tap_errno(tap_result, errno, (error), __FILE__, __LINE__, __VA_ARGS__);                    \
    } while (0)

static inline void tap_line(bool good, const char *format, va_list args) {
    static bool ready;

    if (!ready)
        setvbuf(stdout, NULL, _IOLBF, 0); /* so that no child inherits unwritten lines */
    ready = true;
    printf("%sok %d - ", good ? "" : "not ", ++tap_count);
    vprintf(format, args);
    putchar('\n');
    if (!good)
        tap_failed++;
}

static inline bool __attribute__((format(printf, 4, 5)))
tap_ok(bool good, const char *file, int line, const char *format, ...) {
    va_list args;

    va_start(args, format);
    tap_line(good, format, args);
    va_end(args);
    if (!good)
        printf("# %s:%d: failed\n", file, line);
    return good;
}

static inline bool __attribute__((format(printf, 5, 6)))
tap_is(long got, long want, const char *file, int line, const char *format, ...) {
    va_list args;

    va_start(args, format);
    tap_line(got == want, format, args);
    va_end(args);
    if (got != want)
        printf("# %s:%d: got %ld (%#lx), wanted %ld (%#lx)\n", file, line, got, (unsigned long)got,
               want, (unsigned long)want);
    return got == want;
}

static inline bool __attribute__((format(printf, 6, 7)))
tap_errno(long result, int error, int want, const char *file, int line, const char *format, ...) {
    bool good = result == -1 && error == want;
    va_list args;

    va_start(args, format);
    tap_line(good, format, args);
    va_end(args);
    if (!good)
        printf("# %s:%d: got %ld (%s), wanted -1 (%s)\n", file, line, result, strerror(error),
               strerror(want));
    return good;
}

static inline void skip(const char *what, const char *why) {
    printf("ok %d - %s # SKIP %s\n", ++tap_count, what, why);
}

/* Print the plan; to be returned from main(). */
static inline int done(void) {
    printf("1..%d\n", tap_count);
    if (tap_failed)
        printf("# %d of %d failed\n", tap_failed, tap_count);
    fflush(stdout);
    return tap_failed != 0;
}

static inline void __attribute__((noreturn)) bail(const char *what) {
    printf("Bail out! %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- Processes ---------------------------------------------------------------------------- */

/* fork() that cannot fail; the child must leave by _exit(). */
static pid_t tap_last_child __attribute__((unused)); /* that start() made */

static inline pid_t start(void) {
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid < 0)
        bail("fork");
    tap_last_child = pid;
    return pid;
}

/* The wait status of a child, however often waiting is interrupted. */
static inline int reap(pid_t pid) {
    int status = -1;

    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return -1;
    }
    return status;
}

/* The exit status of a child that is expected to exit; -1 when it was killed. */
static inline int reap_exit(pid_t pid) {
    int status = reap(pid);

    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Run a function in a child and give its wait status. The function's result is the exit status. */
static inline int in_child(int (*function)(void)) {
    pid_t pid = start();

    if (pid == 0)
        _exit(function());
    return reap(pid);
}

static inline void sleep_ms(long ms) {
    struct timespec left = {ms / 1000, ms % 1000 * 1000000};

    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        continue;
}

/* How many there are, by /proc/loadavg. */
static inline int process_count(void) {
    char text[64] = "";
    FILE *file = fopen("/proc/loadavg", "r");
    const char *slash;

    if (!file || !fgets(text, sizeof(text), file) || !(slash = strchr(text, '/')))
        bail("/proc/loadavg");
    fclose(file);
    return atoi(slash + 1);
}

/* The process's state letter and, in *ns, its time on a hart; 0 if it cannot be told. */
static inline char process_state(pid_t pid, unsigned long long *ns) {
    char path[64], state = 0;
    FILE *file;

    *ns = 0;
    snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)pid);
    if ((file = fopen(path, "r"))) {
        if (fscanf(file, "%llu", ns) != 1)
            *ns = 0;
        fclose(file);
    }
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    if ((file = fopen(path, "r"))) {
        if (fscanf(file, "%*d %*[^)]) %c", &state) != 1)
            state = 0;
        fclose(file);
    }
    return state;
}

/*
 * Until the child that start() made last has reached the call in which it blocks: it sleeps and has not
 * run for a while. However slow the machine is, a child that still works is not taken for blocked.
 */
static inline void let_block(void) {
    unsigned long long before, after;
    int quiet = 0;

    sleep_ms(20);
    process_state(tap_last_child, &before);
    for (int tries = 0; quiet < 4 && tries < 2000; tries++) {
        sleep_ms(10);
        char state = process_state(tap_last_child, &after);
        quiet = state != 'R' && after == before ? quiet + 1 : 0;
        before = after;
    }
}

/* ---- The machine -------------------------------------------------------------------------- */

static inline bool on_parley(void) {
    struct utsname name;

    if (uname(&name) < 0)
        return false;
    return strstr(name.sysname, "Parley") || strstr(name.release, "parley") ||
           strstr(name.version, "Parley");
}

/* Free memory in pages of 4 KiB. */
static inline long free_pages(void) {
    struct sysinfo info;

    if (sysinfo(&info) < 0)
        bail("sysinfo");
    return (long)(info.freeram * (info.mem_unit ? info.mem_unit : 1) / 4096);
}

/*
 * Free memory is back to what it was, give or take `slack` pages; waits a little for what is given
 * back late. On Linux others use memory too, so it says nothing there.
 */
static inline void check_free_pages(long before, long slack, const char *what) {
    long after = free_pages();

    if (!on_parley()) {
        skip(what, "free memory is not ours alone");
        return;
    }
    for (int i = 0; i < 50 && after < before - slack; i++) {
        sleep_ms(100);
        after = free_pages();
    }
    ok(after >= before - slack, "%s", what);
    printf("# free pages: %ld before, %ld after\n", before, after);
}

#endif
