/* SPDX-License-Identifier: MIT */
/* Regions and objects in one address space. Clones and quotas are in memory_share.c. */
#include "memory.h"
#include <string.h>

uint64_t map_at(uint64_t address, uint64_t pages, uint64_t flags, uint64_t object,
                uint64_t offset) {
    long at = pk_map(0, address, pages * PAGE, flags, object, offset, 0);
    CHECK(at > 0);
    return (uint64_t)at;
}

void unmap(uint64_t at, uint64_t pages) {
    IS(pk_unmap(0, at, pages * PAGE), 0);
}

uint64_t resident(void) {
    struct pk_task_info info = {0};
    IS(pk_task_info(PK_SLOT_SERVER_TASK, &info), 0);
    return info.resident;
}

/* The kernel's way of touching memory, which gives an error instead of a fault. */
long touch_read(uint64_t at) {
    char c;
    return pk_task_copy_in(PK_SLOT_SERVER_TASK, &c, at, 1);
}
long touch_write(uint64_t at) {
    char c = 1;
    return pk_task_copy_out(PK_SLOT_SERVER_TASK, at, &c, 1);
}

static void demand_zero(void) {
    uint64_t before = resident(), at = map_at(0, 1000, RW, 0, 0);
    volatile uint64_t *p = (volatile uint64_t *)at;
    IS(resident(), before);
    for (unsigned i = 0; i < 1000; i++)
        if (!IS(p[i * 512 + i % 512], 0))
            break;
    for (unsigned i = 0; i < 1000; i++)
        p[i * 512 + i % 512] = i + 1;
    for (unsigned i = 0; i < 1000; i++)
        if (!IS(p[i * 512 + i % 512], i + 1))
            break;
    IS(resident(), before + 1000);
    unmap(at, 1000);
    IS(resident(), before);
    IS(touch_read(at), -EFAULT);
    at = map_at(at, 1000, RW | PK_MAP_FIXED, 0, 0);
    IS(p[512 * 3 + 3], 0); /* not what was there before */
    unmap(at, 1000);
}

static void check_region(uint64_t address, uint64_t start, uint64_t pages, uint32_t prot,
                         uint64_t offset) {
    struct pk_region_info r;
    IS(pk_region_info(0, address, &r), 0);
    IS(r.start, start);
    IS(r.length, pages * PAGE);
    IS(r.prot, prot);
    IS(r.offset, offset);
}

static void splitting(void) {
    uint64_t object = SLOT(pk_object_create(64 * PAGE, 0, 0));
    uint64_t at = map_at(0, 16, RW | PK_MAP_SHARED, object, 8 * PAGE);
    for (uint64_t i = 0; i < 16; i++)
        *(volatile uint64_t *)(at + i * PAGE) = 100 + i;
    IS(pk_protect(0, at + 4 * PAGE, 4 * PAGE, PK_PROT_READ), 0);
    check_region(at, at, 4, RW | PK_MAP_SHARED, 8 * PAGE);
    check_region(at + 5 * PAGE, at + 4 * PAGE, 4, PK_PROT_READ | PK_MAP_SHARED, 12 * PAGE);
    check_region(at + 8 * PAGE, at + 8 * PAGE, 8, RW | PK_MAP_SHARED, 16 * PAGE);
    IS(touch_write(at + 5 * PAGE), -EFAULT);
    IS(touch_read(at + 5 * PAGE), 1);
    IS(touch_write(at + 8 * PAGE + 8), 1);
    IS(pk_unmap(0, at + 6 * PAGE, 4 * PAGE), 0);
    check_region(at + 6 * PAGE, at + 10 * PAGE, 6, RW | PK_MAP_SHARED, 18 * PAGE);
    IS(touch_read(at + 6 * PAGE), -EFAULT);
    IS(*(volatile uint64_t *)(at + 10 * PAGE), 110);
    IS(pk_protect(0, at, 16 * PAGE, RW), -ENOMEM); /* a hole */
    check_region(at + 5 * PAGE, at + 4 * PAGE, 2, PK_PROT_READ | PK_MAP_SHARED, 12 * PAGE);
    IS(pk_protect(0, at, 6 * PAGE, RW), 0);
    IS(touch_write(at + 5 * PAGE + 8), 1);
    uint64_t value;
    for (uint64_t i = 0; i < 16; i++) {
        IS(pk_object_read(object, (8 + i) * PAGE, &value, 8), 8);
        IS(value, 100 + i);
    }
    unmap(at, 16);
    unmap(at, 16); /* nothing there: no error */
    drop(object);
}

