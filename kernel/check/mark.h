/* SPDX-License-Identifier: MIT */
/* What the check of the kernel's data (check/check.h) notes at what it finds; debug kernels only. */
#ifndef CHECK_MARK_H
#define CHECK_MARK_H

#include <stdbool.h>
#include <stdint.h>

struct kobject;

struct check_mark {
    uint32_t round;  /* the check that counted this: of an earlier one it counts as nothing */
    uint32_t refs;   /* references found */
    uint32_t others; /* what else is counted of its kind, see check/ */
    bool slab;       /* a frame that has pieces of a slab */
};

struct check_kobject {
    struct check_mark mark;
    struct kobject *next; /* found after it */
    uint64_t bytes;       /* of an account: what is charged to it */
};

#endif
