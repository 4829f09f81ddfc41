/* SPDX-License-Identifier: MIT */
/*
 * execve(2): static and dynamic programs, scripts, what passes over and what does not, and failures
 * that leave the caller as it was. The program runs itself with "child MODE" as arguments. Under
 * qemu-user it needs binfmt.
 */
#include "tap.h"

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define KEPT_FD 20
#define CLOSED_FD 21

static char *self;
static char scratch[] = "/tmp/t_exec.file";

/* ---- The executed side -------------------------------------------------------------------- */

static int child_args(int argc, char **argv) {
    if (argc != 6 || argv[6])
        return 1;
    if (strcmp(argv[3], "a b") || strcmp(argv[4], "") || strcmp(argv[5], "\xc3\xa4\n"))
        return 2;
    if (!getenv("T_EXEC") || strcmp(getenv("T_EXEC"), "yes=no") || getenv("PATH"))
        return 3;
    if (environ[1])
        return 4;
    if (getauxval(AT_PAGESZ) != 4096 || !getauxval(AT_PHDR) || !getauxval(AT_RANDOM))
        return 5;
    return (unsigned long)environ % 8 ? 6 : 0;
}

/* What the caller set up before it called exec_keeping(). */
static int child_state(char **argv) {
    struct sigaction action;
    sigset_t set;
    char path[PATH_MAX];

    if (fcntl(KEPT_FD, F_GETFD) != 0)
        return 1;
    if (fcntl(CLOSED_FD, F_GETFD) != -1 || errno != EBADF)
        return 2;
    if (sigaction(SIGUSR1, NULL, &action) < 0 || action.sa_handler != SIG_DFL)
        return 3;
    if (sigaction(SIGUSR2, NULL, &action) < 0 || action.sa_handler != SIG_IGN)
        return 4;
    if (sigprocmask(SIG_BLOCK, NULL, &set) < 0 || !sigismember(&set, SIGWINCH) ||
        sigismember(&set, SIGUSR1))
        return 5;
    if (sigpending(&set) < 0 || !sigismember(&set, SIGWINCH))
        return 6;
    if (atol(argv[3]) != getpid())
        return 7;
    if (!getcwd(path, sizeof(path)) || strcmp(path, "/tmp"))
        return 8;
    return umask(0) == 027 ? 0 : 9;
}

static int child(int argc, char **argv) {
    if (!strcmp(argv[2], "args"))
        return child_args(argc, argv);
    if (!strcmp(argv[2], "state"))
        return child_state(argv);
    if (!strcmp(argv[2], "count"))
        return argc % 256;
    if (!strcmp(argv[2], "path")) /* argument 3 is what the caller gave to exec */
        return strcmp((const char *)getauxval(AT_EXECFN), argv[3]) != 0;
    return 99;
}

/* ---- Success ------------------------------------------------------------------------------ */

static int exec_args(void) {
    char *arguments[] = {"zero", "child", "args", "a b", "", "\xc3\xa4\n", NULL};
    char *environment[] = {"T_EXEC=yes=no", NULL};

    execve(self, arguments, environment);
    return 100;
}

static void ignore_signal(int signum) {
    (void)signum;
}

static int exec_state(void) {
    char pid[24];
    char *arguments[] = {self, "child", "state", pid, NULL};
    sigset_t set;

    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    dup2(1, KEPT_FD);
    dup2(1, CLOSED_FD);
    fcntl(CLOSED_FD, F_SETFD, FD_CLOEXEC);
    signal(SIGUSR1, ignore_signal);
    signal(SIGUSR2, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGWINCH);
    sigprocmask(SIG_SETMASK, &set, NULL);
    signal(SIGWINCH, ignore_signal);
    raise(SIGWINCH);
    umask(027);
    if (chdir("/tmp") < 0)
        return 101;
    execv(self, arguments);
    return 100;
}

static int exec_many_arguments(void) {
    enum { COUNT = 3000 };
    static char *arguments[COUNT + 1];

    for (int i = 0; i < COUNT; i++)
        arguments[i] = "argument number something";
    arguments[0] = self;
    arguments[1] = "child";
    arguments[2] = "count";
    execv(self, arguments);
    return 100;
}

static int exec_dynamic(void) {
    execl("/bin/true", "true", NULL);
    return 100;
}

/* Run a command and compare all that it writes. */
static bool output_is(char *const arguments[], const char *path, const char *expected) {
    char text[512];
    size_t len = 0;
    ssize_t got;
    int ends[2];
    pid_t pid;

    if (pipe(ends) < 0)
        bail("pipe");
    pid = start();
    if (pid == 0) {
        dup2(ends[1], 1);
        close(ends[0]);
        close(ends[1]);
        execv(path, arguments);
        _exit(100);
    }
    close(ends[1]);
    while ((got = read(ends[0], text + len, sizeof(text) - 1 - len)) > 0)
        len += (size_t)got;
    close(ends[0]);
    text[len] = '\0';
    if (reap(pid) != 0 || strcmp(text, expected)) {
        printf("# wrote \"%s\", not \"%s\"\n", text, expected);
        return false;
    }
    return true;
}

