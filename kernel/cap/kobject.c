/* SPDX-License-Identifier: MIT */
/* The end of a kernel object, by type. */
#include <cap/kobject.h>
#include <ipc/ipc.h>
#include <mm/object.h>
#include <mm/slab.h>
#include <task/task.h>
#include <task/thread.h>
#include <time/irq.h>

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
        object_destroy(CONTAINER_OF(k, struct object, kobject));
        break;
    case PK_TYPE_IRQ:
        irq_destroy(k);
        break;
    case PK_TYPE_MACHINE: /* one, static, never without a reference */
    case PK_TYPE_NONE:
        panic("kobject of type %u without references", k->type);
    }
}
