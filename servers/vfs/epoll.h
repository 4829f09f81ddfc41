/* SPDX-License-Identifier: MIT */
/* Sets of descriptors to wait for: epoll(7). */
#ifndef VFS_EPOLL_H
#define VFS_EPOLL_H

#include "file.h"

/* The file's last descriptor goes: it leaves the sets that it is in. */
void epoll_forget(struct file *file);

#endif
