/* SPDX-License-Identifier: MIT */
/*
 * File system calls by path. A path that leads under /proc is the process server's: the vfs server
 * answers EREMOTE and, asked again, the canonical path, with which the process server is asked.
 */
#include "files.h"

#include <asm/stat.h>
#include <linux/stat.h>
#include <protocol/proc_client.h>

#define PAGE 4096ull
#define PATH_LONGEST 4096
#define REMOTE_LONGEST 256
#define AT_SYMLINK_NOFOLLOW 0x100
#define AT_EMPTY_PATH 0x1000
#define AT_FDCWD (-100)
#define UTIME_NOW ((1l << 30) - 1)
#define UTIME_OMIT ((1l << 30) - 2)
#define ACCESS_WRITE 2
#define ACCESS_EXECUTE 1
#define MODE_ANY_EXECUTE 0111
#define O_NOFOLLOW 0400000
#define LINKS_MOST 8
#define REMOTE_DEVICE 2 /* st_dev of the process server's part of the tree */

static void *pointer(uint64_t address) {
    return (void *)(uintptr_t)address;
}

/* A path as an input buffer: it ends with the page behind the one where the path begins. */
#define PATH(address) pointer(address), (2 * PAGE - ((address) & (PAGE - 1)))

/* A link's target in place of the link's own path: 0, or -ENAMETOOLONG. */
static long replace_by_target(char *path, const char *target, uint64_t length) {
    uint64_t at = 0;
    if (target[0] != '/') {
        for (uint64_t i = 0; path[i]; i++) {
            at = path[i] == '/' ? i + 1 : at;
        }
    }
    if (at + length >= REMOTE_LONGEST) {
        return -ENAMETOOLONG;
    }
    memcpy(path + at, target, length);
    path[at + length] = '\0';
    return 0;
}

/* Does an absolute path lead to the process server's part of the tree? */
static bool is_remote(const char *path) {
    return path[0] == '/' && path[1] == 'p' && path[2] == 'r' && path[3] == 'o' && path[4] == 'c' &&
           (path[5] == '/' || path[5] == '\0');
}

/*
 * The absolute path of one that got EREMOTE, links followed unless flags say otherwise; a link may
 * lead back to the vfs server's part. 0 or an errno.
 */
static long resolve(uint64_t dirfd, uint64_t path, uint32_t flags, char *canonical) {
    char target[REMOTE_LONGEST];
    long result =
        vfs_resolve(PK_SLOT_VFS, (int)dirfd, flags, PATH(path), canonical, REMOTE_LONGEST - 1);
    if (result < 0) {
        return result;
    }
    canonical[result] = '\0';
    for (int links = 0; !(flags & AT_SYMLINK_NOFOLLOW) && is_remote(canonical); links++) {
        result = proc_readlink(PK_SLOT_PROC, canonical, string_length(canonical) + 1, target,
                               sizeof(target));
        if (result < 0) {
            return result == -EINVAL ? 0 : result;
        }
        if (links == LINKS_MOST) {
            return -ELOOP;
        }
        result = replace_by_target(canonical, target, (uint64_t)result);
        if (result < 0) {
            return result;
        }
    }
    return 0;
}

/* A resolved path as an input buffer. */
#define TEXT(text) text, string_length(text) + 1

/* Changes under /proc are refused as a read-only part of the tree refuses them. */
static long refuse_remote(long result) {
    return result == -EREMOTE ? -EACCES : result;
}

long linux_openat(uint64_t dirfd, uint64_t path, uint64_t flags, uint64_t mode) {
    char canonical[REMOTE_LONGEST];
    long result =
        VFS_CALL(vfs_openat(PK_SLOT_VFS, (int)dirfd, (uint32_t)flags, (uint32_t)mode, PATH(path)));
    if (result != -EREMOTE) {
        return result;
    }
    result = resolve(dirfd, path, flags & O_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0, canonical);
    if (result < 0) {
        return result;
    }
    if (is_remote(canonical)) {
        return proc_open(PK_SLOT_PROC, (uint32_t)flags, TEXT(canonical));
    }
    return vfs_openat(PK_SLOT_VFS, AT_FDCWD, (uint32_t)flags, (uint32_t)mode, TEXT(canonical));
}

