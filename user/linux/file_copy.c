/* SPDX-License-Identifier: MIT */
/*
 * From one descriptor to another: copy_file_range(2), splice(2), tee(2), vmsplice(2). Bytes go through this process's
 * stack, in chunks that a pipe with room takes whole: nothing is read that could not be written, unless the other side
 * fails.
 */
#include "files.h"

#define CHUNK 2048
#define O_ACCMODE 3
#define O_NONBLOCK 04000
#define O_APPEND 02000
#define F_GETFL 3
#define F_GETPIPE_SZ 1032
#define S_IFMT 0170000u
#define S_IFREG 0100000u
#define S_IFDIR 0040000u
#define SPLICE_F_MOVE 1u
#define SPLICE_F_NONBLOCK 2u
#define SPLICE_F_ALL 15u /* these, MORE and GIFT, which are hints */
#define LENGTH_MOST 0x7ffff000ul
#define POLLIN 1
#define POLLOUT 4
#define FOR_EVER (-1)
#define SIGPIPE 13

/* The start of struct stat. */
struct status {
    uint64_t dev, ino;
    uint32_t mode, rest[27];
};
_Static_assert(sizeof(struct status) == 128, "struct stat");

/* One of the two sides. */
struct side {
    uint64_t fd;
    uint64_t offset_at; /* the program's own offset; 0: the descriptor's */
    int64_t offset;
    long flags; /* F_GETFL */
    bool pipe;
};

static long side_begin(struct side *s, uint64_t fd, uint64_t offset_at, bool writes) {
    *s = (struct side){.fd = fd, .offset_at = offset_at};
    s->flags = linux_fcntl(fd, F_GETFL, 0);
    if (s->flags < 0)
        return s->flags;
    long access = s->flags & O_ACCMODE;
    if (linux_check_descriptor((int)fd) < 0 || access == (writes ? 0 : 1))
        return -EBADF;
    s->pipe = linux_fcntl(fd, F_GETPIPE_SZ, 0) >= 0;
    if (offset_at && user_get(&s->offset, pointer(offset_at), sizeof s->offset) < 0)
        return -EFAULT;
    return 0;
}

static long side_read(struct side *s, void *chunk, uint64_t n) {
    uint64_t to = (uint64_t)chunk;
    long done =
        s->offset_at ? file_pread(s->fd, to, n, (uint64_t)s->offset) : file_read(s->fd, to, n);
    s->offset += done > 0 ? done : 0;
    return done;
}

static long side_write(struct side *s, const void *chunk, uint64_t n) {
    uint64_t from = (uint64_t)chunk;
    long done = s->offset_at ? file_pwrite(s->fd, from, n, (uint64_t)s->offset)
                             : file_write(s->fd, from, n);
    s->offset += done > 0 ? done : 0;
    return done;
}

/* The program's own offset moves; the result. */
static long side_end(const struct side *s, long result) {
    if (s->offset_at && user_put(pointer(s->offset_at), &s->offset, sizeof s->offset) < 0)
        return -EFAULT;
    return result;
}

/* True if the descriptor is ready, or something is wrong with it; it is waited for so long. */
static long wait_for(uint64_t fd, int16_t events, int64_t timeout_ns) {
    struct {
        int32_t fd;
        int16_t events, returned;
    } request = {(int32_t)fd, events, 0};
    return VFS_CALL(
        vfs_poll(PK_SLOT_VFS, timeout_ns, &request, sizeof request, &request, sizeof request));
}

/* A chunk was read, and goes out whole, or as far as it can; what cannot be written is lost. */
static long write_all(struct side *out, const char *chunk, uint64_t n) {
    uint64_t done = 0;
    while (done < n) {
        long wrote = side_write(out, chunk + done, n - done);
        if (wrote == -EAGAIN)
            wrote = wait_for(out->fd, POLLOUT, FOR_EVER) < 0 ? -EINTR : 0;
        else if (wrote <= 0)
            return done ? (long)done : wrote;
        done += wrote > 0 ? (uint64_t)wrote : 0;
    }
    return (long)done;
}

