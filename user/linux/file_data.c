/* SPDX-License-Identifier: MIT */
/*
 * Reads and writes of files: each is one message to the vfs server but for vectors and sendfile.
 *
 * linux_read, linux_write and their like are called by foreign_entry only, whose frame has their arguments if
 * the server's first answer is not the call's result. Others use file_read and file_write.
 */
#include "files.h"
#include <protocol/proc_client.h>

#define SIGPIPE 13
#define SIGTTIN 21
#define SIGXFSZ 25
#define SIGTTOU 22
#define ERRNO_MOST 4095   /* results below are no errors */
#define VECTORS_MOST 1024 /* IOV_MAX */
#define BATCH 8
#define JOINED_MOST 1024 /* a vector's pieces that go as one message */
#define COPY_CHUNK 2048
#define NO_OFFSET UINT64_MAX

struct vector {
    uint64_t base;
    uint64_t length;
};

/* A write to a pipe that nobody reads raises SIGPIPE too (write(2)), even where some of it was written. */
static __attribute__((noinline, cold)) long raise_on_broken_pipe(long result) {
    bool some = result < -(long)ERRNO_MOST;
    if (some || result == -EPIPE) {
        personality_raise(SIGPIPE);
    }
    return some ? result - VFS_BROKEN_PIPE : result;
}

/* A regular file would become longer than RLIMIT_FSIZE lets, which has an errno of its own on the way here. */
long raise_on_long_file(long result) {
    if (result != -EXFULL) {
        return result;
    }
    personality_raise(SIGXFSZ);
    return -EFBIG;
}

/*
 * The terminal refused a call from the background: the process server says what is due. If that was
 * a stop, the call is made again afterwards, and perhaps refused again.
 */
static __attribute__((noinline, cold)) long read_in_background(uint64_t fd, uint64_t buffer,
                                                               uint64_t length) {
    long result;
    do {
        result = proc_background(PK_SLOT_PROC, SIGTTIN);
        if (result >= 0) {
            result = vfs_read(PK_SLOT_VFS, (int)fd, pointer(buffer), length);
        }
    } while (result == -ERESTART);
    return result;
}

static __attribute__((noinline, cold)) long write_in_background(uint64_t fd, uint64_t buffer,
                                                                uint64_t length) {
    long result;
    do {
        result = proc_background(PK_SLOT_PROC, SIGTTOU);
        if (result == 0) {
            result = vfs_write(PK_SLOT_VFS, (int)fd, pointer(buffer), length);
        } else if (result > 0) {
            result = vfs_write_anyway(PK_SLOT_VFS, (int)fd, pointer(buffer), length);
        }
    } while (result == -ERESTART);
    return result;
}

static __attribute__((noinline, cold)) long read_made(uint64_t fd, uint64_t buffer,
                                                      uint64_t length) {
    return MADE_ANEW(fd, vfs_read(PK_SLOT_VFS, (int)fd, pointer(buffer), length));
}

/* So many zeros have been read that to send them would take longer (VFS_READ_ZEROS), or a number (VFS_READ_NUMBER). */
static __attribute__((noinline, cold)) long fill_with_number(uint64_t buffer, uint64_t number) {
    return user_put_word(pointer(buffer), (int64_t)number) ? -EFAULT : (long)sizeof(number);
}

static __attribute__((noinline, cold)) long fill(uint64_t buffer, long result) {
    static const uint64_t zeros[VFS_ZEROS_MOST / sizeof(uint64_t)];
    if (result >= VFS_READ_NUMBER) {
        return fill_with_number(buffer, (uint64_t)(result - VFS_READ_NUMBER));
    }
    uint64_t count = (uint64_t)(result - VFS_READ_ZEROS);
    return program_write(buffer, zeros, count) ? -EFAULT : (long)count;
}

