/* SPDX-License-Identifier: MIT */
/*
 * Seals of memory files (memfd_create(2)): what nobody may do to the file any more. Files with names have none, and
 * pay one test of a byte for that.
 */
#ifndef VFS_SEALS_H
#define VFS_SEALS_H

#include "node.h"

#include <lib/server.h>

/* May it get this size? 0, or -EPERM. */
long seals_check_resize(const struct node *node, uint64_t size);
/* May bytes of it be changed in any way but by what is mapped already? 0, or -EPERM. */
long seals_check_write(const struct node *node);
/* The same for a write, of which *length is what may be written of it. */
long seals_check_write_at(const struct node *node, uint64_t at, uint64_t *length);
/* May its mode become this one? 0, or -EPERM. */
long seals_check_mode(const struct node *node, uint32_t mode);

/* fcntl(2): F_ADD_SEALS and F_GET_SEALS. */
struct file;
long seals_add(struct request *req, struct file *file, uint64_t seals);
long seals_get(const struct file *file);

#endif
