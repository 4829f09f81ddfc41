/* SPDX-License-Identifier: MIT */
/* Linux riscv64's constants and structures that files need (asm-generic uapi headers). */
#ifndef VFS_LINUX_ABI_H
#define VFS_LINUX_ABI_H

#include <stdint.h>

/* open(2) flags */
#define LX_O_ACCMODE 03u
#define LX_O_RDONLY 00u
#define LX_O_WRONLY 01u
#define LX_O_RDWR 02u
#define LX_O_CREAT 0100u
#define LX_O_EXCL 0200u
#define LX_O_NOCTTY 0400u
#define LX_O_TRUNC 01000u
#define LX_O_APPEND 02000u
#define LX_O_NONBLOCK 04000u
#define LX_O_DIRECT 040000u /* kept of pipes only: packets */
#define LX_O_DIRECTORY 0200000u
#define LX_O_NOFOLLOW 0400000u
#define LX_O_SYNC 04010000u
#define LX_O_NOATIME 01000000u
#define LX_O_CLOEXEC 02000000u
#define LX_O_PATH 010000000u
#define LX_O_TMPFILE 020000000u
#define LX_O_LARGEFILE 0100000u

#define LX_AT_FDCWD (-100)
#define LX_AT_SYMLINK_NOFOLLOW 0x100u
#define LX_AT_REMOVEDIR 0x200u
#define LX_AT_EACCESS 0x200u
#define LX_AT_SYMLINK_FOLLOW 0x400u
#define LX_AT_NO_AUTOMOUNT 0x800u
#define LX_AT_EMPTY_PATH 0x1000u
#define LX_AT_STATX_SYNC_TYPE 0x6000u

#define LX_RENAME_NOREPLACE 1u
#define LX_RENAME_EXCHANGE 2u

#define LX_SEEK_SET 0
#define LX_SEEK_CUR 1
#define LX_SEEK_END 2
#define LX_SEEK_DATA 3
#define LX_SEEK_HOLE 4

#define LX_F_DUPFD 0
#define LX_F_GETFD 1
#define LX_F_SETFD 2
#define LX_F_GETFL 3
#define LX_F_SETFL 4
#define LX_F_GETLK 5
#define LX_F_SETLK 6
#define LX_F_SETLKW 7
#define LX_F_OFD_GETLK 36
#define LX_F_OFD_SETLK 37
#define LX_F_OFD_SETLKW 38
#define LX_F_DUPFD_CLOEXEC 1030
#define LX_F_SETPIPE_SZ 1031
#define LX_F_GETPIPE_SZ 1032
#define LX_F_ADD_SEALS 1033
#define LX_F_GET_SEALS 1034
#define LX_FD_CLOEXEC 1u

#define LX_F_SEAL_SEAL 1u
#define LX_F_SEAL_SHRINK 2u
#define LX_F_SEAL_GROW 4u
#define LX_F_SEAL_WRITE 8u
#define LX_F_SEAL_FUTURE_WRITE 16u
#define LX_F_SEAL_EXEC 32u

#define LX_MFD_CLOEXEC 1u
#define LX_MFD_ALLOW_SEALING 2u
#define LX_MFD_NOEXEC_SEAL 8u
#define LX_MFD_EXEC 16u

#define LX_F_RDLCK 0
#define LX_F_WRLCK 1
#define LX_F_UNLCK 2

#define LX_LOCK_SH 1u
#define LX_LOCK_EX 2u
#define LX_LOCK_NB 4u
#define LX_LOCK_UN 8u

struct lx_flock {
    int16_t l_type;
    int16_t l_whence;
    int64_t l_start;
    int64_t l_len;
    int32_t l_pid;
};
_Static_assert(sizeof(struct lx_flock) == 32, "struct flock");

#define LX_FIONREAD 0x541Bu
#define LX_SIOCOUTQ 0x5411u
#define LX_FIONBIO 0x5421u
#define LX_FIONCLEX 0x5450u
#define LX_FIOCLEX 0x5451u

#define LX_POLLIN 0x0001
#define LX_POLLPRI 0x0002
#define LX_POLLOUT 0x0004
#define LX_POLLERR 0x0008
#define LX_POLLHUP 0x0010
#define LX_POLLNVAL 0x0020
#define LX_POLLRDNORM 0x0040
#define LX_POLLWRNORM 0x0100
#define LX_POLLRDHUP 0x2000

#define LX_AF_UNSPEC 0
#define LX_AF_UNIX 1
#define LX_AF_NETLINK 16
#define LX_SOCK_STREAM 1
#define LX_SOCK_DGRAM 2
#define LX_SOCK_RAW 3
#define LX_SOCK_SEQPACKET 5

#define LX_MSG_PEEK 0x2u
#define LX_MSG_DONTROUTE 0x4u
#define LX_MSG_CTRUNC 0x8u
#define LX_MSG_TRUNC 0x20u
#define LX_MSG_DONTWAIT 0x40u
#define LX_MSG_EOR 0x80u
#define LX_MSG_WAITALL 0x100u
#define LX_MSG_CONFIRM 0x800u
#define LX_MSG_NOSIGNAL 0x4000u
#define LX_MSG_MORE 0x8000u
#define LX_MSG_CMSG_CLOEXEC 0x40000000u