static long remote_stat(uint64_t dirfd, uint64_t path, uint64_t flags, uint64_t to) {
    char canonical[REMOTE_LONGEST];
    struct stat status;
    uint32_t mode = 0;
    uint64_t inode = 0;
    long result = resolve(dirfd, path, flags & AT_SYMLINK_NOFOLLOW, canonical);
    if (result == 0 && !is_remote(canonical)) {
        return vfs_fstatat(PK_SLOT_VFS, AT_FDCWD, (uint32_t)flags, TEXT(canonical), pointer(to),
                           sizeof(status));
    }
    result = result ? result : proc_stat(PK_SLOT_PROC, TEXT(canonical), &mode, &inode);
    if (result < 0) {
        return result;
    }
    memset(&status, 0, sizeof(status));
    status.st_dev = REMOTE_DEVICE;
    status.st_ino = inode;
    status.st_mode = mode;
    status.st_nlink = 1;
    status.st_blksize = (int)PAGE;
    return program_write(to, &status, sizeof(status));
}

/* fstat(3) of newer C libraries: an empty path, and the descriptor is meant. */
static bool is_fstat(uint64_t dirfd, uint64_t path, uint64_t flags) {
    char first;
    return (uint32_t)flags == AT_EMPTY_PATH && (int)dirfd >= 0 &&
           program_read(&first, path, sizeof(first)) == 0 && first == '\0';
}

long linux_newfstatat(uint64_t dirfd, uint64_t path, uint64_t status, uint64_t flags) {
    if (is_fstat(dirfd, path, flags)) {
        return linux_fstat(dirfd, status);
    }
    long result = VFS_CALL(vfs_fstatat(PK_SLOT_VFS, (int)dirfd, (uint32_t)flags, PATH(path),
                                       pointer(status), sizeof(struct stat)));
    return result == -EREMOTE ? remote_stat(dirfd, path, flags, status) : result;
}

static long remote_statx(uint64_t dirfd, uint64_t path, uint64_t flags, uint64_t mask,
                         uint64_t to) {
    char canonical[REMOTE_LONGEST];
    struct statx status;
    uint32_t mode = 0;
    uint64_t inode = 0;
    long result = resolve(dirfd, path, flags & AT_SYMLINK_NOFOLLOW, canonical);
    if (result == 0 && !is_remote(canonical)) {
        return vfs_statx(PK_SLOT_VFS, AT_FDCWD, (uint32_t)flags, (uint32_t)mask, TEXT(canonical),
                         pointer(to), sizeof(status));
    }
    result = result ? result : proc_stat(PK_SLOT_PROC, TEXT(canonical), &mode, &inode);
    if (result < 0) {
        return result;
    }
    memset(&status, 0, sizeof(status));
    status.stx_mask = STATX_BASIC_STATS;
    status.stx_dev_minor = REMOTE_DEVICE;
    status.stx_ino = inode;
    status.stx_mode = (uint16_t)mode;
    status.stx_nlink = 1;
    status.stx_blksize = (uint32_t)PAGE;
    return program_write(to, &status, sizeof(status));
}

long linux_statx(uint64_t dirfd, uint64_t path, uint64_t flags, uint64_t mask, uint64_t status) {
    long result = VFS_CALL(vfs_statx(PK_SLOT_VFS, (int)dirfd, (uint32_t)flags, (uint32_t)mask,
                                     PATH(path), pointer(status), sizeof(struct statx)));
    return result == -EREMOTE ? remote_statx(dirfd, path, flags, mask, status) : result;
}

long linux_statfs(uint64_t path, uint64_t status) {
    return refuse_remote(VFS_CALL(vfs_statfs(PK_SLOT_VFS, PATH(path), pointer(status), 120)));
}

