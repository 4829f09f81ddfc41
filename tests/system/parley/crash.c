/* SPDX-License-Identifier: MIT */
/*
 * crash [SERVER [fault|panic|loop]]: makes a server die or work for three seconds, in a machine that was booted
 * with test=crash, and says what became of the call. For the console test.
 */
#include <errno.h>
#include <parley/stubs.h>
#include <protocol/proc_client.h>
#include <protocol/session_client.h>
#include <stdio.h>
#include <string.h>

#define LOOP_NS 3000000000ull

static const struct {
    const char *name;
    unsigned slot;     /* of who is asked, */
    const char *other; /* and the server, if it is not that one */
} servers[] = {{"proc", PK_SLOT_PROC, ""}, {"vfs", PK_SLOT_VFS, ""},
               {"shm", PK_SLOT_SHM, ""},   {"sem", PK_SLOT_SEM, ""},
               {"msg", PK_SLOT_MSG, ""},   {"futex", PK_SLOT_FUTEX, ""},
               {"mq", PK_SLOT_MQ, ""},     {"console", PK_SLOT_VFS, "console"}};

static unsigned how(const char *word) {
    return !strcmp(word, "panic")  ? SESSION_CRASH_PANIC
           : !strcmp(word, "loop") ? SESSION_CRASH_LOOP
                                   : SESSION_CRASH_FAULT;
}

int main(int argc, char **argv) {
    for (size_t i = 0; argc > 1 && i < sizeof(servers) / sizeof(servers[0]); i++) {
        if (strcmp(servers[i].name, argv[1]))
            continue;
        if (servers[i].slot != PK_SLOT_PROC)
            pk_may_fail(proc_connect(PK_SLOT_PROC, servers[i].slot)); /* the crash will tell */
        long result = session_crash(servers[i].slot, how(argc > 2 ? argv[2] : ""), LOOP_NS,
                                    servers[i].other, strlen(servers[i].other));
        printf("%s: %s\n", argv[1], strerror((int)-result));
        return 0;
    }
    fprintf(stderr, "crash: which server?\n");
    return 2;
}
