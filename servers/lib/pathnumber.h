/* SPDX-License-Identifier: MIT */
/* Inode numbers of what servers make up under /proc: by its path, so that each server finds the same. */
#ifndef LIB_PATHNUMBER_H
#define LIB_PATHNUMBER_H

#include <stdint.h>

/* FNV-1a, with a bit set that no file's number in the tree will ever have. */
static inline uint64_t path_number(const char *path) {
    uint64_t number = 0xcbf29ce484222325ull;
    for (; *path; path++)
        number = (number ^ (uint8_t)*path) * 0x100000001b3ull;
    return number >> 2 | 1ull << 62;
}

#endif
