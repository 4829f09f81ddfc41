/* SPDX-License-Identifier: MIT */
/* Memory and string functions of the C standard, by words where alignment allows. */
#include <lib/lib.h>

/* The compiler makes calls to these of its own accord, after it has seen who else does. */
#define CALLED_BY_COMPILER __attribute__((used))

typedef uint64_t __attribute__((may_alias)) word;

static bool aligned(const void *p) {
    return ((uintptr_t)p & 7) == 0;
}

CALLED_BY_COMPILER
void *memcpy(void *restrict dst, const void *restrict src, size_t n) {
    unsigned char *d = dst;
    const unsigned char *s = src;
    if ((((uintptr_t)d ^ (uintptr_t)s) & 7) == 0) {
        for (; n && !aligned(d); n--)
            *d++ = *s++;
        word *dw = (word *)d;
        const word *sw = (const word *)s;
        for (; n >= 64; n -= 64, dw += 8, sw += 8) {
            word a = sw[0], b = sw[1], c = sw[2], e = sw[3];
            word f = sw[4], g = sw[5], h = sw[6], i = sw[7];
            dw[0] = a, dw[1] = b, dw[2] = c, dw[3] = e;
            dw[4] = f, dw[5] = g, dw[6] = h, dw[7] = i;
        }
        for (; n >= 8; n -= 8)
            *dw++ = *sw++;
        d = (unsigned char *)dw;
        s = (const unsigned char *)sw;
    }
    while (n--)
        *d++ = *s++;
    return dst;
}

CALLED_BY_COMPILER
void *memmove(void *dst, const void *src, size_t n) {
    unsigned char *d = dst;
    const unsigned char *s = src;
    if (d <= s || d >= s + n) /* memcpy runs upwards */
        return memcpy(dst, src, n);
    while (n--)
        d[n] = s[n];
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
