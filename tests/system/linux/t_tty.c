/* SPDX-License-Identifier: MIT */
/*
 * Whose terminal it is, and who may do what with it: controlling terminals, foreground and background,
 * orphaned groups, hang-ups (POSIX XBD 11.1, ioctl_tty(2), credentials(7)). The terminal is the one
 * that this runs on; as the last test it is given up and taken again. What Parley forbids and Linux
 * allows is checked on Parley only.
 */
#include "tap.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>

static int terminal;
static volatile sig_atomic_t caught[NSIG];

static void count(int signal) {
    caught[signal]++;
}

static void on(int signal, void (*handler)(int), int flags) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};

    sigaction(signal, &action, NULL);
}

/* The child's number of a check that does not hold is its exit status. */
#define CHECK(number, condition)                                                                   \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return (number);                                                                       \
    } while (0)
#define FAILS(call, error) (errno = 0, (call) == -1 && errno == (error))

static int expect_zero(int (*function)(void), const char *what) {
    int status = in_child(function);

    return is_int(WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status, 0, "%s", what);
}

static void become_nobody(void) {
    if (setgid(65534) < 0 || setuid(65534) < 0)
        _exit(99);
}

/* ---- Another session ---------------------------------------------------------------------------- */

static int other_session(void) {
    struct termios settings;
    int group = getpgrp();

    if (setsid() < 0)
        return 1;
    CHECK(2, FAILS(open("/dev/tty", O_RDWR), ENXIO));
    CHECK(3, FAILS(ioctl(terminal, TIOCGPGRP, &group), ENOTTY));
    CHECK(4, FAILS(ioctl(terminal, TIOCGSID, &group), ENOTTY));
    CHECK(5, FAILS(tcsetpgrp(terminal, getpgrp()), ENOTTY));
    CHECK(6, FAILS(ioctl(terminal, TIOCNOTTY), ENOTTY));
    CHECK(7, FAILS(ioctl(terminal, TIOCSCTTY, 0), EPERM)); /* another session's */
    CHECK(8, isatty(terminal) == 1 && tcgetattr(terminal, &settings) == 0);
    CHECK(9, write(terminal, "# from another session\n", 23) == 23);
    CHECK(10, tcsetattr(terminal, TCSANOW, &settings) == 0); /* root's */
    become_nobody();
    CHECK(11, FAILS(ioctl(terminal, TIOCSCTTY, 1), EPERM)); /* only root may steal */
    CHECK(12, isatty(terminal) == 1);
    return 0;
}

static int other_session_strict(void) {
    struct winsize size;
    struct termios settings;
    char byte;

    if (setsid() < 0)
        return 1;
    CHECK(2, FAILS(read(terminal, &byte, 1), EIO));
    become_nobody();
    CHECK(3, FAILS(read(terminal, &byte, 1), EIO));
    CHECK(4, FAILS(tcflow(terminal, TCOOFF), EIO));
    CHECK(5, FAILS(tcflush(terminal, TCIOFLUSH), EIO));
    CHECK(6, tcgetattr(terminal, &settings) == 0);
    CHECK(7, FAILS(tcsetattr(terminal, TCSANOW, &settings), EIO));
    CHECK(8, FAILS(tcsendbreak(terminal, 0), EIO));
    CHECK(9, ioctl(terminal, TIOCGWINSZ, &size) == 0);
    CHECK(10, FAILS(ioctl(terminal, TIOCSWINSZ, &size), EIO));
    CHECK(11, FAILS(open("/dev/console", O_RDONLY), EACCES));
    CHECK(12, FAILS(open("/dev/ttyS0", O_RDONLY), EACCES));
    CHECK(13, FAILS(open("/dev/ttyS0", O_WRONLY), EACCES));
    return 0;
}

static void sessions(void) {
    struct stat status;

    is_int(tcgetsid(terminal), getsid(0), "the terminal is the session's");
    is_int(tcgetpgrp(terminal), getpgrp(), "and the group is in the foreground");
    expect_zero(other_session, "another session has no terminal, and cannot get this one");
    if (!on_parley()) {
        skip("another session's input and settings", "Linux lets every descriptor");
        return;
    }
    expect_zero(other_session_strict, "nor may it read or set this one");
    ok(stat("/dev/console", &status) == 0 && status.st_uid == 0 && (status.st_mode & 07777) == 0600,
       "/dev/console is root's");
    ok(stat("/dev/ttyS0", &status) == 0 && status.st_uid == 0 && (status.st_mode & 07777) == 0620,
       "/dev/ttyS0 is root's");
}

