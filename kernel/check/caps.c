/* SPDX-License-Identifier: MIT */
/* Capability tables (check.h). */
#include <check/check.h>
#include <mm/account.h>
#include <task/task.h>

/* Rights that are counted at the object: mark.others. */
static bool is_counted(const struct cap *c) {
    return (c->object->type == PK_TYPE_ENDPOINT && c->rights & PK_RIGHT_RECEIVE) ||
           (c->object->type == PK_TYPE_ACCOUNT && c->rights & PK_RIGHT_MANAGE);
}

static void visit_slots(const struct cap_table *t) {
    uint32_t taken = 0;
    for (uint32_t slot = 0; slot < t->slots; slot++) {
        const struct cap *c = cap_at(t, slot);
        if (!c)
            continue;
        taken++;
        MUST(slot && c->kind == cap_kind(c->object->type, c->rights), c);
        check_refer(c->object);
        if (is_counted(c))
            check_other(c->object);
    }
    MUST(taken == t->taken, t);
}

static uint32_t free_length(const struct cap_table *t, uint32_t slot, bool first) {
    uint32_t length = 0;
    for (; slot && length <= t->slots; slot = cap_slot(t, slot)->next_free, length++)
        MUST(!cap_at(t, slot) && (slot < CAP_FIRST) == first && slot >= PK_SLOT_FIRST_FREE, t);
    return length;
}

/* Every slot that may be given out is taken or in a list. */
static void visit_free(const struct cap_table *t) {
    uint32_t named = 0;
    for (uint32_t slot = 0; slot < PK_SLOT_FIRST_FREE; slot++)
        named += cap_at(t, slot) == NULL;
    uint32_t unused =
        free_length(t, t->first_free, true) + free_length(t, t->first_free_page, false);
    MUST(t->taken + unused + named == t->slots, t);
}

static void hold_page(const void *page, struct account *account) {
    struct frame *f = frame_holding(page);
    check_hold(f);
    MUST(f->account == account, f);
}

/* From page `freed` on: a table that ends is freed from its beginning. */
static void visit_pages(const struct cap_table *t, uint32_t freed) {
    if (!t->groups)
        return;
    hold_page(t->groups, t->account);
    uint32_t pages = (t->slots - CAP_FIRST) >> CAP_PAGE_SHIFT;
    for (uint32_t i = freed; i < pages; i++)
        hold_page(t->groups[i >> CAP_GROUP_SHIFT][i & (CAP_GROUP_PAGES - 1)], t->account);
    for (uint32_t g = 0; g < CAP_GROUP_PAGES; g++)
        if (t->groups[g])
            hold_page(t->groups[g], t->account);
}

void check_caps(struct task *task) {
    const struct cap_table *t = &task->caps;
    if (!t->slots)
        return;
    check_piece(t->first, CAP_FIRST * sizeof *t->first, t->account);
    bool ending = task->clear_cursor != 0, emptied = ending && task->clear_cursor >= t->slots;
    if (!emptied)
        visit_slots(t);
    if (!ending)
        visit_free(t);
    visit_pages(t, emptied ? (task->clear_cursor - t->slots) >> CAP_PAGE_SHIFT : 0);
}
