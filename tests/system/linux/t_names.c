/* SPDX-License-Identifier: MIT */
/*
 * Directories and the names in them: mkdir(2), rename(2), getdents64(2), paths, chroot(2). Runs on Linux
 * as root and under qemu-user.
 */
#include "tap.h"
#include "files.h"

#include <dirent.h>
#include <limits.h>

#define DIRECTORY "/tmp/t_names.dir"

static void test_directories(void) {
    char path[PATH_MAX];

    is_int(mkdir("dir", 0755), 0, "mkdir");
    is_errno(mkdir("dir", 0755), EEXIST, "mkdir twice: EEXIST");
    is_errno(mkdir("no/dir", 0755), ENOENT, "mkdir: ENOENT");
    close(create("dir/inside", "x"));
    is_errno(rmdir("dir"), ENOTEMPTY, "rmdir: ENOTEMPTY");
    is_errno(rmdir("dir/inside"), ENOTDIR, "rmdir of a file: ENOTDIR");
    is_errno(unlink("dir"), EISDIR, "unlink of a directory: EISDIR");
    is_int(chdir("dir"), 0, "chdir");
    ok(getcwd(path, sizeof(path)) && !strcmp(path, DIRECTORY "/dir"), "getcwd");
    is_int(access("inside", F_OK), 0, "relative names start there");
    is_int(chdir(".."), 0, "up again");
    is_errno(chdir("no"), ENOENT, "chdir: ENOENT");
    is_errno(chdir("dir/inside"), ENOTDIR, "chdir to a file: ENOTDIR");
    errno = 0;
    ok(!getcwd(path, 3) && errno == ERANGE, "getcwd: ERANGE");
    is_int(access("dir/../dir/./inside", F_OK), 0, "dots and double dots");
    is_int(access("dir//inside", F_OK), 0, "double slashes");
    unlink("dir/inside");
    is_int(rmdir("dir"), 0, "rmdir");
    is_errno(rmdir("dir"), ENOENT, "rmdir twice: ENOENT");
}

static void test_rename(void) {
    struct stat before, after;

    close(create("old", "old"));
    close(create("other", "other"));
    stat("old", &before);
    is_int(rename("old", "new"), 0, "rename");
    stat("new", &after);
    ok(before.st_ino == after.st_ino && access("old", F_OK) < 0, "the same file by another name");
    is_int(rename("new", "other"), 0, "onto another file");
    ok(content_is("other", "old"), "replaces it");
    is_errno(rename("no", "x"), ENOENT, "rename: ENOENT");
    mkdir("a", 0755);
    mkdir("a/b", 0755);
    is_errno(rename("a", "a/b/c"), EINVAL, "a directory into itself: EINVAL");
    is_errno(rename("other", "a"), EISDIR, "a file onto a directory: EISDIR");
    is_errno(rename("a", "other"), ENOTDIR, "a directory onto a file: ENOTDIR");
    is_int(rename("other", "a/b/moved"), 0, "into a directory");
    is_int(rename("a/b", "c"), 0, "a directory with what is in it");
    ok(content_is("c/moved", "old"), "moves whole");
    mkdir("d", 0755);
    is_errno(rename("a", "c"), ENOTEMPTY, "onto a directory in use: ENOTEMPTY");
    is_int(rename("a", "d"), 0, "onto an empty one");
    unlink("c/moved");
    rmdir("c");
    rmdir("d");
}

static void test_listing(void) {
    enum { MANY = 300 };
    bool seen[MANY] = {false};
    int extra = 0, missing = 0, number;
    struct dirent *entry;
    char name[32];
    DIR *directory;

    mkdir("many", 0755);
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "many/entry-number-%d", i);
        close(create(name, ""));
    }
    directory = opendir("many");
    while ((entry = readdir(directory))) {
        if (sscanf(entry->d_name, "entry-number-%d", &number) == 1 && !seen[number])
            seen[number] = true;
        else if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            extra++;
    }
    closedir(directory);
    for (int i = 0; i < MANY; i++) {
        missing += !seen[i];
        snprintf(name, sizeof(name), "many/entry-number-%d", i);
        unlink(name);
    }
    ok(missing == 0 && extra == 0, "a directory lists its %d entries, each once", MANY);
    is_int(rmdir("many"), 0, "and can be emptied");
}

