/* SPDX-License-Identifier: MIT */
/*
 * sleep SECONDS...: waits for the sum of its arguments, which may have fractions and s, m, h or d.
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double seconds(const char *text) {
    static const char units[] = "smhd";
    static const double lengths[] = {1, 60, 3600, 86400};
    const char *unit;
    char *end;
    double value = strtod(text, &end);

    if (end == text || !(value >= 0))
        errx(1, "%s: invalid time", text);
    if (!*end)
        return value;
    unit = strchr(units, *end);
    if (!unit || end[1])
        errx(1, "%s: invalid time", text);
    return value * lengths[unit - units];
}

int main(int argc, char **argv) {
    struct timespec left;
    double total = 0;

    if (argc < 2) {
        fprintf(stderr, "usage: sleep SECONDS...\n");
        return 1;
    }
    while (*++argv)
        total += seconds(*argv);
    if (total > 1e15)
        total = 1e15;
    left.tv_sec = (time_t)total;
    left.tv_nsec = (long)((total - (double)left.tv_sec) * 1e9);
    while (nanosleep(&left, &left) < 0) {
        if (errno != EINTR)
            err(1, "nanosleep");
    }
    return 0;
}
