/* SPDX-License-Identifier: MIT */
/* Copy-on-write clones, and quotas. */
#include "memory.h"
#include <string.h>

static uint64_t peek(uint64_t task, volatile const uint64_t *at) {
    uint64_t value = 0;
    IS(pk_task_copy_in(task, &value, (uint64_t)at, 8), 8);
    return value;
}

static void poke(uint64_t task, volatile uint64_t *at, uint64_t value) {
    IS(pk_task_copy_out(task, (uint64_t)at, &value, 8), 8);
}

static volatile uint64_t cell = 1, child_done;

/* In the child: sees the parent's value, writes its own. */
static void clone_child(uint64_t bell) {
    uint64_t seen = cell;
    cell = 1000;
    child_done = seen;
    pk_notify(bell, 1);
    worker_rest();
}

void clone_write(void) {
    uint64_t bell = SLOT(pk_notification_create());
    cell = 5;
    child_done = 0;
    uint64_t task = task_copy(0);
    cell = 6; /* after the clone: the child must not see it */
    uint64_t slot = SLOT(pk_cap_copy(bell, task, 0, PK_RIGHT_ALL, 0));
    uint64_t thread = thread_run(task, clone_child, slot, 16);
    IS(pk_wait(bell, 0), 1);
    IS(cell, 6);
    IS(child_done, 0);
    IS(peek(task, &child_done), 5);
    IS(peek(task, &cell), 1000);
    task_end(task);
    IS(cell, 6);
    drop(thread);
    drop(bell);
}

/* A row of clones, each of the one before; all differ, in every order of ending. */
void clone_chain(void) {
    enum { LENGTH = 8 };
    uint64_t tasks[LENGTH];
    for (unsigned order = 0; order < 3; order++) {
        cell = 100;
        tasks[0] = task_copy(0);
        for (unsigned i = 1; i < LENGTH; i++) {
            poke(tasks[i - 1], &cell, 100 + i);
            tasks[i] = SLOT(pk_task_create(0, 0));
            IS(pk_task_clone(tasks[i], tasks[i - 1], PK_CLONE_COPY), 0);
            poke(tasks[i - 1], &cell, 200 + i);
        }
        for (unsigned i = 0; i < LENGTH; i++)
            IS(peek(tasks[i], &cell), i == LENGTH - 1 ? 100 + i : 201 + i);
        IS(cell, 100);
        for (unsigned i = 0; i < LENGTH; i++) {
            unsigned victim = order == 0 ? i : order == 1 ? LENGTH - 1 - i : (i * 5 + 2) % LENGTH;
            task_end(tasks[victim]);
            tasks[victim] = 0;
            for (unsigned j = 0; j < LENGTH; j++)
                if (tasks[j])
                    IS(peek(tasks[j], &cell), j == LENGTH - 1 ? 100 + j : 201 + j);
        }
        IS(cell, 100);
    }
}

static uint64_t checksum(uint64_t task, uint64_t at, uint64_t pages) {
    uint64_t sum = 0;
    for (uint64_t i = 0; i < pages; i++)
        sum = sum * 31 + peek(task, (uint64_t *)(at + i * PAGE));
    return sum;
}

