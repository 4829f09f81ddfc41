/* SPDX-License-Identifier: MIT */
/* The kernel's string functions under other names, beside the C library's. */
#include <lib/lib.h>

#define memcpy k_memcpy
#define memmove k_memmove
#define memset k_memset
#define memcmp k_memcmp
#define strlen k_strlen
#define strcmp k_strcmp
#define strncmp k_strncmp

int strncmp(const char *a, const char *b, size_t n);

#include "../../../kernel/lib/string.c"
