/* SPDX-License-Identifier: MIT */
/* A core file in the making (core.c). */
#ifndef LINUX_CORE_H
#define LINUX_CORE_H

#include "personality.h"
#include <protocol/proc_client.h>

#define CORE_BUFFER 4096

/* Written from the front to the back, but for leaps. */
struct core_file {
    int fd;
    bool failed;    /* nothing is written any more */
    uint64_t at;    /* where what is in the buffer goes */
    uint64_t end;   /* of all that was written or leapt over */
    uint64_t limit; /* where it is cut off */
    size_t used;
    char buffer[CORE_BUFFER];
};

void core_put(struct core_file *f, const void *bytes, size_t n);
/* Where the next byte goes. */
uint64_t core_at(const struct core_file *f);
void core_leap(struct core_file *f, uint64_t to);

/* core_notes.c: what the file tells of the process and its threads, from core_at() on. */
void core_notes(struct core_file *f, const struct proc_core *process);

#endif
