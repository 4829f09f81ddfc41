/* SPDX-License-Identifier: MIT */
/*
 * Kernel calls. Each handler gets the calling thread and its argument registers a0-a6, and
 * returns what goes to a0, or CALL_DONE if the registers are as they should be already (or the
 * thread is blocked). Contracts: parley/calls.h and docs/kernel-interface.md.
 */
#ifndef KERNEL_CALLS_H
#define KERNEL_CALLS_H

#define CALL_DONE (-2048) /* no error has this number, and no result is so negative */

#ifndef __ASSEMBLER__
#include <cap/cap.h>
#include <lib/lib.h>
#include <stdint.h>

struct thread;
struct task;
struct aspace;
struct object;

typedef long kernel_call_handler(struct thread *self, const uint64_t *a);

/* By -number; entry 0 is not used. */
extern kernel_call_handler *const kernel_call_table[];

kernel_call_handler sys_call, sys_receive, sys_reply, sys_reply_receive, sys_notify, sys_wait,
    sys_foreign_return, sys_yield, sys_copy_from_caller, sys_copy_to_caller, sys_caller_to_object,
    sys_caller_to_caller, sys_object_to_caller, sys_lend, sys_caller_thread, sys_caller_rank;
kernel_call_handler sys_endpoint_create, sys_notification_create, sys_timer_set, sys_irq_bind,
    sys_irq_ack, sys_irq_create;
kernel_call_handler sys_cap_copy, sys_cap_drop, sys_cap_info;
kernel_call_handler sys_task_create, sys_task_clone, sys_task_set, sys_task_info, sys_task_kill,
    sys_task_copy_in, sys_task_copy_out, sys_task_patch;
kernel_call_handler sys_thread_create, sys_thread_copy, sys_thread_regs, sys_thread_suspend,
    sys_thread_kill, sys_thread_resume, sys_thread_attention, sys_thread_info, sys_thread_priority,
    sys_thread_reserve, sys_sleep;
kernel_call_handler sys_object_create, sys_object_device, sys_object_resize, sys_object_info,
    sys_object_read, sys_object_write, sys_object_find, sys_object_discard, sys_object_watch,
    sys_map, sys_unmap, sys_protect, sys_region_info, sys_region_object, sys_region_find, sys_renew,
    sys_retag;
kernel_call_handler sys_foreign_exchange, sys_foreign_attention;
kernel_call_handler sys_machine_info, sys_machine_policy, sys_machine_donation, sys_machine_harts,
    sys_machine_stop, sys_machine_check, sys_machine_trace, sys_trace, sys_machine_thread,
    sys_machine_hart, sys_log;
kernel_call_handler sys_account_create, sys_account_set, sys_account_info;
kernel_call_handler sys_populate, sys_sync_code;
kernel_call_handler sys_caller_word, sys_caller_word_name, sys_caller_word_exchange,
    sys_task_word_name, sys_task_word_exchange;

/* A call number that is not the kernel's: resumes the thread at its task's foreign entry (foreign.c). */
void foreign_call(struct thread *t);
/* t, whose registers are the program's, is inside a foreign call from now on, at that address. */
void foreign_enter(struct thread *t, uint64_t entry);

/* Long work is to be divided here: an interrupt is pending, or another hart waits for the kernel. */
bool call_must_wait(void);
/* The call is made again when the thread next runs: how long operations let interrupts in. */
long call_restart(struct thread *self);
/* The same with a number that says how far it came. */
long call_restart_at(struct thread *self, uint64_t progress);
/* The result of a call that allocates and that has changed nothing if it says -ENOMEM: what is being freed
 * still is waited for, by making the call again. */
long call_with_memory(struct thread *self, long result);
/* What an earlier round of the call said, or 0. Whoever can write to the program can make it another
 * call's: it must do no harm. */
uint64_t call_progress(struct thread *self);

/* The objects behind slots, or NULL and *error. `slot` 0 is the caller's own task where said. */
struct task *call_task(struct thread *self, uint64_t slot, uint32_t rights, long *error);
struct task *call_task_or_own(struct thread *self, uint64_t slot, long *error);
struct thread *call_thread(struct thread *self, uint64_t slot, long *error);
struct account *call_account(struct thread *self, uint64_t slot, uint32_t rights, long *error);
/* The same for a memory object whose bytes are to be copied: EINVAL if those are not in it, or if it is a
 * device. */
struct object *call_object(struct thread *self, uint64_t slot, uint32_t rights, uint64_t offset,
                           uint64_t length, long *error);
/* Puts the name of a word of an address space into the caller's registers a1 and a2: 0 or an error. */
long call_word_name(struct thread *self, struct aspace *as, uint64_t va, uint64_t flags);
/* Inserts a fresh object with all rights into the caller's table and drops the creator's
 * reference: the slot or an error. */
long call_give(struct thread *self, struct kobject *k);

#endif
#endif
