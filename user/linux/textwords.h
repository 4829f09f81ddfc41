/* SPDX-License-Identifier: MIT */
/*
 * Short texts between the program's memory and the registers of a message, for System V and POSIX message queues (entry.S):
 * whole words go straight there. A fault is -EFAULT.
 */
#ifndef LINUX_TEXTWORDS_H
#define LINUX_TEXTWORDS_H

#include "personality.h"

#define ALWAYS_INLINE inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))

#define TEXT_WORDS (PK_TEXT_SIZE / sizeof(uint64_t))

/* Can the text be loaded into and stored from the registers of a message? */
static inline bool whole_words(const void *text, size_t size) {
    return (((uintptr_t)text | size) & 7) == 0 && size - 1 < PK_TEXT_SIZE;
}

#define TEXT_LOADED                                                                                \
    "=r"(a2), "=r"(a4), "=r"(a5), "=r"(a6), "=r"(t0), "=r"(t2), "=r"(t3), "=r"(t4), "=r"(t5)
#define TEXT_STORED "r"(a2), "r"(a4), "r"(a5), "r"(a6), "r"(t0), "r"(t2), "r"(t3), "r"(t4), "r"(t5)

/* A text with a word in front of it, as in struct msgbuf: of a size that whole_words() allows. */
static ALWAYS_INLINE long load_words(const void *buffer, size_t size, int64_t *type,
                                     uint64_t text[TEXT_WORDS]) {
    register long a0 __asm__("a0") = (long)buffer;
    register size_t a1 __asm__("a1") = size;
    PK_MESSAGE_REGISTERS;
    (void)a3;
    __asm__ volatile("jal personality_load_msgbuf"
                     : "+r"(a0), "+r"(a1), TEXT_LOADED
                     :
                     : "ra", "t6", "memory");
    *type = (int64_t)a2;
    text[0] = a4, text[1] = a5, text[2] = a6, text[3] = t0;
    text[4] = t2, text[5] = t3, text[6] = t4, text[7] = t5;
    return a0;
}

static ALWAYS_INLINE long store_words(void *buffer, size_t size, int64_t type,
                                      const uint64_t text[TEXT_WORDS]) {
    register long a0 __asm__("a0") = (long)buffer;
    register size_t a1 __asm__("a1") = size;
    PK_MESSAGE_REGISTERS;
    (void)a3;
    a2 = (uint64_t)type;
    a4 = text[0], a5 = text[1], a6 = text[2], t0 = text[3];
    t2 = text[4], t3 = text[5], t4 = text[6], t5 = text[7];
    __asm__ volatile("jal personality_store_msgbuf"
                     : "+r"(a0), "+r"(a1)
                     : TEXT_STORED
                     : "ra", "t6", "memory");
    return a0;
}

/* The same for a text alone. */
static ALWAYS_INLINE long load_text(const char *from, size_t size, uint64_t text[TEXT_WORDS]) {
    register long a0 __asm__("a0") = (long)from - 8;
    register size_t a1 __asm__("a1") = size;
    PK_MESSAGE_REGISTERS;
    (void)a3, (void)a2;
    __asm__ volatile("jal personality_load_text"
                     : "+r"(a0), "+r"(a1), "=r"(a4), "=r"(a5), "=r"(a6), "=r"(t0), "=r"(t2),
                       "=r"(t3), "=r"(t4), "=r"(t5)
                     :
                     : "ra", "t6", "memory");
    text[0] = a4, text[1] = a5, text[2] = a6, text[3] = t0;
    text[4] = t2, text[5] = t3, text[6] = t4, text[7] = t5;
    return a0;
}

static ALWAYS_INLINE long store_text(char *to, size_t size, const uint64_t text[TEXT_WORDS]) {
    register long a0 __asm__("a0") = (long)to - 8;
    register size_t a1 __asm__("a1") = size;
    PK_MESSAGE_REGISTERS;
    (void)a3, (void)a2;
    a4 = text[0], a5 = text[1], a6 = text[2], t0 = text[3];
    t2 = text[4], t3 = text[5], t4 = text[6], t5 = text[7];
    __asm__ volatile("jal personality_store_text"
                     : "+r"(a0), "+r"(a1)
                     : "r"(a4), "r"(a5), "r"(a6), "r"(t0), "r"(t2), "r"(t3), "r"(t4), "r"(t5)
                     : "ra", "t6", "memory");
    return a0;
}

#endif