/* A process's memory (/proc/PID/mem), at an address, or where the descriptor stands (NO_OFFSET). */
static __attribute__((noinline, cold)) long move_memory(bool writes, uint64_t fd, uint64_t buffer,
                                                        uint64_t length, uint64_t offset) {
    bool moves = offset == NO_OFFSET;
    long at = moves ? vfs_lseek(PK_SLOT_VFS, (int)fd, 0, 1 /* SEEK_CUR */) : (long)offset;
    if (at < 0) {
        return at;
    }
    uint64_t done = 0;
    long result = 0;
    while (done < length) {
        void *here = pointer(buffer + done);
        uint64_t n = length - done < PROC_MEMORY_MOST ? length - done : PROC_MEMORY_MOST;
        result = proc_memory_file(PK_SLOT_PROC, (int)fd, (uint64_t)at + done, here, writes ? n : 0,
                                  here, writes ? 0 : n);
        if (result <= 0) {
            break;
        }
        done += (uint64_t)result;
    }
    if (moves && done) {
        pk_may_fail(vfs_lseek(PK_SLOT_VFS, (int)fd, (int64_t)done, 1 /* SEEK_CUR */));
    }
    return done ? (long)done : result;
}

/* What the server answered to a read or a write becomes the call's result. */
static inline __attribute__((always_inline)) long finish_read(uint64_t fd, uint64_t buffer,
                                                              uint64_t length, long result) {
    if (result == -ERESTART) {
        result = read_in_background(fd, buffer, length);
    } else if (result == -EREMOTE) {
        result = read_made(fd, buffer, length);
    } else if (result == -EREMOTEIO) {
        result = proc_signalfd_read(PK_SLOT_PROC, (int)fd, pointer(buffer), length);
    } else if (result == -EREMCHG) {
        result = linux_mq_read((int)fd, pointer(buffer), length, -1);
    } else if (result == -EMULTIHOP) {
        result = move_memory(false, fd, buffer, length, NO_OFFSET);
    }
    return result < -(long)ERRNO_MOST ? fill(buffer, result) : result;
}

/* The process server's file: what it takes moves the offset as a write here would. */
static __attribute__((noinline, cold)) long store(uint64_t fd, uint64_t buffer, uint64_t length,
                                                  bool moves) {
    long result = proc_store(PK_SLOT_PROC, (int)fd, pointer(buffer), length);
    if (result > 0 && moves) {
        pk_may_fail(vfs_lseek(PK_SLOT_VFS, (int)fd, result, 1 /* SEEK_CUR */));
    }
    return result;
}

static long finish_write(uint64_t fd, uint64_t buffer, uint64_t length, long result) {
    if (result == -ERESTART) {
        result = write_in_background(fd, buffer, length);
    } else if (result == -EREMOTE) {
        result = store(fd, buffer, length, true);
    } else if (result == -EREMOTEIO) {
        return -EINVAL; /* nothing that others serve is written to */
    } else if (result == -EMULTIHOP) {
        return move_memory(true, fd, buffer, length, NO_OFFSET);
    }
    return raise_on_long_file(raise_on_broken_pipe(result));
}

long file_read(uint64_t fd, uint64_t buffer, uint64_t length) {
    long result = VFS_CALL(vfs_read(PK_SLOT_VFS, (int)fd, pointer(buffer), length));
    return finish_read(fd, buffer, length, result);
}

long file_write(uint64_t fd, uint64_t buffer, uint64_t length) {
    long result = VFS_CALL(vfs_write(PK_SLOT_VFS, (int)fd, pointer(buffer), length));
    return finish_write(fd, buffer, length, result);
}

long file_pread(uint64_t fd, uint64_t buffer, uint64_t length, uint64_t offset) {
    long result =
        VFS_CALL(vfs_pread(PK_SLOT_VFS, (int)fd, (int64_t)offset, pointer(buffer), length));
    if (result == -EREMCHG) {
        return linux_mq_read((int)fd, pointer(buffer), length, (int64_t)offset);
    }
    if (result == -EMULTIHOP) {
        return move_memory(false, fd, buffer, length, offset);
    }
    return result == -EREMOTE ? MADE_ANEW(fd, vfs_pread(PK_SLOT_VFS, (int)fd, (int64_t)offset,
                                                        pointer(buffer), length))
                              : result;
}

