/* SPDX-License-Identifier: MIT */
/* Signals on their way to a thread at rest, one after the other (deliver.c). */
#ifndef PROC_DELIVER_H
#define PROC_DELIVER_H

#include "proc.h"

/*
 * When a call is made again that was cut short (signal(7)): after whatever handler; after one with SA_RESTART; only if
 * none has run, but the process was stopped, or another thread took the signal; or never.
 */
enum restarts { RESTARTS_ALWAYS, RESTARTS_IF_ASKED, RESTARTS_UNHANDLED, RESTARTS_NEVER };

struct delivery {
    uint64_t word,
        first; /* how the call that the thread comes back from may be made again, and its first argument */
    enum restarts restarts;
    bool handled; /* a handler is to run */
};

/* word: 0, or the thread comes back from a system call with result in a0 that was cut short. */
void delivery_begin(struct delivery *d, const struct pk_regs *regs, uint64_t word, uint64_t first);
/* The signal has a handler. False: there was no room for its frame, and the process ends. */
bool delivery_handle(struct thread *t, struct pk_regs *regs, struct delivery *d,
                     const struct signal_info *info);
/* No signal is left. */
void delivery_end(struct thread *t, struct pk_regs *regs, const struct delivery *d);
/* Delivers what is pending, all of it. False if the process is gone. */
bool deliver(struct thread *t, struct pk_regs *regs, struct delivery *d);

#endif
