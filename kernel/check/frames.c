/* SPDX-License-Identifier: MIT */
/* Frames and slabs (check.h): what was found of them against their counts. */
#include <check/check.h>
#include <mm/account.h>
#include <mm/fault.h>
#include <mm/slab.h>
#include <task/thread.h>

static uint64_t pieces;

bool check_hold(struct frame *f) {
    return check_marked(&f->mark)->refs++ == 0;
}

/* A slab's frame is held by the slab, whose pieces are counted at it. */
void check_piece(const void *piece, size_t size, struct account *account) {
    struct check_mark *m = check_marked(&frame_holding(piece)->mark);
    MUST(slab_holds(piece, size), piece);
    m->slab = true;
    m->refs = 1;
    m->others++;
    pieces++;
    check_charge(account, size);
}

static void see_page(const void *page) {
    check_hold(frame_holding(page));
}

void check_frame_roots(void) {
    pieces = 0;
    check_hold(fault_zero_frame());
    thread_visit_id_pages(see_page);
    slab_visit_spare(see_page);
}

static const struct check_mark *mark_of(const struct frame *f) {
    static const struct check_mark nothing;
    return f->mark.round == check_round ? &f->mark : &nothing;
}

/* An account that nothing else refers to any more may be kept by frames alone, which shared page tables have. */
void check_frame_charges(void) {
    for (uint64_t pa = frames_base; pa < frame_end(); pa += PAGE_SIZE)
        if (frame_is_known(pa) && frame_of(pa)->refs)
            check_charge(frame_of(pa)->account, PAGE_SIZE);
}

/* A frame that is in use. others: the pieces of a slab, or the entries by which it can be written to as a
 * private page, of which nobody else may have it then. */
static void check_frame(struct frame *f, const struct check_mark *m) {
    if (m->slab)
        MUST(!f->account && slab_sound(frame_va(f), m->others), f);
    else
        MUST(!m->others || f->refs == 1, f);
}

void check_frames(void) {
    uint64_t found = 0;
    MUST(frame_lists_sound(), NULL);
    MUST(pieces == slab_objects(), NULL);
    for (uint64_t pa = frames_base; pa < frame_end(); pa += PAGE_SIZE) {
        if (!frame_is_known(pa))
            continue;
        struct frame *f = frame_of(pa);
        const struct check_mark *m = mark_of(f);
        MUST(f->refs == m->refs, f);
        if (!f->refs)
            continue;
        found++;
        check_frame(f, m);
    }
    MUST(found + frame_free_count() == frame_total(), NULL);
}
