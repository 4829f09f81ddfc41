/* SPDX-License-Identifier: MIT */
/* /proc: its names (proc(5)). Entries without contents are served by vfs, and only listed here. */
#include "procfs.h"
#include <stdio.h>

#define MADE(text, function)                                                                       \
    { .name = text, .mode = FILE_MODE, .make = function }

/* A setting: root may write to it. */
#define SET(text)                                                                                  \
    { .name = #text, .mode = SETTING_MODE, .make = make_##text, .store = store_##text }

static const struct entry kernel_entries[] = {
    SET(auto_msgmni),
    MADE("cap_last_cap", make_cap_last_cap),
    MADE("core_pattern", make_core_pattern),
    MADE("core_uses_pid", make_core_uses_pid),
    SET(harts),
    MADE("hostname", make_hostname),
    SET(msg_next_id),
    SET(msgmax),
    SET(msgmnb),
    SET(msgmni),
    MADE("ngroups_max", make_ngroups_max),
    MADE("osrelease", make_osrelease),
    MADE("ostype", make_ostype),
    MADE("pid_max", make_pid_max),
    SET(sched_donation),
    SET(sched_policy),
    SET(sem),
    SET(sem_next_id),
    SET(shm_next_id),
    SET(shm_rmid_forced),
    SET(shmall),
    SET(shmmax),
    SET(shmmni),
};
static const struct folder kernel = {ENTRIES(kernel_entries)};

static const struct entry mqueue_entries[] = {
    SET(msg_default), SET(msg_max), SET(msgsize_default), SET(msgsize_max), SET(queues_max),
};
static const struct folder mqueue = {ENTRIES(mqueue_entries)};

static const struct entry fs_entries[] = {
    {.name = "mqueue", .mode = FOLDER_MODE, .folder = &mqueue}, MADE("nr_open", make_nr_open)};
static const struct folder fs = {ENTRIES(fs_entries)};

static const struct entry sys_entries[] = {
    {.name = "fs", .mode = FOLDER_MODE, .folder = &fs},
    {.name = "kernel", .mode = FOLDER_MODE, .folder = &kernel}};
static const struct folder sys = {ENTRIES(sys_entries)};

static const struct entry sysvipc_entries[] = {
    MADE("msg", make_sysvipc_msg),
    MADE("sem", make_sysvipc_sem),
    MADE("shm", make_sysvipc_shm),
};
static const struct folder sysvipc = {ENTRIES(sysvipc_entries)};

static const struct entry root_entries[] = {
    MADE("cpuinfo", make_cpuinfo),
    MADE("filesystems", make_filesystems),
    MADE("interrupts", make_interrupts),
    MADE("loadavg", make_loadavg),
    MADE("meminfo", make_meminfo),
    {.name = "mounts", .mode = LINK_MODE, .target = "self/mounts"},
    {.name = "self", .mode = LINK_MODE, .target = "self"},
    MADE("schedstat", make_schedstat),
    MADE("stat", make_stat),
    {.name = "sys", .mode = FOLDER_MODE, .folder = &sys},
    {.name = "sysvipc", .mode = FOLDER_MODE, .folder = &sysvipc},
    {.name = "thread-self", .mode = LINK_MODE, .target = "thread-self"},
    {.name = "trace", .mode = S_IFREG | 0600, .make = make_trace, .store = store_trace},
    MADE("uptime", make_uptime),
    MADE("version", make_version),
    MADE("vmstat", make_vmstat),
};

/* What a process has, and each of its threads. */
static const struct entry process_entries[] = {
    {.name = "auxv", .mode = S_IFREG | 0400, .make = make_auxv, .guarded = true},
    MADE("cmdline", make_cmdline),
    {.name = "comm", .mode = S_IFREG | 0644, .make = make_process_comm, .store_thread = store_comm},
    {.name = "cwd", .mode = LINK_MODE},
    {.name = "environ", .mode = S_IFREG | 0400, .make = make_environ, .guarded = true},
    {.name = "exe", .mode = LINK_MODE},
    {.name = "fd", .mode = S_IFDIR | 0500},
    {.name = "fdinfo", .mode = FOLDER_MODE, .folder = &procfs_fdinfo},
    MADE("limits", make_process_limits),
    {.name = "maps", .mode = FILE_MODE, .make = make_maps, .guarded = true},
    {.name = "mem", .mode = S_IFREG | 0600, .guarded = true, .memory = true},
    MADE("mountinfo", make_mountinfo),
    MADE("mounts", make_mounts),
    MADE("oom_score", make_oom_score),
    {.name = "oom_score_adj",
     .mode = S_IFREG | 0644,
     .make = make_oom_score_adj,
     .store_thread = store_oom_score_adj},
    {.name = "root", .mode = LINK_MODE},
    MADE("sched", make_process_sched),
    MADE("schedstat", make_process_schedstat),
    {.name = "smaps", .mode = FILE_MODE, .make = make_smaps, .guarded = true},
    MADE("stat", make_process_stat),
    MADE("statm", make_process_statm),
    MADE("status", make_process_status),
    MADE("wchan", make_process_wchan),
    {.name = "task",
     .mode = FOLDER_MODE,
     .folder = &procfs_tasks}, /* the last: a thread has none */
};
#define PROCESS_ENTRIES (sizeof process_entries / sizeof *process_entries)

static void add_number(struct making *m, int number) {
    char name[16];
    snprintf(name, sizeof name, "%d", number);
    text_name(&m->text, DT_DIR, name);
}

/* Init, which is no process of this server's, all others, and servers. */
static bool list_processes(struct making *m) {
    const struct process *p = NULL;
    if (!m->sweeps) {
        sweep_begin(&m->sweep);
        m->sweeps = true;
        text_name(&m->text, DT_DIR, "1");
    }
    for (int n = 0; n < MADE_AT_ONCE && (p = sweep_next(&m->sweep)) != NULL; n++)
        add_number(m, process_pid(p));
    return p || servers_list(&m->at, add_number, m);
}

/* In the order in which they were made; m->at: how many have been told. One may be left out if others end meanwhile. */
static bool list_threads(struct making *m) {
    const struct process *p = m->process;
    const struct thread *t = thread_next(p, NULL);
    if (m->at == 0 && !p->main.slot)
        add_number(m, process_pid(p)); /* the first, which has ended, or init */
    for (uint64_t n = 0; n < m->at && t; n++)
        t = thread_next(p, t);
    for (int n = 0; n < MADE_AT_ONCE && t; n++, m->at++, t = thread_next(p, t))
        if (t->slot)
            add_number(m, thread_tid(t));
    return t;
}

const struct folder procfs_root = {ENTRIES(root_entries), .numbers = list_processes};
const struct folder procfs_process = {.entries = process_entries, .count = PROCESS_ENTRIES};
const struct folder procfs_tasks = {.numbers = list_threads};
const struct folder procfs_thread = {.entries = process_entries, .count = PROCESS_ENTRIES - 1};
