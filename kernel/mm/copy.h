/* SPDX-License-Identifier: MIT */
/*
 * Copies to, from and between user address spaces, through the direct map: the kernel never
 * dereferences a user address. Faults on the way are resolved. Errors are those of aspace_fault
 * turned into -EFAULT (or -ENOMEM); what was copied before the fault stays copied.
 */
#ifndef MM_COPY_H
#define MM_COPY_H

#include <stdbool.h>
#include <stdint.h>

struct aspace;
struct object;
struct thread;

/* 0 or an error. For a structure or a line of text. */
long copy_from_user(struct aspace *as, void *dst, uint64_t src, uint64_t length);
long copy_to_user(struct aspace *as, uint64_t dst, const void *src, uint64_t length);
/*
 * From the caller to another's memory, a private mapping's protection notwithstanding: at most to the end of the page. Bytes
 * copied, or an error.
 */
long copy_override(struct thread *self, struct aspace *as, uint64_t dst, uint64_t src,
                   uint64_t length);

/* Whose the bytes of a longer copy are: a user's or an object's. */
static inline uintptr_t of_user(struct aspace *as) {
    return (uintptr_t)as;
}
static inline uintptr_t of_object(struct object *o) {
    return (uintptr_t)o | 1;
}

/*
 * The end of a kernel call that copies: in steps, between which a pending interrupt is let in. Bytes copied, an
 * error, or CALL_DONE. Either side is an address or an offset; what is copied must lie inside an object.
 */
long copy_in_call(struct thread *self, uintptr_t dst_of, uint64_t dst, uintptr_t src_of,
                  uint64_t src, uint64_t length);

#endif
