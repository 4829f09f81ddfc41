/* SPDX-License-Identifier: MIT */
/*
 * Kernel-call stubs for user-space C. Each returns what the kernel left in a0.
 * Contracts: calls.h and docs/kernel-interface.md.
 */
#ifndef PARLEY_STUBS_H
#define PARLEY_STUBS_H

#include <parley/calls.h>
#include <parley/types.h>

/*
 * A call that can fail is looked at: the compiler refuses to build who drops its result. Servers and native
 * programs say must() of one that fails only if they themselves are wrong (servers/lib/must.h).
 */
#define PK_MUST_CHECK __attribute__((warn_unused_result))

/* For a call that may fail without its caller having anything to do about it: beside each use stands why. */
static inline void pk_may_fail(long result) {
    (void)result;
}

/* Everything the message calls clobber beyond the registers that they carry values in. */
#define PK_CLOBBERS "t6", "ra", "memory"

static inline long pk_call0(long number) {
    register long a0 __asm__("a0");
    register long a7 __asm__("a7") = number;
    __asm__ volatile("ecall" : "=r"(a0) : "r"(a7) : "memory");
    return a0;
}

static inline long pk_call6(long number, uint64_t p0, uint64_t p1, uint64_t p2, uint64_t p3,
                            uint64_t p4, uint64_t p5) {
    register uint64_t a0 __asm__("a0") = p0;
    register uint64_t a1 __asm__("a1") = p1;
    register uint64_t a2 __asm__("a2") = p2;
    register uint64_t a3 __asm__("a3") = p3;
    register uint64_t a4 __asm__("a4") = p4;
    register uint64_t a5 __asm__("a5") = p5;
    register long a7 __asm__("a7") = number;
    __asm__ volatile("ecall"
                     : "+r"(a0)
                     : "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5), "r"(a7)
                     : "memory");
    return (long)a0;
}

/* The registers of a message, from and to a struct pk_msg. */
#define PK_MESSAGE_REGISTERS                                                                       \
    register uint64_t a2 __asm__("a2");                                                            \
    register uint64_t a3 __asm__("a3");                                                            \
    register uint64_t a4 __asm__("a4");                                                            \
    register uint64_t a5 __asm__("a5");                                                            \
    register uint64_t a6 __asm__("a6");                                                            \
    register uint64_t t0 __asm__("t0");                                                            \
    register uint64_t t2 __asm__("t2");                                                            \
    register uint64_t t3 __asm__("t3");                                                            \
    register uint64_t t4 __asm__("t4");                                                            \
    register uint64_t t5 __asm__("t5")
#define PK_WORDS_FROM(msg)                                                                         \
    (a2 = (msg)->w[0], a3 = (msg)->w[1], a4 = (msg)->w[2], a5 = (msg)->w[3], a6 = (msg)->w[4],     \
     t0 = (msg)->w[5], t2 = (msg)->w[6], t3 = (msg)->w[7], t4 = (msg)->w[8], t5 = (msg)->w[9])
#define PK_WORDS_TO(msg)                                                                           \
    ((msg)->w[0] = a2, (msg)->w[1] = a3, (msg)->w[2] = a4, (msg)->w[3] = a5, (msg)->w[4] = a6,     \
     (msg)->w[5] = t0, (msg)->w[6] = t2, (msg)->w[7] = t3, (msg)->w[8] = t4, (msg)->w[9] = t5)
#define PK_WORDS_IN_OUT                                                                            \
    "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5), "+r"(a6), "+r"(t0), "+r"(t2), "+r"(t3), "+r"(t4),      \
        "+r"(t5)
#define PK_WORDS_OUT                                                                               \
    "=r"(a2), "=r"(a3), "=r"(a4), "=r"(a5), "=r"(a6), "=r"(t0), "=r"(t2), "=r"(t3), "=r"(t4),      \
        "=r"(t5)

