/* SPDX-License-Identifier: MIT */
/* trace's log: rings put together, calls paired with answers, messages shown by their protocols. */
#include "trace.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <parley/personality.h>

#define CAPACITY 15
#define HARTS 2
#define RING ((CAPACITY + 1) * PK_TRACE_SIZE)
#define HZ 10000000
#define SH personality_word(5, 1, 5)

enum { SH_ID = 9, VFS_ID = 4, PROC_ID = 3 };

struct ring {
    struct pk_trace_header header;
    struct pk_trace_event events[CAPACITY];
};

static struct ring rings[HARTS];

static void clear(void) {
    memset(rings, 0, sizeof(rings));
    for (unsigned i = 0; i < HARTS; i++)
        rings[i].header = (struct pk_trace_header){.magic = PK_TRACE_MAGIC,
                                                   .hart = i,
                                                   .harts = HARTS,
                                                   .capacity = CAPACITY,
                                                   .timebase_hz = HZ,
                                                   .ring_size = RING};
}

static struct pk_trace_thread thread(uint32_t id, uint64_t word, const char *name) {
    struct pk_trace_thread t = {.id = id, .word = word};

    memcpy(t.name, name, strnlen(name, sizeof(t.name)));
    return t;
}

static struct pk_trace_event *add(unsigned hart, uint64_t ticks, uint32_t type,
                                  struct pk_trace_thread by, struct pk_trace_thread other) {
    struct pk_trace_event *e = &rings[hart].events[rings[hart].header.written++ % CAPACITY];

    *e = (struct pk_trace_event){
        .ticks = ticks, .type = type, .hart = hart, .by = by, .other = other};
    return e;
}

/* What is printed of the rings; freed by the caller. */
static char *printed(int pid) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    struct messages messages;
    struct log log;

    assert_true(log_read(&log, rings, sizeof(rings)));
    messages_find(&messages, &log, pid);
    print_log(out, &log, &messages, false);
    messages_free(&messages);
    log_free(&log);
    fclose(out);
    return text;
}

static void expect(int pid, const char *wanted) {
    char *text = printed(pid);

    assert_string_equal(text, wanted);
    free(text);
}

static void call(unsigned hart, uint64_t ticks, uint64_t token, unsigned label, const char *path) {
    struct pk_trace_event *e =
        add(hart, ticks, PK_TRACE_CALL, thread(SH_ID, SH, "sh"), thread(VFS_ID, 0, "vfs"));

    e->words[0] = label;
    e->words[1] = token;
    e->words[2] = (uint64_t)-100;
    e->words[8] = strlen(path) + 1;
    strcpy(e->data, path);
}

static void answer(unsigned hart, uint64_t ticks, uint64_t token, int64_t result) {
    struct pk_trace_event *e =
        add(hart, ticks, PK_TRACE_REPLY, thread(VFS_ID, 0, "vfs"), thread(SH_ID, SH, "sh"));

    e->words[0] = (uint64_t)result;
    e->words[1] = token;
}

/* vfs's message of that name, whatever its number is. */
static unsigned number_of(const char *server, const char *name) {
    for (unsigned n = 1; n < 0x400; n++) {
        struct pk_trace_event e = {.words = {n}};

        if (decode_is(&e, server, name))
            return n;
    }
    fail_msg("no message %s", name);
    return 0;
}

static void test_message(void **state) {
    (void)state;
    clear();
    call(0, 1000, 0x100009, number_of("vfs", "openat"), "/etc/\"x\"\n");
    answer(1, 1019, 0x100009, 3); /* on another hart */
    call(0, 2000, 0x200009, number_of("vfs", "openat"), "/nowhere");
    answer(0, 3000000, 0x200009, -ENOENT);
    call(1, 4000000, 0x300009, 0x3ff, "");
    expect(0,
           "   0.000000  sh(5) → vfs: openat path: \"/etc/\\\"x\\\"\\n\" dirfd=-100 flags=0 mode=0 "
           "= 3, 1.9 µs\n"
           "   0.000100  sh(5) → vfs: openat path: \"/nowhere\" dirfd=-100 flags=0 mode=0 = "
           "ENOENT, 299.80 ms\n"
           "   0.399900  sh(5) → vfs: message 0x3ff …\n");
}

/* The last events of a full ring are there, and it is said how many are not. */
static void test_lost(void **state) {
    char *text;

    (void)state;
    clear();
    for (unsigned i = 0; i < CAPACITY + 4; i++)
        add(1, 100 + i, PK_TRACE_NAMED, thread(SH_ID, SH, "sh"), thread(0, 0, ""))->words[0] = i;
    add(0, 110, PK_TRACE_LOCK, thread(SH_ID, SH, "sh"), thread(0, 0, ""))->words[0] = 25;
    text = printed(0);
    assert_non_null(strstr(text, "   0.000000  hart 1: sh(5):  0x4 0 0\n"));
    assert_non_null(
        strstr(text, "0x9 0 0\n   0.000001  hart 0: waited for the kernel lock, 2.5 µs\n"));
    assert_non_null(strstr(text, "hart 1: sh(5):  0x12 0 0\n4 events before these are lost"));
    assert_null(strstr(text, " 0x3 0 0\n"));
    free(text);
}

