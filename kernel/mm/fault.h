/* SPDX-License-Identifier: MIT */
/* Start-up of the fault code: allocates the shared zero frame. */
#ifndef MM_FAULT_H
#define MM_FAULT_H

void fault_init(void);

#endif
