/* SPDX-License-Identifier: MIT */
/*
 * What runs for the person or script that booted this machine: run=COMMAND of the kernel's command line,
 * or /etc/rc and a login shell for ever. A thread of its own starts it and stops the machine when that is
 * over; it calls the console and the process server, and when they or what they need have died waits
 * until init's first thread has started them anew.
 */
#include "init.h"
#include <lib/clock.h>
#include <lib/memory.h>
#include <lib/server.h>
#include <lib/thread.h>
#include <protocol/console_client.h>
#include <protocol/proc_client.h>
#include <stdlib.h>
#include <string.h>

#define RUN_MARK "\x1eparley-run\x1e\n" /* what tools/run waits for before it shows output */
#define EXEC_MAX 512
#define PRIORITY PK_PRIORITY_SHARED
#define STACK_SIZE (32ul * 1024)
#define DRAIN_NS 2000000000ull  /* most that the terminal's output may hold a stop up */
#define EVENT_TIME (1ull << 61) /* of session_events: that time is over */
#define STATUS_KILLED 9         /* as wait(2) tells it: by SIGKILL */

uint64_t session_events;

static uint64_t proc_slot, console_slot;
static int session_pid; /* the process that is waited for; 0: none */
static bool run_once;   /* the machine stops when it ends */
static bool have_rc;    /* it is still to be run */
static char command[EXEC_MAX];

/* Stops the machine; output still in the console's buffers is let out first. */
static void stop(uint64_t how, uint64_t status) {
    must(pk_timer_set(session_events, EVENT_TIME, clock_ns() + DRAIN_NS));
    while (console_shut_down(console_slot) == -EAGAIN &&
           !(must(pk_wait(session_events, 0)) & (long)EVENT_TIME))
        continue;
    must(pk_machine_stop(boot_caps.machine, how, status));
}

/* Decodes %XX of a command line word in place. */
static void percent_decode(char *s) {
    char *to = s;
    for (; *s; s++) {
        if (s[0] == '%' && s[1] && s[2]) {
            char hex[3] = {s[1], s[2], 0};
            *to++ = (char)strtoul(hex, 0, 16);
            s += 2;
        } else {
            *to++ = *s;
        }
    }
    *to = 0;
}

/* A program with arguments as the process server takes them: strings, each with its NUL. */
struct strings {
    char bytes[EXEC_MAX + 64];
    size_t length;
};

static void add_string(struct strings *s, const char *text) {
    size_t n = strlen(text) + 1;
    if (n > sizeof s->bytes - s->length)
        return;
    memcpy(s->bytes + s->length, text, n);
    s->length += n;
}

static long spawn(const char *const *arguments) {
    static struct strings s;
    s.length = 0;
    for (; *arguments; arguments++)
        add_string(&s, *arguments);
    return proc_spawn(proc_slot, s.bytes, s.length);
}

static long spawn_next(void) {
    if (run_once) {
        long written = console_write(console_slot, RUN_MARK, sizeof RUN_MARK - 1);
        return written < 0 ? written : spawn((const char *[]){"/bin/sh", "-c", command, 0});
    }
    if (have_rc)
        return spawn((const char *[]){"/bin/sh", "/etc/rc", 0});
    return spawn((const char *[]){"/bin/sh", 0});
}

/* The next thing to run; without servers it is for later, or there is nothing more to do here. */
static void run_next(void) {
    long pid = spawn_next();
    if (pid == -EHOSTDOWN && !servers_lost("proc") && !servers_lost("vfs"))
        return;
    if (pid < 0)
        give_up("/bin/sh", pid);
    have_rc = false;
    session_pid = (int)pid;
}

/* True if it has ended, with its wait status. A new process server does not know it: it ended with the old. */
static bool has_ended(uint32_t *status) {
    long result = proc_ended(proc_slot, session_pid, status);
    if (result == 0)
        return true;
    *status = STATUS_KILLED;
    return result == -ESRCH || servers_lost("proc");
}

static int exit_status(uint32_t status) {
    return status & 0x7f ? 128 + (int)(status & 0x7f) : (int)(status >> 8 & 0xff);
}

static _Noreturn void session_run(void) {
    uint32_t status;
    for (;;) {
        if (session_pid && has_ended(&status)) {
            if (run_once)
                stop(PK_STOP_EXIT, (uint64_t)exit_status(status));
            session_pid = 0;
        }
        if (!session_pid)
            run_next();
        must(pk_wait(session_events, 0));
    }
}

long session_prepare(void) {
    long slot = pk_notification_create();
    session_events = slot < 0 ? 0 : (uint64_t)slot;
    return slot < 0 ? slot : 0;
}

static long read_command(void) {
    struct boot_file file;
    long length = command_line_get("run", command, sizeof command);
    run_once = length >= 0;
    if (length >= (long)sizeof command)
        return -E2BIG;
    percent_decode(command);
    have_rc = image_find("etc/rc", &file) == 0;
    return 0;
}

long session_start(void) {
    console_slot = servers_endpoint("console");
    proc_slot = servers_endpoint("proc");
    long error = read_command();
    if (error < 0)
        return error;
    char *stack = memory_map(STACK_SIZE);
    return stack ? server_thread(session_run, stack + STACK_SIZE, PRIORITY) : -ENOMEM;
}
