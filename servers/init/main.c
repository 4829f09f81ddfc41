/* SPDX-License-Identifier: MIT */
/*
 * Init, the first task: starts the servers of the boot manifest, then what the kernel's command
 * line asks for (run=COMMAND, native=PROGRAM, or a login shell), and stops the machine when that
 * is over. It listens for servers that fault.
 */
#include "init.h"
#include <lib/clock.h>
#include <lib/server.h>
#include <protocol/console_client.h>
#include <protocol/proc_client.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define RUN_MARK "\x1eparley-run\x1e\n" /* what tools/run waits for before it shows output */
#define EXEC_MAX 512

struct boot_caps boot_caps;
struct devices devices;
uint64_t realtime_base_ns;

static uint64_t proc_slot, console_slot;
static int session_pid; /* the process that init waits for */
static bool run_once;   /* the machine stops when it ends */
static char command[EXEC_MAX];

/* Stops the machine; output still in the console's buffers is let out first. */
static void stop(uint64_t how, uint64_t status) {
    while (console_slot && console_drain(console_slot) == -EAGAIN)
        pk_yield(0);
    pk_machine_stop(boot_caps.machine, how, status);
}

_Noreturn static void give_up(const char *what, long error) {
    server_log("%s: error %ld", what, -error);
    pk_machine_stop(boot_caps.machine, PK_STOP_EXIT, 255);
    server_panic("the machine does not stop");
}

static void read_devices(void) {
    struct pk_object_info info;
    long error = pk_object_info(boot_caps.device_tree, &info);
    if (error < 0)
        give_up("device tree", error);
    long at = pk_map(0, 0, info.size, PK_PROT_READ | PK_MAP_SHARED, boot_caps.device_tree, 0, 0);
    if (at < 0 || devices_read((const void *)at, info.size, &devices) < 0)
        give_up("device tree", at < 0 ? at : -EINVAL);
    pk_unmap(0, (uint64_t)at, info.size);
}

/* The goldfish clock: nanoseconds since 1970, low word first, which latches the high word. */
static void read_clock(void) {
    if (!devices.rtc)
        return;
    long object = pk_object_device(boot_caps.machine, devices.rtc, 4096);
    long at = object < 0 ? object
                         : pk_map(0, 0, 4096, PK_PROT_READ | PK_MAP_SHARED, (uint64_t)object, 0, 0);
    if (at < 0)
        return;
    const volatile uint32_t *rtc = (const volatile uint32_t *)at;
    uint64_t low = rtc[0], high = rtc[1];
    realtime_base_ns = (high << 32 | low) - clock_ns();
    pk_unmap(0, (uint64_t)at, 4096);
    pk_cap_drop(0, (uint64_t)object);
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

static bool file_exists(const char *name) {
    struct boot_file file;
    return image_find(name, &file) == 0;
}

static bool have_rc;

/* The next thing to run for the person or script that booted this machine. */
static void start_session(void) {
    long pid;
    if (run_once) {
        console_write(console_slot, RUN_MARK, sizeof RUN_MARK - 1);
        pid = spawn((const char *[]){"/bin/sh", "-c", command, 0});
    } else if (have_rc) {
        have_rc = false;
        pid = spawn((const char *[]){"/bin/sh", "/etc/rc", 0});
    } else {
        pid = spawn((const char *[]){"/bin/sh", 0});
    }
    if (pid < 0)
        give_up("/bin/sh", pid);
    session_pid = (int)pid;
}

static void on_events(uint64_t bits) {
    uint32_t status;
    if (!(bits & EVENT_PROC))
        return;
    long result = proc_ended(proc_slot, session_pid, &status);
    if (result < 0)
        return;
    if (run_once)
        stop(PK_STOP_EXIT, status & 0x7f ? 128 + (status & 0x7f) : status >> 8 & 0xff);
    else
        start_session();
}

/* A server faulted: say so and end it; its callers get EHOSTDOWN and nobody waits for ever. */
static long on_exception(struct request *req) {
    uint64_t number = req->msg.badge;
    server_log("%s died: cause %lu, address %lx, pc %lx", servers_name(number), req->msg.w[0],
               req->msg.w[1], req->msg.w[2]);
    servers_end(number);
    return SERVER_DEFER;
}

static void choose_session(void) {
    char name[MANIFEST_NAME];
    if (command_line_get("native", name, sizeof name) > 0) {
        long error = native_start(name);
        if (error < 0)
            give_up(name, error);
        return;
    }
    long length = command_line_get("run", command, sizeof command);
    run_once = length >= 0;
    if (length >= (long)sizeof command)
        give_up("run: command too long", -E2BIG);
    percent_decode(command);
    have_rc = file_exists("etc/rc");
    start_session();
}

static void start(void) {
    struct boot_file manifest;
    boot_caps =
        (struct boot_caps){boot_cap("machine"), boot_cap("initrd"), boot_cap("device-tree")};
    read_devices();
    read_clock();
    long error = image_open();
    if (error == 0)
        error = image_find("boot/manifest", &manifest);
    if (error < 0)
        give_up("boot/manifest", error);
    if (servers_start(manifest.data, manifest.size, command_line_get("native", 0, 0) > 0) < 0)
        give_up("boot", -EINVAL);
    console_slot = servers_endpoint("console");
    proc_slot = servers_endpoint("proc");
    choose_session();
    image_close();
}

int main(void) {
    static const struct server server = {
        .name = "init", .on_events = on_events, .on_exception = on_exception};
    start();
    return (int)server_run(&server);
}
