/* SPDX-License-Identifier: MIT */
/* File system calls on descriptors but reads and writes (file_data.c); each is one message to the vfs server. */
#include "files.h"
#include <protocol/proc_client.h>

#define SIGTTOU 22
#define TIOCSPGRP 0x5410
#define AT_EMPTY_PATH 0x1000
#define O_PATH 010000000
#define F_GETFL 3
#define F_GETLK 5
#define F_SETLKW 7
#define F_OFD_GETLK 36
#define F_OFD_SETLKW 38
#define IOCTL_BYTES 64 /* protocols/vfs.toml */

long linux_close(uint64_t fd) {
    return VFS_CALL(vfs_close(PK_SLOT_VFS, (int)fd));
}

PERSONALITY_AGAIN(lseek, PK_SLOT_VFS, vfs_lseek(PK_SLOT_VFS, (int)a[0], (int64_t)a[1], (int)a[2]))

/* Called by foreign_entry only, as PERSONALITY_AGAIN demands. */
long linux_lseek(uint64_t fd, uint64_t offset, uint64_t whence) {
    return personality_try(lseek, vfs_lseek(PK_SLOT_VFS, (int)fd, (int64_t)offset, (int)whence));
}

long linux_dup(uint64_t fd) {
    return VFS_CALL(vfs_dup(PK_SLOT_VFS, (int)fd));
}

long linux_dup3(uint64_t old_fd, uint64_t new_fd, uint64_t flags) {
    return VFS_CALL(vfs_dup3(PK_SLOT_VFS, (int)old_fd, (int)new_fd, (uint32_t)flags));
}

#define FLOCK_BYTES 32

static bool is_record_lock(uint64_t command) {
    return (command >= F_GETLK && command <= F_SETLKW) ||
           (command >= F_OFD_GETLK && command <= F_OFD_SETLKW);
}

long linux_fcntl(uint64_t fd, uint64_t command, uint64_t argument) {
    if (is_record_lock((uint32_t)command)) {
        return VFS_CALL(vfs_lock(PK_SLOT_VFS, (int)fd, (int)command, pointer(argument), FLOCK_BYTES,
                                 pointer(argument), FLOCK_BYTES));
    }
    return VFS_CALL(vfs_fcntl(PK_SLOT_VFS, (int)fd, (int)command, argument));
}

long linux_flock(uint64_t fd, uint64_t operation) {
    return VFS_CALL(vfs_flock(PK_SLOT_VFS, (int)fd, (uint32_t)operation));
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
    if (result == -ENOTTY) {
        return termio_ioctl(fd, (uint32_t)request, argument);
    }
    return result == -EREMOTE ? terminal_request(fd, request, argument) : result;
}

long linux_fstat(uint64_t fd, uint64_t status) {
    return STATUS_CALL(vfs_fstat(PK_SLOT_VFS, (int)fd, pointer(status), 128));
}

long linux_fstatfs(uint64_t fd, uint64_t status) {
    return VFS_CALL(vfs_fstatfs(PK_SLOT_VFS, (int)fd, pointer(status), STATFS_BYTES));
}

long linux_getdents64(uint64_t fd, uint64_t entries, uint64_t length) {
    long result = VFS_CALL(vfs_getdents(PK_SLOT_VFS, (int)fd, pointer(entries), (uint32_t)length));
    return result == -EREMOTE ? MADE_ANEW(fd, vfs_getdents(PK_SLOT_VFS, (int)fd, pointer(entries),
                                                           (uint32_t)length))
                              : result;
}

long linux_ftruncate(uint64_t fd, uint64_t length) {
    return raise_on_long_file(VFS_CALL(vfs_ftruncate(PK_SLOT_VFS, (int)fd, (int64_t)length)));
}

long linux_fallocate(uint64_t fd, uint64_t mode, uint64_t offset, uint64_t length) {
    return raise_on_long_file(VFS_CALL(
        vfs_fallocate(PK_SLOT_VFS, (int)fd, (uint32_t)mode, (int64_t)offset, (int64_t)length)));
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

long linux_mmap_file(int fd, int prot, int flags, uint64_t offset, uint64_t length) {
    uint64_t object = 0;
    uint64_t size;
    long result =
        VFS_CALL(vfs_mmap(PK_SLOT_VFS, fd, (uint32_t)prot, (uint32_t)flags, &size, &object));
    if (result < 0) {
        return result;
    }
    if (size == VFS_MMAP_ZEROS) {
        return 0;
    }
    if (offset > INT64_MAX || length > INT64_MAX - offset) {
        must(pk_cap_drop(0, object));
        return -EOVERFLOW;
    }
    return (long)object;
}

long linux_check_descriptor(int fd) {
    long flags = linux_fcntl((uint64_t)fd, F_GETFL, 0);
    return flags < 0 || flags & O_PATH ? -EBADF : 0;
}