/*
 * call: sends msg->label and ten words; the reply's words come back in msg, its number of capabilities in
 * msg->label. With an input buffer at `in` the words 6 to 9 are not words but what struct pk_msg names.
 */
PK_MUST_CHECK static inline long pk_call_words(uint64_t endpoint, struct pk_msg *msg,
                                               const void *in) {
    register uint64_t a0 __asm__("a0") = endpoint;
    register uint64_t a1 __asm__("a1") = msg->label;
    PK_MESSAGE_REGISTERS;
    register uint64_t t1 __asm__("t1") = (uint64_t)(uintptr_t)in;
    register uint64_t a7 __asm__("a7") = (uint64_t)PK_CALL;
    PK_WORDS_FROM(msg);
    __asm__ volatile("ecall"
                     : "+r"(a0), "+r"(a1), PK_WORDS_IN_OUT, "+r"(t1), "+r"(a7)
                     :
                     : PK_CLOBBERS);
    msg->label = a1;
    PK_WORDS_TO(msg);
    return (long)a0;
}

/* The same with six words, capabilities (packed in msg->caps) and two optional buffers. */
PK_MUST_CHECK static inline long pk_call(uint64_t endpoint, struct pk_msg *msg, const void *in,
                                         uint64_t in_len, void *out, uint64_t out_len) {
    msg->in_len = in_len;
    msg->out = (uint64_t)(uintptr_t)out;
    msg->out_len = out_len;
    return pk_call_words(endpoint, msg, in);
}

/*
 * reply_receive: answers `token` (0: nobody) with `result` and msg's words, of which the last may be
 * capabilities (cap_count of them, packed in msg->caps), then receives from `endpoint` into msg.
 * Returns the new token, 0 for a notice of events, or a negative errno.
 */
PK_MUST_CHECK static inline long pk_reply_receive(uint64_t endpoint, uint64_t token, long result,
                                                  struct pk_msg *msg, unsigned cap_count) {
    register uint64_t a0 __asm__("a0") = token | (uint64_t)cap_count << PK_TOKEN_CAPS_SHIFT;
    register uint64_t a1 __asm__("a1") = (uint64_t)result;
    PK_MESSAGE_REGISTERS;
    register uint64_t t1 __asm__("t1") = endpoint;
    register uint64_t a7 __asm__("a7") = (uint64_t)PK_REPLY_RECEIVE;
    PK_WORDS_FROM(msg);
    __asm__ volatile("ecall"
                     : "+r"(a0), "+r"(a1), PK_WORDS_IN_OUT, "+r"(t1), "+r"(a7)
                     :
                     : PK_CLOBBERS);
    msg->label = a1;
    PK_WORDS_TO(msg);
    msg->badge = t1;
    return (long)a0;
}

/* receive without a reply; flags: PK_NONBLOCK. */
PK_MUST_CHECK static inline long pk_receive(uint64_t endpoint, uint64_t flags, struct pk_msg *msg) {
    register uint64_t a0 __asm__("a0") = endpoint;
    register uint64_t a1 __asm__("a1") = flags;
    PK_MESSAGE_REGISTERS;
    register uint64_t t1 __asm__("t1");
    register uint64_t a7 __asm__("a7") = (uint64_t)PK_RECEIVE;
    __asm__ volatile("ecall"
                     : "+r"(a0), "+r"(a1), PK_WORDS_OUT, "=r"(t1), "+r"(a7)
                     :
                     : PK_CLOBBERS);
    msg->label = a1;
    PK_WORDS_TO(msg);
    msg->badge = t1;
    return (long)a0;
}

