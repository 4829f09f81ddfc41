/* SPDX-License-Identifier: MIT */
/* What the tests of memory that ends share. To be included by one file of a program. */
#ifndef QUOTA_H
#define QUOTA_H

#include <parley/prctl.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>

/* Maps pages that cannot be joined until there is no memory for one more. */
static inline void use_up(void) {
    int which = 0;

    while (mmap(NULL, 4096, which ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
           MAP_FAILED)
        which = !which;
}

#endif
