/* SPDX-License-Identifier: MIT */
/* capabilities(7), as the process server and the personality tell them: a process with root's id has all, any other none. */
#ifndef PARLEY_CAPABILITIES_H
#define PARLEY_CAPABILITIES_H

#include <stdint.h>

#define CAPABILITY_LAST 40 /* CAP_CHECKPOINT_RESTORE, the last that this Linux has */
#define CAPABILITIES_ALL ((2ul << CAPABILITY_LAST) - 1)

/* One of the three ids is root's: the capabilities can be effective again. */
static inline uint64_t capabilities_permitted(uint32_t real, uint32_t effective, uint32_t saved) {
    return real == 0 || effective == 0 || saved == 0 ? CAPABILITIES_ALL : 0;
}
static inline uint64_t capabilities_effective(uint32_t effective) {
    return effective == 0 ? CAPABILITIES_ALL : 0;
}

#endif
