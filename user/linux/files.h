/* SPDX-License-Identifier: MIT */
/*
 * The personality's file system calls (files.c: descriptors, file_data.c: their data, file_names.c: paths, file_wait.c:
 * poll and select), by the names of Linux's system call table.
 *
 * Programs' pointers are never followed here: the servers copy from and to them, and what must be
 * looked at is copied in by the kernel first, so that a bad pointer is EFAULT and not a fault.
 */
#ifndef LINUX_FILES_H
#define LINUX_FILES_H

#include "personality.h"

#include <protocol/proc_client.h>
#include <protocol/vfs_client.h>

#define STATFS_BYTES 120 /* struct statfs */

#define VFS_CALL(expr) personality_connected(PK_SLOT_VFS, expr)

/* What a program named, which only the kernel follows. */
static inline void *pointer(uint64_t address) {
    return (void *)(uintptr_t)address;
}

/* A path as an input buffer: it ends with the page behind the one where the path begins. */
#define PROGRAM_PAGE 4096ull
#define PATH(address) pointer(address), (2 * PROGRAM_PAGE - ((address) & (PROGRAM_PAGE - 1)))

/* The memory object of an open file for mmap(2), in a slot that the caller drops; 0: anonymous memory. */
long linux_mmap_file(int fd, int prot, int flags, uint64_t offset, uint64_t length);
/* 0 or -EBADF: whether it is open for more than its path, for calls that look at it before they look at the rest. */
long linux_check_descriptor(int fd);

/* Copies from the program's memory: 0 or -EFAULT. */
PK_MUST_CHECK static inline long program_read(void *to, uint64_t from, uint64_t length) {
    return user_get(to, (const void *)from, length);
}
PK_MUST_CHECK static inline long program_write(uint64_t to, const void *from, uint64_t length) {
    return user_put((void *)to, from, length);
}

/*
 * The process server makes what is in the file, each time that a reader begins anew (EREMOTE). Somebody else who has
 * the file open may take what was made for this reader; then it is made again.
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

/* What is in a message queue's file (mqueue.c); offset negative: the file's own. */
long linux_mq_read(int fd, void *buffer, size_t length, int64_t offset);
/* A queue that open(2) makes, with the usual attributes: a descriptor. */
long linux_mq_create(const char *name, uint64_t flags, uint64_t mode);
/* The queue's server tells vfs its times. */
void linux_mq_times(uint64_t number);

/* A stat that vfs answered: if it is a message queue's (protocols/vfs.toml) it is made again when its times are known. */
#define STATUS_CALL(expr)                                                                          \
    ({                                                                                             \
        long status_ = VFS_CALL(expr);                                                             \
        if (status_ > 0) {                                                                         \
            linux_mq_times((uint64_t)status_);                                                     \
            status_ = VFS_CALL(expr);                                                              \
        }                                                                                          \
        status_ > 0 ? 0 : status_;                                                                 \
    })

long linux_close(uint64_t fd);
/* read(2) and its like, for others than foreign_entry (file_data.c). */
long file_read(uint64_t fd, uint64_t buffer, uint64_t length);
/* What vfs answers to what may make a file longer: the call's result, with SIGXFSZ if it was too long. */
long raise_on_long_file(long result);
long file_write(uint64_t fd, uint64_t buffer, uint64_t length);
long file_pread(uint64_t fd, uint64_t buffer, uint64_t length, uint64_t offset);
long file_pwrite(uint64_t fd, uint64_t buffer, uint64_t length, uint64_t offset);
long linux_read(uint64_t fd, uint64_t buffer, uint64_t length);
long linux_write(uint64_t fd, uint64_t buffer, uint64_t length);
long linux_pread64(uint64_t fd, uint64_t buffer, uint64_t length, uint64_t offset);
long linux_pwrite64(uint64_t fd, uint64_t buffer, uint64_t length, uint64_t offset);
long linux_readv(uint64_t fd, uint64_t vectors, uint64_t count);
long linux_writev(uint64_t fd, uint64_t vectors, uint64_t count);
long linux_preadv(uint64_t fd, uint64_t vectors, uint64_t count, uint64_t offset);
long linux_pwritev(uint64_t fd, uint64_t vectors, uint64_t count, uint64_t offset);
long linux_preadv2(uint64_t fd, uint64_t vectors, uint64_t count, uint64_t offset, uint64_t unused,
                   uint32_t flags);