/* ---- TIOCSPGRP and its like: errors ----------------------------------------------------------------- */

static int not_leading(void) {
    CHECK(1, FAILS(ioctl(terminal, TIOCSCTTY, 1), EPERM)); /* no session leader */
    return 0;
}

static void requests(void) {
    int ends[2];
    pid_t other = start();

    if (other == 0) {
        setsid();
        pause();
        _exit(0);
    }
    if (pipe(ends) < 0)
        bail("pipe");
    let_block();
    is_errno(tcsetpgrp(terminal, -1), EINVAL, "tcsetpgrp: negative");
    is_errno(tcsetpgrp(terminal, 4000000), ESRCH, "tcsetpgrp: no such group");
    is_errno(tcsetpgrp(terminal, other), EPERM, "tcsetpgrp: another session's group");
    is_errno(tcsetpgrp(ends[0], getpgrp()), ENOTTY, "tcsetpgrp: a pipe");
    is_errno(tcsetpgrp(999, getpgrp()), EBADF, "tcsetpgrp: no descriptor");
    is_errno(ioctl(terminal, TIOCSPGRP, nowhere), EFAULT, "tcsetpgrp: bad pointer");
    is_errno(ioctl(ends[0], TIOCSCTTY, 0), ENOTTY, "TIOCSCTTY: a pipe");
    is_errno(ioctl(ends[0], TIOCNOTTY, 0), ENOTTY, "TIOCNOTTY: a pipe");
    expect_zero(not_leading, "TIOCSCTTY is for session leaders");
    is_int(tcsetpgrp(terminal, getpgrp()), 0, "tcsetpgrp: the own group");
    is_int(tcgetpgrp(terminal), getpgrp(), "nothing changed");
    kill(other, SIGKILL);
    reap(other);
    close(ends[0]);
    close(ends[1]);
}

/* A group whose only member has not been waited for is still a group: shells rely on it. */
static void zombie_group(void) {
    pid_t pid = start();

    if (pid == 0) {
        setpgid(0, 0);
        _exit(0);
    }
    siginfo_t info;
    waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
    is_int(tcsetpgrp(terminal, pid), 0, "a zombie's group can be in the foreground");
    signal(SIGTTOU, SIG_IGN);
    is_int(tcsetpgrp(terminal, getpgrp()), 0, "and the terminal be taken back");
    signal(SIGTTOU, SIG_DFL);
    reap(pid);
    is_errno(kill(-pid, 0), ESRCH, "waited for, the group is gone");
}

/* ---- The background --------------------------------------------------------------------------------- */

/* Runs a function in a background group; the signal that stopped it, or minus its exit status. */
static int in_background(int (*function)(void)) {
    int status;
    pid_t pid = start();

    if (pid == 0) {
        setpgid(0, 0);
        while (tcgetpgrp(terminal) == getpgrp())
            sleep_ms(1);
        _exit(function());
    }
    setpgid(pid, pid);
    if (waitpid(pid, &status, WUNTRACED) != pid)
        bail("waitpid");
    if (WIFSTOPPED(status)) {
        kill(pid, SIGKILL);
        reap(pid);
        return WSTOPSIG(status);
    }
    return WIFEXITED(status) ? -WEXITSTATUS(status) : 1000 + status;
}

static int reads(void) {
    char byte;
    return read(terminal, &byte, 1) < 0 ? 1 : 2;
}

static int reads_ignoring(void) {
    char byte;
    signal(SIGTTIN, SIG_IGN);
    CHECK(1, FAILS(read(terminal, &byte, 1), EIO));
    return 0;
}

static int reads_blocking(void) {
    char byte;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTTIN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    CHECK(1, FAILS(read(terminal, &byte, 1), EIO));
    sigpending(&set);
    CHECK(2, !sigismember(&set, SIGTTIN));
    return 0;
}

static int reads_with_handler(void) {
    char byte;
    on(SIGTTIN, count, 0);
    CHECK(1, FAILS(read(terminal, &byte, 1), EINTR));
    CHECK(2, caught[SIGTTIN] == 1);
    return 0;
}

