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
    must(pk_notify(bell, 1));
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

/* What a private mapping does not let its program write others may, each address space for itself. */
void patch_private(void) {
    volatile uint64_t *at = (uint64_t *)SLOT(pk_map(0, 0, PAGE, RW, 0, 0, 0));
    *at = 77;
    IS(pk_protect(0, (uint64_t)at, PAGE, PK_PROT_READ), 0);
    uint64_t task = task_copy(0), other = task_copy(0), value = 78;
    IS(pk_task_copy_out(task, (uint64_t)at, &value, 8), -EFAULT);
    IS(pk_task_patch(task, (uint64_t)at, &value, 8), 8);
    IS(peek(task, at), 78);
    IS(peek(other, at), 77);
    IS(*at, 77);
    IS(pk_task_patch(task, (uint64_t)at | (PAGE - 3), &value, 8), 3); /* to the page's end */
    IS(pk_task_patch(task, 0, &value, 8), -EFAULT);
    IS(pk_task_patch(task, (uint64_t)at, (void *)16, 8), -EFAULT);
    uint64_t object = SLOT(pk_object_create(PAGE, 0, 0));
    uint64_t shared_at = SLOT(pk_map(task, 0, PAGE, PK_PROT_READ | PK_MAP_SHARED, object, 0, 0));
    IS(pk_task_patch(task, shared_at, &value, 8), -EFAULT);
    uint64_t none = SLOT(pk_map(task, 0, PAGE, PK_PROT_READ, 0, 0, 0)), zero = 1;
    IS(pk_task_copy_in(task, &zero, none, 8), 8); /* the zeros that all share */
    IS(zero, 0);
    IS(pk_task_patch(task, none, &value, 8), 8);
    IS(pk_task_copy_in(task, &zero, none, 8), 8);
    IS(zero, 78);
    drop(object);
    task_end(task);
    task_end(other);
    IS(pk_unmap(0, (uint64_t)at, PAGE), 0);
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
            tasks[i] = SLOT(pk_task_create(PK_SLOT_ACCOUNT, 0));
            IS(pk_task_clone(tasks[i], tasks[i - 1], 0), 0);
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

/*
 * Memory for tables ends in the middle of a clone, which is called again when there is more: what was shared before
 * is not shared twice.
 */
void clone_in_parts(void) {
    enum { SPANS = 4 };
    const uint64_t where = 5ul << 30, span = 1ul << 30;
    uint64_t from = SLOT(pk_task_create(PK_SLOT_ACCOUNT, 0)), word = 77;
    for (uint64_t i = 0; i < SPANS; i++)
        for (uint64_t leaf = 0; leaf < 3; leaf++) {
            uint64_t at = where + i * span + leaf * (2ul << 20);
            IS(pk_map(from, at, PAGE, PK_PROT_READ | PK_PROT_WRITE | PK_MAP_FIXED, 0, 0, 0), at);
            IS(pk_task_copy_out(from, at, &word, sizeof word), sizeof word);
        }
    uint64_t account = SLOT(pk_account_create(PK_SLOT_ACCOUNT, 3 * PAGE, 0, 0, 1));
    uint64_t to = SLOT(pk_task_create(account, 0));
    unsigned failed = 0;
    long error;
    while ((error = pk_task_clone(to, from, 0)) == -ENOMEM && failed < 100)
        IS(pk_account_set(account, PK_ACCOUNT_LIMIT, (3 + ++failed) * PAGE), 0);
    IS(error, 0);
    CHECK(failed >= 2); /* each span needs a page of its own */
    word = 0;
    for (uint64_t i = 0; i < SPANS; i++) {
        IS(pk_task_copy_in(to, &word, where + i * span, sizeof word), sizeof word);
        IS(word, 77);
    }
    task_end(from);
    task_end(to);
    drop(account);
}

/* A clone needs a fresh task: neither itself, nor a task with memory or threads. */
void clone_twice(void) {
    uint64_t task = task_copy(0), own = PK_SLOT_SERVER_TASK;
    IS(pk_task_clone(task, own, 0), -EINVAL);
    IS(pk_task_clone(own, task, 0), -EINVAL);
    IS(pk_task_clone(own, own, 0), -EINVAL);
    uint64_t fresh = SLOT(pk_task_create(PK_SLOT_ACCOUNT, 0));
    IS(pk_task_clone(fresh, fresh, 0), -EINVAL);
    IS(pk_task_clone(fresh, own, 1), -EINVAL);
    task_end(fresh);
    fresh = task_sharing();
    IS(pk_task_clone(fresh, own, 0), -EINVAL);
    struct pk_regs regs = thread_regs_for(0, 0);
    uint64_t busy = SLOT(pk_task_create(PK_SLOT_ACCOUNT, 0));
    uint64_t thread = SLOT(pk_thread_create(busy, &regs, 1));
    IS(pk_task_clone(busy, own, 0), -EINVAL);
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
        CHECK(msg.label == PK_EXCEPTION_MEMORY);
        IS(msg.w[0], 15); /* a store page fault */
        CHECK(msg.w[1] > at && msg.w[1] < at + quota * PAGE);
        IS(msg.w[3], 7); /* which account */
        struct pk_account_info info;
        IS(pk_account_info(task_account(task), &info), 0);
        IS(info.limit, quota * PAGE);
        CHECK(info.used <= quota * PAGE && info.used > (quota - 1) * PAGE);
        IS(info.available, info.limit - info.used);
        task_end(task);
        drop(thread);
    }
    unmap(at, 100000);
    drop(exceptions);
}

