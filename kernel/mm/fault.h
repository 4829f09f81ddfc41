/* SPDX-License-Identifier: MIT */
/* The shared zero frame, and start-up of the fault code, which allocates it. */
#ifndef MM_FAULT_H
#define MM_FAULT_H

void fault_init(void);

struct frame;
/* Stands for all memory that was only read so far; nobody may write to it. */
struct frame *fault_zero_frame(void);

#endif
