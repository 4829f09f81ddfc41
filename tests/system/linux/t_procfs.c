/* SPDX-License-Identifier: MIT */
/* /proc as a file system (proc(5)): what is read when, links that lead to files, directories, permissions. */
#include "tap.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define NOBODY 65534
#define TEXT 8192

static char program[PATH_MAX];

/* The whole of a file in a static buffer; "" if it cannot be read. */
static char *contents(const char *path) {
    static char text[TEXT];
    int fd = open(path, O_RDONLY);
    size_t length = 0;
    ssize_t n = 0;

    while (fd >= 0 && (n = read(fd, text + length, TEXT - 1 - length)) > 0)
        length += (size_t)n;
    text[n < 0 ? 0 : length] = '\0';
    close(fd);
    return text;
}

/* The target of a link in a static buffer. */
static char *target(const char *path) {
    static char text[PATH_MAX];
    ssize_t n = readlink(path, text, sizeof(text) - 1);

    text[n < 0 ? 0 : n] = '\0';
    return text;
}

static char *of(pid_t pid, const char *name) {
    static char path[4][80];
    static int next;
    char *text = path[next++ % 4];

    snprintf(text, 80, "/proc/%d/%s", (int)pid, name);
    return text;
}

static char *fd_link(int fd) {
    static char path[64];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return path;
}

/* A child that waits for a byte, or for its end. */
static pid_t waiting_child(int *end) {
    int ends[2];
    char byte;
    pid_t child;

    if (pipe(ends) < 0)
        bail("pipe");
    child = start();
    if (child == 0) {
        close(ends[1]);
        _exit(read(ends[0], &byte, 1) != 0);
    }
    close(ends[0]);
    *end = ends[1];
    return child;
}

static void read_afresh(void) {
    char one[TEXT], other[TEXT] = "";
    int fd = open("/proc/self/comm", O_RDONLY), status, end;
    size_t length = 0;
    ssize_t n;
    pid_t child;

    prctl(PR_SET_NAME, "before");
    n = read(fd, one, sizeof(one));
    ok(n == 7 && !memcmp(one, "before\n", 7), "opened, changed, read: what is now");
    is_int(read(fd, one, sizeof(one)), 0, "the end");
    prctl(PR_SET_NAME, "after");
    is_int(read(fd, one, sizeof(one)), 0, "still the end");
    is_int(lseek(fd, 0, SEEK_SET), 0, "back to the start");
    ok(read(fd, one, 3) == 3 && !memcmp(one, "aft", 3), "a new text");
    prctl(PR_SET_NAME, "again");
    ok(read(fd, one, 10) == 3 && !memcmp(one, "er\n", 3), "the same text to its end");
    ok(pread(fd, one, 10, 0) == 6 && !memcmp(one, "again\n", 6), "pread at the start: a new one");
    ok(pread(fd, one, 2, 2) == 2 && !memcmp(one, "ai", 2), "pread in the middle");
    is_int(pread(fd, one, 10, 100000), 0, "pread past the end");
    close(fd);

    fd = open("/proc/self/status", O_RDONLY);
    n = read(fd, one, sizeof(one) - 1);
    lseek(fd, 0, SEEK_SET);
    while (read(fd, other + length, 1) == 1)
        length++;
    is_int(length, n, "byte by byte it is as long");
    close(fd);

    child = waiting_child(&end);
    fd = open(of(child, "stat"), O_RDONLY);
    status = open(of(child, "status"), O_RDONLY);
    close(end);
    waitid(P_PID, (id_t)child, NULL, WEXITED | WNOWAIT);
    n = read(fd, one, sizeof(one) - 1);
    one[n > 0 ? n : 0] = '\0';
    ok(n > 0 && strrchr(one, ')') && strrchr(one, ')')[2] == 'Z', "a zombie's state");
    ok(strstr(contents(of(child, "status")), "State:\tZ (zombie)") != NULL, "and in status");
    reap(child);
    is_errno(pread(fd, one, sizeof(one), 0), ESRCH, "it is gone");
    is_errno(read(status, one, sizeof(one)), ESRCH, "never read before");
    is_errno(open(of(child, "stat"), O_RDONLY), ENOENT, "open");
    close(fd);
    close(status);
}

