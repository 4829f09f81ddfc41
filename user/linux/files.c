/* SPDX-License-Identifier: MIT */
/* File system calls on descriptors; each is one message to the vfs server but for vectors. */
#include "files.h"
#include <protocol/proc_client.h>

#define SIGPIPE 13
#define SIGTTIN 21
#define SIGTTOU 22
#define TIOCSPGRP 0x5410
#define AT_EMPTY_PATH 0x1000
#define IOCTL_BYTES 64    /* protocols/vfs.toml */
#define VECTORS_MOST 1024 /* IOV_MAX */
#define BATCH 8
#define JOINED_MOST 1024 /* a vector's pieces that go as one message */
#define COPY_CHUNK 2048
#define NO_OFFSET UINT64_MAX

struct vector {
    uint64_t base;
    uint64_t length;
};

static void *pointer(uint64_t address) {
    return (void *)(uintptr_t)address;
}

/* A write to a pipe that nobody reads raises SIGPIPE too (write(2)). */
static long raise_on_broken_pipe(long result) {
    if (result == -EPIPE) {
        personality_raise(SIGPIPE);
    }
    return result;
}

long linux_close(uint64_t fd) {
    return VFS_CALL(vfs_close(PK_SLOT_VFS, (int)fd));
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

/*
 * The process server makes what is in the file, each time that a reader begins anew. Somebody else who has the file
 * open may take what was made for this reader; then it is made again.
 */
#define MADE_ANEW(fd, expr)                                                                        \
    ({                                                                                             \
        long made_;                                                                                \
        do {                                                                                       \
            made_ = proc_refresh(PK_SLOT_PROC, (int)(fd));                                         \
            if (made_ == 0)                                                                        \
                made_ = (expr);                                                                    \
        } while (made_ == -EREMOTE);                                                               \
        made_;                                                                                     \
    })

/* A read that vfs cannot do alone: another server has a word in it. */
static __attribute__((noinline, cold)) long read_with_others(long result, uint64_t fd,
                                                             uint64_t buffer, uint64_t length) {
    if (result == -ERESTART) {
        return read_in_background(fd, buffer, length);
    }
    return result == -EREMOTE
               ? MADE_ANEW(fd, vfs_read(PK_SLOT_VFS, (int)fd, pointer(buffer), length))
               : result;
}

long linux_read(uint64_t fd, uint64_t buffer, uint64_t length) {
    long result = VFS_CALL(vfs_read(PK_SLOT_VFS, (int)fd, pointer(buffer), length));
    return __builtin_expect(result < 0, 0) ? read_with_others(result, fd, buffer, length) : result;
}

long linux_write(uint64_t fd, uint64_t buffer, uint64_t length) {
    long result = VFS_CALL(vfs_write(PK_SLOT_VFS, (int)fd, pointer(buffer), length));
    if (__builtin_expect(result == -ERESTART, 0)) {
        result = write_in_background(fd, buffer, length);
    }
    return raise_on_broken_pipe(result);
}

long linux_pread64(uint64_t fd, uint64_t buffer, uint64_t length, uint64_t offset) {
    long result =
        VFS_CALL(vfs_pread(PK_SLOT_VFS, (int)fd, (int64_t)offset, pointer(buffer), length));
    return __builtin_expect(result == -EREMOTE, 0)
               ? MADE_ANEW(
                     fd, vfs_pread(PK_SLOT_VFS, (int)fd, (int64_t)offset, pointer(buffer), length))
               : result;
}

long linux_pwrite64(uint64_t fd, uint64_t buffer, uint64_t length, uint64_t offset) {
    return VFS_CALL(vfs_pwrite(PK_SLOT_VFS, (int)fd, (int64_t)offset, pointer(buffer), length));
}

static long move(bool writes, uint64_t fd, uint64_t buffer, uint64_t length, uint64_t offset) {
    if (offset == NO_OFFSET) {
        return writes ? linux_write(fd, buffer, length) : linux_read(fd, buffer, length);
    }
    return writes ? linux_pwrite64(fd, buffer, length, offset)
                  : linux_pread64(fd, buffer, length, offset);
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

/* Would a read find something, or an end, at once? */
static bool is_ready(uint64_t fd) {
    struct {
        int32_t fd;
        int16_t events;
        int16_t revents;
    } request = {(int32_t)fd, 1, 0};
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
        if (done > 0 && !writes && offset == NO_OFFSET && !is_ready(fd)) {
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
        return total;
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

/* Writes all of a chunk that was read already; how much was written. */
static long write_whole(uint64_t fd, const uint8_t *chunk, uint64_t length) {
    uint64_t done = 0;
    while (done < length) {
        long count = linux_write(fd, (uint64_t)(uintptr_t)(chunk + done), length - done);
        if (count <= 0) {
            return done ? (long)done : count;
        }
        done += (uint64_t)count;
    }
    return (long)done;
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
        at = linux_lseek(in_fd, 0, 1);
    }
    if (at < 0) {
        return !offset && at == -EBADF ? -EBADF : -EINVAL;
    }
    long result = 0;
    while (done < count) {
        uint64_t want = count - done < sizeof(chunk) ? count - done : sizeof(chunk);
        result = linux_pread64(in_fd, (uint64_t)(uintptr_t)chunk, want, (uint64_t)at + done);
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
        linux_lseek(in_fd, (uint64_t)at, 0);
    } else if (program_write(offset, &at, sizeof(at))) {
        return -EFAULT;
    }
    return done ? (long)done : result;
}

long linux_lseek(uint64_t fd, uint64_t offset, uint64_t whence) {
    return VFS_CALL(vfs_lseek(PK_SLOT_VFS, (int)fd, (int64_t)offset, (int)whence));
}

long linux_dup(uint64_t fd) {
    return VFS_CALL(vfs_dup(PK_SLOT_VFS, (int)fd));
}

long linux_dup3(uint64_t old_fd, uint64_t new_fd, uint64_t flags) {
    return VFS_CALL(vfs_dup3(PK_SLOT_VFS, (int)old_fd, (int)new_fd, (uint32_t)flags));
}

long linux_fcntl(uint64_t fd, uint64_t command, uint64_t argument) {
    return VFS_CALL(vfs_fcntl(PK_SLOT_VFS, (int)fd, (int)command, argument));
}

/* Requests about sessions and groups are the process server's (EREMOTE). */
static long terminal_request(uint64_t fd, uint64_t request, uint64_t argument) {
    int32_t value = (int32_t)argument;
    long result;
    if (request == TIOCSPGRP && program_read(&value, argument, sizeof(value))) {
        return -EFAULT;
    }
    do {
        result = proc_terminal(PK_SLOT_PROC, (int)fd, (uint32_t)request, value);
    } while (result == -ERESTART);
    return result;
}

static long device_request(uint64_t fd, uint64_t request, uint64_t argument, uint32_t flags) {
    return VFS_CALL(vfs_ioctl(PK_SLOT_VFS, (int)fd, (uint32_t)request, argument, flags,
                              pointer(argument), IOCTL_BYTES, pointer(argument), IOCTL_BYTES));
}

long linux_ioctl(uint64_t fd, uint64_t request, uint64_t argument) {
    long result = device_request(fd, request, argument, 0);
    while (result == -ERESTART) {
        result = proc_background(PK_SLOT_PROC, SIGTTOU);
        if (result >= 0) {
            result = device_request(fd, request, argument, result ? VFS_IOCTL_ANYWAY : 0);
        }
    }
    return result == -EREMOTE ? terminal_request(fd, request, argument) : result;
}

long linux_fstat(uint64_t fd, uint64_t status) {
    return VFS_CALL(vfs_fstat(PK_SLOT_VFS, (int)fd, pointer(status), 128));
}

long linux_fstatfs(uint64_t fd, uint64_t status) {
    return VFS_CALL(vfs_fstatfs(PK_SLOT_VFS, (int)fd, pointer(status), 120));
}

long linux_getdents64(uint64_t fd, uint64_t entries, uint64_t length) {
    long result = VFS_CALL(vfs_getdents(PK_SLOT_VFS, (int)fd, pointer(entries), (uint32_t)length));
    return result == -EREMOTE ? MADE_ANEW(fd, vfs_getdents(PK_SLOT_VFS, (int)fd, pointer(entries),
                                                           (uint32_t)length))
                              : result;
}

long linux_ftruncate(uint64_t fd, uint64_t length) {
    return VFS_CALL(vfs_ftruncate(PK_SLOT_VFS, (int)fd, (int64_t)length));
}

long linux_fallocate(uint64_t fd, uint64_t mode, uint64_t offset, uint64_t length) {
    return VFS_CALL(
        vfs_fallocate(PK_SLOT_VFS, (int)fd, (uint32_t)mode, (int64_t)offset, (int64_t)length));
}

long linux_close_range(uint64_t first, uint64_t last, uint64_t flags) {
    return VFS_CALL(vfs_close_range(PK_SLOT_VFS, (uint32_t)first, (uint32_t)last, (uint32_t)flags));
}

long linux_fsync(uint64_t fd) {
    return VFS_CALL(vfs_fsync(PK_SLOT_VFS, (int)fd));
}

long linux_fdatasync(uint64_t fd) {
    return linux_fsync(fd);
}

long linux_fchmod(uint64_t fd, uint64_t mode) {
    return VFS_CALL(vfs_fchmodat(PK_SLOT_VFS, (int)fd, (uint32_t)mode, AT_EMPTY_PATH, 0, 0));
}

long linux_fchown(uint64_t fd, uint64_t uid, uint64_t gid) {
    return VFS_CALL(
        vfs_fchownat(PK_SLOT_VFS, (int)fd, (uint32_t)uid, (uint32_t)gid, AT_EMPTY_PATH, 0, 0));
}

long linux_fchdir(uint64_t fd) {
    return VFS_CALL(vfs_fchdir(PK_SLOT_VFS, (int)fd));
}

long linux_pipe2(uint64_t descriptors, uint64_t flags) {
    return VFS_CALL(vfs_pipe(PK_SLOT_VFS, (uint32_t)flags, pointer(descriptors), 8));
}

long linux_umask(uint64_t mask) {
    return VFS_CALL(vfs_umask(PK_SLOT_VFS, (uint32_t)mask));
}

long linux_mmap_file(int fd, int prot, int flags, uint64_t offset) {
    uint64_t object = 0;
    uint64_t size;
    if ((int64_t)offset < 0) {
        return -EOVERFLOW;
    }
    long result =
        VFS_CALL(vfs_mmap(PK_SLOT_VFS, fd, (uint32_t)prot, (uint32_t)flags, &size, &object));
    return result < 0 ? result : (long)object;
}
