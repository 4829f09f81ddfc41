/* SPDX-License-Identifier: MIT */
/* Kernel calls on memory: objects and regions. */
#include <arch/machine.h>
#include <calls.h>
#include <mm/aspace.h>
#include <mm/copy.h>
#include <mm/object.h>
#include <mm/table.h>
#include <parley/errno.h>
#include <task/task.h>
#include <task/thread.h>

#define OBJECT_MAX                                                                                 \
    (1ull << 40) /* bytes: what three levels of page indices and sums cannot overflow */

static struct object *find_object(struct thread *self, uint64_t slot, uint32_t rights,
                                  uint32_t *all_rights, long *error) {
    struct cap *c = cap_find(&self->task->caps, slot, PK_TYPE_OBJECT, rights, error);
    if (!c)
        return NULL;
    if (all_rights)
        *all_rights = c->rights;
    return CONTAINER_OF(c->object, struct object, kobject);
}

long sys_object_create(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct object *source = NULL;
    if (a[0] > OBJECT_MAX)
        return -EINVAL;
    if (a[1]) {
        source = find_object(self, a[1], PK_RIGHT_USE | PK_RIGHT_MANAGE, NULL, &error);
        if (!source)
            return error;
        if (source->device || a[2] % PAGE_SIZE || a[2] > source->size ||
            a[0] > align_up(source->size, PAGE_SIZE) - a[2])
            return -EINVAL;
    }
    struct object *o = object_create(self->task->account, a[0], source, a[2]);
    return o ? call_give(self, &o->kobject) : -ENOMEM;
}

long sys_object_device(struct thread *self, const uint64_t *a) {
    long error = 0;
    if (!cap_find(&self->task->caps, a[0], PK_TYPE_MACHINE, PK_RIGHT_MANAGE, &error))
        return error;
    if (a[1] % PAGE_SIZE || a[2] % PAGE_SIZE || a[2] == 0 || a[1] == 0 || a[1] + a[2] < a[1] ||
        a[1] + a[2] > ARCH_DIRECT_SIZE ||
        (a[1] < machine.ram_end && a[1] + a[2] > machine.ram_start))
        return -EINVAL;
    struct object *o = object_create_device(self->task->account, a[1], a[2]);
    return o ? call_give(self, &o->kobject) : -ENOMEM;
}

long sys_object_resize(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct object *o = find_object(self, a[0], PK_RIGHT_MANAGE, NULL, &error);
    if (!o)
        return error;
    return a[1] > OBJECT_MAX ? -EFBIG : object_resize(o, a[1]);
}

long sys_object_info(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct object *o = find_object(self, a[0], 0, NULL, &error);
    if (!o)
        return error;
    struct pk_object_info info = {.size = o->size, .resident = o->resident, .id = o->id};
    return copy_to_user(self->task->aspace, a[1], &info, sizeof info);
}

/* Between an object and the caller's own memory, in steps. */
static long copy_object(struct thread *self, const uint64_t *a, bool read) {
    long error = 0;
    struct object *o =
        find_object(self, a[0], read ? PK_RIGHT_USE : PK_RIGHT_RECEIVE, NULL, &error);
    if (!o)
        return error;
    if (o->device || a[1] > o->size || a[3] > o->size - a[1])
        return -EINVAL;
    uint64_t length = a[3], done = call_copy_begin(self, length);
    while (done < length) {
        uint64_t n = min_u64(length - done, COPY_STEP);
        error = read ? copy_object_to_user(self->task->aspace, a[2] + done, o, a[1] + done, n)
                     : copy_user_to_object(o, a[1] + done, self->task->aspace, a[2] + done, n);
        if (error < 0)
            return error;
        done += n;
        if (done < length && arch_interrupt_pending())
            return call_restart_copy(self, done);
    }
    return (long)done;
}

long sys_object_read(struct thread *self, const uint64_t *a) {
    return copy_object(self, a, true);
}

long sys_object_write(struct thread *self, const uint64_t *a) {
    return copy_object(self, a, false);
}

/* Unmaps one leaf table's worth after the other; true when done. Restarting just goes on. */
static long unmap_steps(struct thread *self, struct aspace *as, uint64_t start, uint64_t length,
                        bool *restart) {
    uint64_t end = start + align_up(length, PAGE_SIZE);
    *restart = false;
    while (end > start && end - start > ARCH_LEAF_SPAN) {
        uint64_t next = table_next(as, start);
        if (next >= end)
            break;
        uint64_t stop = min_u64(end, next + ARCH_LEAF_SPAN);
        long error = aspace_unmap(as, start, stop - start);
        if (error < 0)
            return error;
        start = stop;
        if (start < end && arch_interrupt_pending()) {
            *restart = true;
            return call_restart(self);
        }
    }
    return start < end ? aspace_unmap(as, start, end - start) : 0;
}

static bool bad_range(uint64_t start, uint64_t length) {
    return start % PAGE_SIZE || start < PAGE_SIZE || length == 0 || start >= ARCH_USER_END ||
           length > ARCH_USER_END - start;
}

#define MAP_FLAGS 0x73f

long sys_map(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct task *task = call_task_or_own(self, a[0], &error);
    if (!task)
        return error;
    struct object *o = NULL;
    uint32_t rights = 0;
    if (a[4] && !(o = find_object(self, a[4], PK_RIGHT_USE, &rights, &error)))
        return error;
    if (a[3] & ~(uint64_t)MAP_FLAGS)
        return -EINVAL;
    if (a[3] & PK_MAP_FIXED) {
        if (bad_range(a[1], a[2]))
            return -EINVAL;
        error = aspace_map_check(a[2], a[3], o, a[5], rights);
        if (error < 0)
            return error; /* before what is there goes */
        bool restart;
        error = unmap_steps(self, task->aspace, a[1], a[2], &restart);
        if (restart || error < 0)
            return error;
    }
    return aspace_map(task->aspace, a[1], a[2], a[3], o, a[5], a[6], rights);
}

long sys_unmap(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct task *task = call_task_or_own(self, a[0], &error);
    if (!task)
        return error;
    if (bad_range(a[1], a[2]))
        return -EINVAL;
    bool restart;
    return unmap_steps(self, task->aspace, a[1], a[2], &restart);
}

long sys_protect(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct task *task = call_task_or_own(self, a[0], &error);
    return task ? aspace_protect(task->aspace, a[1], a[2], a[3]) : error;
}

long sys_region_info(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct task *task = call_task_or_own(self, a[0], &error);
    if (!task)
        return error;
    struct region *r = a[1] < ARCH_USER_END ? aspace_region_at_or_above(task->aspace, a[1]) : NULL;
    if (!r)
        return -ENOENT;
    struct pk_region_info info = {
        .start = region_start(r),
        .length = r->end - region_start(r),
        .offset = r->offset,
        .tag = r->tag,
        .prot = r->prot | (r->shared ? PK_MAP_SHARED : 0),
        .has_object = r->object != NULL,
        .object_id = r->object ? r->object->id : 0,
    };
    return copy_to_user(self->task->aspace, a[2], &info, sizeof info);
}
