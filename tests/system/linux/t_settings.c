/* SPDX-License-Identifier: MIT */
/*
 * What a process inherits: limits (prlimit(2)), supplementary groups (setgroups(2), and what they are good for),
 * nice values (getpriority(2)), and what prctl(2) sets.
 */
#include "tap.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/ipc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define NOBODY 65534

/* ---- Limits ------------------------------------------------------------------------------- */

static void become_nobody(void) {
    if (setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
        _exit(1);
}

static int nobody_raises(void) {
    struct rlimit limit = {10, 100}, more = {10, 101}, odd = {11, 10};

    become_nobody();
    if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
        return 2;
    if (setrlimit(RLIMIT_FSIZE, &more) == 0 || errno != EPERM)
        return 3;
    if (setrlimit(RLIMIT_FSIZE, &odd) == 0 || errno != EINVAL)
        return 4;
    limit.rlim_cur = 100;
    if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
        return 5;
    return prlimit(getppid(), RLIMIT_CORE, NULL, &limit) == 0 || errno != EPERM ? 6 : 0;
}

static int files(void) {
    struct rlimit limit;
    int fd = open("/", O_RDONLY), last = fd;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 20;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 2;
    for (int next; (next = dup(fd)) >= 0;)
        last = next;
    if (errno != EMFILE || last != 19)
        return 3;
    if (dup2(fd, 20) >= 0 || errno != EBADF)
        return 4;
    if (fcntl(fd, F_DUPFD, 20) >= 0 || errno != EINVAL)
        return 5;
    pid_t pid = fork();
    if (pid == 0)
        _exit(dup(fd) < 0 && errno == EMFILE && getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
                      limit.rlim_cur == 20
                  ? 0
                  : 1);
    return reap_exit(pid) == 0 ? 0 : 6;
}

static int processes(void) {
    struct rlimit limit = {3, 3};
    int count = 0;
    pid_t pids[10];

    if (setrlimit(RLIMIT_NPROC, &limit) < 0)
        return 2;
    become_nobody();
    while (count < 10 && (pids[count] = fork()) >= 0)
        if (pids[count++] == 0)
            for (;;)
                pause();
    int error = errno;
    for (int i = 0; i < count; i++) {
        kill(pids[i], SIGKILL);
        reap(pids[i]);
    }
    return count < 10 && count > 0 && error == EAGAIN ? 0 : 3;
}

static void test_limits(void) {
    struct rlimit limit, old;

    is_int(getrlimit(RLIMIT_STACK, &limit), 0, "the stack's limit");
    ok(limit.rlim_cur == 8ul << 20 && limit.rlim_max == RLIM_INFINITY, "is 8 MiB");
    is_int(getrlimit(99, &limit), -1, "no such limit");
    is_int(errno, EINVAL, "EINVAL");
    limit = (struct rlimit){1 << 20, 1 << 21};
    is_int(prlimit(0, RLIMIT_DATA, &limit, &old), 0, "a limit is set");
    ok(old.rlim_cur == RLIM_INFINITY, "and the old one told");
    is_int(getrlimit(RLIMIT_DATA, &limit), 0, "it is told");
    ok(limit.rlim_cur == 1 << 20 && limit.rlim_max == 1 << 21, "as it was set");
    is_int(setrlimit(RLIMIT_DATA, &old), 0, "root raises it again");
    is_int(prlimit(99999, RLIMIT_DATA, NULL, &old), -1, "nobody's limit");
    is_int(errno, ESRCH, "ESRCH");
    is_int(in_child(nobody_raises), 0, "others may only lower the hard one");
    is_int(in_child(files), 0, "RLIMIT_NOFILE holds, and is inherited");
    is_int(in_child(processes), 0, "RLIMIT_NPROC holds");
}

/* ---- Supplementary groups ----------------------------------------------------------------- */

static int use_groups(void) {
    const gid_t mine[3] = {500, 600, 700};
    gid_t got[8];

    if (setgroups(3, mine) < 0)
        return 2;
    if (getgroups(0, NULL) != 3 || getgroups(8, got) != 3 || got[2] != 700)
        return 3;
    if (getgroups(2, got) >= 0 || errno != EINVAL)
        return 4;
    if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
        return 5;
    if (setgroups(0, NULL) == 0 || errno != EPERM)
        return 6;
    pid_t pid = fork();
    if (pid == 0)
        _exit(getgroups(8, got) == 3 && access("/tmp/groups", W_OK) == 0 ? 0 : 1);
    if (reap_exit(pid) != 0)
        return 7;
    int fd = open("/tmp/groups", O_RDWR);
    if (fd < 0)
        return 8;
    if (open("/tmp/others", O_RDONLY) >= 0 || errno != EACCES)
        return 9;
    int own = open("/tmp/own", O_CREAT | O_RDWR, 0600);
    if (fchown(own, (uid_t)-1, 700) < 0)
        return 10;
    if (fchown(own, (uid_t)-1, 800) == 0 || errno != EPERM)
        return 11;
    unlink("/tmp/own");
    return 0;
}

static void test_supplementary(void) {
    int fd = open("/tmp/groups", O_CREAT | O_RDWR, 0660);
    int other = open("/tmp/others", O_CREAT | O_RDWR, 0660);

    is_int(fchmod(fd, 0660) + fchown(fd, 0, 600) + fchown(other, 0, 601), 0, "files of two groups");
    is_int(in_child(use_groups), 0, "supplementary groups count, and are inherited");
    is_int(setgroups(70000, NULL), -1, "too many groups");
    is_int(errno, EINVAL, "EINVAL");
    unlink("/tmp/groups");
    unlink("/tmp/others");
}

/* ---- Nice values -------------------------------------------------------------------------- */

static int nobody_nice(void) {
    become_nobody();
    if (setpriority(PRIO_PROCESS, 0, 5) < 0)
        return 2;
    if (setpriority(PRIO_PROCESS, 0, 4) == 0 || errno != EACCES)
        return 3;
    return setpriority(PRIO_PROCESS, (id_t)getppid(), 5) == 0 || errno != EPERM ? 4 : 0;
}

static void test_nice(void) {
    errno = 0;
    is_int(getpriority(PRIO_PROCESS, 0), 0, "nice at first");
    is_int(errno, 0, "which is no error");
    is_int(setpriority(PRIO_PROCESS, 0, -30), 0, "clamped");
    is_int(getpriority(PRIO_PROCESS, (id_t)getpid()), -20, "to -20");
    pid_t pid = fork();
    if (pid == 0)
        _exit(getpriority(PRIO_PROCESS, 0) == -20 ? 0 : 1);
    is_int(reap_exit(pid), 0, "inherited");
    is_int(setpriority(PRIO_PROCESS, 0, 0), 0, "back");
    is_int(setpriority(7, 0, 0), -1, "another kind");
    is_int(errno, EINVAL, "EINVAL");
    is_int(getpriority(PRIO_PROCESS, 99999), -1, "nobody");
    is_int(errno, ESRCH, "ESRCH");
    is_int(in_child(nobody_nice), 0, "others may only be nicer, and only to their own");
}

/* ---- prctl -------------------------------------------------------------------------------- */

static void test_attributes(void) {
    int value = -1;

    is_int(prctl(PR_GET_DUMPABLE), 1, "dumpable");
    is_int(prctl(PR_SET_DUMPABLE, 0), 0, "not any more");
    is_int(prctl(PR_GET_DUMPABLE), 0, "told");
    is_int(prctl(PR_SET_DUMPABLE, 1), 0, "again");
    is_int(prctl(PR_SET_DUMPABLE, 7), -1, "no such value");
    is_int(errno, EINVAL, "EINVAL");
    is_int(prctl(PR_SET_PDEATHSIG, SIGUSR1), 0, "a signal at the parent's end");
    is_int(prctl(PR_GET_PDEATHSIG, &value), 0, "which is told");
    is_int(value, SIGUSR1, "SIGUSR1");
    pid_t pid = fork();
    if (pid == 0)
        _exit(prctl(PR_GET_PDEATHSIG, &value) == 0 && value == 0 ? 0 : 1);
    is_int(reap_exit(pid), 0, "not inherited");
    prctl(PR_SET_PDEATHSIG, 0);
    is_int(prctl(PR_SET_PDEATHSIG, 99), -1, "no such signal");
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGUSR1);
        if (geteuid() != 0 || seteuid(12345) < 0)
            _exit(geteuid() != 0 ? 0 : 1);
        _exit(prctl(PR_GET_PDEATHSIG, &value) == 0 && value == 0 && prctl(PR_GET_DUMPABLE) != 1
                  ? 0
                  : 2);
    }
    is_int(reap_exit(pid), 0, "who becomes another forgets it, and is not dumpable");
    is_int(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0, "new privileges");
    pid = fork();
    if (pid == 0)
        _exit(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0) == -1 && errno == EINVAL &&
                      prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                      prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1
                  ? 0
                  : 1);
    is_int(reap_exit(pid), 0, "can be given up");
    is_int(prctl(PR_SET_CHILD_SUBREAPER, 1), 0, "a subreaper");
    is_int(prctl(PR_GET_CHILD_SUBREAPER, &value), 0, "told");
    is_int(value, 1, "it is one");
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    is_int(prctl(9999, 0), -1, "no such option");
    is_int(errno, EINVAL, "EINVAL");
}

