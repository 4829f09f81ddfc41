/* SPDX-License-Identifier: MIT */
/* /proc: from a path to what it names, and the requests about it (procfs.h). */
#include "procfs.h"
#include "ptrace.h"
#include <lib/pathnumber.h>
#include <protocol/proc_server.h>
#include <protocol/vfs_client.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_LENGTH 4096
#define LINK_LENGTH 40
#define O_ACCMODE 3u
#define O_WRONLY 1u
#define O_CREAT 0100u
#define O_EXCL 0200u
#define O_DIRECTORY 0200000u
#define O_NOFOLLOW 0400000u
#define O_PATH 010000000u
#define MAY_READ 4u
#define MAY_WRITE 2u

/* What a path names. */
struct place {
    const struct process *process; /* whose; NULL: nobody's */
    const struct thread *thread;   /* of the process, in its directory; else NULL */
    const struct entry *entry;     /* NULL: the directory */
    const struct folder *folder;   /* that it is, or is in */
    char path[48];                 /* canonical */
};

/* Init is no process here, but has its place in /proc as on every Unix. */
static const struct process *init_process(void) {
    static struct group group = {.node.key = INIT_PID, .session = INIT_PID};
    static struct process init = {.pid_node.key = INIT_PID,
                                  .group = &group,
                                  .state = PROCESS_RUNNING,
                                  .name = "init",
                                  .dumpable = true};
    if (!init.settings) {
        init.settings = settings_usual();
        thread_first(&init);
    }
    init.own = init_usage();
    return &init;
}

static const struct process *find_process(int pid) {
    if (server_is_pid(pid))
        return server_process(pid);
    return pid == INIT_PID ? init_process() : process_find(pid);
}

static const struct entry *find_entry(const struct folder *folder, const char *name, size_t n) {
    for (size_t i = 0; i < folder->count; i++) {
        const struct entry *e = &folder->entries[i];
        if (!strncmp(e->name, name, n) && !e->name[n])
            return e;
    }
    return NULL;
}

/* The number that a name is, as Linux's name_to_int() takes it: digits only, none too many. 0: none. */
static int number_of_name(const char *name, size_t n) {
    int number = 0;
    if (n == 0 || name[0] == '0')
        return 0;
    for (; n; n--, name++)
        if (*name < '0' || *name > '9' || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, *name - '0', &number))
            return 0;
    return number;
}

/* A process's directory, or a thread's: that has its number, and is listed in its process's `task` only (proc(5)). */
static bool enter_process(struct place *at, int number) {
    const struct process *p = find_process(number);
    const struct thread *t = p ? NULL : thread_find(number);
    at->process = t ? t->process : p;
    at->thread = t;
    at->folder = &procfs_process;
    at->entry = NULL;
    snprintf(at->path, sizeof at->path, "/proc/%d", number);
    return at->process != NULL;
}

/* A name in the directory: false if there is none. */
static bool step(struct place *at, const char *name, size_t n) {
    char *end = at->path + strlen(at->path);
    int number = number_of_name(name, n);
    if (at->folder == &procfs_root && number)
        return enter_process(at, number);
    if (at->folder == &procfs_tasks) {
        const struct process *p = at->process;
        at->folder = &procfs_thread;
        at->thread = number == process_pid(p) ? &p->main : thread_find(number);
        snprintf(end, (size_t)(at->path + sizeof at->path - end), "/%d", number);
        return at->thread && at->thread->process == p;
    }
    if (at->folder == &procfs_fdinfo) {
        at->entry = &procfs_descriptor;
        snprintf(end, (size_t)(at->path + sizeof at->path - end), "/%d", number);
        return (number || (n == 1 && *name == '0')) && procfs_has_descriptor(at->process, number);
    }
    const struct entry *e = find_entry(at->folder, name, n);
    if (!e || !(e->make || e->folder || e->target || e->memory)) /* or it is for vfs to serve */
        return false;
    snprintf(end, (size_t)(at->path + sizeof at->path - end), "/%s", e->name);
    at->entry = e->folder ? NULL : e;
    at->folder = e->folder ? e->folder : at->folder;
    return true;
}