static void write_file(const char *path, const void *data, size_t len, mode_t mode) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    if (fd < 0 || write(fd, data, len) != (ssize_t)len || fchmod(fd, mode) < 0 || close(fd) < 0)
        bail(path);
}

static void test_success(void) {
    char *echo[] = {"echo", "dynamic", "program", NULL};
    char *cat[] = {"cat", scratch, NULL};
    char *via_script[] = {"script", "one", "two", NULL};
    static const char script[] = "#!/bin/sh\nexit 7\n";
    static const char with_argument[] = "#! /bin/echo an argument \nnot read\n";
    char expected[128];

    is_int(in_child(exec_args), 0, "arguments, environment and auxiliary vector");
    is_int(in_child(exec_state), 0, "what an exec keeps and what it resets");
    is_int(in_child(exec_many_arguments), (3000 % 256) << 8, "3000 arguments");
    is_int(in_child(exec_dynamic), 0, "a dynamic program");
    ok(output_is(echo, "/bin/echo", "dynamic program\n"), "a dynamic program with arguments");
    write_file(scratch, script, sizeof(script) - 1, 0755);
    ok(output_is(cat, "/bin/cat", script), "a program that reads a file");
    is_int(WEXITSTATUS(system(scratch)), 7, "a script, by way of system()");
    write_file(scratch, with_argument, sizeof(with_argument) - 1, 0755);
    snprintf(expected, sizeof(expected), "an argument %s one two\n", scratch);
    ok(output_is(via_script, scratch, expected), "an interpreter with an argument");
    unlink(scratch);
}

/* ---- Paths -------------------------------------------------------------------------------- */

static char *long_path;

static int exec_path(void) {
    execl(long_path, self, "child", "path", long_path, NULL);
    return errno;
}

/* Dots in front of the program's own path, to so many bytes in all. */
static void make_path(size_t length) {
    size_t rest = strlen(self);

    memcpy(long_path + length - rest, self, rest + 1);
    for (size_t at = 0; at < length - rest; at++)
        long_path[at] = at % 2 && at < length - rest ? '.' : '/';
    if ((length - rest) % 2)
        long_path[length - rest - 1] = '/';
}

#define DEEP 300

/* The program by a relative path through many directories, which one step of the way does not reach. */
static int exec_deep(void) {
    char name[DEEP * 2 + 8] = "";

    for (int i = 0; i < DEEP; i++) {
        if ((mkdir("d", 0700) < 0 && errno != EEXIST) || chdir("d") < 0)
            return 200;
        strcat(name, "d/");
    }
    if (symlink(self, "p") < 0 || chdir("/tmp/t_exec.deep") < 0)
        return 201;
    strcat(name, "p");
    execl(name, self, "child", "path", name, NULL);
    return errno;
}

static void remove_deep(void) {
    if (chdir("/tmp/t_exec.deep") < 0)
        return;
    while (chdir("d") == 0)
        continue;
    unlink("p");
    do {
        rmdir("d");
    } while (chdir("..") == 0 && access("d", F_OK) == 0);
    chdir("/");
    rmdir("/tmp/t_exec.deep");
}

static void test_paths(void) {
    static const size_t lengths[] = {255, 256, 257, 1000, 4000, PATH_MAX - 1};
    char bytes[PATH_MAX + 64];
    static const char blanks[] = "#!/bin/sh";
    char text[400];

    long_path = bytes;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        make_path(lengths[i]);
        is_int(in_child(exec_path), 0, "a path of %zu bytes", lengths[i]);
    }
    make_path(PATH_MAX);
    is_int(in_child(exec_path), ENAMETOOLONG << 8, "a path of %d bytes", PATH_MAX);
    mkdir("/tmp/t_exec.deep", 0700);
    if (chdir("/tmp/t_exec.deep") < 0)
        bail("chdir");
    is_int(in_child(exec_deep), 0, "a program %d directories down", DEEP);
    remove_deep();

    memset(text, '/', sizeof(text));
    memcpy(text, blanks, sizeof(blanks) - 1);
    text[sizeof(text) - 1] = '\n';
    write_file(scratch, text, sizeof(text), 0755);
    long_path = scratch;
    is_int(in_child(exec_path), ENOEXEC << 8, "an interpreter's path that is cut");
    memset(text + sizeof(blanks) - 1, ' ', sizeof(text) - sizeof(blanks));
    write_file(scratch, text, sizeof(text), 0755);
    is_int(WEXITSTATUS(system(scratch)), 0, "one with blanks behind it");
    unlink(scratch);
}

