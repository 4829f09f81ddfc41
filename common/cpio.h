/* SPDX-License-Identifier: MIT */
/* Finding one file in a cpio archive of the "newc" format (cpio(5)). */
#ifndef COMMON_CPIO_H
#define COMMON_CPIO_H

#include <stddef.h>
#include <stdint.h>

/* Returns 0 and the file's bytes, -ENOENT, or -EINVAL for a damaged archive. */
int cpio_find(const void *archive, size_t size, const char *name, const void **data,
              size_t *data_size);

#endif
