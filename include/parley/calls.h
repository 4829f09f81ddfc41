/* SPDX-License-Identifier: MIT */
/*
 * The kernel interface: call numbers, message registers, rights and flags.
 *
 * Shared by the kernel, the servers, the personality and native programs; usable from assembly.
 * A kernel call is an `ecall` with a negative number in a7. Non-negative numbers are foreign calls
 * (docs/kernel-interface.md). Results are in a0: zero or positive on success, a negative errno
 * otherwise; a call that fails has changed nothing.
 */
#ifndef PARLEY_CALLS_H
#define PARLEY_CALLS_H

/*
 * Messages. Registers of the four message calls:
 *
 *             call                    receive returns          reply, reply_receive    call returns
 *   a0        endpoint slot           token, or 0 (notice)     token                   result
 *   a1        label                   label                    result                  capability count
 *   a2-a6,t0  words 0-5               words 0-5                words 0-5               words 0-5
 *   t1        input buffer address    badge                    endpoint slot (r_r)     -
 *   t2-t5     words 6-9               words 6-9                words 6-9               words 6-9
 *
 * The kernel hands the words 6 to 9 of a call on as they are, but has more uses for them: t2 is the length
 * of the input buffer, t3 and t4 are address and length of the output buffer, t5 names capabilities. They
 * count only if the server copies from or to a buffer, or if the label says that there are capabilities.
 *
 * A label is 16 bits of message number; bits 16-18 hold the number of capabilities that travel
 * (0 to 3), whose slots are packed in t5, 21 bits each, first in the low bits. A reply names its
 * number of capabilities in the token register (PK_TOKEN_CAPS_SHIFT); the call then returns that
 * number in a1 and the caller's new slots in t5. All other caller-saved registers are clobbered, callee-saved ones are kept.
 */
#define PK_CALL (-1)             /* call(endpoint, message) -> reply */
#define PK_REPLY_RECEIVE (-2)    /* reply(token, ...) then receive(t1); token 0: only receive */
#define PK_FOREIGN_RETURN (-3)   /* (value): back to the program; returns if attention is wanted */
#define PK_REPLY (-4)            /* reply(token, result, words) */
#define PK_RECEIVE (-5)          /* receive(endpoint, flags) -> message */
#define PK_NOTIFY (-6)           /* notify(notification, bits) */
#define PK_WAIT (-7)             /* wait(notification, flags) -> bits, cleared */
#define PK_YIELD (-8)            /* yield(thread slot or 0) */
#define PK_COPY_FROM_CALLER (-9) /* (token, offset in input, dst, len) -> bytes */
#define PK_COPY_TO_CALLER (-10)  /* (token, offset in output, src, len) -> bytes */
#define PK_CALLER_TO_OBJECT                                                                        \
    (-11) /* (token, offset in input, object, object offset, len) -> bytes */
#define PK_OBJECT_TO_CALLER                                                                        \
    (-12) /* (token, offset in output, object, object offset, len) -> bytes */

/*
 * What is created is paid by an account, which the caller must be allowed to manage; for a memory object to use
 * is enough.
 */
#define PK_ENDPOINT_CREATE (-13)     /* (account, notification to bind or 0) -> slot */
#define PK_NOTIFICATION_CREATE (-14) /* (account) -> slot */
#define PK_TIMER_SET (-15) /* (notification, bits, absolute time in ns or 0 = off, flags) */
#define PK_IRQ_BIND (-16)  /* (irq, notification, bits) */
#define PK_IRQ_ACK (-17)   /* (irq) */

#define PK_CAP_COPY                                                                                \
    (-18) /* (src slot, dst task or 0 = own, dst slot or 0 = any, rights mask, badge) -> slot */
#define PK_CAP_DROP (-19) /* (task or 0 = own, slot) */
#define PK_CAP_INFO (-20) /* (slot, struct pk_cap_info *) */

#define PK_TASK_CREATE                                                                             \
    (-21) /* (account, task whose address space to share or 0 = an empty one) -> slot */