long linux_faccessat2(uint64_t dirfd, uint64_t path, uint64_t mode, uint64_t flags) {
    char canonical[REMOTE_LONGEST];
    uint32_t have = 0;
    uint64_t inode = 0;
    long result = VFS_CALL(
        vfs_faccessat(PK_SLOT_VFS, (int)dirfd, (uint32_t)mode, (uint32_t)flags, PATH(path)));
    if (result != -EREMOTE) {
        return result;
    }
    result = resolve(dirfd, path, flags & AT_SYMLINK_NOFOLLOW, canonical);
    if (result == 0 && !is_remote(canonical)) {
        return vfs_faccessat(PK_SLOT_VFS, AT_FDCWD, (uint32_t)mode, (uint32_t)flags,
                             TEXT(canonical));
    }
    result = result ? result : proc_stat(PK_SLOT_PROC, TEXT(canonical), &have, &inode);
    if (result < 0) {
        return result;
    }
    bool refused = (mode & ACCESS_WRITE) || ((mode & ACCESS_EXECUTE) && !(have & MODE_ANY_EXECUTE));
    return refused ? -EACCES : 0;
}

long linux_faccessat(uint64_t dirfd, uint64_t path, uint64_t mode) {
    return linux_faccessat2(dirfd, path, mode, 0);
}

long linux_readlinkat(uint64_t dirfd, uint64_t path, uint64_t target, uint64_t length) {
    char canonical[REMOTE_LONGEST];
    if ((int)length <= 0) {
        return -EINVAL;
    }
    long result = VFS_CALL(
        vfs_readlinkat(PK_SLOT_VFS, (int)dirfd, PATH(path), pointer(target), (uint32_t)length));
    if (result != -EREMOTE) {
        return result;
    }
    result = resolve(dirfd, path, AT_SYMLINK_NOFOLLOW, canonical);
    return result < 0
               ? result
               : proc_readlink(PK_SLOT_PROC, TEXT(canonical), pointer(target), (uint32_t)length);
}

long linux_mkdirat(uint64_t dirfd, uint64_t path, uint64_t mode) {
    return refuse_remote(
        VFS_CALL(vfs_mkdirat(PK_SLOT_VFS, (int)dirfd, (uint32_t)mode, PATH(path))));
}

long linux_mknodat(uint64_t dirfd, uint64_t path, uint64_t mode, uint64_t device) {
    return refuse_remote(VFS_CALL(
        vfs_mknodat(PK_SLOT_VFS, (int)dirfd, (uint32_t)mode, (uint32_t)device, PATH(path))));
}

long linux_unlinkat(uint64_t dirfd, uint64_t path, uint64_t flags) {
    return refuse_remote(
        VFS_CALL(vfs_unlinkat(PK_SLOT_VFS, (int)dirfd, (uint32_t)flags, PATH(path))));
}

/* A path of the program's with its NUL; its length with NUL, or an errno. */
static long copy_path(char *to, uint64_t from) {
    uint64_t done = 0;
    while (done < PATH_LONGEST) {
        uint64_t step = PAGE - ((from + done) & (PAGE - 1));
        step = step < 64 ? step : 64;
        step = step < PATH_LONGEST - done ? step : PATH_LONGEST - done;
        if (program_read(to + done, from + done, step)) {
            return -EFAULT;
        }
        for (uint64_t end = done + step; done < end; done++) {
            if (to[done] == '\0') {
                return (long)done + 1;
            }
        }
    }
    return -ENAMETOOLONG;
}

struct two_paths {
    char text[2 * PATH_LONGEST];
};

/* Two paths, one after the other; the length of both, or an errno. */
static long copy_two(struct two_paths *paths, uint64_t first, uint64_t second) {
    long length = copy_path(paths->text, first);
    if (length < 0) {
        return length;
    }
    long more = copy_path(paths->text + length, second);
    return more < 0 ? more : length + more;
}

long linux_renameat2(uint64_t old_dirfd, uint64_t old_path, uint64_t new_dirfd, uint64_t new_path,
                     uint64_t flags) {
    struct two_paths paths;
    long length = copy_two(&paths, old_path, new_path);
    return length < 0 ? length
                      : VFS_CALL(vfs_renameat(PK_SLOT_VFS, (int)old_dirfd, (int)new_dirfd,
                                              (uint32_t)flags, paths.text, (uint64_t)length));
}

