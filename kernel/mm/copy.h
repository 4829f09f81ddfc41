/* SPDX-License-Identifier: MIT */
/*
 * Copies to, from and between user address spaces, through the direct map: the kernel never
 * dereferences a user address. Faults on the way are resolved. 0, or the error of aspace_fault
 * turned into -EFAULT (or -ENOMEM); what was copied before the fault stays copied.
 */
#ifndef MM_COPY_H
#define MM_COPY_H

#include <stdint.h>

struct aspace;
struct object;

/* At most this much in one go, so that interrupts wait only so long. */
#define COPY_STEP 8192

long copy_from_user(struct aspace *as, void *dst, uint64_t src, uint64_t length);
long copy_to_user(struct aspace *as, uint64_t dst, const void *src, uint64_t length);
long copy_user_to_user(struct aspace *dst_as, uint64_t dst, struct aspace *src_as, uint64_t src,
                       uint64_t length);
/* Between an object's bytes and user memory; the range must lie inside the object. */
long copy_object_to_user(struct aspace *as, uint64_t dst, struct object *o, uint64_t offset,
                         uint64_t length);
long copy_user_to_object(struct object *o, uint64_t offset, struct aspace *as, uint64_t src,
                         uint64_t length);

#endif
