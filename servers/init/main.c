/* SPDX-License-Identifier: MIT */
/*
 * Init, the first task: starts the servers of the boot manifest, then what the kernel's command
 * line asks for (native=PROGRAM here, all else in session.c). From then on its first thread only listens
 * for servers that die. It never calls one, which may be the very one that waits for init to end it.
 */
#include "init.h"
#include <lib/clock.h>
#include <lib/server.h>
#include <stdbool.h>

struct boot_caps boot_caps;
struct devices devices;
uint64_t realtime_base_ns;

_Noreturn void give_up(const char *what, long error) {
    server_log("%s: error %ld", what, -error);
    must(pk_machine_stop(boot_caps.machine, PK_STOP_EXIT, 255));
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
    must(pk_unmap(0, (uint64_t)at, info.size));
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
    must(pk_unmap(0, (uint64_t)at, 4096));
    must(pk_cap_drop(0, (uint64_t)object));
}

/* How threads share the harts, if the command line says it: sched=NAME. */
static void choose_policy(void) {
    char name[PK_POLICY_NAME] = "";
    long length = command_line_get("sched", name, sizeof name);
    if (length < 0)
        return;
    long error = length < (long)sizeof name
                     ? pk_machine_policy(boot_caps.machine, name, PK_POLICY_SET)
                     : -EINVAL;
    if (error < 0)
        server_log("sched=%s: no such policy", name);
}

static void start_native(void) {
    char name[MANIFEST_NAME];
    command_line_get("native", name, sizeof name);
    long error = native_start(name);
    if (error < 0)
        give_up(name, error);
}

static void start(void) {
    struct boot_file manifest;
    bool native = command_line_get("native", 0, 0) > 0;
    boot_caps =
        (struct boot_caps){boot_cap("machine"), boot_cap("initrd"), boot_cap("device-tree")};
    choose_policy();
    read_devices();
    read_clock();
    long error = image_open();
    if (error == 0)
        error = image_find("boot/manifest", &manifest);
    if (error < 0)
        give_up("boot/manifest", error);
    error = session_prepare();
    if (error == 0)
        error = servers_start(manifest.data, manifest.size, native);
    if (error < 0)
        give_up("boot", error);
    if (native)
        start_native();
    else if ((error = session_start()) < 0)
        give_up("session", error);
}

static void on_events(uint64_t bits) {
    if (bits & EVENT_WATCH)
        watch_look();
}

int main(void) {
    static const struct server server = {
        .name = "init", .on_events = on_events, .on_exception = death_handle};
    start();
    watch_start();
    return (int)server_run(&server);
}
