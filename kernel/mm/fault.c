/* SPDX-License-Identifier: MIT */
/*
 * Page faults: demand-zero, copy-on-write, object pages. What no region explains is an error for
 * the caller to report. The shared zero frame stands for anonymous memory that was only read.
 */
#include <arch/machine.h>
#include <mm/aspace.h>
#include <mm/fault.h>
#include <mm/frame.h>
#include <mm/megapage.h>
#include <mm/object.h>
#include <mm/table.h>
#include <parley/calls.h>
#include <parley/errno.h>

static struct frame *zero_frame;

void fault_init(void) {
    zero_frame = frame_get_zeroed(NULL);
}

struct frame *fault_zero_frame(void) {
    return zero_frame;
}

static struct frame *copy_frame(struct aspace *as, const struct frame *from) {
    struct frame *f = frame_get(as->account);
    if (f)
        frame_copy(f, from);
    return f;
}

/* A private page without an object: zeros. */
static long fill_anonymous(struct aspace *as, const struct region *r, pte_t *e, bool write) {
    if (!write) {
        table_add(as, e, fault_entry(r, frame_pa(zero_frame), false, false));
        return 0;
    }
    struct frame *f = frame_get_zeroed(as->account);
    if (!f)
        return -ENOMEM;
    table_add(as, e, fault_entry(r, frame_pa(f), true, true));
    return 0;
}

/*
 * A program that reads a page of a file mostly reads its neighbours too: those that are in memory get their
 * entries with it, in a window around it. e: of the page at va, in a leaf table that is as's own.
 */
#define AROUND (16 * PAGE_SIZE)

NOINLINE void fault_fill_around(struct aspace *as, const struct region *r, pte_t *e, uint64_t va) {
    uint64_t start = max_u64(align_down(va, AROUND), region_start(r));
    uint64_t end = min_u64(align_down(va, AROUND) + AROUND, r->end);
    uint64_t first = (r->offset + (start - region_start(r))) >> PAGE_SHIFT;
    uint64_t last = first + ((va - start) >> PAGE_SHIFT), count;
    struct frame *const *f = object_frames(r->object, &first, last, &count);
    start = va - ((last - first) << PAGE_SHIFT);
    count = min_u64(count, (end - start) >> PAGE_SHIFT);
    e -= last - first;
    for (; count; count--, e++, f++)
        if (*f && !pte_present(*e)) {
            frame_hold(*f);
            table_add(as, e, fault_entry(r, frame_pa(*f), false, true));
        }
}

static long fill_from_object(struct aspace *as, const struct region *r, pte_t *e, uint64_t va,
                             bool write) {
    uint64_t offset = r->offset + (align_down(va, PAGE_SIZE) - region_start(r));
    if (offset >= r->object->size)
        return -ENXIO;
    if (r->object->device) {
        table_add(as, e, fault_entry(r, r->object->device + offset, true, false));
        return 0;
    }
    if (r->shared && megapage_fits(r, va))
        return megapage_fill(as, r, e, va, write);
    struct frame *f = object_frame(r->object, offset >> PAGE_SHIFT);
    if (!f)
        return -ENOMEM;
    if (!write) {
        fault_fill_around(as, r, e, align_down(va, PAGE_SIZE));
        return 0;
    }
    if (!r->shared) {
        f = copy_frame(as, f);
        if (!f)
            return -ENOMEM;
    } else {
        frame_hold(f);
        fault_note_write(r->object);
    }
    table_add(as, e, fault_entry(r, frame_pa(f), true, true));
    return 0;
}

/* A write to a present page that is not writable in its entry, though in its region. */
static long make_writable(struct aspace *as, const struct region *r, pte_t *e, uint64_t va) {
    struct frame *old = pte_counted(*e) ? frame_of(pte_pa(*e)) : NULL;
    if (r->shared)
        fault_note_write(r->object);
    if (r->shared || (old && old->refs == 1)) {
        *e = fault_entry(r, pte_pa(*e), true, pte_counted(*e));
        arch_mmu_flush_here(as, align_down(va, PAGE_SIZE));
        return 0;
    }
    struct frame *f = old ? copy_frame(as, old) : frame_get_zeroed(as->account);
    if (!f)
        return -ENOMEM;
    *e = fault_entry(r, frame_pa(f), true, true);
    arch_mmu_flush(as, align_down(va, PAGE_SIZE), PAGE_SIZE);
    if (old)
        frame_put(old);
    return 0;
}

static bool region_allows(const struct region *r, enum access access) {
    switch (access) {
    case ACCESS_WRITE:
        return r->prot & PK_PROT_WRITE;
    case ACCESS_EXECUTE:
        return r->prot & PK_PROT_EXEC;
    case ACCESS_READ:
        return r->prot & (PK_PROT_READ | PK_PROT_WRITE);
    case ACCESS_OVERRIDE:
        return !r->shared || r->prot & PK_PROT_WRITE;
    }
    return false;
}

long aspace_fault(struct aspace *as, uint64_t va, enum access access) {
    struct region *r = va < ARCH_USER_END ? aspace_region(as, va) : NULL;
    if (!r)
        return -EFAULT;
    if (!region_allows(r, access))
        return -EACCES;
    pte_t *e = table_entry(as, va);
    if (!e)
        return megapage_fault(as, r, va, access);
    bool write = access == ACCESS_WRITE || access == ACCESS_OVERRIDE;
    if (!pte_present(*e))
        return r->object ? fill_from_object(as, r, e, va, write) : fill_anonymous(as, r, e, write);
    if (pte_allows(*e, write, access == ACCESS_EXECUTE)) {
        /* Another thread resolved it first, or the TLB remembered the old entry. */
        arch_mmu_flush_here(as, align_down(va, PAGE_SIZE));
        return 0;
    }
    if (write)
        return make_writable(as, r, e, va);
    *e = fault_entry(r, pte_pa(*e), pte_writable(*e), pte_counted(*e));
    arch_mmu_flush_here(as, align_down(va, PAGE_SIZE));
    return 0;
}

void *aspace_resolve(struct aspace *as, uint64_t va, enum access access, long *error) {
    if (va >= ARCH_USER_END) {
        *error = -EFAULT;
        return NULL;
    }
    pte_t e = table_value(as, va);
    if (access == ACCESS_OVERRIDE ||
        !pte_allows(e, access == ACCESS_WRITE, access == ACCESS_EXECUTE)) {
        *error = aspace_fault(as, va, access);
        if (*error < 0)
            return NULL;
        e = table_value(as, va);
    }
    uint64_t pa = pte_pa(e);
    if (!pte_counted(e) && pa != frame_pa(zero_frame)) {
        *error = -EFAULT; /* devices are not copied to or from */
        return NULL;
    }
    return (char *)phys_to_virt(pa) + (va & PAGE_MASK);
}
