/* SPDX-License-Identifier: MIT */
/* Tasks: an address space, a capability table, threads, and an account that pays for them. */
#ifndef TASK_TASK_H
#define TASK_TASK_H

#include <cap/cap.h>
#include <lib/lib.h>

struct aspace;
struct endpoint;

struct task {
    struct kobject kobject;
    struct aspace *aspace;
    struct cap_table caps;
    struct account *account; /* it is in, and its memory is charged to */
    struct list account_link;
    struct list threads;
    uint64_t thread_count;
    struct thread *in_hand;     /* whose call its threads received last, if it is unanswered */
    struct list served;         /* all other unanswered calls */
    struct endpoint *exception; /* held; NULL: exceptions end the task */
    uint64_t exception_badge;
    uint64_t foreign_entry; /* 0: foreign calls are exceptions */
    uint32_t clear_cursor;
    bool dying;
    char name[16];
};

static inline struct task *task_of(struct kobject *k) {
    return CONTAINER_OF(k, struct task, kobject);
}

/* An empty task in account, with an address space of its own or that of another task; NULL if memory ends, or if the
 * account has. */
struct task *task_create(struct account *account, struct task *sharing);
/* It runs another's program from now on: with its name and its foreign entry. */
void task_take_after(struct task *task, const struct task *other);
/* At most as many bytes as task->name has. */
void task_set_name(struct task *task, const char *name);
/* Ends its threads, drops its capabilities and leaves what it maps of watched objects, as far as the credit goes. A thread that runs on another hart is asked to
 * stop, and waited for. */
enum ending task_stop_step(struct task *task, int *credit);
/* Frees the memory of one that is stopped. True when there is no more. */
bool task_free_step(struct task *task, int *credit);
/* Lets it end when the kernel is left. */
void task_doom(struct task *task);
enum ending task_end_step(struct kobject *k, int *credit);
/* The task whose kill call runs: it needs no notice of what it ends. NULL: none. */
extern struct task *task_killer;
void task_destroy(struct kobject *k);

#endif
