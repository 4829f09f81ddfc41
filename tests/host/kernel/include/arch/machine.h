/* SPDX-License-Identifier: MIT */
/* A clock that a test winds. */
#ifndef ARCH_MACHINE_H
#define ARCH_MACHINE_H

#include <stdint.h>

extern uint64_t test_time_ns;

static inline uint64_t arch_time_ns(void) {
    return test_time_ns;
}

#endif
