/* SPDX-License-Identifier: MIT */
/*
 * /proc: what its names mean (procfs.c), and what is in its files (procfs_*.c).
 *
 * vfs keeps descriptors and offsets, and what is its own: descriptors' links, working directories, programs
 * (servers/vfs/remote.c, links.c). Here contents are made, each time a reader begins anew. What may become long is
 * made in steps, so the function that makes it keeps its place in `at`.
 */
#ifndef PROC_PROCFS_H
#define PROC_PROCFS_H

#include "proc.h"
#include <lib/continuation.h>

#define MADE_AT_ONCE 32 /* lines, or processes to look at, in one step */

struct text {
    char *bytes;
    size_t length, room;
    bool failed;
};

void text_append(struct text *t, const void *bytes, size_t n);
/* At most 512 bytes at once. */
void text_print(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_name(struct text *t, char type, const char *name); /* a directory's entry */

/* The number of the process whose directory the caller has open there; -ESRCH: it has gone; -EBADF. */
long procfs_directory_at(const struct thread *by, int fd);

/* The process whose memory the caller has open there: 0, or -EBADF; -ESRCH: it has gone; -EACCES: not any more. */
long procfs_memory_at(const struct thread *by, int fd, const struct process **p);

/* A text on its way. */
struct making {
    struct request_memory memory;
    struct text text;
    const struct process *process; /* whose it is; NULL: nobody's */
    const struct thread *thread;   /* the same, of a thread's file: else the process's first */
    bool of_thread;                /* it is a thread's file */
    struct process *asker;
    struct sweep sweep; /* over all processes, if it has begun */
    bool sweeps, complete;
    uint64_t at;           /* 0 at first; the maker's own */
    uint64_t found[2];     /* pages of a region so far: that are there, that are its own (smaps) */
    struct usage used;     /* of the processes so far */
    uint64_t run;          /* how many of them run */
    uint64_t birth, inode; /* of the file */
    char path[48];
};

/* Adds up some processes' time; true if there are more. */
bool making_adds_up(struct making *m);

/* Makes some of a text; true if there is more to make. */
typedef bool making_function(struct making *m);
/* Does what a text that was written to the file says: 0 or an error, and nothing has changed. */
typedef long storing_function(const struct process *by, const char *text);
/* The same of a thread's file. */
typedef long thread_storing_function(const struct process *by, struct thread *t, const char *text);

struct folder;
struct entry {
    const char *name;
    uint32_t mode;
    making_function *make;                 /* a file */
    storing_function *store;               /* that root may write to */
    thread_storing_function *store_thread; /* that its user may */
    const struct folder *folder;           /* a directory */
    const char *target;                    /* a link, within /proc */
    bool guarded;                          /* for those only who may look into the process */
    bool memory;                           /* its memory (ptrace_memory.c) */
};
struct folder {
    const struct entry *entries;
    size_t count;
    making_function *numbers; /* names besides: processes, threads or descriptors */
    bool guarded;             /* as an entry */
};
#define ENTRIES(array) .entries = (array), .count = sizeof(array) / sizeof *(array)

#define S_IFREG 0100000u
#define S_IFDIR 0040000u
#define S_IFLNK 0120000u
#define FILE_MODE (S_IFREG | 0444)
#define SETTING_MODE (S_IFREG | 0644)

enum setting_type {
    TYPE_LONG, /* Linux's unsigned long: a number with a sign is EINVAL */
    TYPE_INT,
};
/* procfs_settings.c. The number that the text goes on with, and what is behind it: 1, 0 if there is none, -EINVAL. */
long setting_number(const char **text, enum setting_type type, uint64_t *value);
#define FOLDER_MODE (S_IFDIR | 0555)
#define LINK_MODE (S_IFLNK | 0777)
#define DT_DIR 4
#define DT_REG 8
#define DT_LNK 10

/* procfs_servers.c: servers' threads, which are shown as processes. */
bool server_is_pid(int pid);
struct usage init_usage(void); /* process 1's */
/* NULL: there is none. It is another one after the next call. */
const struct process *server_process(int pid);
const struct pk_machine_thread *server_shown(void); /* the one that server_process() found last */
/* Some of their numbers; *at: where to go on, 0 at first. False: there are no more. */
bool servers_list(uint64_t *at, void (*each)(struct making *m, int pid), struct making *m);

/* procfs_fdinfo.c: the folder, and each file in it. */
extern const struct folder procfs_fdinfo;
extern const struct entry procfs_descriptor;
bool procfs_has_descriptor(const struct process *p, int fd);

extern const struct folder procfs_root, procfs_process, procfs_tasks,
    procfs_thread; /* procfs_names.c */

/* procfs_system.c, procfs_limits.c, procfs_process.c, procfs_memory.c, procfs_sysvipc.c */
making_function make_meminfo, make_uptime, make_loadavg, make_version, make_cpuinfo, make_stat,
    make_filesystems, make_mounts, make_mountinfo, make_trace, make_interrupts, make_schedstat,
    make_vmstat;
making_function make_nr_open, make_pid_max, make_ostype, make_osrelease, make_hostname,
    make_ngroups_max, make_cap_last_cap, make_core_pattern, make_core_uses_pid;
/* procfs_settings.c: System V's limits, in their servers. */
making_function make_auto_msgmni, make_msg_next_id, make_msgmax, make_msgmnb, make_msgmni, make_sem,
    make_sem_next_id, make_shm_next_id, make_shm_rmid_forced, make_shmall, make_shmmax, make_shmmni;
storing_function store_auto_msgmni, store_msg_next_id, store_msgmax, store_msgmnb, store_msgmni,
    store_sem, store_sem_next_id, store_shm_next_id, store_shm_rmid_forced, store_shmall,
    store_shmmax, store_shmmni;
making_function make_harts, make_sched_policy, make_sched_donation; /* Parley's own */
storing_function store_harts, store_sched_policy, store_sched_donation, store_trace;
making_function make_msg_default, make_msg_max, make_msgsize_default, make_msgsize_max,
    make_queues_max;
storing_function store_msg_default, store_msg_max, store_msgsize_default, store_msgsize_max,
    store_queues_max;
making_function make_process_stat, make_process_statm, make_process_status, make_process_comm,
    make_process_sched, make_process_schedstat, make_process_wchan, make_process_limits;
thread_storing_function store_comm;                 /* settings.c */
making_function make_oom_score, make_oom_score_adj; /* procfs_oom.c */
thread_storing_function store_oom_score_adj;
making_function make_auxv, make_cmdline, make_environ, make_maps, make_smaps;
making_function make_sysvipc_msg, make_sysvipc_sem, make_sysvipc_shm;

#endif