static void self(void) {
    char pid[16];
    struct stat status;

    snprintf(pid, sizeof(pid), "%d", getpid());
    ok(!strcmp(target("/proc/self"), pid), "/proc/self");
    is_int(lstat("/proc/self", &status), 0, "lstat");
    ok(S_ISLNK(status.st_mode), "is a link");
    is_int(lstat("/proc/self/", &status), 0, "lstat with a slash");
    ok(S_ISDIR(status.st_mode), "is a directory");
    is_errno(lstat("/proc/meminfo/", &status), ENOTDIR, "a file with a slash");
    is_errno(stat("/proc/self/stat/x", &status), ENOTDIR, "below a file");
    is_errno(open("/proc/self", O_RDONLY | O_NOFOLLOW), ELOOP, "O_NOFOLLOW");
    is_int(atoi(contents("/proc/self/stat")), getpid(), "stat");
    is_int(atoi(contents("/proc/thread-self/stat")), getpid(), "thread-self");
    is_int(atoi(contents(of(getpid(), "task/self/stat"))), 0, "no task named self");
    ok(strstr(contents("/proc/mounts"), "proc /proc proc") != NULL, "mounts");
}

static void descriptors(void) {
    char path[] = "/tmp/procfs.XXXXXX", moved[64], text[8] = "";
    int fd = mkstemp(path), again, ends[2];
    struct stat a, b;

    snprintf(moved, sizeof(moved), "%s.moved", path);
    if (fd < 0 || write(fd, "abcdef", 6) != 6 || pipe(ends) < 0)
        bail("mkstemp");
    ok(!strcmp(target(fd_link(fd)), path), "a descriptor's path");
    again = open(fd_link(fd), O_RDONLY);
    ok(again >= 0 && read(again, text, 3) == 3 && !memcmp(text, "abc", 3), "opened anew");
    is_int(lseek(fd, 0, SEEK_CUR), 6, "its offset is its own");
    close(again);
    ok(!fstat(fd, &a) && !stat(fd_link(fd), &b) && a.st_ino == b.st_ino && a.st_dev == b.st_dev,
       "stat follows");
    ok(!lstat(fd_link(fd), &b) && S_ISLNK(b.st_mode) && (b.st_mode & 0700) == 0700, "lstat");
    is_int(rename(path, moved), 0, "renamed");
    ok(!strcmp(target(fd_link(fd)), moved), "the path follows");
    is_int(unlink(moved), 0, "removed");
    strcat(moved, " (deleted)");
    ok(!strcmp(target(fd_link(fd)), moved), "the path says so");
    again = open(fd_link(fd), O_RDWR);
    ok(again >= 0 && read(again, text, 6) == 6, "a removed file opened anew");
    close(again);
    is_int(truncate(fd_link(fd), 2), 0, "truncate");
    ok(!fstat(fd, &a) && a.st_size == 2, "of the file");
    ok(!strncmp(target(fd_link(ends[0])), "pipe:[", 6), "a pipe");
    again = open(fd_link(ends[1]), O_WRONLY);
    ok(again >= 0 && write(again, "x", 1) == 1 && read(ends[0], text, 1) == 1,
       "a pipe opened anew");
    close(again);
    close(ends[0]);
    close(ends[1]);
    close(fd);
    is_errno(readlink(fd_link(fd), text, 1), ENOENT, "a closed one");
    is_errno(open("/proc/self/fd/x", O_RDONLY), ENOENT, "no number");
    is_errno(open("/proc/self/fd/999999", O_RDONLY), ENOENT, "none so high");
}

/* How often a name is in a directory. */
static int count_name(DIR *directory, const char *name) {
    struct dirent *entry;
    int count = 0;

    rewinddir(directory);
    while ((entry = readdir(directory)))
        count += !strcmp(entry->d_name, name);
    return count;
}