/* The root's links lead to the caller: where to, from the root. */
static void link_text(const struct thread *caller, const struct entry *link, char *text) {
    int pid = process_pid(caller->process);
    if (!strcmp(link->target, "self"))
        snprintf(text, LINK_LENGTH, "%d", pid);
    else if (!strcmp(link->target, "thread-self"))
        snprintf(text, LINK_LENGTH, "%d/task/%d", pid, thread_tid(caller));
    else
        snprintf(text, LINK_LENGTH, "%s", link->target);
}

static long walk(const struct thread *caller, const char *path, bool follow, struct place *at) {
    while (*(path += strspn(path, "/"))) {
        size_t n = strcspn(path, "/");
        if (!step(at, path, n))
            return -ENOENT;
        path += n;
        if (at->entry && !at->entry->target && *path)
            return -ENOTDIR;
        if (at->entry && at->entry->target && (*path || follow)) {
            char text[LINK_LENGTH];
            link_text(caller, at->entry, text);
            *at = (struct place){.folder = &procfs_root, .path = "/proc"};
            long error = walk(caller, text, true, at); /* once more at most: self/mounts */
            if (error < 0)
                return error;
        }
    }
    return 0;
}

static long lookup(const struct thread *caller, const char *path, bool follow, struct place *at) {
    *at = (struct place){.folder = &procfs_root, .path = "/proc"};
    return strncmp(path, "/proc", 5) ? -ENOENT : walk(caller, path + 5, follow, at);
}

static long read_place(const struct request *req, bool follow, struct process **caller,
                       struct place *at) {
    static char path[PATH_LENGTH + 1];
    const struct thread *thread = request_thread(req);
    if (!thread)
        return -ESRCH;
    *caller = thread->process;
    uint64_t n = request_in_len(req) < PATH_LENGTH ? request_in_len(req) : PATH_LENGTH;
    long got = request_read(req, 0, path, n);
    if (got < 0)
        return got;
    path[got] = 0;
    return lookup(thread, path, follow, at);
}

/* It runs under one user's ids alone, and lets that user look into it; else others may not (ptrace(2)). */
bool process_guarded(const struct process *p) {
    bool user = p->ruid == p->euid && p->suid == p->euid;
    bool group = p->rgid == p->egid && p->sgid == p->egid;
    return !(user && group && p->dumpable);
}

bool process_may_look_into(const struct process *caller, const struct process *p) {
    return caller == p || caller->euid == 0 ||
           (caller->euid == p->euid && caller->egid == p->egid && !process_guarded(p));
}

static struct vfs_made describe(const struct place *at) {
    const struct process *p = at->process;
    bool owned = p && !process_guarded(p);
    struct vfs_made made = {.mode = at->entry ? at->entry->mode : FOLDER_MODE,
                            .uid = owned ? p->euid : 0,
                            .gid = owned ? p->egid : 0,
                            .birth = p ? p->start_ns : 0,
                            .ino = path_number(at->path),
                            .memory = at->entry && at->entry->memory};
    memcpy(made.path, at->path, sizeof made.path);
    return made;
}

static long check_access(const struct process *caller, const struct place *at, uint32_t want) {
    struct vfs_made made = describe(at);
    bool real = want & PROC_STAT_REAL;
    uint32_t uid = real ? caller->ruid : caller->euid, gid = real ? caller->rgid : caller->egid;
    unsigned shift = uid == made.uid ? 6 : gid == made.gid ? 3 : 0;
    bool file = at->entry && (at->entry->make || at->entry->memory);
    want &= ~(uint32_t)PROC_STAT_REAL;
    bool stores = file && (at->entry->store || at->entry->store_thread || at->entry->memory);
    if ((want & MAY_WRITE && !stores) || (file && want & 1))
        return -EACCES; /* little here is changed by writing, and nothing is a program */
    return uid != 0 && want & ~(made.mode >> shift) ? -EACCES : 0;
}

static long may_read(const struct process *caller, const struct place *at) {
    bool guarded = at->entry ? at->entry->guarded : at->folder->guarded;
    if (guarded && !process_may_look_into(caller, at->process))
        return -EACCES;
    return check_access(caller, at, MAY_READ);
}

