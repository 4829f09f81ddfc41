/* SPDX-License-Identifier: MIT */
/*
 * brk, mmap and what belongs to it: kernel calls on the process's own task. Files' memory objects
 * come from the vfs server (files.c).
 */
#include "files.h"
#include "regions.h"

#define PAGE 4096ul
#define TASK 0 /* the caller's own */

#define MAP_SHARED 1
#define MAP_PRIVATE 2
#define MAP_SHARED_VALIDATE 3
#define MAP_TYPE 15
#define MAP_FIXED 0x10
#define MAP_ANONYMOUS 0x20
#define MAP_POPULATE 0x8000
#define MAP_HUGETLB 0x40000
#define MAP_FIXED_NOREPLACE 0x100000
#define MAP_KNOWN 0x17ffffu /* all that MAP_SHARED_VALIDATE knows: not MAP_SYNC */

static uint64_t page_up(uint64_t v) {
    return (v + PAGE - 1) & ~(PAGE - 1);
}

/* False if another thread has moved it meanwhile. */
static bool move_break(uint64_t from, uint64_t to) {
    return __atomic_compare_exchange_n(&state.brk, &from, to, false, __ATOMIC_RELAXED,
                                       __ATOMIC_RELAXED);
}

/*
 * brk(2), the system call: returns the break, moved or not. Threads claim what lies between before they map or
 * unmap it. So of two at once one may find that it was not moved for it, as if there were no memory.
 */
long linux_brk(uint64_t wanted) {
    uint64_t before = state.brk, new = page_up(wanted);
    if (wanted < state.brk_start || new < wanted || !move_break(before, wanted))
        return (long)state.brk;
    uint64_t old = page_up(before);
    long error = 0;
    if (new > old)
        error =
            pk_map(TASK, old, new - old, PK_PROT_READ | PK_PROT_WRITE | PK_MAP_NOREPLACE, 0, 0, 0);
    else if (new < old)
        error = pk_unmap(TASK, new, old - new);
    if (error < 0 && move_break(wanted, before))
        return (long)before;
    return (long)(error < 0 ? state.brk : wanted);
}

static long map_object(uint64_t address, uint64_t length, uint64_t kernel_flags, long object,
                       uint64_t offset, uint64_t tag) {
    if (object < 0)
        return object;
    long at = pk_map(TASK, address, length, kernel_flags, (uint64_t)object, offset, tag);
    must(pk_cap_drop(0, (uint64_t)object));
    return at;
}

/* Memory that several processes will share, paid by this one: its account comes when it is first needed. */
static long shared_object(uint64_t length) {
    return personality_connected(PK_SLOT_ACCOUNT, pk_object_create(page_up(length), 0, 0));
}

static uint64_t mmap_kernel_flags(uint64_t prot, uint64_t flags) {
    uint64_t kernel_flags = prot & (PK_PROT_READ | PK_PROT_WRITE | PK_PROT_EXEC);
    if (flags & MAP_FIXED_NOREPLACE)
        kernel_flags |= PK_MAP_NOREPLACE;
    else if (flags & MAP_FIXED)
        kernel_flags |= PK_MAP_FIXED;
    return (flags & MAP_TYPE) == MAP_PRIVATE ? kernel_flags : kernel_flags | PK_MAP_SHARED;
}

/* What mmap(2) finds wrong with its arguments alone; a bad descriptor comes before most. */
static long mmap_check(uint64_t address, uint64_t length, uint64_t flags, int fd, uint64_t offset) {
    uint64_t type = flags & MAP_TYPE;
    long error = 0;
    if (offset % PAGE)
        return -EINVAL;
    if (length == 0 || (type != MAP_PRIVATE && type != MAP_SHARED && type != MAP_SHARED_VALIDATE))
        error = -EINVAL;
    else if (type == MAP_SHARED_VALIDATE && flags & ~(uint64_t)MAP_KNOWN)
        error = -EOPNOTSUPP;
    else if (length > 1ul << 38 || flags & MAP_HUGETLB) /* there are no huge pages in reserve */
        error = -ENOMEM;
    else if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE) && address % PAGE)
        error = -EINVAL;
    if (error < 0 && !(flags & MAP_ANONYMOUS) && linux_check_descriptor(fd) < 0)
        return -EBADF;
    return error;
}

