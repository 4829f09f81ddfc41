/* SPDX-License-Identifier: MIT */
/* What prctl(2) can do here beside what it can on Linux. */
#ifndef PARLEY_PRCTL_H
#define PARLEY_PRCTL_H

/* Gives the process an account of its own, with so many pages of 4 KiB (the second argument). "PRLY". */
#define PR_PARLEY_QUOTA 0x50524c59

#endif