/* A call that fails has changed nothing. */
static void failed_map(void) {
    uint64_t object = SLOT(pk_object_create(4 * PAGE, 0, 0));
    uint64_t constant = SLOT(pk_cap_copy(object, 0, 0, PK_RIGHT_USE, 0));
    uint64_t at = map_at(0, 4, RW, 0, 0);
    *(volatile uint64_t *)at = 42;
    uint64_t fixed = PK_MAP_FIXED;
    IS(pk_map(0, at, PAGE, RW | fixed, object, 7, 0), -EINVAL);
    IS(pk_map(0, at, PAGE, RW | fixed, object, ~0ull << 12, 0), -EINVAL);
    IS(pk_map(0, at, PAGE, RW | fixed | PK_MAP_SHARED, 0, 0, 0), -EINVAL);
    IS(pk_map(0, at, PAGE, RW | fixed | PK_MAP_SHARED, constant, 0, 0), -EACCES);
    IS(pk_map(0, at, PAGE, PK_PROT_EXEC | fixed, constant, 0, 0), -EACCES);
    IS(pk_map(0, at, PAGE, RW | fixed | PK_PROT_READ << PK_MAP_MAX_SHIFT, 0, 0, 0), -EACCES);
    IS(pk_map(0, at, PAGE, RW | PK_MAP_NOREPLACE, 0, 0, 0), -EEXIST);
    IS(pk_map(0, at - PAGE * 3, PAGE * 4, RW | PK_MAP_NOREPLACE, 0, 0, 0), -EEXIST);
    IS(pk_map(0, at, 0, RW | fixed, 0, 0, 0), -EINVAL);
    IS(pk_map(0, at + 1, PAGE, RW | fixed, 0, 0, 0), -EINVAL);
    IS(pk_map(0, USER_END - PAGE, 2 * PAGE, RW | fixed, 0, 0, 0), -EINVAL);
    IS(pk_map(0, 0, PAGE, RW | fixed, 0, 0, 0), -EINVAL);
    IS(pk_map(0, at, ~0ull, RW | fixed, 0, 0, 0), -EINVAL);
    IS(pk_map(0, 0, USER_END, RW, 0, 0, 0), -ENOMEM);
    IS(pk_map(0, 0, PAGE, 1ull << 40 | RW, 0, 0, 0), -EINVAL);
    IS(touch_read(at), 1);
    if (touch_read(at) == 1)
        IS(*(volatile uint64_t *)at, 42);
    check_region(at, at, 4, RW, 0);
    unmap(at, 4);
    drop(object);
    drop(constant);
}

static void private_and_shared(void) {
    uint64_t object = SLOT(pk_object_create(2 * PAGE, 0, 0)), value = 7;
    IS(pk_object_write(object, PAGE, &value, 8), 8);
    volatile uint64_t *s = (volatile uint64_t *)map_at(0, 2, RW | PK_MAP_SHARED, object, 0);
    volatile uint64_t *p = (volatile uint64_t *)map_at(0, 2, RW, object, 0);
    volatile uint64_t *q = (volatile uint64_t *)map_at(0, 2, PK_PROT_READ, object, PAGE);
    IS(s[512], 7);
    IS(p[512], 7);
    IS(q[0], 7);
    s[512] = 8; /* private pages that were not written still follow the object */
    IS(p[512], 8);
    IS(q[0], 8);
    p[512] = 9;
    IS(s[512], 8);
    s[512] = 10;
    IS(p[512], 9);
    IS(q[0], 10);
    IS(touch_read((uint64_t)q + PAGE), -EFAULT); /* beyond the object's end */
    IS(pk_object_resize(object, 3 * PAGE), 0);
    IS(touch_read((uint64_t)q + PAGE), 1);
    unmap((uint64_t)s, 2);
    unmap((uint64_t)p, 2);
    unmap((uint64_t)q, 2);
    drop(object);
}