static void directories(void) {
    DIR *fds = opendir("/proc/self/fd"), *root = opendir("/proc"),
        *tasks = opendir("/proc/self/task");
    char name[16];
    int fd = dup(0), end;
    pid_t child;

    if (!fds || !root || !tasks)
        bail("opendir");
    snprintf(name, sizeof(name), "%d", fd);
    is_int(count_name(fds, name), 1, "a descriptor is listed");
    close(fd);
    is_int(count_name(fds, name), 0, "after close it is not");
    snprintf(name, sizeof(name), "%d", getpid());
    is_int(count_name(root, name), 1, "the process once");
    is_int(count_name(root, "1"), 1, "init once");
    is_int(count_name(root, "."), 1, "the directory itself");
    is_int(count_name(root, "meminfo"), 1, "a file");
    is_int(count_name(tasks, name), 1, "its thread");
    child = waiting_child(&end);
    snprintf(name, sizeof(name), "%d", (int)child);
    is_int(count_name(root, name), 1, "a new process after rewinddir");
    close(end);
    reap(child);
    is_int(count_name(root, name), 0, "and none");
    closedir(fds);
    closedir(root);
    closedir(tasks);
}

static void working_directories(void) {
    char path[PATH_MAX], want[64];
    struct stat a, b;
    int fd, old = open(".", O_RDONLY | O_DIRECTORY);

    snprintf(want, sizeof(want), "/proc/%d", getpid());
    is_int(chdir("/proc/self"), 0, "chdir");
    ok(getcwd(path, sizeof(path)) && !strcmp(path, want), "getcwd");
    ok(!strcmp(target("/proc/self/cwd"), want), "cwd");
    fd = open("stat", O_RDONLY);
    ok(fd >= 0 && read(fd, path, 100) > 0 && atoi(path) == getpid(), "a relative path");
    close(fd);
    is_int(stat("../meminfo", &a), 0, "up");
    ok(!stat("../..", &a) && !stat("/", &b) && a.st_ino == b.st_ino, "and out");
    ok(!stat("fd/../stat", &a) && !stat("stat", &b) && a.st_ino == b.st_ino, "down and up");
    is_int(chdir("fd"), 0, "into fd");
    is_int(lstat("0", &a), 0, "a descriptor from there");
    is_errno(chdir("/proc/meminfo"), ENOTDIR, "a file");
    is_errno(chdir("/proc/999999999"), ENOENT, "none");
    is_int(chdir("/tmp"), 0, "away");
    ok(!stat("/proc/self/cwd/.", &a) && !stat("/tmp", &b) && a.st_ino == b.st_ino,
       "cwd leads here");
    ok(!stat("/proc/self/root/tmp", &a) && a.st_ino == b.st_ino, "root");
    fd = open("/proc/self", O_RDONLY | O_DIRECTORY);
    ok(!fstat(fd, &a) && !stat("/proc/self", &b) && a.st_ino == b.st_ino && a.st_dev == b.st_dev,
       "fstat and stat agree");
    ok(!fstatat(fd, "", &a, AT_EMPTY_PATH) && a.st_ino == b.st_ino, "an empty path");
    is_int(close(openat(fd, "status", O_RDONLY)), 0, "openat");
    close(fd);
    ok(!fchdir(old), "back");
    close(old);
}

static void programs(void) {
    struct stat a, b;
    int fd = open(program, O_RDONLY);
    char path[64];

    ok(!strcmp(target("/proc/self/exe"), program), "exe");
    ok(!stat("/proc/self/exe", &a) && !stat(program, &b) && a.st_ino == b.st_ino, "is the file");
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    for (int i = 0; i < 2; i++) {
        pid_t child = start();

        if (child == 0) {
            execl(i ? path : "/proc/self/exe", "name", "exits", NULL);
            _exit(errno);
        }
        is_int(reap_exit(child), 42, i ? "exec of a descriptor" : "exec of exe");
    }
    close(fd);
}

static void strings(void) {
    char *const arguments[] = {program, "waits", "", "x", NULL}, *const variables[] = {"A=1",
                                                                                       "B=", NULL};
    int ends[2], ready[2];
    char byte, *text;
    pid_t child;

    if (pipe(ends) < 0 || pipe(ready) < 0)
        bail("pipe");
    child = start();
    if (child == 0) {
        dup2(ends[0], 0);
        dup2(ready[1], 1);
        close(ends[1]);
        execve(program, arguments, variables);
        _exit(1);
    }
    close(ready[1]);
    is_int(read(ready[0], &byte, 1), 1, "it runs");
    text = contents(of(child, "cmdline"));
    text += strlen(text) + 1;
    ok(!memcmp(text, "waits\0\0x\0", 9), "cmdline");
    ok(!memcmp(contents(of(child, "environ")), "A=1\0B=\0", 7), "environ");
    ok(!strcmp(target(of(child, "exe")), program), "exe of another");
    ok(!strncmp(target(of(child, "fd/0")), "pipe:[", 6), "a descriptor of another");
    close(ends[0]);
    close(ends[1]);
    close(ready[0]);
    kill(child, SIGKILL);
    reap(child);
}

