/* SPDX-License-Identifier: MIT */
/*
 * The kernel's side of a server under test. Included before everything else (-include), it takes the
 * place of <parley/stubs.h>: the kernel calls that servers/lib makes become functions of kernel.c.
 */
#ifndef PARLEY_STUBS_H
#define PARLEY_STUBS_H

#include <parley/calls.h>
#include <parley/types.h>

#define PK_MUST_CHECK __attribute__((warn_unused_result))

static inline void pk_may_fail(long result) {
    (void)result;
}

PK_MUST_CHECK long pk_call(uint64_t endpoint, struct pk_msg *msg, const void *in, uint64_t in_len,
                           void *out, uint64_t out_len);
PK_MUST_CHECK long pk_call_words(uint64_t endpoint, struct pk_msg *msg, const void *in);
PK_MUST_CHECK long pk_reply(uint64_t token, long result, const struct pk_msg *msg,
                            unsigned cap_count);
PK_MUST_CHECK long pk_reply_receive(uint64_t endpoint, uint64_t token, long result,
                                    struct pk_msg *msg, unsigned cap_count);
PK_MUST_CHECK long pk_copy_from_caller(uint64_t token, uint64_t offset, void *dst, uint64_t len);
PK_MUST_CHECK long pk_caller_to_caller(uint64_t from, uint64_t from_offset, uint64_t to,
                                       uint64_t to_offset, uint64_t len);
PK_MUST_CHECK long pk_copy_to_caller(uint64_t token, uint64_t offset, const void *src,
                                     uint64_t len);
PK_MUST_CHECK long pk_caller_word(uint64_t token, uint64_t offset, uint64_t flags,
                                  struct pk_word_name *name);
PK_MUST_CHECK long pk_caller_word_name(uint64_t token, uint64_t address, uint64_t flags,
                                       struct pk_word_name *name);
PK_MUST_CHECK long pk_caller_word_exchange(uint64_t token, uint64_t offset, uint32_t expected,
                                           uint32_t value);
PK_MUST_CHECK long pk_lend(uint64_t token, uint64_t thread);
PK_MUST_CHECK long pk_caller_rank(uint64_t token);
PK_MUST_CHECK long pk_caller_thread(uint64_t token);
PK_MUST_CHECK long pk_notify(uint64_t notification, uint64_t bits);
PK_MUST_CHECK long pk_timer_set(uint64_t notification, uint64_t bits, uint64_t at_ns);
PK_MUST_CHECK long pk_cap_copy(uint64_t src, uint64_t dst_task, uint64_t dst_slot, uint64_t rights,
                               uint64_t badge);
PK_MUST_CHECK long pk_cap_drop(uint64_t task, uint64_t slot);
PK_MUST_CHECK long pk_object_create(uint64_t size, uint64_t source, uint64_t source_offset);
PK_MUST_CHECK long pk_object_create_for(uint64_t account, uint64_t size, uint64_t source,
                                        uint64_t source_offset);
PK_MUST_CHECK long pk_object_info(uint64_t object, struct pk_object_info *info);
PK_MUST_CHECK long pk_object_watch(uint64_t object, uint64_t notification, uint64_t bits,
                                   uint64_t own);

#endif
