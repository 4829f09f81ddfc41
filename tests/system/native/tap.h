/* SPDX-License-Identifier: MIT */
/*
 * Native TAP programs: cases that check, with the kernel's counters the same before and after each,
 * and workers: threads in tasks of their own that see the program's memory.
 */
#ifndef NATIVE_TAP_H
#define NATIVE_TAP_H

#include <lib/server.h>
#include <stdbool.h>
#include <stdint.h>

#define PAGE 4096ul
#define USER_END (1ul << 38)
#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))
#define MS 1000000ull

struct tap_case {
    const char *name;
    void (*run)(void);
    bool leaky; /* the counters are not compared */
};

/*
 * Runs the cases and stops the machine, with status 1 if any failed. A case runs twice: the first
 * time warms up what the kernel and the program keep; after the second nothing may be missing.
 */
void tap_run(const struct tap_case *cases, unsigned count);

/* What there is of memory and objects: free frames, the kernel's objects, bytes charged to the program's account. */
struct tap_counters {
    uint64_t frames, objects, used;
};
/* The counters when all that has ended is gone: they have stood still for a while. */
struct tap_counters tap_counters(void);
/* Waits until they are what they were; false, with lines of diagnostics, after a second. */
bool tap_counters_return(struct tap_counters before);

/* Text to the console, whole. */
void tap_print(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool tap_check(bool good, const char *file, int line, const char *what);
bool tap_is(long got, long want, const char *file, int line, const char *what);

/* A failed check is a line of diagnostics and fails the case; the value says if it held. */
#define CHECK(condition) tap_check((condition), __FILE__, __LINE__, #condition)
#define IS(got, want) tap_is((long)(got), (long)(want), __FILE__, __LINE__, #got)
/* A call that must return a slot, which is its value. */
#define SLOT(call) tap_slot((call), __FILE__, __LINE__, #call)
uint64_t tap_slot(long result, const char *file, int line, const char *what);

uint64_t tap_time_ns(void);
unsigned tap_harts(void);
/* Blocks for that long. */
void tap_sleep(uint64_t ns);
/* Waits until *word is at least `value`; false after ten seconds. */
bool tap_reaches(const volatile uint64_t *word, uint64_t value);
uint64_t tap_random(uint64_t *state);
/* Any kernel call with all the registers that one may look at, a0 to a6 and t0 to t5; a1 comes back in x[1]. */
long tap_call(long number, uint64_t x[13]);

/* A task without threads whose address space is the program's own (shared). */
uint64_t task_sharing(void);
/* A task without threads with a copy of the address space, in an account of so many pages, or in the
 * program's (0). */
uint64_t task_copy(uint64_t quota);
/* The account that a task is in; and a reserved one of so many pages. */
uint64_t task_account(uint64_t task);
uint64_t account_new(uint64_t parent, uint64_t pages);
/* All workers so far have ended. */
void tap_reuse_stacks(void);
/* The registers of a thread that is to run entry(argument) on a fresh stack. */
struct pk_regs thread_regs_for(void (*entry)(uint64_t), uint64_t argument);
/* A suspended thread with them; and one that runs at once. */
uint64_t thread_new(uint64_t task, void (*entry)(uint64_t), uint64_t argument, unsigned priority);
uint64_t thread_run(uint64_t task, void (*entry)(uint64_t), uint64_t argument, unsigned priority);
/* What a worker does when it has nothing more to do: waits for ever, without the CPU. */
_Noreturn void worker_rest(void);
/* Kills the task and drops the capability. */
void task_end(uint64_t task);
/* Copies a capability to the same slot number of a task (a number below 32). */
void give_same(uint64_t task, uint64_t slot);
void drop(uint64_t slot);
/* Waits until the task has ended: what an account ends with it goes in steps. False after ten seconds. */
bool task_is_gone(uint64_t task);
/* Waits until the thread is in the state; false after ten seconds. */
bool thread_becomes(uint64_t thread, uint32_t state);

#endif