#define PK_TASK_CLONE (-22)    /* (dst task, src task, flags = 0): copy the address space */
#define PK_TASK_SET (-23)      /* (task, enum pk_task_attr, value, badge) */
#define PK_TASK_INFO (-24)     /* (task, struct pk_task_info *) */
#define PK_TASK_KILL (-25)     /* (task): end its threads, free its memory and capabilities */
#define PK_TASK_COPY_IN (-26)  /* (task, dst address in own task, src address in task, len) */
#define PK_TASK_COPY_OUT (-27) /* (task, dst address in task, src address in own task, len) */

#define PK_THREAD_CREATE                                                                           \
    (-28) /* (account of the task, task, struct pk_regs *, priority) -> slot, suspended */
#define PK_THREAD_COPY                                                                             \
    (-29) /* (account of dst, src thread, dst task, word) -> slot, suspended; the copy's call           \
             returns 0, word 0 */
#define PK_THREAD_REGS (-30)      /* (thread, struct pk_regs *, PK_REGS_GET or _SET) */
#define PK_THREAD_SUSPEND (-31)   /* (thread) */
#define PK_THREAD_RESUME (-32)    /* (thread) */
#define PK_THREAD_ATTENTION (-33) /* (thread): mark; cancels a pending call */
#define PK_THREAD_INFO (-34)      /* (thread, struct pk_thread_info *) */
/* (thread, priority, weight, quantum in ns, a bit for each hart that it may run on); 0: weight, quantum, harts as they are */
#define PK_THREAD_PRIORITY (-35)

#define PK_OBJECT_CREATE                                                                           \
    (-36) /* (account, size in bytes, source object or 0, source offset) -> slot */
#define PK_OBJECT_DEVICE (-37) /* (account, machine, physical address, size) -> slot */
#define PK_OBJECT_RESIZE (-38) /* (object, size, PK_RESIZE_*) */
#define PK_OBJECT_INFO (-39)   /* (object, struct pk_object_info *) */
#define PK_OBJECT_READ (-40)   /* (object, offset, dst, len) -> bytes */
#define PK_OBJECT_WRITE (-41)  /* (object, offset, src, len) -> bytes */
#define PK_MAP                                                                                     \
    (-42) /* (task or 0, address, length, prot | flags, object or 0, offset, tag) -> address */
#define PK_UNMAP (-43)   /* (task or 0, address, length) */
#define PK_PROTECT (-44) /* (task or 0, address, length, prot) */
#define PK_REGION_INFO                                                                             \
    (-45) /* (task or 0, address, struct pk_region_info *): the region at or above */

#define PK_IRQ_CREATE (-46)   /* (account, machine, line) -> slot */
#define PK_MACHINE_INFO (-47) /* (struct pk_machine_info *) */
#define PK_MACHINE_STOP (-48) /* (machine, PK_STOP_*, status) */
#define PK_LOG (-49)          /* (machine, text, length): a line on the kernel's console */
#define PK_FOREIGN_EXCHANGE                                                                        \
    (-50) /* (pc, call number, scratch) -> was floating point ever used?; the old three in a1-a3 */
#define PK_FOREIGN_ATTENTION                                                                       \
    (-51) /* foreign_return(value) by way of an attention exception; t0: a word for its receiver */
#define PK_CALLER_TO_CALLER                                                                        \
    (-52) /* (token, offset in its input, token, offset in its output, len) -> bytes */
#define PK_ACCOUNT_CREATE                                                                          \
    (-53) /* (parent account, limit in bytes, flags, tag, highest priority) -> slot */
#define PK_ACCOUNT_SET (-54)  /* (account, enum pk_account_attr, value) */
#define PK_ACCOUNT_INFO (-55) /* (account, struct pk_account_info *) */
#define PK_POPULATE                                                                                \
    (-56) /* (task or 0, address, length): every page there, to be written where that is allowed */
/* (PK_SYNC_*): what is run from now on is what was written before; all harts agree on the order of what is before and behind */
#define PK_SYNC_CODE (-57)
#define PK_MACHINE_CHECK                                                                           \
    (-58) /* (machine): debug kernels: how much is wrong with the kernel's own data */