/* In Linux's order of checks. */
static void test_paths(void) {
    mkdir("a", 0755);
    mkdir("a/sub", 0755);
    close(create("f", "f"));
    symlink("a", "link");
    symlink("nothing", "broken");
    is_int(rename("a", "a"), 0, "rename of a full directory onto itself");
    is_int(rename("a", "a/../a/"), 0, "by another path, with a slash");
    is_int(link("f", "f2"), 0, "another name");
    is_int(rename("f", "f2"), 0, "rename onto another name of the same file");
    ok(access("f", F_OK) == 0 && access("f2", F_OK) == 0, "does nothing");
    is_errno(rename("missing", "a/."), EBUSY, "onto ., of what is not there");
    is_errno(rename("missing", "f"), ENOENT, "of what is not there");
    is_errno(rename("a/..", "x"), EBUSY, "of ..");
    is_errno(rename("a", "/"), EBUSY, "onto the root");
    is_errno(rename("f/", "x"), ENOTDIR, "a file with a slash");
    is_errno(rename("f", "x/"), ENOTDIR, "onto a new name with a slash");
    is_errno(rename("link/", "x"), ENOTDIR, "a link with a slash");
    is_errno(rename("a/sub", "a"), ENOTEMPTY, "onto what it is in");
    is_errno(rename("a", "a/sub/x"), EINVAL, "into itself");
    is_errno(rmdir("a/."), EINVAL, "rmdir of .");
    is_errno(rmdir("a/.."), ENOTEMPTY, "rmdir of ..");
    is_errno(rmdir("a/sub/../"), ENOTEMPTY, "rmdir of ../");
    is_errno(rmdir("/"), EBUSY, "rmdir of the root");
    is_errno(rmdir("link/"), ENOTDIR, "rmdir of a link with a slash");
    is_errno(rmdir("f/"), ENOTDIR, "rmdir of a file with a slash");
    is_errno(unlink("a/."), EISDIR, "unlink of .");
    is_errno(unlink("/"), EISDIR, "unlink of the root");
    is_errno(unlink("f/"), ENOTDIR, "unlink of a file with a slash");
    is_errno(mkdir("f/", 0755), EEXIST, "mkdir of a file with a slash");
    is_errno(mkdir("broken/", 0755), EEXIST, "mkdir of a dangling link with a slash");
    is_errno(mkdir("a/..", 0755), EEXIST, "mkdir of ..");
    is_int(mkdir("new//", 0755), 0, "mkdir with slashes");
    is_int(rename("new/", "newer/"), 0, "rename with slashes");
    is_int(rmdir("newer/"), 0, "rmdir with a slash");
    is_int(rmdir("a/sub") || rmdir("a") || unlink("f") || unlink("f2") || unlink("link") ||
               unlink("broken"),
           0, "all gone");
}

static int child_in_another_root(void) {
    char path[64];
    struct stat status;
    mkdir("jail", 0755);
    mkdir("jail/tmp", 0755);
    close(create("jail/inside", ""));
    if (chroot("jail/inside") == 0 || errno != ENOTDIR)
        return 1;
    if (chroot("jail") < 0)
        return 2;
    if (!getcwd(path, sizeof(path)) && errno != ENOENT)
        return 3;
    if (stat("/inside", &status) < 0 || stat("/../inside", &status) < 0)
        return 4;
    if (chdir("/tmp") < 0 || !getcwd(path, sizeof(path)) || strcmp(path, "/tmp") != 0)
        return 5;
    if (stat("../../../../inside", &status) < 0 || stat("/jail", &status) == 0)
        return 6;
    if (setuid(1000) < 0 || chroot("/tmp") == 0 || errno != EPERM)
        return 7;
    return 0;
}

static void test_root(void) {
    if (geteuid() != 0) {
        skip("chroot", "only root may");
        return;
    }
    is_int(WEXITSTATUS(in_child(child_in_another_root)), 0, "chroot");
    is_int(unlink("jail/inside") || rmdir("jail/tmp") || rmdir("jail"), 0, "its parent is outside");
}

int main(void) {
    enter(DIRECTORY);
    test_directories();
    test_rename();
    test_listing();
    test_paths();
    test_root();
    leave(DIRECTORY);
    return done();
}
