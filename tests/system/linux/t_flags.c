/* SPDX-License-Identifier: MIT */
/*
 * Every flag of the calls that have some is tried: what is served or ignored is no error, what is refused is one.
 * docs/linux-calls.md lists just these (tests/tools/calls_test.py); what the flags do the other tests try. On Linux
 * nothing is refused here that its pages allow, so there the refusals are not tried.
 */
#include "tap.h"
#include "files.h"

#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/futex.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

#define DIRECTORY "/tmp/t_flags.dir"
#define PAGE 4096UL

static int file, folder, semaphores, queue, segment;
static char *memory; /* private, four pages */

static void check(const char *call, const char *flag, long result, int error, int wanted) {
    if (!wanted)
        ok(result != -1, "%s: %s", call, flag);
    else if (!on_parley())
        skip(call, "Linux may have it");
    else
        ok(result == -1 && error == wanted, "%s: %s is refused", call, flag);
    if (!wanted && result == -1)
        printf("# %s\n", strerror(error));
}

/* What the call with the flag returns is -1 if it fails. What is refused is not tried on Linux. */
#define TRY(call, flag, wanted, ...)                                                               \
    do {                                                                                           \
        errno = 0;                                                                                 \
        long result_ = !(wanted) || on_parley() ? (long)(__VA_ARGS__) : -1;                        \
        check(call, flag, result_, errno, wanted);                                                 \
    } while (0)
#define SERVED(call, flag, ...) TRY(#call, #flag, 0, __VA_ARGS__)
#define IGNORED(call, flag, ...) TRY(#call, #flag, 0, __VA_ARGS__)
#define REFUSED(call, flag, error, ...) TRY(#call, #flag, error, __VA_ARGS__)

/* The descriptor is closed again. */
static long opened(int fd) {
    return fd < 0 ? -1 : close(fd);
}

static void test_open(void) {
    const char *name = "file";
    SERVED(openat, O_RDONLY, opened(open(name, O_RDONLY)));
    SERVED(openat, O_WRONLY, opened(open(name, O_WRONLY)));
    SERVED(openat, O_RDWR, opened(open(name, O_RDWR)));
    SERVED(openat, O_CREAT, opened(open("new", O_RDWR | O_CREAT, 0600)));
    SERVED(openat, O_EXCL, opened(open("newer", O_RDWR | O_CREAT | O_EXCL, 0600)));
    SERVED(openat, O_NOCTTY, opened(open(name, O_RDWR | O_NOCTTY)));
    SERVED(openat, O_TRUNC, opened(open("new", O_RDWR | O_TRUNC)));
    SERVED(openat, O_APPEND, opened(open(name, O_RDWR | O_APPEND)));
    SERVED(openat, O_NONBLOCK, opened(open(name, O_RDWR | O_NONBLOCK)));
    SERVED(openat, O_DIRECTORY, opened(open(".", O_RDONLY | O_DIRECTORY)));
    SERVED(openat, O_NOFOLLOW, opened(open(name, O_RDWR | O_NOFOLLOW)));
    SERVED(openat, O_NOATIME, opened(open(name, O_RDWR | O_NOATIME)));
    SERVED(openat, O_CLOEXEC, opened(open(name, O_RDWR | O_CLOEXEC)));
    SERVED(openat, O_PATH, opened(open(name, O_PATH)));
    SERVED(openat, O_TMPFILE, opened(open(".", O_RDWR | O_TMPFILE, 0600)));
    IGNORED(openat, O_LARGEFILE, opened(open(name, O_RDWR | O_LARGEFILE)));
    IGNORED(openat, O_DIRECT, opened(open(name, O_RDWR | O_DIRECT)));
    IGNORED(openat, O_SYNC, opened(open(name, O_RDWR | O_SYNC)));
    IGNORED(openat, O_DSYNC, opened(open(name, O_RDWR | O_DSYNC)));
    IGNORED(openat, O_ASYNC, opened(open(name, O_RDWR | O_ASYNC)));
    unlink("new");
    unlink("newer");
}

static long pipes(int flags) {
    int ends[2];
    return pipe2(ends, flags) < 0 ? -1 : close(ends[0]) | close(ends[1]);
}

static long on_pipe(int command, long value) {
    int ends[2];
    if (pipe(ends) < 0)
        bail("pipe");
    long result = fcntl(ends[0], command, value);
    int error = errno;
    close(ends[0]);
    close(ends[1]);
    errno = error;
    return result;
}