/* ---- Parents that end --------------------------------------------------------------------- */

/* A child of a child, whose parent ends; what it writes says what became of it. */
static char orphan(int death_signal) {
    int pipes[2];
    char told = 0;

    if (pipe(pipes) < 0)
        return 'p';
    pid_t middle = start();
    if (middle == 0) {
        if (start() == 0) {
            sigset_t set;
            int signal = 0;
            pid_t parent = getppid();

            sigemptyset(&set);
            sigaddset(&set, SIGUSR2);
            sigprocmask(SIG_BLOCK, &set, NULL);
            prctl(PR_SET_PDEATHSIG, death_signal);
            if (write(pipes[1], "r", 1) != 1)
                _exit(1);
            if (death_signal)
                sigwait(&set, &signal);
            while (getppid() == parent)
                sleep_ms(1);
            told = signal ? 's' : 'o';
            _exit(write(pipes[1], &told, 1) == 1 ? 7 : 1);
        }
        _exit(read(pipes[0], &told, 1) == 1 ? 0 : 1);
    }
    if (reap_exit(middle) != 0 || read(pipes[0], &told, 1) != 1)
        told = 'r';
    close(pipes[0]);
    close(pipes[1]);
    return told;
}

static void test_orphans(void) {
    int status;

    is_int(orphan(0), 'o', "an orphan");
    is_int(waitpid(-1, &status, 0), -1, "is not ours");
    is_int(errno, ECHILD, "ECHILD");
    is_int(orphan(SIGUSR2), 's', "hears of its parent's end, if it asked for that");
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    is_int(orphan(0), 'o', "an orphan of a subreaper's child");
    is_int(reap_exit(-1), 7, "is its own, and can be waited for");
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

int main(void) {
    test_limits();
    test_supplementary();
    test_nice();
    test_attributes();
    test_orphans();
    return done();
}