static void resize(void) {
    uint64_t object = SLOT(pk_object_create(8 * PAGE, 0, 0));
    uint64_t at = map_at(0, 8, RW | PK_MAP_SHARED, object, 0);
    memset((void *)at, 0x55, 8 * PAGE);
    IS(pk_object_resize(object, 2 * PAGE + 100), 0);
    struct pk_object_info info;
    IS(pk_object_info(object, &info), 0);
    IS(info.size, 2 * PAGE + 100);
    IS(info.resident, 3);
    const unsigned char *last = (const unsigned char *)at + 2 * PAGE;
    CHECK(last[99] == 0x55 && last[100] == 0 && last[PAGE - 1] == 0);
    IS(touch_read(at + 3 * PAGE), -EFAULT);
    IS(touch_read(at + 7 * PAGE), -EFAULT);
    IS(pk_object_resize(object, 8 * PAGE), 0);
    CHECK(*(volatile unsigned char *)(at + 7 * PAGE) == 0);
    IS(pk_object_resize(object, 0), 0);
    IS(touch_read(at), -EFAULT);
    unsigned char byte = 1;
    IS(pk_object_write(object, 0, &byte, 1), -EINVAL);
    IS(pk_object_resize(object, 1ull << 40), 0);
    IS(pk_object_write(object, (1ull << 40) - 1, &byte, 1), 1);
    IS(pk_object_resize(object, (1ull << 40) + 1), -EFBIG);
    IS(pk_object_info(object, &info), 0);
    IS(info.resident, 1);
    unmap(at, 8);
    drop(object);
}

/* The search's end, however many calls it takes. */
static uint64_t find_all(uint64_t object, uint64_t from, uint64_t what) {
    for (;;) {
        long next = pk_object_find(object, from, what);
        if (next < 0 || (uint64_t)next == from)
            return next < 0 ? ~0ull : from;
        from = (uint64_t)next;
    }
}

static void holes(void) {
    const uint64_t size = (1ull << 38) + 100, far = 1ull << 37;
    uint64_t object = SLOT(pk_object_create(size, 0, 0));
    unsigned char byte = 1;
    IS(find_all(object, 5, PK_FIND_HOLE), 5);
    IS(find_all(object, 5, PK_FIND_DATA), size);
    IS(pk_object_write(object, 7, &byte, 1), 1);
    IS(pk_object_write(object, PAGE, &byte, 1), 1);
    IS(pk_object_write(object, far, &byte, 1), 1);
    IS(pk_object_write(object, size - 1, &byte, 1), 1);
    IS(find_all(object, 5, PK_FIND_DATA), 5);
    IS(find_all(object, 5, PK_FIND_HOLE), 2 * PAGE);
    IS(find_all(object, 2 * PAGE, PK_FIND_DATA), far);
    IS(find_all(object, far, PK_FIND_HOLE), far + PAGE);
    IS(find_all(object, far + PAGE, PK_FIND_DATA), size - 100);
    IS(find_all(object, size - 100, PK_FIND_HOLE), size);
    struct pk_object_info info;
    uint64_t at = map_at(0, 1, RW | PK_MAP_SHARED, object, 0);
    IS(pk_object_discard(object, 0, PAGE), -EBUSY);
    unmap(at, 1);
    IS(pk_object_discard(object, 0, PAGE), 0);
    IS(find_all(object, 0, PK_FIND_DATA), PAGE);
    long more = 0;
    for (uint64_t from = PAGE; (from = find_all(object, from, PK_FIND_DATA)) < far + PAGE;)
        more |= pk_object_discard(object, from, far + PAGE - from);
    CHECK(more >= 0);
    IS(pk_object_info(object, &info), 0);
    IS(info.resident, 1);
    IS(pk_object_read(object, far, &byte, 1), 1);
    IS(byte, 0);
    drop(object);
    object = SLOT(pk_object_create(300 * PAGE, 0, 0));
    for (uint64_t i = 0; i < 300; i++)
        IS(pk_object_write(object, i * PAGE, &byte, 1), 1);
    IS(pk_object_discard(object, PAGE, 298 * PAGE), 1);
    IS(pk_object_discard(object, PAGE, 298 * PAGE), 1);
    while ((more = pk_object_discard(object, PAGE, 298 * PAGE)) == 1)
        ;
    IS(more, 0);
    IS(find_all(object, PAGE, PK_FIND_DATA), 299 * PAGE);
    drop(object);
}

