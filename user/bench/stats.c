/* SPDX-License-Identifier: MIT */
/*
 * Statistics of the samples: integers only. Sorts in place by Shell's method, which needs neither
 * memory nor a library. Percentiles are the nearest rank.
 */
#include "stats.h"

static void sort(uint64_t *samples, size_t count) {
    for (size_t gap = count / 2; gap > 0; gap = gap > 2 ? gap * 5 / 11 : gap / 2) {
        for (size_t i = gap; i < count; i++) {
            uint64_t sample = samples[i];
            size_t at = i;

            while (at >= gap && samples[at - gap] > sample) {
                samples[at] = samples[at - gap];
                at -= gap;
            }
            samples[at] = sample;
        }
    }
}

static char *add_text(char *end, const char *limit, const char *text) {
    while (*text && end < limit)
        *end++ = *text++;
    return end;
}

static char *add_number(char *end, const char *limit, uint64_t number) {
    char digits[24];
    char *at = digits + sizeof(digits) - 1;

    *at = '\0';
    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    *--at = ' ';
    return add_text(end, limit, at);
}

size_t stats_line(char *line, const char *name, const char *unit, uint64_t *samples, size_t count) {
    const char *limit = &line[STATS_LINE_MAX - 1];
    char *end = line;
    uint64_t sum = 0;

    sort(samples, count);
    for (size_t i = 0; i < count; i++)
        sum += samples[i];
    end = add_text(end, limit, "BENCH ");
    end = add_text(end, limit, name);
    end = add_text(end, limit, " ");
    end = add_text(end, limit, unit);
    end = add_number(end, limit, count);
    end = add_number(end, limit, sum / count);
    end = add_number(end, limit, samples[0]);
    end = add_number(end, limit, samples[(count - 1) / 2]);
    end = add_number(end, limit, samples[(count * 99 + 99) / 100 - 1]);
    end = add_number(end, limit, samples[count - 1]);
    *end++ = '\n';
    return (size_t)(end - line);
}
