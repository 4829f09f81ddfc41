/* SPDX-License-Identifier: MIT */
/* Words of callers and tasks: what they are called, and loads and exchanges of one. */
#include "messages.h"
#include <string.h>

static uint32_t word_here = 5;

static bool same(struct pk_word_name a, struct pk_word_name b) {
    return a.id == b.id && a.offset == b.offset;
}

static struct pk_word_name name_in(uint64_t task, const volatile void *at, uint64_t flags) {
    struct pk_word_name name = {0, 0};
    IS(pk_task_word_name(task, (uint64_t)at, flags, &name), 0);
    return name;
}

static unsigned char *map_object(uint64_t object, uint64_t offset, uint64_t flags) {
    long at = pk_map(0, 0, PAGE, PK_PROT_READ | PK_PROT_WRITE | flags, object, offset, 0);
    CHECK(at > 0);
    return (unsigned char *)at;
}

/* Memory of its own is named by the address space, also where that is an object's copy. */
void word_names_own(void) {
    uint64_t sharing = task_sharing(), copy = task_copy(0),
             object = SLOT(pk_object_create(PAGE, 0, 0));
    unsigned char *private = map_object(object, 0, 0);
    struct pk_word_name here = name_in(sharing, &word_here, 0),
                        there = name_in(copy, &word_here, 0);
    CHECK(same(here, name_in(PK_SLOT_SERVER_TASK, &word_here, PK_WORD_OWN)));
    IS(here.offset, &word_here);
    IS(there.offset, &word_here);
    CHECK(here.id != there.id);
    struct pk_word_name mapped = name_in(sharing, private, 0);
    CHECK(mapped.id == here.id);
    IS(mapped.offset, private);
    struct pk_word_name last = name_in(sharing, (void *)(USER_END - 4), PK_WORD_OWN);
    CHECK(last.id == here.id);
    unmap_pages(private, 1);
    task_end(copy);
    task_end(sharing);
    drop(object);
    copy = task_copy(0);
    struct pk_word_name again = name_in(copy, &word_here, 0);
    CHECK(again.id != there.id && again.id != here.id);
    task_end(copy);
}

/* Shared memory is named by its object, wherever it is mapped. */
void word_names_shared(void) {
    uint64_t sharing = task_sharing(), object = SLOT(pk_object_create(3 * PAGE, 0, 0));
    struct pk_object_info info;
    IS(pk_object_info(object, &info), 0);
    unsigned char *first = map_object(object, PAGE, PK_MAP_SHARED);
    unsigned char *second = map_object(object, PAGE, PK_MAP_SHARED);
    struct pk_word_name name = name_in(sharing, first + 12, 0);
    IS(name.id, info.id);
    IS(name.offset, PAGE + 12);
    CHECK(same(name, name_in(sharing, second + 12, 0)));
    IS(name_in(sharing, second + 12, PK_WORD_OWN).offset, second + 12);
    uint64_t copy = task_copy(0);
    CHECK(same(name, name_in(copy, first + 12, 0)));
    CHECK(name_in(copy, first, PK_WORD_OWN).id != name_in(sharing, first, PK_WORD_OWN).id);
    task_end(copy);
    unmap_pages(first, 1);
    IS(pk_task_word_name(sharing, (uint64_t)first, 0, &name), -EFAULT);
    unmap_pages(second, 1);
    task_end(sharing);
    drop(object);
    object = SLOT(pk_object_create(PAGE, 0, 0));
    struct pk_object_info next;
    IS(pk_object_info(object, &next), 0);
    CHECK(next.id != info.id);
    drop(object);
}

