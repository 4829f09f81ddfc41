/* SPDX-License-Identifier: MIT */
/* For the tests of signal masks. */
#ifndef SIGNAL_SET_H
#define SIGNAL_SET_H

#include <signal.h>

/* Of one signal; 0: of none. */
static inline sigset_t set_of(int signum) {
    sigset_t set;

    sigemptyset(&set);
    if (signum)
        sigaddset(&set, signum);
    return set;
}

#endif
