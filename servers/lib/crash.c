/* SPDX-License-Identifier: MIT */
/*
 * How tests make a server die: the session message `crash`, which there is only if the machine was booted
 * with test=crash on the kernel's command line.
 */
#include <lib/clock.h>
#include <lib/crash.h>
#include <lib/server.h>
#include <protocol/session_client.h>
#include <protocol/session_server.h>
#include <string.h>

#define NAME_MOST 16

bool crash_allowed(void) {
    static char option[8];
    if (!option[0] && command_line_get("test", option, sizeof option) < 0)
        option[0] = '-';
    return !strcmp(option, "crash");
}

static void loop_for(uint64_t ns) {
    for (uint64_t until = clock_ns() + ns; clock_ns() < until;)
        continue;
}

static long crash(uint32_t how, uint64_t ns) {
    static char *volatile nowhere; /* page 0 is never mapped */
    if (how == SESSION_CRASH_FAULT)
        *nowhere = 0;
    if (how == SESSION_CRASH_PANIC)
        server_panic("a test wants it");
    if (how == SESSION_CRASH_LOOP)
        loop_for(ns);
    return how <= SESSION_CRASH_LOOP ? 0 : -EINVAL;
}

long session_handle_crash(struct request *req, uint32_t how, uint64_t ns) {
    char name[NAME_MOST] = "";
    if (!crash_allowed())
        return -ENOSYS;
    if (request_in_len(req) >= sizeof name)
        return -EINVAL;
    long error = request_read_all(req, name, request_in_len(req));
    if (error < 0)
        return error;
    if (!name[0])
        return crash(how, ns);
    return boot_cap(name) ? session_crash(boot_cap(name), how, ns, 0, 0) : -ENOENT;
}
