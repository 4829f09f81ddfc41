/* SPDX-License-Identifier: MIT */
/* What every part of the kernel uses: memory functions, messages, panics, lists, trees. */
#ifndef LIB_LIB_H
#define LIB_LIB_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(p, type, member) ((type *)((char *)(p)-offsetof(type, member)))
#define UNUSED __attribute__((unused))
#define COLD __attribute__((cold, noinline))
/* Not so rare, but not to cost those around it that do not come there. */
#define NOINLINE __attribute__((noinline))
#define ALWAYS_INLINE inline __attribute__((always_inline))

/*
 * Long work is done in steps, and between two of them pending interrupts are let in. A step ends when
 * its credit is used up: a unit is some 30 instructions.
 */
#define STEP_CREDIT 192

static inline int max_int(int a, int b) {
    return a > b ? a : b;
}
static inline uint64_t min_u64(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}
static inline uint64_t max_u64(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}
static inline uint64_t align_down(uint64_t v, uint64_t unit) {
    return v & ~(unit - 1);
}
static inline uint64_t align_up(uint64_t v, uint64_t unit) {
    return (v + unit - 1) & ~(unit - 1);
}

/* printf's %s %c %d %u %x %p, with l and field width, to the firmware's console. */
void kprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Writes what kprintf left to be written, as far as the credit goes: true when that is all; or all of it. */
bool kprint_step(int *credit);
void kprint_flush(void);

/* Stops the machine with a message, the registers and a backtrace. For kernel bugs only. */
void panic(const char *format, ...) __attribute__((noreturn, cold, format(printf, 1, 2)));

#ifdef PARLEY_DEBUG
#define ASSERT(c)                                                                                  \
    do {                                                                                           \
        if (!(c))                                                                                  \
            panic("assertion failed: %s, %s:%d", #c, __FILE__, __LINE__);                          \
    } while (0)
#else
#define ASSERT(c) ((void)0)
#endif

/* Doubly linked circular lists; a head is a node of its own. */
struct list {
    struct list *next, *prev;
};

static inline void list_init(struct list *l) {
    l->next = l->prev = l;
}
static inline bool list_empty(const struct list *l) {
    return l->next == l;
}
static inline void list_insert_before(struct list *at, struct list *node) {
    node->prev = at->prev;
    node->next = at;
    at->prev->next = node;
    at->prev = node;
}
static inline void list_append(struct list *head, struct list *node) {
    list_insert_before(head, node);
}
static inline void list_prepend(struct list *head, struct list *node) {
    list_insert_before(head->next, node);
}
static inline void list_unlink(struct list *node) {
    node->prev->next = node->next;
    node->next->prev = node->prev;
}
/* Leaves the node empty, so that removing twice is harmless. */
static inline void list_remove(struct list *node) {
    list_unlink(node);
    list_init(node);
}

#endif
