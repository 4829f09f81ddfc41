/* SPDX-License-Identifier: MIT */
/* cpio "newc" reader (cpio.h). A header is 6 magic digits and 13 fields of 8 hexadecimal digits. */
#include "cpio.h"

#include <string.h>

#include <parley/errno.h>

#define HEADER 110
#define FIELDS 13
#define TRAILER "TRAILER!!!"

enum {
    INO,
    MODE,
    UID,
    GID,
    NLINK,
    MTIME,
    FILESIZE,
    DEVMAJOR,
    DEVMINOR,
    RDEVMAJOR,
    RDEVMINOR,
    NAMESIZE
};

static int read_field(const uint8_t *at, uint32_t *value) {
    *value = 0;
    for (int i = 0; i < 8; i++) {
        uint32_t digit = at[i] >= '0' && at[i] <= '9'   ? at[i] - (uint32_t)'0'
                         : at[i] >= 'a' && at[i] <= 'f' ? at[i] - (uint32_t)'a' + 10
                         : at[i] >= 'A' && at[i] <= 'F' ? at[i] - (uint32_t)'A' + 10
                                                        : 16;
        if (digit == 16) {
            return -EINVAL;
        }
        *value = *value << 4 | digit;
    }
    return 0;
}

static int read_header(const uint8_t *at, uint32_t field[FIELDS]) {
    if (memcmp(at, "070701", 6) != 0 && memcmp(at, "070702", 6) != 0) {
        return -EINVAL;
    }
    for (int i = 0; i < FIELDS; i++) {
        if (read_field(at + 6 + 8 * i, &field[i])) {
            return -EINVAL;
        }
    }
    return 0;
}

static uint64_t align(uint64_t offset) {
    return (offset + 3) & ~3ull;
}

static const char *skip_root(const char *path) {
    while (*path == '/' || (path[0] == '.' && path[1] == '/')) {
        path++;
    }
    return path;
}

int cpio_next(const uint8_t *archive, uint64_t length, uint64_t *offset, struct cpio_entry *entry) {
    uint32_t field[FIELDS];
    uint64_t at = *offset;

    if (length < HEADER || at > length - HEADER || read_header(archive + at, field)) {
        return -EINVAL;
    }
    uint64_t name = at + HEADER;
    if (field[NAMESIZE] == 0 || field[NAMESIZE] > length - name ||
        !memchr(archive + name, 0, field[NAMESIZE])) {
        return -EINVAL;
    }
    if (strcmp((const char *)archive + name, TRAILER) == 0) {
        return 0;
    }
    uint64_t data = align(name + field[NAMESIZE]);
    if (data > length || field[FILESIZE] > length - data) {
        return -EINVAL;
    }
    *entry = (struct cpio_entry){
        .path = skip_root((const char *)archive + name),
        .mode = field[MODE],
        .uid = field[UID],
        .gid = field[GID],
        .mtime = field[MTIME],
        .rdev_major = field[RDEVMAJOR],
        .rdev_minor = field[RDEVMINOR],
        .data = data,
        .size = field[FILESIZE],
    };
    *offset = align(data + field[FILESIZE]);
    return 1;
}