static void test_descriptors(void) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int sealed = memfd_create("sealed", MFD_ALLOW_SEALING);
    SERVED(dup3, O_CLOEXEC, opened(dup3(file, 100, O_CLOEXEC)));
    SERVED(pipe2, O_CLOEXEC, pipes(O_CLOEXEC));
    SERVED(pipe2, O_NONBLOCK, pipes(O_NONBLOCK));
    SERVED(pipe2, O_DIRECT, pipes(O_DIRECT));
    SERVED(fcntl, F_DUPFD, opened(fcntl(file, F_DUPFD, 50)));
    SERVED(fcntl, F_DUPFD_CLOEXEC, opened(fcntl(file, F_DUPFD_CLOEXEC, 50)));
    SERVED(fcntl, F_GETFD, fcntl(file, F_GETFD));
    SERVED(fcntl, F_SETFD, fcntl(file, F_SETFD, FD_CLOEXEC));
    SERVED(fcntl, F_GETFL, fcntl(file, F_GETFL));
    SERVED(fcntl, F_SETFL, fcntl(file, F_SETFL, O_APPEND));
    SERVED(fcntl, F_GETLK, fcntl(file, F_GETLK, &lock));
    lock.l_type = F_WRLCK;
    SERVED(fcntl, F_SETLK, fcntl(file, F_SETLK, &lock));
    SERVED(fcntl, F_SETLKW, fcntl(file, F_SETLKW, &lock));
    lock.l_type = F_UNLCK;
    fcntl(file, F_SETLK, &lock);
    lock.l_type = F_WRLCK;
    lock.l_pid = 0;
    SERVED(fcntl, F_OFD_GETLK, fcntl(file, F_OFD_GETLK, &lock));
    lock.l_type = F_WRLCK;
    SERVED(fcntl, F_OFD_SETLK, fcntl(file, F_OFD_SETLK, &lock));
    SERVED(fcntl, F_OFD_SETLKW, fcntl(file, F_OFD_SETLKW, &lock));
    SERVED(fcntl, F_GETPIPE_SZ, on_pipe(F_GETPIPE_SZ, 0));
    SERVED(fcntl, F_SETPIPE_SZ, on_pipe(F_SETPIPE_SZ, 4096));
    SERVED(fcntl, F_ADD_SEALS, fcntl(sealed, F_ADD_SEALS, F_SEAL_SHRINK));
    SERVED(fcntl, F_GET_SEALS, fcntl(sealed, F_GET_SEALS));
    REFUSED(fcntl, F_GETOWN, EINVAL, fcntl(file, F_GETOWN));
    REFUSED(fcntl, F_SETOWN, EINVAL, fcntl(file, F_SETOWN, getpid()));
    REFUSED(fcntl, F_GETSIG, EINVAL, fcntl(file, F_GETSIG));
    REFUSED(fcntl, F_SETSIG, EINVAL, fcntl(file, F_SETSIG, 0));
    REFUSED(fcntl, F_GETLEASE, EINVAL, fcntl(file, F_GETLEASE));
    REFUSED(fcntl, F_SETLEASE, EINVAL, fcntl(file, F_SETLEASE, F_RDLCK));
    REFUSED(fcntl, F_NOTIFY, EINVAL, fcntl(folder, F_NOTIFY, 0));
    SERVED(flock, LOCK_SH, flock(file, LOCK_SH));
    SERVED(flock, LOCK_EX, flock(file, LOCK_EX));
    SERVED(flock, LOCK_NB, flock(file, LOCK_EX | LOCK_NB));
    SERVED(flock, LOCK_UN, flock(file, LOCK_UN));
    SERVED(close_range, CLOSE_RANGE_CLOEXEC, syscall(SYS_close_range, 500, 600, 4));
    SERVED(close_range, CLOSE_RANGE_UNSHARE, syscall(SYS_close_range, 500, 600, 2));
    close(sealed);
}

