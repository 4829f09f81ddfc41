/* SPDX-License-Identifier: MIT */
/* Bad arguments of the message calls, whose registers are their own. */
#include "badargs.h"
#include <string.h>

void bad_message_calls(void) {
    things_make();
    struct pk_msg msg = {0};
    static const uint64_t empty[] = {0, 200, 65536, ~0ull};
    for (unsigned i = 0; i < ARRAY_LENGTH(empty); i++)
        IS(pk_reply_receive(empty[i], 0, 0, &msg, 0), -EBADF);
    IS(pk_reply_receive(things.weak[PK_TYPE_ENDPOINT], 0, 0, &msg, 0), -EPERM);
    IS(pk_reply_receive(things.object, 0, 0, &msg, 0), -EINVAL);
    IS(pk_reply_receive(things.object, ~0ull >> 8, 0, &msg, 0), -EINVAL);
    expect(-EINVAL, PK_TASK_SET, things.task, 0, 0, 0, 0, 0);
    expect(-EINVAL, PK_TASK_SET, things.task, 99, 0, 0, 0, 0);
    expect(-EINVAL, PK_TASK_SET, things.task, PK_TASK_FOREIGN, USER_END, 0, 0, 0);
    expect(-EINVAL, PK_TASK_SET, things.task, PK_TASK_FOREIGN, ~0ull, 0, 0, 0);
    things_drop();
}

void bad_tokens(void) {
    things_make();
    static char buffer[16];
    uint64_t b = (uint64_t)buffer, o = things.object;
    static const uint64_t tokens[] = {0, 1, 2, 1ull << 20, ~0ull >> 4, 1ull << 59 | 3, 0xfffff};
    struct pk_msg msg = {0};
    for (unsigned i = 0; i < ARRAY_LENGTH(tokens); i++) {
        uint64_t t = tokens[i];
        expect(-ESRCH, PK_REPLY, t, 0, 0, 0, 0, 0);
        expect(-ESRCH, PK_REPLY, t | 7ull << 60, 0, 0, 0, 0, 0);
        expect(-ESRCH, PK_COPY_FROM_CALLER, t, 0, b, 1, 0, 0);
        expect(-ESRCH, PK_COPY_TO_CALLER, t, 0, b, 1, 0, 0);
        expect(-ESRCH, PK_COPY_TO_CALLER, t | 1ull << 63, 0, b, 1, 0, 0);
        expect(-ESRCH, PK_CALLER_TO_OBJECT, t, 0, o, 0, 1, 0);
        expect(-ESRCH, PK_OBJECT_TO_CALLER, t, 0, o, 0, 1, 0);
        expect(-ESRCH, PK_CALLER_TO_CALLER, t, 0, t, 0, 1, 0);
        expect(-ESRCH, PK_CALLER_WORD, t, 0, 0, 0, 0, 0);
        expect(-ESRCH, PK_CALLER_WORD_NAME, t, b, 0, 0, 0, 0);
        expect(-ESRCH, PK_CALLER_WORD_EXCHANGE, t, 0, 0, 1, 0, 0);
        expect(-ESRCH, PK_LEND, t, 0, 0, 0, 0, 0);
        expect(-ESRCH, PK_CALLER_THREAD, t, 0, 0, 0, 0, 0);
    }
    /* A token that is not this task's, of a call that another one serves: init's. */
    for (uint64_t t = 1; t < 64; t++)
        expect(-ESRCH, PK_REPLY, 1ull << 20 | t, 0, 0, 0, 0, 0);
    IS(pk_receive(things.endpoint, PK_NONBLOCK, &msg), -EAGAIN);
    things_drop();
}

void bad_labels(void) {
    things_make();
    static const struct {
        uint64_t label, caps;
        long want;
    } cases[] = {
        {PK_LABEL_KERNEL | 1, 0, -EINVAL},
        {PK_NOTICE_CANCEL, 0, -EINVAL},
        {1ull << 19, 0, -EINVAL},
        {~0ull, 0, -EINVAL},
        {4ull << PK_LABEL_CAPS_SHIFT, 0, -EINVAL},
        {7ull << PK_LABEL_CAPS_SHIFT, 0, -EINVAL},
        {1ull << PK_LABEL_CAPS_SHIFT, 0, -EBADF},
        {1ull << PK_LABEL_CAPS_SHIFT, 65535, -EBADF},
        {2ull << PK_LABEL_CAPS_SHIFT, 1, -EBADF},
        {1ull << PK_LABEL_CAPS_SHIFT, (1ull << PK_CAP_BITS) - 1, -EBADF},
        {3ull << PK_LABEL_CAPS_SHIFT, PK_CAP_TO(1, 1) | PK_CAP_TO(1, 2), -EBADF},
    };
    for (unsigned i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct pk_msg msg = {.label = cases[i].label, .caps = cases[i].caps};
        IS(pk_call(things.endpoint, &msg, 0, 0, 0, 0), cases[i].want);
    }
    struct pk_msg msg = {.label = 1ull << PK_LABEL_CAPS_SHIFT, .caps = things.weak[PK_TYPE_OBJECT]};
    IS(pk_call(things.endpoint, &msg, 0, 0, 0, 0), -EPERM);
    IS(pk_receive(things.endpoint, PK_NONBLOCK, &msg), -EAGAIN);
    things_drop();
}
