/* SPDX-License-Identifier: MIT */
/*
 * The check of the kernel's data: a debug kernel walks over all that it has and compares what it finds with
 * what is counted. Every frame is free or held as often as it is counted, and charged to one account; every
 * kernel object has as many references as there are; an account uses what is charged to it; regions are in
 * order and do not overlap; page table entries lie in regions and allow no more than those may; queues hold
 * whom they should.
 *
 * It holds the kernel lock from beginning to end, so what it sees is what harts may see between two kernel
 * calls: long work that is half done, too. It starts at the tree of accounts, the doomed objects and the
 * harts, and follows references from there; what it finds is linked in a list, in which it goes on, so that
 * no chain of objects makes it recurse.
 *
 * Here is what its files share; everybody else needs check_kernel() alone.
 */
#ifndef CHECK_CHECK_H
#define CHECK_CHECK_H

#ifdef PARLEY_DEBUG

#include <cap/kobject.h>
#include <mm/frame.h>
#include <stdbool.h>

struct aspace;
struct object;
struct task;

/* How much is wrong, each with a line on the console: 0 if all is well. */
long check_kernel(void);

/* One thing that must hold. at: what it is about. */
bool check_must(bool good, const char *what, const char *file, int line, const void *at);
#define MUST(condition, at) check_must((condition), #condition, __FILE__, __LINE__, (at))

extern uint32_t check_round;
/* The mark, as nothing if it is from an earlier check. */
static inline struct check_mark *check_marked(struct check_mark *m) {
    if (m->round != check_round)
        *m = (struct check_mark){.round = check_round};
    return m;
}

/* The object is there, to be visited if it was not found before; and somebody holds it. */
void check_see(struct kobject *k);
void check_refer(struct kobject *k);
/* Counts something else at it. */
static inline void check_other(struct kobject *k) {
    check_see(k);
    k->check.mark.others++;
}

/* Somebody holds the frame; true for the first who does. */
bool check_hold(struct frame *f);
/* A piece of a slab is in use and charged to the account. */
void check_piece(const void *piece, size_t size, struct account *account);
void check_charge(struct account *account, uint64_t bytes);

/* What is not found from elsewhere: frames of the kernel's own, and those in no object. */
void check_frame_roots(void);
/* What frames are charged to. */
void check_frame_charges(void);
/* When all is found: frames against their marks. */
void check_frames(void);

/* What the objects of one kind refer to (objects.c, memory.c), and whether they agree with their marks. */
void check_visit(struct kobject *k);
void check_compare(struct kobject *k);
void check_caps(struct task *task);
void check_aspace(struct aspace *as);
void check_aspace_compare(const struct aspace *as);
void check_object(struct object *o);
void check_object_compare(struct object *o);

/* Run queues, timers and thread ids (queues.c): what is seen of them, and whether the queues hold that. */
void check_queues_begin(void);
void check_queues_thread(struct kobject *thread);
void check_queues_timer(struct kobject *notification);
void check_queues(void);

#else

#include <parley/errno.h>

static inline long check_kernel(void) {
    return -ENOSYS;
}

#endif

#endif
