/* SPDX-License-Identifier: MIT */
/*
 * Megapages: a touch gives a shared mapping a megapage's worth of resident pages where its object's frames fill a block.
 * Whatever is done to a part of one, what stays is right; debug kernels look at all they have in between.
 */
#include "memory.h"

#define MEGA 512ul /* pages */
#define LENGTH (3 * MEGA)
#define SHARED (RW | PK_MAP_SHARED)

static void check_kernel(void) {
    long wrong = pk_machine_check(boot_cap("machine"));
    if (wrong != -ENOSYS)
        IS(wrong, 0);
}

static volatile uint64_t *page_of(uint64_t at, uint64_t page) {
    return (volatile uint64_t *)(at + page * PAGE + page % 511 * 8);
}

static void fill(uint64_t at, uint64_t from, uint64_t to) {
    for (uint64_t page = from; page < to; page++)
        *page_of(at, page) = page + 7;
}

static uint64_t wrong_in(uint64_t at, uint64_t from, uint64_t to) {
    uint64_t wrong = 0;
    for (uint64_t page = from; page < to; page++)
        wrong += *page_of(at, page) != page + 7;
    return wrong;
}

/* How many pages are resident by a touch of this one. */
static uint64_t by_touch(uint64_t at, uint64_t page) {
    uint64_t before = resident();
    (void)*page_of(at, page);
    return resident() - before;
}

/* An object, full, mapped at *at, with three megapages. */
static uint64_t full_object(uint64_t *at) {
    uint64_t object = SLOT(pk_object_create(LENGTH * PAGE, 0, 0)), before = resident();
    *at = map_at(0, LENGTH, SHARED, object, 0);
    IS(*at % (MEGA * PAGE), 0);
    fill(*at, 0, LENGTH);
    IS(resident() - before, LENGTH);
    return object;
}

void megapage_fill(void) {
    uint64_t at, object = full_object(&at);
    uint64_t again = map_at(0, LENGTH, SHARED, object, 0);
    uint64_t skewed = map_at(0, LENGTH - 100, SHARED, object, 100 * PAGE);
    IS(by_touch(again, MEGA + 5), MEGA);
    IS(by_touch(again, MEGA + 6), 0);
    IS((skewed - 100 * PAGE) % (MEGA * PAGE), 0);
    CHECK(by_touch(skewed, 3) < MEGA); /* the beginning of that megapage is not mapped */
    IS(by_touch(skewed, MEGA), MEGA);
    IS(wrong_in(again, 0, LENGTH), 0);
    check_kernel();
    uint64_t odd = map_at(at - 64 * LENGTH * PAGE + PAGE, LENGTH, SHARED, object, 0);
    CHECK(by_touch(odd, MEGA) < MEGA); /* addresses do not lie as the pages do */
    IS(wrong_in(odd, 0, LENGTH), 0);
    unmap(odd, LENGTH);
    unmap(at, LENGTH);
    IS(wrong_in(again, 0, LENGTH), 0);
    unmap(again, LENGTH);
    unmap(skewed, LENGTH - 100);
    drop(object);
}

/* In leaps no window is filled ahead; blocks are full in the end all the same. */
void megapage_leaps(void) {
    uint64_t object = SLOT(pk_object_create(LENGTH * PAGE, 0, 0)), before = resident();
    uint64_t at = map_at(0, LENGTH, SHARED, object, 0);
    for (uint64_t i = 0; i < LENGTH; i++) {
        IS(resident() - before, i);
        uint64_t page = i * 769 % LENGTH;
        *page_of(at, page) = page + 7;
    }
    check_kernel();
    uint64_t again = map_at(0, LENGTH, SHARED, object, 0);
    IS(by_touch(again, MEGA), MEGA);
    IS(wrong_in(again, 0, LENGTH), 0);
    unmap(at, LENGTH);
    unmap(again, LENGTH);
    drop(object);
}

void megapage_parts(void) {
    uint64_t at, object = full_object(&at), before = resident();
    IS(pk_protect(0, at + 10 * PAGE, PAGE, PK_PROT_READ), 0);
    IS(resident(), before - MEGA); /* it is forgotten */
    IS(touch_write(at + 10 * PAGE), -EFAULT);
    IS(touch_write(at + 11 * PAGE + 8), 1);
    IS(pk_retag(0, at + (MEGA + 3) * PAGE, PAGE, ~0ull, 5), 0);
    IS(resident(), before - MEGA + 1);
    check_kernel(); /* three regions under one megapage */
    IS(pk_protect(0, at + MEGA * PAGE, 100 * PAGE, PK_PROT_READ), 0);
    IS(touch_write(at + (MEGA + 3) * PAGE), -EFAULT);
    IS(touch_write(at + (MEGA + 100) * PAGE + 8), 1);
    IS(pk_unmap(0, at + (2 * MEGA + 1) * PAGE, PAGE), 0);
    IS(touch_read(at + (2 * MEGA + 1) * PAGE), -EFAULT);
    IS(touch_write(at + (2 * MEGA + 2) * PAGE + 8), 1);
    check_kernel();
    uint64_t again = map_at(0, LENGTH, PK_PROT_READ | PK_MAP_SHARED, object, 0);
    IS(by_touch(again, 0), MEGA);
    IS(touch_write(again), -EFAULT);
    IS(pk_protect(0, again, LENGTH * PAGE, RW), 0);
    IS(touch_write(again), 1);
    IS(by_touch(again, 1), 0);
    IS(pk_renew(0, again, PAGE), 0);
    IS(by_touch(again, 1), MEGA);
    unmap(again, LENGTH);
    unmap(at, LENGTH);
    drop(object);
}

