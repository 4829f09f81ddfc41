/* SPDX-License-Identifier: MIT */
/* POSIX message queues as files: made by open(2), their times, and their file system: mq_overview(7), inode(7), statfs(2). */
#include "tap.h"

#include <fcntl.h>
#include <mqueue.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

#define FOLDER "/dev/mqueue"
#define NAME "/t_mqinode"
#define FILE_NAME FOLDER NAME
#define MQUEUE_MAGIC 0x19800202

static void remove_all(void) {
    unlink(FILE_NAME);
    unlink(FILE_NAME "2");
    unlink("/tmp/t_mqinode");
}

static long setting_of(const char *name) {
    char path[64];
    long value = -1;
    snprintf(path, sizeof path, "/proc/sys/fs/mqueue/%s", name);
    FILE *file = fopen(path, "r");
    if (!file || fscanf(file, "%ld", &value) != 1)
        bail(path);
    fclose(file);
    return value;
}

/* ---- Made by open ------------------------------------------------------------------------- */

static void made_by_open(void) {
    struct mq_attr attr;
    struct stat status;
    char text[8192];
    umask(022);
    int fd = open(FILE_NAME, O_RDWR | O_CREAT, 0666);
    ok(fd >= 0, "open(O_CREAT) makes a queue");
    is_int(mq_getattr(fd, &attr), 0, "which is one");
    is_int(attr.mq_maxmsg, setting_of("msg_default"), "with the usual number of messages");
    is_int(attr.mq_msgsize, setting_of("msgsize_default"), "and their usual length");
    is_int(fstat(fd, &status), 0, "it is a file, too");
    is_int(status.st_mode, S_IFREG | 0644, "with the mode as it was asked for, but for the mask");
    is_int(fcntl(fd, F_GETFD), 0, "it stays open on exec");
    is_int(mq_send(fd, "text", 4, 3), 0, "a message goes in");
    mqd_t same = mq_open(NAME, O_RDONLY);
    is_int(mq_receive(same, text, sizeof text, NULL), 4, "and comes out by mq_open's descriptor");
    mq_close(same);
    is_errno(open(FILE_NAME, O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST, "it is there already");
    same = open(FILE_NAME, O_RDONLY | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0600);
    is_int(fcntl(same, F_GETFD), FD_CLOEXEC, "opened again, to be closed on exec");
    is_errno(mq_receive(same, text, sizeof text, NULL), EAGAIN, "and without waiting");
    is_errno(mq_send(same, "x", 1, 0), EBADF, "it may only be read");
    close(same);
    close(fd);
    remove_all();
}

static void other_ways(void) {
    int folder = open(FOLDER, O_RDONLY | O_DIRECTORY);
    int fd = openat(folder, "t_mqinode", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    is_int(fcntl(fd, F_GETFD), FD_CLOEXEC, "by its folder's descriptor");
    is_int(mq_send(fd, "x", 1, 0), 0, "to be written");
    close(fd);
    remove_all();
    symlink(FILE_NAME "2", "/tmp/t_mqinode");
    fd = open("/tmp/t_mqinode", O_RDWR | O_CREAT, 0600);
    ok(fd >= 0 && access(FILE_NAME "2", F_OK) == 0, "by a link to what is not there yet");
    close(fd);
    unlink(FILE_NAME "2");
    is_errno(open("/tmp/t_mqinode", O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST,
             "but not with O_EXCL: the link is there");
    uint64_t how[3] = {O_RDWR | O_CREAT, 0600, 8 /* RESOLVE_BENEATH */};
    fd = (int)syscall(437 /* openat2 */, folder, "t_mqinode", how, sizeof how);
    ok(fd >= 0, "by openat2");
    close(fd);
    close(folder);
    remove_all();
}

static void refused(void) {
    struct rlimit was;
    is_errno(open(FILE_NAME "/", O_RDWR | O_CREAT, 0600), EISDIR, "a name with a slash behind it");
    is_errno(mkdir(FILE_NAME, 0700), EPERM, "no directory can be made there");
    is_errno(mknod(FILE_NAME, S_IFIFO | 0600, 0), EPERM, "nor a pipe");
    is_errno(symlink("x", FILE_NAME), EPERM, "nor a link");
    getrlimit(RLIMIT_MSGQUEUE, &was);
    setrlimit(RLIMIT_MSGQUEUE, &(struct rlimit){0, was.rlim_max});
    is_errno(open(FILE_NAME, O_RDWR | O_CREAT, 0600), EMFILE, "RLIMIT_MSGQUEUE counts");
    setrlimit(RLIMIT_MSGQUEUE, &was);
}

static void file_system(void) {
    struct statfs status;
    int fd = open(FILE_NAME, O_RDWR | O_CREAT, 0600);
    is_int(statfs(FOLDER, &status), 0, "statfs of the folder");
    is_int(status.f_type, MQUEUE_MAGIC, "says what it is");
    is_int(status.f_namelen, 255, "how long names may be");
    is_int(status.f_blocks, 0, "that it has no blocks");
    is_int(fstatfs(fd, &status), 0, "fstatfs of a queue");
    is_int(status.f_type, MQUEUE_MAGIC, "says the same");
    close(fd);
    remove_all();
}

/* ---- Times -------------------------------------------------------------------------------- */

enum { ATIME = 1, MTIME = 2, BOTH = 3 };

#define LONG_AGO 1000

/* Which of these two times have changed since the last look: then they are set back. Linux has them in whole seconds. */
static int changed(int fd) {
    const struct timespec old[2] = {{LONG_AGO, 0}, {LONG_AGO, 0}};
    struct stat status;
    if (fstat(fd, &status) < 0)
        bail("fstat");
    int what =
        (status.st_atime != LONG_AGO ? ATIME : 0) | (status.st_mtime != LONG_AGO ? MTIME : 0);
    if (futimens(fd, old) < 0)
        bail("futimens");
    return what;
}

static void messages_change(int fd) {
    char text[100];
    struct mq_attr attr;
    struct timespec past = {1, 0};
    is_int(changed(fd), 0, "what is only looked at by stat stays");
    mq_send(fd, "short", 5, 1);
    is_int(changed(fd), BOTH, "a message has come");
    mq_send(fd, memset(text, 'l', sizeof text), sizeof text, 1);
    is_int(changed(fd), BOTH, "a longer one");
    mq_timedsend(fd, "x", 1, 1, &past);
    is_int(changed(fd), 0, "one that there is no room for");
    mq_receive(fd, text, sizeof text, NULL);
    is_int(changed(fd), BOTH, "a message has gone");
    mq_receive(fd, text, sizeof text, NULL);
    is_int(changed(fd), BOTH, "and the other");
    mq_timedreceive(fd, text, sizeof text, NULL, &past);
    is_int(changed(fd), 0, "nothing was there");
    mq_getattr(fd, &attr);
    is_int(changed(fd), 0, "attributes are asked for");
}

static void waiting_changes(int fd) {
    char text[100] = "";
    pid_t pid = start();
    if (pid == 0)
        _exit((int)mq_receive(fd, text, sizeof text, NULL));
    let_block();
    is_int(changed(fd), 0, "somebody waits");
    mq_send(fd, "12345", 5, 0);
    is_int(changed(fd), BOTH, "and gets it");
    reap(pid);
    pid = start();
    if (pid == 0)
        _exit((int)mq_receive(fd, text, sizeof text, NULL));
    let_block();
    mq_send(fd, text, sizeof text, 0);
    is_int(changed(fd), BOTH, "the same with a longer one");
    reap(pid);
}

static void looks_change(int fd) {
    char text[100];
    struct mq_attr attr = {.mq_flags = O_NONBLOCK};
    struct sigevent nobody = {.sigev_notify = SIGEV_NONE};
    mq_setattr(fd, &attr, NULL);
    is_int(changed(fd), ATIME, "O_NONBLOCK was set");
    fcntl(fd, F_SETFL, 0);
    is_int(changed(fd), 0, "but not when fcntl does it");
    mq_notify(fd, NULL);
    is_int(changed(fd), 0, "nobody was registered");
    mq_notify(fd, &nobody);
    is_int(changed(fd), ATIME, "somebody is");
    is_errno(mq_notify(fd, &nobody), EBUSY, "one at a time");
    is_int(changed(fd), 0, "which changes nothing");
    mq_notify(fd, NULL);
    is_int(changed(fd), ATIME, "and is not any more");
    pread(fd, text, sizeof text, 0);
    is_int(changed(fd), ATIME, "its text is read");
}

/* The status's change: nobody can set that back, so a second is waited for. */
static time_t status_changed(int fd, const char *what) {
    static time_t before;
    struct stat status;
    fstat(fd, &status);
    ok(status.st_ctime > before, "%s", what);
    before = status.st_ctime;
    sleep_ms(1100);
    return before;
}

static void status_changes(int fd) {
    char text[100];
    struct stat status;
    status_changed(fd, "times were set: a change of the status");
    mq_send(fd, "x", 1, 1);
    status_changed(fd, "a message comes: another");
    mq_receive(fd, text, sizeof text, NULL);
    status_changed(fd, "and goes");
    pread(fd, text, sizeof text, 0);
    status_changed(fd, "its text is read");
    fchmod(fd, 0640);
    time_t last = status_changed(fd, "its mode changes");
    is_int(stat(FILE_NAME, &status), 0, "by its name");
    is_int(status.st_ctime, last, "it is the same");
    ok(status.st_mtime > time(NULL) - 60 && status.st_mtime <= last,
       "the last message is of today");
}

static void times(void) {
    struct mq_attr attr = {.mq_maxmsg = 2, .mq_msgsize = 100};
    mqd_t fd = mq_open(NAME, O_RDWR | O_CREAT, 0600, &attr);
    changed(fd);
    messages_change(fd);
    waiting_changes(fd);
    looks_change(fd);
    status_changes(fd);
    mq_close(fd);
    remove_all();
}

int main(void) {
    remove_all();
    made_by_open();
    other_ways();
    refused();
    file_system();
    times();
    return done();
}
