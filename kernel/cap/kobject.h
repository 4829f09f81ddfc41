/* SPDX-License-Identifier: MIT */
/* What all kernel objects have in common: a type, a reference count, and who pays. */
#ifndef CAP_KOBJECT_H
#define CAP_KOBJECT_H

#include <lib/lib.h>
#include <parley/types.h>
#include <stdint.h>

struct account;

struct kobject {
    uint32_t refs;
    uint32_t type; /* enum pk_type */
    struct account *account;
};

static inline void kobject_init(struct kobject *k, uint32_t type, struct account *account) {
    *k = (struct kobject){.refs = 1, .type = type, .account = account};
}
static inline void kobject_hold(struct kobject *k) {
    k->refs++;
}
/* Drops a reference; the last one destroys the object by its type. */
void kobject_put(struct kobject *k);

#endif