/* reply: answers `token` with `result` and msg's words and capabilities; does not wait. */
PK_MUST_CHECK static inline long pk_reply(uint64_t token, long result, const struct pk_msg *msg,
                                          unsigned cap_count) {
    register uint64_t a0 __asm__("a0") = token | (uint64_t)cap_count << PK_TOKEN_CAPS_SHIFT;
    register uint64_t a1 __asm__("a1") = (uint64_t)result;
    PK_MESSAGE_REGISTERS;
    register uint64_t a7 __asm__("a7") = (uint64_t)PK_REPLY;
    PK_WORDS_FROM(msg);
    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1), PK_WORDS_IN_OUT, "+r"(a7) : : "t1", PK_CLOBBERS);
    return (long)a0;
}

/* What the kernel keeps of a foreign call: foreign_return puts it back. */
struct pk_foreign {
    uint64_t pc, number, scratch;
};

/* foreign_exchange: replaces it and hands out the old; 1 if floating point was ever used, 0 if not. */
PK_MUST_CHECK static inline long pk_foreign_exchange(struct pk_foreign *f) {
    register uint64_t a0 __asm__("a0") = f->pc;
    register uint64_t a1 __asm__("a1") = f->number;
    register uint64_t a2 __asm__("a2") = f->scratch;
    register uint64_t a3 __asm__("a3");
    register long a7 __asm__("a7") = PK_FOREIGN_EXCHANGE;
    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1), "+r"(a2), "=r"(a3) : "r"(a7) : "memory");
    f->pc = a1;
    f->number = a2;
    f->scratch = a3;
    return (long)a0;
}

PK_MUST_CHECK static inline long pk_notify(uint64_t notification, uint64_t bits) {
    return pk_call6(PK_NOTIFY, notification, bits, 0, 0, 0, 0);
}
/* Bits arrive in the low 63 bits: bit 63 is not usable, so that results stay non-negative. */
PK_MUST_CHECK static inline long pk_wait(uint64_t notification, uint64_t flags) {
    return pk_call6(PK_WAIT, notification, flags, 0, 0, 0, 0);
}
/* Behind its equals: that cannot fail. */
static inline void pk_yield(void) {
    pk_call6(PK_YIELD, 0, 0, 0, 0, 0, 0);
}
PK_MUST_CHECK static inline long pk_yield_to(uint64_t thread) {
    return pk_call6(PK_YIELD, thread, 0, 0, 0, 0, 0);
}
PK_MUST_CHECK static inline long pk_copy_from_caller(uint64_t token, uint64_t offset, void *dst,
                                                     uint64_t len) {
    return pk_call6(PK_COPY_FROM_CALLER, token, offset, (uintptr_t)dst, len, 0, 0);
}
PK_MUST_CHECK static inline long pk_copy_to_caller(uint64_t token, uint64_t offset, const void *src,
                                                   uint64_t len) {
    return pk_call6(PK_COPY_TO_CALLER, token, offset, (uintptr_t)src, len, 0, 0);
}
PK_MUST_CHECK static inline long pk_word_call(long number, uint64_t p0, uint64_t p1, uint64_t p2,
                                              struct pk_word_name *name) {
    register uint64_t a0 __asm__("a0") = p0;
    register uint64_t a1 __asm__("a1") = p1;
    register uint64_t a2 __asm__("a2") = p2;
    register long a7 __asm__("a7") = number;
    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1), "+r"(a2) : "r"(a7) : "memory");
    *name = (struct pk_word_name){a1, a2};
    return (long)a0;
}
PK_MUST_CHECK static inline long pk_caller_word(uint64_t token, uint64_t offset, uint64_t flags,
                                                struct pk_word_name *name) {
    return pk_word_call(PK_CALLER_WORD, token, offset, flags, name);
}
PK_MUST_CHECK static inline long pk_caller_word_name(uint64_t token, uint64_t address,
                                                     uint64_t flags, struct pk_word_name *name) {
    return pk_word_call(PK_CALLER_WORD_NAME, token, address, flags, name);
}
PK_MUST_CHECK static inline long pk_task_word_name(uint64_t task, uint64_t address, uint64_t flags,
                                                   struct pk_word_name *name) {
    return pk_word_call(PK_TASK_WORD_NAME, task, address, flags, name);
}
PK_MUST_CHECK static inline long pk_caller_word_exchange(uint64_t token, uint64_t offset,
                                                         uint32_t expected, uint32_t value) {
    return pk_call6(PK_CALLER_WORD_EXCHANGE, token, offset, expected, value, 0, 0);
}
PK_MUST_CHECK static inline long pk_lend(uint64_t token, uint64_t thread) {
    return pk_call6(PK_LEND, token, thread, 0, 0, 0, 0);
}
PK_MUST_CHECK static inline long pk_caller_rank(uint64_t token) {
    return pk_call6(PK_CALLER_RANK, token, 0, 0, 0, 0, 0);
}
PK_MUST_CHECK static inline long pk_caller_thread(uint64_t token) {
    return pk_call6(PK_CALLER_THREAD, token, 0, 0, 0, 0, 0);
}
PK_MUST_CHECK static inline long pk_task_word_exchange(uint64_t task, uint64_t address,
                                                       uint32_t expected, uint32_t value) {
    return pk_call6(PK_TASK_WORD_EXCHANGE, task, address, expected, value, 0, 0);
}
PK_MUST_CHECK static inline long pk_caller_to_caller(uint64_t from, uint64_t from_offset,
                                                     uint64_t to, uint64_t to_offset,
                                                     uint64_t len) {
    return pk_call6(PK_CALLER_TO_CALLER, from, from_offset, to, to_offset, len, 0);
}
PK_MUST_CHECK static inline long pk_caller_to_object(uint64_t token, uint64_t offset,
                                                     uint64_t object, uint64_t object_offset,
                                                     uint64_t len) {
    return pk_call6(PK_CALLER_TO_OBJECT, token, offset, object, object_offset, len, 0);
}
PK_MUST_CHECK static inline long pk_object_to_caller(uint64_t token, uint64_t offset,
                                                     uint64_t object, uint64_t object_offset,
                                                     uint64_t len) {
    return pk_call6(PK_OBJECT_TO_CALLER, token, offset, object, object_offset, len, 0);
}

