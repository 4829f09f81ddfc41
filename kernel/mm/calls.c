/* SPDX-License-Identifier: MIT */
/* Kernel calls on memory: objects and regions. */
#include <arch/machine.h>
#include <calls.h>
#include <ipc/ipc.h>
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

/* The fresh object, or the one that an interrupted round of this call made: its slot is in *progress. */
static struct object *object_in_making(struct thread *self, const uint64_t *a, uint64_t *progress,
                                       long *error) {
    if (*progress)
        return find_object(self, *progress & (CAP_MAX_SLOTS - 1), PK_RIGHT_ALL, NULL, error);
    struct account *account = call_account(self, a[0], PK_RIGHT_USE, error);
    if (!account)
        return NULL;
    struct object *o = object_create(account, a[1]);
    *error = o ? call_give(self, &o->kobject) : -ENOMEM;
    if (*error < 0)
        return NULL;
    *progress = (uint64_t)*error;
    return o;
}

/* Slots fit 16 bits, above which stands how many pages are shared. */
static long share_object(struct thread *self, const uint64_t *a, struct object *source) {
    uint64_t progress = call_progress(self);
    long error = 0;
    struct object *o = object_in_making(self, a, &progress, &error);
    if (!o)
        return error;
    uint64_t slot = progress & (CAP_MAX_SLOTS - 1), done = progress / CAP_MAX_SLOTS;
    uint64_t pages = align_up(min_u64(a[1], o->size), PAGE_SIZE) >> PAGE_SHIFT;
    while (done < pages) {
        int credit = STEP_CREDIT;
        error = object_share_step(o, source, a[3] >> PAGE_SHIFT, done, &credit);
        if (error < 0) {
            cap_remove(&self->task->caps, slot);
            return call_with_memory(self, error);
        }
        done = (uint64_t)error;
        if (done < pages && call_must_wait())
            return call_restart_at(self, done * CAP_MAX_SLOTS | slot);
    }
    return (long)slot;
}

long sys_object_create(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct object *source = NULL;
    struct account *account = call_account(self, a[0], PK_RIGHT_USE, &error);
    if (!account)
        return error;
    if (a[1] > OBJECT_MAX)
        return -EINVAL;
    if (a[2]) {
        source = find_object(self, a[2], PK_RIGHT_USE | PK_RIGHT_MANAGE, NULL, &error);
        if (!source)
            return error;
        if (source->device || a[3] % PAGE_SIZE || a[3] > source->size ||
            a[1] > align_up(source->size, PAGE_SIZE) - a[3])
            return -EINVAL;
    }
    if (source)
        return share_object(self, a, source);
    struct object *o = object_create(account, a[1]);
    return call_with_memory(self, o ? call_give(self, &o->kobject) : -ENOMEM);
}

long sys_object_device(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct account *account = call_account(self, a[0], PK_RIGHT_MANAGE, &error);
    if (!account || !cap_find(&self->task->caps, a[1], PK_TYPE_MACHINE, PK_RIGHT_MANAGE, &error))
        return error;
    uint64_t start = a[2], size = a[3];
    if (start % PAGE_SIZE || size % PAGE_SIZE || size == 0 || start == 0 || start + size < start ||
        start + size > ARCH_DIRECT_SIZE ||
        (start < machine.ram_end && start + size > machine.ram_start))
        return -EINVAL;
    struct object *o = object_create_device(account, start, size);
    return o ? call_give(self, &o->kobject) : -ENOMEM;
}

long sys_object_resize(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct object *o = find_object(self, a[0], PK_RIGHT_MANAGE, NULL, &error);
    if (!o)
        return error;
    if (a[1] > OBJECT_MAX)
        return -EFBIG;
    if (a[2] & ~(uint64_t)PK_RESIZE_STEP)
        return -EINVAL;
    long more;
    do {
        int credit = STEP_CREDIT;
        more = object_resize_step(o, a[1], &credit);
    } while (more > 0 && !(a[2] & PK_RESIZE_STEP) && !call_must_wait());
    return more > 0 && !(a[2] & PK_RESIZE_STEP) ? call_restart(self) : more;
}

/* In bytes; what is asked for begins at page borders, but at the offset itself if that is in such a page. */
long sys_object_find(struct thread *self, const uint64_t *a) {
    long error = 0;
    const struct object *o = find_object(self, a[0], 0, NULL, &error);
    if (!o)
        return error;
    if (o->device || a[1] > o->size || a[2] > PK_FIND_DATA)
        return -EINVAL;
    uint64_t found = object_find(o, a[1] >> PAGE_SHIFT, a[2] == PK_FIND_DATA) << PAGE_SHIFT;
    return (long)min_u64(max_u64(found, a[1]), o->size);
}

