/* SPDX-License-Identifier: MIT */
/*
 * Interrupt lines. A line that fires signals its notification and stays quiet until its driver
 * acknowledges it. One object a line at a time.
 */
#include <time/irq.h>
#include <arch/machine.h>
#include <calls.h>
#include <entry.h>
#include <ipc/ipc.h>
#include <mm/slab.h>
#include <parley/errno.h>
#include <task/task.h>
#include <task/thread.h>

static struct irq *lines[ARCH_IRQ_LINES];

void kernel_irq(uint32_t line) {
    struct irq *irq = line < ARCH_IRQ_LINES ? lines[line] : NULL;
    if (irq && irq->notification) {
        irq->claimed = true;
        notification_signal(irq->notification, irq->bits);
    } else
        arch_irq_complete(line);
}

/* A driver that died with an interrupt in hand must not leave the line dead for the next one. The
 * controller only hears of completion while the line is enabled. */
void irq_destroy(struct kobject *k) {
    struct irq *irq = CONTAINER_OF(k, struct irq, kobject);
    if (irq->claimed)
        arch_irq_complete(irq->line);
    arch_irq_disable(irq->line);
    lines[irq->line] = NULL;
    if (irq->notification)
        kobject_put(&irq->notification->kobject);
    slab_free(irq, sizeof *irq, k->account);
}

long sys_irq_create(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct account *account = call_account(self, a[0], PK_RIGHT_MANAGE, &error);
    if (!account || !cap_find(&self->task->caps, a[1], PK_TYPE_MACHINE, PK_RIGHT_MANAGE, &error))
        return error;
    if (a[2] == 0 || a[2] >= ARCH_IRQ_LINES)
        return -EINVAL;
    if (lines[a[2]])
        return -EBUSY;
    struct irq *irq = slab_alloc(sizeof *irq, account);
    if (!irq)
        return -ENOMEM;
    *irq = (struct irq){.line = (uint32_t)a[2]};
    kobject_init(&irq->kobject, PK_TYPE_IRQ, account);
    lines[a[2]] = irq;
    return call_give(self, &irq->kobject);
}

static struct irq *find_irq(struct thread *self, uint64_t slot, long *error) {
    struct cap *c = cap_find(&self->task->caps, slot, PK_TYPE_IRQ, PK_RIGHT_MANAGE, error);
    return c ? CONTAINER_OF(c->object, struct irq, kobject) : NULL;
}

long sys_irq_bind(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct irq *irq = find_irq(self, a[0], &error);
    if (!irq)
        return error;
    struct cap *c = cap_find(&self->task->caps, a[1], PK_TYPE_NOTIFICATION, PK_RIGHT_USE, &error);
    if (!c)
        return error;
    kobject_hold(c->object);
    if (irq->notification)
        kobject_put(&irq->notification->kobject);
    irq->notification = notification_of(c->object);
    irq->bits = a[2] & ~(1ull << 63);
    arch_irq_enable(irq->line);
    return 0;
}

long sys_irq_ack(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct irq *irq = find_irq(self, a[0], &error);
    if (!irq)
        return error;
    if (irq->claimed)
        arch_irq_complete(irq->line);
    irq->claimed = false;
    return 0;
}
