/* SPDX-License-Identifier: MIT */
/*
 * The adversary (adversary.h): worlds one after the other, until all calls are made. After each nothing of it may be
 * left, and now and then the kernel looks through all that it has (debug kernels).
 *
 * Words of the kernel command line: calls=N, how many; seconds=N, or for how long; seed=N, which.
 */
#include "adversary.h"
#include <stdlib.h>
#include <string.h>

#define CALLS 4000000ull
#define SECONDS 60

struct common *common;

static uint64_t option(const char *name, uint64_t otherwise) {
    const char *at = strstr(boot_info->command_line, name);
    return at ? strtoull(at + strlen(name), NULL, 10) : otherwise;
}

static struct counters { uint64_t frames, objects, used; } before;

static struct counters count(void) {
    struct pk_machine_info info = {0};
    struct pk_account_info account = {0};
    pk_machine_info(&info);
    pk_account_info(PK_SLOT_ACCOUNT, &account);
    return (struct counters){info.frames_free, info.objects, account.used};
}

/* As the first world left them, when all of it has ended. */
static void count_before(void) {
    for (unsigned same = 0; same < 50;) {
        struct counters last = before;
        tap_sleep(2 * MS);
        before = count();
        same = memcmp(&last, &before, sizeof last) ? 0 : same + 1;
    }
}

/* Another hart may still hold on to what has just ended. */
static bool all_is_back(void) {
    struct counters now;
    for (unsigned i = 0; i < 1000; i++) {
        now = count();
        if (!memcmp(&now, &before, sizeof now))
            return true;
        tap_sleep(MS);
    }
    tap_print("# %ld frames, %ld objects, %ld bytes are missing\n",
              (long)(before.frames - now.frames), (long)(now.objects - before.objects),
              (long)(now.used - before.used));
    return false;
}

static void adversary(void) {
    uint64_t calls = option("calls=", CALLS), seed = option("seed=", 1), made = 0, worlds = 0;
    uint64_t ns = option("seconds=", SECONDS) * 1000 * MS;
    uint64_t object = SLOT(pk_object_create(sizeof *common, 0, 0));
    common = (struct common *)SLOT(
        pk_map(0, 0, sizeof *common, PK_PROT_READ | PK_PROT_WRITE | PK_MAP_SHARED, object, 0, 0));
    world_setup();
    uint64_t began = tap_time_ns();
    for (; made < calls && tap_time_ns() - began < ns; worlds++) {
        made += world_run(seed + worlds);
        if (worlds == 0)
            count_before();
        else if (!CHECK(all_is_back()))
            break;
    }
    unsigned long ms = (tap_time_ns() - began) / MS;
    tap_print("# %lu calls in %lu worlds from %lu on, %lu ms\n", made, worlds, seed, ms);
    IS(pk_unmap(0, (uint64_t)common, sizeof *common), 0);
    drop(object);
}

int main(void) {
    static const struct tap_case cases[] = {
        {"random calls by many threads on the same things", adversary, true},
    };
    tap_run(cases, ARRAY_LENGTH(cases));
    return 0;
}