/* What is created is charged to PK_SLOT_ACCOUNT, unless an account is an argument. */
PK_MUST_CHECK static inline long pk_endpoint_create(uint64_t bind) {
    return pk_call6(PK_ENDPOINT_CREATE, PK_SLOT_ACCOUNT, bind, 0, 0, 0, 0);
}
PK_MUST_CHECK static inline long pk_notification_create(void) {
    return pk_call6(PK_NOTIFICATION_CREATE, PK_SLOT_ACCOUNT, 0, 0, 0, 0, 0);
}
PK_MUST_CHECK static inline long pk_timer_set(uint64_t notification, uint64_t bits,
                                              uint64_t at_ns) {
    return pk_call6(PK_TIMER_SET, notification, bits, at_ns, 0, 0, 0);
}
PK_MUST_CHECK static inline long pk_timer_set_deferrable(uint64_t notification, uint64_t bits,
                                                         uint64_t at_ns) {
    return pk_call6(PK_TIMER_SET, notification, bits, at_ns, PK_TIMER_DEFERRABLE, 0, 0);
}
PK_MUST_CHECK static inline long pk_irq_bind(uint64_t irq, uint64_t notification, uint64_t bits) {
    return pk_call6(PK_IRQ_BIND, irq, notification, bits, 0, 0, 0);
}
PK_MUST_CHECK static inline long pk_irq_ack(uint64_t irq) {
    return pk_call6(PK_IRQ_ACK, irq, 0, 0, 0, 0, 0);
}