/* Which pages are in the page table, and which of them are the address space's own. */
static void pages_found(void) {
    const uint64_t far = 1ull << 33;
    uint64_t object = SLOT(pk_object_create(4 * PAGE, 0, 0)), at = map_at(0, 4, RW, object, 0);
    unsigned char byte = 1;
    IS(pk_object_write(object, 0, &byte, 1), 1);
    *(volatile unsigned char *)(at + PAGE) = 1;
    CHECK(*(volatile unsigned char *)at == 1);
    IS(pk_region_find(0, at, 4 * PAGE, PK_FIND_DATA), at);
    IS(pk_region_find(0, at, 4 * PAGE, PK_FIND_DATA | PK_FIND_OWN), at + PAGE);
    IS(pk_region_find(0, at + PAGE, 3 * PAGE, PK_FIND_OWN), at + 2 * PAGE);
    IS(pk_region_find(0, at, PAGE, PK_FIND_DATA | PK_FIND_OWN), at + PAGE);
    IS(pk_region_find(0, at, PAGE, PK_FIND_HOLE), at + PAGE);
    unmap(at, 4);
    at = map_at(0, 4, RW | PK_MAP_SHARED, object, 0);
    *(volatile unsigned char *)at = 1;
    IS(pk_region_find(0, at, 4 * PAGE, PK_FIND_DATA), at);
    IS(pk_region_find(0, at, 4 * PAGE, PK_FIND_DATA | PK_FIND_OWN), at + 4 * PAGE);
    unmap(at, 4);
    drop(object);
    at = map_at(0, far / PAGE, RW, 0, 0);
    CHECK(*(volatile unsigned char *)at == 0); /* read only: zeros that are everybody's */
    *(volatile unsigned char *)(at + far - PAGE) = 1;
    IS(pk_region_find(0, at, far, PK_FIND_DATA), at);
    IS(pk_region_find(0, at, far, PK_FIND_DATA | PK_FIND_OWN), at + far - PAGE);
    IS(pk_region_find(0, at, far, PK_FIND_OWN), at);
    IS(pk_region_find(0, at + PAGE, far - PAGE, PK_FIND_HOLE), at + PAGE);
    IS(pk_protect(0, at, far, 0), 0);
    IS(pk_region_find(0, at, far, PK_FIND_DATA | PK_FIND_OWN), at + far - PAGE);
    unmap(at, far / PAGE);
    IS(pk_region_find(0, at, far, PK_FIND_DATA), at + far);
    IS(pk_region_find(0, at, far, PK_FIND_HOLE), at);
}

/*
 * A watched object: who maps it counts, whoever's task ends or parts what it has, and when only its holder has it that is
 * told once.
 */
