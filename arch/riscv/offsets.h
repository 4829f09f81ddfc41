/* SPDX-License-Identifier: MIT */
/* Where entry.S and fast.S find the kernel's data; trap.c asserts each. */
#ifndef RISCV_OFFSETS_H
#define RISCV_OFFSETS_H

#define HART_CURRENT 0
#define HART_STACK 8
#define HART_SCRATCH 16
#define HART_PAYER 32
#define HART_ASPACE 40
#define HART_HOME_TAG 48
#define HART_LEVELS 56
#define HART_TOP 64
#define HART_LISTS 72
#define HART_SLICE_END 1144
#define HART_TIMER_AT 1168
#define HART_FP_ON 1096
#define HART_RECONSIDER 1097
#define HART_LATENCY 1176 /* since, pc, call, place */
#define REGS_STATUS 256
#define THREAD_CONDITION 264
#define THREAD_BASE_PRIORITY 268
#define THREAD_TASK 272
#define THREAD_HART 280
#define THREAD_PRIORITY 304
#define THREAD_ATTENTION 266
#define THREAD_ENDPOINT 384
#define THREAD_BADGE 392
#define THREAD_TOKEN 400
#define THREAD_SERVER 408
#define THREAD_SCHED 288
#define THREAD_IN_QUEUE 305
#define THREAD_EXCEPTION 456
#define THREAD_SERVED_LINK 416
#define TASK_SERVED 120
#define THREAD_CANCELLED 448
#define FOREIGN_INSIDE 520
#define FOREIGN_PC 528
#define FOREIGN_NUMBER 536
#define FOREIGN_SCRATCH 544
#define FOREIGN_FIRST 552
#define TASK_ASPACE 32
#define TASK_CAPS 40
#define TASK_FOREIGN_ENTRY 152
#define TASK_IN_HAND 112
#define THREAD_PROGRESS 560
#define ASPACE_ACTIVATION 24
#define ASPACE_HOME 32
#define CAP_OBJECT 0
#define CAP_BADGE 8
#define CAP_KIND 24
#define ENDPOINT_REFS 0
#define ENDPOINT_WAITING 32
#define ENDPOINT_SERVER 40
#define ENDPOINT_PENDING 48

#define CAP_SIZE_SHIFT 5
#define CAP_SLOTS_FIRST 32 /* slots below this are in the first array */
#define KIND_MASK (7 << 5) /* the type in a capability's kind */
#define KIND_ENDPOINT (3 << 5)
#define TOKEN_ID_BITS 20
#define CONDITION_SERVED 3 /* a thread that nothing but its state keeps from running */
#define CONDITION_RECEIVING 4
#define CONDITION_ATTENTION (1 << 16) /* more than its state: attention is wanted */

#endif
