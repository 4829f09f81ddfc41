/* SPDX-License-Identifier: MIT */
/*
 * mremap(2). What is shared is mapped once more, and then no more where it was. What is private is copied: from
 * anonymous memory only what is not zero, and from a file's as far as the file reaches.
 */
#include "regions.h"

#define PAGE 4096ul
#define TASK 0 /* the caller's own */

#define MREMAP_MAYMOVE 1ul
#define MREMAP_FIXED 2ul

/* What is asked for; lengths in whole pages. */
struct remap {
    struct pk_region_info region; /* all of the old range */
    uint64_t old, old_length;
    uint64_t new, new_length; /* new: 0 for anywhere */
};

static uint64_t page_up(uint64_t v) {
    return (v + PAGE - 1) & ~(PAGE - 1);
}

/* Maps what is at the old address, and goes on behind it, somewhere else. */
static long map_again(const struct remap *m, uint64_t from, uint64_t address, uint64_t length,
                      uint64_t prot) {
    const struct pk_region_info *r = &m->region;
    if (!r->has_object)
        return pk_map(TASK, address, length, prot, 0, 0, r->tag);
    long object = pk_region_object(TASK, m->old);
    if (object < 0)
        return object;
    long at = pk_map(TASK, address, length, prot, (uint64_t)object, r->offset + (from - r->start),
                     r->tag);
    must(pk_cap_drop(0, (uint64_t)object));
    return at;
}

static void copy_anonymous(uint64_t to, uint64_t from, uint64_t length) {
    const uint64_t *source = (const uint64_t *)from;
    uint64_t *target = (uint64_t *)to;
    for (uint64_t i = 0; i < length / sizeof *target; i++)
        if (source[i])
            target[i] = source[i];
}

/* Behind a file's end nothing can be read, nor was anything written. */
static void copy_of_file(uint64_t to, uint64_t from, uint64_t length) {
    for (uint64_t done = 0; done < length; done += PAGE)
        if (personality_copy((void *)(to + done), (const void *)(from + done), PAGE) < 0)
            return;
}

static long copy_private(const struct remap *m, uint64_t to, uint64_t length) {
    uint64_t prot = m->region.prot;
    if (!(prot & PK_PROT_READ)) {
        long error = pk_protect(TASK, m->old, length, PK_PROT_READ);
        if (error < 0)
            return error;
    }
    if (m->region.has_object)
        copy_of_file(to, m->old, length);
    else
        copy_anonymous(to, m->old, length);
    return pk_protect(TASK, to, m->new_length, prot);
}

/* With an old length of 0 shared memory stays where it was, too. */
static long move(const struct remap *m) {
    bool shared = m->region.prot & PK_MAP_SHARED;
    uint64_t prot = shared ? m->region.prot : PK_PROT_READ | PK_PROT_WRITE;
    uint64_t length = m->old_length < m->new_length ? m->old_length : m->new_length;
    long at = map_again(m, m->old, m->new, m->new_length, m->new ? prot | PK_MAP_FIXED : prot);
    if (at < 0)
        return at;
    long error = shared ? 0 : copy_private(m, (uint64_t)at, length);
    if (error >= 0 && m->old_length)
        error = pk_unmap(TASK, m->old, m->old_length);
    if (error >= 0)
        return at;
    /* What could not be undone either is mapped until the end. */
    pk_may_fail(pk_protect(TASK, m->old, length, m->region.prot & 7));
    pk_may_fail(pk_unmap(TASK, (uint64_t)at, m->new_length));
    return error;
}

static long shrink(const struct remap *m) {
    if (m->new_length == m->old_length)
        return (long)m->old;
    long error = pk_unmap(TASK, m->old + m->new_length, m->old_length - m->new_length);
    return error < 0 ? error : (long)m->old;
}

static long grow(const struct remap *m, uint64_t flags) {
    uint64_t end = m->old + m->old_length;
    if (m->old_length && map_again(m, end, end, m->new_length - m->old_length,
                                   m->region.prot | PK_MAP_NOREPLACE) >= 0)
        return (long)m->old;
    return flags & MREMAP_MAYMOVE ? move(m) : -ENOMEM;
}

static bool fixed_fits(const struct remap *m, uint64_t flags) {
    return flags & MREMAP_MAYMOVE && m->new % PAGE == 0 && m->new >= PAGE &&
           m->new + m->new_length >= m->new &&
           (m->new + m->new_length <= m->old || m->old + m->old_length <= m->new);
}

/* Does the region at an address go on with what ends there, as if both were one? */
static bool goes_on(const struct pk_region_info *r, uint64_t end,
                    const struct pk_region_info *next) {
    return next->start == end && next->prot == r->prot && next->tag == r->tag &&
           next->has_object == r->has_object &&
           (!r->has_object ||
            (next->object_id == r->object_id && next->offset == r->offset + (end - r->start)));
}

/* All of the range is to be one mapping; the kernel may keep it in pieces. */
static long find(struct remap *m) {
    struct pk_region_info next;
    if (region_at(m->old, &m->region) < 0 || m->old + m->old_length < m->old)
        return -EFAULT;
    for (uint64_t end = m->region.start + m->region.length; end < m->old + m->old_length;
         end = next.start + next.length)
        if (region_at(end, &next) < 0 || !goes_on(&m->region, end, &next))
            return -EFAULT;
    return m->old_length || m->region.prot & PK_MAP_SHARED ? 0 : -EINVAL;
}

long linux_mremap(uint64_t old, uint64_t old_length, uint64_t new_length, uint64_t flags,
                  uint64_t new) {
    struct remap m = {.old = old, .old_length = page_up(old_length)};
    m.new_length = page_up(new_length);
    if (old % PAGE || !m.new_length || flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED))
        return -EINVAL;
    if (flags & MREMAP_FIXED) {
        m.new = new;
        if (!fixed_fits(&m, flags))
            return -EINVAL;
        /* What is too long goes first, whatever is mapped there. */
        uint64_t rest = m.old_length > m.new_length ? m.old_length - m.new_length : 0;
        m.old_length -= rest;
        long error = find(&m);
        if (error >= 0 && rest)
            error = pk_unmap(TASK, old + m.old_length, rest);
        return error < 0 ? error : move(&m);
    }
    /* Shrinking is unmapping, of as many regions as there are. */
    if (m.old_length && m.new_length <= m.old_length)
        return regions_cover(old, m.old_length) < 0 ? -EFAULT : shrink(&m);
    long error = find(&m);
    return error < 0 ? error : grow(&m, flags);
}
