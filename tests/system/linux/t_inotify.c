/* SPDX-License-Identifier: MIT */
/* Events of files: inotify(7). */
#include "tap.h"
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/inotify.h>
#include <sys/stat.h>

static char directory[64];
static int queue;

static const char *path_of(const char *name) {
    static char path[2][128];
    static int next;
    next = 1 - next;
    snprintf(path[next], sizeof(path[next]), "%s/%s", directory, name);
    return path[next];
}

/* The events there are, one after the other: "mask:name " with the watch's number if it is not the first's. */
static const char *events(int watch) {
    static char text[4096];
    char buffer[4096] __attribute__((aligned(8)));
    size_t used = 0;
    text[0] = '\0';
    long count;
    while ((count = read(queue, buffer, sizeof(buffer))) > 0)
        for (long at = 0; at < count;) {
            const struct inotify_event *event = (const void *)(buffer + at);
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%x%s%s ",
                                     event->wd == watch ? "" : "other ", event->mask,
                                     event->len ? ":" : "", event->len ? event->name : "");
            at += (long)sizeof(*event) + event->len;
        }
    return text;
}

#define are(watch, wanted, ...)                                                                    \
    do {                                                                                           \
        const char *got_ = events(watch);                                                          \
        if (!ok(!strcmp(got_, wanted), __VA_ARGS__))                                               \
            printf("# got %s, wanted %s\n", got_, wanted);                                         \
    } while (0)

static void write_file(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CREAT, 0644);
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        bail("write");
    close(fd);
}

static void test_directory(void) {
    char text[8];
    int watch = inotify_add_watch(queue, directory, IN_ALL_EVENTS);
    ok(watch > 0, "a directory is watched");
    write_file(path_of("file"), "text");
    are(watch, "100:file 20:file 2:file 8:file ", "create, open, modify, close");
    int fd = open(path_of("file"), O_RDONLY);
    if (read(fd, text, 8) != 4)
        bail("read");
    close(fd);
    are(watch, "20:file 1:file 10:file ", "open, access, close");
    chmod(path_of("file"), 0600);
    are(watch, "4:file ", "attributes");
    if (truncate(path_of("file"), 2))
        bail("truncate");
    are(watch, "2:file ", "a cut");
    rename(path_of("file"), path_of("moved"));
    are(watch, "40:file 80:moved ", "a move");
    if (link(path_of("moved"), path_of("linked")))
        bail("link");
    const char *got = events(watch);
    ok(strstr(got, "100:linked "), "a link");
    unlink(path_of("linked"));
    got = events(watch);
    ok(strstr(got, "200:linked "), "removed");
    unlink(path_of("moved"));
    got = events(watch);
    ok(strstr(got, "200:moved "), "removed");
    mkdir(path_of("sub"), 0755);
    are(watch, "40000100:sub ", "a directory");
    rmdir(path_of("sub"));
    are(watch, "40000200:sub ", "removed");
    if (symlink("nowhere", path_of("symbolic")))
        bail("symlink");
    are(watch, "100:symbolic ", "a symbolic link");
    unlink(path_of("symbolic"));
    got = events(watch);
    ok(strstr(got, "200:symbolic "), "removed");
    is_int(inotify_rm_watch(queue, watch), 0, "not watched any more");
    are(watch, "8000 ", "which is told");
    is_errno(inotify_rm_watch(queue, watch), EINVAL, "no such watch");
    write_file(path_of("file"), "text");
    are(watch, "", "nothing is told");
}

static void test_file(void) {
    const char *path = path_of("file");
    char text[8];
    int watch = inotify_add_watch(queue, path, IN_MODIFY | IN_DELETE_SELF | IN_MOVE_SELF);
    is_int(inotify_add_watch(queue, path, IN_MODIFY | IN_DELETE_SELF | IN_MOVE_SELF), watch,
           "twice is once");
    is_errno(inotify_add_watch(queue, path, IN_MODIFY | IN_MASK_CREATE), EEXIST,
             "but for IN_MASK_CREATE");
    write_file(path, "x");
    write_file(path, "y");
    are(watch, "2 ", "two that are the same are one");
    int fd = open(path, O_RDONLY);
    if (read(fd, text, 1) != 1)
        bail("read");
    are(watch, "", "what is not asked for is not told");
    rename(path, path_of("other"));
    are(watch, "800 ", "it moved");
    unlink(path_of("other"));
    are(watch, "", "removed, but open");
    close(fd);
    are(watch, "400 8000 ", "gone");
    is_errno(inotify_rm_watch(queue, watch), EINVAL, "and its watch with it");
    write_file(path_of("file"), "x");
    watch = inotify_add_watch(queue, path_of("file"), IN_OPEN | IN_ONESHOT);
    close(open(path_of("file"), O_RDONLY));
    close(open(path_of("file"), O_RDONLY));
    are(watch, "20 8000 ", "one shot");
    watch = inotify_add_watch(queue, path_of("file"), IN_OPEN);
    inotify_add_watch(queue, path_of("file"), IN_CLOSE | IN_MASK_ADD);
    close(open(path_of("file"), O_RDONLY));
    are(watch, "20 10 ", "more is asked for");
    inotify_rm_watch(queue, watch);
    are(watch, "8000 ", "enough");
}