static void test_files(void) {
    SERVED(lseek, SEEK_SET, lseek(file, 0, SEEK_SET));
    SERVED(lseek, SEEK_CUR, lseek(file, 0, SEEK_CUR));
    SERVED(lseek, SEEK_END, lseek(file, 0, SEEK_END));
    SERVED(lseek, SEEK_DATA, lseek(file, 0, SEEK_DATA));
    SERVED(lseek, SEEK_HOLE, lseek(file, 0, SEEK_HOLE));
    SERVED(fallocate, FALLOC_FL_KEEP_SIZE, fallocate(file, FALLOC_FL_KEEP_SIZE, 0, PAGE));
    SERVED(fallocate, FALLOC_FL_PUNCH_HOLE,
           fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE));
    SERVED(fallocate, FALLOC_FL_ZERO_RANGE, fallocate(file, FALLOC_FL_ZERO_RANGE, 0, PAGE));
    REFUSED(fallocate, FALLOC_FL_COLLAPSE_RANGE, EOPNOTSUPP,
            fallocate(file, FALLOC_FL_COLLAPSE_RANGE, 0, PAGE));
    REFUSED(fallocate, FALLOC_FL_INSERT_RANGE, EOPNOTSUPP,
            fallocate(file, FALLOC_FL_INSERT_RANGE, 0, PAGE));
    REFUSED(fallocate, FALLOC_FL_UNSHARE_RANGE, EOPNOTSUPP,
            fallocate(file, FALLOC_FL_UNSHARE_RANGE, 0, PAGE));
    SERVED(sync_file_range, SYNC_FILE_RANGE_WAIT_BEFORE, sync_file_range(file, 0, 1, 1));
    SERVED(sync_file_range, SYNC_FILE_RANGE_WRITE, sync_file_range(file, 0, 1, 2));
    SERVED(sync_file_range, SYNC_FILE_RANGE_WAIT_AFTER, sync_file_range(file, 0, 1, 4));
    IGNORED(fadvise64, POSIX_FADV_NORMAL, -posix_fadvise(file, 0, 0, POSIX_FADV_NORMAL));
    IGNORED(fadvise64, POSIX_FADV_RANDOM, -posix_fadvise(file, 0, 0, POSIX_FADV_RANDOM));
    IGNORED(fadvise64, POSIX_FADV_SEQUENTIAL, -posix_fadvise(file, 0, 0, POSIX_FADV_SEQUENTIAL));
    IGNORED(fadvise64, POSIX_FADV_WILLNEED, -posix_fadvise(file, 0, 0, POSIX_FADV_WILLNEED));
    IGNORED(fadvise64, POSIX_FADV_DONTNEED, -posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED));
    IGNORED(fadvise64, POSIX_FADV_NOREUSE, -posix_fadvise(file, 0, 0, POSIX_FADV_NOREUSE));
}

static long link_and_unlink(int fd, const char *name, int flags) {
    return linkat(fd, name, AT_FDCWD, "linked", flags) < 0 ? -1 : unlink("linked");
}

static long moved(unsigned flags, const char *to) {
    long result = syscall(SYS_renameat2, AT_FDCWD, "file", AT_FDCWD, to, flags);
    if (result == 0)
        rename(to, "file");
    return result;
}

