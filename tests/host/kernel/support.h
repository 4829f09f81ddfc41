/* SPDX-License-Identifier: MIT */
/* What the tests of kernel code share: cmocka, an arena of pages, random numbers. */
#ifndef HOST_KERNEL_SUPPORT_H
#define HOST_KERNEL_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* Pages of physical memory from address 0 on, filled with rubbish. */
void arena_make(uint64_t pages);
void arena_free(void);

/* The same numbers in every run. */
uint64_t random_number(void);

#endif
