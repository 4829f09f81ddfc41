/* SPDX-License-Identifier: MIT */
/* Memory and string functions of the C standard, by words where alignment allows. */
#include <lib/lib.h>

/* The compiler makes calls to these of its own accord, after it has seen who else does. */
#define CALLED_BY_COMPILER __attribute__((used))

typedef uint64_t __attribute__((may_alias)) word;

static bool aligned(const void *p) {
    return ((uintptr_t)p & 7) == 0;
}

static inline void copy_8_words(word *d, const word *s) {
    word a = s[0], b = s[1], c = s[2], e = s[3];
    word f = s[4], g = s[5], h = s[6], i = s[7];
    d[0] = a, d[1] = b, d[2] = c, d[3] = e;
    d[4] = f, d[5] = g, d[6] = h, d[7] = i;
}

/* Both aligned in the same way. Returns how much is left. */
static size_t copy_words(word *d, const word *s, size_t n) {
    for (; n >= 128; n -= 128, d += 16, s += 16) {
        copy_8_words(d, s);
        copy_8_words(d + 8, s + 8);
    }
    if (n >= 64) {
        copy_8_words(d, s);
        n -= 64, d += 8, s += 8;
    }
    for (; n >= 8; n -= 8)
        *d++ = *s++;
    return n;
}

/* d is aligned and s is not: each word is put together from two. Stays inside of s if 8 bytes before it are
 * its own. Returns how much is left. */
static size_t copy_shifted(word *d, const unsigned char *s, size_t n) {
    unsigned shift = 8 * ((uintptr_t)s & 7);
    const word *w = (const word *)(s - ((uintptr_t)s & 7));
    for (word low = *w; n >= 16; n -= 8) {
        word high = *++w;
        *d++ = low >> shift | high << (64 - shift);
        low = high;
    }
    return n;
}

CALLED_BY_COMPILER
void *memcpy(void *restrict dst, const void *restrict src, size_t n) {
    unsigned char *d = dst;
    const unsigned char *s = src;
    bool alike = (((uintptr_t)d ^ (uintptr_t)s) & 7) == 0;
    if (alike || n >= 32) {
        for (size_t first = alike ? n : n - 8; n && (n > first || !aligned(d)); n--)
            *d++ = *s++;
        size_t left =
            alike ? copy_words((word *)d, (const word *)s, n) : copy_shifted((word *)d, s, n);
        d += n - left;
        s += n - left;
        n = left;
    }
    while (n--)
        *d++ = *s++;
    return dst;
}

/* From the ends downwards, where d stands behind s. In the same way as the copies upwards. */
static void copy_down(unsigned char *d, const unsigned char *s, size_t n) {
    bool alike = (((uintptr_t)d ^ (uintptr_t)s) & 7) == 0;
    if (alike || n >= 32) {
        for (size_t first = alike ? n : n - 8; n && (n > first || !aligned(d + n)); n--)
            d[n - 1] = s[n - 1];
        word *to = (word *)(d + n);
        unsigned shift = 8 * ((uintptr_t)(s + n) & 7);
        const word *w = (const word *)(s + n - shift / 8);
        if (alike) {
            for (; n >= 8; n -= 8)
                *--to = *--w;
        } else {
            for (word high = *w; n >= 16; n -= 8) {
                word low = *--w;
                *--to = low >> shift | high << (64 - shift);
                high = low;
            }
        }
    }
    while (n--)
        d[n] = s[n];
}

CALLED_BY_COMPILER
void *memmove(void *dst, const void *src, size_t n) {
    unsigned char *d = dst;
    const unsigned char *s = src;
    if (d <= s || d >= s + n) /* memcpy runs upwards */
        return memcpy(dst, src, n);
    copy_down(d, s, n);
    return dst;
}

CALLED_BY_COMPILER
void *memset(void *dst, int byte, size_t n) {
    unsigned char *d = dst;
    uint64_t pattern = (unsigned char)byte * 0x0101010101010101ull;
    for (; n && !aligned(d); n--)
        *d++ = (unsigned char)byte;
    word *w = (word *)d;
    for (; n >= 64; n -= 64, w += 8) {
        w[0] = pattern, w[1] = pattern, w[2] = pattern, w[3] = pattern;
        w[4] = pattern, w[5] = pattern, w[6] = pattern, w[7] = pattern;
    }
    for (; n >= 8; n -= 8)
        *w++ = pattern;
    d = (unsigned char *)w;
    while (n--)
        *d++ = (unsigned char)byte;
    return dst;
}

int memcmp(const void *a, const void *b, size_t n) {
    const unsigned char *x = a, *y = b;
    for (; n; n--, x++, y++)
        if (*x != *y)
            return *x - *y;
    return 0;
}

size_t strlen(const char *s) {
    size_t n = 0;
    while (s[n])
        n++;
    return n;
}

int strcmp(const char *a, const char *b) {
    return strncmp(a, b, SIZE_MAX);
}

int strncmp(const char *a, const char *b, size_t n) {
    for (; n; n--, a++, b++) {
        if (*a != *b)
            return (unsigned char)*a - (unsigned char)*b;
        if (!*a)
            break;
    }
    return 0;
}