static void test_names(void) {
    struct stat status;
    struct statx more;
    mkdir("sub", 0700);
    symlink("file", "link");
    close(create("other", ""));
    SERVED(unlinkat, AT_REMOVEDIR, unlinkat(AT_FDCWD, "sub", AT_REMOVEDIR));
    SERVED(linkat, AT_SYMLINK_FOLLOW, link_and_unlink(AT_FDCWD, "link", AT_SYMLINK_FOLLOW));
    if (geteuid() == 0)
        SERVED(linkat, AT_EMPTY_PATH, link_and_unlink(file, "", AT_EMPTY_PATH));
    SERVED(fstatat, AT_SYMLINK_NOFOLLOW, fstatat(AT_FDCWD, "link", &status, AT_SYMLINK_NOFOLLOW));
    SERVED(fstatat, AT_EMPTY_PATH, fstatat(file, "", &status, AT_EMPTY_PATH));
    IGNORED(fstatat, AT_NO_AUTOMOUNT, fstatat(AT_FDCWD, "file", &status, AT_NO_AUTOMOUNT));
    SERVED(statx, AT_SYMLINK_NOFOLLOW,
           statx(AT_FDCWD, "link", AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &more));
    SERVED(statx, AT_EMPTY_PATH, statx(file, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &more));
    IGNORED(statx, AT_NO_AUTOMOUNT,
            statx(AT_FDCWD, "file", AT_NO_AUTOMOUNT, STATX_BASIC_STATS, &more));
    IGNORED(statx, AT_STATX_FORCE_SYNC,
            statx(AT_FDCWD, "file", AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &more));
    IGNORED(statx, AT_STATX_DONT_SYNC,
            statx(AT_FDCWD, "file", AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &more));
    SERVED(faccessat2, AT_EACCESS, syscall(SYS_faccessat2, AT_FDCWD, "file", R_OK, AT_EACCESS));
    SERVED(faccessat2, AT_SYMLINK_NOFOLLOW,
           syscall(SYS_faccessat2, AT_FDCWD, "link", F_OK, AT_SYMLINK_NOFOLLOW));
    SERVED(faccessat2, AT_EMPTY_PATH, syscall(SYS_faccessat2, file, "", R_OK, AT_EMPTY_PATH));
    SERVED(fchownat, AT_SYMLINK_NOFOLLOW,
           fchownat(AT_FDCWD, "link", -1u, -1u, AT_SYMLINK_NOFOLLOW));
    SERVED(fchownat, AT_EMPTY_PATH, fchownat(file, "", -1u, -1u, AT_EMPTY_PATH));
    SERVED(fchmodat2, AT_SYMLINK_NOFOLLOW,
           syscall(452, AT_FDCWD, "file", 0600, AT_SYMLINK_NOFOLLOW));
    SERVED(fchmodat2, AT_EMPTY_PATH, syscall(452, file, "", 0600, AT_EMPTY_PATH));
    SERVED(utimensat, AT_SYMLINK_NOFOLLOW, utimensat(AT_FDCWD, "link", NULL, AT_SYMLINK_NOFOLLOW));
    SERVED(utimensat, AT_EMPTY_PATH, utimensat(file, "", NULL, AT_EMPTY_PATH));
    SERVED(renameat2, RENAME_NOREPLACE, moved(RENAME_NOREPLACE, "third"));
    SERVED(renameat2, RENAME_EXCHANGE, moved(RENAME_EXCHANGE, "other"));
    REFUSED(renameat2, RENAME_WHITEOUT, EINVAL, moved(RENAME_WHITEOUT, "third"));
    unlink("link");
    unlink("other");
}

/* Of anonymous memory, or of the file; unmapped again. */
static long mapped(int flags) {
    bool anonymous = flags & MAP_ANONYMOUS;
    char *hint = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE) ? (char *)0x2000000000 : NULL;
    char *at = mmap(hint, PAGE, PROT_READ | PROT_WRITE, flags, anonymous ? -1 : file, 0);
    return at == MAP_FAILED ? -1 : munmap(at, PAGE);
}

#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)