void clone_thousand(void) {
    uint64_t object = SLOT(pk_object_create(1000 * PAGE, 0, 0));
    uint64_t at = map_at(0, 1000, RW, 0, 0);
    uint64_t of_object = map_at(0, 1000, RW, object, 0);
    uint64_t shared = map_at(0, 1000, RW | PK_MAP_SHARED, object, 0);
    uint64_t own = PK_SLOT_SERVER_TASK;
    for (uint64_t i = 0; i < 1000; i++) {
        *(volatile uint64_t *)(at + i * PAGE) = i * i + 1;
        *(volatile uint64_t *)(shared + i * PAGE) = i + 5;
        if (i % 3 == 0)
            *(volatile uint64_t *)(of_object + i * PAGE) = i;
    }
    uint64_t sum = checksum(own, at, 1000), sum_object = checksum(own, of_object, 1000);
    uint64_t task = task_copy(0);
    IS(checksum(task, at, 1000), sum);
    IS(checksum(task, of_object, 1000), sum_object);
    for (uint64_t i = 0; i < 1000; i++) {
        if (i % 2)
            poke(task, (uint64_t *)(at + i * PAGE), 3);
        poke(i % 2 ? own : task, (uint64_t *)(of_object + i * PAGE), 77);
        poke(i % 2 ? own : task, (uint64_t *)(shared + i * PAGE), i + 6);
    }
    IS(checksum(own, at, 1000), sum);
    CHECK(checksum(task, at, 1000) != sum);
    for (uint64_t i = 0; i < 1000; i += 111) {
        IS(peek(i % 2 ? own : task, (uint64_t *)(of_object + i * PAGE)), 77);
        CHECK(peek(i % 2 ? task : own, (uint64_t *)(of_object + i * PAGE)) != 77);
        IS(peek(own, (uint64_t *)(shared + i * PAGE)), i + 6);
        IS(peek(task, (uint64_t *)(shared + i * PAGE)), i + 6);
    }
    unmap(at, 1000);
    IS(peek(task, (uint64_t *)(at + 998 * PAGE)), 998 * 998 + 1);
    task_end(task);
    unmap(of_object, 1000);
    unmap(shared, 1000);
    drop(object);
}

/* Parts of page tables that parent and child share are unmapped and protected in one of them. */
void clone_unmap(void) {
    uint64_t at = map_at(0, 1200, RW, 0, 0), own = PK_SLOT_SERVER_TASK;
    for (uint64_t i = 0; i < 1200; i++)
        *(volatile uint64_t *)(at + i * PAGE) = i + 1;
    uint64_t a = task_copy(0), b = task_copy(0);
    IS(pk_unmap(a, at + 100 * PAGE, 1000 * PAGE), 0);
    IS(pk_protect(b, at + 50 * PAGE, 700 * PAGE, PK_PROT_READ), 0);
    uint64_t value = 9;
    IS(pk_task_copy_out(b, at + 60 * PAGE, &value, 8), -EFAULT);
    IS(pk_task_copy_in(a, &value, at + 100 * PAGE, 8), -EFAULT);
    IS(pk_task_copy_in(a, &value, at + 1099 * PAGE, 8), -EFAULT);
    IS(peek(a, (uint64_t *)(at + 1100 * PAGE)), 1101);
    IS(peek(b, (uint64_t *)(at + 60 * PAGE)), 61);
    for (uint64_t i = 0; i < 1200; i++) {
        poke(own, (uint64_t *)(at + i * PAGE), i + 2);
        IS(peek(b, (uint64_t *)(at + i * PAGE)), i + 1);
    }
    IS(pk_unmap(own, at + 3 * PAGE, PAGE), 0);
    IS(peek(a, (uint64_t *)(at + 3 * PAGE)), 4);
    IS(pk_protect(b, at + 50 * PAGE, 700 * PAGE, RW), 0);
    poke(b, (uint64_t *)(at + 60 * PAGE), 1);
    task_end(b);
    IS(peek(a, (uint64_t *)(at + 60 * PAGE)), 61);
    IS(peek(own, (uint64_t *)(at + 60 * PAGE)), 62);
    task_end(a);
    unmap(at, 1200);
}

/* A clone needs a fresh task: neither itself, nor a task with memory or threads. */
void clone_twice(void) {
    uint64_t task = task_copy(0), own = PK_SLOT_SERVER_TASK;
    IS(pk_task_clone(task, own, PK_CLONE_COPY), -EINVAL);
    IS(pk_task_clone(task, own, PK_CLONE_SHARE), -EINVAL);
    IS(pk_task_clone(own, task, PK_CLONE_COPY), -EINVAL);
    IS(pk_task_clone(own, own, PK_CLONE_COPY), -EINVAL);
    uint64_t fresh = SLOT(pk_task_create(0, 0));
    IS(pk_task_clone(fresh, fresh, PK_CLONE_COPY), -EINVAL);
    IS(pk_task_clone(fresh, own, 2), -EINVAL);
    IS(pk_task_clone(fresh, own, PK_CLONE_SHARE), 0);
    IS(pk_task_clone(fresh, own, PK_CLONE_SHARE), -EINVAL);
    struct pk_regs regs = thread_regs_for(0, 0);
    uint64_t busy = SLOT(pk_task_create(0, 0));
    uint64_t thread = SLOT(pk_thread_create(busy, &regs, 1));
    IS(pk_task_clone(busy, own, PK_CLONE_COPY), -EINVAL);
    task_end(task);
    task_end(fresh);
    task_end(busy);
    drop(thread);
}

