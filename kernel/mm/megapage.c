/* SPDX-License-Identifier: MIT */
/* Faults that lead to megapages, or come upon one (megapage.h). */
#include <mm/megapage.h>
#include <mm/fault.h>
#include <mm/table.h>
#include <parley/errno.h>

/*
 * Who fills memory from end to end takes a fault for each page. Once a whole window of pages has entries, the next fault
 * behind it fills a window, too. So who touches a page here and there has just those, and who fills all has few faults. A
 * window takes some 5,000 instructions, and so does a megapage that comes with the last one.
 */
#define WINDOW 8

/* How many pages to fill from e's on: a window, if one begins there and the one before it in the table is full. */
static unsigned window_at(const pte_t *e) {
    unsigned index = (unsigned)((uintptr_t)e % PAGE_SIZE / sizeof *e), count = 1;
    if (index % WINDOW || index == 0)
        return 1;
    for (unsigned i = 1; i <= WINDOW; i++)
        if (!pte_present(e[-(int)i]))
            return 1;
    while (count < WINDOW && !pte_present(e[count]))
        count++;
    return count;
}

/* row: the object's frames from there on. */
static bool set_if_whole(struct aspace *as, const struct region *r, uint64_t va,
                         struct frame *const *row, bool write) {
    const struct frame *first = object_megapage(row);
    if (first)
        table_set_megapage(as, va, fault_entry(r, frame_pa(first), write, true));
    return first != NULL;
}

long megapage_fill(struct aspace *as, const struct region *r, pte_t *e, uint64_t va, bool write) {
    uint64_t index = (r->offset + (va - region_start(r))) >> PAGE_SHIFT;
    uint64_t resident = r->object->resident;
    unsigned count = window_at(e);
    struct frame *const *f = object_fill(r->object, index, &count);
    if (!count)
        return -ENOMEM;
    if (write)
        fault_note_write(r->object);
    if (r->object->resident == resident) { /* nothing new */
        if (set_if_whole(as, r, va, f, write))
            return 0;
        if (!write) {
            fault_fill_around(as, r, e, align_down(va, PAGE_SIZE));
            return 0;
        }
    }
    pte_t like = fault_entry(r, 0, write, true);
    for (unsigned i = 0; i < count; i++) {
        frame_hold(f[i]);
        table_add(as, &e[i], pte_further(like, frame_pa(f[i]) >> PAGE_SHIFT));
    }
    if (r->object->resident != resident)
        set_if_whole(as, r, va, f, write);
    return 0;
}

/* Another thread may have resolved it first. What others remember of less rights costs them a fault. */
long megapage_fault(struct aspace *as, const struct region *r, uint64_t va, enum access access) {
    pte_t *e = table_megapage(as, va);
    bool write = access == ACCESS_WRITE || access == ACCESS_OVERRIDE;
    if (!e)
        return -ENOMEM;
    if (write && !pte_writable(*e))
        fault_note_write(r->object);
    *e = fault_entry(r, pte_pa(*e), write || pte_writable(*e), true);
    arch_mmu_flush_here(as, align_down(va, PAGE_SIZE));
    return 0;
}
