/* SPDX-License-Identifier: MIT */
/* The kinds of call that processes are killed in (t_storm.c). */
#ifndef STORM_H
#define STORM_H

#include <stdbool.h>
#include <stddef.h>

#define STORM_USER 65534

struct storm_kind {
    const char *name;
    void (*block)(void); /* in the victim: blocks, or works for ever */
};
extern const struct storm_kind storm_kinds[];
extern const unsigned storm_kind_count;

/* What victims share: queues, semaphores, pipes, names. */
void storm_setup(void);
/* Removes what victims may have left that is theirs to leave: files, messages. */
void storm_tidy(void);
/* All that is shared is as it was, and works; else *problem says what is not. */
bool storm_check(char *problem, size_t size);
void storm_end(void);

#endif