static int polls(void) {
    int flags = fcntl(terminal, F_GETFL);
    int result = fcntl(terminal, F_SETFL, flags | O_NONBLOCK);
    char byte;
    signal(SIGTTIN, SIG_IGN);
    bool good = FAILS(read(terminal, &byte, 1), EIO); /* not EAGAIN */
    fcntl(terminal, F_SETFL, flags);
    return result < 0 || !good;
}

static struct termios original;

static int sets(void) {
    return tcsetattr(terminal, TCSANOW, &original) < 0;
}

static int sets_ignoring(void) {
    signal(SIGTTOU, SIG_IGN);
    CHECK(1, tcsetattr(terminal, TCSANOW, &original) == 0);
    CHECK(2, tcflush(terminal, TCIFLUSH) == 0);
    CHECK(3, tcflow(terminal, TCOON) == 0);
    return 0;
}

static int sets_with_handler(void) {
    on(SIGTTOU, count, 0);
    CHECK(1, FAILS(tcsetattr(terminal, TCSANOW, &original), EINTR));
    CHECK(2, caught[SIGTTOU] == 1);
    return 0;
}

static int flushes(void) {
    return tcflush(terminal, TCIFLUSH) < 0;
}

static int flows(void) {
    return tcflow(terminal, TCOOFF) < 0;
}

static int foregrounds(void) {
    return tcsetpgrp(terminal, getpgrp()) < 0;
}

static int writes(void) {
    return write(terminal, "# from the background\n", 22) != 22;
}

static int writes_ignoring(void) {
    signal(SIGTTOU, SIG_IGN);
    return writes();
}

static int resizes(void) {
    struct winsize size;
    CHECK(1, ioctl(terminal, TIOCGWINSZ, &size) == 0);
    CHECK(2, ioctl(terminal, TIOCSWINSZ, &size) == 0);
    return 0;
}

static void background(void) {
    struct termios settings;

    tcgetattr(terminal, &original);
    is_int(in_background(reads), SIGTTIN, "a read in the background: SIGTTIN");
    is_int(in_background(reads_ignoring), 0, "ignored: EIO");
    is_int(in_background(reads_blocking), 0, "blocked: EIO, and nothing is pending");
    is_int(in_background(reads_with_handler), 0, "caught: EINTR");
    is_int(in_background(polls), 0, "with O_NONBLOCK: EIO");
    is_int(in_background(sets), SIGTTOU, "tcsetattr in the background: SIGTTOU");
    is_int(in_background(sets_ignoring), 0, "ignored: it goes on");
    is_int(in_background(sets_with_handler), 0, "caught: EINTR");
    is_int(in_background(flushes), SIGTTOU, "tcflush: SIGTTOU");
    is_int(in_background(flows), SIGTTOU, "tcflow: SIGTTOU");
    is_int(in_background(foregrounds), SIGTTOU, "tcsetpgrp: SIGTTOU");
    is_int(in_background(resizes), 0, "a window size: no signal");
    is_int(in_background(writes), 0, "a write: no signal");
    settings = original;
    settings.c_lflag |= TOSTOP;
    tcsetattr(terminal, TCSANOW, &settings);
    is_int(in_background(writes), SIGTTOU, "a write with TOSTOP: SIGTTOU");
    is_int(in_background(writes_ignoring), 0, "ignored: it goes on");
    tcsetattr(terminal, TCSANOW, &original);
}

/* Stopped by its read, a process reads on when it is in the foreground again. */
static void stopped_reader(void) {
    int status;
    struct termios raw = original;
    pid_t pid = start();

    if (pid == 0) {
        char byte;
        setpgid(0, 0);
        _exit(read(terminal, &byte, 1) == 0 ? 7 : 8);
    }
    setpgid(pid, pid);
    waitpid(pid, &status, WUNTRACED);
    ok(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTTIN, "a reader is stopped");
    kill(pid, SIGCONT);
    waitpid(pid, &status, WUNTRACED);
    ok(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTTIN, "continued too early, stopped again");
    raw.c_lflag &= ~(tcflag_t)ICANON;
    raw.c_cc[VMIN] = raw.c_cc[VTIME] = 0;
    tcsetattr(terminal, TCSANOW, &raw);
    tcsetpgrp(terminal, pid);
    kill(pid, SIGCONT);
    is_int(reap_exit(pid), 7, "in the foreground its read goes on");
    signal(SIGTTOU, SIG_IGN);
    tcsetpgrp(terminal, getpgrp());
    signal(SIGTTOU, SIG_DFL);
    tcsetattr(terminal, TCSANOW, &original);
}

