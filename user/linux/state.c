/* SPDX-License-Identifier: MIT */
/* The personality's state, connections, and the little that a C library would give it. */
#include "personality.h"
#include <protocol/proc_client.h>

struct personality_state state __attribute__((section(".state"), used)) = {.brk = 1};

long linux_unknown(long a0, long a1, long a2, long a3, long a4, long a5, struct foreign_frame *f);

long personality_connect(unsigned slot) {
    long connected = proc_connect(PK_SLOT_PROC, slot);
    if (connected < 0)
        return connected;
    return connected > 0 || state.shared ? 0 : -EBADF;
}

/* Fails only if the process server is dead; this process ends with it. */
void personality_raise(int signal) {
    pk_may_fail(proc_tgkill(PK_SLOT_PROC, -1, 0, signal));
}

#define NUMBERS 512 /* Linux has fewer; all others count as one */

/* True the first time that this program, or one that it is a fork of, asks. */
static bool first_time(uint64_t number) {
    static uint64_t told[NUMBERS / 64 + 1];
    uint64_t at = number < NUMBERS ? number : NUMBERS, bit = 1ul << at % 64;
    bool first = !(told[at / 64] & bit);
    told[at / 64] |= bit;
    return first;
}

/* A call that is not served: ENOSYS, and once a program a line of log if the boot asked for it. */
long linux_unknown(long a0, long a1, long a2, long a3, long a4, long a5, struct foreign_frame *f) {
    (void)a0, (void)a1, (void)a2, (void)a3, (void)a4, (void)a5;
    if (state.log_unknown && first_time(f->a[7]))
        pk_may_fail(proc_unknown(PK_SLOT_PROC, f->a[7]));
    return -ENOSYS;
}

size_t string_length(const char *s) {
    size_t n = 0;
    while (s[n])
        n++;
    return n;
}

bool string_equal(const char *a, const char *b) {
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

void *memcpy(void *restrict dst, const void *restrict src, size_t n) {
    char *d = dst;
    const char *s = src;
    while (n--)
        *d++ = *s++;
    return dst;
}

void *memset(void *dst, int byte, size_t n) {
    char *d = dst;
    while (n--)
        *d++ = (char)byte;
    return dst;
}
