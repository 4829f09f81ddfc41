/* SPDX-License-Identifier: MIT */
/*
 * Arithmetic expansion (POSIX XCU 2.6.4): C's integer operators on longs, with assignment to
 * variables. No ++ and --, which POSIX leaves out.
 */
#include "sh.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arith {
    const char *at;
    const char *text;
    bool failed;
    int skipping; /* inside an operand that is not to be evaluated */
};

static long parse_assignment(struct arith *arith);

static void fail(struct arith *arith, const char *message) {
    if (!arith->failed)
        sh_fatal("arithmetic expression: %s: \"%s\"", message, arith->text);
    arith->failed = true;
}

static void skip_space(struct arith *arith) {
    while (*arith->at && strchr(" \t\n", *arith->at))
        arith->at++;
}

static bool take(struct arith *arith, const char *symbol) {
    size_t len = strlen(symbol);

    skip_space(arith);
    if (strncmp(arith->at, symbol, len))
        return false;
    arith->at += len;
    return true;
}

static long parse_number(struct arith *arith, const char *text, const char **end) {
    char *after;
    long value = strtol(text, &after, 0);

    if (after == text || is_name_char((unsigned char)*after))
        fail(arith, "expecting primary");
    *end = after;
    return value;
}

static long variable_value(struct arith *arith, const char *name) {
    const char *text = var_get(name);
    const char *end;
    long value;

    if (!text || !*text)
        return 0;
    value = parse_number(arith, text, &end);
    while (*end && strchr(" \t\n", *end))
        end++;
    if (*end)
        fail(arith, "Illegal number");
    return value;
}

static char *read_variable_name(struct arith *arith) {
    const char *start = arith->at;

    while (is_name_char((unsigned char)*arith->at))
        arith->at++;
    return arena_copy(&sh.temp, start, (size_t)(arith->at - start));
}

static long parse_primary(struct arith *arith) {
    long value;

    skip_space(arith);
    if (take(arith, "(")) {
        value = parse_assignment(arith);
        if (!take(arith, ")"))
            fail(arith, "expecting ')'");
        return value;
    }
    if (is_name_start((unsigned char)*arith->at))
        return variable_value(arith, read_variable_name(arith));
    return parse_number(arith, arith->at, &arith->at);
}

static long parse_unary(struct arith *arith) {
    if (arith->failed)
        return 0;
    if (take(arith, "-"))
        return (long)(0UL - (unsigned long)parse_unary(arith));
    if (take(arith, "+"))
        return parse_unary(arith);
    if (take(arith, "~"))
        return ~parse_unary(arith);
    if (take(arith, "!"))
        return !parse_unary(arith);
    return parse_primary(arith);
}

enum operation {
    OP_OR,
    OP_XOR,
    OP_AND,
    OP_EQ,
    OP_NE,
    OP_LE,
    OP_GE,
    OP_LT,
    OP_GT,
    OP_SHL,
    OP_SHR,
    OP_ADD,
    OP_SUB,
    OP_MUL,
    OP_DIV,
    OP_MOD,
};

struct binary_operator {
    const char *symbol;
    int level; /* the higher, the tighter it binds */
    enum operation operation;
};

static const struct binary_operator binary_operators[] = {
    {"<<", 6, OP_SHL}, {">>", 6, OP_SHR}, {"==", 4, OP_EQ}, {"!=", 4, OP_NE},
    {"<=", 5, OP_LE},  {">=", 5, OP_GE},  {"|", 1, OP_OR},  {"^", 2, OP_XOR},
    {"&", 3, OP_AND},  {"<", 5, OP_LT},   {">", 5, OP_GT},  {"+", 7, OP_ADD},
    {"-", 7, OP_SUB},  {"*", 8, OP_MUL},  {"/", 8, OP_DIV}, {"%", 8, OP_MOD},
};

#define BINARY_COUNT (sizeof(binary_operators) / sizeof(binary_operators[0]))

/* The operator that stands here, if it is neither && or || nor an assignment. */
static const struct binary_operator *peek_binary(struct arith *arith) {
    skip_space(arith);
    if (!strncmp(arith->at, "&&", 2) || !strncmp(arith->at, "||", 2))
        return NULL;
    for (size_t i = 0; i < BINARY_COUNT; i++) {
        const struct binary_operator *op = &binary_operators[i];
        size_t len = strlen(op->symbol);
        bool comparison = op->level == 4 || op->level == 5;

        if (!strncmp(arith->at, op->symbol, len))
            return arith->at[len] == '=' && !comparison ? NULL : op;
    }
    return NULL;
}

