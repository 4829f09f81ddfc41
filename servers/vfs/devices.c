/* SPDX-License-Identifier: MIT */
/*
 * Devices without hardware: null, zero, full, random (null(4), zero(4), full(4), random(4)).
 *
 * /dev/urandom is a xorshift generator seeded with the time counter: good for tests and for
 * mktemp(3), not for keys, as the machine gives no entropy.
 */
#include "file.h"
#include "tty.h"

static long null_read(struct request *req, struct file *file, int64_t offset) {
    (void)req;
    (void)file;
    (void)offset;
    return 0;
}

static long null_write(struct request *req, struct file *file, int64_t offset) {
    (void)file;
    (void)offset;
    return (long)(request_in_len(req) < LENGTH_MOST ? request_in_len(req) : LENGTH_MOST);
}

static long full_write(struct request *req, struct file *file, int64_t offset) {
    (void)req;
    (void)file;
    (void)offset;
    return -ENOSPC;
}

static uint32_t always(struct file *file) {
    (void)file;
    return LX_POLLIN | LX_POLLOUT | LX_POLLRDNORM | LX_POLLWRNORM;
}

/* To copy a few zeros costs more than to say that there are so many. */
static long zero_read(struct request *req, struct file *file, int64_t offset) {
    uint64_t length = request_out_len(req);
    (void)file;
    if (length > 0 && length <= VFS_ZEROS_MOST && offset == OFFSET_CURRENT) {
        return VFS_READ_ZEROS + (long)length;
    }
    return transfer_made(req, NULL);
}

/* xorshift64*, Marsaglia and Vigna. */
static void random_fill(uint64_t *words, size_t count) {
    static uint64_t state;
    if (state == 0) {
        state = vfs_now() | 1;
    }
    for (size_t i = 0; i < count; i++) {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        words[i] = state * 0x2545f4914f6cdd1dull;
    }
}

static long random_read(struct request *req, struct file *file, int64_t offset) {
    (void)file;
    (void)offset;
    return transfer_made(req, random_fill);
}

static const struct file_ops null_ops = {
    .read = null_read,
    .write = null_write,
    .poll = always,
    .seekable = true,
    .no_position = true,
};
static const struct file_ops zero_ops = {
    .read = zero_read,
    .write = null_write,
    .poll = always,
    .seekable = true,
    .no_position = true,
};
static const struct file_ops full_ops = {
    .read = zero_read,
    .write = full_write,
    .poll = always,
    .seekable = true,
    .no_position = true,
};
static const struct file_ops random_ops = {
    .read = random_read,
    .write = null_write,
    .poll = always,
    .seekable = true,
    .no_position = true,
};

bool device_is_zero(const struct file *file) {
    return file->ops == &zero_ops;
}

/* Device numbers as in Linux's Documentation/admin-guide/devices.txt. */
const struct file_ops *device_ops(uint64_t device) {
    switch (lx_major(device) << 8 | lx_minor(device)) {
    case 0x0103:
        return &null_ops;
    case 0x0105:
        return &zero_ops;
    case 0x0107:
        return &full_ops;
    case 0x0108:
    case 0x0109:
        return &random_ops;
    case 0x0440: /* ttyS0 */
    case 0x0500: /* tty */
    case 0x0501: /* console */
        return &tty_ops;
    case 0x0502: /* ptmx */
        return &master_ops;
    default:
        return lx_major(device) == PTS_MAJOR ? &tty_ops : NULL;
    }
}