PK_MUST_CHECK static inline long pk_cap_copy(uint64_t src, uint64_t dst_task, uint64_t dst_slot,
                                             uint64_t rights, uint64_t badge) {
    return pk_call6(PK_CAP_COPY, src, dst_task, dst_slot, rights, badge, 0);
}
PK_MUST_CHECK static inline long pk_cap_drop(uint64_t task, uint64_t slot) {
    return pk_call6(PK_CAP_DROP, task, slot, 0, 0, 0, 0);
}
PK_MUST_CHECK static inline long pk_cap_info(uint64_t slot, struct pk_cap_info *info) {
    return pk_call6(PK_CAP_INFO, slot, (uintptr_t)info, 0, 0, 0, 0);
}

PK_MUST_CHECK static inline long pk_account_create(uint64_t parent, uint64_t limit, uint64_t flags,
                                                   uint64_t tag, uint64_t highest_priority) {
    return pk_call6(PK_ACCOUNT_CREATE, parent, limit, flags, tag, highest_priority, 0);
}
PK_MUST_CHECK static inline long pk_account_set(uint64_t account, uint64_t attribute,
                                                uint64_t value) {
    return pk_call6(PK_ACCOUNT_SET, account, attribute, value, 0, 0, 0);
}
PK_MUST_CHECK static inline long pk_account_info(uint64_t account, struct pk_account_info *info) {
    return pk_call6(PK_ACCOUNT_INFO, account, (uintptr_t)info, 0, 0, 0, 0);
}

PK_MUST_CHECK static inline long pk_task_create(uint64_t account, uint64_t sharing) {
    return pk_call6(PK_TASK_CREATE, account, sharing, 0, 0, 0, 0);
}
PK_MUST_CHECK static inline long pk_task_clone(uint64_t dst, uint64_t src, uint64_t flags) {
    return pk_call6(PK_TASK_CLONE, dst, src, flags, 0, 0, 0);
}
PK_MUST_CHECK static inline long pk_task_set(uint64_t task, uint64_t attribute, uint64_t value) {
    return pk_call6(PK_TASK_SET, task, attribute, value, 0, 0, 0);
}
PK_MUST_CHECK static inline long pk_task_set_exception(uint64_t task, uint64_t endpoint,
                                                       uint64_t badge) {
    return pk_call6(PK_TASK_SET, task, PK_TASK_EXCEPTION, endpoint, badge, 0, 0);
}
PK_MUST_CHECK static inline long pk_task_info(uint64_t task, struct pk_task_info *info) {
    return pk_call6(PK_TASK_INFO, task, (uintptr_t)info, 0, 0, 0, 0);
}
PK_MUST_CHECK static inline long pk_task_kill(uint64_t task) {
    return pk_call6(PK_TASK_KILL, task, 0, 0, 0, 0, 0);
}
PK_MUST_CHECK static inline long pk_task_copy_in(uint64_t task, void *dst, uint64_t src,
                                                 uint64_t len) {
    return pk_call6(PK_TASK_COPY_IN, task, (uintptr_t)dst, src, len, 0, 0);
}
PK_MUST_CHECK static inline long pk_task_copy_out(uint64_t task, uint64_t dst, const void *src,
                                                  uint64_t len) {
    return pk_call6(PK_TASK_COPY_OUT, task, dst, (uintptr_t)src, len, 0, 0);
}

PK_MUST_CHECK static inline long pk_task_patch(uint64_t task, uint64_t dst, const void *src,
                                               uint64_t len) {
    return pk_call6(PK_TASK_PATCH, task, dst, (uintptr_t)src, len, 0, 0);
}