long linux_pwritev2(uint64_t fd, uint64_t vectors, uint64_t count, uint64_t offset, uint64_t unused,
                    uint32_t flags);
long linux_copy_file_range(uint64_t in_fd, uint64_t in_offset, uint64_t out_fd, uint64_t out_offset,
                           uint64_t length, uint32_t flags);
long linux_splice(uint64_t in_fd, uint64_t in_offset, uint64_t out_fd, uint64_t out_offset,
                  uint64_t length, uint32_t flags);
long linux_tee(uint64_t in_fd, uint64_t out_fd, uint64_t length, uint32_t flags);
long linux_vmsplice(uint64_t fd, uint64_t vectors, uint64_t count, uint32_t flags);
long linux_sendfile(uint64_t out_fd, uint64_t in_fd, uint64_t offset, uint64_t count);
long linux_lseek(uint64_t fd, uint64_t offset, uint64_t whence);
long linux_dup(uint64_t fd);
long linux_dup3(uint64_t old_fd, uint64_t new_fd, uint64_t flags);
long linux_fcntl(uint64_t fd, uint64_t command, uint64_t argument);
long linux_flock(uint64_t fd, uint64_t operation);
long linux_ioctl(uint64_t fd, uint64_t request, uint64_t argument);
/* termio.c: requests with other forms of a terminal's settings; -ENOTTY: it is none of them, or no terminal. */
long termio_ioctl(uint64_t fd, uint32_t request, uint64_t argument);
long linux_fstat(uint64_t fd, uint64_t status);
long linux_fstatfs(uint64_t fd, uint64_t status);
long linux_getdents64(uint64_t fd, uint64_t entries, uint64_t length);
long linux_ftruncate(uint64_t fd, uint64_t length);
long linux_fallocate(uint64_t fd, uint64_t mode, uint64_t offset, uint64_t length);
long linux_fsync(uint64_t fd);
long linux_close_range(uint64_t first, uint64_t last, uint64_t flags);
long linux_mlock(uint64_t address, uint64_t length);
long linux_fdatasync(uint64_t fd);
long linux_fchmod(uint64_t fd, uint64_t mode);
long linux_fchown(uint64_t fd, uint64_t uid, uint64_t gid);
long linux_fchdir(uint64_t fd);
long linux_pipe2(uint64_t descriptors, uint64_t flags);
long linux_umask(uint64_t mask);

long linux_openat(uint64_t dirfd, uint64_t path, uint64_t flags, uint64_t mode);
long linux_openat2(uint64_t dirfd, uint64_t path, uint64_t how_at, uint64_t size);
long linux_newfstatat(uint64_t dirfd, uint64_t path, uint64_t status, uint64_t flags);
long linux_statx(uint64_t dirfd, uint64_t path, uint64_t flags, uint64_t mask, uint64_t status);
long linux_statfs(uint64_t path, uint64_t status);
long linux_faccessat(uint64_t dirfd, uint64_t path, uint64_t mode);
long linux_faccessat2(uint64_t dirfd, uint64_t path, uint64_t mode, uint64_t flags);
long linux_readlinkat(uint64_t dirfd, uint64_t path, uint64_t target, uint64_t length);
long linux_mkdirat(uint64_t dirfd, uint64_t path, uint64_t mode);
long linux_mknodat(uint64_t dirfd, uint64_t path, uint64_t mode, uint64_t device);
long linux_unlinkat(uint64_t dirfd, uint64_t path, uint64_t flags);
long linux_renameat2(uint64_t old_dirfd, uint64_t old_path, uint64_t new_dirfd, uint64_t new_path,
                     uint64_t flags);
long linux_linkat(uint64_t old_dirfd, uint64_t old_path, uint64_t new_dirfd, uint64_t new_path,
                  uint64_t flags);
