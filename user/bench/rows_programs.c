/* SPDX-License-Identifier: MIT */
/* Rows of several programs at work: one that starts another, a ring of processes, groups that send and receive. */
#include "measure.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- Dynamic programs: the dynamic linker's work is part of it ------------------------------------ */

static void run_exec_dynamic(void) {
    int status;
    pid_t pid = fork();

    if (pid < 0)
        die("fork");
    if (pid == 0) {
        const char *program = setting("LXBENCH_DYNAMIC", "/bin/true");
        execl(program, program, (char *)NULL);
        _exit(127);
    }
    if (waitpid(pid, &status, 0) != pid || status != 0)
        die("waitpid, or the program's status");
}

/* ---- A ring of processes hands a byte around ------------------------------------------------------ */

#define MEMBERS 16

static int ring[MEMBERS + 1][2];
static pid_t members[MEMBERS];

static void hand_on(int from, int to) {
    char byte;

    if (read(from, &byte, 1) != 1 || write(to, &byte, 1) != 1)
        die("ring");
}

static void setup_ring(size_t total) {
    (void)total;
    for (int i = 0; i <= MEMBERS; i++)
        if (pipe(ring[i]) < 0)
            die("pipe");
    for (int i = 0; i < MEMBERS; i++) {
        members[i] = fork();
        if (members[i] < 0)
            die("fork");
        if (members[i] == 0)
            for (;;)
                hand_on(ring[i][0], ring[i + 1][1]);
    }
}

static void run_ring(void) {
    char byte = 1;

    if (write(ring[0][1], &byte, 1) != 1 || read(ring[MEMBERS][0], &byte, 1) != 1)
        die("ring");
}

static void teardown_ring(void) {
    for (int i = 0; i < MEMBERS; i++) {
        kill(members[i], SIGKILL);
        waitpid(members[i], NULL, 0);
    }
    for (int i = 0; i <= MEMBERS; i++) {
        close(ring[i][0]);
        close(ring[i][1]);
    }
}

/* ---- Groups, as of hackbench: each receiver has a pipe of its own, into which its senders write ---- */

#define RECEIVERS 25
#define SENDERS 5 /* of each */
#define MESSAGES 20
#define MESSAGE 100

static void send_messages(int to) {
    char message[MESSAGE] = "";

    for (int i = 0; i < MESSAGES; i++)
        if (write(to, message, MESSAGE) != MESSAGE)
            _exit(1);
    _exit(0);
}

static void receive_messages(int from) {
    char message[MESSAGE];

    for (int i = 0; i < SENDERS * MESSAGES; i++)
        if (read(from, message, MESSAGE) != MESSAGE)
            _exit(1);
    _exit(0);
}

static void start_group(void) {
    int ends[2];

    if (pipe(ends) < 0)
        die("pipe");
    for (int i = 0; i <= SENDERS; i++) {
        pid_t pid = fork();
        if (pid < 0)
            die("fork");
        if (pid == 0 && i < SENDERS)
            send_messages(ends[1]);
        if (pid == 0)
            receive_messages(ends[0]);
    }
    close(ends[0]);
    close(ends[1]);
}

static void run_groups(void) {
    int status;

    for (int i = 0; i < RECEIVERS; i++)
        start_group();
    for (int i = 0; i < RECEIVERS * (SENDERS + 1); i++)
        if (wait(&status) < 0 || status != 0)
            die("wait, or a status");
}

const struct row program_rows[] = {
    {"fork_exec_dynamic", 100, NULL, NULL, run_exec_dynamic, NULL, 1},
    {"ring_16_hop", 100, setup_ring, NULL, run_ring, teardown_ring, MEMBERS + 1},
    {"hackbench_pipe", 5, NULL, NULL, run_groups, NULL, 1},
};
const size_t program_row_count = sizeof(program_rows) / sizeof(program_rows[0]);
