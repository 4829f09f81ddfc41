/* SPDX-License-Identifier: MIT */
/* Reading a cpio archive of the "newc" format (cpio(5)), one entry after the other. Pure. */
#ifndef VFS_CPIO_H
#define VFS_CPIO_H

#include <stdint.h>

struct cpio_entry {
    const char *path; /* with its NUL, inside the archive; no leading slash */
    uint32_t mode;
    uint32_t uid;
    uint32_t gid;
    uint32_t mtime;
    uint32_t rdev_major;
    uint32_t rdev_minor;
    uint64_t data; /* offset in the archive */
    uint64_t size;
};

/*
 * The entry at *offset, which moves to the next one. 1 if there is one, 0 at the archive's end,
 * -EINVAL if it is damaged. Nothing outside [archive, archive + length) is read.
 */
int cpio_next(const uint8_t *archive, uint64_t length, uint64_t *offset, struct cpio_entry *entry);

#endif