static void numbers(void) {
    unsigned long start, end, here = (unsigned long)&numbers, size, resident;
    bool found = false;
    char *line = contents("/proc/self/maps"), right;
    static const char *const limits[] = {"pid_max",     "msgmax",      "msgmnb", "msgmni",
                                         "shmmax",      "shmall",      "shmmni", "sem",
                                         "ngroups_max", "cap_last_cap"};

    ok(strstr(line, "[stack]") != NULL, "maps: a stack");
    for (; line && sscanf(line, "%lx-%lx %*c%*c%c", &start, &end, &right) == 3;
         line = strchr(line, '\n')) {
        found |= here >= start && here < end && right == 'x';
        line += *line == '\n';
    }
    ok(found, "maps: this function's code");
    ok(sscanf(contents("/proc/self/statm"), "%lu %lu", &size, &resident) == 2 && size >= resident &&
           resident > 0,
       "statm");
    ok(strstr(contents("/proc/self/limits"), "Max open files") != NULL, "limits");
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        char path[64];

        snprintf(path, sizeof(path), "/proc/sys/kernel/%s", limits[i]);
        ok(atoll(contents(path)) > 0 || strtoul(contents(path), NULL, 10) > 0, "%s", path);
    }
    ok(!strcmp(contents("/proc/sys/kernel/ostype"), "Linux\n"), "ostype");
    ok(strstr(contents("/proc/stat"), "btime ") != NULL, "stat");
    ok(strstr(contents("/proc/meminfo"), "MemAvailable:") != NULL, "meminfo");
    ok(atof(contents("/proc/uptime")) > 0, "uptime");
    ok(strstr(contents("/proc/filesystems"), "nodev\tproc") != NULL, "filesystems");
    ok(strstr(contents("/proc/self/mountinfo"), " /proc ") != NULL, "mountinfo");
}

static bool has_line(const char *path, int key, int id) {
    int k, i;

    for (char *line = contents(path); (line = strchr(line, '\n')); line++)
        if (sscanf(line, "%d %d", &k, &i) == 2 && k == key && i == id)
            return true;
    return false;
}

static void system_v(void) {
    int key = 0x5150 + getpid(), shm = shmget(key, 4096, IPC_CREAT | 0600);
    int msg = msgget(key, IPC_CREAT | 0600), sem = semget(key, 2, IPC_CREAT | 0600);

    ok(has_line("/proc/sysvipc/shm", key, shm), "a segment is listed");
    ok(has_line("/proc/sysvipc/msg", key, msg), "a queue");
    ok(has_line("/proc/sysvipc/sem", key, sem), "a set");
    shmctl(shm, IPC_RMID, NULL);
    msgctl(msg, IPC_RMID, NULL);
    semctl(sem, 0, IPC_RMID);
    ok(!has_line("/proc/sysvipc/shm", key, shm), "a removed one is not");
}

