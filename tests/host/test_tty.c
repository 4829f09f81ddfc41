/* SPDX-License-Identifier: MIT */
/*
 * The terminal line discipline: editing, echo, signals, raw mode by examples; canonical mode
 * against a model on random input; random settings and input for the sanitizers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>

#include "tty.h"

static struct tty tty;

static void type(const char *text) {
    for (; *text; text++) {
        tty_input(&tty, (uint8_t)*text);
    }
}

static void expect_read(const char *text) {
    uint8_t buffer[TTY_INPUT_SIZE];
    long count = tty_read(&tty, buffer, sizeof(buffer), false);
    assert_int_equal(count, strlen(text));
    assert_memory_equal(buffer, text, strlen(text));
}

static void expect_nothing(void) {
    uint8_t buffer[16];
    assert_int_equal(tty_read(&tty, buffer, sizeof(buffer), false), -EAGAIN);
}

static void expect_output(const char *text) {
    uint8_t buffer[TTY_OUTPUT_SIZE];
    size_t count = tty_output_take(&tty, buffer, sizeof(buffer));
    assert_int_equal(count, strlen(text));
    assert_memory_equal(buffer, text, count);
}

static int setup(void **state) {
    (void)state;
    tty_init(&tty, TTY_TERMINAL);
    return 0;
}

static void a_line_is_read_when_it_ends(void **state) {
    (void)state;
    type("hello");
    expect_nothing();
    type("\r");
    expect_read("hello\n");
    expect_nothing();
    expect_output("hello\r\n");
}

static void short_reads_leave_the_rest(void **state) {
    uint8_t buffer[3];
    (void)state;
    type("abcdef\n");
    assert_int_equal(tty_read(&tty, buffer, 3, false), 3);
    expect_read("def\n");
}

static void one_read_gets_one_line(void **state) {
    (void)state;
    type("one\ntwo\n");
    expect_read("one\n");
    expect_read("two\n");
}

static void erase_takes_characters_and_echo(void **state) {
    (void)state;
    type("abX\177c\n");
    expect_read("abc\n");
    expect_output("abX\b \bc\r\n");
    type("\177\177x\n");
    expect_read("x\n");
    expect_output("x\r\n");
}

static void erase_does_not_cross_lines(void **state) {
    (void)state;
    type("a\n\177\177b\n");
    expect_read("a\n");
    expect_read("b\n");
}

static void erase_takes_control_and_wide_characters_whole(void **state) {
    (void)state;
    type("\001\177\n");
    expect_read("\n");
    expect_output("^A\b \b\b \b\r\n");
    type("\303\244\177\n");
    expect_read("\n");
    expect_output("\303\244\b \b\r\n");
    type("ab\t\177\n");
    expect_read("ab\n");
    expect_output("ab\t\b\b\b\b\b\b\r\n");
}

static void kill_takes_the_line(void **state) {
    (void)state;
    type("abc\025d\n");
    expect_read("d\n");
    expect_output("abc\b \b\b \b\b \bd\r\n");
}

static void word_erase_takes_the_last_word(void **state) {
    (void)state;
    type("one two  \027x\n");
    expect_read("one x\n");
}

static void reprint_shows_the_line_again(void **state) {
    (void)state;
    type("ab\022\n");
    expect_read("ab\n");
    expect_output("ab^R\r\nab\r\n");
}

static void literal_next_is_data(void **state) {
    (void)state;
    type("\026\003\n");
    expect_read("\003\n");
    assert_int_equal(tty_take_signal(&tty), 0);
}

static void end_of_file(void **state) {
    uint8_t buffer[3];
    (void)state;
    type("\004");
    expect_read("");
    type("abc\004");
    expect_read("abc");
    expect_nothing();
    type("abc\004");
    assert_int_equal(tty_read(&tty, buffer, 3, false), 3);
    expect_nothing();
}

static void signals_flush_input(void **state) {
    (void)state;
    type("abc\003");
    assert_int_equal(tty_take_signal(&tty), 2);
    assert_int_equal(tty_take_signal(&tty), 0);
    expect_nothing();
    expect_output("^C");
    type("\034\032");
    assert_int_equal(tty_take_signal(&tty), 3);
    assert_int_equal(tty_take_signal(&tty), 20);
}

static void flow_control_holds_output(void **state) {
    (void)state;
    type("\023");
    assert_int_equal(tty_write(&tty, (const uint8_t *)"x", 1), 1);
    expect_output("");
    type("\021");
    expect_output("x");
}

static void raw_mode_gives_bytes_at_once(void **state) {
    struct tty_termios raw = tty.termios;
    (void)state;
    raw.c_lflag &= ~(uint32_t)(TTY_ICANON | TTY_ECHO | TTY_ISIG);
    raw.c_iflag = 0;
    tty_set_termios(&tty, &raw);
    type("a");
    expect_read("a");
    type("\003\r");
    expect_read("\003\r");
    expect_output("");
    raw.c_cc[TTY_VMIN] = 3;
    tty_set_termios(&tty, &raw);
    type("ab");
    expect_nothing();
    type("c");
    expect_read("abc");
    raw.c_cc[TTY_VMIN] = 0;
    tty_set_termios(&tty, &raw);
    expect_read("");
    raw.c_cc[TTY_VTIME] = 5;
    tty_set_termios(&tty, &raw);
    expect_nothing();
    assert_int_equal(tty_read_limit_ms(&tty), 500);
}

static void changing_modes_keeps_input(void **state) {
    struct tty_termios raw = tty.termios;
    struct tty_termios cooked = tty.termios;
    (void)state;
    raw.c_lflag &= ~(uint32_t)TTY_ICANON;
    type("ab");
    tty_set_termios(&tty, &raw);
    expect_read("ab");
    type("cd");
    tty_set_termios(&tty, &cooked);
    expect_read("cd");
}

static void long_lines_stop_and_can_be_ended(void **state) {
    static uint8_t buffer[2 * TTY_INPUT_SIZE];
    (void)state;
    for (int i = 0; i < 2 * TTY_INPUT_SIZE; i++) {
        tty_input(&tty, 'x');
    }
    tty_input(&tty, '\n');
    assert_int_equal(tty_read(&tty, buffer, sizeof(buffer), false), TTY_INPUT_SIZE);
    assert_int_equal(buffer[TTY_INPUT_SIZE - 1], '\n');
}

static void input_is_taken_while_none_is_lost(void **state) {
    static char line[TTY_INPUT_SIZE];
    (void)state;
    memset(line, 'x', sizeof(line) - 2);
    line[sizeof(line) - 2] = '\n';
    line[sizeof(line) - 1] = '\0';
    type("first\n");
    while (tty_takes_input(&tty))
        type("y");
    expect_read("first\n");
    assert_true(tty_takes_input(&tty)); /* nobody could make room but who ends the line */
    tty_flush_input(&tty);
    type(line);
    assert_false(tty_takes_input(&tty));
    expect_read(line);
    assert_true(tty_takes_input(&tty));
}

