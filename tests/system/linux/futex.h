/* SPDX-License-Identifier: MIT */
/* futex(2), for which C libraries have no function. */
#ifndef TEST_FUTEX_H
#define TEST_FUTEX_H

#include <linux/futex.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static inline long futex(volatile uint32_t *word, int op, uint32_t value,
                         const struct timespec *timeout, volatile uint32_t *second,
                         uint32_t third) {
    return syscall(SYS_futex, word, op, value, timeout, second, third);
}

static inline long futex_wait(volatile uint32_t *word, uint32_t value) {
    return futex(word, FUTEX_WAIT, value, NULL, NULL, 0);
}

static inline long futex_wake(volatile uint32_t *word, int count) {
    return futex(word, FUTEX_WAKE, (uint32_t)count, NULL, NULL, 0);
}

/* A number in place of the timeout. */
static inline const struct timespec *futex_number(int number) {
    return (const struct timespec *)(intptr_t)number;
}

/* A page that children share, zeros; NULL if there is no memory. */
static inline volatile uint32_t *futex_shared_page(void) {
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? NULL : page;
}

#endif