/* ---- copy_file_range(2) ---- */

static long check_regular(uint64_t fd, struct status *s) {
    long error = linux_fstat(fd, (uint64_t)s);
    if (error < 0)
        return error;
    uint32_t type = s->mode & S_IFMT;
    return type == S_IFREG ? 0 : type == S_IFDIR ? -EISDIR : -EINVAL;
}

/* Where it begins, whosever offset that is. */
static long begin_of(const struct side *s) {
    return s->offset_at ? s->offset : VFS_CALL(vfs_lseek(PK_SLOT_VFS, (int)s->fd, 0, 1));
}

static long check_ranges(const struct side *in, const struct side *out, uint64_t length) {
    struct status from, to;
    long error = check_regular(in->fd, &from);
    if (error == 0)
        error = check_regular(out->fd, &to);
    if (error < 0)
        return error;
    long a = begin_of(in), b = begin_of(out), distance = a > b ? a - b : b - a;
    if (a < 0 || b < 0)
        return -EINVAL;
    if ((uint64_t)(INT64_MAX - a) < length || (uint64_t)(INT64_MAX - b) < length)
        return -EOVERFLOW;
    return from.dev == to.dev && from.ino == to.ino && (uint64_t)distance < length ? -EINVAL : 0;
}

/* Until the first's end, or so many bytes; what was copied before an error counts. */
static long copy(struct side *in, struct side *out, uint64_t length) {
    char chunk[CHUNK];
    uint64_t done = 0;
    long n = 1;
    while (done < length && n > 0) {
        uint64_t want = length - done < CHUNK ? length - done : CHUNK;
        n = side_read(in, chunk, want);
        if (n > 0)
            n = write_all(out, chunk, (uint64_t)n);
        done += n > 0 ? (uint64_t)n : 0;
    }
    return done ? (long)done : n;
}

long linux_copy_file_range(uint64_t in_fd, uint64_t in_offset, uint64_t out_fd, uint64_t out_offset,
                           uint64_t length, uint32_t flags) {
    struct side in, out;
    long error = side_begin(&in, in_fd, in_offset, false);
    if (error == 0)
        error = side_begin(&out, out_fd, out_offset, true);
    if (error == 0 && flags)
        error = -EINVAL;
    length = length < LENGTH_MOST ? length : LENGTH_MOST;
    if (error == 0)
        error = check_ranges(&in, &out, length);
    if (error == 0 && out.flags & O_APPEND)
        error = -EBADF;
    if (error < 0)
        return error;
    long done = copy(&in, &out, length);
    return done < 0 ? done : side_end(&in, side_end(&out, done));
}

/* ---- splice(2) ---- */

/* There is something to move, or an end or an error to find: 1; 0: not without waiting, and that is not wanted. */
static long splice_ready(const struct side *s, int16_t events, bool waits) {
    if (!s->pipe)
        return 1;
    long ready = wait_for(s->fd, events, waits ? FOR_EVER : 0);
    return ready;
}

/* As Linux: what can be moved at once, but at least something, for which it waits. */
static long splice(struct side *in, struct side *out, uint64_t length, bool waits) {
    char chunk[CHUNK];
    uint64_t done = 0;
    while (done < length) {
        bool wait = waits && !done;
        long n = splice_ready(in, POLLIN, wait && !(in->flags & O_NONBLOCK));
        if (n > 0)
            n = splice_ready(out, POLLOUT, wait && !(out->flags & O_NONBLOCK));
        if (n <= 0)
            return done ? (long)done : n < 0 ? n : -EAGAIN;
        uint64_t want = length - done < CHUNK ? length - done : CHUNK;
        n = side_read(in, chunk, want);
        if (n > 0)
            n = write_all(out, chunk, (uint64_t)n);
        if (n <= 0)
            return done ? (long)done : n;
        done += (uint64_t)n;
        if (!in->pipe && (uint64_t)n < want)
            break;
    }
    return (long)done;
}