static void test_maps(void) {
    SERVED(mmap, MAP_PRIVATE, mapped(MAP_PRIVATE));
    SERVED(mmap, MAP_SHARED, mapped(MAP_SHARED));
    SERVED(mmap, MAP_SHARED_VALIDATE, mapped(MAP_SHARED_VALIDATE));
    SERVED(mmap, MAP_ANONYMOUS, mapped(ANONYMOUS));
    SERVED(mmap, MAP_FIXED, mapped(ANONYMOUS | MAP_FIXED));
    SERVED(mmap, MAP_FIXED_NOREPLACE, mapped(ANONYMOUS | MAP_FIXED_NOREPLACE));
    SERVED(mmap, MAP_POPULATE, mapped(ANONYMOUS | MAP_POPULATE));
    IGNORED(mmap, MAP_NORESERVE, mapped(ANONYMOUS | MAP_NORESERVE));
    IGNORED(mmap, MAP_STACK, mapped(ANONYMOUS | MAP_STACK));
    IGNORED(mmap, MAP_LOCKED, mapped(ANONYMOUS | MAP_LOCKED));
    IGNORED(mmap, MAP_NONBLOCK, mapped(ANONYMOUS | MAP_NONBLOCK));
    IGNORED(mmap, MAP_GROWSDOWN, mapped(ANONYMOUS | MAP_GROWSDOWN));
    IGNORED(mmap, MAP_DENYWRITE, mapped(MAP_PRIVATE | MAP_DENYWRITE));
    IGNORED(mmap, MAP_EXECUTABLE, mapped(MAP_PRIVATE | MAP_EXECUTABLE));
    REFUSED(mmap, MAP_HUGETLB, ENOMEM, mapped(ANONYMOUS | MAP_HUGETLB));
    REFUSED(mmap, MAP_SYNC, EOPNOTSUPP, mapped(MAP_SHARED_VALIDATE | MAP_SYNC));
    SERVED(mprotect, PROT_NONE, mprotect(memory, PAGE, PROT_NONE));
    SERVED(mprotect, PROT_READ, mprotect(memory, PAGE, PROT_READ));
    SERVED(mprotect, PROT_EXEC, mprotect(memory, PAGE, PROT_READ | PROT_EXEC));
    SERVED(mprotect, PROT_WRITE, mprotect(memory, PAGE, PROT_READ | PROT_WRITE));
    REFUSED(mprotect, PROT_GROWSDOWN, EINVAL, mprotect(memory, PAGE, PROT_READ | PROT_GROWSDOWN));
    SERVED(msync, MS_SYNC, msync(memory, PAGE, MS_SYNC));
    SERVED(msync, MS_ASYNC, msync(memory, PAGE, MS_ASYNC));
    SERVED(msync, MS_INVALIDATE, msync(memory, PAGE, MS_INVALIDATE));
    IGNORED(mlock2, MLOCK_ONFAULT, mlock2(memory, PAGE, MLOCK_ONFAULT));
    IGNORED(mlockall, MCL_CURRENT, mlockall(MCL_CURRENT));
    IGNORED(mlockall, MCL_FUTURE, mlockall(MCL_FUTURE));
    IGNORED(mlockall, MCL_ONFAULT, mlockall(MCL_CURRENT | MCL_ONFAULT));
    munlockall();
    SERVED(mremap, MREMAP_MAYMOVE, (memory = mremap(memory, 4 * PAGE, 5 * PAGE, MREMAP_MAYMOVE)));
    SERVED(mremap, MREMAP_FIXED,
           (memory = mremap(memory, 5 * PAGE, 5 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
                            (void *)0x2100000000)));
    REFUSED(mremap, MREMAP_DONTUNMAP, EINVAL,
            mremap(memory, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP));
    SERVED(memfd_create, MFD_CLOEXEC, opened(memfd_create("m", MFD_CLOEXEC)));
    SERVED(memfd_create, MFD_ALLOW_SEALING, opened(memfd_create("m", MFD_ALLOW_SEALING)));
    REFUSED(memfd_create, MFD_HUGETLB, EINVAL, opened(memfd_create("m", MFD_HUGETLB)));
}

#define ADVICE(advice) madvise(memory, PAGE, advice)

static void test_advice(void) {
    char *shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    SERVED(madvise, MADV_DONTNEED, ADVICE(MADV_DONTNEED));
    SERVED(madvise, MADV_DONTNEED_LOCKED, ADVICE(24));
    SERVED(madvise, MADV_FREE, ADVICE(MADV_FREE));
    SERVED(madvise, MADV_REMOVE, madvise(shared, PAGE, MADV_REMOVE));
    SERVED(madvise, MADV_DONTFORK, ADVICE(MADV_DONTFORK));
    SERVED(madvise, MADV_DOFORK, ADVICE(MADV_DOFORK));
    SERVED(madvise, MADV_WIPEONFORK, ADVICE(MADV_WIPEONFORK));
    SERVED(madvise, MADV_KEEPONFORK, ADVICE(MADV_KEEPONFORK));
    SERVED(madvise, MADV_DONTDUMP, ADVICE(MADV_DONTDUMP));
    SERVED(madvise, MADV_DODUMP, ADVICE(MADV_DODUMP));
    SERVED(madvise, MADV_POPULATE_READ, ADVICE(MADV_POPULATE_READ));
    SERVED(madvise, MADV_POPULATE_WRITE, ADVICE(MADV_POPULATE_WRITE));
    IGNORED(madvise, MADV_NORMAL, ADVICE(MADV_NORMAL));
    IGNORED(madvise, MADV_RANDOM, ADVICE(MADV_RANDOM));
    IGNORED(madvise, MADV_SEQUENTIAL, ADVICE(MADV_SEQUENTIAL));
    IGNORED(madvise, MADV_WILLNEED, ADVICE(MADV_WILLNEED));
    IGNORED(madvise, MADV_MERGEABLE, ADVICE(MADV_MERGEABLE));
    IGNORED(madvise, MADV_UNMERGEABLE, ADVICE(MADV_UNMERGEABLE));
    IGNORED(madvise, MADV_HUGEPAGE, ADVICE(MADV_HUGEPAGE));
    IGNORED(madvise, MADV_NOHUGEPAGE, ADVICE(MADV_NOHUGEPAGE));
    IGNORED(madvise, MADV_COLD, ADVICE(MADV_COLD));
    IGNORED(madvise, MADV_PAGEOUT, ADVICE(MADV_PAGEOUT));
    REFUSED(madvise, MADV_HWPOISON, EINVAL, ADVICE(MADV_HWPOISON));
    munmap(shared, PAGE);
}

