/* SPDX-License-Identifier: MIT */
/* /proc: texts while they are made (procfs.h). Without memory a text is marked, and its reader gets ENOMEM. */
#include "procfs.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_append(struct text *t, const void *bytes, size_t n) {
    if (n == 0 || t->failed)
        return;
    if (t->length + n > t->room) {
        size_t room = (t->length + n + 1024) * 2;
        char *larger = realloc(t->bytes, room);
        if (!larger) {
            t->failed = true;
            return;
        }
        t->bytes = larger;
        t->room = room;
    }
    memcpy(t->bytes + t->length, bytes, n);
    t->length += n;
}

void text_print(struct text *t, const char *format, ...) {
    char line[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    text_append(t, line, n < (int)sizeof line ? (size_t)n : sizeof line - 1);
}

void text_name(struct text *t, char type, const char *name) {
    text_append(t, &type, 1);
    text_append(t, name, strlen(name) + 1);
}
