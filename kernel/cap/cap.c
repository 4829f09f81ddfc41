/* SPDX-License-Identifier: MIT */
/* Capability tables (cap.h). */
#include <cap/cap.h>
#include <ipc/ipc.h>
#include <mm/account.h>
#include <mm/frame.h>
#include <mm/slab.h>
#include <parley/errno.h>

static const struct cap no_caps[CAP_FIRST]; /* so that `first` can be looked at in any case */

void cap_table_init(struct cap_table *t, struct account *account) {
    *t = (struct cap_table){.first = (struct cap *)(uintptr_t)no_caps, .account = account};
}

#define CAP_CREDIT 16 /* an end that the last reference takes along */

/* Two lists: low slots are given out first, as they are the quick ones. */
static uint32_t *free_list(struct cap_table *t, uint32_t slot) {
    return slot < CAP_FIRST ? &t->first_free : &t->first_free_page;
}

/* Slots below are only taken by name, so that what is handed out never stands in the way. */
static bool is_fixed(uint64_t slot) {
    return slot < PK_SLOT_FIRST_FREE;
}

static void put_free(struct cap_table *t, uint32_t slot) {
    if (is_fixed(slot))
        return;
    uint32_t *list = free_list(t, slot);
    cap_slot(t, slot)->next_free = *list;
    *list = slot;
}

static void link_free(struct cap_table *t, struct cap *slots, uint32_t first, uint32_t count) {
    t->slots = first + count;
    for (uint32_t i = count; i-- > 0;) {
        slots[i].object = NULL;
        slots[i].kind = 0;
        put_free(t, first + i);
    }
}

static void *page_alloc(struct account *account) {
    struct frame *f = frame_get_zeroed(account);
    return f ? frame_va(f) : NULL;
}

static void page_free(void *page) {
    frame_put(frame_of(virt_to_phys(page)));
}

static long grow(struct cap_table *t) {
    if (!t->slots) {
        struct cap *first = slab_alloc(CAP_FIRST * sizeof *t->first, t->account);
        if (!first)
            return -ENOMEM;
        t->first = first;
        link_free(t, t->first, 0, CAP_FIRST);
        return 0;
    }
    if (t->slots + CAP_PAGE_SLOTS > CAP_MAX_SLOTS)
        return -EMFILE;
    uint32_t index = (t->slots - CAP_FIRST) >> CAP_PAGE_SHIFT;
    if (!t->groups && !(t->groups = page_alloc(t->account)))
        return -ENOMEM;
    struct cap ***group = &t->groups[index >> CAP_GROUP_SHIFT];
    if (!*group && !(*group = page_alloc(t->account)))
        return -ENOMEM;
    struct cap *page = page_alloc(t->account);
    if (!page)
        return -ENOMEM;
    (*group)[index & (CAP_GROUP_PAGES - 1)] = page;
    link_free(t, page, t->slots, CAP_PAGE_SLOTS);
    return 0;
}

/* Takes any slot that is free, a low one if there is. */
static long take_slot(struct cap_table *t) {
    if (!t->first_free && !t->first_free_page) {
        long error = grow(t);
        if (error < 0)
            return error;
    }
    uint32_t *list = t->first_free ? &t->first_free : &t->first_free_page, slot = *list;
    *list = cap_slot(t, slot)->next_free;
    return slot;
}

/* Takes a named slot, which is one of the first. */
static long take_named(struct cap_table *t, uint64_t slot) {
    if (slot >= CAP_FIRST)
        return -EINVAL;
    long error = t->slots ? 0 : grow(t);
    if (error < 0)
        return error;
    if (t->first[slot].object)
        return -EEXIST;
    uint32_t *link = &t->first_free;
    while (!is_fixed(slot) && *link != slot)
        link = &t->first[*link].next_free;
    if (!is_fixed(slot))
        *link = t->first[slot].next_free;
    return (long)slot;
}

