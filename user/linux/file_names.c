/* SPDX-License-Identifier: MIT */
/*
 * File system calls by path. A path that leads under /proc is the process server's: the vfs server
 * answers EREMOTE and, asked again, the canonical path, with which the process server is asked.
 */
#include "files.h"

#include <asm/stat.h>
#include <linux/stat.h>
#include <protocol/proc_client.h>

#define PAGE PROGRAM_PAGE
#define PATH_LONGEST 4096
#define AT_SYMLINK_NOFOLLOW 0x100
#define AT_EACCESS 0x200
#define AT_EMPTY_PATH 0x1000
#define AT_FDCWD (-100)
#define UTIME_NOW ((1l << 30) - 1)
#define UTIME_OMIT ((1l << 30) - 2)
#define O_NOFOLLOW 0400000
#define O_ACCMODE 03ul
#define O_CREAT 0100ul
#define O_EXCL 0200ul
#define O_NONBLOCK 04000ul
#define O_CLOEXEC 02000000ul
#define NAME_LONGEST 255
#define REMOTE_DEVICE 2 /* st_dev of the process server's part of the tree */

/* The canonical absolute path of one that got EREMOTE: 0 or an errno. Its links are the process server's to follow. */
static long resolve(uint64_t dirfd, uint64_t path, uint32_t flags, char *canonical) {
    long result =
        vfs_resolve(PK_SLOT_VFS, (int)dirfd, flags, PATH(path), canonical, PATH_LONGEST - 1);
    if (result >= 0) {
        canonical[result] = '\0';
    }
    return result < 0 ? result : 0;
}

/* A resolved path as an input buffer. */
#define TEXT(text) text, string_length(text) + 1

/* Changes under /proc are refused as a read-only part of the tree refuses them. */
static long refuse_remote(long result) {
    return result == -EREMOTE ? -EACCES : result;
}

static __attribute__((noinline)) long remote_open(uint64_t dirfd, uint64_t path, uint64_t flags) {
    char canonical[PATH_LONGEST];
    long result = resolve(dirfd, path, flags & O_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0, canonical);
    return result < 0 ? result : proc_open(PK_SLOT_PROC, (uint32_t)flags, TEXT(canonical));
}

/* One that is to be made, and is another server's: in the directory of message queues. */
static __attribute__((noinline)) long served_open(uint64_t dirfd, uint64_t path, uint64_t flags,
                                                  uint64_t mode) {
    char name[NAME_LONGEST + 1];
    uint32_t walk = VFS_RESOLVE_NEW | (flags & (O_NOFOLLOW | O_EXCL) ? AT_SYMLINK_NOFOLLOW : 0);
    long length = vfs_resolve(PK_SLOT_VFS, (int)dirfd, walk, PATH(path), name, NAME_LONGEST);
    if (length < 0) {
        return length;
    }
    name[length] = '\0';
    return linux_mq_create(name, flags & (O_ACCMODE | O_CREAT | O_EXCL | O_NONBLOCK | O_CLOEXEC),
                           mode);
}

/* What vfs leaves to others. */
static long open_elsewhere(uint64_t dirfd, uint64_t path, uint64_t flags, uint64_t mode,
                           long result) {
    return result == -EREMOTE   ? remote_open(dirfd, path, flags)
           : result == -EREMCHG ? served_open(dirfd, path, flags, mode)
                                : result;
}

long linux_openat(uint64_t dirfd, uint64_t path, uint64_t flags, uint64_t mode) {
    long result =
        VFS_CALL(vfs_openat(PK_SLOT_VFS, (int)dirfd, (uint32_t)flags, (uint32_t)mode, PATH(path)));
    return result < 0 ? open_elsewhere(dirfd, path, flags, mode, result) : result;
}

/* struct open_how, as its first version has it; later members must be 0. */
struct open_how {
    uint64_t flags, mode, resolve;
};
#define HOW_MOST 4096
#define OPEN_FLAGS 037777703ul /* all that there are */
#define OPEN_PATH_FLAGS 012600000ul
#define O_PATH 010000000ul
#define O_TMPFILE 020000000ul
#define RESOLVE_FLAGS 0x3ful
#define RESOLVE_BENEATH 8ul
#define RESOLVE_IN_ROOT 16ul

