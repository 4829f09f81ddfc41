/* SPDX-License-Identifier: MIT */
/* Watched memory objects (object.h): who maps them, and when only their holder has them any more. */
#include <arch/machine.h>
#include <ipc/ipc.h>
#include <mm/object.h>
#include <mm/slab.h>
#include <parley/errno.h>

/* The holder's references are counted again. */
static void count_own(struct object *o) {
    struct object_watch *w = o->watch;
    if (!w->own)
        return;
    o->kobject.refs += w->own;
    w->own = 0;
    kobject_put(&w->notification->kobject);
}

long object_watch(struct object *o, struct notification *n, uint64_t bits, uint32_t own) {
    if (!o->watch) {
        if (!list_empty(&o->regions) || !list_empty(&o->uncut))
            return -EBUSY;
        o->watch = slab_alloc(sizeof *o->watch, o->kobject.account);
        if (!o->watch)
            return -ENOMEM;
        *o->watch = (struct object_watch){0};
    }
    count_own(o);
    if (!n)
        return 0;
    if (o->kobject.refs <= own)
        return 1;
    kobject_hold(&n->kobject);
    o->watch->notification = n;
    o->watch->bits = bits;
    o->watch->own = own;
    o->kobject.refs -= own;
    return 0;
}

void object_note(struct object *o, uint64_t owner, bool mapped) {
    *(mapped ? &o->watch->mapped_ns : &o->watch->unmapped_ns) = arch_time_ns();
    o->watch->by = owner;
}

bool object_watch_fires(struct object *o) {
    struct object_watch *w = o->watch;
    if (!w || !w->own)
        return false;
    notification_signal(w->notification, w->bits);
    count_own(o);
    return true;
}

void object_watch_end(struct object *o) {
    if (o->watch)
        slab_free(o->watch, sizeof *o->watch, o->kobject.account);
}