long sys_object_discard(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct object *o = find_object(self, a[0], PK_RIGHT_MANAGE, NULL, &error);
    if (!o)
        return error;
    uint64_t end = a[1] + a[2];
    if (o->device || (a[1] | a[2]) & PAGE_MASK || end < a[1] || end > align_up(o->size, PAGE_SIZE))
        return -EINVAL;
    return object_discard_step(o, a[1] >> PAGE_SHIFT, end >> PAGE_SHIFT);
}

long sys_object_info(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct object *o = find_object(self, a[0], 0, NULL, &error);
    if (!o)
        return error;
    struct pk_object_info info = {.size = o->size,
                                  .resident = o->resident,
                                  .id = o->id,
                                  .refs = object_refs(o),
                                  .written_ns = o->written * OBJECT_TIME_NS};
    if (o->watch) {
        info.mapped_ns = o->watch->mapped_ns;
        info.unmapped_ns = o->watch->unmapped_ns;
        info.by = o->watch->by;
    }
    return copy_to_user(self->task->aspace, a[1], &info, sizeof info);
}

long sys_object_watch(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct cap *c = NULL;
    struct object *o = find_object(self, a[0], PK_RIGHT_MANAGE, NULL, &error);
    if (!o)
        return error;
    if (a[1] &&
        !(c = cap_find(&self->task->caps, a[1], PK_TYPE_NOTIFICATION, PK_RIGHT_USE, &error)))
        return error;
    if (c ? a[2] & ~NOTIFICATION_BITS || a[3] == 0 || a[3] > UINT32_MAX : a[2] || a[3])
        return -EINVAL;
    return call_with_memory(
        self, object_watch(o, c ? notification_of(c->object) : NULL, a[2], (uint32_t)a[3]));
}

long sys_object_read(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct object *o = call_object(self, a[0], PK_RIGHT_USE, a[1], a[3], &error);
    return o ? copy_in_call(self, of_user(self->task->aspace), a[2], of_object(o), a[1], a[3])
             : error;
}

long sys_object_write(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct object *o = call_object(self, a[0], PK_RIGHT_WRITE, a[1], a[3], &error);
    return o ? copy_in_call(self, of_object(o), a[1], of_user(self->task->aspace), a[2], a[3])
             : error;
}

/* Restarting just goes on: what is mapped still is the rest. */
static long unmap_steps(struct thread *self, struct aspace *as, uint64_t start, uint64_t length) {
    long more;
    do {
        int credit = STEP_CREDIT;
        more = aspace_unmap_step(as, start, start + align_up(length, PAGE_SIZE), &credit);
    } while (more > 0 && !call_must_wait());
    return more > 0 ? call_restart(self) : more;
}

static bool bad_range(uint64_t start, uint64_t length) {
    return start % PAGE_SIZE || start < PAGE_SIZE || length == 0 || start >= ARCH_USER_END ||
           length > ARCH_USER_END - start;
}

#define MAP_FLAGS 0x73f

/* What is wrong otherwise is told first. */
static NOINLINE long limits_check(struct aspace *as, const uint64_t *a, struct object *o,
                                  uint32_t rights) {
    bool fixed = a[3] & PK_MAP_FIXED;
    if (fixed && bad_range(a[1], a[2]))
        return -EINVAL;
    long error = aspace_map_check(a[2], a[3], o, a[5], rights);
    return error < 0 ? error : aspace_limits_check(as, fixed ? a[1] : 0, a[2], a[3]);
}

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
    error = task->aspace->limited ? limits_check(task->aspace, a, o, rights) : 0;
    if (error < 0)
        return error;
    if (a[3] & PK_MAP_FIXED) {
        if (bad_range(a[1], a[2]))
            return -EINVAL;
        error = aspace_map_check(a[2], a[3], o, a[5], rights);
        if (error < 0)
            return error; /* before what is there goes */
        error = unmap_steps(self, task->aspace, a[1], a[2]);
        if (error < 0)
            return error; /* or it is to be restarted */
    }
    uint64_t search = call_progress(self);
    long at;
    while ((at = aspace_map(task->aspace, a[1], a[2], a[3], o, a[5], a[6], rights, &search)) == 1)
        if (call_must_wait())
            return call_restart_at(self, search);
    return call_with_memory(self, at);
}