/* Some rights are counted: when nobody has them any more, that is an end. */
static inline void count_in(struct kobject *object, uint32_t rights) {
    if (object->type == PK_TYPE_ENDPOINT && rights & PK_RIGHT_RECEIVE)
        endpoint_add_receive_cap(object);
    else if (object->type == PK_TYPE_ACCOUNT && rights & PK_RIGHT_MANAGE)
        account_add_holder(object);
}

static inline void count_out(struct kobject *object, uint32_t rights) {
    if (object->type == PK_TYPE_ENDPOINT && rights & PK_RIGHT_RECEIVE)
        endpoint_drop_receive_cap(object);
    else if (object->type == PK_TYPE_ACCOUNT && rights & PK_RIGHT_MANAGE)
        account_drop_holder(object);
}

long cap_insert(struct cap_table *t, uint64_t slot, struct kobject *object, uint32_t rights,
                uint64_t badge) {
    long at = slot ? take_named(t, slot) : take_slot(t);
    if (at < 0)
        return at;
    *cap_slot(t, (uint64_t)at) = (struct cap){
        .object = object, .badge = badge, .rights = rights, .kind = cap_kind(object->type, rights)};
    t->taken++;
    kobject_hold(object);
    count_in(object, rights);
    return at;
}

static inline void release(struct cap_table *t, struct cap *c) {
    struct kobject *object = c->object;
    t->taken--;
    c->object = NULL;
    c->kind = 0;
    count_out(object, c->rights);
    kobject_put(object);
}

long cap_remove(struct cap_table *t, uint64_t slot) {
    struct cap *c = cap_at(t, slot);
    if (!c)
        return -EBADF;
    release(t, c);
    put_free(t, (uint32_t)slot);
    return 0;
}

long cap_error(const struct cap *c, uint32_t type) {
    return !c ? -EBADF : c->object->type != type ? -EINVAL : -EPERM;
}

/* A page of slots; and with the last one its group. */
static void free_page(struct cap_table *t, uint32_t index) {
    struct cap **group = t->groups[index >> CAP_GROUP_SHIFT];
    page_free(group[index & (CAP_GROUP_PAGES - 1)]);
    bool last = CAP_FIRST + ((index + 1) << CAP_PAGE_SHIFT) >= t->slots;
    if (last || (index + 1) % CAP_GROUP_PAGES == 0) {
        page_free(group);
        t->groups[index >> CAP_GROUP_SHIFT] = NULL;
    }
}

/* There may be a group for which there was no page when memory ended. */
static void free_groups(struct cap_table *t) {
    if (!t->groups)
        return;
    struct cap **rest = t->groups[(t->slots - CAP_FIRST) >> CAP_PAGE_SHIFT >> CAP_GROUP_SHIFT];
    if (rest)
        page_free(rest);
    page_free(t->groups);
}

/*
 * The cursor counts slots, as far as any holds something, and when all are empty goes on by the pages
 * that are freed.
 */
bool cap_table_clear(struct cap_table *t, uint32_t *cursor, int *credit) {
    for (; t->taken && *cursor < t->slots; ++*cursor, --*credit) {
        if (*credit <= 0)
            return false;
        struct cap *c = cap_at(t, *cursor);
        if (c) {
            release(t, c);
            *credit -= CAP_CREDIT;
        }
    }
    if (*cursor < t->slots)
        *cursor = t->slots;
    for (; *cursor + CAP_FIRST < 2 * t->slots; *cursor += CAP_PAGE_SLOTS) {
        if (*credit <= 0)
            return false;
        free_page(t, (*cursor - t->slots) >> CAP_PAGE_SHIFT);
        *credit -= FRAME_PUT_CREDIT;
    }
    free_groups(t);
    if (t->slots)
        slab_free(t->first, CAP_FIRST * sizeof *t->first, t->account);
    cap_table_init(t, t->account);
    return true;
}
