/* SPDX-License-Identifier: MIT */
/* The library that t_dlopen opens: variables of each thread's own, some and many. */
#include "counter.h"

static _Thread_local long counter = COUNTER_FIRST;
static _Thread_local char text[COUNTER_ROOM] = COUNTER_TEXT;

long counter_next(void) {
    return ++counter;
}

const char *counter_text(void) {
    return text;
}