long linux_symlinkat(uint64_t target, uint64_t dirfd, uint64_t path);
long linux_chdir(uint64_t path);
long linux_chroot(uint64_t path);
long linux_getcwd(uint64_t buffer, uint64_t length);
long linux_truncate(uint64_t path, uint64_t length);
long linux_fchmodat(uint64_t dirfd, uint64_t path, uint64_t mode);
long linux_fchmodat2(uint64_t dirfd, uint64_t path, uint64_t mode, uint64_t flags);
long linux_fchownat(uint64_t dirfd, uint64_t path, uint64_t uid, uint64_t gid, uint64_t flags);
long linux_utimensat(uint64_t dirfd, uint64_t path, uint64_t times, uint64_t flags);

long linux_eventfd2(uint64_t count, uint64_t flags);
long linux_timerfd_create(uint64_t clock, uint64_t flags);
long linux_timerfd_settime(uint64_t fd, uint64_t flags, uint64_t setting, uint64_t old);
long linux_timerfd_gettime(uint64_t fd, uint64_t setting);
long linux_memfd_create(uint64_t name, uint64_t flags);

long linux_socket(uint64_t domain, uint64_t type, uint64_t protocol);
long linux_socketpair(uint64_t domain, uint64_t type, uint64_t protocol, uint64_t descriptors);
long linux_bind(uint64_t fd, uint64_t address, uint64_t length);
long linux_listen(uint64_t fd, uint64_t backlog);
long linux_connect(uint64_t fd, uint64_t address, uint64_t length);
long linux_accept(uint64_t fd, uint64_t address, uint64_t length_at);
long linux_accept4(uint64_t fd, uint64_t address, uint64_t length_at, uint64_t flags);
long linux_getsockname(uint64_t fd, uint64_t address, uint64_t length_at);
long linux_getpeername(uint64_t fd, uint64_t address, uint64_t length_at);
long linux_shutdown(uint64_t fd, uint64_t how);
long linux_getsockopt(uint64_t fd, uint64_t level, uint64_t name, uint64_t value,
                      uint64_t length_at);
long linux_setsockopt(uint64_t fd, uint64_t level, uint64_t name, uint64_t value, uint64_t length);
long linux_sendto(uint64_t fd, uint64_t bytes, uint64_t length, uint64_t flags, uint64_t address,
                  uint64_t address_length);
long linux_recvfrom(uint64_t fd, uint64_t bytes, uint64_t length, uint64_t flags, uint64_t address,
                    uint64_t length_at);
long linux_sendmsg(uint64_t fd, uint64_t message, uint64_t flags);
long linux_recvmsg(uint64_t fd, uint64_t message, uint64_t flags);

long linux_inotify_init1(uint64_t flags);
long linux_inotify_add_watch(uint64_t fd, uint64_t path, uint64_t mask);
long linux_inotify_rm_watch(uint64_t fd, uint64_t watch);
long linux_sendmmsg(uint64_t fd, uint64_t entries, uint64_t count, uint64_t flags);
long linux_recvmmsg(uint64_t fd, uint64_t entries, uint64_t count, uint64_t flags,
                    uint64_t timeout);

long linux_pidfd_getfd(uint64_t fd, uint64_t target, uint64_t flags);
long linux_pidfd_open(uint64_t pid, uint64_t flags);
long linux_pidfd_send_signal(uint64_t fd, uint64_t signal, uint64_t info, uint64_t flags);
long linux_epoll_create1(uint64_t flags);
long linux_epoll_ctl(uint64_t set, uint64_t operation, uint64_t fd, uint64_t event);
long linux_epoll_pwait(uint64_t set, uint64_t events, uint64_t most, uint64_t timeout_ms,
                       uint64_t mask_address, uint64_t mask_size, const struct foreign_frame *f);
long linux_epoll_pwait2(uint64_t set, uint64_t events, uint64_t most, uint64_t timeout,
                        uint64_t mask_address, uint64_t mask_size, const struct foreign_frame *f);

long linux_ppoll(uint64_t requests, uint64_t count, uint64_t timeout, uint64_t mask_address,
                 uint64_t mask_size, long a5, const struct foreign_frame *f);
long linux_pselect6(uint64_t count, uint64_t readable, uint64_t writable, uint64_t exceptional,
                    uint64_t timeout, uint64_t mask_argument, const struct foreign_frame *f);

#endif
