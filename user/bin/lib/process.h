/* SPDX-License-Identifier: MIT */
/* Processes, as /proc tells of them (proc(5)): what ps and top show. */
#ifndef PROCESS_H
#define PROCESS_H

#include <stdbool.h>
#include <stddef.h>

#define PROCESS_NAME 64
#define PROCESS_ARGS 1024

struct process {
    int pid, ppid, pgrp, session, priority, nice, rt_priority, policy, hart;
    unsigned uid;
    char state;
    unsigned long long ticks; /* on harts, of sysconf(_SC_CLK_TCK) a second */
    unsigned long long start; /* the same, since the boot */
    unsigned long long vsize; /* bytes */
    unsigned long long rss;   /* pages */
    unsigned long long threads, calls, preempted;
    char name[PROCESS_NAME];
    char args[PROCESS_ARGS]; /* with blanks between them; without any its name in brackets */
    bool is_server;          /* a server's thread, which has no arguments */
};

/* False when it has gone meanwhile. */
bool process_read(int pid, struct process *process);
/* All, by number; how many. To be freed. Ends the program if /proc cannot be read. */
size_t processes_read(struct process **all);

#endif
