/* SPDX-License-Identifier: MIT */
/* The boot manifest's parser. */
#include "support.h"
#include <errno.h>
#include <manifest.h>
#include <parley/calls.h>

static const char *text;
static const char *end;

static int next(struct manifest_server *s) {
    return manifest_next(&text, end, s);
}

static void parse(const char *s) {
    text = s;
    end = s + strlen(s);
}

static void good_lines(void **state) {
    struct manifest_server s;
    char name[16];
    (void)state;
    parse("# a comment\n\n  server one priority=36 quota=1M caps=a,call:b,c\n"
          "server two\tpriority=0 quota=30% badge=3 caps=\n"
          "account three priority=63\n"
          "server four priority=1 quota=12K native=no caps=y");
    assert_int_equal(next(&s), 1);
    assert_string_equal(s.name, "one");
    assert_int_equal(s.priority, 36);
    assert_int_equal(s.quota, 1 << 20);
    const char *caps = s.caps;
    assert_int_equal(manifest_next_cap(&caps, name, sizeof name), 1);
    assert_string_equal(name, "a");
    assert_int_equal(manifest_next_cap(&caps, name, sizeof name), 1);
    assert_string_equal(name, "call:b");
    assert_int_equal(manifest_next_cap(&caps, name, sizeof name), 1);
    assert_string_equal(name, "c");
    assert_int_equal(manifest_next_cap(&caps, name, sizeof name), 0);
    assert_int_equal(next(&s), 1);
    assert_int_equal(s.quota_percent, 30);
    assert_int_equal(s.badge, 3);
    caps = s.caps;
    assert_int_equal(manifest_next_cap(&caps, name, sizeof name), 0);
    assert_int_equal(next(&s), 1);
    assert_int_equal(s.account, 1);
    assert_int_equal(s.priority, 63);
    assert_int_equal(next(&s), 1);
    assert_int_equal(s.quota, 12 << 10);
    assert_int_equal(s.not_native, 1);
    assert_int_equal(next(&s), 0);
    assert_int_equal(next(&s), 0);
}

static void bad_lines(void **state) {
    static const char *const lines[] = {
        "client x priority=1 quota=1M caps=",
        "server",
        "server a-name-that-is-too-long priority=1 quota=1M caps=",
        "server x priority=128 quota=1M caps=",
        "server x priority= quota=1M caps=",
        "server x priority=1x quota=1M caps=",
        "server x priority=99999999999999999999 quota=1M caps=",
        "server x quota=1M",
        "server x caps=",
        "server x quota=0M caps=",
        "server x quota=1G caps=",
        "server x quota=101% caps=",
        "server x quota=1 caps=",
        "server x quota= caps=",
        "server x quota=1M badge=256 caps=",
        "server x quota=1M colour=red caps=",
        "server x quota=1M native=yes caps=",
        "account x quota=1M",
        "account x caps=y",
    };
    (void)state;
    for (unsigned i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct manifest_server s;
        parse(lines[i]);
        assert_int_equal(next(&s), -EINVAL);
        assert_ptr_equal(text, lines[i]); /* where the message points */
    }
}

static void long_names(void **state) {
    char name[4];
    const char *caps = "abc,abcd";
    (void)state;
    assert_int_equal(manifest_next_cap(&caps, name, sizeof name), 1);
    assert_int_equal(manifest_next_cap(&caps, name, sizeof name), -EINVAL);
}

static void damaged(void **state) {
    static const char sample[] = "# c\nserver one priority=36 quota=1M badge=7 caps=a,call:b\n"
                                 "server two priority=1 quota=30% caps=\nserver x quota=1% "
                                 "caps=z\n";
    (void)state;
    for (unsigned round = 0; round < 100000; round++) {
        size_t n = sizeof sample - 1 - random_number() % 40;
        char *copy = malloc(n + 1);
        memcpy(copy, sample, n);
        for (unsigned k = (unsigned)(random_number() % 6); k > 0; k--)
            copy[random_number() % n] =
                random_number() % 2 ? "= \n\t#,0%MK"[random_number() % 10] : (char)random_number();
        copy[n] = '\n'; /* as a text file ends */
        text = copy;
        end = copy + n + 1;
        struct manifest_server s;
        for (int more; (more = next(&s)) != 0;) {
            assert_true(more == 1 || more == -EINVAL);
            if (more < 0)
                break;
            assert_true(strlen(s.name) < sizeof s.name && s.priority < PK_PRIORITIES);
            char name[16];
            const char *caps = s.caps;
            while (manifest_next_cap(&caps, name, sizeof name) > 0)
                assert_true(strlen(name) > 0);
        }
        free(copy);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_lines),
        cmocka_unit_test(bad_lines),
        cmocka_unit_test(long_names),
        cmocka_unit_test(damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