/* mmap(2). */
long linux_mmap(uint64_t address, uint64_t length, uint64_t prot, uint64_t flags, int fd,
                uint64_t offset) {
    long at = mmap_check(address, length, flags, fd, offset);
    if (at < 0)
        return at;
    uint64_t kernel_flags = mmap_kernel_flags(prot, flags);
    long object = 0;
    if (!(flags & MAP_ANONYMOUS))
        object = linux_mmap_file(fd, (int)prot, (int)flags, offset, page_up(length));
    if (object)
        at = map_object(address, length, kernel_flags, object, offset, 0);
    else if (kernel_flags & PK_MAP_SHARED)
        at = map_object(address, length, kernel_flags, shared_object(length), 0, REGION_ANONYMOUS);
    else
        at = pk_map(TASK, address, length, kernel_flags, 0, 0, 0);
    /* As a write would make the pages; without memory for them they come when they are touched. A file's page that is
     * shared would count as changed. */
    if (at > 0 && flags & MAP_POPULATE && (flags & MAP_TYPE) == MAP_PRIVATE)
        pk_may_fail(pk_populate(TASK, (uint64_t)at, length));
    /* The kernel never maps page 0 nor above its end: Linux's errors for that. */
    if (at == -EINVAL && flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))
        return address < PAGE ? -EPERM : -ENOMEM;
    return at;
}

#define OWN_STACK 256 /* bytes below the frame in use while memory is unmapped */

void unmap_own_stack(const struct foreign_frame *f) __attribute__((noreturn)); /* entry.S */

/* A thread that is not waited for unmaps its stack, and then ends without one (musl). */
long linux_munmap(uint64_t address, uint64_t length, long a2, long a3, long a4, long a5,
                  const struct foreign_frame *f) {
    (void)a2, (void)a3, (void)a4, (void)a5;
    if (address % PAGE || length == 0)
        return -EINVAL;
    /* It ends above the lowest byte in use, and begins below the highest: */
    if ((uint64_t)(f + 1) - 1 - address < length + sizeof *f + OWN_STACK - 1)
        unmap_own_stack(f);
    return pk_unmap(TASK, address, page_up(length));
}

long linux_mprotect(uint64_t address, uint64_t length, uint64_t prot) {
    if (address % PAGE || prot & ~7ul)
        return -EINVAL;
    if (length == 0)
        return 0;
    long error = pk_protect(TASK, address, length, prot);
    return error == -EINVAL ? -ENOMEM : error;
}

long region_at(uint64_t address, struct pk_region_info *r) {
    long error = pk_region_info(TASK, address, r);
    return error < 0 || r->start > address ? -ENOMEM : 0;
}

long regions_cover(uint64_t address, uint64_t length) {
    for (uint64_t at = address; at < address + length;) {
        struct pk_region_info r;
        long error = region_at(at, &r);
        if (error < 0)
            return error;
        at = r.start + r.length;
    }
    return 0;
}

#define MS_ASYNC 1
#define MS_INVALIDATE 2
#define MS_SYNC 4

/*
 * msync(2): a file's pages are its mapping's. But a file has changed when one of them is written to first, and what is
 * written from now on shall be seen to change it again.
 */
long linux_msync(uint64_t address, uint64_t length, int flags) {
    uint64_t end = address + page_up(length);
    struct pk_region_info r;
    if (address % PAGE || flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC) ||
        (flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC))
        return -EINVAL;
    if (end < address)
        return -ENOMEM;
    long error = regions_cover(address, end - address);
    for (uint64_t at = address; error >= 0 && at < end; at = r.start + r.length) {
        error = region_at(at, &r);
        uint64_t stop = r.start + r.length < end ? r.start + r.length : end;
        if (error >= 0 && r.prot & PK_MAP_SHARED && r.prot & PK_PROT_WRITE)
            error = pk_renew(TASK, at, stop - at);
    }
    return error;
}

/* Memory is never written out, so locking it is nothing to do. */
long linux_mlock(uint64_t address, uint64_t length) {
    return regions_cover(address & ~(PAGE - 1), page_up(length + address % PAGE));
}
