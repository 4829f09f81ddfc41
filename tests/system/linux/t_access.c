/* SPDX-License-Identifier: MIT */
/*
 * access(2) and faccessat(2) by real and effective users, and who may make another name of a file (link(2) with
 * protected_hardlinks, proc(5)). Runs on Linux as root.
 */
#include "tap.h"
#include "files.h"

#define DIRECTORY "/tmp/t_access.dir"
#define USER 1000
#define GROUP 77

static uid_t real_user, effective_user;
static gid_t real_group;

static void make(const char *path, mode_t mode, uid_t owner, gid_t group) {
    close(create(path, "text"));
    if (chown(path, owner, group) < 0 || chmod(path, mode) < 0)
        bail(path);
}

/* What access and faccessat with AT_EACCESS say to who has these ids: a bit for each refusal. */
static int asked_as(const char *path, int mode) {
    pid_t pid = start();
    int result = 0;

    if (pid == 0) {
        if (setresgid(real_group, effective_user, effective_user) < 0 ||
            setresuid(real_user, effective_user, (uid_t)-1) < 0)
            _exit(99);
        if (access(path, mode) < 0)
            result |= errno == EACCES ? 1 : 100;
        if (faccessat(AT_FDCWD, path, mode, AT_EACCESS) < 0)
            result |= errno == EACCES ? 2 : 100;
        _exit(result);
    }
    return reap_exit(pid);
}

static void test_users(void) {
    real_user = real_group = USER;
    effective_user = 0;
    is_int(asked_as("secret", R_OK), 1, "the real user may not read it, the effective one may");
    is_int(asked_as("secret", F_OK), 0, "that it is there both may know");
    is_int(asked_as("closed/file", F_OK), 1, "not if he may not search its directory");
    is_int(asked_as("users", R_OK | W_OK), 0, "a file of the real user's");
    is_int(asked_as("users", X_OK), 3, "which is no program: not even root runs it");
    is_int(asked_as("program", X_OK), 1, "a program of root's");
    is_int(asked_as("/proc/self/environ", R_OK), 1, "a file in /proc");
    real_user = real_group = 0;
    effective_user = USER;
    is_int(asked_as("secret", R_OK | W_OK), 2, "root is the real one");
    is_int(asked_as("closed/file", R_OK), 2, "who may search any directory");
    real_user = USER;
    real_group = GROUP;
    effective_user = 1001;
    is_int(asked_as("groups", R_OK), 2, "the real group counts");
    is_int(asked_as("groups", W_OK), 3, "and its bits");
    is_errno(faccessat(AT_FDCWD, "users", 8, 0), EINVAL, "no such mode: EINVAL");
    is_errno(faccessat(AT_FDCWD, "users", R_OK, 0x10000), EINVAL, "no such flag: EINVAL");
}

#define REFUSES(path) (errno = 0, link(path, "other") == -1 && errno == EPERM)

static int links(void) {
    if (setgid(USER) < 0 || setuid(USER) < 0)
        return 1;
    if (!REFUSES("secret") || !REFUSES("readable"))
        return 2;
    if (!REFUSES("setuid") || !REFUSES("setgid") || !REFUSES("fifo"))
        return 3;
    if (link("open", "other") < 0 || unlink("other") < 0)
        return 4;
    return link("users", "other") < 0 || unlink("other") < 0 ? 5 : 0;
}

static bool links_are_protected(void) {
    char value = '1';
    int fd = open("/proc/sys/fs/protected_hardlinks", O_RDONLY);

    if (fd >= 0 && read(fd, &value, 1) != 1)
        bail("protected_hardlinks");
    close(fd);
    return value == '1';
}

static void test_links(void) {
    make("readable", 0644, 0, 0);
    make("open", 0666, 0, 0);
    make("setuid", 04777, 0, 0);
    make("setgid", 02777, 0, 0);
    if (mkfifo("fifo", 0600) < 0 || chmod("fifo", 0666) < 0 || chmod(".", 0777) < 0)
        bail("fifo");
    if (links_are_protected())
        is_int(in_child(links), 0, "another's file that could harm gets no more names");
    else
        skip("names of others' files", "protected_hardlinks is 0");
    is_int(link("secret", "other"), 0, "but by root");
    is_int(unlink("other"), 0, "who takes it away");
    unlink("readable");
    unlink("open");
    unlink("setuid");
    unlink("setgid");
    unlink("fifo");
}

int main(void) {
    if (geteuid() != 0) {
        skip("access", "not root");
        return done();
    }
    enter(DIRECTORY);
    make("secret", 0600, 0, 0);
    make("users", 0600, USER, USER);
    make("program", 0700, 0, 0);
    make("groups", 0040, 0, GROUP);
    if (mkdir("closed", 0700) < 0)
        bail("closed");
    make("closed/file", 0666, 0, 0);
    test_users();
    test_links();
    unlink("closed/file");
    rmdir("closed");
    unlink("secret");
    unlink("users");
    unlink("program");
    unlink("groups");
    leave(DIRECTORY);
    return done();
}
