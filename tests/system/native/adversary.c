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

#define CALLS 5000000ull
#define SECONDS 30

struct common *common;

static uint64_t option(const char *name, uint64_t otherwise) {
    const char *at = strstr(boot_info->command_line, name);
    return at ? strtoull(at + strlen(name), NULL, 10) : otherwise;
}

static void adversary(void) {
    uint64_t calls = option("calls=", CALLS), seed = option("seed=", 1), made = 0, worlds = 0;
    struct tap_counters before;
    uint64_t ns = option("seconds=", SECONDS) * 1000 * MS;
    uint64_t object = SLOT(pk_object_create(sizeof *common, 0, 0));
    common = (struct common *)SLOT(
        pk_map(0, 0, sizeof *common, PK_PROT_READ | PK_PROT_WRITE | PK_MAP_SHARED, object, 0, 0));
    world_setup();
    uint64_t began = tap_time_ns();
    for (; made < calls && tap_time_ns() - began < ns; worlds++) {
        made += world_run(seed + worlds);
        if (worlds == 0)
            before = tap_counters(); /* as the first one left them */
        else if (!CHECK(tap_counters_return(before)))
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