static long divide(struct arith *arith, enum operation operation, long a, long b) {
    if (b == 0) {
        if (!arith->skipping)
            fail(arith, "division by zero");
        return 0;
    }
    if (a == LONG_MIN && b == -1)
        return operation == OP_DIV ? LONG_MIN : 0;
    return operation == OP_DIV ? a / b : a % b;
}

static long apply(struct arith *arith, enum operation operation, long a, long b) {
    unsigned long ua = (unsigned long)a, ub = (unsigned long)b;

    switch (operation) {
    case OP_OR:
        return a | b;
    case OP_XOR:
        return a ^ b;
    case OP_AND:
        return a & b;
    case OP_EQ:
        return a == b;
    case OP_NE:
        return a != b;
    case OP_LE:
        return a <= b;
    case OP_GE:
        return a >= b;
    case OP_LT:
        return a < b;
    case OP_GT:
        return a > b;
    case OP_SHL:
        return (long)(ua << (ub & 63));
    case OP_SHR:
        return a >> (ub & 63);
    case OP_ADD:
        return (long)(ua + ub);
    case OP_SUB:
        return (long)(ua - ub);
    case OP_MUL:
        return (long)(ua * ub);
    default:
        return divide(arith, operation, a, b);
    }
}

static long parse_binary(struct arith *arith, int level) {
    long left = parse_unary(arith);
    const struct binary_operator *op;

    while (!arith->failed && (op = peek_binary(arith)) && op->level >= level) {
        arith->at += strlen(op->symbol);
        left = apply(arith, op->operation, left, parse_binary(arith, op->level + 1));
    }
    return left;
}

static long parse_logical_and(struct arith *arith) {
    long left = parse_binary(arith, 1);

    while (!arith->failed && take(arith, "&&")) {
        long right;

        arith->skipping += !left;
        right = parse_binary(arith, 1);
        arith->skipping -= !left;
        left = left && right;
    }
    return left;
}

static long parse_logical_or(struct arith *arith) {
    long left = parse_logical_and(arith);

    while (!arith->failed && take(arith, "||")) {
        long right;

        arith->skipping += !!left;
        right = parse_logical_and(arith);
        arith->skipping -= !!left;
        left = left || right;
    }
    return left;
}

static long parse_conditional(struct arith *arith) {
    long condition = parse_logical_or(arith);
    long yes, no;

    if (arith->failed || !take(arith, "?"))
        return condition;
    arith->skipping += !condition;
    yes = parse_assignment(arith);
    arith->skipping -= !condition;
    if (!take(arith, ":"))
        fail(arith, "expecting ':'");
    arith->skipping += !!condition;
    no = parse_assignment(arith);
    arith->skipping -= !!condition;
    return condition ? yes : no;
}

/*
 * "=" or an operator joined to it; tells which operator by its table entry, NULL for the plain
 * one.
 */
static bool take_assignment(struct arith *arith, const struct binary_operator **op) {
    *op = NULL;
    skip_space(arith);
    if (*arith->at == '=' && arith->at[1] != '=') {
        arith->at++;
        return true;
    }
    for (size_t i = 0; i < BINARY_COUNT; i++) {
        size_t len = strlen(binary_operators[i].symbol);
        bool comparison = binary_operators[i].level == 4 || binary_operators[i].level == 5;

        if (!comparison && !strncmp(arith->at, binary_operators[i].symbol, len) &&
            arith->at[len] == '=') {
            arith->at += len + 1;
            *op = &binary_operators[i];
            return true;
        }
    }
    return false;
}

static long parse_assignment(struct arith *arith) {
    const struct binary_operator *op;
    const char *start;
    char digits[32];
    char *name;
    long value;

    skip_space(arith);
    start = arith->at;
    if (arith->failed || !is_name_start((unsigned char)*start))
        return arith->failed ? 0 : parse_conditional(arith);
    name = read_variable_name(arith);
    if (!take_assignment(arith, &op)) {
        arith->at = start;
        return parse_conditional(arith);
    }
    value = parse_assignment(arith);
    if (op && !arith->failed)
        value = apply(arith, op->operation, variable_value(arith, name), value);
    snprintf(digits, sizeof(digits), "%ld", value);
    if (!arith->failed && !arith->skipping && !var_set(name, digits))
        arith->failed = true;
    return value;
}

bool arith_eval(const char *text, long *result) {
    struct arith arith = {.at = text, .text = text};

    *result = 0;
    skip_space(&arith);
    if (!*arith.at)
        return true;
    *result = parse_assignment(&arith);
    skip_space(&arith);
    if (*arith.at)
        fail(&arith, "expecting EOF");
    return !arith.failed;
}