PK_MUST_CHECK static inline long pk_thread_create_in(uint64_t account, uint64_t task,
                                                     const struct pk_regs *regs,
                                                     uint64_t priority) {
    return pk_call6(PK_THREAD_CREATE, account, task, (uintptr_t)regs, priority, 0, 0);
}
PK_MUST_CHECK static inline long pk_thread_create(uint64_t task, const struct pk_regs *regs,
                                                  uint64_t priority) {
    return pk_thread_create_in(PK_SLOT_ACCOUNT, task, regs, priority);
}
PK_MUST_CHECK static inline long pk_thread_copy_in(uint64_t account, uint64_t src,
                                                   uint64_t dst_task, uint64_t word) {
    return pk_call6(PK_THREAD_COPY, account, src, dst_task, word, 0, 0);
}
PK_MUST_CHECK static inline long pk_thread_copy(uint64_t src, uint64_t dst_task, uint64_t word) {
    return pk_thread_copy_in(PK_SLOT_ACCOUNT, src, dst_task, word);
}
PK_MUST_CHECK static inline long pk_thread_regs(uint64_t thread, struct pk_regs *regs,
                                                uint64_t flags) {
    return pk_call6(PK_THREAD_REGS, thread, (uintptr_t)regs, flags, 0, 0, 0);
}
PK_MUST_CHECK static inline long pk_thread_suspend(uint64_t thread) {
    return pk_call6(PK_THREAD_SUSPEND, thread, 0, 0, 0, 0, 0);
}
PK_MUST_CHECK static inline long pk_thread_kill(uint64_t thread) {
    return pk_call6(PK_THREAD_KILL, thread, 0, 0, 0, 0, 0);
}
PK_MUST_CHECK static inline long pk_thread_resume(uint64_t thread) {
    return pk_call6(PK_THREAD_RESUME, thread, 0, 0, 0, 0, 0);
}
PK_MUST_CHECK static inline long pk_thread_attention(uint64_t thread) {
    return pk_call6(PK_THREAD_ATTENTION, thread, 0, 0, 0, 0, 0);
}
PK_MUST_CHECK static inline long pk_thread_info(uint64_t thread, struct pk_thread_info *info) {
    return pk_call6(PK_THREAD_INFO, thread, (uintptr_t)info, 0, 0, 0, 0);
}
PK_MUST_CHECK static inline long pk_thread_priority(uint64_t thread, uint64_t priority) {
    return pk_call6(PK_THREAD_PRIORITY, thread, priority, 0, 0, 0, 0);
}
PK_MUST_CHECK static inline long pk_thread_schedule(uint64_t thread, uint64_t priority,
                                                    uint64_t weight, uint64_t quantum_ns,
                                                    uint64_t harts) {
    return pk_call6(PK_THREAD_PRIORITY, thread, priority, weight, quantum_ns, harts, 0);
}
PK_MUST_CHECK static inline long pk_thread_reserve(uint64_t thread, uint64_t runtime,
                                                   uint64_t deadline, uint64_t period) {
    return pk_call6(PK_THREAD_RESERVE, thread, runtime, deadline, period, 0, 0);
}
PK_MUST_CHECK static inline long pk_sleep(uint64_t until_ns) {
    return pk_call6(PK_SLEEP, until_ns, 0, 0, 0, 0, 0);
}
PK_MUST_CHECK static inline long pk_machine_harts(uint64_t machine, uint64_t count) {
    return pk_call6(PK_MACHINE_HARTS, machine, count, 0, 0, 0, 0);
}
PK_MUST_CHECK static inline long pk_machine_policy(uint64_t machine, char *name, uint64_t how) {
    return pk_call6(PK_MACHINE_POLICY, machine, (uintptr_t)name, how, 0, 0, 0);
}

PK_MUST_CHECK static inline long pk_machine_donation(uint64_t machine, uint64_t how) {
    return pk_call6(PK_MACHINE_DONATION, machine, how, 0, 0, 0, 0);
}