static void test_spawn(void) {
    char *arguments[] = {self, "child", "count", NULL};
    char *environment[] = {NULL};
    pid_t pid;

    is_int(posix_spawn(&pid, self, NULL, NULL, arguments, environment), 0, "posix_spawn");
    is_int(reap(pid), 3 << 8, "and its status");
    is_int(posix_spawn(&pid, "/nonexistent", NULL, NULL, arguments, environment), ENOENT,
           "posix_spawn of nothing: ENOENT");
    is_errno(waitpid(-1, NULL, 0), ECHILD, "and no child of it is left");
}

/* ---- Failure ------------------------------------------------------------------------------ */

static int handled;

static void count_signal(int signum) {
    (void)signum;
    handled++;
}

#define exec_fails(path, error, what) is_errno(execv(path, arguments), error, what)

static void test_bad_files(void) {
    char *arguments[] = {"x", NULL};
    char name[NAME_MAX + 3];
    Elf64_Ehdr header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                         .e_type = ET_EXEC,
                         .e_machine = EM_SPARCV9,
                         .e_version = EV_CURRENT};

    exec_fails("/tmp/nonexistent", ENOENT, "no such file: ENOENT");
    exec_fails("", ENOENT, "empty name: ENOENT");
    exec_fails("/tmp", EACCES, "a directory: EACCES");
    exec_fails("/dev/null", EACCES, "a device: EACCES");
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    exec_fails(name, ENAMETOOLONG, "a long name: ENAMETOOLONG");
    write_file(scratch, "#!/bin/sh\n", 10, 0644);
    exec_fails(scratch, EACCES, "not executable: EACCES");
    exec_fails("/tmp/t_exec.file/x", ENOTDIR, "a file as directory: ENOTDIR");
    write_file(scratch, "#!/nonexistent/sh\n", 18, 0755);
    exec_fails(scratch, ENOENT, "a script without interpreter: ENOENT");
    write_file(scratch, "just some text\n", 15, 0755);
    exec_fails(scratch, ENOEXEC, "text: ENOEXEC");
    write_file(scratch, "", 0, 0755);
    exec_fails(scratch, ENOEXEC, "an empty file: ENOEXEC");
    {
        char line[300] = "#!/";
        memset(line + 3, '/', sizeof(line) - 3); /* /bin/sh would come, but is cut off */
        memcpy(line + sizeof(line) - 9, "bin/sh\n", 8);
        write_file(scratch, line, sizeof(line), 0755);
        exec_fails(scratch, ENOEXEC, "an interpreter's path that is too long: ENOEXEC");
    }
    write_file(scratch, &header, 30, 0755);
    exec_fails(scratch, ENOEXEC, "half an ELF header: ENOEXEC");
    write_file(scratch, &header, sizeof(header), 0755);
    exec_fails(scratch, ENOEXEC, "another machine's program: ENOEXEC");
    unlink(scratch);
}

static void test_bad_arguments(void) {
    enum { LONG = 128 * 1024 + 1, COUNT = 200 };
    char *arguments[COUNT + 1] = {"x"};
    char *text = malloc(LONG + 1);

    memset(text, 'a', LONG);
    text[LONG] = '\0';
    arguments[1] = text;
    exec_fails(self, E2BIG, "an argument above 128 KiB: E2BIG");
    for (int i = 1; i < COUNT; i++)
        arguments[i] = text + 2;
    exec_fails(self, E2BIG, "25 MiB of arguments: E2BIG");
    is_errno(execve(self, nowhere, environ), EFAULT, "a bad argument vector: EFAULT");
    arguments[1] = nowhere;
    arguments[2] = NULL;
    is_errno(execve(self, arguments, environ), EFAULT, "a bad argument: EFAULT");
    is_errno(execve(nowhere, arguments, environ), EFAULT, "a bad path: EFAULT");
    free(text);
}

static void test_failure(void) {
    char *memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pid_t pid = getpid();

    memory[4096] = 'k';
    dup2(1, CLOSED_FD);
    fcntl(CLOSED_FD, F_SETFD, FD_CLOEXEC);
    signal(SIGUSR1, count_signal);
    test_bad_files();
    test_bad_arguments();
    ok(memory[0] == 0 && memory[4096] == 'k', "after failures memory is as it was");
    is_int(fcntl(CLOSED_FD, F_GETFD), FD_CLOEXEC, "descriptors are too");
    raise(SIGUSR1);
    is_int(handled, 1, "handlers are too");
    is_int(getpid(), pid, "and the process is the same");
    close(CLOSED_FD);
}

int main(int argc, char **argv) {
    if (argc > 2 && !strcmp(argv[1], "child"))
        return child(argc, argv);
    self = realpath(argv[0], NULL);
    if (!self)
        bail(argv[0]);
    test_success();
    test_paths();
    test_spawn();
    test_failure();
    return done();
}