static void watched(void) {
    uint64_t object = SLOT(pk_object_create(3 * PAGE, 0, 0)), mine = 2;
    uint64_t events = SLOT(pk_notification_create());
    uint64_t task = SLOT(pk_task_create(PK_SLOT_ACCOUNT, 0));
    uint64_t clone = SLOT(pk_task_create(PK_SLOT_ACCOUNT, 0));
    struct pk_object_info info;
    uint64_t at = map_at(0, 3, RW | PK_MAP_SHARED, object, 0);
    IS(pk_object_watch(object, 0, 0, 0), -EBUSY);
    unmap(at, 3);
    IS(pk_object_watch(object, 0, 0, 0), 0);
    IS(pk_object_watch(object, events, 5, 1), 1);
    IS(pk_wait(events, PK_NONBLOCK), -EAGAIN);
    uint64_t other = SLOT(pk_cap_copy(object, 0, 0, PK_RIGHT_USE, 0));
    IS(pk_object_info(object, &info), 0);
    CHECK(info.mapped_ns == 0 && info.unmapped_ns == 0 && info.by == 0);
    CHECK(pk_map(task, PAGE, 3 * PAGE, RW, object, 0, 0) == PAGE);
    IS(pk_object_watch(object, events, 5, mine), 0);
    IS(pk_object_info(object, &info), 0);
    IS(info.refs, mine + 1);
    CHECK(info.mapped_ns != 0 && info.unmapped_ns == 0);
    IS(pk_unmap(task, 2 * PAGE, PAGE), 0);
    IS(pk_task_clone(clone, task, 0), 0);
    IS(pk_object_info(object, &info), 0);
    IS(info.refs, mine + 4);
    IS(pk_object_watch(object, events, 6, mine), 0); /* anew, with other bits */
    IS(pk_task_kill(task), 0);
    IS(pk_object_info(object, &info), 0);
    IS(info.refs, mine + 2);
    CHECK(info.unmapped_ns > info.mapped_ns);
    IS(pk_wait(events, PK_NONBLOCK), -EAGAIN);
    IS(pk_task_kill(clone), 0);
    IS(pk_wait(events, PK_NONBLOCK), 6);
    IS(pk_object_info(object, &info), 0);
    IS(info.refs, mine);
    at = map_at(0, 3, RW, object, 0);
    unmap(at, 3);
    IS(pk_wait(events, PK_NONBLOCK), -EAGAIN); /* once */
    at = map_at(0, 3, RW, object, 0);
    IS(pk_object_watch(object, events, 5, mine), 0);
    drop(other);
    drop(object);
    unmap(at, 3); /* without a holder it just ends */
    drop(task);
    drop(clone);
    drop(events);
}

/* An object made from a part of another shares its frames. */
static void object_from(void) {
    uint64_t source = SLOT(pk_object_create(5 * PAGE, 0, 0)), value = 11;
    IS(pk_object_write(source, 3 * PAGE, &value, 8), 8);
    uint64_t part = SLOT(pk_object_create(PAGE + 10, source, 3 * PAGE));
    value = 0;
    IS(pk_object_read(part, 0, &value, 8), 8);
    IS(value, 11);
    IS(pk_object_create(PAGE, source, 100), -EINVAL);
    IS(pk_object_create(3 * PAGE, source, 3 * PAGE), -EINVAL);
    drop(source);
    IS(pk_object_read(part, 0, &value, 8), 8);
    IS(value, 11);
    IS(pk_object_read(part, PAGE, &value, 11), -EINVAL);
    drop(part);
}

/* Rights bound what a mapping may ever become. */
static void maximum(void) {
    uint64_t object = SLOT(pk_object_create(PAGE, 0, 0));
    uint64_t constant = SLOT(pk_cap_copy(object, 0, 0, PK_RIGHT_USE, 0));
    uint64_t text = SLOT(pk_cap_copy(object, 0, 0, PK_RIGHT_USE | PK_RIGHT_EXECUTE, 0));
    uint64_t at = map_at(0, 1, PK_PROT_READ | PK_MAP_SHARED, constant, 0);
    IS(pk_protect(0, at, PAGE, RW), -EACCES);
    IS(pk_protect(0, at, PAGE, PK_PROT_READ | PK_PROT_EXEC), -EACCES);
    unmap(at, 1);
    at = map_at(0, 1, PK_PROT_READ, constant, 0); /* private: may be written, not executed */
    IS(pk_protect(0, at, PAGE, RW), 0);
    IS(pk_protect(0, at, PAGE, PK_PROT_READ | PK_PROT_EXEC), -EACCES);
    unmap(at, 1);
    at = map_at(0, 1, PK_PROT_READ | PK_PROT_EXEC | PK_MAP_SHARED, text, 0);
    IS(pk_protect(0, at, PAGE, RW), -EACCES);
    unmap(at, 1);
    at = map_at(0, 1, PK_PROT_READ | (PK_PROT_READ | PK_PROT_EXEC) << PK_MAP_MAX_SHIFT, 0, 0);
    IS(pk_protect(0, at, PAGE, RW), -EACCES);
    IS(pk_protect(0, at, PAGE, 0), 0);
    IS(touch_read(at), -EFAULT);
    IS(pk_protect(0, at, PAGE, PK_PROT_READ), 0);
    IS(touch_read(at), 1);
    unmap(at, 1);
    drop(object);
    drop(constant);
    drop(text);
}