static long install(struct process *caller, const struct place *at, uint32_t where,
                    uint32_t flags) {
    struct vfs_made made = describe(at);
    made.flags = flags;
    long result;
    do {
        result = vfs_install(connect_endpoint(PK_SLOT_VFS), process_pid(caller), where, &made);
    } while (connect_again(caller, PK_SLOT_VFS, result));
    return result;
}

static long check_open(const struct process *caller, const struct place *at, uint32_t flags) {
    bool link = at->entry && at->entry->target;
    if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
        return -EEXIST;
    if (flags & O_DIRECTORY && at->entry)
        return -ENOTDIR;
    if (flags & O_PATH)
        return 0;
    if (link)
        return -ELOOP;
    if (flags & O_ACCMODE && !at->entry)
        return -EISDIR;
    long error = flags & O_ACCMODE ? check_access(caller, at, MAY_WRITE) : 0;
    if (error == 0 && at->entry && at->entry->memory && !ptrace_may_trace(caller, at->process))
        return -EACCES;
    return error == 0 && (flags & O_ACCMODE) != O_WRONLY ? may_read(caller, at) : error;
}

long proc_handle_open(struct request *req, uint32_t flags) {
    struct process *caller;
    struct place at;
    long error = read_place(req, !(flags & O_NOFOLLOW), &caller, &at);
    if (error == 0)
        error = check_open(caller, &at, flags);
    return error < 0 ? error : install(caller, &at, VFS_INSTALL_FILE, flags);
}

long proc_handle_chdir(struct request *req) {
    struct process *caller;
    struct place at;
    long error = read_place(req, true, &caller, &at);
    if (error == 0 && at.entry)
        error = -ENOTDIR;
    return error < 0 ? error : install(caller, &at, VFS_INSTALL_DIRECTORY, 0);
}

long proc_handle_stat(struct request *req, int follow, uint32_t want) {
    struct process *caller;
    struct place at;
    long error = read_place(req, follow, &caller, &at);
    if (error == 0)
        error = check_access(caller, &at, want);
    if (error < 0)
        return error;
    struct vfs_made made = describe(&at);
    proc_results_stat(&req->msg, made.ino, made.mode, made.uid, made.gid);
    return 0;
}

long proc_handle_readlink(struct request *req) {
    struct process *caller;
    struct place at;
    char target[LINK_LENGTH];
    long error = read_place(req, false, &caller, &at);
    if (error < 0)
        return error;
    if (!at.entry || !at.entry->target)
        return -EINVAL;
    link_text(request_thread(req), at.entry, target);
    uint64_t n = strlen(target);
    return request_write(req, 0, target, n < request_out_len(req) ? n : request_out_len(req));
}

static void making_release(struct request_memory *memory) {
    struct making *m = container_of(memory, struct making, memory);
    if (m->sweeps)
        sweep_end(&m->sweep);
    free(m->text.bytes);
    free(m);
}

/* The text of what the caller has at a descriptor; NULL and *error. */
static struct making *making_new(const struct process *caller, int fd, long *error) {
    struct vfs_made made;
    *error = vfs_made(connect_endpoint(PK_SLOT_VFS), process_pid(caller), fd, &made);
    if (*error < 0)
        return NULL;
    struct making *m = calloc(1, sizeof *m);
    *error = -ENOMEM;
    if (!m)
        return NULL;
    m->memory.release = making_release;
    m->birth = made.birth;
    m->inode = made.ino;
    memcpy(m->path, made.path, sizeof m->path);
    return m;
}

static void list_entries(struct text *t, const struct folder *folder) {
    for (size_t i = 0; i < folder->count; i++) {
        uint32_t type = folder->entries[i].mode & 0170000;
        text_name(t, (char)(type >> 12), folder->entries[i].name);
    }
}

/* What a descriptor was opened for, which may have gone since. */
static long find_again(const struct thread *thread, const char *path, uint64_t birth,
                       struct place *at) {
    long error = lookup(thread, path, false, at);
    if (error == 0 && birth != (at->process ? at->process->start_ns : 0))
        error = -ESRCH;
    return error < 0 && birth ? -ESRCH : error;
}