/* ---- Orphaned groups -------------------------------------------------------------------------------- */

static int ends[2];

static void tell(int signal) {
    char letter = signal == SIGHUP ? 'H' : signal == SIGCONT ? 'C' : '?';
    if (write(ends[1], &letter, 1) != 1)
        _exit(9);
}

static int orphan_stopped(void) {
    if (fork() == 0) { /* a group of its own, whose one parent is about to end */
        setpgid(0, 0);
        on(SIGHUP, tell, 0);
        on(SIGCONT, tell, 0);
        raise(SIGSTOP);
        _exit(0);
    }
    sleep_ms(100);
    return 0;
}

static int orphan_running(void) {
    if (fork() == 0) {
        setpgid(0, 0);
        on(SIGHUP, tell, 0);
        sleep_ms(200); /* its parent is gone */
        raise(SIGTSTP);
        raise(SIGTTIN);
        if (write(ends[1], "T", 1) != 1)
            _exit(9);
        char byte;
        char letter = FAILS(read(terminal, &byte, 1), EIO) ? 'E' : 'e';
        if (write(ends[1], &letter, 1) != 1)
            _exit(9);
        letter = FAILS(tcsetattr(terminal, TCSANOW, &original), EIO) ? 'S' : 's';
        if (write(ends[1], &letter, 1) != 1)
            _exit(9);
        letter = FAILS(tcsetpgrp(terminal, getpgrp()), ENOTTY) ? 'G' : 'g';
        _exit(write(ends[1], &letter, 1) != 1);
    }
    sleep_ms(100);
    return 0;
}

/* What the descendants of the function's process wrote until all of them had ended. */
static const char *told(int (*function)(void)) {
    static char text[16];
    size_t length = 0;
    ssize_t got;
    pid_t pid;

    if (pipe(ends) < 0)
        bail("pipe");
    pid = start();
    if (pid == 0) {
        close(ends[0]);
        _exit(function());
    }
    close(ends[1]);
    reap(pid);
    while ((got = read(ends[0], text + length, sizeof(text) - 1 - length)) > 0)
        length += (size_t)got;
    text[length] = '\0';
    close(ends[0]);
    return text;
}

/* The leader ends, and has no terminal: its session lives on. */
static int daemonizes(void) {
    if (setsid() < 0)
        return 1;
    if (fork() == 0) {
        on(SIGHUP, tell, 0);
        sleep_ms(200);
        _exit(write(ends[1], "L", 1) != 1);
    }
    return 0;
}

/* A chain of groups, each stopped and each the next one's only tie, falls together. */
#define CHAIN 60

static int chain(void) {
    int stopped[2];
    char byte = 0;

    if (pipe(stopped) < 0)
        return 1;
    for (int depth = 0; depth < CHAIN; depth++) {
        pid_t pid = fork();
        if (pid < 0)
            return 1;
        if (pid == 0) {
            setpgid(0, 0);
            continue;
        }
        if (depth == 0) {
            for (int i = 0; i < CHAIN; i++)
                if (read(stopped[0], &byte, 1) != 1)
                    return 2;
            sleep_ms(100);
            return 0;
        }
        break;
    }
    if (write(stopped[1], &byte, 1) == 1)
        raise(SIGSTOP);
    _exit(write(ends[1], "!", 1) != 1); /* SIGHUP should have ended it */
}

static void orphans(void) {
    ok(!strcmp(told(orphan_stopped), "HC") || !strcmp(told(orphan_stopped), "CH"),
       "a stopped group that is orphaned gets SIGHUP and SIGCONT");
    ok(!strcmp(told(orphan_running), "TESG"),
       "terminal signals do not stop an orphaned group: EIO instead");
    ok(!strcmp(told(daemonizes), "L"), "a daemon outlives its session's leader");
    ok(!strcmp(told(chain), ""), "a chain of orphaned groups falls together");
}

/* ---- Giving up, taking --------------------------------------------------------------------------------- */

