/* SPDX-License-Identifier: MIT */
/* The boot manifest's parser (manifest.h). */
#include "manifest.h"
#include <parley/calls.h>
#include <parley/errno.h>
#include <stdbool.h>
#include <string.h>

static int is_space(char c) {
    return c == ' ' || c == '\t';
}

static const char *line_end(const char *p, const char *end) {
    while (p < end && *p != '\n')
        p++;
    return p;
}

/* The next word of a line; its length, 0 at the line's end. */
static size_t next_word(const char **p, const char *end) {
    while (*p < end && is_space(**p))
        ++*p;
    const char *q = *p;
    while (q < end && !is_space(*q))
        q++;
    return (size_t)(q - *p);
}

static int number(const char *p, size_t n, uint64_t *out, size_t *digits) {
    uint64_t v = 0;
    size_t i = 0;
    for (; i < n && p[i] >= '0' && p[i] <= '9'; i++)
        v = v * 10 + (uint64_t)(p[i] - '0');
    *out = v;
    *digits = i;
    return i > 0 && i < 12 ? 0 : -EINVAL;
}

static int parse_quota(const char *p, size_t n, struct manifest_server *out) {
    uint64_t v;
    size_t digits;
    if (number(p, n, &v, &digits) < 0 || digits + 1 != n || v == 0)
        return -EINVAL;
    switch (p[digits]) {
    case 'K':
        out->quota = v << 10;
        return 0;
    case 'M':
        out->quota = v << 20;
        return 0;
    case '%':
        out->quota_percent = (unsigned)v;
        return v <= 100 ? 0 : -EINVAL;
    default:
        return -EINVAL;
    }
}

static int parse_restart(const char *p, size_t n, struct manifest_server *out) {
    out->restart = n == 3 && !memcmp(p, "yes", 3);
    return out->restart || (n == 2 && !memcmp(p, "no", 2)) ? 0 : -EINVAL;
}

static int parse_setting(const char *p, size_t n, struct manifest_server *out) {
    uint64_t v;
    size_t digits;
    if (n > 9 && !memcmp(p, "priority=", 9)) {
        int bad = number(p + 9, n - 9, &v, &digits);
        out->priority = (unsigned)v;
        return bad || digits != n - 9 || v >= PK_PRIORITIES ? -EINVAL : 0;
    }
    if (n > 6 && !memcmp(p, "badge=", 6)) {
        int bad = number(p + 6, n - 6, &v, &digits);
        out->badge = (unsigned)v;
        return bad || digits != n - 6 || v > 255 ? -EINVAL : 0;
    }
    if (n > 6 && !memcmp(p, "quota=", 6))
        return parse_quota(p + 6, n - 6, out);
    if (n == 9 && !memcmp(p, "native=no", 9)) {
        out->not_native = 1;
        return 0;
    }
    if (n == 12 && !memcmp(p, "programs=yes", 12)) {
        out->programs = 1;
        return 0;
    }
    if (n > 8 && !memcmp(p, "restart=", 8))
        return parse_restart(p + 8, n - 8, out);
    if (n >= 5 && !memcmp(p, "caps=", 5)) {
        out->caps = p + 5;
        return 0;
    }
    return -EINVAL;
}

static int parse_line(const char *p, const char *end, struct manifest_server *out) {
    memset(out, 0, sizeof *out);
    size_t n = next_word(&p, end);
    out->account = n == 7 && !memcmp(p, "account", 7);
    if (!out->account && (n != 6 || memcmp(p, "server", 6)))
        return -EINVAL;
    p += n;
    n = next_word(&p, end);
    if (n == 0 || n >= sizeof out->name)
        return -EINVAL;
    memcpy(out->name, p, n);
    for (p += n; (n = next_word(&p, end)) > 0; p += n)
        if (parse_setting(p, n, out) < 0)
            return -EINVAL;
    bool quota = out->quota || out->quota_percent;
    return out->account ? (quota || out->caps ? -EINVAL : 1) : out->caps && quota ? 1 : -EINVAL;
}

int manifest_next(const char **text, const char *end, struct manifest_server *out) {
    while (*text < end) {
        const char *p = *text, *stop = line_end(p, end);
        size_t n = next_word(&p, stop);
        if (n == 0 || *p == '#') {
            *text = stop < end ? stop + 1 : end;
            continue;
        }
        int result = parse_line(p, stop, out);
        if (result > 0)
            *text = stop < end ? stop + 1 : end;
        return result;
    }
    return 0;
}

int manifest_next_cap(const char **caps, char *name, size_t size) {
    const char *p = *caps;
    size_t n = 0;
    while (p[n] && p[n] != ',' && p[n] != '\n' && !is_space(p[n]))
        n++;
    if (n == 0)
        return 0;
    if (n >= size)
        return -EINVAL;
    memcpy(name, p, n);
    name[n] = 0;
    *caps = p + n + (p[n] == ',');
    return 1;
}
