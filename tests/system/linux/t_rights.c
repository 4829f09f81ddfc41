/* SPDX-License-Identifier: MIT */
/*
 * What a user may not do to another's files and processes, where a mode alone does not say it: signals,
 * directories that move, times, programs that run with their owner's rights.
 */
#include "tap.h"

#include <fcntl.h>
#include <sys/stat.h>

#define NOBODY 65534
#define FOLDER "/tmp/rights"

static pid_t other;

#define CHECK(number, condition)                                                                   \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return (number);                                                                       \
    } while (0)
#define FAILS(call, error) (errno = 0, (call) == -1 && errno == (error))

static int as_nobody(int (*function)(void)) {
    pid_t pid = start();

    if (pid == 0) {
        if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
            _exit(99);
        _exit(function());
    }
    return reap_exit(pid);
}

static void make(const char *path, mode_t mode, uid_t owner) {
    int fd = open(path, O_CREAT | O_RDWR, 0600);

    if (fd < 0 || write(fd, "text", 4) != 4 || fchown(fd, owner, owner) < 0 || fchmod(fd, mode) < 0)
        bail(path);
    close(fd);
}

static void make_folder(const char *path, uid_t owner, mode_t mode) {
    if (mkdir(path, 0700) < 0 || chown(path, owner, owner) < 0 || chmod(path, mode) < 0)
        bail(path);
}

static int signals(void) {
    CHECK(1, FAILS(kill(other, SIGTERM), EPERM));
    CHECK(2, FAILS(kill(other, 0), EPERM));
    CHECK(3, kill(other, SIGCONT) == 0); /* the same session */
    CHECK(4, FAILS(kill(-getpgid(other), SIGTERM), EPERM));
    CHECK(5, FAILS(setpgid(other, other), ESRCH));
    CHECK(6, FAILS(waitpid(other, NULL, WNOHANG), ECHILD));
    CHECK(7, setsid() >= 0);
    CHECK(8, FAILS(kill(other, SIGCONT), EPERM)); /* another one now */
    return 0;
}

static int looks(void) {
    char path[64], target[64];

    snprintf(path, sizeof(path), "/proc/%d/exe", (int)other);
    CHECK(1, FAILS(readlink(path, target, sizeof(target)), EACCES));
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)other);
    CHECK(2, access(path, R_OK) == 0);
    CHECK(3, FAILS(open(path, O_WRONLY), EACCES));
    return 0;
}

static int moves(void) {
    CHECK(1, rename(FOLDER "/a/roots", FOLDER "/a/moved") == 0);
    CHECK(2, FAILS(rename(FOLDER "/a/moved", FOLDER "/b/moved"), EACCES));
    CHECK(3, FAILS(renameat2(AT_FDCWD, FOLDER "/a/moved", AT_FDCWD, FOLDER "/b/own", 2), EACCES));
    CHECK(4, rename(FOLDER "/b/own", FOLDER "/a/own") == 0);
    return 0;
}

static int times_of(void) {
    const struct timespec omit[2] = {{0, UTIME_OMIT}, {0, UTIME_OMIT}};
    const struct timespec past[2] = {{1, 0}, {1, 0}};

    CHECK(1, utimensat(AT_FDCWD, FOLDER "/roots", omit, 0) == 0);
    CHECK(2, FAILS(utimensat(AT_FDCWD, FOLDER "/roots", past, 0), EPERM));
    CHECK(3, FAILS(utimensat(AT_FDCWD, FOLDER "/roots", NULL, 0), EACCES));
    return 0;
}

static int writes(void) {
    struct stat status;
    int fd = open(FOLDER "/setuid", O_WRONLY);

    CHECK(1, fd >= 0 && write(fd, "mine", 4) == 4);
    CHECK(2, fstat(fd, &status) == 0 && !(status.st_mode & (S_ISUID | S_ISGID)));
    CHECK(3, truncate(FOLDER "/setuid2", 1) == 0);
    CHECK(4, stat(FOLDER "/setuid2", &status) == 0 && !(status.st_mode & (S_ISUID | S_ISGID)));
    return 0;
}

static int roots_descriptor;

static int names(void) {
    CHECK(1,
          FAILS(linkat(roots_descriptor, "", AT_FDCWD, FOLDER "/a/link", AT_EMPTY_PATH), ENOENT));
    CHECK(2, FAILS(chown(FOLDER "/own", 0, (gid_t)-1), EPERM));
    CHECK(3, FAILS(chmod(FOLDER "/roots", 0777), EPERM));
    CHECK(4, FAILS(fchmod(roots_descriptor, 0777), EPERM));
    return 0;
}

int main(void) {
    struct stat before, after;

    if (getuid() != 0) {
        printf("1..0 # SKIP not root\n");
        return 0;
    }
    umask(0);
    make_folder(FOLDER, 0, 0777);
    make_folder(FOLDER "/a", NOBODY, 0755);
    make_folder(FOLDER "/b", NOBODY, 0755);
    make_folder(FOLDER "/a/roots", 0, 0755);
    make_folder(FOLDER "/b/own", NOBODY, 0755);
    make(FOLDER "/roots", 0644, 0);
    make(FOLDER "/own", 0644, NOBODY);
    make(FOLDER "/setuid", 06777, 0);
    make(FOLDER "/setuid2", 06777, 0);
    roots_descriptor = open(FOLDER "/roots", O_RDONLY);
    other = start();
    if (other == 0) {
        setpgid(0, 0);
        for (;;)
            pause();
    }
    let_block();
    stat(FOLDER "/roots", &before);
    is_int(as_nobody(signals), 0, "signals to another user's process");
    is_int(as_nobody(looks), 0, "what /proc tells of another user's process");
    is_int(as_nobody(moves), 0, "a directory gets another parent only with its own permission");
    is_int(as_nobody(times_of), 0, "times of another's file");
    stat(FOLDER "/roots", &after);
    ok(before.st_ctim.tv_sec == after.st_ctim.tv_sec &&
           before.st_ctim.tv_nsec == after.st_ctim.tv_nsec,
       "omitting both times changes nothing");
    is_int(as_nobody(writes), 0, "who writes to a set-user-id file takes that away");
    is_int(as_nobody(names), 0, "names, owners and modes of another's file");
    kill(other, SIGKILL);
    is_int(WTERMSIG(reap(other)), SIGKILL, "the other process lived");
    if (system("rm -r " FOLDER) != 0)
        bail("rm");
    return done();
}