/* Sv39 has no write-only pages: they can be read. */
static void write_only(void) {
    uint64_t at = map_at(0, 2, PK_PROT_WRITE, 0, 0);
    uint64_t value;
    IS(touch_read(at), 1);
    value = *(volatile uint64_t *)at;
    IS(value, 0);
    *(volatile uint64_t *)(at + PAGE) = 5;
    IS(*(volatile uint64_t *)(at + PAGE), 5);
    unmap(at, 2);
}

/* Regions are found from any address, and their tags come back. */
static void region_tags(void) {
    uint64_t base = map_at(0, 100, PK_PROT_READ, 0, 0);
    unmap(base, 100);
    for (uint64_t i = 0; i < 50; i++)
        IS(pk_map(0, base + i * 2 * PAGE, PAGE, PK_PROT_READ | PK_MAP_FIXED, 0, 0, i + 1),
           base + i * 2 * PAGE);
    for (uint64_t i = 0; i < 99; i++) {
        struct pk_region_info r;
        IS(pk_region_info(0, base + i * PAGE, &r), 0);
        IS(r.tag, (i + 1) / 2 + 1);
        IS(r.has_object, 0);
    }
    unmap(base, 100);
    struct pk_region_info r;
    IS(pk_region_info(0, USER_END, &r), -ENOENT);
    IS(pk_region_info(0, ~0ull, &r), -ENOENT);
}

/* What is mapped can be mapped again, for what the mapping allows and no more. */
static void mapped_again(void) {
    uint64_t object = SLOT(pk_object_create(4 * PAGE, 0, 0));
    uint64_t shared = map_at(0, 2, RW | PK_MAP_SHARED, object, PAGE);
    uint64_t private = map_at(0, 2, RW, object, 0), anonymous = map_at(0, 1, RW, 0, 0);
    struct pk_cap_info info;
    uint64_t again = SLOT(pk_region_object(0, shared + PAGE));
    IS(pk_cap_info(again, &info), 0);
    IS(info.type, PK_TYPE_OBJECT);
    IS(info.rights, PK_RIGHT_USE | PK_RIGHT_WRITE | PK_RIGHT_EXECUTE);
    uint64_t more = map_at(0, 4, RW | PK_MAP_SHARED, again, 0);
    *(volatile uint64_t *)(more + 2 * PAGE) = 77;
    IS(*(volatile uint64_t *)(shared + PAGE), 77);
    unmap(more, 4);
    IS(pk_object_resize(again, PAGE), -EPERM);
    IS(pk_cap_drop(0, again), 0);
    again = SLOT(pk_region_object(0, private));
    IS(pk_map(0, 0, PAGE, RW | PK_MAP_SHARED, again, 0, 0), -EACCES);
    IS(pk_cap_drop(0, again), 0);
    IS(pk_region_object(0, anonymous), -ENOENT);
    unmap(shared, 2);
    unmap(private, 2);
    unmap(anonymous, 1);
    IS(pk_region_object(0, shared), -ENOENT);
    IS(pk_region_object(0, USER_END), -ENOENT);
    IS(pk_region_object(0, ~0ull), -ENOENT);
    IS(pk_cap_drop(0, object), 0);
}

/* A mask's bits of a range change, which parts regions; what is the same stays one. */
static void retagged(void) {
    uint64_t at = map_at(0, 8, RW, 0, 0);
    struct pk_region_info r;
    *(volatile uint64_t *)(at + 3 * PAGE) = 33;
    IS(pk_retag(0, at + 2 * PAGE, 3 * PAGE, 6, ~0ull), 0);
    IS(pk_retag(0, at + 4 * PAGE, PAGE, 3, 1), 0);
    static const uint64_t tags[8] = {0, 0, 6, 6, 5, 0, 0, 0};
    for (uint64_t i = 0; i < 8; i++) {
        IS(pk_region_info(0, at + i * PAGE, &r), 0);
        IS(r.tag, tags[i]);
    }
    check_region(at, at, 2, RW, 0);
    check_region(at + 2 * PAGE, at + 2 * PAGE, 2, RW, 2 * PAGE);
    check_region(at + 5 * PAGE, at + 5 * PAGE, 3, RW, 5 * PAGE);
    IS(*(volatile uint64_t *)(at + 3 * PAGE), 33);
    unmap(at, 8);
    IS(pk_retag(0, at, 8 * PAGE, 1, 1), 0); /* nothing there: no error */
}

