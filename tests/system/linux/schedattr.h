/* SPDX-License-Identifier: MIT */
/* sched_setattr(2) and sched_getattr(2), which the C library does not have. */
#ifndef SCHEDATTR_H
#define SCHEDATTR_H

#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

struct attr {
    unsigned size, policy;
    unsigned long long flags;
    int nice;
    unsigned priority;
    unsigned long long runtime, deadline, period; /* ns */
};

static inline long set_attr(pid_t pid, const struct attr *attr, unsigned flags) {
    return syscall(SYS_sched_setattr, pid, attr, flags);
}

static inline long get_attr(pid_t pid, struct attr *attr, size_t size, unsigned flags) {
    return syscall(SYS_sched_getattr, pid, attr, size, flags);
}

#endif