void megapage_found(void) {
    uint64_t at, object = full_object(&at);
    uint64_t again = map_at(0, LENGTH, SHARED, object, 0);
    IS(by_touch(again, MEGA + 9), MEGA);
    IS(pk_region_find(0, again, LENGTH * PAGE, PK_FIND_DATA), again + MEGA * PAGE);
    IS(pk_region_find(0, again + MEGA * PAGE, 2 * MEGA * PAGE, PK_FIND_HOLE),
       again + 2 * MEGA * PAGE);
    IS(pk_region_find(0, again, LENGTH * PAGE, PK_FIND_DATA | PK_FIND_OWN), again + LENGTH * PAGE);
    IS(pk_populate(0, again, LENGTH * PAGE), 0);
    IS(pk_region_find(0, again, LENGTH * PAGE, PK_FIND_HOLE), again + LENGTH * PAGE);
    unmap(again, LENGTH);
    unmap(at, LENGTH);
    drop(object);
}

/* Copies between megapages, over their borders, into themselves. */
void megapage_copies(void) {
    uint64_t at, object = full_object(&at);
    uint64_t two, other = full_object(&two);
    enum { MUCH = 700 };
    uint64_t from = at + 300 * PAGE, to = two + 500 * PAGE + 64;
    IS(pk_task_copy_in(PK_SLOT_SERVER_TASK, (void *)to, from, MUCH * PAGE), MUCH * PAGE);
    for (uint64_t i = 0; i < MUCH * PAGE / 8; i += 61)
        if (!IS(((volatile uint64_t *)to)[i], ((volatile uint64_t *)from)[i]))
            break;
    IS(pk_object_write(other, 0, (void *)at, LENGTH * PAGE), LENGTH * PAGE);
    IS(wrong_in(two, 0, LENGTH), 0);
    IS(pk_object_read(object, MEGA * PAGE, (void *)two, MEGA * PAGE), MEGA * PAGE);
    IS(*page_of(two, 1), ((volatile uint64_t *)at)[(MEGA + 1) * 512 + 1]);
    unmap(at, LENGTH);
    unmap(two, LENGTH);
    drop(object);
    drop(other);
}

void megapage_clones(void) {
    uint64_t at, object = full_object(&at), value = 0;
    uint64_t task = task_copy(0), second = task_copy(0);
    IS(pk_task_copy_in(task, &value, (uint64_t)page_of(at, 700), 8), 8);
    IS(value, 707);
    value = 1;
    IS(pk_task_copy_out(task, (uint64_t)page_of(at, 700), &value, 8), 8);
    IS(*page_of(at, 700), 1);
    IS(pk_unmap(task, at + 3 * PAGE, PAGE), 0);
    IS(pk_task_copy_in(task, &value, at + 3 * PAGE, 8), -EFAULT);
    IS(pk_protect(second, at + MEGA * PAGE, 4 * PAGE, PK_PROT_READ), 0);
    check_kernel();
    task_end(task);
    unmap(at, LENGTH);
    drop(object);
    IS(pk_task_copy_in(second, &value, (uint64_t)page_of(at, 3), 8), 8); /* the last who has it */
    IS(value, 10);
    task_end(second);
}

void megapage_cuts(void) {
    uint64_t at, object = full_object(&at);
    uint64_t again = map_at(0, LENGTH, SHARED, object, 0);
    IS(by_touch(again, MEGA), MEGA);
    IS(pk_object_resize(object, (MEGA + 9) * PAGE + 100), 0);
    IS(touch_read(at + (MEGA + 10) * PAGE), -EFAULT);
    IS(touch_read(again + 2 * MEGA * PAGE), -EFAULT);
    IS(wrong_in(again, 0, MEGA + 9), 0);
    check_kernel();
    IS(pk_object_resize(object, LENGTH * PAGE), 0);
    IS(*(volatile uint64_t *)(at + (MEGA + 9) * PAGE + 104), 0);
    IS(*page_of(at, MEGA + 10) + *page_of(again, LENGTH - 1), 0);
    fill(at, MEGA + 9, LENGTH);
    IS(by_touch(again, 2 * MEGA + 1), MEGA - 1); /* one was there */
    IS(wrong_in(again, 0, LENGTH), 0);
    unmap(at, LENGTH);
    unmap(again, LENGTH);
    IS(pk_object_discard(object, 2 * PAGE, PAGE), 0);
    at = map_at(0, LENGTH, SHARED, object, 0);
    CHECK(by_touch(at, 0) < MEGA);
    IS(*page_of(at, 2), 0);
    *page_of(at, 2) = 9;
    check_kernel();
    IS(wrong_in(at, 0, LENGTH), 0);
    unmap(at, LENGTH);
    drop(object);
}

/* Another object has some of the frames, and is what shows them in the end. */
void megapage_shared_frames(void) {
    uint64_t at, object = full_object(&at);
    uint64_t part = SLOT(pk_object_create(2 * MEGA * PAGE, object, MEGA * PAGE));
    uint64_t shown = map_at(0, 2 * MEGA, SHARED, part, 0);
    *page_of(at, MEGA + 4) = 4;
    IS(((volatile uint64_t *)(shown + 4 * PAGE))[(MEGA + 4) % 511], 4);
    unmap(at, LENGTH);
    drop(object);
    IS(((volatile uint64_t *)(shown + 5 * PAGE))[(MEGA + 5) % 511], MEGA + 12);
    check_kernel();
    unmap(shown, 2 * MEGA);
    drop(part);
}
