/* SPDX-License-Identifier: MIT */
/* The end of a kernel object, by type. */
#include <cap/kobject.h>
#include <arch/hart.h>
#include <arch/machine.h>
#include <entry.h>
#include <ipc/ipc.h>
#include <mm/account.h>
#include <mm/object.h>
#include <sched/hart.h>
#include <task/task.h>
#include <task/thread.h>
#include <time/irq.h>

struct list kobject_doomed = {&kobject_doomed, &kobject_doomed};
static uint64_t doomed_count;
bool kobject_log_waits;
uint64_t kobject_work;

#define LEAST_TAKEN 4

void kobject_put(struct kobject *k) {
    ASSERT(k->refs > 0);
    if (--k->refs)
        return;
    switch ((enum pk_type)k->type) {
    case PK_TYPE_TASK:
        task_destroy(k);
        break;
    case PK_TYPE_THREAD:
        thread_destroy(k);
        break;
    case PK_TYPE_ENDPOINT:
        endpoint_destroy(k);
        break;
    case PK_TYPE_NOTIFICATION:
        notification_destroy(k);
        break;
    case PK_TYPE_OBJECT:
        object_destroy(k);
        break;
    case PK_TYPE_IRQ:
        irq_destroy(k);
        break;
    case PK_TYPE_ACCOUNT:
        account_destroy(k);
        break;
    case PK_TYPE_MACHINE: /* one, static, never without a reference */
    case PK_TYPE_NONE:
        panic("kobject of type %u without references", k->type);
    }
}

void kobject_ended(struct kobject *k) {
    list_remove(&k->doomed);
    kobject_put(k);
}

void kobject_doom(struct kobject *k) {
    if (!list_empty(&k->doomed))
        return;
    list_append(&kobject_doomed, &k->doomed);
    doomed_count++;
    kobject_work++;
    this_hart()->reconsider = true; /* not to leave the kernel before kobject_reap() had its turn */
}

static enum ending end_step(struct kobject *k, int *credit) {
    switch ((enum pk_type)k->type) {
    case PK_TYPE_TASK:
        return task_end_step(k, credit);
    case PK_TYPE_ENDPOINT:
        return endpoint_end_step(k, credit);
    case PK_TYPE_NOTIFICATION:
        return notification_end_step(k, credit);
    case PK_TYPE_OBJECT:
        return object_end_step(k, credit);
    case PK_TYPE_ACCOUNT:
        return account_end_step(k, credit);
    case PK_TYPE_THREAD: /* end at once */
    case PK_TYPE_IRQ:
    case PK_TYPE_MACHINE:
    case PK_TYPE_NONE:
        break;
    }
    panic("kobject of type %u doomed", k->type);
}

void kobject_reap_log(void) {
    if (kobject_log_waits ||
        !this_hart()) /* before there are harts, whoever stops the machine writes it */
        return;
    kobject_log_waits = true;
    kobject_work++;
    this_hart()->reconsider = true;
}

/* What a step has taken of its credit; at least a little, so that an end comes of many that take nothing. */
static int taken(int credit) {
    return max_int(STEP_CREDIT - credit, LEAST_TAKEN);
}

/*
 * Messages are short, and no program's output is to come into their middle: they are written whatever the share. False if
 * an interrupt waits before anything is written.
 */
static bool write_log(void) {
    bool worked = false;
    while (kobject_log_waits && !arch_interrupt_pending()) {
        int credit = STEP_CREDIT;
        worked = true;
        kobject_log_waits = !kprint_step(&credit);
        kobject_work -= !kobject_log_waits;
    }
    return worked;
}

/* While its step runs it counts as doomed: the step may come upon the object itself. */
static enum ending step(struct kobject *k, int *share) {
    int credit = STEP_CREDIT;
    static struct list in_step;
    list_init(&in_step);
    list_remove(&k->doomed);
    list_append(&in_step, &k->doomed);
    enum ending left = end_step(k, &credit);
    *share -= taken(credit);
    if (left != ENDING_DONE) {
        list_remove(&k->doomed);
        list_append(&kobject_doomed, &k->doomed);
    }
    return left;
}

bool kobject_reap(int *share) {
    bool worked = write_log();
    uint64_t waiting = 0; /* for other harts */
    while (!list_empty(&kobject_doomed) && waiting<doomed_count && * share> 0 &&
           !arch_interrupt_pending() && !(worked && kernel_lock_wanted())) {
        struct kobject *k = CONTAINER_OF(kobject_doomed.next, struct kobject, doomed);
        enum ending left = step(k, share);
        if (left == ENDING_DONE)
            doomed_count--, kobject_work--;
        waiting = left == ENDING_WAITS ? waiting + 1 : 0;
        worked |= waiting == 0;
    }
    return worked;
}