/* (object, offset, PK_FIND_*) -> offset: where pages that are there, or are not, go on behind that one; or the object's
 * size; or where a bounded search ended. It is found when the same offset comes back. */
#define PK_OBJECT_FIND (-59)
#define PK_OBJECT_DISCARD                                                                          \
    (-60) /* (object, offset, length): whole pages become zeros without memory; 1: more from the next data on */
#define PK_THREAD_KILL (-61) /* (thread): end it; what is left of it is the capability */
#define PK_CALLER_WORD                                                                             \
    (-62) /* (token, offset in its input, PK_WORD_*) -> the 32 bits there, in one load; a1, a2: their name */
#define PK_CALLER_WORD_NAME                                                                        \
    (-63) /* (token, address, PK_WORD_*) -> 0; a1, a2: the name of what the caller has there */
#define PK_CALLER_WORD_EXCHANGE                                                                    \
    (-64) /* (token, offset in its output, expected, value) -> the 32 bits that were there */
#define PK_TASK_WORD_NAME (-65) /* (task, address, PK_WORD_*) -> 0; a1, a2: the same for a task */
#define PK_TASK_WORD_EXCHANGE                                                                      \
    (-66) /* (task, address, expected, value) -> the 32 bits that were there */
/* (task or 0, address, length): what was written there privately is gone, as if it were mapped anew */
#define PK_RENEW (-67)
#define PK_RETAG (-68) /* (task or 0, address, length, mask, value): bits of the regions' tags */
#define PK_REGION_OBJECT                                                                           \
    (-69) /* (task or 0, address) -> slot: what is mapped there, with the mapping's rights */
#define PK_MACHINE_POLICY                                                                          \
    (-70) /* (machine, char [PK_POLICY_NAME], PK_POLICY_GET or _SET): how threads share harts */
/* (task or 0, address, length, PK_FIND_*) -> address: where in the range pages that are there, or are not, go on; or its end */
#define PK_REGION_FIND (-71)
/* (object, notification or 0, bits, own): notes who maps it from now on (pk_object_info), and signals the bits once, when
 * no more references than so many are left. 1: that is so already, and will not be signalled. */
#define PK_OBJECT_WATCH (-72)
/* (thread, runtime, deadline, period, all in ns): its priority is PK_PRIORITY_RESERVED until it gets another one */
#define PK_THREAD_RESERVE (-73)
#define PK_PERIOD_MOST_NS 4194304000 /* 2^22 us */
/* (until): waits until that time, in ns; EINTR: attention is wanted of a thread inside a foreign call */
#define PK_SLEEP (-74)
/* (token, thread or 0) -> the caller's priority: from now on the thread is as urgent as the caller at least; 0: nobody is */
#define PK_LEND (-75)
#define PK_CALLER_THREAD (-76) /* (token) -> slot: who called, to be lent to (PK_RIGHT_USE) */
#define PK_MACHINE_DONATION                                                                        \
    (-77) /* (machine, PK_DONATION_*) -> is it on?: do those who wait make others more urgent? */
/* (machine, object or 0, PK_TRACE_* in trace.h: a bit for each): events are written to the object from now on; 0, 0: no longer */
#define PK_MACHINE_TRACE (-78)
/* (machine, name: two words, three words): an event by name, if such are traced; else -EAGAIN */
#define PK_TRACE (-79)
/* (machine, id, struct pk_machine_thread *): the thread of that id, or the next above it */
#define PK_MACHINE_THREAD (-80)
#define PK_MACHINE_HART (-81) /* (index, struct pk_hart_info *) */
/* (machine, count) -> how many harts were started; so many are to be, 0: as many as are */
#define PK_MACHINE_HARTS (-82)
/* (token) -> how urgent who called is: its priority in the upper half, with what is lent to it, below that its weight */
#define PK_CALLER_RANK (-83)
/* (task, dst address in task, src address in own task, len) -> bytes, of one page: private mappings need not be writable */
#define PK_TASK_PATCH (-84)
#define PK_CALLS 84

