/* SPDX-License-Identifier: MIT */
/* The smallest program: exits at once. What is executed for the row fork_exec_wait. */
#include "raw.h"

RAW_START;

void start_c(long *stack) {
    (void)stack;
    raw_exit(0);
}