/* Setting both times is told as such, and one as what usually changes it. */
static void test_times(void) {
    struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_OMIT}};
    const char *path = path_of("timed");
    write_file(path, "x");
    int watch = inotify_add_watch(queue, path, IN_ACCESS | IN_ATTRIB | IN_MODIFY);
    utimensat(AT_FDCWD, path, NULL, 0);
    are(watch, "4 ", "both times");
    utimensat(AT_FDCWD, path, times, 0);
    are(watch, "1 ", "the time of access");
    times[1] = (struct timespec){.tv_sec = 1000};
    times[0].tv_nsec = UTIME_OMIT;
    utimensat(AT_FDCWD, path, times, 0);
    are(watch, "2 ", "that of modification");
    times[1].tv_nsec = UTIME_OMIT;
    utimensat(AT_FDCWD, path, times, 0);
    are(watch, "", "neither");
    inotify_rm_watch(queue, watch);
    events(watch);
    unlink(path);
}

static void test_errors(void) {
    is_errno(inotify_init1(1), EINVAL, "bad flags");
    is_errno(inotify_add_watch(queue, directory, 0), EINVAL, "nothing to watch for");
    is_errno(inotify_add_watch(queue, path_of("no such"), IN_OPEN), ENOENT, "no such file");
    is_errno(inotify_add_watch(queue, path_of("file"), IN_OPEN | IN_ONLYDIR), ENOTDIR,
             "not a directory");
    is_errno(inotify_add_watch(0, directory, IN_OPEN), EINVAL, "not a queue");
    is_errno(inotify_add_watch(900, directory, IN_OPEN), EBADF, "not open");
    is_errno(inotify_add_watch(queue, nowhere, IN_OPEN), EFAULT, "a bad path");
    is_errno(inotify_rm_watch(queue, 4711), EINVAL, "no such watch");
    is_errno(write(queue, "x", 1), EBADF, "not to be written");
}

static void test_waiting(void) {
    char buffer[512], small[16];
    int watch = inotify_add_watch(queue, directory, IN_CREATE), count = 0;
    struct pollfd one = {.fd = queue, .events = POLLIN};
    is_int(poll(&one, 1, 0), 0, "nothing");
    is_errno(read(queue, buffer, sizeof(buffer)), EAGAIN, "nothing");
    pid_t pid = start();
    if (pid == 0) {
        sleep_ms(50);
        write_file(path_of("made"), "x");
        _exit(0);
    }
    is_int(poll(&one, 1, 20000), 1, "poll is woken");
    reap(pid);
    ioctl(queue, FIONREAD, &count);
    is_int(count, 16 + 16, "so many bytes");
    is_errno(read(queue, small, sizeof(small)), EINVAL, "no room for an event");
    are(watch, "100:made ", "which is still there");
    fcntl(queue, F_SETFL, 0);
    if (start() == 0) {
        long got = read(queue, buffer, sizeof(buffer));
        _exit(got != 32);
    }
    let_block();
    unlink(path_of("made"));
    write_file(path_of("made"), "x");
    is_int(reap_exit(tap_last_child), 0, "a reader waits");
    fcntl(queue, F_SETFL, O_NONBLOCK);
    inotify_rm_watch(queue, watch);
    events(watch);
    unlink(path_of("made"));
}

static void test_overflow(void) {
    char buffer[4096] __attribute__((aligned(8)));
    int lost = 0, watch = inotify_add_watch(queue, path_of("file"), IN_OPEN | IN_CLOSE);
    for (int i = 0; i < 10000; i++)
        close(open(path_of("file"), O_RDONLY));
    long count, all = 0;
    while ((count = read(queue, buffer, sizeof(buffer))) > 0)
        for (long at = 0; at < count; all++) {
            const struct inotify_event *event = (const void *)(buffer + at);
            lost += event->mask == IN_Q_OVERFLOW && event->wd == -1;
            at += (long)sizeof(*event) + event->len;
        }
    is_int(lost, 1, "a full queue says so");
    is_int(all, 16385, "behind as many as it has");
    inotify_rm_watch(queue, watch);
    events(watch);
}

static void test_all(void) {
    queue = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    ok(queue >= 0, "a queue");
    is_int(fcntl(queue, F_GETFD), FD_CLOEXEC, "closed on exec");
    test_directory();
    test_file();
    test_times();
    test_errors();
    test_waiting();
    test_overflow();
    /* It goes with watches and events. */
    inotify_add_watch(queue, directory, IN_ALL_EVENTS);
    inotify_add_watch(queue, path_of("file"), IN_ALL_EVENTS);
    write_file(path_of("file"), "x");
    close(queue);
    unlink(path_of("file"));
}

int main(void) {
    snprintf(directory, sizeof(directory), "/tmp/t_inotify.%d", (int)getpid());
    if (mkdir(directory, 0755))
        bail("mkdir");
    test_all();
    long before = free_pages();
    test_all();
    rmdir(directory);
    check_free_pages(before, 64, "no memory is lost");
    return done();
}