#define PK_WORDS 10 /* of a message */

/* Labels. Bit 63 marks what only the kernel can send. */
#define PK_LABEL_MASK 0xffff
#define PK_LABEL_CAPS_SHIFT 16 /* number of capabilities, 0 to 3 */
#define PK_LABEL_KERNEL (1ull << 63)
#define PK_NOTICE_EVENTS (PK_LABEL_KERNEL | 1)   /* a0 = 0, word 0: notification bits */
#define PK_NOTICE_CANCEL (PK_LABEL_KERNEL | 2)   /* a0 = token, t1 = badge, word 0: PK_CANCEL_* */
#define PK_EXCEPTION_FAULT (PK_LABEL_KERNEL | 3) /* a0 = token; words: cause, address, pc, errno */
/* a0 = token; words: cause, address, pc, tag of the account that could not pay (0: the machine) */
#define PK_EXCEPTION_MEMORY (PK_LABEL_KERNEL | 6)
/* a0 = token; words: a0, a0 when the foreign call was made, the word of foreign_attention */
#define PK_EXCEPTION_ATTENTION (PK_LABEL_KERNEL | 4)
#define PK_EXCEPTION_FOREIGN (PK_LABEL_KERNEL | 5) /* a foreign call without a foreign entry */

#define PK_CANCEL_INTERRUPT 0 /* still waiting: answer -EINTR, or what was already granted */
#define PK_CANCEL_DEAD 1      /* the token is gone: forget the caller, no answer is possible */

/* Capability slots in a message: packed, the first in the low bits. */
#define PK_CAPS_MOST 3
#define PK_CAP_BITS 21
#define PK_CAP_AT(packed, i) ((packed) >> (PK_CAP_BITS * (i)) & ((1ul << PK_CAP_BITS) - 1))
#define PK_CAP_TO(slot, i) ((uint64_t)(slot) << (PK_CAP_BITS * (i)))

/* A reply with n capabilities sets bits 60-62 of the token register to n. */
#define PK_TOKEN_CAPS_SHIFT 60

/* The calling thread, as thread_info names it. */
#define PK_TOKEN_THREAD_BITS 20
#define PK_TOKEN_THREAD(token) ((token) & ((1ul << PK_TOKEN_THREAD_BITS) - 1))

/* Priorities of threads. Those of 0 share what the others leave, by a policy; a fixed one runs as long as nobody more urgent is ready. */
#define PK_PRIORITIES 128
#define PK_PRIORITY_SHARED 0
#define PK_PRIORITY_URGENT                                                                         \
    28 /* from here on: together at most 95 % of a hart's time while others wait */
#define PK_PRIORITY_RESERVED                                                                       \
    127 /* who has a reservation (thread_reserve), and whoever works for him: by deadlines */
#define PK_QUANTUM_NS                                                                              \
    10000000 /* how long a thread of a fixed priority runs while its equals wait, if nothing else was set */
#define PK_QUANTUM_NONE (1ull << 62) /* it runs as long as it wants */
#define PK_WEIGHT_NORMAL                                                                           \
    1024 /* of a thread that shares; one of twice as much gets twice the time */
#define PK_WEIGHT_MOST (1 << 17)

#define PK_POLICY_NAME 16 /* bytes, with a zero at the end */
#define PK_POLICY_GET 0
#define PK_POLICY_SET 1

#define PK_DONATION_OFF 0
#define PK_DONATION_ON 1
#define PK_DONATION_GET 2

#define PK_TIMER_DEFERRABLE 1 /* timer_set: does not wake a machine in which nobody runs */

#define PK_WORD_ANYWHERE 0 /* its name is the same in all address spaces that share it */
#define PK_WORD_OWN 1 /* it is named by its place in the address space, whatever is mapped there */

#define PK_SYNC_OWN 0 /* sync_code: harts that run the caller's address space */
#define PK_SYNC_ALL 1 /* all harts: for what other address spaces share with it */