static void others(void) {
    static const char *const closed[] = {"environ", "maps", "fd", "fd/0"};
    static const char *const links[] = {"exe", "cwd", "root", "fd/0"};
    struct stat status;
    char text[16];
    int end;
    pid_t child = waiting_child(&end), looker;

    if (getuid() != 0) {
        skip("another user's", "needs root");
        close(end);
        reap(child);
        return;
    }
    looker = start();
    if (looker == 0) {
        int bad = setgid(NOBODY) < 0 || setuid(NOBODY) < 0;

        for (int i = 0; i < 4; i++)
            bad |= open(of(child, closed[i]), O_RDONLY) >= 0 || errno != EACCES ? 2 << i : 0;
        for (int i = 0; i < 4; i++)
            bad |= readlink(of(child, links[i]), text, 16) >= 0 || errno != EACCES ? 32 << i : 0;
        bad |= open(of(child, "stat"), O_RDONLY) < 0 || chdir(of(child, "")) < 0;
        bad |= stat(of(child, "exe"), &status) == 0 || lstat(of(child, "exe"), &status) < 0;
        _exit(bad | bad >> 8);
    }
    is_int(reap_exit(looker), 0, "another user's are closed");
    ok(!stat(of(child, "environ"), &status) && status.st_uid == 0 &&
           (status.st_mode & 0777) == 0400,
       "owner and mode");
    is_int(access(of(child, "stat"), R_OK), 0, "access");
    is_errno(open(of(child, "stat"), O_RDONLY | O_DIRECTORY), ENOTDIR, "O_DIRECTORY");
    is_errno(open(of(child, "none"), O_RDONLY | O_CREAT, 0600), ENOENT, "nothing is made");
    is_errno(open("/proc/meminfo", O_RDONLY | O_CREAT | O_EXCL, 0600), EEXIST, "O_EXCL");
    close(end);
    reap(child);
}

/* Whoever has been another user is guarded from those who are what he is now. */
static void guarded(void) {
    int ready[2], end[2];
    char byte;
    pid_t child, looker;

    if (getuid() != 0) {
        skip("a guarded process", "needs root");
        return;
    }
    if (pipe(ready) < 0 || pipe(end) < 0)
        bail("pipe");
    child = start();
    if (child == 0) {
        close(end[1]);
        byte = setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, 0) < 0;
        _exit(write(ready[1], &byte, 1) != 1 || read(end[0], &byte, 1) != 0);
    }
    is_int(read(ready[0], &byte, 1), 1, "it has changed");
    looker = start();
    if (looker == 0) {
        char text[16];
        int bad = setgid(NOBODY) < 0 || setuid(NOBODY) < 0;

        bad |= readlink(of(child, "exe"), text, 16) >= 0 || errno != EACCES ? 2 : 0;
        bad |= open(of(child, "environ"), O_RDONLY) >= 0 || errno != EACCES ? 4 : 0;
        bad |= readlink("/proc/self/exe", text, 16) < 0 ? 8 : 0;
        _exit(bad);
    }
    is_int(reap_exit(looker), 0, "who can become root again is closed to others");
    close(end[1]);
    reap(child);
}

/* A title that is put over the arguments may go on over the environment behind them (setproctitle(3)). */
static int entitles(char **argv) {
    size_t room = (size_t)(environ[1] - argv[0]);

    if (argv[2] || environ[0] != argv[1] + strlen(argv[1]) + 1)
        return 1;
    memset(argv[0], 't', room);
    memcpy(argv[0] + room - 4, "end", 4);
    const char *line = contents("/proc/self/cmdline");
    if (strlen(line) != room - 1 || strcmp(line + room - 4, "end"))
        return 2;
    argv[0][3] = '\0';
    return strcmp(contents("/proc/self/cmdline"), "ttt") ? 3 : 0;
}

static void title(void) {
    pid_t pid = start();
    if (pid == 0) {
        execle(program, "proc", "entitles", (char *)NULL,
               (char *[]){"FIRST=some text", "SECOND=other", NULL});
        _exit(99);
    }
    is_int(reap_exit(pid), 0, "a title over arguments and environment");
    ok(strstr(contents("/proc/self/status"), "\nCapEff:\t"), "capabilities are told");
}

/* Nothing can be made there. */
static void names(void) {
    is_errno(mkdir("/proc", 0700), EEXIST, "a directory that there is");
    is_errno(mkdir("/proc/self", 0700), EEXIST, "a link that there is");
    is_errno(mkdir("/proc/new", 0700), ENOENT, "a directory that there is not");
    is_errno(symlink("text", "/proc/version"), EEXIST, "a file that there is");
    is_errno(symlink("text", "/proc/self/new"), ENOENT, "a link that there is not");
    is_errno(mkfifo("/proc/self/task", 0600), EEXIST, "what a process has");
}

/* What /proc/PID/fdinfo tells of a descriptor, after that word. */
static long told(pid_t pid, int fd, const char *word, int base) {
    char path[64];
    snprintf(path, sizeof(path), "fdinfo/%d", fd);
    const char *at = strstr(contents(of(pid, path)), word);

    return at ? strtol(at + strlen(word), NULL, base) : -1;
}

