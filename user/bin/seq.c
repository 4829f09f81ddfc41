/* SPDX-License-Identifier: MIT */
/* seq [FIRST [STEP]] LAST: counts, in whole numbers only. */
#include "tool.h"

#include <err.h>
#include <stdlib.h>

static long number(const char *text) {
    char *end;
    long value = strtol(text, &end, 10);

    if (end == text || *end)
        errx(2, "%s: invalid number", text);
    return value;
}

int main(int argc, char **argv) {
    long first = 1, step = 1, last;

    if (argc < 2 || argc > 4) {
        fprintf(stderr, "usage: seq [FIRST [STEP]] LAST\n");
        return 2;
    }
    last = number(argv[argc - 1]);
    if (argc > 2)
        first = number(argv[1]);
    if (argc > 3)
        step = number(argv[2]);
    if (step == 0)
        errx(2, "the step is zero");
    for (long i = first; step > 0 ? i <= last : i >= last; i += step) {
        printf("%ld\n", i);
        if (step > 0 ? i > last - step : i < last - step)
            break; /* the next would be too far, perhaps beyond a long */
    }
    return finish_output(0);
}