PK_MUST_CHECK static inline long pk_object_create_for(uint64_t account, uint64_t size,
                                                      uint64_t source, uint64_t source_offset) {
    return pk_call6(PK_OBJECT_CREATE, account, size, source, source_offset, 0, 0);
}
PK_MUST_CHECK static inline long pk_object_create(uint64_t size, uint64_t source,
                                                  uint64_t source_offset) {
    return pk_object_create_for(PK_SLOT_ACCOUNT, size, source, source_offset);
}
PK_MUST_CHECK static inline long pk_object_device(uint64_t machine, uint64_t address,
                                                  uint64_t size) {
    return pk_call6(PK_OBJECT_DEVICE, PK_SLOT_ACCOUNT, machine, address, size, 0, 0);
}
PK_MUST_CHECK static inline long pk_object_resize(uint64_t object, uint64_t size) {
    return pk_call6(PK_OBJECT_RESIZE, object, size, 0, 0, 0, 0);
}
/* One step of it: 1 if there is more to do. */
PK_MUST_CHECK static inline long pk_object_resize_step(uint64_t object, uint64_t size) {
    return pk_call6(PK_OBJECT_RESIZE, object, size, PK_RESIZE_STEP, 0, 0, 0);
}
PK_MUST_CHECK static inline long pk_object_find(uint64_t object, uint64_t offset, uint64_t what) {
    return pk_call6(PK_OBJECT_FIND, object, offset, what, 0, 0, 0);
}
PK_MUST_CHECK static inline long pk_region_find(uint64_t task, uint64_t address, uint64_t length,
                                                uint64_t what) {
    return pk_call6(PK_REGION_FIND, task, address, length, what, 0, 0);
}
PK_MUST_CHECK static inline long pk_object_discard(uint64_t object, uint64_t offset,
                                                   uint64_t length) {
    return pk_call6(PK_OBJECT_DISCARD, object, offset, length, 0, 0, 0);
}
PK_MUST_CHECK static inline long pk_object_watch(uint64_t object, uint64_t notification,
                                                 uint64_t bits, uint64_t own) {
    return pk_call6(PK_OBJECT_WATCH, object, notification, bits, own, 0, 0);
}
PK_MUST_CHECK static inline long pk_object_info(uint64_t object, struct pk_object_info *info) {
    return pk_call6(PK_OBJECT_INFO, object, (uintptr_t)info, 0, 0, 0, 0);
}
PK_MUST_CHECK static inline long pk_object_read(uint64_t object, uint64_t offset, void *dst,
                                                uint64_t len) {
    return pk_call6(PK_OBJECT_READ, object, offset, (uintptr_t)dst, len, 0, 0);
}
PK_MUST_CHECK static inline long pk_object_write(uint64_t object, uint64_t offset, const void *src,
                                                 uint64_t len) {
    return pk_call6(PK_OBJECT_WRITE, object, offset, (uintptr_t)src, len, 0, 0);
}

/* map: task 0 is the caller's own; returns the address; tag comes back from pk_region_info. */
PK_MUST_CHECK static inline long pk_map(uint64_t task, uint64_t address, uint64_t length,
                                        uint64_t flags, uint64_t object, uint64_t offset,
                                        uint64_t tag) {
    register uint64_t a0 __asm__("a0") = task;
    register uint64_t a1 __asm__("a1") = address;
    register uint64_t a2 __asm__("a2") = length;
    register uint64_t a3 __asm__("a3") = flags;
    register uint64_t a4 __asm__("a4") = object;
    register uint64_t a5 __asm__("a5") = offset;
    register uint64_t a6 __asm__("a6") = tag;
    register long a7 __asm__("a7") = PK_MAP;
    __asm__ volatile("ecall"
                     : "+r"(a0)
                     : "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5), "r"(a6), "r"(a7)
                     : "memory");
    return (long)a0;
}
PK_MUST_CHECK static inline long pk_unmap(uint64_t task, uint64_t address, uint64_t length) {
    return pk_call6(PK_UNMAP, task, address, length, 0, 0, 0);
}
PK_MUST_CHECK static inline long pk_protect(uint64_t task, uint64_t address, uint64_t length,
                                            uint64_t prot) {
    return pk_call6(PK_PROTECT, task, address, length, prot, 0, 0);
}
PK_MUST_CHECK static inline long pk_region_info(uint64_t task, uint64_t address,
                                                struct pk_region_info *info) {
    return pk_call6(PK_REGION_INFO, task, address, (uintptr_t)info, 0, 0, 0);
}