long file_pwrite(uint64_t fd, uint64_t buffer, uint64_t length, uint64_t offset) {
    long result =
        VFS_CALL(vfs_pwrite(PK_SLOT_VFS, (int)fd, (int64_t)offset, pointer(buffer), length));
    if (result == -EMULTIHOP) {
        return move_memory(true, fd, buffer, length, offset);
    }
    return result == -EREMOTE ? store(fd, buffer, length, false) : raise_on_long_file(result);
}

/* The first answer was not bytes. */
static __attribute__((noinline, cold)) long read_otherwise(const struct foreign_frame *frame,
                                                           long result) {
    const uint64_t *a = frame->a;
    return result == -EBADF ? file_read(a[0], a[1], a[2]) : finish_read(a[0], a[1], a[2], result);
}

static __attribute__((noinline, cold)) long write_otherwise(const struct foreign_frame *frame,
                                                            long result) {
    const uint64_t *a = frame->a;
    return result == -EBADF ? file_write(a[0], a[1], a[2]) : finish_write(a[0], a[1], a[2], result);
}

long linux_read(uint64_t fd, uint64_t buffer, uint64_t length) {
    long result = vfs_read(PK_SLOT_VFS, (int)fd, pointer(buffer), length);
    return __builtin_expect(result >= 0, 1) ? result
                                            : read_otherwise(__builtin_dwarf_cfa(), result);
}

/* Eight bytes go as a word, too: for a counter (eventfd) the copy would be a third of all. */
static __attribute__((noinline)) long write_word(uint64_t fd, uint64_t buffer, uint64_t length) {
    int64_t word;
    if (user_get_word(&word, pointer(buffer))) {
        return file_write(fd, buffer, length); /* which says what is wrong first */
    }
    long result =
        VFS_CALL(vfs_write_word(PK_SLOT_VFS, (int)fd, (uint64_t)word, pointer(buffer), length));
    return __builtin_expect(result >= 0, 1) ? result : finish_write(fd, buffer, length, result);
}

long linux_write(uint64_t fd, uint64_t buffer, uint64_t length) {
    if (length == sizeof(uint64_t)) {
        return write_word(fd, buffer, length);
    }
    long result = vfs_write(PK_SLOT_VFS, (int)fd, pointer(buffer), length);
    return __builtin_expect(result >= 0, 1) ? result
                                            : write_otherwise(__builtin_dwarf_cfa(), result);
}

static __attribute__((noinline, cold)) long pread_otherwise(const struct foreign_frame *frame,
                                                            long result) {
    const uint64_t *a = frame->a;
    bool elsewhere =
        result == -EBADF || result == -EREMOTE || result == -EREMCHG || result == -EMULTIHOP;
    return elsewhere ? file_pread(a[0], a[1], a[2], a[3]) : result;
}

static __attribute__((noinline, cold)) long pwrite_otherwise(const struct foreign_frame *frame,
                                                             long result) {
    const uint64_t *a = frame->a;
    bool elsewhere = result == -EBADF || result == -EREMOTE || result == -EMULTIHOP;
    return elsewhere ? file_pwrite(a[0], a[1], a[2], a[3]) : raise_on_long_file(result);
}

long linux_pread64(uint64_t fd, uint64_t buffer, uint64_t length, uint64_t offset) {
    long result = vfs_pread(PK_SLOT_VFS, (int)fd, (int64_t)offset, pointer(buffer), length);
    return __builtin_expect(result >= 0, 1) ? result
                                            : pread_otherwise(__builtin_dwarf_cfa(), result);
}

long linux_pwrite64(uint64_t fd, uint64_t buffer, uint64_t length, uint64_t offset) {
    long result = vfs_pwrite(PK_SLOT_VFS, (int)fd, (int64_t)offset, pointer(buffer), length);
    return __builtin_expect(result >= 0, 1) ? result
                                            : pwrite_otherwise(__builtin_dwarf_cfa(), result);
}