/* Writes one page after the other of a large region, for ever. */
static void hog_child(uint64_t at) {
    for (;; at += PAGE)
        *(volatile uint64_t *)at = 1;
}

void hog(void) {
    uint64_t exceptions = SLOT(pk_endpoint_create(0)), at = map_at(0, 100000, RW, 0, 0);
    for (unsigned quota = 60; quota <= 300; quota += 120) {
        uint64_t task = task_copy(quota);
        IS(pk_task_set(task, PK_TASK_EXCEPTION, exceptions), 0);
        uint64_t thread = thread_run(task, hog_child, at, 16);
        struct pk_msg msg;
        long token = pk_receive(exceptions, 0, &msg);
        CHECK(token > 0);
        CHECK(msg.label == PK_EXCEPTION_FAULT);
        IS(msg.w[0], 15); /* a store page fault */
        CHECK(msg.w[1] > at && msg.w[1] < at + quota * PAGE);
        IS(msg.w[3], ENOMEM);
        struct pk_task_info info;
        IS(pk_task_info(task, &info), 0);
        IS(info.quota, quota);
        IS(info.used, quota);
        task_end(task);
        drop(thread);
    }
    unmap(at, 100000);
    drop(exceptions);
}

/* In a task of few pages: makes objects until there is an error, and tells which. */
static void objects_child(uint64_t bell) {
    long errors[5] = {0};
    while ((errors[0] = pk_object_create(PAGE, 0, 0)) > 0)
        ;
    errors[1] = pk_notification_create();
    errors[2] = pk_task_create(0, 0);
    errors[3] = pk_task_create(1000, 0);
    errors[4] = pk_endpoint_create(0);
    uint64_t bits = 1;
    for (unsigned i = 0; i < 5; i++)
        if (errors[i] != -ENOMEM)
            bits |= 2ull << i;
    pk_notify(bell, bits);
    worker_rest();
}

void hog_objects(void) {
    uint64_t bell = SLOT(pk_notification_create());
    uint64_t task = task_copy(100);
    uint64_t slot = SLOT(pk_cap_copy(bell, task, 0, PK_RIGHT_ALL, 0));
    uint64_t thread = thread_run(task, objects_child, slot, 10);
    IS(pk_wait(bell, 0), 1);
    task_end(task);
    drop(thread);
    drop(bell);
}

/* A quota counts in full where it comes from, and cannot exceed it. */
void quota_carved(void) {
    struct pk_task_info before, after;
    uint64_t own = PK_SLOT_SERVER_TASK;
    IS(pk_task_info(own, &before), 0);
    IS(pk_task_create(before.quota, 0), -ENOMEM);
    IS(pk_task_create(~0ull >> 12, 0), -ENOMEM);
    IS(pk_task_create(~0ull, 0), -EINVAL);
    IS(pk_task_create(1ull << 52, 0), -EINVAL);
    uint64_t outer = SLOT(pk_task_create(400, 0));
    IS(pk_task_info(own, &after), 0);
    CHECK(after.used >= before.used + 400 && after.used <= before.used + 402);
    IS(pk_task_create(401, outer), -ENOMEM);
    uint64_t inner = SLOT(pk_task_create(100, outer));
    uint64_t beside = SLOT(pk_task_create(0, inner));
    IS(pk_task_info(beside, &after), 0);
    IS(after.quota, 100);
    IS(pk_task_clone(inner, own, PK_CLONE_COPY), 0);
    task_end(outer); /* the account stays until nothing is charged to it */
    poke(inner, &cell, 3);
    IS(peek(inner, &cell), 3);
    task_end(inner);
    task_end(beside);
    IS(pk_task_info(own, &after), 0);
    IS(after.used, before.used);
}