/* Private pages are forgotten, more of them than a leaf table has; what is beside them stays. */
static void renewed(void) {
    uint64_t object = SLOT(pk_object_create(4 * PAGE, 0, 0)), value = 7, before = resident();
    uint64_t at = map_at(0, 1200, RW, 0, 0);
    for (uint64_t i = 0; i < 1200; i++)
        *(volatile uint64_t *)(at + i * PAGE) = i + 1;
    IS(pk_renew(0, at + PAGE, 1198 * PAGE), 0);
    IS(resident(), before + 2);
    for (uint64_t i = 0; i < 1200; i++)
        if (!IS(*(volatile uint64_t *)(at + i * PAGE), i == 0 || i == 1199 ? i + 1 : 0))
            break;
    check_region(at, at, 1200, RW, 0);
    unmap(at, 1200);
    IS(pk_renew(0, at, 1200 * PAGE), 0);
    IS(pk_object_write(object, 2 * PAGE, &value, 8), 8);
    volatile uint64_t *p = (volatile uint64_t *)map_at(0, 4, RW, object, 0);
    volatile uint64_t *s = (volatile uint64_t *)map_at(0, 4, RW | PK_MAP_SHARED, object, 0);
    p[1024] = 8;
    s[0] = 9;
    IS(pk_renew(0, (uint64_t)p, 4 * PAGE), 0);
    IS(pk_renew(0, (uint64_t)s, 4 * PAGE), 0);
    IS(p[1024], 7);
    IS(p[0], 9);
    IS(s[0], 9);
    unmap((uint64_t)p, 4);
    unmap((uint64_t)s, 4);
    drop(object);
}

int main(void) {
    static const struct tap_case cases[] = {
        {"memory is zero on demand", demand_zero, false},
        {"regions split", splitting, false},
        {"a failed map changes nothing", failed_map, false},
        {"private and shared mappings of an object", private_and_shared, false},
        {"an object that shrinks is unmapped", resize, false},
        {"an object from another", object_from, false},
        {"the maximum protection holds", maximum, false},
        {"write-only memory can be read", write_only, false},
        {"region information", region_tags, false},
        {"what is mapped can be mapped again", mapped_again, false},
        {"tags change", retagged, false},
        {"what was written privately is forgotten", renewed, false},
        {"holes are found, and made", holes, false},
        {"pages that are there are found", pages_found, false},
        {"who maps a watched object is known", watched, false},
        {"a large object shrinks wherever it is mapped", large_resize, false},
        {"a large object shares its frames", large_share, false},
        {"thousands of regions change at once", many_regions, false},
        {"parent and child write to copied pages", clone_write, false},
        {"clones of clones", clone_chain, false},
        {"private memory that is patched", patch_private, false},
        {"a clone of 1,000 pages with objects", clone_thousand, false},
        {"unmap and protect in shared page tables", clone_unmap, false},
        {"two clones into one task", clone_twice, false},
        {"a clone without memory goes on where it was", clone_in_parts, false},
        {"a full object has megapages", megapage_fill, false},
        {"whatever the order it was filled in", megapage_leaps, false},
        {"parts of megapages change", megapage_parts, false},
        {"pages in megapages are found", megapage_found, false},
        {"copies into and out of megapages", megapage_copies, false},
        {"clones have megapages", megapage_clones, false},
        {"an object with megapages shrinks, and has holes", megapage_cuts, false},
        {"another object has a megapage's frames", megapage_shared_frames, false},
        {"a memory hog is stopped by its quota", hog, false},
        {"kernel objects count against the quota", hog_objects, false},
        {"a reserve is carved out, and ends with its account", quota_carved, false},
        {"accounts that end for two reasons end once", quota_ends_once, false},
        {"a task ends the account that it is in", quota_ends_itself, false},
        {"a ceiling is shared", quota_ceiling, false},
        {"nothing is made without an account", account_rights, false},
    };
    tap_run(cases, ARRAY_LENGTH(cases));
    return 0;
}
