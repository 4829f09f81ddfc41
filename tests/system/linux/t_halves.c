/* SPDX-License-Identifier: MIT */
/*
 * Arguments of 32 bits: what the upper half of their registers holds is nothing to a call (syscall(2)). A C library
 * extends them by sign or by zeros, and a program in assembly need not at all.
 */
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "tap.h"

#define AND_NOTHING 0x5a5a5a5a00000000ul
#define LOW 0xfffffffful

static char bytes[256];
static int pair[2], file, word;
static struct timespec soon = {0, 1000};

/* How often it is called leaves no trace. Bits of `halves`: the arguments of 32 bits. */
struct call {
    const char *name;
    long number, arguments[6];
    unsigned halves;
};

static long made(const struct call *c, unsigned long mask, unsigned long upper) {
    long a[6];
    for (int i = 0; i < 6; i++)
        a[i] = c->halves >> i & 1 ? (long)(((unsigned long)c->arguments[i] & mask) | upper)
                                  : c->arguments[i];
    errno = 0;
    long result = syscall(c->number, a[0], a[1], a[2], a[3], a[4], a[5]);
    return result < 0 ? -errno : result;
}

static void same(const struct call *c) {
    long plain = made(c, ~0ul, 0);
    is_int(made(c, LOW, 0), plain, "%s: extended by zeros", c->name);
    is_int(made(c, LOW, AND_NOTHING), plain, "%s: by anything", c->name);
}

#define AT (long)AT_FDCWD
#define P (long)(void *)