long procfs_directory_at(const struct thread *by, int fd) {
    struct vfs_made made;
    struct place at;
    if (vfs_made(connect_endpoint(PK_SLOT_VFS), process_pid(by->process), fd, &made) < 0)
        return -EBADF;
    long error = find_again(by, made.path, made.birth, &at);
    if (error < 0)
        return error;
    return at.folder == &procfs_process && !at.entry ? process_pid(at.process) : -EBADF;
}

long procfs_memory_at(const struct thread *by, int fd, const struct process **p) {
    struct vfs_made made;
    struct place at;
    if (vfs_made(connect_endpoint(PK_SLOT_VFS), process_pid(by->process), fd, &made) < 0 ||
        !made.memory)
        return -EBADF;
    long error = find_again(by, made.path, made.birth, &at);
    if (error < 0)
        return error;
    *p = at.process;
    return ptrace_may_trace(by->process, at.process) ? 0 : -EACCES;
}

/* Some of the text: 1 if there is more to make, 0, or an error. */
static long make_some(struct making *m, const struct thread *thread) {
    struct place at;
    struct process *caller = thread->process;
    long error = find_again(thread, m->path, m->birth, &at);
    if (error < 0)
        return error;
    error = may_read(caller, &at); /* it may have become another user's since it was opened */
    if (error < 0)
        return error;
    m->process = at.process;
    m->of_thread = at.thread;
    m->thread = at.thread ? at.thread : at.process ? &at.process->main : NULL;
    m->asker = caller;
    if (at.entry && !at.entry->make)
        return -EINVAL;
    if (at.entry)
        return at.entry->make(m);
    if (!m->text.length)
        list_entries(&m->text, at.folder);
    return at.folder->numbers && at.folder->numbers(m);
}

/* The request is handled again until all is made; to hand a long text over is a step of its own. */
long proc_handle_refresh(struct request *req, int fd) {
    const struct thread *thread = request_thread(req);
    struct request_memory *memory = request_memory();
    long error = 0;
    if (!thread)
        return -ESRCH;
    struct process *caller = thread->process;
    struct making *m =
        memory ? container_of(memory, struct making, memory) : making_new(caller, fd, &error);
    if (!m)
        return error;
    bool complete = m->complete;
    error = complete ? 0 : make_some(m, thread);
    m->complete = error == 0;
    if (error > 0 || (error == 0 && memory && !complete))
        return request_wait(req, NULL, &m->memory);
    if (error == 0)
        error = m->text.failed ? -ENOMEM
                               : vfs_fill(connect_endpoint(PK_SLOT_VFS), process_pid(caller), fd,
                                          m->inode, m->birth, m->text.bytes, m->text.length);
    if (!memory)
        making_release(&m->memory);
    return error;
}

#define STORED_MOST 4095 /* of a longer text the beginning, as on Linux */

/* Its text, as far as it counts. */
static long read_text(const struct request *req, char text[STORED_MOST + 1]) {
    uint64_t n = request_in_len(req);
    long got = request_read(req, 0, text, n < STORED_MOST ? n : STORED_MOST);
    if (got >= 0)
        text[got] = 0;
    return got < 0 ? got : 0;
}

static long store(const struct process *by, const struct place *at, const char *text) {
    if (at->entry->store)
        return at->entry->store(by, text);
    struct thread *t = thread_find(at->thread ? thread_tid(at->thread) : process_pid(at->process));
    return t ? at->entry->store_thread(by, t, text) : -ESRCH;
}

/* Whether it may be written to is asked again: who has it open may be another user by now, or have got it from one. */
long proc_handle_store(struct request *req, int fd) {
    static char text[STORED_MOST + 1];
    const struct thread *thread = request_thread(req);
    struct vfs_made made;
    struct place at;
    if (!thread)
        return -ESRCH;
    struct process *caller = thread->process;
    long error = vfs_made(connect_endpoint(PK_SLOT_VFS), process_pid(caller), fd, &made);
    if (error == 0 && !(made.flags & O_ACCMODE))
        error = -EBADF;
    if (error == 0)
        error = find_again(thread, made.path, made.birth, &at);
    if (error == 0)
        error = check_access(caller, &at, MAY_WRITE);
    if (error == 0)
        error = read_text(req, text);
    if (error == 0 && request_in_len(req) > 0)
        error = store(caller, &at, text);
    return error < 0 ? error : (long)request_in_len(req);
}
