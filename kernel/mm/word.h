/* SPDX-License-Identifier: MIT */
/*
 * Words of user memory by which programs wait for each other: what they are called, wherever they are mapped, and
 * single accesses that are atomic towards programs on other harts.
 */
#ifndef MM_WORD_H
#define MM_WORD_H

#include <stdbool.h>
#include <stdint.h>

struct aspace;

/* A name that is the same in every address space that shows the byte, and that is never another's. */
struct word_name {
    uint64_t id; /* of the memory object, or of the address space */
    uint64_t offset;
};

/*
 * The name of va. `own`: by its place in the address space, whatever is mapped there. Else a shared mapping's bytes
 * are named by their object, and -EFAULT says that nothing is mapped.
 */
long word_name(struct aspace *as, uint64_t va, bool own, struct word_name *name);
/* The aligned 32 bits at va, as one load; -EINVAL if they are not aligned, -EFAULT, -ENOMEM. */
long word_load(struct aspace *as, uint64_t va);
/* The same, and if they are `expected`, they become `value`, in one. */
long word_exchange(struct aspace *as, uint64_t va, uint32_t expected, uint32_t value);

#endif
