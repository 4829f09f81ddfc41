/* SPDX-License-Identifier: MIT */
/* cpio "newc": a 110-byte header of hexadecimal fields, the name, the data, each padded to 4. */
#include <common/cpio.h>
#include <parley/errno.h>
#include <string.h>

#define HEADER_SIZE 110
#define FIELD_FILESIZE 6
#define FIELD_NAMESIZE 11

static size_t pad(size_t n) {
    return (n + 3) & ~(size_t)3;
}

static int64_t field(const char *header, unsigned index) {
    int64_t v = 0;
    const char *p = header + 6 + 8 * index;
    for (int i = 0; i < 8; i++) {
        char c = p[i];
        int digit;
        if (c >= '0' && c <= '9')
            digit = c - '0';
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            digit = (c | 32) - 'a' + 10;
        else
            return -EINVAL;
        v = v << 4 | digit;
    }
    return v;
}

int cpio_find(const void *archive, size_t size, const char *name, const void **data,
              size_t *data_size) {
    const char *base = archive;
    size_t at = 0;
    while (at <= size && size - at >= HEADER_SIZE) {
        const char *header = base + at;
        int64_t name_size = field(header, FIELD_NAMESIZE),
                file_size = field(header, FIELD_FILESIZE);
        if (memcmp(header, "070701", 6) || name_size <= 0 || file_size < 0)
            return -EINVAL;
        size_t name_at = at + HEADER_SIZE;
        size_t data_at = pad(name_at + (size_t)name_size);
        if (data_at > size || (size_t)file_size > size - data_at ||
            base[name_at + (size_t)name_size - 1])
            return -EINVAL;
        if (strcmp(base + name_at, "TRAILER!!!") == 0)
            return -ENOENT;
        if (strcmp(base + name_at, name) == 0) {
            *data = base + data_at;
            *data_size = (size_t)file_size;
            return 0;
        }
        at = pad(data_at + (size_t)file_size);
    }
    return -EINVAL;
}
