/* SPDX-License-Identifier: MIT */
/*
 * What all kernel objects have in common: a type, a reference count, and who pays. One whose end may
 * take long is doomed: it ends step by step whenever the kernel is left.
 */
#ifndef CAP_KOBJECT_H
#define CAP_KOBJECT_H

#include <check/mark.h>
#include <lib/lib.h>
#include <parley/types.h>
#include <stdint.h>

struct account;

struct kobject {
    uint32_t refs;
    uint32_t type; /* enum pk_type */
    struct account *account;
    struct list doomed; /* in the list of those that kobject_reap() ends */
#ifdef PARLEY_DEBUG
    struct check_kobject check;
#endif
};

/* What a step towards an object's end has left to do. */
enum ending {
    ENDING_DONE, /* nothing: the object may be gone */
    ENDING_MORE,
    ENDING_WAITS, /* for other harts to stop running its threads */
};

static inline void kobject_init(struct kobject *k, uint32_t type, struct account *account) {
    *k = (struct kobject){.refs = 1, .type = type, .account = account};
    list_init(&k->doomed);
}
static inline void kobject_hold(struct kobject *k) {
    k->refs++;
}
/* Drops a reference; the last one destroys the object by its type. */
void kobject_put(struct kobject *k);

/* Lets kobject_reap() end it, if it is not to do so already. */
void kobject_doom(struct kobject *k);
/* Of one that held itself until now, at the end of its last step: it may be gone. */
void kobject_ended(struct kobject *k);
/* Ends doomed objects until all are gone, the share (in units of STEP_CREDIT) is used up, or an interrupt or another
 * hart waits. Called when the kernel is left, so that nothing that ends, nor a chain of things that end each other,
 * needs a long or deep call. False if there was nothing to do but wait for other harts. */
bool kobject_reap(int *share);
/* kobject_reap() writes the kernel's messages too. */
void kobject_reap_log(void);
/* What kobject_reap() has to do: doomed objects, and 1 if there are messages. */
extern uint64_t kobject_work;
extern bool kobject_log_waits; /* there are messages */
extern struct list kobject_doomed;

#endif
