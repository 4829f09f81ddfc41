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

/* 0 or an error. For a structure or a line of text. */
long copy_from_user(struct aspace *as, void *dst, uint64_t src, uint64_t length);
long copy_to_user(struct aspace *as, uint64_t dst, const void *src, uint64_t length);

/* A copy that takes no fault, within one page on either side and not the same one: else false, and nothing is
 * done. */
bool copy_user_to_user_at_once(struct aspace *dst_as, uint64_t dst, struct aspace *src_as,
                               uint64_t src, uint64_t n);
/*
 * One step of a copy of any length: how many bytes it copied, or an error. Not more than COPY_STEP, and not
 * beyond a page that needs a fault: to resolve that is a step of its own, of no bytes.
 */
#define COPY_STEP 8192
long copy_user_to_user(struct aspace *dst_as, uint64_t dst, struct aspace *src_as, uint64_t src,
                       uint64_t length);
/* Between an object's bytes and user memory; the range must lie inside the object. */
long copy_object_to_user(struct aspace *as, uint64_t dst, struct object *o, uint64_t offset,
                         uint64_t length);
long copy_user_to_object(struct object *o, uint64_t offset, struct aspace *as, uint64_t src,
                         uint64_t length);

#endif
