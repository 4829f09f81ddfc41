/* SPDX-License-Identifier: MIT */
/* What many tools share. Messages come from <err.h>: "tool: thing: reason". */
#ifndef TOOL_H
#define TOOL_H

#include <stdbool.h>
#include <stdio.h>

/* Flush standard output; gives `status`, or 1 with a message when writing failed. */
int finish_output(int status);

/* A whole non-negative decimal number; ends the program with a message if it is none. */
long parse_number(const char *text, const char *what);

/*
 * Call `use` for each file named, or for standard input when there are none; "-" is standard input
 * too. Gives 1 if a file could not be opened or `use` gave anything but 0, else 0.
 */
int for_each_input(char **names, int (*use)(FILE *stream, const char *name));

/* A name in a directory, as a string of its own; ends the program when memory is lacking. */
char *join_path(const char *directory, const char *name);

/* What stands behind the last slash, slashes at the end aside; changes `path`. */
char *last_component(char *path);

#endif