void word_errors(void) {
    static uint32_t words[3] = {1, 2, 3};
    unsigned char *constant = pages_new(1, PK_PROT_READ);
    struct pk_word_name name = {7, 7};
    struct pair p;
    uint64_t thread, token = call_with(&p, &thread, words, 10, words, 10);
    IS(pk_caller_word(token, 4, 0, &name), 2);
    CHECK(same(name, name_in(p.task, &words[1], 0)));
    IS(pk_caller_word(token, 8, 0, &name), -EINVAL);
    IS(pk_caller_word(token, 2, 0, &name), -EINVAL);
    IS(pk_caller_word(token, 11, 0, &name), -EINVAL);
    IS(pk_caller_word(token, ~0ull - 3, 0, &name), -EINVAL);
    IS(pk_caller_word(token, 0, 2, &name), -EINVAL);
    IS(pk_caller_word(token + 1, 0, 0, &name), -ESRCH);
    IS(pk_caller_word_name(token, (uint64_t)&words[2], 0, &name), 0);
    IS(pk_caller_word_name(token, USER_END, PK_WORD_OWN, &name), -EFAULT);
    IS(pk_caller_word_name(token, ~0ull - 3, 0, &name), -EFAULT);
    IS(pk_caller_word_name(token, 8, 0, &name), -EFAULT);
    IS(pk_caller_word_name(token, 8, 4, &name), -EINVAL);
    IS(pk_caller_word_name(token + 1, (uint64_t)words, 0, &name), -ESRCH);
    IS(pk_caller_word_exchange(token, 8, 3, 4), -EINVAL);
    IS(pk_caller_word_exchange(token, 1, 3, 4), -EINVAL);
    IS(pk_caller_word_exchange(token + 1, 0, 1, 4), -ESRCH);
    IS(pk_task_word_exchange(p.task, (uint64_t)constant, 0, 1), -EFAULT);
    IS(pk_task_word_exchange(p.task, (uint64_t)&words[1] + 2, 0, 1), -EINVAL);
    IS(pk_task_word_exchange(p.task, USER_END, 0, 1), -EFAULT);
    CHECK(words[0] == 1 && words[1] == 2 && words[2] == 3);
    finish_call(&p, token, thread);
    token = call_with(&p, &thread, constant, PAGE, constant, PAGE);
    IS(pk_caller_word(token, PAGE - 4, 0, &name), 0);
    IS(pk_caller_word_exchange(token, 0, 0, 1), -EFAULT);
    unmap_pages(constant, 1);
    IS(pk_caller_word(token, 0, 0, &name), -EFAULT);
    IS(pk_caller_word_exchange(token, 0, 0, 1), -EFAULT);
    finish_call(&p, token, thread);
}

/* A copy's word is not the original's. */
void word_exchanged(void) {
    static uint32_t word;
    word = 0xfffffffe;
    uint64_t copy = task_copy(0);
    IS(pk_task_word_exchange(copy, (uint64_t)&word, 1, 2), 0xfffffffe);
    IS(pk_task_word_exchange(copy, (uint64_t)&word, 0xfffffffe, 9), 0xfffffffe);
    IS(pk_task_word_exchange(copy, (uint64_t)&word, 9, 10), 9);
    CHECK(word == 0xfffffffe);
    task_end(copy);
    struct pair p;
    uint64_t thread, token = call_with(&p, &thread, &word, 4, &word, 4);
    IS(pk_caller_word_exchange(token, 0, 0xfffffffe, 77), 0xfffffffe);
    IS(pk_caller_word_exchange(token, 0, 0xfffffffe, 78), 77);
    CHECK(word == 77);
    finish_call(&p, token, thread);
}

#define ADDS 20000

static volatile uint64_t added;
static uint32_t sum;

static void add_loop(uint64_t unused) {
    (void)unused;
    for (unsigned i = 0; i < ADDS; i++)
        __atomic_fetch_add(&sum, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&added, 1, __ATOMIC_SEQ_CST);
    worker_rest();
}

/* Exchanges by the kernel and a program's own instructions on another hart lose nothing of each other. */
void word_atomic(void) {
    uint64_t task = task_sharing();
    added = sum = 0;
    uint64_t thread = thread_run(task, add_loop, 0, 16);
    for (unsigned i = 0; i < ADDS; i++) {
        long old = __atomic_load_n(&sum, __ATOMIC_RELAXED), was;
        while ((was = pk_task_word_exchange(task, (uint64_t)&sum, (uint32_t)old,
                                            (uint32_t)old + 1)) != old)
            old = was;
    }
    CHECK(tap_reaches(&added, 1));
    IS(sum, 2 * ADDS);
    drop(thread);
    task_end(task);
}
