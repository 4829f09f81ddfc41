/* SPDX-License-Identifier: MIT */
/* Averages of the load, which is how many processes run or could (load.c). */
#ifndef PROC_LOAD_H
#define PROC_LOAD_H

#include <protocol/proc_server.h>
#include <stdint.h>

#define LOAD_EVENT (1ull << 60) /* it is time to look: load_look() */
#define LOADS 3                 /* over 1, 5 and 15 minutes */

/* PROC_LOAD_ONE is a process that always runs. */
extern uint64_t load_averages[LOADS]; /* load_update() brings them up to now */

/* At the server's start. 0 or an error. */
long load_start(void);
void load_look(void);
/* Reckons with the looks that the machine has slept through. */
void load_update(void);

#endif
