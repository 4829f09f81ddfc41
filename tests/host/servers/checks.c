/* SPDX-License-Identifier: MIT */
/* The check of a server's data (lib/check.h) on the host: what does not hold fails the test, unless it is asked for. */
#include "kernel.h"
#include <lib/check.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>

#define CHECKED_EVERY 16 /* messages */

static const struct server *server;
static jmp_buf violated;
static const char *violation;
static bool violation_expected;

void mock_handled(const struct server *srv) {
    static unsigned messages;
    server = srv;
    if (++messages % CHECKED_EVERY == 0)
        server_check(server);
}

const char *mock_violation(void) {
    violation = NULL;
    violation_expected = true;
    if (setjmp(violated) == 0)
        server_check(server);
    violation_expected = false;
    return violation;
}

_Noreturn void check_failed(const char *what, const void *at) {
    if (!violation_expected) {
        fail_msg("%s does not hold, at %p", what, at);
        abort();
    }
    violation = what;
    longjmp(violated, 1);
}
