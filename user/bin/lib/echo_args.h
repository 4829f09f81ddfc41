/* SPDX-License-Identifier: MIT */
/* The echo command, shared by echo(1) and the shell. */
#ifndef ECHO_ARGS_H
#define ECHO_ARGS_H

/* Print the arguments to stdio's standard output; gives the exit status. */
int echo_args(int argc, char **argv);

#endif
