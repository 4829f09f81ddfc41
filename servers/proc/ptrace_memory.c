/* SPDX-License-Identifier: MIT */
/* Others' memory: words of a tracee's, /proc/PID/mem, and process_vm_readv(2). */
#include "procfs.h"
#include "ptrace.h"
#include <lib/heap.h>
#include <protocol/proc_server.h>
#include <protocol/vfs_client.h>
#include <string.h>

#define AT_ONCE PROC_MEMORY_MOST /* bytes of one message */

static char buffer[AT_ONCE];

/* As many bytes as there are, until a page that is not there; -EIO: none. */
static long look(uint64_t task, uint64_t from, size_t length) {
    size_t done = 0;
    while (done < length) {
        size_t n = 4096 - (from + done) % 4096;
        n = n < length - done ? n : length - done;
        if (pk_task_copy_in(task, buffer + done, from + done, n) < 0)
            break;
        done += n;
    }
    return done ? (long)done : -EIO;
}

/* The same; `patch`: though it may not be written to. */
static long change(uint64_t task, uint64_t to, size_t length, bool patch) {
    size_t done = 0;
    while (done < length) {
        size_t n = 4096 - (to + done) % 4096;
        n = n < length - done ? n : length - done;
        long put = patch ? pk_task_patch(task, to + done, buffer + done, n)
                         : pk_task_copy_out(task, to + done, buffer + done, n);
        if (put < 0)
            break;
        done += n;
    }
    if (done && patch)
        pk_sync_code(PK_SYNC_ALL); /* it may be a breakpoint */
    return done ? (long)done : -EIO;
}

/* It may have executed what its tracer may not read since it was attached to. */
static bool is_closed(const struct tracee *tracee) {
    return !tracee->thread->process->dumpable && !tracee->capable;
}

long ptrace_peek(const struct tracee *tracee, const struct process *by, uint64_t address,
                 uint64_t data) {
    if (is_closed(tracee) ||
        look(tracee->thread->process->task, address, sizeof(uint64_t)) != sizeof(uint64_t))
        return -EIO;
    return pk_task_copy_out(by->task, data, buffer, sizeof(uint64_t)) < 0 ? -EFAULT : 0;
}

long ptrace_poke_memory(const struct tracee *tracee, uint64_t address, uint64_t data) {
    if (is_closed(tracee))
        return -EIO;
    memcpy(buffer, &data, sizeof data);
    long done = change(tracee->thread->process->task, address, sizeof data, true);
    return done == sizeof data ? 0 : -EIO;
}

/* Between the caller's buffer and p's memory. */
static long transfer(const struct request *req, const struct process *p, uint64_t address,
                     bool patch) {
    uint64_t in = request_in_len(req), length = in ? in : request_out_len(req);
    length = length < AT_ONCE ? length : AT_ONCE;
    if (!p->task)
        return in ? -EIO : 0; /* as a file that is at its end */
    if (!in) {
        long got = look(p->task, address, length);
        return got < 0 ? got : request_write(req, 0, buffer, (uint64_t)got);
    }
    long got = request_read(req, 0, buffer, length);
    return got < 0 ? got : change(p->task, address, (uint64_t)got, patch);
}

long proc_handle_memory(struct request *req, int pid, uint64_t address) {
    const struct process *by = request_process(req);
    const struct thread *t = thread_find(pid);
    if (!by || !t)
        return -ESRCH;
    if (!ptrace_may_trace(by, t->process))
        return -EPERM;
    long done = transfer(req, t->process, address, false);
    return done == -EIO ? -EFAULT : done;
}

/* What it was opened for may have become another user's, or another process's. */
long proc_handle_memory_file(struct request *req, int fd, uint64_t address) {
    const struct thread *by = request_thread(req);
    if (!by)
        return -ESRCH;
    const struct process *p;
    long error = procfs_memory_at(by, fd, &p);
    return error < 0 ? error : transfer(req, p, address, true);
}