static long move(bool writes, uint64_t fd, uint64_t buffer, uint64_t length, uint64_t offset) {
    if (offset == NO_OFFSET) {
        return writes ? file_write(fd, buffer, length) : file_read(fd, buffer, length);
    }
    return writes ? file_pwrite(fd, buffer, length, offset)
                  : file_pread(fd, buffer, length, offset);
}

/* The sum of all lengths, or -EINVAL, -EFAULT. */
static long total_of(uint64_t vectors, uint64_t count) {
    struct vector batch[BATCH];
    uint64_t total = 0;
    if (count > VECTORS_MOST) {
        return -EINVAL;
    }
    for (uint64_t i = 0; i < count; i++) {
        if (i % BATCH == 0) {
            uint64_t left = count - i < BATCH ? count - i : BATCH;
            if (program_read(batch, vectors + i * sizeof(struct vector), left * sizeof(*batch))) {
                return -EFAULT;
            }
        }
        if (batch[i % BATCH].length > INT64_MAX - total) {
            return -EINVAL;
        }
        total += batch[i % BATCH].length;
    }
    return (long)total;
}

/* Small pieces go as one message, so that a write stays atomic (writev(2)). */
static long write_joined(uint64_t fd, uint64_t vectors, uint64_t count, uint64_t offset) {
    uint8_t joined[JOINED_MOST];
    uint64_t used = 0;
    for (uint64_t i = 0; i < count; i++) {
        struct vector vector;
        if (program_read(&vector, vectors + i * sizeof(vector), sizeof(vector)) ||
            vector.length > sizeof(joined) - used ||
            program_read(joined + used, vector.base, vector.length)) {
            return -EFAULT;
        }
        used += vector.length;
    }
    return move(true, fd, (uint64_t)(uintptr_t)joined, used, offset);
}

#define POLLIN 1
#define POLLOUT 4

/* Would a read find something, or an end, at once? Or a write room. */
static bool is_ready(uint64_t fd, int16_t events) {
    struct {
        int32_t fd;
        int16_t events;
        int16_t revents;
    } request = {(int32_t)fd, events, 0};
    return vfs_poll(PK_SLOT_VFS, 0, &request, sizeof(request), &request, sizeof(request)) > 0;
}

/* One message a piece, in order, until one is cut short. */
static long move_vectors(bool writes, uint64_t fd, uint64_t vectors, uint64_t count,
                         uint64_t offset) {
    uint64_t done = 0;
    for (uint64_t i = 0; i < count; i++) {
        struct vector vector;
        if (program_read(&vector, vectors + i * sizeof(vector), sizeof(vector))) {
            return done ? (long)done : -EFAULT;
        }
        if (vector.length == 0 && count > 1) {
            continue;
        }
        if (done > 0 && !writes && offset == NO_OFFSET && !is_ready(fd, POLLIN)) {
            break;
        }
        uint64_t at = offset == NO_OFFSET ? NO_OFFSET : offset + done;
        long moved = move(writes, fd, vector.base, vector.length, at);
        if (moved < 0) {
            return done ? (long)done : moved;
        }
        done += (uint64_t)moved;
        if ((uint64_t)moved < vector.length) {
            break;
        }
    }
    return (long)done;
}

static long do_vectors(bool writes, uint64_t fd, uint64_t vectors, uint64_t count,
                       uint64_t offset) {
    long total = total_of(vectors, count);
    if (total < 0) {
        long error = linux_check_descriptor((int)fd); /* comes first */
        return error ? error : total;
    }
    if (total == 0) {
        return move(writes, fd, 0, 0, offset);
    }
    if (writes && total <= JOINED_MOST) {
        return write_joined(fd, vectors, count, offset);
    }
    return move_vectors(writes, fd, vectors, count, offset);
}

long linux_readv(uint64_t fd, uint64_t vectors, uint64_t count) {
    return do_vectors(false, fd, vectors, count, NO_OFFSET);
}

