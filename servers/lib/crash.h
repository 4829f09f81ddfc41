/* SPDX-License-Identifier: MIT */
/* Deaths for tests (crash.c). */
#ifndef LIB_CRASH_H
#define LIB_CRASH_H

#include <stdbool.h>

/* The machine was booted to test how servers die. */
bool crash_allowed(void);

#endif
