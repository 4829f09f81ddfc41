/* SPDX-License-Identifier: MIT */
/* Threads: creation, the table of ids behind tokens, and the end. */
#include <task/thread.h>
#include <arch/hart.h>
#include <arch/machine.h>
#include <ipc/ipc.h>
#include <ipc/message.h>
#include <mm/frame.h>
#include <mm/slab.h>
#include <parley/errno.h>
#include <sched/hart.h>
#include <sched/reserve.h>
#include <sched/sched.h>
#include <task/task.h>

/*
 * Ids: pages of pointers. A free entry has bit 0 set, above it the next free id, and above that
 * the sequence number of the last token that its last owner had.
 */
#define INITIAL_STATUS (1ull << 5) /* sstatus: user mode, interrupts on, FPU off */

uint64_t *thread_id_pages[THREAD_ID_PAGES];
static uint32_t id_page_count, first_free_id; /* 0: none, id 0 is not used */

static uint64_t *id_entry(uint64_t id) {
    return &thread_id_pages[id / THREAD_IDS_PER_PAGE][id % THREAD_IDS_PER_PAGE];
}

static bool grow_ids(void) {
    struct frame *f = id_page_count < THREAD_ID_PAGES ? frame_get(NULL) : NULL;
    if (!f)
        return false;
    thread_id_pages[id_page_count] = frame_va(f);
    uint32_t first = id_page_count++ * THREAD_IDS_PER_PAGE;
    for (uint32_t id = first + THREAD_IDS_PER_PAGE; id-- > first;) {
        *id_entry(id) = (uint64_t)first_free_id << 1 | 1;
        if (id)
            first_free_id = id;
    }
    return true;
}

struct thread *thread_by_id(uint64_t id) {
    if (id / THREAD_IDS_PER_PAGE >= THREAD_ID_PAGES || !thread_id_pages[id / THREAD_IDS_PER_PAGE])
        return NULL;
    uint64_t entry = *id_entry(id);
    return entry & 1 ? NULL : (struct thread *)(uintptr_t)entry;
}

struct thread *thread_next_id(uint64_t *id) {
    uint64_t end = (*id / THREAD_IDS_PER_PAGE + 1) * THREAD_IDS_PER_PAGE;
    struct thread *t = NULL;
    while (!t && *id < end)
        t = thread_by_id((*id)++);
    if (*id >= (uint64_t)id_page_count * THREAD_IDS_PER_PAGE)
        *id = 0;
    return t;
}

void thread_visit_id_pages(void (*visit)(const void *page)) {
    for (uint32_t i = 0; i < id_page_count; i++)
        visit(thread_id_pages[i]);
}

static bool take_id(struct thread *t) {
    if (!first_free_id && !grow_ids())
        return false;
    t->id = first_free_id;
    uint64_t entry = *id_entry(t->id);
    first_free_id = entry >> 1 & (TOKEN_STEP - 1);
    t->call.token = entry >> (TOKEN_ID_BITS + 1) << TOKEN_ID_BITS | t->id;
    *id_entry(t->id) = (uint64_t)(uintptr_t)t;
    return true;
}

static void give_id(const struct thread *t) {
    *id_entry(t->id) =
        t->call.token >> TOKEN_ID_BITS << (TOKEN_ID_BITS + 1) | (uint64_t)first_free_id << 1 | 1;
    first_free_id = t->id;
}

struct thread *thread_create(struct task *task, unsigned priority) {
    struct thread *t = slab_alloc(sizeof *t, task->account);
    if (!t)
        return NULL;
    memset(t, 0, sizeof *t);
    kobject_init(&t->kobject, PK_TYPE_THREAD, task->account);
    if (!take_id(t)) {
        slab_free(t, sizeof *t, task->account);
        return NULL;
    }
    t->first_token = t->call.token;
    list_init(&t->link);
    list_init(&t->sched.link);
    list_init(&t->call.served);
    list_init(&t->call.notice);
    list_init(&t->call.level);
    t->regs.status = INITIAL_STATUS;
    t->state = THREAD_READY;
    t->suspended = true;
    ranked_init(&t->lenders);
    t->given_priority = t->base_priority = t->sched.priority = (uint8_t)priority;
    t->sched.weight = PK_WEIGHT_NORMAL;
    t->sched.quantum = PK_QUANTUM_NS;
    t->sched.harts = UINT64_MAX;
    t->task = task;
    kobject_hold(&task->kobject);
    list_append(&task->threads, &t->task_link);
    task->thread_count++;
    return t;
}

bool thread_take_off(struct thread *t) {
    t->suspended = true;
    return !sched_running_elsewhere(t);
}

void thread_end(struct thread *t) {
    if (t->state == THREAD_ENDED)
        return;
    sched_remove(t);
    if (t->state == THREAD_QUEUED || t->state == THREAD_SERVED)
        call_abandon(t);
    else if (t->state == THREAD_RECEIVING)
        endpoint_remove_receiver(t);
    list_remove(&t->link);
    t->state = THREAD_ENDED;
    timer_disarm(&t->sleep);
    if (t->reserve)
        reserve_end(t);
    if (t->receiving && t->receiving->server == t)
        t->receiving->server = NULL;
    t->receiving = NULL;
    list_remove(&t->task_link);
    t->task->thread_count--;
    if (this_hart()->current != t)
        kobject_put(&t->kobject);
}

void thread_left_hart(struct thread *t) {
    if (t->state == THREAD_ENDED)
        kobject_put(&t->kobject);
}

void thread_destroy(struct kobject *k) {
    struct thread *t = thread_of(k);
    struct task *task = t->task;
    if (t->state != THREAD_ENDED)
        panic("thread %u destroyed while alive", t->id);
    give_id(t);
    for (uint32_t i = 0; i < machine.hart_count; i++)
        if (harts[i].payer == t)
            harts[i].payer = harts[i].current;
    slab_free(t, sizeof *t, k->account);
    kobject_put(&task->kobject);
}