long linux_linkat(uint64_t old_dirfd, uint64_t old_path, uint64_t new_dirfd, uint64_t new_path,
                  uint64_t flags) {
    struct two_paths paths;
    long length = copy_two(&paths, old_path, new_path);
    return length < 0 ? length
                      : VFS_CALL(vfs_linkat(PK_SLOT_VFS, (int)old_dirfd, (int)new_dirfd,
                                            (uint32_t)flags, paths.text, (uint64_t)length));
}

long linux_symlinkat(uint64_t target, uint64_t dirfd, uint64_t path) {
    struct two_paths paths;
    long length = copy_two(&paths, target, path);
    return length < 0 ? length
                      : refuse_remote(VFS_CALL(
                            vfs_symlinkat(PK_SLOT_VFS, (int)dirfd, paths.text, (uint64_t)length)));
}

long linux_chdir(uint64_t path) {
    return refuse_remote(VFS_CALL(vfs_chdir(PK_SLOT_VFS, PATH(path))));
}

long linux_chroot(uint64_t path) {
    return VFS_CALL(vfs_chroot(PK_SLOT_VFS, PATH(path)));
}

long linux_getcwd(uint64_t buffer, uint64_t length) {
    return VFS_CALL(vfs_getcwd(PK_SLOT_VFS, pointer(buffer), length));
}

long linux_truncate(uint64_t path, uint64_t length) {
    return refuse_remote(VFS_CALL(vfs_truncate(PK_SLOT_VFS, (int64_t)length, PATH(path))));
}

long linux_fchmodat(uint64_t dirfd, uint64_t path, uint64_t mode) {
    return refuse_remote(
        VFS_CALL(vfs_fchmodat(PK_SLOT_VFS, (int)dirfd, (uint32_t)mode, 0, PATH(path))));
}

long linux_fchmodat2(uint64_t dirfd, uint64_t path, uint64_t mode, uint64_t flags) {
    return refuse_remote(VFS_CALL(
        vfs_fchmodat(PK_SLOT_VFS, (int)dirfd, (uint32_t)mode, (uint32_t)flags, PATH(path))));
}

long linux_fchownat(uint64_t dirfd, uint64_t path, uint64_t uid, uint64_t gid, uint64_t flags) {
    return refuse_remote(VFS_CALL(vfs_fchownat(PK_SLOT_VFS, (int)dirfd, (uint32_t)uid,
                                               (uint32_t)gid, (uint32_t)flags, PATH(path))));
}

/* A time of utimensat(2) as the vfs server takes it; false if its nanoseconds are out of range. */
static bool file_time(const struct linux_timespec *time, int64_t *ns) {
    if (time->nanoseconds == UTIME_NOW || time->nanoseconds == UTIME_OMIT) {
        *ns = time->nanoseconds == UTIME_NOW ? VFS_TIME_NOW : VFS_TIME_OMIT;
        return true;
    }
    if (time->nanoseconds < 0 || time->nanoseconds >= (int64_t)NS_PER_SECOND) {
        return false;
    }
    *ns = time->seconds * (int64_t)NS_PER_SECOND + time->nanoseconds;
    return true;
}

long linux_utimensat(uint64_t dirfd, uint64_t path, uint64_t times, uint64_t flags) {
    struct linux_timespec both[2];
    int64_t access_ns = VFS_TIME_NOW;
    int64_t modification_ns = VFS_TIME_NOW;
    if (times) {
        if (program_read(both, times, sizeof(both))) {
            return -EFAULT;
        }
        if (!file_time(&both[0], &access_ns) || !file_time(&both[1], &modification_ns)) {
            return -EINVAL;
        }
    }
    if (!path) {
        return (int)dirfd == AT_FDCWD ? -EFAULT
                                      : VFS_CALL(vfs_utimensat(PK_SLOT_VFS, (int)dirfd,
                                                               (uint32_t)flags | AT_EMPTY_PATH,
                                                               access_ns, modification_ns, 0, 0));
    }
    return refuse_remote(VFS_CALL(vfs_utimensat(PK_SLOT_VFS, (int)dirfd, (uint32_t)flags, access_ns,
                                                modification_ns, PATH(path))));
}
