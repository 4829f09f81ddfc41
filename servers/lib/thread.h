/* SPDX-License-Identifier: MIT */
/*
 * A further thread of a server. It shares thread-local storage with the first one: errno, which neither of them
 * looks at.
 */
#ifndef LIB_THREAD_H
#define LIB_THREAD_H

#include <stddef.h>
#include <stdint.h>

/* Lets a thread run `entry`, which never returns, on a stack that ends at `stack_end`. 0 or a negative errno. */
long server_thread(void (*entry)(void), void *stack_end, unsigned priority);

#endif