long sys_unmap(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct task *task = call_task_or_own(self, a[0], &error);
    if (!task)
        return error;
    if (bad_range(a[1], a[2]))
        return -EINVAL;
    return unmap_steps(self, task->aspace, a[1], a[2]);
}

long sys_protect(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct task *task = call_task_or_own(self, a[0], &error);
    if (!task)
        return error;
    uint64_t done = call_progress(self);
    long more;
    do {
        int credit = STEP_CREDIT;
        more = aspace_protect_step(task->aspace, a[1], a[2], a[3], &done, &credit);
    } while (more > 0 && !call_must_wait());
    return more > 0 ? call_restart_at(self, done) : more;
}

/* A step over what is left of a range: *done says how far it came. 0: all is done; 1: more to do; or an error. */
typedef long range_step(struct aspace *as, const uint64_t *a, uint64_t end, uint64_t *done);

/* A call on a[0], a task, from a[1] on, a[2] bytes: as many steps as may be taken at once. */
static long range_call(struct thread *self, const uint64_t *a, range_step *step) {
    long error = 0;
    struct task *task = call_task_or_own(self, a[0], &error);
    if (!task)
        return error;
    if (bad_range(a[1], a[2]))
        return -EINVAL;
    uint64_t done = call_progress(self), end = a[1] + align_up(a[2], PAGE_SIZE);
    long more;
    do
        more = step(task->aspace, a, end, &done);
    while (more > 0 && !call_must_wait());
    return more > 0 ? call_restart_at(self, done) : call_with_memory(self, more);
}

static long renew_step(struct aspace *as, const uint64_t *a, uint64_t end, uint64_t *done) {
    int credit = STEP_CREDIT;
    return aspace_renew_step(as, a[1], end, done, &credit);
}

long sys_renew(struct thread *self, const uint64_t *a) {
    return range_call(self, a, renew_step);
}

static long retag_step(struct aspace *as, const uint64_t *a, uint64_t end, uint64_t *done) {
    int credit = STEP_CREDIT;
    return aspace_retag_step(as, a[1], end, a[3], a[4], done, &credit);
}

long sys_retag(struct thread *self, const uint64_t *a) {
    return range_call(self, a, retag_step);
}

/* As a write to each page would make it where writing is allowed, as a read elsewhere. */
static long populate_page(struct aspace *as, uint64_t va) {
    const struct region *r = aspace_region(as, va);
    if (!r)
        return -ENOMEM;
    return aspace_fault(as, va, r->prot & PK_PROT_WRITE ? ACCESS_WRITE : ACCESS_READ);
}

static long populate_step(struct aspace *as, const uint64_t *a, uint64_t end, uint64_t *done) {
    uint64_t va = a[1] + min_u64(*done, end - a[1]);
    long error = va < end ? populate_page(as, va) : 0;
    if (error < 0)
        return error;
    *done = va + PAGE_SIZE - a[1];
    return va + PAGE_SIZE < end;
}

long sys_populate(struct thread *self, const uint64_t *a) {
    return range_call(self, a, populate_step);
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

long sys_region_find(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct task *task = call_task_or_own(self, a[0], &error);
    if (!task)
        return error;
    if (bad_range(a[1], a[2]) || a[3] > (PK_FIND_DATA | PK_FIND_OWN))
        return -EINVAL;
    uint64_t end = a[1] + align_up(a[2], PAGE_SIZE);
    uint64_t va = a[1] + min_u64(align_up(call_progress(self), PAGE_SIZE), end - a[1]);
    long more;
    do {
        int credit = STEP_CREDIT;
        more = aspace_find_step(task->aspace, &va, end, a[3], &credit);
    } while (more > 0 && !call_must_wait());
    return more > 0 ? call_restart_at(self, va - a[1]) : (long)va;
}

/* What the mapping may do, the capability may: a program can map again what it has mapped, and no more. */
static uint32_t rights_of(const struct region *r) {
    uint32_t rights = PK_RIGHT_USE;
    if (r->shared && r->max_prot & PK_PROT_WRITE)
        rights |= PK_RIGHT_WRITE;
    if (r->max_prot & PK_PROT_EXEC)
        rights |= PK_RIGHT_EXECUTE;
    return rights;
}

long sys_region_object(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct task *task = call_task_or_own(self, a[0], &error);
    if (!task)
        return error;
    struct region *r = a[1] < ARCH_USER_END ? aspace_region_at_or_above(task->aspace, a[1]) : NULL;
    if (!r || region_start(r) > a[1] || !r->object)
        return -ENOENT;
    return call_with_memory(self,
                            cap_insert(&self->task->caps, 0, &r->object->kobject, rights_of(r), 0));
}