static void a_pipe_does_not_echo(void **state) {
    (void)state;
    tty_init(&tty, TTY_PIPE);
    type("hello\n");
    expect_output("");
    expect_read("hello\n");
    tty_write(&tty, (const uint8_t *)"out\n", 4);
    expect_output("out\n");
    tty_hang_up(&tty);
    type("again\n");
    expect_output("");
}

static void output_takes_what_fits(void **state) {
    static uint8_t zeros[2 * TTY_OUTPUT_SIZE];
    (void)state;
    memset(zeros, '\n', sizeof(zeros));
    assert_int_equal(tty_write(&tty, zeros, sizeof(zeros)), TTY_OUTPUT_SIZE / 2);
    assert_int_equal(tty_write(&tty, zeros, 1), -EAGAIN);
    assert_false(tty_can_write(&tty));
    tty_flush_output(&tty);
    assert_true(tty_can_write(&tty));
}

static void window_size_change_signals(void **state) {
    struct tty_winsize size = {50, 132, 0, 0};
    (void)state;
    tty_set_winsize(&tty, &size);
    assert_int_equal(tty_take_signal(&tty), 28);
    tty_set_winsize(&tty, &size);
    assert_int_equal(tty_take_signal(&tty), 0);
}

/* What canonical mode makes of letters, erase, kill and newline. */
static void random_lines_match_a_model(void **state) {
    static const char keys[] = "abc\177\025\n";
    char line[64];
    size_t length = 0;
    (void)state;
    srandom(1);
    for (int i = 0; i < 100000; i++) {
        char key = keys[(size_t)random() % (sizeof(keys) - 1)];
        if (length == sizeof(line) - 2 && key != '\n') {
            continue;
        }
        tty_input(&tty, (uint8_t)key);
        tty_flush_output(&tty);
        if (key == '\177') {
            length -= length > 0;
        } else if (key == '\025') {
            length = 0;
        } else {
            line[length++] = key;
        }
        if (key == '\n') {
            line[length] = '\0';
            expect_read(line);
            length = 0;
        }
    }
}