static int look_as_other(void) {
    if (setuid(NOBODY) < 0)
        return 1;
    return open(of(getppid(), "fdinfo/0"), O_RDONLY) < 0 && errno == EACCES &&
                   !opendir(of(getppid(), "fdinfo"))
               ? 0
               : 2;
}

static void descriptors_told(void) {
    int fd = open("/tmp/told", O_CREAT | O_RDWR | O_APPEND | O_CLOEXEC, 0600), plain = dup(fd);
    int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    struct stat status;

    if (write(fd, "12345", 5) != 5 || fstat(fd, &status) < 0)
        bail("/tmp/told");
    is_int(told(getpid(), fd, "pos:\t", 10), 5, "fdinfo tells where it is");
    is_int(told(getpid(), plain, "flags:\t", 8) & (O_ACCMODE | O_APPEND | O_CLOEXEC),
           O_RDWR | O_APPEND, "how it was opened");
    ok(told(getpid(), fd, "flags:\t", 8) & O_CLOEXEC, "and if it is closed by exec");
    ok(told(getpid(), fd, "mnt_id:\t", 10) > 0, "where it is mounted");
    is_int(told(getpid(), fd, "Pid:\t", 10), -1, "it is no pidfd");
    is_int(told(getpid(), pidfd, "Pid:\t", 10), getpid(), "of a pidfd, whose it is");
    close(plain);
    is_errno(access(of(getpid(), "fdinfo/1000"), F_OK), ENOENT, "one that is not open");
    is_errno(access(of(getpid(), "fdinfo/01"), F_OK), ENOENT, "and what is no number");
    DIR *directory = opendir("/proc/self/fdinfo");
    int count = 0, least = -1;
    for (struct dirent *e; (e = readdir(directory));)
        if (e->d_name[0] != '.' && atoi(e->d_name) > least)
            count++, least = atoi(e->d_name);
    closedir(directory);
    ok(count >= 3 && least >= pidfd, "all are listed, in order");
    if (geteuid() == 0)
        is_int(in_child(look_as_other), 0, "another user is not told");
    close(fd);
    close(pidfd);
    unlink("/tmp/told");
}

static pid_t threads_number;

/* In a thread: its number names a directory, too, which is not listed. */
static void *by_number(void *unused) {
    char line[64], name[16];
    pid_t tid = threads_number = gettid();
    bool listed = false;

    snprintf(line, sizeof(line), "\nTgid:\t%d\n", (int)getpid());
    ok(strstr(contents(of(tid, "status")), line), "a thread's directory tells its process");
    snprintf(line, sizeof(line), "\nPid:\t%d\n", (int)tid);
    ok(strstr(contents(of(tid, "status")), line), "and its own number");
    is_int(access(of(tid, "task"), X_OK), 0, "its process's threads");
    snprintf(name, sizeof(name), "%d", (int)tid);
    DIR *directory = opendir("/proc");
    for (struct dirent *e; (e = readdir(directory));)
        listed |= !strcmp(e->d_name, name);
    closedir(directory);
    ok(!listed, "it is not listed");
    return unused;
}

static void threads(void) {
    pthread_t thread;

    if (pthread_create(&thread, NULL, by_number, NULL) || pthread_join(thread, NULL))
        bail("pthread_create");
    for (int tries = 0; !access(of(threads_number, "stat"), F_OK) && tries < 500; tries++)
        sleep_ms(10); /* who joins may be told before it is gone */
    is_errno(access(of(threads_number, "stat"), F_OK), ENOENT, "it goes with the thread");
}

int main(int argc, char **argv) {
    ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);

    if (n < 0)
        bail("/proc/self/exe");
    if (argc > 1 && !strcmp(argv[1], "entitles"))
        return entitles(argv);
    if (argc > 1 && !strcmp(argv[1], "exits"))
        return 42;
    if (argc > 1 && !strcmp(argv[1], "waits"))
        return write(1, "x", 1) != 1 || pause();
    read_afresh();
    self();
    descriptors();
    directories();
    working_directories();
    programs();
    strings();
    numbers();
    system_v();
    others();
    guarded();
    names();
    title();
    descriptors_told();
    threads();
    return done();
}