static int gives_up(void) {
    char byte;
    int status;

    CHECK(1, ioctl(terminal, TIOCNOTTY) == 0);
    CHECK(2, FAILS(open("/dev/tty", O_RDWR), ENXIO));
    CHECK(3, FAILS(ioctl(terminal, TIOCNOTTY), ENOTTY));
    CHECK(4, FAILS(tcsetpgrp(terminal, getpgrp()), ENOTTY));
    if (on_parley())
        CHECK(5, FAILS(read(terminal, &byte, 1), EIO));
    pid_t pid = fork();
    if (pid == 0)
        _exit(open("/dev/tty", O_RDWR) >= 0);
    CHECK(6, waitpid(pid, &status, 0) == pid && status == 0);
    return 0;
}

/* Root takes the terminal from its session, and gives it up. */
static int steals(void) {
    int own;

    signal(SIGHUP, SIG_IGN);
    CHECK(1, setsid() >= 0);
    CHECK(2, ioctl(terminal, TIOCSCTTY, 1) == 0);
    CHECK(3, ioctl(terminal, TIOCSCTTY, 0) == 0); /* it has it already */
    CHECK(4, tcgetsid(terminal) == getpid() && tcgetpgrp(terminal) == getpid());
    CHECK(5, (own = open("/dev/tty", O_RDWR)) >= 0);
    CHECK(6, ioctl(own, TIOCNOTTY) == 0);
    CHECK(7, FAILS(open("/dev/tty", O_RDWR), ENXIO));
    return 0;
}

/* The terminal is nobody's now: opening acquires it, if it may. */
static int acquires(void) {
    CHECK(1, open("/dev/ttyS0", O_RDWR) >= 0); /* no session leader */
    CHECK(2, FAILS(open("/dev/tty", O_RDWR), ENXIO));
    CHECK(3, setsid() >= 0);
    CHECK(4, open("/dev/console", O_RDWR) >= 0); /* never */
    CHECK(5, FAILS(open("/dev/tty", O_RDWR), ENXIO));
    CHECK(6, open("/dev/ttyS0", O_RDWR | O_NOCTTY) >= 0);
    CHECK(7, FAILS(open("/dev/tty", O_RDWR), ENXIO));
    CHECK(8, open("/dev/ttyS0", O_WRONLY) >= 0);
    CHECK(9, FAILS(open("/dev/tty", O_RDWR), ENXIO));
    CHECK(10, open("/dev/ttyS0", O_RDWR) >= 0);
    CHECK(11, open("/dev/tty", O_RDWR) >= 0);
    signal(SIGHUP, SIG_IGN);
    CHECK(12, ioctl(terminal, TIOCNOTTY) == 0);
    return 0;
}

static void taking(void) {
    expect_zero(gives_up, "TIOCNOTTY: a process and its children without a terminal");
    ok(open("/dev/tty", O_RDWR) >= 0, "its parent has it still");
    if (!on_parley()) {
        skip("taking the terminal away", "it is needed");
        return;
    }
    expect_zero(steals, "TIOCSCTTY: root steals a terminal");
    is_errno(open("/dev/tty", O_RDWR), ENXIO, "who was robbed has none");
    expect_zero(acquires, "O_NOCTTY: who gets a terminal by opening it");
}

/* ---- Numbers in names ----------------------------------------------------------------------------------- */

static void numbers(void) {
    static const char *const bad[] = {"+%d", "-%d", "0%d", " %d", "%d ", "%dx", "0x%x", ""};
    char path[64] = "/proc/", name[32];
    struct stat status;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]) - 1; i++) {
        _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wformat-nonliteral\"");
        snprintf(name, sizeof(name), bad[i], getpid());
        _Pragma("GCC diagnostic pop");
        snprintf(path, sizeof(path), "/proc/%s", name);
        is_errno(stat(path, &status), ENOENT, "no \"%s\"", path);
    }
    snprintf(path, sizeof(path), "/proc/%lld", (1ll << 32) + getpid());
    is_errno(stat(path, &status), ENOENT, "no \"%s\"", path);
    snprintf(path, sizeof(path), "/proc/%d", getpid());
    is_int(stat(path, &status), 0, "but \"%s\"", path);
}

int main(void) {
    terminal = open("/dev/tty", O_RDWR);
    if (terminal < 0 || tcgetpgrp(terminal) != getpgrp()) {
        printf("1..0 # SKIP no terminal\n");
        return 0;
    }
    sessions();
    requests();
    zombie_group();
    background();
    stopped_reader();
    orphans();
    numbers();
    taking();
    return done();
}
