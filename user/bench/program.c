/* SPDX-License-Identifier: MIT */
/* What every benchmark program needs: to end when a call fails, and the clock. */
#include "program.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void die(const char *what) {
    perror(what);
    exit(1);
}

uint64_t now(void) {
    struct timespec t;

    if (clock_gettime(CLOCK_MONOTONIC, &t) < 0)
        die("clock_gettime");
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
