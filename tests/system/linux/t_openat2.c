/* SPDX-License-Identifier: MIT */
/* Paths that must not lead everywhere: openat2(2). */
#include "tap.h"
#include "files.h"
#include <linux/openat2.h>
#include <stdint.h>
#include <sys/syscall.h>

#define DIRECTORY "/tmp/t_openat2.dir"
#define DEEP 200

static int top;

static long openat2(int dirfd, const char *path, struct open_how *how, size_t size) {
    return syscall(SYS_openat2, dirfd, path, how, size);
}

/* Opens it as the only thing that is asked; the descriptor is closed again: 0 or -errno. */
static long try(int dirfd, const char *path, uint64_t resolve) {
    struct open_how how = {.flags = O_RDONLY, .resolve = resolve};
    long fd = openat2(dirfd, path, &how, sizeof(how));

    return fd < 0 ? -errno : close((int)fd);
}

static void plain(void) {
    struct open_how how = {.flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, .mode = 0640};
    struct {
        struct open_how how;
        uint64_t more;
    } larger = {{.flags = O_RDONLY}, 0};
    struct stat s;
    long fd = openat2(top, "made", &how, sizeof(how));

    ok(fd >= 0 && fstat((int)fd, &s) == 0 && (s.st_mode & 07777) == 0640 &&
           fcntl((int)fd, F_GETFD) == FD_CLOEXEC,
       "a file is made");
    close((int)fd);
    fd = openat2(top, "made", &larger.how, sizeof(larger));
    ok(fd >= 0, "a larger structure, with zeros behind");
    close((int)fd);
    larger.more = 1;
    is_errno(openat2(top, "made", &larger.how, sizeof(larger)), E2BIG, "with something behind");
    is_errno(openat2(top, "made", &how, sizeof(how) - 1), EINVAL, "a smaller one");
    is_errno(openat2(top, "made", nowhere, sizeof(how)), EFAULT, "a bad address");
    how = (struct open_how){.flags = O_RDONLY, .mode = 0600};
    is_errno(openat2(top, "made", &how, sizeof(how)), EINVAL, "a mode, and nothing to be made");
    how = (struct open_how){.flags = 1ull << 40};
    is_errno(openat2(top, "made", &how, sizeof(how)), EINVAL, "a flag that nobody knows");
    how = (struct open_how){.flags = O_PATH | O_RDWR};
    is_errno(openat2(top, "made", &how, sizeof(how)), EINVAL, "O_PATH and others");
    is_int(try(top, "made", 1 << 20), -EINVAL, "no such way to resolve");
    is_int(try(top, "made", RESOLVE_BENEATH | RESOLVE_IN_ROOT), -EINVAL, "both at once");
    is_int(try(top, "none", 0), -ENOENT, "what is not there");
}

static void links(void) {
    is_int(try(top, "to_file", 0), 0, "a link is followed");
    is_int(try(top, "to_file", RESOLVE_NO_SYMLINKS), -ELOOP, "RESOLVE_NO_SYMLINKS");
    is_int(try(top, "sub/up/file", RESOLVE_NO_SYMLINKS), -ELOOP, "in the middle");
    is_int(try(top, "file", RESOLVE_NO_SYMLINKS), 0, "without one");
    is_int(try(AT_FDCWD, "/proc/self/exe", RESOLVE_NO_MAGICLINKS), -ELOOP, "NO_MAGICLINKS");
    is_int(try(AT_FDCWD, "/proc/self/status", RESOLVE_NO_MAGICLINKS), 0, "but others");
    is_int(try(top, "to_file", RESOLVE_NO_MAGICLINKS), 0, "and others");
}

static void beneath(void) {
    static const struct {
        const char *path;
        int beneath, in_root;
    } rows[] = {
        {"file", 0, 0},
        {"sub/file", 0, 0},
        {"sub/../file", 0, 0},
        {"sub/up/file", 0, 0},
        {".", 0, 0},
        {"..", -EXDEV, 0},
        {"../t_openat2.dir/file", -EXDEV, -ENOENT},
        {"sub/../../file", -EXDEV, 0},
        {"/file", -EXDEV, 0},
        {"/etc/passwd", -EXDEV, -ENOENT},
        {"to_root", -EXDEV, 0},
        {"to_root/file", -EXDEV, 0},
        {"out/file", -EXDEV, 0},
        {"absolute", -EXDEV, -ENOENT},
        {"/sub/file", -EXDEV, 0},
    };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        is_int(try(top, rows[i].path, RESOLVE_BENEATH), rows[i].beneath, "BENEATH: %s",
               rows[i].path);
        is_int(try(top, rows[i].path, RESOLVE_IN_ROOT), rows[i].in_root, "IN_ROOT: %s",
               rows[i].path);
    }
}

/* Longer than what is walked in one go. */
static void deep(void) {
    char path[8 * DEEP] = "";

    for (int i = 0; i < DEEP; i++)
        strcat(path, "sub/../");
    strcat(path, "file");
    is_int(try(top, path, RESOLVE_BENEATH), 0, "a long way beneath");
    strcpy(path + 7 * (DEEP - 1), "../file");
    is_int(try(top, path, RESOLVE_BENEATH), -EXDEV, "that leaves at its end");
    is_int(try(top, path, RESOLVE_IN_ROOT), 0, "or cannot");
}

static void devices(void) {
    int proc = open("/proc", O_RDONLY);

    is_int(try(AT_FDCWD, "/proc/version", RESOLVE_NO_XDEV), -EXDEV, "NO_XDEV");
    is_int(try(proc, "version", RESOLVE_NO_XDEV), 0, "if it begins there");
    is_int(try(proc, "version", RESOLVE_BENEATH), 0, "which is beneath");
    is_int(try(proc, "../etc", RESOLVE_BENEATH), -EXDEV, "that is not");
    is_int(try(top, "file", RESOLVE_NO_XDEV | RESOLVE_BENEATH), 0, "within one");
    close(proc);
}

int main(void) {
    enter(DIRECTORY);
    top = open(".", O_RDONLY);
    close(create("file", "x"));
    if (mkdir("sub", 0700) < 0 || symlink("file", "to_file") < 0 || symlink("..", "sub/up") < 0 ||
        symlink("/", "to_root") < 0 || symlink("..", "out") < 0 ||
        symlink("/etc/passwd", "absolute") < 0)
        bail("symlink");
    close(create("sub/file", "x"));
    plain();
    links();
    beneath();
    deep();
    devices();
    close(top);
    static const char *const made[] = {"file",    "to_file", "sub/up",   "sub/file",
                                       "to_root", "out",     "absolute", "made"};
    for (unsigned i = 0; i < sizeof(made) / sizeof(*made); i++)
        unlink(made[i]);
    rmdir("sub");
    leave(DIRECTORY);
    return done();
}