PK_MUST_CHECK static inline long pk_region_object(uint64_t task, uint64_t address) {
    return pk_call6(PK_REGION_OBJECT, task, address, 0, 0, 0, 0);
}
PK_MUST_CHECK static inline long pk_renew(uint64_t task, uint64_t address, uint64_t length) {
    return pk_call6(PK_RENEW, task, address, length, 0, 0, 0);
}
/* retag: the bits of mask in the tags become those of value. */
PK_MUST_CHECK static inline long pk_retag(uint64_t task, uint64_t address, uint64_t length,
                                          uint64_t mask, uint64_t value) {
    return pk_call6(PK_RETAG, task, address, length, mask, value, 0);
}

PK_MUST_CHECK static inline long pk_populate(uint64_t task, uint64_t address, uint64_t length) {
    return pk_call6(PK_POPULATE, task, address, length, 0, 0, 0);
}
static inline void pk_sync_code(uint64_t scope) { /* cannot fail */
    (void)pk_call6(PK_SYNC_CODE, scope, 0, 0, 0, 0, 0);
}

PK_MUST_CHECK static inline long pk_irq_create(uint64_t machine, uint64_t line) {
    return pk_call6(PK_IRQ_CREATE, PK_SLOT_ACCOUNT, machine, line, 0, 0, 0);
}
PK_MUST_CHECK static inline long pk_machine_info(struct pk_machine_info *info) {
    return pk_call6(PK_MACHINE_INFO, (uintptr_t)info, 0, 0, 0, 0, 0);
}
PK_MUST_CHECK static inline long pk_machine_stop(uint64_t machine, uint64_t kind, uint64_t status) {
    return pk_call6(PK_MACHINE_STOP, machine, kind, status, 0, 0, 0);
}
PK_MUST_CHECK static inline long pk_machine_hart(uint64_t hart, struct pk_hart_info *info) {
    return pk_call6(PK_MACHINE_HART, hart, (uintptr_t)info, 0, 0, 0, 0);
}
/* 0, or -ENOENT: there is none of that id or one above it. */
PK_MUST_CHECK static inline long pk_machine_thread(uint64_t machine, uint64_t id,
                                                   struct pk_machine_thread *thread) {
    return pk_call6(PK_MACHINE_THREAD, machine, id, (uintptr_t)thread, 0, 0, 0);
}
PK_MUST_CHECK static inline long pk_machine_trace(uint64_t machine, uint64_t object,
                                                  uint64_t mask) {
    return pk_call6(PK_MACHINE_TRACE, machine, object, mask, 0, 0, 0);
}
/* name: at most 16 bytes. Mostly nobody traces, and it is not the caller's business whether: the result may be dropped. */
static inline long pk_trace(uint64_t machine, const char *name, uint64_t w0, uint64_t w1,
                            uint64_t w2) {
    uint64_t words[2] = {0};
    for (unsigned i = 0; i < sizeof words && name[i]; i++)
        words[i / 8] |= (uint64_t)(unsigned char)name[i] << 8 * (i % 8);
    return pk_call6(PK_TRACE, machine, words[0], words[1], w0, w1, w2);
}
PK_MUST_CHECK static inline long pk_machine_check(uint64_t machine) {
    return pk_call6(PK_MACHINE_CHECK, machine, 0, 0, 0, 0, 0);
}
/* Whoever cannot log has nobody to tell that to: the result may be dropped. */
static inline long pk_log(const char *text, uint64_t length) {
    return pk_call6(PK_LOG, PK_SLOT_SERVER_MACHINE, (uintptr_t)text, length, 0, 0, 0);
}

#endif
