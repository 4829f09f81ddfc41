/* SPDX-License-Identifier: MIT */
/* TAP output and the run over the cases (tap.h). */
#include "tap.h"
#include <protocol/console_client.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MAX_COMPLAINTS 20 /* a case */

static uint64_t console, machine;
static unsigned complaints;

static void put(const char *text, size_t length) {
    while (length) {
        long n = console_write(console, text, length);
        if (n == -EAGAIN) {
            pk_yield();
            continue;
        }
        if (n <= 0)
            return;
        text += n;
        length -= (size_t)n;
    }
}

void tap_print(const char *format, ...) {
    char line[256];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    put(line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
}

bool tap_check(bool good, const char *file, int line, const char *what) {
    const char *name = strrchr(file, '/');
    if (!good && complaints++ < MAX_COMPLAINTS)
        tap_print("# %s:%d: %s\n", name ? name + 1 : file, line, what);
    return good;
}

bool tap_is(long got, long want, const char *file, int line, const char *what) {
    if (got == want)
        return true;
    char text[160];
    snprintf(text, sizeof text, "%s is %ld, not %ld", what, got, want);
    return tap_check(false, file, line, text);
}

uint64_t tap_slot(long result, const char *file, int line, const char *what) {
    if (result > 0)
        return (uint64_t)result;
    tap_is(result, 1, file, line, what);
    return 0;
}

static struct tap_counters count(void) {
    struct pk_machine_info info = {0};
    struct pk_account_info account = {0};
    must(pk_machine_info(&info));
    must(pk_account_info(PK_SLOT_ACCOUNT, &account));
    return (struct tap_counters){info.frames_free, info.objects, account.used};
}

static bool same(struct tap_counters a, struct tap_counters b) {
    return a.frames == b.frames && a.objects == b.objects && a.used == b.used;
}

/* What ended before was not all gone when `before` was counted, on a machine whose harts stand still at times. */
static bool more_free(struct tap_counters before, struct tap_counters after) {
    return before.frames <= after.frames && before.objects >= after.objects &&
           before.used >= after.used;
}

/* Until they have stayed the same for so many looks: another hart may be at work on what has ended. */
static struct tap_counters settled(unsigned looks, uint64_t between) {
    struct tap_counters before = count();
    for (unsigned quiet = 0, rounds = 0; quiet < looks && rounds < 50 * looks; rounds++) {
        tap_sleep(between);
        struct tap_counters now = count();
        quiet = same(before, now) ? quiet + 1 : 0;
        before = now;
    }
    return before;
}

struct tap_counters tap_counters(void) {
    return settled(10, MS);
}

bool tap_counters_return(struct tap_counters before) {
    struct tap_counters now = count();
    for (unsigned i = 0; i < 1000 && !same(before, now); i++) {
        tap_sleep(MS);
        now = count();
    }
    if (before.frames != now.frames)
        tap_print("# %ld frames are missing\n", (long)(before.frames - now.frames));
    if (before.objects != now.objects)
        tap_print("# %ld kernel objects too many\n", (long)(now.objects - before.objects));
    if (before.used != now.used)
        tap_print("# %ld bytes too many charged\n", (long)(now.used - before.used));
    return same(before, now);
}

/* Debug kernels look through all that they have. */
static void check_kernel(void) {
    long wrong = pk_machine_check(machine);
    if (wrong != -ENOSYS)
        IS(wrong, 0);
}

static void run_case(const struct tap_case *c) {
    tap_reuse_stacks();
    c->run();
    if (c->leaky || complaints)
        return;
    struct tap_counters before, after = tap_counters();
    unsigned tries = 0;
    do {
        before = after;
        tap_reuse_stacks();
        c->run();
        if (tap_counters_return(before))
            return;
        after = tap_counters();
    } while (more_free(before, after) && ++tries < 3);
    complaints++;
}

_Noreturn static void stop(unsigned failures) {
    while (console_drain(console) == -EAGAIN)
        pk_yield();
    must(pk_machine_stop(machine, PK_STOP_EXIT, failures ? 1 : 0));
    worker_rest();
}

void tap_run(const struct tap_case *cases, unsigned count) {
    unsigned failures = 0;
    console = boot_cap("console");
    machine = boot_cap("machine");
    settled(10, 20 * MS); /* the servers start at the same time as this program */
    tap_print("1..%u\n", count);
    for (unsigned i = 0; i < count; i++) {
        complaints = 0;
        run_case(&cases[i]);
        check_kernel();
        tap_print("%sok %u - %s\n", complaints ? "not " : "", i + 1, cases[i].name);
        failures += complaints != 0;
    }
    stop(failures);
}
