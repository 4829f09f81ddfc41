/* SPDX-License-Identifier: MIT */
/*
 * Calls that say how files and memory will be used, or that they shall be safe or stay in memory. All files and
 * all memory are in memory already, so what is left to do is to check what the caller named.
 */
#include "files.h"
#include "personality.h"

#define PAGE 4096ul

#define KIND_MASK 0170000u
#define KIND_FIFO 0010000u
#define KIND_REGULAR 0100000u

/* A descriptor's kind of file, by fstat's mode. */
static long file_kind(uint64_t fd, uint32_t *kind) {
    uint64_t status[16]; /* struct stat: the mode stands behind device and inode */
    long error = linux_fstat(fd, (uint64_t)status);
    *kind = (uint32_t)status[2] & KIND_MASK;
    return error;
}

/* sync(2): there is no disk. */
long linux_sync(void) {
    return 0;
}

long linux_syncfs(uint64_t fd) {
    uint64_t status[15];
    return linux_fstatfs(fd, (uint64_t)status);
}

#define SYNC_FILE_RANGE_ALL 7u

long linux_sync_file_range(uint64_t fd, int64_t offset, int64_t count, uint64_t flags) {
    if (flags & ~(uint64_t)SYNC_FILE_RANGE_ALL || offset < 0 || count < 0 ||
        offset > INT64_MAX - count)
        return -EINVAL;
    return linux_fsync(fd);
}

#define POSIX_FADV_LAST 5

/* posix_fadvise(2) */
long linux_fadvise64(uint64_t fd, int64_t offset, int64_t length, int advice) {
    (void)offset;
    uint32_t kind;
    long error = file_kind(fd, &kind);
    if (error < 0)
        return error;
    if (kind == KIND_FIFO)
        return -ESPIPE;
    return length < 0 || advice < 0 || advice > POSIX_FADV_LAST ? -EINVAL : 0;
}

long linux_readahead(uint64_t fd, int64_t offset, uint64_t count) {
    uint32_t kind;
    (void)offset, (void)count;
    long error = file_kind(fd, &kind);
    return error < 0 ? error : kind == KIND_REGULAR ? 0 : -EINVAL;
}

#define MCL_CURRENT 1
#define MCL_FUTURE 2
#define MCL_ONFAULT 4

/* mlockall(2): memory is never paged out. */
long linux_mlockall(int flags) {
    return flags == 0 || flags == MCL_ONFAULT || flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)
               ? -EINVAL
               : 0;
}

long linux_munlockall(void) {
    return 0;
}

long linux_mlock2(uint64_t address, uint64_t length, uint64_t flags) {
    return flags & ~1ul ? -EINVAL : linux_mlock(address, length);
}

/* mincore(2): what is mapped counts as resident; a first touch is a fault, but never waits for a disk. */
long linux_mincore(uint64_t address, uint64_t length, uint8_t *out) {
    if (address % PAGE)
        return -EINVAL;
    uint64_t pages = (length + PAGE - 1) / PAGE;
    if (length > ~0ul - PAGE || linux_mlock(address, length) < 0)
        return -ENOMEM;
    static const uint8_t resident[64] = {[0 ... 63] = 1};
    for (uint64_t done = 0; done < pages; done += sizeof resident) {
        uint64_t n = pages - done < sizeof resident ? pages - done : sizeof resident;
        if (user_put(out + done, resident, n) < 0)
            return -EFAULT;
    }
    return 0;
}

/* xattr(7): no file system here has any. */
long linux_xattr(void) {
    return -EOPNOTSUPP;
}