/* Chosen are a process, its children, and what servers ask of others for them. */
static void test_chosen(void **state) {
    struct pk_trace_thread sh = thread(SH_ID, SH, "sh"), proc = thread(PROC_ID, 0, "proc");
    struct pk_trace_thread other = thread(20, personality_word(8, 1, 8), "other");
    struct pk_trace_thread child = thread(21, personality_word(6, 1, 6), "sh"),
                           vfs = thread(VFS_ID, 0, "vfs");
    unsigned fork = number_of("proc", "fork"), getcwd = number_of("vfs", "getcwd");
    char *text;

    (void)state;
    clear();
    add(0, 1, PK_TRACE_CALL, sh, proc)->words[0] = fork;
    rings[0].events[0].words[1] = 0x100009;
    add(0, 2, PK_TRACE_SERVE, proc, sh)->words[1] = 0x100009;
    add(0, 3, PK_TRACE_CALL, proc, vfs)->words[0] = number_of("vfs", "close");
    rings[0].events[2].words[1] = 0x100003;
    add(0, 4, PK_TRACE_REPLY, vfs, proc)->words[1] = 0x100003;
    add(0, 5, PK_TRACE_REPLY, proc, sh)->words[1] = 0x100009;
    rings[0].events[4].words[0] = 6;
    add(0, 6, PK_TRACE_CALL, other, vfs)->words[0] = getcwd;
    rings[0].events[5].words[1] = 0x100014;
    add(0, 7, PK_TRACE_CALL, child, vfs)->words[0] = getcwd;
    rings[0].events[6].words[1] = 0x100015;
    add(0, 8, PK_TRACE_WAKE, other, vfs);
    add(0, 9, PK_TRACE_WAKE, vfs, child);
    text = printed(5);
    assert_non_null(strstr(text, "  sh(5) → proc: fork"));
    assert_non_null(strstr(text, "    proc → vfs: close")); /* within */
    assert_non_null(strstr(text, "  sh(6) → vfs: getcwd"));
    assert_non_null(strstr(text, "vfs wakes sh(6)\n"));
    assert_null(strstr(text, "other(8)"));
    free(text);
    text = printed(0);
    assert_non_null(strstr(text, "  other(8) → vfs: getcwd"));
    assert_non_null(strstr(text, "other(8) wakes vfs\n"));
    free(text);
}

/* What is no ring, or one that somebody has spoilt, is refused. */
static void test_bad(void **state) {
    struct log log;

    (void)state;
    clear();
    assert_false(log_read(&log, rings, 100));
    assert_false(log_read(&log, rings, sizeof(rings) - 1));
    rings[1].header.capacity = CAPACITY + 1;
    assert_false(log_read(&log, rings, sizeof(rings)));
    rings[1].header.capacity = 0;
    assert_false(log_read(&log, rings, sizeof(rings)));
    clear();
    rings[0].header.ring_size = sizeof(rings) + PK_TRACE_SIZE;
    assert_false(log_read(&log, rings, sizeof(rings)));
    clear();
    rings[1].header.magic++;
    assert_false(log_read(&log, rings, sizeof(rings)));
    clear();
    rings[0].header.harts = 0;
    assert_false(log_read(&log, rings, sizeof(rings)));
    clear();
    expect(0, "");
}

/* Any bytes at all in events: nothing is read that is not there. */
static void test_random(void **state) {
    (void)state;
    srandom(1);
    for (unsigned round = 0; round < 2000; round++) {
        clear();
        for (unsigned hart = 0; hart < HARTS; hart++) {
            unsigned char *bytes = (unsigned char *)rings[hart].events;

            rings[hart].header.written = (uint64_t)random() % 40;
            for (size_t i = 0; i < sizeof(rings[hart].events); i++)
                bytes[i] = (unsigned char)(random() % 4 ? 0 : random());
            for (unsigned i = 0; i < CAPACITY; i++) {
                rings[hart].events[i].type = (uint32_t)random() % (PK_TRACE_TYPES + 2);
                rings[hart].events[i].by.id %= 1000;
                rings[hart].events[i].words[1] %= 8;
                memcpy(rings[hart].events[i].other.name, round % 2 ? "vfs" : "mq", 3);
            }
        }
        free(printed(round % 3 ? 0 : 5));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_message), cmocka_unit_test(test_lost),
        cmocka_unit_test(test_chosen),  cmocka_unit_test(test_bad),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
