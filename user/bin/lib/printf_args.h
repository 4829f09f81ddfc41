/* SPDX-License-Identifier: MIT */
/* The printf command, shared by printf(1) and the shell. */
#ifndef PRINTF_ARGS_H
#define PRINTF_ARGS_H

/* Print argv[1]'s text with the arguments behind it, to stdio's standard output; gives the exit status. */
int printf_args(int argc, char **argv);

#endif