/* A child without the flags' further needs: it ends at once. */
static long cloned(unsigned long flags) {
    static int32_t number;
    long pid = syscall(SYS_clone, flags | SIGCHLD, 0, &number, 0, &number);
    if (pid == 0)
        syscall(SYS_exit, 0);
    return pid < 0 ? -1 : reap((pid_t)pid);
}

/* A child that shares memory, and the stack until its end. */
static long vforked(void) {
    pid_t pid = vfork();
    if (pid == 0)
        _exit(0);
    return pid < 0 ? -1 : reap(pid);
}

static long waited(int options) {
    pid_t pid = start();
    if (pid == 0)
        _exit(0);
    siginfo_t info;
    long result = waitid(P_PID, (id_t)pid, &info, options);
    reap(pid);
    return result;
}

static void test_processes(void) {
    SERVED(clone, CLONE_VM, vforked());
    SERVED(clone, CLONE_VFORK, cloned(CLONE_VFORK));
    SERVED(clone, CLONE_PARENT_SETTID, cloned(CLONE_PARENT_SETTID));
    SERVED(clone, CLONE_CHILD_SETTID, cloned(CLONE_CHILD_SETTID));
    SERVED(clone, CLONE_CHILD_CLEARTID, cloned(CLONE_CHILD_CLEARTID));
    REFUSED(clone, CLONE_NEWNS, EINVAL, cloned(CLONE_NEWNS));
    REFUSED(clone, CLONE_NEWUTS, EINVAL, cloned(CLONE_NEWUTS));
    REFUSED(clone, CLONE_NEWIPC, EINVAL, cloned(CLONE_NEWIPC));
    REFUSED(clone, CLONE_NEWUSER, EINVAL, cloned(CLONE_NEWUSER));
    REFUSED(clone, CLONE_NEWPID, EINVAL, cloned(CLONE_NEWPID));
    REFUSED(clone, CLONE_NEWNET, EINVAL, cloned(CLONE_NEWNET));
    REFUSED(clone, CLONE_NEWCGROUP, EINVAL, cloned(CLONE_NEWCGROUP));
    REFUSED(clone, CLONE_PTRACE, EINVAL, cloned(CLONE_PTRACE));
    SERVED(waitid, WEXITED, waited(WEXITED | WNOWAIT));
    SERVED(waitid, WSTOPPED, waited(WEXITED | WSTOPPED | WNOWAIT));
    SERVED(waitid, WCONTINUED, waited(WEXITED | WCONTINUED | WNOWAIT));
    SERVED(waitid, WNOHANG, waited(WEXITED | WNOHANG | WNOWAIT));
    SERVED(waitid, WNOWAIT, waited(WEXITED | WNOWAIT));
}

static long with_action(int flags) {
    struct sigaction action = {.sa_handler = SIG_IGN, .sa_flags = flags};
    return sigaction(SIGUSR1, &action, NULL);
}

static void test_signals(void) {
    static char stack[65536];
    stack_t other = {.ss_sp = stack, .ss_size = sizeof(stack)};
    stack_t none = {.ss_flags = SS_DISABLE};
    SERVED(rt_sigaction, SA_NOCLDSTOP, with_action(SA_NOCLDSTOP));
    SERVED(rt_sigaction, SA_NOCLDWAIT, with_action(SA_NOCLDWAIT));
    SERVED(rt_sigaction, SA_SIGINFO, with_action(SA_SIGINFO));
    SERVED(rt_sigaction, SA_ONSTACK, with_action(SA_ONSTACK));
    SERVED(rt_sigaction, SA_RESTART, with_action(SA_RESTART));
    SERVED(rt_sigaction, SA_NODEFER, with_action(SA_NODEFER));
    SERVED(rt_sigaction, SA_RESETHAND, with_action((int)SA_RESETHAND));
    SERVED(sigaltstack, SS_DISABLE, sigaltstack(&none, NULL));
    other.ss_flags = (int)(1u << 31);
    SERVED(sigaltstack, SS_AUTODISARM, sigaltstack(&other, NULL));
    sigaltstack(&none, NULL);
    struct timespec past = {1, 0};
    SERVED(clock_nanosleep, TIMER_ABSTIME,
           -clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &past, NULL));
}