static void random_settings_do_no_harm(void **state) {
    uint8_t buffer[512];
    (void)state;
    srandom(2);
    for (int i = 0; i < 300000; i++) {
        long dice = random() % 100;
        if (dice == 0) {
            struct tty_termios settings = tty.termios;
            settings.c_iflag = (uint32_t)random();
            settings.c_oflag = (uint32_t)random();
            settings.c_lflag = (uint32_t)random();
            settings.c_cc[random() % TTY_NCCS] = (uint8_t)random();
            tty_set_termios(&tty, &settings);
        } else if (dice < 10) {
            tty_read(&tty, buffer, (size_t)random() % sizeof(buffer), random() % 2);
        } else if (dice < 20) {
            tty_write(&tty, buffer, (size_t)random() % sizeof(buffer));
        } else if (dice < 30) {
            tty_output_take(&tty, buffer, (size_t)random() % sizeof(buffer));
        } else {
            tty_input(&tty, (uint8_t)random());
        }
        assert_true(tty.tail - tty.read <= TTY_INPUT_SIZE);
        assert_true(tty.canon - tty.read <= tty.tail - tty.read);
        assert_true(tty_output_pending(&tty) <= TTY_OUTPUT_SIZE);
        assert_true(tty_readable(&tty) <= tty.canon - tty.read);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_line_is_read_when_it_ends, setup),
        cmocka_unit_test_setup(short_reads_leave_the_rest, setup),
        cmocka_unit_test_setup(one_read_gets_one_line, setup),
        cmocka_unit_test_setup(erase_takes_characters_and_echo, setup),
        cmocka_unit_test_setup(erase_does_not_cross_lines, setup),
        cmocka_unit_test_setup(erase_takes_control_and_wide_characters_whole, setup),
        cmocka_unit_test_setup(kill_takes_the_line, setup),
        cmocka_unit_test_setup(word_erase_takes_the_last_word, setup),
        cmocka_unit_test_setup(reprint_shows_the_line_again, setup),
        cmocka_unit_test_setup(literal_next_is_data, setup),
        cmocka_unit_test_setup(end_of_file, setup),
        cmocka_unit_test_setup(signals_flush_input, setup),
        cmocka_unit_test_setup(flow_control_holds_output, setup),
        cmocka_unit_test_setup(raw_mode_gives_bytes_at_once, setup),
        cmocka_unit_test_setup(changing_modes_keeps_input, setup),
        cmocka_unit_test_setup(long_lines_stop_and_can_be_ended, setup),
        cmocka_unit_test_setup(input_is_taken_while_none_is_lost, setup),
        cmocka_unit_test_setup(a_pipe_does_not_echo, setup),
        cmocka_unit_test_setup(output_takes_what_fits, setup),
        cmocka_unit_test_setup(window_size_change_signals, setup),
        cmocka_unit_test_setup(random_lines_match_a_model, setup),
        cmocka_unit_test_setup(random_settings_do_no_harm, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
