/* SPDX-License-Identifier: MIT */
/* Directory contents that the process server made up: a type byte and a name with NUL each. */
#ifndef VFS_LIST_H
#define VFS_LIST_H

#include "file.h"

#define LISTING_MOST (1u << 20)

struct listing {
    uint64_t first; /* where its first entry is, */
    uint64_t size;  /* and the end of the last one */
    char content[];
};

/* From the request's input buffer; NULL if there is no memory or it is not well formed. */
struct listing *listing_new(const struct request *req);

#endif