#define PK_RESIZE_STEP 1 /* object_resize: one step of bounded length; 1 if there is more to do */
#define PK_FIND_HOLE 0   /* object_find, region_find: a page that is not there */
#define PK_FIND_DATA 1   /* one that is */
#define PK_FIND_OWN 2    /* region_find: with it, only private ones that were written to count */
#define PK_NONBLOCK 1    /* receive, wait: -EAGAIN instead of blocking */

/* Rights. What each bit allows depends on the object. */
/* endpoint: call; notification: notify; object: map or read; account: pay for memory objects; machine: log;
 * others: look */
#define PK_RIGHT_USE 1
#define PK_RIGHT_RECEIVE 2 /* endpoint: receive; notification: wait and bind */
#define PK_RIGHT_WRITE 2   /* object: write */
#define PK_RIGHT_GRANT 4   /* the capability may be copied and sent */
#define PK_RIGHT_EXECUTE 8 /* object: map executable */
#define PK_RIGHT_MANAGE 16 /* task, thread, object, irq, machine, account: change it */
#define PK_RIGHT_ALL 31

/* Protection and map flags. */
#define PK_PROT_READ 1
#define PK_PROT_WRITE 2
#define PK_PROT_EXEC 4
#define PK_MAP_FIXED 8      /* exactly there, replacing what is there */
#define PK_MAP_SHARED 16    /* writes go to the object */
#define PK_MAP_NOREPLACE 32 /* exactly there, -EEXIST if anything is */
#define PK_MAP_MAX_SHIFT                                                                           \
    8 /* bits 8-10: maximum protection; 0 means read, write and execute as rights allow */

/* account flags */
#define PK_ACCOUNT_RESERVED                                                                        \
    1 /* the limit is taken from the parent at once, and nobody else can have it */

/* account attributes */
#define PK_ACCOUNT_LIMIT 1  /* value: bytes; not of a reserved one */
#define PK_ACCOUNT_PARENT 2 /* value: slot of the account that it shall be below */

/* task attributes */
/* value: endpoint slot, 0 = none; badge: it names the task, if the slot's capability has none */
#define PK_TASK_EXCEPTION 1
#define PK_TASK_FOREIGN 2 /* value: foreign entry address, 0 = none */
#define PK_TASK_NAME 4    /* value: address of a name of up to 16 bytes, for diagnostics */
/* value: bytes that may be mapped, or UINT64_MAX; and of these in private mappings that may be written to */
#define PK_TASK_MAPPED_MOST 5
#define PK_TASK_DATA_MOST 6

#define PK_REGS_GET 0
#define PK_REGS_SET 1
#define PK_REGS_RESTART                                                                            \
    2 /* or'ed to SET: leave the pending call or foreign call and resume with these */
#define PK_REGS_FOREIGN                                                                            \
    4 /* or'ed to SET: make a foreign call with these, which goes on at the address in `foreign` */

#define PK_STOP_POWEROFF 0
#define PK_STOP_REBOOT 1
#define PK_STOP_EXIT 2 /* QEMU's exit status through the test device */

/* The account that a task may use for itself: a process for memory objects, a server for all. */
#define PK_SLOT_ACCOUNT 8

/* Fixed slots of a process (a task under the Linux personality). */
#define PK_SLOT_PROC 2
#define PK_SLOT_VFS 3
#define PK_SLOT_SHM 4
#define PK_SLOT_SEM 5
#define PK_SLOT_MSG 6
#define PK_SLOT_FUTEX 7
#define PK_SLOT_MQ 9
#define PK_SLOT_FIRST_SERVER 10 /* and on: to servers that it asked for by name */
#define PK_SLOT_FIRST_FREE 24   /* those below are filled by name only */

/* Fixed slots of a server: its task, its endpoint (receive right), its bound notification. */
#define PK_SLOT_SERVER_TASK 1
#define PK_SLOT_SERVER_ENDPOINT 2
#define PK_SLOT_SERVER_EVENTS 3
#define PK_SLOT_SERVER_MACHINE 4 /* to log */

#endif
