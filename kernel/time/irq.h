/* SPDX-License-Identifier: MIT */
/* Interrupt lines, delivered as notifications. */
#ifndef TIME_IRQ_H
#define TIME_IRQ_H

#include <cap/kobject.h>

struct notification;

struct irq {
    struct kobject kobject;
    uint32_t line;
    struct notification *notification; /* held; NULL: not bound */
    uint64_t bits;
    bool claimed; /* it fired and is not acknowledged yet */
};

void irq_destroy(struct kobject *k);

#endif
