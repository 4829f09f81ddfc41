/* SPDX-License-Identifier: MIT */
/*
 * Pseudo-terminals (pty(7)): making and naming them, the line discipline between master and slave, sessions, windows,
 * hang-ups. Runs on Linux.
 */
#include "tap.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>

static int master, slave;
static char name[64];

static void make(void) {
    master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0 ||
        ptsname_r(master, name, sizeof(name)) != 0)
        bail("pseudo-terminal");
    slave = open(name, O_RDWR | O_NOCTTY);
    if (slave < 0)
        bail(name);
}

static void finish(void) {
    close(slave);
    close(master);
}

/* Reads until a whole text has come, or something else. */
static bool comes(int fd, const char *text) {
    char got[256];
    size_t length = 0, wanted = strlen(text);

    while (length < wanted) {
        ssize_t n = read(fd, got + length, wanted - length);
        if (n <= 0)
            return false;
        length += (size_t)n;
    }
    got[length] = '\0';
    if (memcmp(got, text, wanted) != 0)
        printf("# got \"%s\"\n", got);
    return memcmp(got, text, wanted) == 0;
}

static bool put(int fd, const char *text) {
    return write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

static short ready(int fd) {
    struct pollfd p = {fd, POLLIN, 0};

    return poll(&p, 1, 0) < 0 ? -1 : p.revents;
}

static void test_names(void) {
    struct stat status;
    int number = -1, locked = -1, other;

    master = posix_openpt(O_RDWR | O_NOCTTY);
    ok(master >= 0, "posix_openpt");
    is_int(ioctl(master, TIOCGPTN, &number), 0, "TIOCGPTN");
    ok(number >= 0 && ptsname_r(master, name, sizeof(name)) == 0, "ptsname");
    is_int(atoi(name + strlen("/dev/pts/")), number, "tells the same");
    ok(ioctl(master, TIOCGPTLCK, &locked) == 0 && locked == 1, "it is locked");
    is_errno(open(name, O_RDWR | O_NOCTTY), EIO, "its slave cannot be opened: EIO");
    is_int(grantpt(master), 0, "grantpt");
    is_int(stat(name, &status), 0, "its slave has a name");
    ok(S_ISCHR(status.st_mode) && (status.st_mode & 0600) == 0600 && status.st_uid == getuid(),
       "of its user's, who may use it");
    is_int(status.st_rdev >> 8 & 0xfff, 136, "its device number");
    is_int(unlockpt(master), 0, "unlockpt");
    locked = 0;
    is_int(ioctl(master, TIOCPKT, &locked), 0, "packet mode is turned off");
    ok(ioctl(master, TIOCGPKT, &locked) == 0 && locked == 0, "and told so");
    is_errno(ioctl(master, TIOCPKT, nowhere), EFAULT, "from a bad address: EFAULT");
    slave = open(name, O_RDWR | O_NOCTTY);
    ok(slave >= 0 && isatty(slave), "a terminal");
    ok(strcmp(ttyname(slave), name) == 0, "of that name");
    other = posix_openpt(O_RDWR | O_NOCTTY);
    ok(other >= 0 && ioctl(other, TIOCGPTN, &locked) == 0 && locked != number, "another one");
    close(other);
    is_errno(ioctl(slave, TIOCGPTN, &number), ENOTTY, "a slave is no master: ENOTTY");
    finish();
    is_errno(stat(name, &status), ENOENT, "its name goes with its master");
}

static void test_data(void) {
    struct termios settings;
    int count = -1;

    make();
    ok(tcgetattr(slave, &settings) == 0 && settings.c_lflag & ICANON && settings.c_lflag & ECHO &&
           settings.c_oflag & ONLCR && settings.c_iflag & ICRNL,
       "it begins with a terminal's settings");
    ok(put(slave, "one\n") && comes(master, "one\r\n"), "output is processed");
    ok(put(master, "ab\177c\r") && comes(master, "ab\b \bc\r\n"), "input is echoed, and edited");
    ok(comes(slave, "ac\n"), "and read as a line");
    ok(put(master, "\4") && read(slave, &count, 1) == 0, "an end of file");
    settings.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
    settings.c_oflag &= ~(tcflag_t)OPOST;
    settings.c_iflag &= ~(tcflag_t)(ICRNL | IXON);
    is_int(tcsetattr(master, TCSADRAIN, &settings), 0, "raw, by the master");
    ok(tcgetattr(slave, &settings) == 0 && !(settings.c_lflag & ICANON), "the slave sees it");
    ok(put(master, "\3\r") && comes(slave, "\3\r"), "input goes through");
    ok(put(slave, "\n\t") && comes(master, "\n\t"), "and output");
    is_int(ready(master), 0, "nothing more to read");
    ok(put(slave, "xyz") && ready(master) == POLLIN, "but now");
    ok(ioctl(master, FIONREAD, &count) == 0 && count == 3, "three bytes");
    is_int(tcflush(slave, TCOFLUSH), 0, "a slave's tcflush");
    is_int(tcdrain(slave), 0, "and tcdrain do not wait");
    fcntl(master, F_SETFL, O_NONBLOCK);
    while (read(master, &count, 1) == 1)
        continue;
    is_errno(read(master, &count, 1), EAGAIN, "O_NONBLOCK: EAGAIN");
    finish();
}

#define MUCH 100000

/* More than fits: both ends wait for each other. */
static int write_much(void) {
    static char data[MUCH];

    for (size_t i = 0; i < MUCH; i++)
        data[i] = (char)('a' + i % 26);
    return write(slave, data, MUCH) == MUCH ? 0 : 1;
}

static void test_much(void) {
    struct termios settings;
    size_t wrong = 0, done = 0;
    char data[1000];
    pid_t pid;

    make();
    tcgetattr(slave, &settings);
    cfmakeraw(&settings);
    tcsetattr(slave, TCSANOW, &settings);
    pid = start();
    if (pid == 0)
        _exit(write_much());
    while (done < MUCH) {
        ssize_t n = read(master, data, sizeof(data));
        if (n <= 0)
            break;
        for (ssize_t i = 0; i < n; i++, done++)
            wrong += data[i] != (char)('a' + done % 26);
    }
    ok(done == MUCH && wrong == 0, "much output goes as the master reads it");
    is_int(reap(pid), 0, "whole");
    pid = start();
    if (pid == 0) {
        slave = master;
        _exit(write_much());
    }
    for (done = wrong = 0; done < MUCH;) {
        ssize_t n = read(slave, data, sizeof(data));
        if (n <= 0)
            break;
        for (ssize_t i = 0; i < n; i++, done++)
            wrong += data[i] != (char)('a' + done % 26);
    }
    ok(done == MUCH && wrong == 0, "much input as the slave reads it");
    is_int(reap(pid), 0, "whole");
    finish();
}

static volatile sig_atomic_t caught[65];

static void count_signal(int signum) {
    caught[signum]++;
}

/* A session of its own whose terminal the slave is; says so, and waits for a line. */
static int session(void) {
    struct winsize window = {0};
    char byte;
    int own;

    signal(SIGHUP, count_signal);
    signal(SIGINT, count_signal);
    signal(SIGWINCH, count_signal);
    if (setsid() < 0)
        return 1;
    if (open("/dev/tty", O_RDWR) >= 0 || errno != ENXIO)
        return 2;
    if (ioctl(slave, TIOCSCTTY, 0) < 0 || tcgetpgrp(slave) != getpid() ||
        tcgetsid(slave) != getpid())
        return 3;
    own = open("/dev/tty", O_RDWR);
    if (own < 0 || !put(own, "ready\n"))
        return 4;
    while (!caught[SIGINT])
        pause();
    if (!put(own, "interrupted\n"))
        return 5;
    while (!caught[SIGWINCH])
        pause();
    if (ioctl(own, TIOCGWINSZ, &window) < 0 || window.ws_row != 33 || window.ws_col != 77)
        return 6;
    if (!put(own, "resized\n"))
        return 7;
    while (!caught[SIGHUP])
        pause();
    if (read(own, &byte, 1) != 0)
        return 8;
    if (write(own, "x", 1) >= 0 || errno != EIO)
        return 9;
    return open("/dev/tty", O_RDWR) >= 0 || errno != ENXIO ? 10 : 0;
}

static void test_session(void) {
    struct winsize window = {33, 77, 0, 0};
    pid_t pid;

    make();
    pid = start();
    if (pid == 0) {
        close(master);
        _exit(session());
    }
    ok(comes(master, "ready\r\n"), "a session has a slave as its terminal");
    ok(put(master, "\3") && comes(master, "^C"), "an interrupt character");
    ok(comes(master, "interrupted\r\n"), "is a signal");
    is_int(ioctl(master, TIOCSWINSZ, &window), 0, "the master sets the window's size");
    ok(comes(master, "resized\r\n"), "of which the session hears");
    is_int(tcgetpgrp(master), pid, "the master knows the group in the foreground");
    is_int(close(master), 0, "the master is closed");
    is_int(reap_exit(pid), 0, "the session's leader hears SIGHUP, and its terminal is dead");
    ok(ready(slave) & POLLHUP, "for who has it open still, too");
    close(slave);
}

static int leader_with_child(void) {
    char byte = 0;
    pid_t pid;

    if (setsid() < 0 || ioctl(slave, TIOCSCTTY, 0) < 0)
        return 1;
    pid = fork();
    if (pid == 0) {
        signal(SIGHUP, count_signal);
        put(slave, "child\n");
        while (!caught[SIGHUP])
            pause();
        _exit(0);
    }
    return read(slave, &byte, 1) == 1 && byte == 'q' ? 0 : 2;
}

static void test_leader_ends(void) {
    char byte;
    pid_t pid;

    make();
    pid = start();
    if (pid == 0) {
        close(master);
        _exit(leader_with_child());
    }
    close(slave);
    ok(comes(master, "child\r\n"), "a session of two");
    ok(put(master, "q\n") && comes(master, "q\r\n"), "whose leader is told to end");
    is_int(reap_exit(pid), 0, "and does");
    is_errno(read(master, &byte, 1), EIO, "with which the terminal is hung up: EIO");
    ok(ready(master) & POLLHUP, "POLLHUP");
    slave = open(name, O_RDWR | O_NOCTTY);
    ok(slave >= 0 && put(slave, "again\n") && comes(master, "again\r\n"), "it can be used again");
    finish();
}

static void test_closed(void) {
    char byte;
    pid_t pid;

    make();
    put(slave, "last");
    close(slave);
    ok(comes(master, "last"), "what was written before the slave was closed");
    is_errno(read(master, &byte, 1), EIO, "then EIO");
    slave = open(name, O_RDWR | O_NOCTTY);
    pid = start();
    if (pid == 0) {
        close(master);
        _exit(read(slave, &byte, 1) == -1 && errno == EIO ? 0 : 1);
    }
    let_block();
    close(slave);
    close(master);
    is_int(reap_exit(pid), 0, "who waits at the slave when its master is closed, EIO");
    make();
    pid = start();
    if (pid == 0) {
        close(slave);
        _exit(read(master, &byte, 1) == -1 && errno == EIO ? 0 : 1);
    }
    let_block();
    close(slave);
    is_int(reap_exit(pid), 0, "who waits at the master, EIO");
    close(master);
}

/* As many as there may be: an error in the end, and all is given back. */
static void test_many(void) {
    enum { MANY = 200 };
    static int masters[MANY];
    long before = free_pages();
    int opened = 0;

    for (; opened < MANY; opened++)
        if ((masters[opened] = posix_openpt(O_RDWR | O_NOCTTY)) < 0)
            break;
    is_int(opened, MANY, "many pseudo-terminals");
    ok(ptsname_r(masters[MANY - 1], name, sizeof(name)) == 0 && access(name, F_OK) == 0,
       "all have names");
    for (int i = 0; i < opened; i++)
        close(masters[i]);
    is_errno(access(name, F_OK), ENOENT, "which go");
    check_free_pages(before, 40, "and so does their memory");
}

/* ---- Packet mode ---- */

static int pending(void) {
    struct pollfd p = {master, POLLIN | POLLPRI, 0};

    return poll(&p, 1, 0) < 0 ? -1 : p.revents & (POLLIN | POLLPRI);
}

/* What the next read gives, one byte. */
static int status_of(void) {
    unsigned char bytes[8];

    return read(master, bytes, sizeof(bytes)) == 1 ? bytes[0] : -1;
}

static void test_packets(void) {
    struct termios termios;
    char bytes[16];
    int on = 1, said = 0;
    pid_t pid;

    make();
    is_int(ioctl(master, TIOCPKT, &on), 0, "packet mode");
    ok(ioctl(master, TIOCGPKT, &said) == 0 && said == 1, "is told");
    is_int(pending(), 0, "nothing has happened");
    put(slave, "data");
    is_int(pending(), POLLIN, "there are data");
    ok(read(master, bytes, sizeof(bytes)) == 5 && !memcmp(bytes, "\0data", 5),
       "a zero, and data behind it");
    tcflush(slave, TCIFLUSH);
    is_int(pending(), POLLIN | POLLPRI, "its input is thrown away");
    is_int(status_of(), TIOCPKT_FLUSHREAD, "that is told");
    is_int(pending(), 0, "once");
    tcflush(slave, TCIOFLUSH);
    is_int(status_of(), TIOCPKT_FLUSHREAD | TIOCPKT_FLUSHWRITE, "both ways at once");
    tcflow(slave, TCOOFF);
    is_int(status_of(), TIOCPKT_STOP, "it stops");
    tcflow(slave, TCOON);
    is_int(status_of(), TIOCPKT_START, "and goes on");
    tcgetattr(slave, &termios);
    termios.c_iflag &= ~(tcflag_t)IXON;
    tcsetattr(slave, TCSANOW, &termios);
    is_int(status_of(), TIOCPKT_NOSTOP, "^S does not stop it any more");
    termios.c_iflag |= IXON;
    tcsetattr(slave, TCSANOW, &termios);
    put(slave, "x");
    is_int(status_of(), TIOCPKT_DOSTOP, "now it does: told before data");
    ok(read(master, bytes, sizeof(bytes)) == 2 && !memcmp(bytes, "\0x", 2), "which come then");
    pid = start();
    if (pid == 0)
        _exit(status_of() == TIOCPKT_FLUSHREAD ? 0 : 1);
    let_block();
    tcflush(slave, TCIFLUSH);
    is_int(reap_exit(pid), 0, "who waits is told");
    pid = start();
    if (pid == 0) {
        struct pollfd p = {master, POLLPRI, 0};
        _exit(poll(&p, 1, 10000) == 1 && p.revents == POLLPRI ? 0 : 1);
    }
    let_block();
    tcflush(slave, TCIFLUSH);
    is_int(reap_exit(pid), 0, "or waits for that alone");
    on = 0;
    is_int(ioctl(master, TIOCPKT, &on), 0, "packet mode ends");
    put(slave, "y");
    ok(read(master, bytes, sizeof(bytes)) == 1 && bytes[0] == 'y', "data alone");
    finish();
}

/* ---- The slave by its master ---- */

static bool can_write(int fd) {
    struct pollfd p = {fd, POLLOUT, 0};

    return poll(&p, 1, 0) == 1;
}

/* While its output is held, be it by tcflow(3) or by ^S, whoever writes waits. */
static void test_held(void) {
    make();
    for (int i = 0; i < 2; i++) {
        const char *how = i ? "by ^S" : "by tcflow";
        ok(i ? put(master, "\23") : tcflow(slave, TCOOFF) == 0, "output is held %s", how);
        for (int tries = 0; can_write(slave) && tries < 500; tries++)
            sleep_ms(10); /* the line discipline may have its own time for what comes in */
        fcntl(slave, F_SETFL, O_NONBLOCK);
        is_errno(write(slave, "a", 1), EAGAIN, "nothing can be written");
        ok(!can_write(slave), "which poll tells");
        fcntl(slave, F_SETFL, 0);
        pid_t child = start();
        if (child == 0)
            _exit(!put(slave, "bc"));
        let_block();
        ok(!ready(master), "who writes waits");
        ok(i ? put(master, "\21") : tcflow(slave, TCOON) == 0, "it goes on %s", how);
        ok(comes(master, "bc"), "and what was written comes");
        is_int(reap_exit(child), 0, "who waited has written it");
        ok(can_write(slave), "poll tells that, too");
    }
    finish();
}

/* Settings in the older form, and with speeds as numbers. */
static void test_forms(void) {
    struct termio old;
    struct termios plain;
    struct {
        tcflag_t flags[4];
        cc_t line, characters[19];
        speed_t in, out;
    } new;
    int ends[2];

    make();
    ok(tcgetattr(slave, &plain) == 0 && ioctl(slave, TCGETA, &old) == 0, "TCGETA");
    ok(old.c_iflag == (unsigned short)plain.c_iflag &&
           old.c_lflag == (unsigned short)plain.c_lflag &&
           !memcmp(old.c_cc, plain.c_cc, sizeof(old.c_cc)),
       "tells the same settings");
    old.c_lflag &= (unsigned short)~(ICANON | ECHO);
    old.c_cc[VINTR] = 7;
    is_int(ioctl(slave, TCSETA, &old), 0, "TCSETA");
    ok(tcgetattr(slave, &plain) == 0 && !(plain.c_lflag & (ICANON | ECHO)) &&
           plain.c_cc[VINTR] == 7 && plain.c_cc[VSUSP] == 26,
       "sets them");
    is_int(ioctl(slave, TCSETAF, &old), 0, "TCSETAF");
    is_int(ioctl(slave, 0x802c542a, &new), 0, "TCGETS2");
    ok(new.flags[3] == plain.c_lflag &&new.in == 38400 && new.out == 38400, "tells the speed");
    new.flags[2] = (new.flags[2] & ~(tcflag_t)CBAUD) | 0010000; /* BOTHER */
    new.out = 115200;
    is_int(ioctl(slave, 0x402c542c, &new), 0, "TCSETSW2");
    ok(ioctl(slave, 0x802c542a, &new) == 0 && new.out == 115200, "sets it");
    is_errno(ioctl(slave, TCSETA, nowhere), EFAULT, "from a bad address");
    finish();
    if (pipe(ends) < 0)
        bail("pipe");
    is_errno(ioctl(ends[0], TCGETA, &old), ENOTTY, "of no terminal");
    is_errno(ioctl(ends[0], 0x402c542b, &new), ENOTTY, "in either form");
    close(ends[0]);
    close(ends[1]);
}

static void test_peer(void) {
    struct stat one, other;
    int peer;

    make();
    peer = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    ok(peer >= 0 && isatty(peer) && fcntl(peer, F_GETFD) == FD_CLOEXEC, "TIOCGPTPEER");
    ok(fstat(peer, &one) == 0 && stat(name, &other) == 0 && one.st_rdev == other.st_rdev,
       "it is the slave");
    put(peer, "from it");
    ok(comes(master, "from it"), "what is written there");
    close(peer);
    is_errno(ioctl(slave, TIOCGPTPEER, O_RDWR), ENOTTY, "a slave has none");
    finish();
    master = posix_openpt(O_RDWR | O_NOCTTY);
    is_errno(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY), EIO, "one that is locked");
    close(master);
}

int main(void) {
    test_packets();
    test_held();
    test_forms();
    test_peer();
    test_names();
    test_data();
    test_much();
    test_session();
    test_leader_ends();
    test_closed();
    test_many();
    return done();
}