static void test_options(void) {
    int value = 0;
    SERVED(prctl, PR_SET_NAME, prctl(PR_SET_NAME, "flags"));
    SERVED(prctl, PR_GET_NAME, prctl(PR_GET_NAME, (char[16]){0}));
    SERVED(prctl, PR_SET_PDEATHSIG, prctl(PR_SET_PDEATHSIG, 0));
    SERVED(prctl, PR_GET_PDEATHSIG, prctl(PR_GET_PDEATHSIG, &value));
    SERVED(prctl, PR_SET_DUMPABLE, prctl(PR_SET_DUMPABLE, 1));
    SERVED(prctl, PR_GET_DUMPABLE, prctl(PR_GET_DUMPABLE));
    SERVED(prctl, PR_SET_CHILD_SUBREAPER, prctl(PR_SET_CHILD_SUBREAPER, 0));
    SERVED(prctl, PR_GET_CHILD_SUBREAPER, prctl(PR_GET_CHILD_SUBREAPER, &value));
    SERVED(prctl, PR_GET_NO_NEW_PRIVS, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    SERVED(prctl, PR_SET_NO_NEW_PRIVS, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    SERVED(prctl, PR_CAPBSET_READ, prctl(PR_CAPBSET_READ, 0) - 1);
    SERVED(prctl, PR_GET_SECUREBITS, prctl(PR_GET_SECUREBITS));
    IGNORED(prctl, PR_SET_KEEPCAPS, prctl(PR_SET_KEEPCAPS, 1));
    IGNORED(prctl, PR_GET_KEEPCAPS, prctl(PR_GET_KEEPCAPS));
    REFUSED(prctl, PR_SET_SECCOMP, EINVAL, prctl(PR_SET_SECCOMP, 1));
    REFUSED(prctl, PR_GET_SECCOMP, EINVAL, prctl(PR_GET_SECCOMP));
    REFUSED(prctl, PR_SET_TIMERSLACK, EINVAL, prctl(PR_SET_TIMERSLACK, 1));
    REFUSED(prctl, PR_GET_TIMERSLACK, EINVAL, prctl(PR_GET_TIMERSLACK));
    REFUSED(prctl, PR_SET_VMA, EINVAL, prctl(PR_SET_VMA, 0, memory, PAGE, "name"));
    SERVED(getrandom, GRND_NONBLOCK, getrandom(&value, 1, GRND_NONBLOCK));
    SERVED(getrandom, GRND_RANDOM, getrandom(&value, 1, GRND_RANDOM));
    SERVED(getrandom, GRND_INSECURE, getrandom(&value, 1, GRND_INSECURE));
}

static void test_events(void) {
    struct itimerspec soon = {{0, 0}, {1, 0}};
    int timer = timerfd_create(CLOCK_REALTIME, 0);
    SERVED(epoll_create1, EPOLL_CLOEXEC, opened(epoll_create1(EPOLL_CLOEXEC)));
    SERVED(eventfd2, EFD_CLOEXEC, opened(eventfd(0, EFD_CLOEXEC)));
    SERVED(eventfd2, EFD_NONBLOCK, opened(eventfd(0, EFD_NONBLOCK)));
    SERVED(eventfd2, EFD_SEMAPHORE, opened(eventfd(0, EFD_SEMAPHORE)));
    SERVED(timerfd_create, TFD_CLOEXEC, opened(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)));
    SERVED(timerfd_create, TFD_NONBLOCK, opened(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK)));
    SERVED(timerfd_settime, TFD_TIMER_ABSTIME,
           timerfd_settime(timer, TFD_TIMER_ABSTIME, &soon, NULL));
    SERVED(timerfd_settime, TFD_TIMER_CANCEL_ON_SET,
           timerfd_settime(timer, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &soon, NULL));
    close(timer);
    sigset_t none;
    sigemptyset(&none);
    SERVED(signalfd4, SFD_CLOEXEC, opened(signalfd(-1, &none, SFD_CLOEXEC)));
    SERVED(signalfd4, SFD_NONBLOCK, opened(signalfd(-1, &none, SFD_NONBLOCK)));
    SERVED(pidfd_open, PIDFD_NONBLOCK, opened((int)syscall(434, getpid(), O_NONBLOCK)));
}