static long read_how(uint64_t address, uint64_t size, struct open_how *how) {
    if (size < sizeof(*how)) {
        return -EINVAL;
    }
    if (size > HOW_MOST) {
        return -E2BIG;
    }
    if (program_read(how, address, sizeof(*how))) {
        return -EFAULT;
    }
    for (uint64_t at = sizeof(*how); at < size; at++) {
        char byte;
        if (program_read(&byte, address + at, 1)) {
            return -EFAULT;
        }
        if (byte) {
            return -E2BIG;
        }
    }
    return 0;
}

/* Unlike openat(2) it refuses what it does not know. */
static long check_how(const struct open_how *how) {
    uint64_t known = how->flags & O_PATH ? OPEN_PATH_FLAGS : OPEN_FLAGS;
    bool makes = how->flags & (O_CREAT | O_TMPFILE);
    if (how->flags & ~known || how->mode & ~(makes ? 07777ul : 0) ||
        how->resolve & ~RESOLVE_FLAGS ||
        (how->resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) ==
            (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) {
        return -EINVAL;
    }
    return 0;
}

long linux_openat2(uint64_t dirfd, uint64_t path, uint64_t how_at, uint64_t size) {
    struct open_how how;
    long result = read_how(how_at, size, &how);
    if (result == 0) {
        result = check_how(&how);
    }
    if (result < 0) {
        return result;
    }
    if (!how.resolve) {
        return linux_openat(dirfd, path, how.flags, how.mode);
    }
    result = VFS_CALL(vfs_openat2(PK_SLOT_VFS, (int)dirfd, (uint32_t)how.flags, (uint32_t)how.mode,
                                  (uint32_t)how.resolve, PATH(path)));
    return result < 0 ? open_elsewhere(dirfd, path, how.flags, how.mode, result) : result;
}

struct remote_status {
    uint64_t inode;
    uint32_t mode, uid, gid;
};

/* What is at a path that got EREMOTE, if the caller has such permission. */
static __attribute__((noinline)) long remote_status(uint64_t dirfd, uint64_t path, uint64_t flags,
                                                    uint32_t want, struct remote_status *out) {
    char canonical[PATH_LONGEST];
    uint32_t walk = flags & (AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH);
    long result = resolve(dirfd, path, walk, canonical);
    return result < 0 ? result
                      : proc_stat(PK_SLOT_PROC, !(flags & AT_SYMLINK_NOFOLLOW), want,
                                  TEXT(canonical), &out->inode, &out->mode, &out->uid, &out->gid);
}

/* What is made up when it is looked at is as old as that. */
static long seconds_now(void) {
    return (long)(clock_realtime_ns() / NS_PER_SECOND);
}

static long remote_stat(uint64_t dirfd, uint64_t path, uint64_t flags, uint64_t to) {
    struct remote_status found;
    struct stat status;
    long result = remote_status(dirfd, path, flags, 0, &found);
    if (result < 0) {
        return result;
    }
    memset(&status, 0, sizeof(status));
    status.st_dev = REMOTE_DEVICE;
    status.st_ino = found.inode;
    status.st_mode = found.mode;
    status.st_uid = found.uid;
    status.st_gid = found.gid;
    status.st_nlink = 1;
    status.st_atime = status.st_mtime = status.st_ctime = seconds_now();
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
    long result = STATUS_CALL(vfs_fstatat(PK_SLOT_VFS, (int)dirfd, (uint32_t)flags, PATH(path),
                                          pointer(status), sizeof(struct stat)));
    return result == -EREMOTE ? remote_stat(dirfd, path, flags, status) : result;
}

static long remote_statx(uint64_t dirfd, uint64_t path, uint64_t flags, uint64_t to) {
    struct remote_status found;
    struct statx status;
    long result = remote_status(dirfd, path, flags, 0, &found);
    if (result < 0) {
        return result;
    }
    memset(&status, 0, sizeof(status));
    status.stx_mask = STATX_BASIC_STATS;
    status.stx_dev_minor = REMOTE_DEVICE;
    status.stx_ino = found.inode;
    status.stx_mode = (uint16_t)found.mode;
    status.stx_uid = found.uid;
    status.stx_gid = found.gid;
    status.stx_nlink = 1;
    status.stx_atime.tv_sec = status.stx_mtime.tv_sec = status.stx_ctime.tv_sec = seconds_now();
    status.stx_blksize = (uint32_t)PAGE;
    return program_write(to, &status, sizeof(status));
}

long linux_statx(uint64_t dirfd, uint64_t path, uint64_t flags, uint64_t mask, uint64_t status) {
    long result = STATUS_CALL(vfs_statx(PK_SLOT_VFS, (int)dirfd, (uint32_t)flags, (uint32_t)mask,
                                        PATH(path), pointer(status), sizeof(struct statx)));
    return result == -EREMOTE ? remote_statx(dirfd, path, flags, status) : result;
}

struct statfs {
    int64_t type, block_size;
    uint64_t blocks, free, available, files, free_files, id;
    int64_t name_length, fragment_size, flags, spare[4];
};
_Static_assert(sizeof(struct statfs) == STATFS_BYTES, "Linux's struct statfs");

/* Of what the process server makes up, as vfs tells it of open files. */
static __attribute__((noinline)) long remote_statfs(uint64_t path, uint64_t status) {
    static const struct statfs proc = {
        .type = 0x9fa0, .block_size = 4096, .name_length = 255, .fragment_size = 4096};
    struct remote_status found;
    long error = remote_status((uint64_t)AT_FDCWD, path, 0, 0, &found);
    return error < 0 ? error : user_put(pointer(status), &proc, sizeof proc);
}

long linux_statfs(uint64_t path, uint64_t status) {
    long result = VFS_CALL(vfs_statfs(PK_SLOT_VFS, PATH(path), pointer(status), STATFS_BYTES));
    return result == -EREMOTE ? remote_statfs(path, status) : result;
}

long linux_faccessat2(uint64_t dirfd, uint64_t path, uint64_t mode, uint64_t flags) {
    struct remote_status found;
    long result = VFS_CALL(
        vfs_faccessat(PK_SLOT_VFS, (int)dirfd, (uint32_t)mode, (uint32_t)flags, PATH(path)));
    uint32_t who = flags & AT_EACCESS ? 0 : PROC_STAT_REAL;
    return result == -EREMOTE ? remote_status(dirfd, path, flags, (uint32_t)mode | who, &found)
                              : result;
}

long linux_faccessat(uint64_t dirfd, uint64_t path, uint64_t mode) {
    return linux_faccessat2(dirfd, path, mode, 0);
}

long linux_readlinkat(uint64_t dirfd, uint64_t path, uint64_t target, uint64_t length) {
    char canonical[PATH_LONGEST];
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

/* The result of making a name. None can be made under /proc: it is taken, or there is nothing of that name (proc(5)). */
static __attribute__((noinline)) long name_made(long result, uint64_t dirfd, uint64_t path) {
    struct remote_status found;
    if (result != -EREMOTE)
        return result;
    long error = remote_status(dirfd, path, AT_SYMLINK_NOFOLLOW, 0, &found);
    return error < 0 ? error : -EEXIST;
}

long linux_mkdirat(uint64_t dirfd, uint64_t path, uint64_t mode) {
    return name_made(VFS_CALL(vfs_mkdirat(PK_SLOT_VFS, (int)dirfd, (uint32_t)mode, PATH(path))),
                     dirfd, path);
}

long linux_mknodat(uint64_t dirfd, uint64_t path, uint64_t mode, uint64_t device) {
    return name_made(VFS_CALL(vfs_mknodat(PK_SLOT_VFS, (int)dirfd, (uint32_t)mode, (uint32_t)device,
                                          PATH(path))),
                     dirfd, path);
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
                      : name_made(VFS_CALL(vfs_symlinkat(PK_SLOT_VFS, (int)dirfd, paths.text,
                                                         (uint64_t)length)),
                                  dirfd, path);
}

static __attribute__((noinline)) long remote_chdir(uint64_t path) {
    char canonical[PATH_LONGEST];
    long result = resolve((uint64_t)AT_FDCWD, path, 0, canonical);
    return result < 0 ? result : proc_chdir(PK_SLOT_PROC, TEXT(canonical));
}

long linux_chdir(uint64_t path) {
    long result = VFS_CALL(vfs_chdir(PK_SLOT_VFS, PATH(path)));
    return result == -EREMOTE ? remote_chdir(path) : result;
}

long linux_chroot(uint64_t path) {
    return VFS_CALL(vfs_chroot(PK_SLOT_VFS, PATH(path)));
}

long linux_getcwd(uint64_t buffer, uint64_t length) {
    return VFS_CALL(vfs_getcwd(PK_SLOT_VFS, pointer(buffer), length));
}

long linux_truncate(uint64_t path, uint64_t length) {
    return refuse_remote(
        raise_on_long_file(VFS_CALL(vfs_truncate(PK_SLOT_VFS, (int64_t)length, PATH(path)))));
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
