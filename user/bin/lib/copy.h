/* SPDX-License-Identifier: MIT */
/* Copying files and trees, shared by cp(1) and mv(1). */
#ifndef COPY_H
#define COPY_H

#include <stdbool.h>

/*
 * Copy a file, or with `recursive` a directory and all below it. A failure is reported and does not
 * stop the rest of a tree. Gives 0 or 1.
 */
int copy_path(const char *from, const char *to, bool recursive);

/* Remove a file or a directory and all below it; gives 0 or 1 after a report. */
int remove_tree(const char *path);

#endif
