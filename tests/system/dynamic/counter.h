/* SPDX-License-Identifier: MIT */
#ifndef COUNTER_H
#define COUNTER_H

#define COUNTER_FIRST 7
#define COUNTER_TEXT "each thread's"
#define COUNTER_ROOM 3000
#define COUNTER_LIBRARY "/tests/libcounter.so"

long counter_next(void); /* 1 more than this thread had last, or than COUNTER_FIRST */
const char *counter_text(void);

#endif
