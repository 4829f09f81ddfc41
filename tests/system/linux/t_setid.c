/* SPDX-License-Identifier: MIT */
/* Programs that run as their file's owner or group (execve(2), credentials(7)). */
#include "tap.h"

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#define PROGRAM "/tmp/setid"
#define USER 1000
#define OTHER 77

static const char *self;

/* What it is when it is executed again: a bit for each answer. */
enum { USER_ROOT = 1, GROUP_OTHER = 2, REAL_USER = 4, SAVED = 8, SECURE = 16, DUMPABLE = 32 };

static int answer(void) {
    uid_t ruid, euid, suid;
    gid_t rgid, egid, sgid;

    if (getresuid(&ruid, &euid, &suid) < 0 || getresgid(&rgid, &egid, &sgid) < 0)
        return 128;
    return (euid == 0 ? USER_ROOT : 0) | (egid == OTHER ? GROUP_OTHER : 0) |
           (ruid == USER && rgid == USER ? REAL_USER : 0) |
           (suid == euid && sgid == egid ? SAVED : 0) | (getauxval(AT_SECURE) ? SECURE : 0) |
           (prctl(PR_GET_DUMPABLE) ? DUMPABLE : 0);
}

static void copy_self(void) {
    static char bytes[65536];
    int in = open(self, O_RDONLY), out = open(PROGRAM, O_CREAT | O_WRONLY | O_TRUNC, 0755);
    ssize_t n;

    while ((n = read(in, bytes, sizeof bytes)) > 0)
        if (write(out, bytes, (size_t)n) != n)
            break;
    close(in);
    close(out);
}

/* What the program, or a script that names it, says that it is when USER runs it. */
static int run(const char *path, mode_t mode, bool no_more) {
    if (chown(path, 0, OTHER) < 0 || chmod(path, mode) < 0)
        return -1;
    pid_t pid = start();
    if (pid == 0) {
        if (no_more && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
            _exit(129);
        if (setgid(USER) < 0 || setuid(USER) < 0)
            _exit(130);
        execl(path, "setid", "answer", (char *)NULL);
        _exit(131);
    }
    return reap_exit(pid);
}

static int write_to_it(void) {
    if (setgid(USER) < 0 || setuid(USER) < 0)
        return 1;
    int fd = open(PROGRAM, O_WRONLY | O_APPEND);
    return fd >= 0 && write(fd, "", 1) == 1 ? 0 : 2;
}

int main(int argc, char **argv) {
    const int usual = REAL_USER | SAVED | DUMPABLE;
    struct stat status;

    if (argc > 1)
        return answer();
    self = argv[0];
    if (geteuid() != 0) {
        skip("set-user-ID programs", "not root");
        return done();
    }
    copy_self();
    is_int(run(PROGRAM, 0755, false), usual, "without the bits");
    is_int(run(PROGRAM, 04755, false), USER_ROOT | REAL_USER | SAVED | SECURE, "set-user-ID");
    is_int(run(PROGRAM, 02755, false), GROUP_OTHER | REAL_USER | SAVED | SECURE, "set-group-ID");
    is_int(run(PROGRAM, 06755, false), USER_ROOT | GROUP_OTHER | REAL_USER | SAVED | SECURE,
           "both");
    is_int(run(PROGRAM, 02745, false), usual, "set-group-ID without execution by the group");
    is_int(run(PROGRAM, 06755, true), usual, "PR_SET_NO_NEW_PRIVS");
    int fd = open("/tmp/setid.sh", O_CREAT | O_WRONLY | O_TRUNC, 0755);
    ok(write(fd, "#!" PROGRAM "\n", sizeof PROGRAM + 2) > 0 && close(fd) == 0, "a script");
    chmod(PROGRAM, 0755);
    is_int(run("/tmp/setid.sh", 06755, false), usual, "whose bits do not count");
    is_int(chmod(PROGRAM, 06777), 0, "everybody may write to it");
    is_int(in_child(write_to_it), 0, "and one does");
    is_int(stat(PROGRAM, &status), 0, "which takes");
    is_int(status.st_mode & 06777, 0777, "the bits away");
    unlink("/tmp/setid.sh");
    unlink(PROGRAM);
    return done();
}
