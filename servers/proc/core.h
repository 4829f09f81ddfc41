/* SPDX-License-Identifier: MIT */
/* Processes that end by a signal, and leave a core file (core.c). */
#ifndef PROC_CORE_H
#define PROC_CORE_H

#include "proc.h"

/* A signal that is neither caught nor ignored ends t's process: at once, or when it has written a core file. */
void core_kill(struct thread *t, const struct signal_info *info);
/* p dumps: it ends now, without having written one. */
void core_give_up(struct process *p);
/* p ends: what is kept for its dump. */
void core_free(struct process *p);
/*
 * True: t's process dumps, and t, which is in an exception or will not come back from its call, rests from now on; it is
 * not to be answered. False: it does not, or t is the thread that writes the file.
 */
bool core_rests(struct thread *t, uint64_t token);

#endif
