/* SPDX-License-Identifier: MIT */
/*
 * What sessions_test.py runs in the shell: processes that leave its session, stay behind in its group, or
 * do to its terminal what they may not. What they saw goes to a file, one word a line.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static FILE *file;
static volatile sig_atomic_t hung_up;

static void on_hangup(int signal) {
    hung_up = signal;
}

static void say(const char *what, long result) {
    fprintf(file, "%s %s\n", what, result < 0 ? strerrorname_np(errno) : result ? "some" : "0");
    fflush(file);
}

static void use_terminal(void) {
    char bytes[64];

    say("open", open("/dev/tty", O_RDWR));
    say("read", read(0, bytes, sizeof(bytes)));
    say("stop", tcflow(0, TCOOFF));
    say("flush", tcflush(0, TCIFLUSH));
}

/* A session of its own, without privilege, with the shell's terminal as its standard input. */
static void steal(void) {
    pid_t pid = fork(); /* a job's first process leads a group and cannot start a session */
    if (pid > 0)
        waitpid(pid, NULL, 0);
    if (pid != 0)
        exit(pid < 0);
    if (setgid(65534) < 0 || setuid(65534) < 0 || setsid() < 0)
        exit(1);
    for (int i = 0; i < 5; i++) {
        use_terminal();
        usleep(300000);
    }
}

/* As daemons detach: a session of its own, and not as its leader. */
static void detach(void) {
    pid_t pid = fork();
    if (pid != 0)
        _exit(pid < 0);
    setsid();
    pid = fork();
    if (pid != 0)
        _exit(pid < 0);
    signal(SIGHUP, on_hangup);
    fprintf(file, "%d\n", (int)getpid());
    fflush(file);
    for (int i = 0; i < 400 && !hung_up; i++)
        usleep(50000);
}

/* In the shell's own group until its terminal is hung up, and what the terminal is then. */
static void stay(void) {
    char byte;
    signal(SIGHUP, on_hangup);
    if (setpgid(0, getppid()) < 0)
        exit(1);
    for (int i = 0; i < 200 && !hung_up; i++)
        usleep(50000);
    fprintf(file, "%s\n", hung_up ? "HUP" : "nothing");
    usleep(200000);
    say("open", open("/dev/tty", O_RDWR));
    say("read", read(0, &byte, 1));
    say("write", write(1, "never to be seen\n", 17));
    say("stop", tcflow(0, TCOOFF));
}

/* Stops the terminal, leaves something to send, and ends the machine. */
static int power_off(void) {
    if (tcflow(1, TCOOFF) < 0 || write(1, "last words\n", 11) != 11)
        return 1;
    return reboot(RB_POWER_OFF);
}

int main(int argc, char **argv) {
    if (argc == 2 && !strcmp(argv[1], "poweroff"))
        return power_off();
    if (argc != 3 || !(file = fopen(argv[2], "w")))
        return 2;
    if (!strcmp(argv[1], "steal"))
        steal();
    else if (!strcmp(argv[1], "detach"))
        detach();
    else if (!strcmp(argv[1], "stay"))
        stay();
    return 0;
}
