/* SPDX-License-Identifier: MIT */
/* Looking at other processes: ptrace(2), process_vm_readv(2). */
#include "personality.h"
#include <protocol/proc_client.h>

#define VECTORS_MOST 1024

long linux_ptrace(int64_t request, int pid, uint64_t address, uint64_t data) {
    return proc_trace(PK_SLOT_PROC, request, pid, address, data);
}

/* personality(2), which debuggers call. */
long linux_personality(uint32_t persona) {
    return proc_persona(PK_SLOT_PROC, persona);
}

struct vector { /* struct iovec */
    uint64_t base, length;
};

/* How far one side has come. */
struct side {
    const struct vector *next; /* the program's */
    uint64_t count;            /* vectors that are left */
    struct vector rest;        /* of the present one */
};

/* The present vector has bytes left, or there is none any more (0). 1, or -EFAULT. */
static long side_ready(struct side *s) {
    while (!s->rest.length) {
        if (!s->count)
            return 0;
        if (user_get(&s->rest, s->next, sizeof s->rest) < 0)
            return -EFAULT;
        s->next++;
        s->count--;
    }
    return 1;
}

static void side_move(struct side *s, uint64_t n) {
    s->rest.base += n;
    s->rest.length -= n;
}

/* One message: bytes, 0 at the end, or an error. */
static long move_some(int pid, struct side *own, struct side *other, bool writes) {
    long ready = side_ready(own);
    if (ready > 0)
        ready = side_ready(other);
    if (ready <= 0)
        return ready;
    uint64_t n = own->rest.length < other->rest.length ? own->rest.length : other->rest.length;
    n = n < PROC_MEMORY_MOST ? n : PROC_MEMORY_MOST;
    void *here = (void *)own->rest.base;
    long done = proc_memory(PK_SLOT_PROC, pid, other->rest.base, here, writes ? n : 0, here,
                            writes ? 0 : n);
    if (done > 0) {
        side_move(own, (uint64_t)done);
        side_move(other, (uint64_t)done);
    }
    return done;
}

static long move(int pid, const struct vector *own, uint64_t own_count, const struct vector *other,
                 uint64_t other_count, uint64_t flags, bool writes) {
    struct side here = {own, own_count, {0, 0}}, there = {other, other_count, {0, 0}};
    long total = 0, done;
    if (flags || own_count > VECTORS_MOST || other_count > VECTORS_MOST)
        return -EINVAL;
    while ((done = move_some(pid, &here, &there, writes)) > 0)
        if (__builtin_add_overflow(total, done, &total))
            return -EINVAL;
    return total ? total : done;
}

long linux_process_vm_readv(int pid, const struct vector *own, uint64_t own_count,
                            const struct vector *other, uint64_t other_count, uint64_t flags) {
    return move(pid, own, own_count, other, other_count, flags, false);
}

long linux_process_vm_writev(int pid, const struct vector *own, uint64_t own_count,
                             const struct vector *other, uint64_t other_count, uint64_t flags) {
    return move(pid, own, own_count, other, other_count, flags, true);
}
