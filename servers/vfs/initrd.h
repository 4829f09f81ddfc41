/* SPDX-License-Identifier: MIT */
/* The boot image becomes the first files. */
#ifndef VFS_INITRD_H
#define VFS_INITRD_H

/* Unpacks the boot capability `initrd` into the tree and drops it; 0 or a negative errno. */
int initrd_unpack(void);
/* What every system has: /dev and its devices, /proc, /tmp. */
int initrd_add_standard(void);

#endif