long linux_writev(uint64_t fd, uint64_t vectors, uint64_t count) {
    return do_vectors(true, fd, vectors, count, NO_OFFSET);
}

/* riscv64 passes the whole offset in one register; the second half is unused. */
long linux_preadv(uint64_t fd, uint64_t vectors, uint64_t count, uint64_t offset) {
    return (int64_t)offset < 0 ? -EINVAL : do_vectors(false, fd, vectors, count, offset);
}

long linux_pwritev(uint64_t fd, uint64_t vectors, uint64_t count, uint64_t offset) {
    return (int64_t)offset < 0 ? -EINVAL : do_vectors(true, fd, vectors, count, offset);
}

enum { RWF_HIPRI = 1, RWF_DSYNC = 2, RWF_SYNC = 4, RWF_NOWAIT = 8 };
#define RWF_SERVED (RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT)

/* Files are in memory, where nothing is quicker or safer than anything else; but others than files may have to wait. */
static long do_vectors_flagged(bool writes, uint64_t fd, uint64_t vectors, uint64_t count,
                               uint64_t offset, uint32_t flags) {
    if (flags & ~(uint32_t)RWF_SERVED) {
        return -EOPNOTSUPP;
    }
    if (offset != NO_OFFSET && (int64_t)offset < 0) {
        return -EINVAL;
    }
    if (flags & RWF_NOWAIT && linux_check_descriptor((int)fd) == 0 &&
        !is_ready(fd, writes ? POLLOUT : POLLIN)) {
        return -EAGAIN;
    }
    return do_vectors(writes, fd, vectors, count, offset);
}

/* An offset of -1 is where the descriptor stands. */
long linux_preadv2(uint64_t fd, uint64_t vectors, uint64_t count, uint64_t offset, uint64_t unused,
                   uint32_t flags) {
    (void)unused;
    return do_vectors_flagged(false, fd, vectors, count, offset, flags);
}

long linux_pwritev2(uint64_t fd, uint64_t vectors, uint64_t count, uint64_t offset, uint64_t unused,
                    uint32_t flags) {
    (void)unused;
    return do_vectors_flagged(true, fd, vectors, count, offset, flags);
}

/* Writes all of a chunk that was read already; how much was written. */
static long write_whole(uint64_t fd, const uint8_t *chunk, uint64_t length) {
    uint64_t done = 0;
    while (done < length) {
        long count = file_write(fd, (uint64_t)(uintptr_t)(chunk + done), length - done);
        if (count <= 0) {
            return done ? (long)done : count;
        }
        done += (uint64_t)count;
    }
    return (long)done;
}

static long file_lseek(uint64_t fd, int64_t offset, int whence) {
    return VFS_CALL(vfs_lseek(PK_SLOT_VFS, (int)fd, offset, whence));
}

/* Copies from a seekable file in chunks; sendfile(2). */
long linux_sendfile(uint64_t out_fd, uint64_t in_fd, uint64_t offset, uint64_t count) {
    uint8_t chunk[COPY_CHUNK];
    int64_t at = 0;
    uint64_t done = 0;
    if (offset ? program_read(&at, offset, sizeof(at)) != 0 : false) {
        return -EFAULT;
    }
    if (!offset) {
        at = file_lseek(in_fd, 0, 1);
    }
    if (at < 0) {
        return !offset && at == -EBADF ? -EBADF : -EINVAL;
    }
    long result = 0;
    while (done < count) {
        uint64_t want = count - done < sizeof(chunk) ? count - done : sizeof(chunk);
        result = file_pread(in_fd, (uint64_t)(uintptr_t)chunk, want, (uint64_t)at + done);
        if (result > 0) {
            result = write_whole(out_fd, chunk, (uint64_t)result);
        }
        if (result <= 0) {
            break;
        }
        done += (uint64_t)result;
    }
    at += (int64_t)done;
    if (!offset) {
        file_lseek(in_fd, at, 0);
    } else if (program_write(offset, &at, sizeof(at))) {
        return -EFAULT;
    }
    return done ? (long)done : result;
}
