/* SPDX-License-Identifier: MIT */
/*
 * Capability tables. A task reaches kernel objects only through slots of its table: object,
 * rights, badge. Slot 0 is never used; those below PK_SLOT_FIRST_FREE are filled by name, the others given out. The first slots, all that most tasks need, are one small
 * array; the rest comes a page at a time, so that a table grows without moving.
 */
#ifndef CAP_CAP_H
#define CAP_CAP_H

#include <cap/kobject.h>
#include <parley/calls.h>

#define CAP_FIRST 32     /* slots in the first array */
#define CAP_PAGE_SHIFT 7 /* 128 slots a page */
#define CAP_PAGE_SLOTS (1u << CAP_PAGE_SHIFT)
#define CAP_MAX_SLOTS (1u << PK_CAP_BITS) /* as they travel in messages */
#define CAP_GROUP_SHIFT 9                 /* 512 pages a group: a page of pointers to them */
#define CAP_GROUP_PAGES (1u << CAP_GROUP_SHIFT)

struct cap {
    struct kobject *object; /* NULL: free */
    uint64_t badge;
    uint32_t rights;
    uint32_t next_free; /* of a free slot */
    uint64_t kind;      /* type and rights as cap_kind() puts them together; 0: free */
};

/* One comparison, under a mask, instead of three: is it there, of that type, with these rights? */
static inline uint64_t cap_kind(uint32_t type, uint32_t rights) {
    return (uint64_t)type << 5 | rights;
}
#define CAP_ANY_TYPE 15 /* all the bits of a type: for the mask */

struct cap_table {
    struct cap *first;
    struct cap ***groups; /* one page of pointers to groups */
    uint32_t slots;
    uint32_t first_free;      /* of the first array's slots; 0: none */
    uint32_t first_free_page; /* of the others */
    uint32_t taken;           /* slots that hold something */
    struct account *account;
};

void cap_table_init(struct cap_table *t, struct account *account);
/* Drops capabilities and, when none are left, the table, as far as the credit goes; true when done. */
bool cap_table_clear(struct cap_table *t, uint32_t *cursor, int *credit);

/* The slot itself; it must be below t->slots. */
static inline struct cap *cap_slot(const struct cap_table *t, uint64_t slot) {
    if (slot < CAP_FIRST)
        return &t->first[slot];
    slot -= CAP_FIRST;
    uint64_t page = slot >> CAP_PAGE_SHIFT;
    return &t->groups[page >> CAP_GROUP_SHIFT][page & (CAP_GROUP_PAGES - 1)]
                     [slot & (CAP_PAGE_SLOTS - 1)];
}

/* The capability in a slot, or NULL. */
static inline struct cap *cap_at(const struct cap_table *t, uint64_t slot) {
    if (slot >= t->slots)
        return NULL;
    struct cap *c = cap_slot(t, slot);
    return c->object ? c : NULL;
}

/* Why c (or NULL) is not what is asked for. */
long cap_error(const struct cap *c, uint32_t type);
/*
 * The object in a slot if it has the type and all the rights, else NULL and *error = -EBADF (empty
 * slot), -EINVAL (other type) or -EPERM (rights).
 */
static inline struct cap *cap_find(const struct cap_table *t, uint64_t slot, uint32_t type,
                                   uint32_t rights, long *error) {
    struct cap *c = cap_at(t, slot);
    if (c && (c->kind & cap_kind(CAP_ANY_TYPE, rights)) == cap_kind(type, rights))
        return c;
    *error = cap_error(c, type);
    return NULL;
}

/*
 * Puts a capability to object (its reference count raised) into slot, or into any that is given out if slot
 * is 0. Returns the slot, -EEXIST if that slot is taken, -EINVAL if out of range, -ENOMEM, -EMFILE.
 */
long cap_insert(struct cap_table *t, uint64_t slot, struct kobject *object, uint32_t rights,
                uint64_t badge);
/* 0 or -EBADF. */
long cap_remove(struct cap_table *t, uint64_t slot);

#endif