static bool same_file(uint64_t a, uint64_t b) {
    struct status s, t;
    return linux_fstat(a, (uint64_t)&s) == 0 && linux_fstat(b, (uint64_t)&t) == 0 &&
           s.dev == t.dev && s.ino == t.ino;
}

static long splice_check(const struct side *in, const struct side *out) {
    if (!in->pipe && !out->pipe)
        return -EINVAL;
    if ((in->pipe && in->offset_at) || (out->pipe && out->offset_at))
        return -ESPIPE;
    if (in->pipe && out->pipe && same_file(in->fd, out->fd))
        return -EINVAL;
    if ((in->offset_at && in->offset < 0) || (out->offset_at && out->offset < 0) ||
        (!out->pipe && out->flags & O_APPEND))
        return -EINVAL;
    return 0;
}

long linux_splice(uint64_t in_fd, uint64_t in_offset, uint64_t out_fd, uint64_t out_offset,
                  uint64_t length, uint32_t flags) {
    struct side in, out;
    if (!length)
        return 0;
    if (flags & ~SPLICE_F_ALL)
        return -EINVAL;
    long error = side_begin(&in, in_fd, in_offset, false);
    if (error == 0)
        error = side_begin(&out, out_fd, out_offset, true);
    if (error == 0)
        error = splice_check(&in, &out);
    if (error < 0)
        return error;
    length = length < LENGTH_MOST ? length : LENGTH_MOST;
    long done = splice(&in, &out, length, !(flags & SPLICE_F_NONBLOCK));
    return done < 0 ? done : side_end(&in, side_end(&out, done));
}

/* ---- tee(2) ---- */

/* Waits for what is missing: something to read, then room. */
static long tee_wait(const struct side *in, const struct side *out, uint32_t flags) {
    if (flags & SPLICE_F_NONBLOCK)
        return -EAGAIN;
    long error = in->flags & O_NONBLOCK ? 0 : wait_for(in->fd, POLLIN, FOR_EVER);
    if (error > 0)
        error = out->flags & O_NONBLOCK ? 0 : wait_for(out->fd, POLLOUT, FOR_EVER);
    return error > 0 ? 0 : error < 0 ? error : -EAGAIN;
}

long linux_tee(uint64_t in_fd, uint64_t out_fd, uint64_t length, uint32_t flags) {
    struct side in, out;
    if (flags & ~SPLICE_F_ALL)
        return -EINVAL;
    if (!length)
        return 0;
    long error = side_begin(&in, in_fd, 0, false), done = 0;
    if (error == 0)
        error = side_begin(&out, out_fd, 0, true);
    while (error == 0 && (done = vfs_tee(PK_SLOT_VFS, (int)in_fd, (int)out_fd, length)) == -EAGAIN)
        error = tee_wait(&in, &out, flags);
    if (done == -EPIPE)
        personality_raise(SIGPIPE);
    return error < 0 ? error : done;
}

/* ---- vmsplice(2) ---- */

/* Pages are copied, not given away: as a write to the pipe, or a read from it. */
long linux_vmsplice(uint64_t fd, uint64_t vectors, uint64_t count, uint32_t flags) {
    long access = linux_fcntl(fd, F_GETFL, 0);
    if (flags & ~SPLICE_F_ALL)
        return -EINVAL;
    if (access < 0 || linux_fcntl(fd, F_GETPIPE_SZ, 0) < 0)
        return -EBADF;
    bool writes = (access & O_ACCMODE) != 0;
    if (!count)
        return 0;
    if (flags & SPLICE_F_NONBLOCK && wait_for(fd, writes ? POLLOUT : POLLIN, 0) == 0)
        return -EAGAIN;
    return writes ? linux_writev(fd, vectors, count) : linux_readv(fd, vectors, count);
}
