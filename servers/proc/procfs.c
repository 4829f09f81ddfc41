/* SPDX-License-Identifier: MIT */
/*
 * /proc: text made when a file is opened and handed to the vfs server as the caller's descriptor.
 * Files: meminfo uptime loadavg version cpuinfo stat, self, and for each process stat, status,
 * cmdline, comm, schedstat and exe.
 */
#include "proc.h"
#include <lib/continuation.h>
#include <protocol/proc_server.h>
#include <protocol/vfs_client.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_LENGTH 256
#define S_IFREG 0100000u
#define S_IFDIR 0040000u
#define S_IFLNK 0120000u
#define DT_DIR 4
#define DT_REG 8
#define DT_LNK 10

struct text {
    char *bytes;
    size_t length, room;
    bool failed;
};

static void append(struct text *t, const void *bytes, size_t n) {
    if (t->length + n > t->room) {
        size_t room = (t->length + n + 1024) * 2;
        char *larger = realloc(t->bytes, room);
        if (!larger) {
            t->failed = true;
            return;
        }
        t->bytes = larger;
        t->room = room;
    }
    memcpy(t->bytes + t->length, bytes, n);
    t->length += n;
}

static void print(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void print(struct text *t, const char *format, ...) {
    char line[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    append(t, line, n < (int)sizeof line ? (size_t)n : sizeof line - 1);
}

static void add_name(struct text *t, char type, const char *name) {
    append(t, &type, 1);
    append(t, name, strlen(name) + 1);
}

/* What is free is what the asker can get. */
static void meminfo(struct text *t, const struct process *asker) {
    struct pk_machine_info m = {0};
    struct pk_account_info account = {0};
    if (pk_machine_info(&m) < 0 || pk_account_info(asker->account, &account) < 0)
        return;
    unsigned long available = (unsigned long)account.available >> 10;
    print(t, "MemTotal:     %11lu kB\nMemFree:      %11lu kB\nMemAvailable: %11lu kB\n",
          (unsigned long)m.frames_total * 4, available, available);
}

static void uptime(struct text *t, const struct process *p) {
    uint64_t centiseconds = clock_ns() / 10000000;
    (void)p;
    print(t, "%lu.%02lu 0.00\n", (unsigned long)(centiseconds / 100),
          (unsigned long)(centiseconds % 100));
}

static void loadavg(struct text *t, const struct process *p) {
    (void)p;
    print(t, "0.00 0.00 0.00 1/%lu %d\n", (unsigned long)process_count(), 0);
}

static void version(struct text *t, const struct process *p) {
    (void)p;
    print(t, "Linux version 6.1.0-parley (Parley 0.1)\n");
}

static void cpuinfo(struct text *t, const struct process *p) {
    struct pk_machine_info m;
    (void)p;
    must(pk_machine_info(&m));
    for (unsigned i = 0; i < m.harts; i++)
        print(t, "processor\t: %u\nhart\t\t: %u\nisa\t\t: rv64imafdc\nmmu\t\t: sv39\n\n", i, i);
}

static char state_letter(const struct process *p) {
    struct pk_thread_info info;
    if (p->state == PROCESS_ZOMBIE)
        return 'Z';
    if (p->state == PROCESS_STOPPED)
        return 'T';
    if (pk_thread_info(p->main.slot, &info) < 0)
        return 'S';
    return info.state == PK_THREAD_RUNNING || info.state == PK_THREAD_READY ? 'R' : 'S';
}

static struct pk_task_info task_info(const struct process *p) {
    struct pk_task_info info = {0};
    if (p->task)
        must(pk_task_info(p->task, &info));
    return info;
}

static int parent_pid(const struct process *p) {
    const struct process *parent = process_parent(p);
    return parent ? process_pid(parent) : INIT_PID;
}

#define TTY_NUMBER (4 << 8 | 64) /* the terminal's device: /dev/ttyS0 */

/* proc(5), /proc/[pid]/stat: fields that have no meaning here are 0. */
static void pid_stat(struct text *t, const struct process *p) {
    struct pk_task_info info = task_info(p);
    int foreground = terminal_foreground(p);
    print(t,
          "%d (%s) %c %d %d %d %d %d 0 0 0 0 0 %lu 0 %lu 0 20 0 1 0 %lu %lu %lu "
          "18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0\n",
          process_pid(p), p->name, state_letter(p), parent_pid(p), process_group(p),
          process_session(p), foreground ? TTY_NUMBER : 0, foreground ? foreground : -1,
          (unsigned long)(process_run_ns(p) / 10000000), (unsigned long)(p->children_ns / 10000000),
          (unsigned long)(p->start_ns / 10000000), (unsigned long)info.mapped * 4096,
          (unsigned long)info.resident);
}

static void pid_status(struct text *t, const struct process *p) {
    struct pk_task_info info = task_info(p);
    print(t, "Name:\t%s\nState:\t%c\nTgid:\t%d\nPid:\t%d\nPPid:\t%d\n", p->name, state_letter(p),
          process_pid(p), process_pid(p), parent_pid(p));
    print(t, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n", (unsigned)p->ruid, (unsigned)p->euid,
          (unsigned)p->suid, (unsigned)p->euid, (unsigned)p->rgid, (unsigned)p->egid,
          (unsigned)p->sgid, (unsigned)p->egid);
    print(t, "VmSize:\t%8lu kB\nVmRSS:\t%8lu kB\nThreads:\t1\nSigPnd:\t%016llx\nSigBlk:\t%016llx\n",
          (unsigned long)info.mapped * 4, (unsigned long)info.resident * 4,
          (unsigned long long)p->pending, (unsigned long long)p->main.blocked);
}

static void pid_cmdline(struct text *t, const struct process *p) {
    if (p->state != PROCESS_ZOMBIE && p->command)
        append(t, p->command->arguments, p->command->size);
}

static void pid_comm(struct text *t, const struct process *p) {
    print(t, "%s\n", p->name);
}

/* Time on a hart in ns, and two numbers that are not kept (proc(5), schedstat). */
static void pid_schedstat(struct text *t, const struct process *p) {
    print(t, "%lu 0 0\n", (unsigned long)process_run_ns(p));
}

struct entry {
    const char *name;
    void (*make)(struct text *t, const struct process *p);
    uint32_t mode;
};

static const struct entry root_entries[] = {
    {"cpuinfo", cpuinfo, S_IFREG | 0444}, {"loadavg", loadavg, S_IFREG | 0444},
    {"meminfo", meminfo, S_IFREG | 0444}, {"self", 0, S_IFLNK | 0777},
    {"uptime", uptime, S_IFREG | 0444},   {"version", version, S_IFREG | 0444},
};
static const struct entry pid_entries[] = {
    {"cmdline", pid_cmdline, S_IFREG | 0444},
    {"comm", pid_comm, S_IFREG | 0444},
    {"exe", 0, S_IFLNK | 0777},
    {"schedstat", pid_schedstat, S_IFREG | 0444},
    {"stat", pid_stat, S_IFREG | 0444},
    {"status", pid_status, S_IFREG | 0444},
};
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* What a path names: a process (or none) and an entry (or the directory itself). */
struct place {
    struct process *process;
    const struct entry *entry;
};

static const struct entry *find_entry(const struct entry *e, size_t n, const char *name) {
    for (; n; n--, e++)
        if (!strcmp(e->name, name))
            return e;
    return 0;
}

/* The number that a name is, as Linux's name_to_int() takes it: digits only, none too many. 0: none. */
static int pid_of_name(const char *name, size_t n) {
    int pid = 0;
    if (n == 0 || name[0] == '0')
        return 0;
    for (; n; n--, name++)
        if (*name < '0' || *name > '9' || __builtin_mul_overflow(pid, 10, &pid) ||
            __builtin_add_overflow(pid, *name - '0', &pid))
            return 0;
    return pid;
}

static long lookup(struct process *caller, const char *path, struct place *out) {
    *out = (struct place){0};
    if (strncmp(path, "/proc", 5) || (path[5] && path[5] != '/'))
        return -ENOENT;
    path += 5;
    path += strspn(path, "/");
    if (!*path)
        return 0;
    size_t n = strcspn(path, "/");
    const char *rest = path + n + strspn(path + n, "/");
    if (!*rest) {
        char name[32];
        if (n >= sizeof name)
            return -ENOENT;
        memcpy(name, path, n);
        name[n] = 0;
        out->entry = find_entry(root_entries, COUNT(root_entries), name);
        if (out->entry)
            return 0;
    }
    if (n == 4 && !memcmp(path, "self", 4))
        out->process = caller;
    else
        out->process = process_find(pid_of_name(path, n));
    if (!out->process)
        return -ENOENT;
    if (!*rest)
        return 0;
    out->entry = find_entry(pid_entries, COUNT(pid_entries), rest);
    return out->entry ? 0 : -ENOENT;
}

static long read_path(const struct request *req, struct process **caller, struct place *place) {
    char path[PATH_LENGTH + 1];
    *caller = request_process(req);
    if (!*caller)
        return -ESRCH;
    uint64_t n = request_in_len(req) < PATH_LENGTH ? request_in_len(req) : PATH_LENGTH;
    long got = request_read(req, 0, path, n);
    if (got < 0)
        return got;
    path[got] = 0;
    return lookup(*caller, path, place);
}

static void list_entries(struct text *t, const struct entry *e, size_t n) {
    for (; n; n--, e++)
        add_name(t, (e->mode & S_IFLNK) == S_IFLNK ? DT_LNK : DT_REG, e->name);
}

/* A first entry of type 0 tells the directory's own path. */
static void list_process(struct text *t, const struct process *p) {
    char path[32];
    snprintf(path, sizeof path, "/proc/%d", process_pid(p));
    add_name(t, 0, path);
    list_entries(t, pid_entries, COUNT(pid_entries));
}

#define LISTED_AT_ONCE 40

/* A list of all processes that is not finished. */
struct listing {
    struct request_memory memory;
    struct text text;
    struct sweep sweep;
    bool complete;
};

static void listing_release(struct request_memory *memory) {
    struct listing *l = container_of(memory, struct listing, memory);
    sweep_end(&l->sweep);
    free(l->text.bytes);
    free(l);
}

static struct listing *listing_new(void) {
    struct listing *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->memory.release = listing_release;
    sweep_begin(&l->sweep);
    add_name(&l->text, 0, "/proc");
    list_entries(&l->text, root_entries, COUNT(root_entries));
    return l;
}

/* The request is handled again until all processes are in the text: 0. */
static long list_root(const struct request *req, struct text *t) {
    struct request_memory *memory = request_memory();
    struct listing *l = memory ? container_of(memory, struct listing, memory) : listing_new();
    const struct process *p = NULL;
    int n = 0;
    if (!l)
        return -ENOMEM;
    bool complete = l->complete;
    for (; n < LISTED_AT_ONCE && (p = sweep_next(&l->sweep)) != NULL; n++) {
        char name[16];
        snprintf(name, sizeof name, "%d", process_pid(p));
        add_name(&l->text, DT_DIR, name);
    }
    l->complete = !p;
    if (p || (memory && !complete)) /* to hand a long text over is a step of its own */
        return request_wait(req, NULL, &l->memory);
    *t = l->text;
    l->text.bytes = NULL;
    if (!memory)
        listing_release(&l->memory);
    return 0;
}

long proc_handle_open(struct request *req, uint32_t flags) {
    struct process *caller;
    struct place place;
    struct text text = {0};
    long error = read_path(req, &caller, &place);
    if (error < 0)
        return error;
    if (flags & 3)
        return -EACCES;
    uint32_t kind = VFS_INSTALL_FILE, mode = S_IFREG | 0444;
    if (!place.entry) {
        kind = VFS_INSTALL_DIRECTORY;
        mode = S_IFDIR | 0555;
        if (place.process)
            list_process(&text, place.process);
        else
            error = list_root(req, &text);
    } else if (place.entry->make) {
        place.entry->make(&text, place.process ? place.process : caller);
    } else {
        return -EACCES; /* a link: its target is opened by its own name */
    }
    if (error < 0) { /* or it is handled again */
        free(text.bytes);
        return error;
    }
    do {
        error = text.failed ? -ENOMEM
                            : vfs_install(connect_endpoint(PK_SLOT_VFS), process_pid(caller), kind,
                                          mode, flags, text.bytes, text.length);
    } while (connect_again(caller, PK_SLOT_VFS, error));
    free(text.bytes);
    return error;
}

long proc_handle_stat(struct request *req) {
    struct process *caller;
    struct place place;
    long error = read_path(req, &caller, &place);
    if (error < 0)
        return error;
    uint64_t inode = place.process ? (uint64_t)process_pid(place.process) << 16 : 1;
    inode += place.entry ? (uint64_t)(place.entry->name[0] << 8 | place.entry->name[1]) : 0;
    proc_results_stat(&req->msg, place.entry ? place.entry->mode : S_IFDIR | 0555, inode);
    return 0;
}

/* ptrace(2)'s rule: what runs under a user's ids alone, and no other's. */
static bool may_look_into(const struct process *caller, const struct process *p) {
    bool user = p->ruid == caller->euid && p->euid == caller->euid && p->suid == caller->euid;
    bool group = p->rgid == caller->egid && p->egid == caller->egid && p->sgid == caller->egid;
    return caller == p || caller->euid == 0 || (user && group);
}

long proc_handle_readlink(struct request *req) {
    struct process *caller;
    struct place place;
    char target[16];
    long error = read_path(req, &caller, &place);
    if (error < 0)
        return error;
    if (!place.entry || place.entry->make)
        return -EINVAL;
    const char *text = target;
    if (place.process && !may_look_into(caller, place.process))
        return -EACCES;
    if (place.process)
        text = place.process->command ? place.process->command->path : "";
    else
        snprintf(target, sizeof target, "%d", process_pid(caller));
    uint64_t n = strlen(text);
    if (n > request_out_len(req))
        n = request_out_len(req);
    return request_write(req, 0, text, n);
}
