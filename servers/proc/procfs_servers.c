/* SPDX-License-Identifier: MIT */
/*
 * /proc: the threads of servers. They are no processes, but take time and memory: each has a directory, as Linux's kernel
 * threads have, with a number above those of processes and no arguments, so that ps shows its name in brackets. The kernel
 * tells of them; whoever has a word is a process's (thread_word()).
 */
#include "procfs.h"
#include <string.h>

#define FIRST_THREAD 1 /* the kernel's id of the first that there was: init's, which is process 1 */

static struct pk_machine_thread shown; /* the one that was asked for last */

static bool is_server(const struct pk_machine_thread *t) {
    return !t->word && t->info.state != PK_THREAD_DEAD && t->info.id != FIRST_THREAD;
}

struct usage init_usage(void) {
    struct pk_machine_thread t;
    return pk_machine_thread(boot_cap("machine"), FIRST_THREAD, &t) == 0 ? usage_of(&t.info)
                                                                         : (struct usage){0};
}

bool server_is_pid(int pid) {
    return pid > PID_MAX;
}

bool servers_list(uint64_t *at, void (*each)(struct making *m, int pid), struct making *m) {
    struct pk_machine_thread t;
    for (int n = 0; n < MADE_AT_ONCE; n++) {
        if (pk_machine_thread(boot_cap("machine"), *at, &t) < 0)
            return false;
        if (is_server(&t))
            each(m, PID_MAX + (int)t.info.id);
        *at = t.info.id + 1;
    }
    return true;
}

const struct process *server_process(int pid) {
    static struct group group;
    static struct process p = {.group = &group, .state = PROCESS_RUNNING, .dumpable = true};
    uint64_t id = (uint64_t)(pid - PID_MAX);
    if (pk_machine_thread(boot_cap("machine"), id, &shown) < 0 || shown.info.id != id ||
        !is_server(&shown))
        return NULL;
    if (!p.settings)
        p.settings = settings_usual();
    p.pid_node.key = (uint64_t)pid;
    if (!p.sole)
        thread_first(&p);
    p.main.tid_node.key = (uint64_t)pid;
    p.own = usage_of(&shown.info);
    memset(p.name, 0, sizeof p.name);
    memcpy(p.name, shown.name, sizeof p.name - 1);
    return &p;
}

const struct pk_machine_thread *server_shown(void) {
    return &shown;
}
