/* SPDX-License-Identifier: MIT */
/*
 * test and [ (POSIX, test): the rules for one to four arguments, which decide what an argument is
 * by how many there are, and beyond them -a, -o and parentheses by recursive descent.
 */
#include "sh.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct test {
    char **argv;
    int argc, at;
    bool failed;
};

static bool parse_or(struct test *test);

static void fail(struct test *test, const char *what, const char *message) {
    if (!test->failed)
        sh_error("test: %s: %s", what, message);
    test->failed = true;
}

static bool is_unary(const char *op) {
    return op[0] == '-' && op[1] && !op[2] && strchr("bcdefghknprstuwxzLSO", op[1]);
}

static bool file_is(const char *path, char letter) {
    struct stat st;

    if (letter == 'L' || letter == 'h')
        return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
    if (letter == 'r' || letter == 'w' || letter == 'x')
        return access(path, letter == 'r' ? R_OK : letter == 'w' ? W_OK : X_OK) == 0;
    if (stat(path, &st) < 0)
        return false;
    switch (letter) {
    case 'b':
        return S_ISBLK(st.st_mode);
    case 'c':
        return S_ISCHR(st.st_mode);
    case 'd':
        return S_ISDIR(st.st_mode);
    case 'f':
        return S_ISREG(st.st_mode);
    case 'p':
        return S_ISFIFO(st.st_mode);
    case 'S':
        return S_ISSOCK(st.st_mode);
    case 's':
        return st.st_size > 0;
    case 'u':
        return st.st_mode & S_ISUID;
    case 'g':
        return st.st_mode & S_ISGID;
    case 'k':
        return st.st_mode & S_ISVTX;
    case 'O':
        return st.st_uid == geteuid();
    default:
        return true; /* -e */
    }
}

static long number(struct test *test, const char *text) {
    char *end;
    long value = strtol(text, &end, 10);

    while (*end == ' ' || *end == '\t')
        end++;
    if (end == text || *end)
        fail(test, text, "Illegal number");
    return value;
}

static bool apply_unary(struct test *test, const char *op, const char *arg) {
    switch (op[1]) {
    case 'n':
        return *arg;
    case 'z':
        return !*arg;
    case 't':
        return isatty((int)number(test, arg));
    default:
        return file_is(arg, op[1]);
    }
}

static const char *const binary_names[] = {
    "=", "==", "!=", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef", "<", ">",
};

static bool is_binary(const char *op) {
    for (size_t i = 0; i < sizeof(binary_names) / sizeof(binary_names[0]); i++) {
        if (!strcmp(op, binary_names[i]))
            return true;
    }
    return false;
}

static bool compare_files(const char *a, const char *op, const char *b) {
    struct stat sa, sb;
    bool have_a = stat(a, &sa) == 0, have_b = stat(b, &sb) == 0;

    if (op[1] == 'e')
        return have_a && have_b && sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
    if (!have_a || !have_b)
        return op[1] == 'n' ? have_a && !have_b : have_b && !have_a;
    if (op[1] == 'o') {
        struct stat swap = sa;

        sa = sb;
        sb = swap;
    }
    return sa.st_mtim.tv_sec > sb.st_mtim.tv_sec ||
           (sa.st_mtim.tv_sec == sb.st_mtim.tv_sec && sa.st_mtim.tv_nsec > sb.st_mtim.tv_nsec);
}

static bool apply_binary(struct test *test, const char *a, const char *op, const char *b) {
    long x, y;

    if (op[0] == '=')
        return !strcmp(a, b);
    if (op[0] == '!')
        return strcmp(a, b);
    if (op[0] == '<' || op[0] == '>')
        return op[0] == '<' ? strcmp(a, b) < 0 : strcmp(a, b) > 0;
    if (!strcmp(op, "-nt") || !strcmp(op, "-ot") || !strcmp(op, "-ef"))
        return compare_files(a, op, b);
    x = number(test, a);
    y = number(test, b);
    switch (op[1] << 8 | op[2]) {
    case 'e' << 8 | 'q':
        return x == y;
    case 'n' << 8 | 'e':
        return x != y;
    case 'l' << 8 | 't':
        return x < y;
    case 'l' << 8 | 'e':
        return x <= y;
    case 'g' << 8 | 't':
        return x > y;
    default:
        return x >= y;
    }
}

static int left(const struct test *test) {
    return test->argc - test->at;
}

static bool parse_primary(struct test *test) {
    char **argv = test->argv + test->at;
    bool result;

    if (left(test) == 0) {
        fail(test, test->argc ? test->argv[test->argc - 1] : "", "argument expected");
        return false;
    }
    if (left(test) >= 3 && is_binary(argv[1])) {
        test->at += 3;
        return apply_binary(test, argv[0], argv[1], argv[2]);
    }
    if (left(test) >= 2 && !strcmp(argv[0], "!")) {
        test->at++;
        return !parse_primary(test);
    }
    if (left(test) >= 3 && !strcmp(argv[0], "(")) {
        test->at++;
        result = parse_or(test);
        if (left(test) == 0 || strcmp(test->argv[test->at], ")"))
            fail(test, "(", "closing paren expected");
        test->at++;
        return result;
    }
    if (left(test) >= 2 && is_unary(argv[0])) {
        test->at += 2;
        return apply_unary(test, argv[0], argv[1]);
    }
    test->at++;
    return *argv[0];
}

static bool parse_and(struct test *test) {
    bool result = parse_primary(test);

    while (!test->failed && left(test) > 1 && !strcmp(test->argv[test->at], "-a")) {
        test->at++;
        result &= parse_primary(test);
    }
    return result;
}

static bool parse_or(struct test *test) {
    bool result = parse_and(test);

    while (!test->failed && left(test) > 1 && !strcmp(test->argv[test->at], "-o")) {
        test->at++;
        result |= parse_and(test);
    }
    return result;
}

int builtin_test(int argc, char **argv) {
    struct test test = {.argv = argv + 1, .argc = argc - 1};
    bool result;

    if (!strcmp(argv[0], "[")) {
        if (argc < 2 || strcmp(argv[argc - 1], "]")) {
            sh_error("[: missing ]");
            return 2;
        }
        test.argc--;
    }
    if (test.argc == 0)
        return 1;
    if (test.argc == 1)
        return !*test.argv[0];
    result = parse_or(&test);
    if (!test.failed && left(&test) > 0)
        fail(&test, test.argv[test.at], "unexpected operator");
    return test.failed ? 2 : !result;
}
