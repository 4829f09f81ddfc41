/* SPDX-License-Identifier: MIT */
/* What every benchmark program needs. */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <stdint.h>

/* A system call that may not fail has: say so by errno and end the program. */
void die(const char *what) __attribute__((noreturn));

/* CLOCK_MONOTONIC, in nanoseconds; with QEMU's instruction clock, instructions. */
uint64_t now(void);

#endif
