/* SPDX-License-Identifier: MIT */
/* Signal names and numbers, shared by kill(1) and the shell; and the kill command itself. */
#ifndef SIGNALS_H
#define SIGNALS_H

#include <sys/types.h>

/* The name without "SIG", or NULL. */
const char *signal_name(int signum);

/*
 * A name with or without "SIG", in any case, or a number; 0 is "EXIT" or "0"; -1: no such signal.
 */
int signal_number(const char *text);

/*
 * kill(1). `find_job`, when not NULL, turns "%N" into the id to give to kill(2); it returns 0 after
 * it has reported that there is no such job. Gives the exit status.
 */
int kill_command(int argc, char **argv, pid_t (*find_job)(const char *spec));

#endif