/* In a task of few pages: makes objects of each kind until there is an error, and tells which. A page has room for others of
 * a size, so that those of the next kind may still fit. */
static void objects_child(uint64_t bell) {
    long errors[5] = {0};
    while ((errors[0] = pk_object_create(PAGE, 0, 0)) > 0)
        ;
    while ((errors[1] = pk_notification_create()) > 0)
        ;
    while ((errors[2] = pk_task_create(PK_SLOT_ACCOUNT, 0)) > 0)
        ;
    errors[3] = pk_account_create(PK_SLOT_ACCOUNT, 1000 * PAGE, PK_ACCOUNT_RESERVED, 0, 1);
    while ((errors[4] = pk_endpoint_create(0)) > 0)
        ;
    uint64_t bits = 1;
    for (unsigned i = 0; i < 5; i++)
        if (errors[i] != -ENOMEM)
            bits |= 2ull << i;
    must(pk_notify(bell, bits));
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

static uint64_t used(uint64_t account) {
    struct pk_account_info info = {0};
    IS(pk_account_info(account, &info), 0);
    return info.used;
}

/* A reserve counts in full where it comes from, and cannot exceed it; it ends with the last who manages it,
 * and with it what is in it. */
void quota_carved(void) {
    uint64_t own = PK_SLOT_SERVER_TASK, before = tap_counters().used;
    struct pk_account_info info;
    IS(pk_account_info(PK_SLOT_ACCOUNT, &info), 0);
    IS(pk_account_create(PK_SLOT_ACCOUNT, info.limit, PK_ACCOUNT_RESERVED, 0, 1), -ENOMEM);
    IS(pk_account_create(PK_SLOT_ACCOUNT, ~0ull, PK_ACCOUNT_RESERVED, 0, 1), -ENOMEM);
    uint64_t outer = account_new(PK_SLOT_ACCOUNT, 400), after = used(PK_SLOT_ACCOUNT);
    CHECK(after >= before + 400 * PAGE && after <= before + 402 * PAGE);
    IS(pk_account_create(outer, 401 * PAGE, PK_ACCOUNT_RESERVED, 0, 1), -ENOMEM);
    uint64_t inner = account_new(outer, 100);
    uint64_t task = SLOT(pk_task_create(inner, 0)), same = SLOT(pk_cap_copy(task, 0, 0, 0, 0));
    IS(pk_task_clone(task, own, 0), 0);
    poke(task, &cell, 3);
    IS(peek(task, &cell), 3);
    drop(outer); /* all that it pays for goes with it */
    CHECK(task_is_gone(same));
    IS(pk_account_create(inner, 1, 0, 0, 1), -ENOMEM);
    IS(pk_task_create(inner, 0), -ENOMEM);
    drop(inner);
    drop(task);
    drop(same);
}

/* With one task end the last capabilities to an account and to one below it, which ends once, not twice. */
void quota_ends_once(void) {
    uint64_t holder = SLOT(pk_task_create(PK_SLOT_ACCOUNT, 0));
    uint64_t outer = account_new(PK_SLOT_ACCOUNT, 400), inner = account_new(outer, 100), tasks[8];
    for (unsigned i = 0; i < ARRAY_LENGTH(tasks); i++)
        tasks[i] = SLOT(pk_task_create(inner, 0));
    IS(pk_cap_copy(outer, holder, 1, PK_RIGHT_ALL, 0), 1);
    IS(pk_cap_copy(inner, holder, 2, PK_RIGHT_ALL, 0), 2);
    drop(outer);
    drop(inner);
    task_end(holder);
    for (unsigned i = 0; i < ARRAY_LENGTH(tasks); i++) {
        CHECK(task_is_gone(tasks[i]));
        drop(tasks[i]);
    }
}

/* A task that is ending lets go of the last capability to the account that it is in, and of many more. */
void quota_ends_itself(void) {
    for (unsigned i = 0; i < 5; i++) {
        uint64_t account = account_new(PK_SLOT_ACCOUNT, 100);
        uint64_t task = SLOT(pk_task_create(account, 0)), other = SLOT(pk_task_create(account, 0));
        IS(pk_cap_copy(account, task, i + 1, PK_RIGHT_ALL, 0), i + 1);
        for (unsigned n = 0; n < 200; n++)
            SLOT(pk_cap_copy(PK_SLOT_SERVER_TASK, task, 0, PK_RIGHT_ALL, 0));
        drop(account);
        drop(task);
        CHECK(task_is_gone(other));
        drop(other);
    }
}

/* A ceiling takes nothing away from others; it holds for all below it, and can be changed. */
void quota_ceiling(void) {
    uint64_t before = tap_counters().used;
    uint64_t outer = SLOT(pk_account_create(PK_SLOT_ACCOUNT, 50 * PAGE, 0, 1, 1));
    uint64_t inner[2] = {SLOT(pk_account_create(outer, ~0ull, 0, 2, 1)),
                         SLOT(pk_account_create(outer, ~0ull, 0, 3, 1))};
    CHECK(used(PK_SLOT_ACCOUNT) < before + PAGE + 2 * 32768);
    uint64_t object[2], pages[2] = {0, 0};
    static char byte = 1;
    for (unsigned i = 0; i < 2; i++)
        object[i] = SLOT(pk_object_create_for(inner[i], 100 * PAGE, 0, 0));
    for (unsigned i = 0; i < 200; i++)
        if (pk_object_write(object[i % 2], pages[i % 2] * PAGE, &byte, 1) == 1)
            pages[i % 2]++;
    CHECK(pages[0] + pages[1] >= 44 && pages[0] + pages[1] < 50);
    IS(pk_account_set(outer, PK_ACCOUNT_LIMIT, 60 * PAGE), 0);
    CHECK(pk_object_write(object[0], pages[0] * PAGE, &byte, 1) == 1);
    IS(pk_account_set(outer, PK_ACCOUNT_LIMIT, PAGE), 0); /* what is there stays */
    while (pk_object_write(object[0], pages[0] * PAGE, &byte, 1) == 1)
        pages[0]++; /* what it has paid for already */
    IS(pk_object_write(object[0], pages[0] * PAGE, &byte, 1), -ENOMEM);
    struct pk_account_info info;
    IS(pk_account_info(inner[0], &info), 0);
    CHECK(info.available < PAGE);
    IS(pk_account_set(inner[0], PK_ACCOUNT_PARENT, PK_SLOT_ACCOUNT), 0); /* and takes it along */
    IS(pk_object_write(object[0], (pages[0] + 20) * PAGE, &byte, 1), 1);
    IS(pk_account_set(outer, PK_ACCOUNT_PARENT, inner[1]), -EINVAL);
    drop(object[1]);
    drop(outer);
    IS(pk_object_write(object[0], (pages[0] + 21) * PAGE, &byte, 1), 1);
    drop(inner[0]);
    drop(inner[1]);
    drop(object[0]);
}

/* Nothing is made without an account to manage, and no thread more urgent than it allows. */
void account_rights(void) {
    struct pk_regs regs = thread_regs_for(0, 0);
    uint64_t account = SLOT(pk_account_create(PK_SLOT_ACCOUNT, ~0ull, 0, 1, 20));
    uint64_t use = SLOT(pk_cap_copy(account, 0, 0, PK_RIGHT_USE, 0));
    uint64_t task = SLOT(pk_task_create(account, 0));
    IS(pk_task_create(use, 0), -EPERM);
    IS(pk_task_create(0, 0), -EBADF);
    IS(pk_thread_create_in(use, task, &regs, 1), -EPERM);
    IS(pk_thread_create(task, &regs, 1), -EINVAL); /* another's */
    IS(pk_thread_create_in(account, task, &regs, 21), -EPERM);
    uint64_t thread = SLOT(pk_thread_create_in(account, task, &regs, 20));
    IS(pk_thread_priority(thread, 21), -EPERM);
    IS(pk_thread_priority(thread, 3), 0);
    IS(pk_account_create(account, 1, 0, 0, 21), -EPERM);
    IS(pk_account_create(use, 1, 0, 0, 1), -EPERM);
    IS(pk_account_set(use, PK_ACCOUNT_LIMIT, 5), -EPERM);
    uint64_t object = SLOT(pk_object_create_for(use, PAGE, 0, 0));
    drop(object);
    drop(account); /* the last who may manage it: task and thread end */
    IS(pk_thread_resume(thread), -ESRCH);
    drop(thread);
    drop(task);
    drop(use);
}