static long word(int operation, long value) {
    static uint32_t words[2];
    return syscall(SYS_futex, &words[0], operation, value, 1L, &words[1], 0);
}

static void test_words(void) {
    SERVED(futex, FUTEX_WAKE, word(FUTEX_WAKE, 1));
    SERVED(futex, FUTEX_REQUEUE, word(FUTEX_REQUEUE, 1));
    SERVED(futex, FUTEX_CMP_REQUEUE, word(FUTEX_CMP_REQUEUE, 1));
    SERVED(futex, FUTEX_WAKE_OP, word(FUTEX_WAKE_OP, 1));
    SERVED(futex, FUTEX_PRIVATE_FLAG, word(FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1));
    REFUSED(futex, FUTEX_FD, ENOSYS, word(FUTEX_FD, 0));
}

static long sent(int flags) {
    struct {
        long type;
        char text[8];
    } message = {1, "text"};
    if (msgsnd(queue, &message, sizeof(message.text), flags & IPC_NOWAIT) < 0)
        return -1;
    return msgrcv(queue, &message, 4, flags & MSG_EXCEPT ? 2 : 1, flags | MSG_NOERROR);
}

static long operated(int flags) {
    struct sembuf up = {0, 1, (short)flags};
    return semop(semaphores, &up, 1);
}

static long attached(int flags) {
    char *hint = flags & SHM_REMAP ? (char *)0x2000000000
                 : flags & SHM_RND ? (char *)0x2000000010
                                   : NULL;
    void *at = shmat(segment, hint, flags);
    return at == (void *)-1 ? -1 : shmdt(at);
}

static void test_sysv(void) {
    SERVED(msgsnd, IPC_NOWAIT, sent(IPC_NOWAIT));
    SERVED(msgrcv, IPC_NOWAIT, sent(IPC_NOWAIT));
    SERVED(msgrcv, MSG_NOERROR, sent(MSG_NOERROR));
    SERVED(msgrcv, MSG_EXCEPT, sent(MSG_EXCEPT));
    SERVED(semop, IPC_NOWAIT, operated(IPC_NOWAIT));
    SERVED(semop, SEM_UNDO, operated(SEM_UNDO));
    SERVED(shmat, SHM_RDONLY, attached(SHM_RDONLY));
    SERVED(shmat, SHM_RND, attached(SHM_RND));
    SERVED(shmat, SHM_REMAP, attached(SHM_REMAP));
    SERVED(shmat, SHM_EXEC, attached(SHM_EXEC));
    SERVED(shmctl, SHM_LOCK, shmctl(segment, SHM_LOCK, NULL));
    SERVED(shmctl, SHM_UNLOCK, shmctl(segment, SHM_UNLOCK, NULL));
    REFUSED(shmget, SHM_HUGETLB, ENOMEM, shmget(IPC_PRIVATE, 1 << 21, SHM_HUGETLB));
    IGNORED(shmget, SHM_NORESERVE, shmctl(shmget(IPC_PRIVATE, PAGE, SHM_NORESERVE), IPC_RMID, 0));
}

int main(void) {
    enter(DIRECTORY);
    file = create("file", "content");
    folder = open(".", O_RDONLY | O_DIRECTORY);
    memory = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, ANONYMOUS, -1, 0);
    queue = msgget(IPC_PRIVATE, 0600);
    semaphores = semget(IPC_PRIVATE, 1, 0600);
    segment = shmget(IPC_PRIVATE, PAGE, 0700);
    test_open();
    test_descriptors();
    test_files();
    test_names();
    test_maps();
    test_advice();
    test_processes();
    test_signals();
    test_options();
    test_events();
    test_words();
    test_sysv();
    msgctl(queue, IPC_RMID, NULL);
    semctl(semaphores, 0, IPC_RMID);
    shmctl(segment, IPC_RMID, NULL);
    close(file);
    close(folder);
    unlink("file");
    leave(DIRECTORY);
    return done();
}
