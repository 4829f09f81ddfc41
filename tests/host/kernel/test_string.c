/* SPDX-License-Identifier: MIT */
/* The kernel's memory and string functions, under other names, against the C library's. */
#include "support.h"

void *k_memcpy(void *dst, const void *src, size_t n);
void *k_memmove(void *dst, const void *src, size_t n);
void *k_memset(void *dst, int byte, size_t n);
int k_memcmp(const void *a, const void *b, size_t n);
size_t k_strlen(const char *s);
int k_strcmp(const char *a, const char *b);
int k_strncmp(const char *a, const char *b, size_t n);

#define ROOM 400

static unsigned char from[ROOM], to[ROOM], want[ROOM];

static void fill(void) {
    for (unsigned i = 0; i < ROOM; i++) {
        from[i] = (unsigned char)random_number();
        to[i] = want[i] = (unsigned char)random_number();
    }
}

static void copies(void **state) {
    (void)state;
    for (unsigned d = 0; d < 16; d++)
        for (unsigned s = 0; s < 16; s++)
            for (unsigned n = 0; n < 200; n += n < 80 ? 1 : 13) {
                fill();
                memcpy(want + d, from + s, n);
                assert_ptr_equal(k_memcpy(to + d, from + s, n), to + d);
                assert_memory_equal(to, want, ROOM);
            }
}

static void moves(void **state) {
    (void)state;
    for (unsigned d = 0; d < 100; d += d < 24 ? 1 : 11)
        for (unsigned s = 0; s < 100; s += s < 24 ? 1 : 13)
            for (unsigned n = 0; n < 200; n += n < 40 ? 3 : 29) {
                fill();
                memmove(want + d, want + s, n);
                assert_ptr_equal(k_memmove(to + d, to + s, n), to + d);
                assert_memory_equal(to, want, ROOM);
            }
}

static void sets(void **state) {
    (void)state;
    for (unsigned d = 0; d < 16; d++)
        for (unsigned n = 0; n < 250; n++) {
            int byte = (int)random_number();
            fill();
            memset(want + d, byte, n);
            assert_ptr_equal(k_memset(to + d, byte, n), to + d);
            assert_memory_equal(to, want, ROOM);
        }
}

static int sign(int v) {
    return (v > 0) - (v < 0);
}

static void compares(void **state) {
    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        char a[12], b[12];
        unsigned n = (unsigned)(random_number() % 12);
        for (unsigned i = 0; i < 11; i++) {
            a[i] = (char)(random_number() % 3 ? 'x' : random_number() % 256);
            b[i] = (char)(random_number() % 8 ? a[i] : (char)random_number());
        }
        a[11] = b[11] = 0;
        assert_int_equal(sign(k_memcmp(a, b, n)), sign(memcmp(a, b, n)));
        assert_int_equal(sign(k_strcmp(a, b)), sign(strcmp(a, b)));
        assert_int_equal(sign(k_strncmp(a, b, n)), sign(strncmp(a, b, n)));
        assert_int_equal(k_strlen(a), strlen(a));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies),
        cmocka_unit_test(moves),
        cmocka_unit_test(sets),
        cmocka_unit_test(compares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