#define LX_SOL_SOCKET 1
#define LX_SO_DEBUG 1
#define LX_SO_REUSEADDR 2
#define LX_SO_TYPE 3
#define LX_SO_ERROR 4
#define LX_SO_DONTROUTE 5
#define LX_SO_BROADCAST 6
#define LX_SO_SNDBUF 7
#define LX_SO_RCVBUF 8
#define LX_SO_KEEPALIVE 9
#define LX_SO_OOBINLINE 10
#define LX_SO_LINGER 13
#define LX_SO_PASSCRED 16
#define LX_SO_PEERCRED 17
#define LX_SO_RCVLOWAT 18
#define LX_SO_RCVTIMEO 20
#define LX_SO_SNDTIMEO 21
#define LX_SO_ACCEPTCONN 30
#define LX_SO_PROTOCOL 38
#define LX_SO_DOMAIN 39

struct lx_ucred {
    int32_t pid;
    uint32_t uid;
    uint32_t gid;
};

#define LX_EFD_SEMAPHORE 1u

#define LX_EPOLL_CTL_ADD 1
#define LX_EPOLL_CTL_DEL 2
#define LX_EPOLL_CTL_MOD 3

struct lx_epoll_event {
    uint32_t events;
    uint32_t pad;
    uint64_t data;
};

#define LX_CLOCK_REALTIME 0
#define LX_CLOCK_MONOTONIC 1
#define LX_CLOCK_BOOTTIME 7
#define LX_CLOCK_REALTIME_ALARM 8
#define LX_CLOCK_BOOTTIME_ALARM 9
#define LX_RESOLVE_NO_XDEV 1u
#define LX_RESOLVE_NO_MAGICLINKS 2u
#define LX_RESOLVE_NO_SYMLINKS 4u
#define LX_RESOLVE_BENEATH 8u
#define LX_RESOLVE_IN_ROOT 16u
#define LX_TFD_TIMER_ABSTIME 1u
#define LX_TFD_TIMER_CANCEL_ON_SET 2u

struct lx_timespec {
    int64_t sec;
    int64_t nsec;
};
struct lx_itimerspec {
    struct lx_timespec interval;
    struct lx_timespec value;
};

#define LX_PROT_WRITE 2u
#define LX_MAP_SHARED 1u
#define LX_MAP_TYPE 15u

#define LX_FALLOC_FL_KEEP_SIZE 1u
#define LX_FALLOC_FL_PUNCH_HOLE 2u
#define LX_FALLOC_FL_ZERO_RANGE 16u

struct lx_pollfd {
    int32_t fd;
    int16_t events;
    int16_t revents;
};

struct lx_stat {
    uint64_t st_dev;
    uint64_t st_ino;
    uint32_t st_mode;
    uint32_t st_nlink;
    uint32_t st_uid;
    uint32_t st_gid;
    uint64_t st_rdev;
    uint64_t pad1;
    int64_t st_size;
    int32_t st_blksize;
    int32_t pad2;
    int64_t st_blocks;
    int64_t st_atime_sec;
    uint64_t st_atime_nsec;
    int64_t st_mtime_sec;
    uint64_t st_mtime_nsec;
    int64_t st_ctime_sec;
    uint64_t st_ctime_nsec;
    uint32_t unused[2];
};
_Static_assert(sizeof(struct lx_stat) == 128, "struct stat");

struct lx_statx_time {
    int64_t sec;
    uint32_t nsec;
    int32_t pad;
};

struct lx_statx {
    uint32_t mask;
    uint32_t blksize;
    uint64_t attributes;
    uint32_t nlink;
    uint32_t uid;
    uint32_t gid;
    uint16_t mode;
    uint16_t pad1;
    uint64_t ino;
    uint64_t size;
    uint64_t blocks;
    uint64_t attributes_mask;
    struct lx_statx_time atime;
    struct lx_statx_time btime;
    struct lx_statx_time ctime;
    struct lx_statx_time mtime;
    uint32_t rdev_major;
    uint32_t rdev_minor;
    uint32_t dev_major;
    uint32_t dev_minor;
    uint64_t spare[14];
};
_Static_assert(sizeof(struct lx_statx) == 256, "struct statx");
#define LX_STATX_BASIC_STATS 0x7ffu
#define LX_STATX_RESERVED 0x80000000u

struct lx_statfs {
    int64_t f_type;
    int64_t f_bsize;
    uint64_t f_blocks;
    uint64_t f_bfree;
    uint64_t f_bavail;
    uint64_t f_files;
    uint64_t f_ffree;
    int32_t f_fsid[2];
    int64_t f_namelen;
    int64_t f_frsize;
    int64_t f_flags;
    int64_t f_spare[4];
};
_Static_assert(sizeof(struct lx_statfs) == 120, "struct statfs");
#define LX_TMPFS_MAGIC 0x01021994
#define LX_PROC_MAGIC 0x9fa0
#define LX_DEVPTS_MAGIC 0x1cd1
#define LX_PIPEFS_MAGIC 0x50495045
#define LX_SOCKFS_MAGIC 0x534f434b
#define LX_NAMELESS_MAGIC 0x09041934 /* what has no name and is neither */
#define LX_MQUEUE_MAGIC 0x19800202

/* struct linux_dirent64 before its name. */
struct lx_dirent {
    uint64_t d_ino;
    int64_t d_off;
    uint16_t d_reclen;
    uint8_t d_type;
} __attribute__((packed));
_Static_assert(sizeof(struct lx_dirent) == 19, "struct linux_dirent64");

/* A device number in the kernel interface's 32-bit encoding (makedev(3) below 4096 majors). */
static inline uint64_t lx_makedev(uint32_t major, uint32_t minor) {
    return (minor & 0xff) | (major & 0xfff) << 8 | (uint64_t)(minor & ~0xffu) << 12;
}
static inline uint32_t lx_major(uint64_t device) {
    return (uint32_t)(device >> 8) & 0xfff;
}
static inline uint32_t lx_minor(uint64_t device) {
    return (uint32_t)(device & 0xff) | (uint32_t)(device >> 12 & 0xfff00);
}

#endif