int main(void) {
    const uid_t keep = -1u;
    static struct stat status;
    static struct flock lock = {.l_type = F_WRLCK};
    static unsigned long set;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        bail("socketpair");
    file = open("/tmp/halves", O_CREAT | O_RDWR, 0600);
    const struct call calls[] = {
        {"openat", SYS_openat, {AT, P "/nowhere", O_RDONLY, 0}, 015},
        {"faccessat", SYS_faccessat, {AT, P "/tmp", R_OK}, 5},
        {"faccessat2", 439, {AT, P "/tmp", R_OK, AT_EACCESS}, 015},
        {"newfstatat", SYS_newfstatat, {AT, P "/tmp", P & status, 0}, 011},
        {"newfstatat of nothing", SYS_newfstatat, {file, P "", P & status, AT_EMPTY_PATH}, 011},
        {"readlinkat", SYS_readlinkat, {AT, P "/proc/self/exe", P bytes, 200}, 011},
        {"unlinkat", SYS_unlinkat, {AT, P "/nowhere", 0}, 5},
        {"mkdirat", SYS_mkdirat, {AT, P "/tmp", 0700}, 5},
        {"fchownat", SYS_fchownat, {AT, P "/tmp/halves", keep, keep, 0}, 035},
        {"fchown", SYS_fchown, {file, keep, keep}, 7},
        {"fchmodat", SYS_fchmodat, {AT, P "/tmp/halves", 0600}, 5},
        {"utimensat", SYS_utimensat, {AT, P "/tmp/halves", 0, 0}, 011},
        {"statx", SYS_statx, {AT, P "/tmp/halves", 0, 0x7ff, P bytes}, 015},
        {"linkat", SYS_linkat, {AT, P "/nowhere", AT, P "/nowhere2", 0}, 025},
        {"renameat2", SYS_renameat2, {AT, P "/nowhere", AT, P "/nowhere2", 0}, 025},
        {"pwrite64", SYS_pwrite64, {file, P "abcd", 4, 0}, 1},
        {"pread64", SYS_pread64, {file, P bytes, 4, 0}, 1},
        {"lseek", SYS_lseek, {file, 0, SEEK_SET}, 5},
        {"a bad lseek", SYS_lseek, {-1, 0, SEEK_SET}, 5},
        {"fstat", SYS_fstat, {file, P & status}, 1},
        {"ftruncate", SYS_ftruncate, {file, 4}, 1},
        {"fallocate", SYS_fallocate, {file, 0, 0, 4}, 3},
        {"fsync", SYS_fsync, {file}, 1},
        {"flock", SYS_flock, {file, 2}, 3},
        {"fcntl F_GETFL", SYS_fcntl, {file, F_GETFL}, 3},
        {"fcntl F_SETLK", SYS_fcntl, {file, F_SETLK, P & lock}, 3},
        {"ioctl TIOCGWINSZ", SYS_ioctl, {file, 0x5413, P bytes}, 3},
        {"ioctl TIOCGPTN", SYS_ioctl, {file, (int)0x80045430, P bytes}, 3},
        {"ioctl FIONREAD", SYS_ioctl, {pair[0], 0x541b, P & word}, 3},
        {"dup3 of itself", SYS_dup3, {file, file, 0}, 7},
        {"close of nothing", SYS_close, {-1}, 1},
        {"read of nothing", SYS_read, {-1, P bytes, 4}, 1},
        {"write of nothing", SYS_write, {-1, P bytes, 4}, 1},
        {"mmap", SYS_mmap, {0, 0, PROT_READ, MAP_PRIVATE, file, 0}, 020},
        {"mmap of nothing", SYS_mmap, {0, 4096, PROT_READ, MAP_PRIVATE, -1, 0}, 020},
        {"madvise", SYS_madvise, {0, 0, MADV_DONTNEED}, 4},
        {"getsockname", SYS_getsockname, {-1, P bytes, P & word}, 1},
        {"sendto", SYS_sendto, {pair[0], P "x", 1, MSG_DONTWAIT, 0, 0}, 051},
        {"recvfrom", SYS_recvfrom, {pair[1], P bytes, 1, MSG_PEEK, 0, 0}, 011},
        {"setsockopt", SYS_setsockopt, {pair[0], SOL_SOCKET, SO_PASSCRED, P & word, 4}, 027},
        {"shutdown", SYS_shutdown, {pair[0], 7}, 3},
        {"socket", SYS_socket, {AF_APPLETALK, SOCK_STREAM, 0}, 7},
        {"kill", SYS_kill, {0x7ffffff0, 0}, 3},
        {"kill of nobody's group", SYS_kill, {-0x7ffffff0, 0}, 3},
        {"tgkill", SYS_tgkill, {getpid(), getpid(), 0}, 7},
        {"tkill", SYS_tkill, {-1, 0}, 3},
        {"getpgid", SYS_getpgid, {0}, 1},
        {"getsid", SYS_getsid, {-1}, 1},
        {"getpriority", SYS_getpriority, {0, 0}, 3},
        {"wait4", SYS_wait4, {-1, P & word, WNOHANG, 0}, 5},
        {"waitid", SYS_waitid, {P_ALL, 0, P bytes, WNOHANG | WEXITED, 0}, 013},
        {"setresuid", SYS_setresuid, {keep, keep, keep}, 7},
        {"setresgid", SYS_setresgid, {keep, keep, keep}, 7},
        {"setreuid", SYS_setreuid, {keep, keep}, 3},
        {"setregid", SYS_setregid, {keep, keep}, 3},
        {"setuid", SYS_setuid, {keep}, 1},
        {"umask", SYS_umask, {022}, 1},
        {"prctl", SYS_prctl, {3, 0, 0, 0, 0}, 1},
        {"prlimit64", SYS_prlimit64, {0, 7, 0, P bytes}, 3},
        {"getrusage", SYS_getrusage, {-1, P bytes}, 1},
        {"clock_gettime", SYS_clock_gettime, {-2, P bytes}, 1},
        {"clock_nanosleep", SYS_clock_nanosleep, {1, 0, P & soon, 0}, 3},
        {"rt_sigprocmask", SYS_rt_sigprocmask, {-1, P & set, 0, 8}, 1},
        {"rt_sigaction", SYS_rt_sigaction, {SIGKILL, 0, P bytes, 8}, 1},
        {"futex", SYS_futex, {P & word, FUTEX_WAIT, 1, 0, 0, 0}, 6},
        {"sched_getscheduler", SYS_sched_getscheduler, {0}, 1},
        {"sched_setaffinity", SYS_sched_setaffinity, {0, 8, P bytes}, 3},
        {"epoll_create1", SYS_epoll_create1, {-1}, 1},
        {"eventfd2", SYS_eventfd2, {0, -1}, 3},
        {"pipe2", SYS_pipe2, {P bytes, -1}, 2},
        {"timerfd_create", SYS_timerfd_create, {-7, 0}, 3},
        {"inotify_add_watch", SYS_inotify_add_watch, {-1, P "/tmp", 2}, 5},
        {"memfd_create", SYS_memfd_create, {P "x", -1}, 2},
        {"msgget", SYS_msgget, {0x7272, 0}, 3},
        {"msgctl", SYS_msgctl, {-1, 2, P bytes}, 3},
        {"msgsnd", SYS_msgsnd, {-1, P bytes, 8, 0}, 011},
        {"msgrcv", SYS_msgrcv, {-1, P bytes, 8, 0, 04000}, 021},
        {"semget", SYS_semget, {0x7272, 1, 0}, 7},
        {"semctl", SYS_semctl, {-1, 0, 12, 0}, 7},
        {"semop", SYS_semop, {-1, P bytes, 1}, 5},
        {"shmget", SYS_shmget, {0x7272, 1, 0}, 5},
        {"shmat", SYS_shmat, {-1, 0, 0}, 5},
        {"shmctl", SYS_shmctl, {-1, 2, P bytes}, 3},
        {"pidfd_open", SYS_pidfd_open, {-1, 0}, 3},
        {"close_range", SYS_close_range, {1000, -1, 0}, 7},
        {"getrandom", SYS_getrandom, {P bytes, 0, 0}, 4},
    };
    for (unsigned i = 0; i < sizeof calls / sizeof *calls; i++)
        same(&calls[i]);
    unlink("/tmp/halves");
    return done();
}
