/* SPDX-License-Identifier: MIT */
/* Messages: what arrives where. Buffers are in messages_copy.c, endings in messages_end.c,
 * foreign calls in messages_foreign.c. */
#include "messages.h"
#include <string.h>

volatile struct shared shared;

/* Calls `shared.endpoint` once for each go. */
void caller_loop(uint64_t index) {
    struct pk_msg *msg = (struct pk_msg *)&shared.sent[index];
    shared.result[index] = shared.words_only ? pk_call_words(shared.endpoint, msg, 0)
                                             : pk_call(shared.endpoint, msg, shared.in,
                                                       shared.in_len, shared.out, shared.out_len);
    __atomic_fetch_add(&shared.done, 1, __ATOMIC_SEQ_CST);
    worker_rest();
}

/* With a notification bound to the endpoint, or 0. */
static struct pair pair_bound(uint64_t notification) {
    struct pair p;
    memset((void *)&shared, 0, sizeof shared);
    p.endpoint = SLOT(pk_endpoint_create(notification));
    p.task = task_sharing();
    p.caller = SLOT(pk_cap_copy(p.endpoint, p.task, 0, PK_RIGHT_USE | PK_RIGHT_GRANT, 77));
    shared.endpoint = p.caller;
    return p;
}

struct pair pair_new(void) {
    return pair_bound(0);
}

void pair_end(struct pair *p) {
    task_end(p->task);
    drop(p->endpoint);
}

static void words(void) {
    struct pair p = pair_new();
    for (unsigned i = 0; i < PK_WORDS; i++)
        shared.sent[0].w[i] = 0x1111111111111111ull * (i + 1);
    shared.sent[0].label = 0x1234;
    shared.words_only = true;
    uint64_t thread = thread_run(p.task, caller_loop, 0, 16);
    struct pk_msg msg;
    long token = pk_receive(p.endpoint, 0, &msg);
    CHECK(token > 0);
    IS(msg.label, 0x1234);
    IS(msg.badge, 77);
    for (unsigned i = 0; i < PK_WORDS; i++) {
        IS(msg.w[i], 0x1111111111111111ull * (i + 1));
        msg.w[i] = ~msg.w[i];
    }
    IS(pk_reply((uint64_t)token, -1234, &msg, 0), 0);
    IS(pk_reply((uint64_t)token, 1, &msg, 0), -ESRCH);
    CHECK(tap_reaches(&shared.done, 1));
    IS(shared.result[0], -1234);
    IS(shared.sent[0].label, 0);
    for (unsigned i = 0; i < PK_WORDS; i++)
        IS(shared.sent[0].w[i], ~(0x1111111111111111ull * (i + 1)));
    drop(thread);
    pair_end(&p);
}

/* An endpoint slot, a badge that one cannot choose: copies keep it. */
static void badges(void) {
    uint64_t e = SLOT(pk_endpoint_create(0));
    uint64_t badged = SLOT(pk_cap_copy(e, 0, 0, PK_RIGHT_ALL, 5));
    IS(pk_cap_copy(badged, 0, 0, PK_RIGHT_ALL, 6), -EPERM);
    uint64_t again = SLOT(pk_cap_copy(badged, 0, 0, PK_RIGHT_ALL, 0));
    uint64_t same = SLOT(pk_cap_copy(badged, 0, 0, PK_RIGHT_ALL, 5));
    struct pk_cap_info info;
    IS(pk_cap_info(again, &info), 0);
    IS(info.badge, 5);
    IS(pk_cap_info(same, &info), 0);
    IS(info.badge, 5);
    uint64_t weak = SLOT(pk_cap_copy(e, 0, 0, PK_RIGHT_USE, 0));
    IS(pk_cap_copy(weak, 0, 0, PK_RIGHT_ALL, 9), -EPERM);
    uint64_t slots[] = {e, badged, again, same, weak};
    for (unsigned i = 0; i < ARRAY_LENGTH(slots); i++)
        drop(slots[i]);
}

/* Capabilities each way, with their rights and badges. */
static void capabilities(void) {
    struct pair p = pair_new();
    uint64_t object = SLOT(pk_object_create(PAGE, 0, 0));
    uint64_t slot = SLOT(pk_cap_copy(object, p.task, 0, PK_RIGHT_USE | PK_RIGHT_GRANT, 0));
    uint64_t fixed = SLOT(pk_cap_copy(object, p.task, 0, PK_RIGHT_USE, 0));
    shared.sent[0].label = 3 | 3ull << PK_LABEL_CAPS_SHIFT;
    shared.sent[0].caps = PK_CAP_TO(slot, 0) | PK_CAP_TO(slot, 1) | PK_CAP_TO(slot, 2);
    shared.sent[1].label = 3 | 1ull << PK_LABEL_CAPS_SHIFT;
    shared.sent[1].caps = fixed;
    shared.sent[2].label = 3 | 4ull << PK_LABEL_CAPS_SHIFT;
    shared.sent[3].label = 3 | 1ull << PK_LABEL_CAPS_SHIFT;
    shared.sent[3].caps = 9999;
    uint64_t threads[4];
    for (unsigned i = 4; i-- > 0;) {
        threads[i] = thread_run(p.task, caller_loop, i, 17);
        CHECK(i == 0 || tap_reaches(&shared.done, 4 - i));
    }
    IS(shared.result[1], -EPERM);
    IS(shared.result[2], -EINVAL);
    IS(shared.result[3], -EBADF);
    struct pk_msg msg;
    long token = pk_receive(p.endpoint, 0, &msg);
    IS(msg.label >> PK_LABEL_CAPS_SHIFT, 3);
    for (unsigned i = 0; i < 3; i++) {
        struct pk_cap_info info;
        uint64_t got = PK_CAP_AT(msg.caps, i);
        IS(pk_cap_info(got, &info), 0);
        IS(info.type, PK_TYPE_OBJECT);
        IS(info.rights, PK_RIGHT_USE | PK_RIGHT_GRANT);
        drop(got);
    }
    msg.caps = object | PK_CAP_TO(p.endpoint, 1);
    IS(pk_reply((uint64_t)token, 0, &msg, 4), -EINVAL);
    msg.caps = 9999;
    IS(pk_reply((uint64_t)token, 0, &msg, 1), -EBADF);
    msg.caps = object | PK_CAP_TO(p.endpoint, 1);
    IS(pk_reply((uint64_t)token, 0, &msg, 2), 0);
    CHECK(tap_reaches(&shared.done, 4));
    IS(shared.result[0], 0);
    IS(shared.sent[0].label, 2);
    CHECK(PK_CAP_AT(shared.sent[0].caps, 0) != 0 && PK_CAP_AT(shared.sent[0].caps, 1) != 0);
    for (unsigned i = 0; i < 4; i++)
        drop(threads[i]);
    drop(object);
    pair_end(&p);
}

/* Tokens: forged, stale, another task's. */
static void tokens(void) {
    struct pair p = pair_new();
    uint64_t thread = thread_run(p.task, caller_loop, 0, 16);
    struct pk_msg msg;
    uint64_t token = (uint64_t)pk_receive(p.endpoint, 0, &msg);
    char byte;
    uint64_t forged[] = {0, 1, token + 1, token ^ 1ull << 20, token | 1ull << 59, ~0ull >> 4};
    for (unsigned i = 0; i < ARRAY_LENGTH(forged); i++) {
        IS(pk_reply(forged[i], 0, &msg, 0), -ESRCH);
        IS(pk_copy_from_caller(forged[i], 0, &byte, 1), -ESRCH);
        IS(pk_copy_to_caller(forged[i], 0, &byte, 1), -ESRCH);
    }
    task_end(p.task);
    drop(thread);
    IS(pk_reply(token, 0, &msg, 0), -ESRCH);
    IS(pk_receive(p.endpoint, PK_NONBLOCK, &msg), -EAGAIN); /* its own task's doing: no notice */
    drop(p.endpoint);
}

/* A new thread with an old thread's place never gets an answer that was meant for the old one. */
static void token_reuse(void) {
    uint64_t tokens_seen[8];
    for (unsigned i = 0; i < ARRAY_LENGTH(tokens_seen); i++) {
        struct pair p = pair_new();
        uint64_t thread = thread_run(p.task, caller_loop, 0, 16);
        struct pk_msg msg;
        tokens_seen[i] = (uint64_t)pk_receive(p.endpoint, 0, &msg);
        for (unsigned j = 0; j < i; j++)
            CHECK(tokens_seen[j] != tokens_seen[i]);
        drop(thread);
        pair_end(&p);
    }
}

static void server_loop(uint64_t endpoint) {
    struct pk_msg msg;
    long token = pk_receive(endpoint, 0, &msg);
    for (;;) {
        msg.w[0] += msg.w[1];
        token =
            pk_reply_receive(endpoint, token > 0 ? (uint64_t)token : 0, (long)msg.w[5], &msg, 0);
    }
}

/* Many calls through reply_receive, in both directions of priority. */
static void reply_receive(void) {
    for (unsigned priority = 10; priority <= 20; priority += 5) {
        uint64_t e = SLOT(pk_endpoint_create(0));
        uint64_t task = task_sharing();
        uint64_t slot = SLOT(pk_cap_copy(e, task, 0, PK_RIGHT_RECEIVE, 0));
        uint64_t thread = thread_run(task, server_loop, slot, priority);
        for (uint64_t i = 0; i < 3000; i++) {
            struct pk_msg msg = {.label = 1, .w = {i, i * 3, 0, 0, 0, i + 7}};
            if (!IS(pk_call(e, &msg, 0, 0, 0, 0), i + 7) || !IS(msg.w[0], i * 4))
                break;
        }
        task_end(task);
        drop(thread);
        drop(e);
    }
}

/* Several callers wait: the most urgent comes first, equals in their order. */
static void priority_order(void) {
    struct pair p = pair_new();
    static const unsigned priorities[] = {17, 19, 17, 21, 19, 18};
    static const unsigned order[] = {3, 1, 4, 5, 0, 2};
    uint64_t threads[ARRAY_LENGTH(priorities)];
    for (unsigned i = 0; i < ARRAY_LENGTH(priorities); i++) {
        shared.sent[i].w[0] = i;
        threads[i] = thread_run(p.task, caller_loop, i, priorities[i]);
        CHECK(thread_becomes(threads[i], PK_THREAD_CALLING));
    }
    for (unsigned i = 0; i < ARRAY_LENGTH(order); i++) {
        struct pk_msg msg;
        long token = pk_receive(p.endpoint, 0, &msg);
        IS(msg.w[0], order[i]);
        IS(pk_reply((uint64_t)token, 0, &msg, 0), 0);
    }
    CHECK(tap_reaches(&shared.done, 6));
    for (unsigned i = 0; i < ARRAY_LENGTH(priorities); i++)
        drop(threads[i]);
    pair_end(&p);
}

static void notifications(void) {
    uint64_t n = SLOT(pk_notification_create());
    IS(pk_wait(n, PK_NONBLOCK), -EAGAIN);
    IS(pk_notify(n, 1), 0);
    IS(pk_notify(n, 4), 0);
    IS(pk_notify(n, 1ull << 63), -EINVAL);
    IS(pk_wait(n, 0), 5);
    IS(pk_wait(n, PK_NONBLOCK), -EAGAIN);
    uint64_t e = SLOT(pk_endpoint_create(n));
    IS(pk_endpoint_create(n), -EBUSY);
    struct pk_msg msg;
    IS(pk_receive(e, PK_NONBLOCK, &msg), -EAGAIN);
    IS(pk_notify(n, 3ull << 61), 0);
    IS(pk_receive(e, 0, &msg), 0);
    CHECK(msg.label == PK_NOTICE_EVENTS);
    CHECK(msg.w[0] == 3ull << 61);
    IS(pk_receive(e, PK_NONBLOCK, &msg), -EAGAIN);
    IS(pk_timer_set(n, 8, tap_time_ns() + 3 * MS), 0);
    IS(pk_receive(e, 0, &msg), 0);
    IS(msg.w[0], 8);
    drop(e);
    e = SLOT(pk_endpoint_create(n)); /* free to be bound again */
    drop(e);
    drop(n);
}

static uint64_t queued_caller(const struct pair *p) {
    uint64_t thread = thread_run(p->task, caller_loop, 0, 17);
    CHECK(thread_becomes(thread, PK_THREAD_CALLING));
    return thread;
}

/* What is received next is an event, or a call, which is answered. */
static bool event_comes(const struct pair *p) {
    struct pk_msg msg;
    long token = pk_receive(p->endpoint, PK_NONBLOCK, &msg);
    CHECK(token >= 0);
    if (token > 0)
        IS(pk_reply((uint64_t)token, 0, &msg, 0), 0);
    return token == 0;
}

/* Who called after an event relies on what it tells; who called before it is not to wait for ever. */
static void events_and_callers(void) {
    uint64_t bell = SLOT(pk_notification_create());
    for (int caller_first = 0; caller_first < 2; caller_first++) {
        struct pair p = pair_bound(bell);
        uint64_t thread = 0;
        shared.words_only = true;
        IS(pk_notify(bell, 1), 0);
        CHECK(event_comes(&p));
        if (caller_first)
            thread = queued_caller(&p);
        IS(pk_notify(bell, 1), 0);
        if (!caller_first)
            thread = queued_caller(&p);
        IS(pk_notify(bell, 2), 0); /* the first of the bits counts */
        IS(event_comes(&p), !caller_first);
        IS(event_comes(&p), caller_first);
        CHECK(tap_reaches(&shared.done, 1));
        drop(thread);
        pair_end(&p);
    }
    drop(bell);
}

int main(void) {
    static const struct tap_case cases[] = {
        {"words, labels and results arrive intact", words, false},
        {"a badge stays", badges, false},
        {"capabilities travel with their rights", capabilities, false},
        {"forged and stale tokens", tokens, false},
        {"tokens are not reused", token_reuse, false},
        {"thousands of calls by reply_receive", reply_receive, false},
        {"the most urgent caller is received first", priority_order, false},
        {"notifications, alone and bound", notifications, false},
        {"events, and callers before and after them", events_and_callers, false},
        {"timers", timers, false},
        {"deferrable timers", deferrable_timers, false},
        {"buffers are copied within their bounds", copy_bounds, false},
        {"buffers across unmapped pages", copy_holes, false},
        {"long copies are whole", copy_long, false},
        {"copies between two callers", copy_callers, false},
        {"copies between buffers and objects", copy_objects, false},
        {"words of memory of its own are named by the address space", word_names_own, false},
        {"words of shared memory are named by the object", word_names_shared, false},
        {"words that are not there, not whole or not to be written", word_errors, false},
        {"words are exchanged", word_exchanged, false},
        {"exchanges are atomic", word_atomic, false},
        {"callers of a killed server", server_killed, false},
        {"a killed task holds nothing any more", killed_with_much, false},
        {"callers of a server without receive right", server_deaf, false},
        {"an endpoint opened again by its manager", endpoint_reopened, false},
        {"killed callers", caller_killed, false},
        {"attention inside a foreign call cancels", attention_cancels, false},
        {"attention outside a foreign call", attention_returns, false},
        {"a foreign call taken over", foreign_taken_over, false},
        {"attention at foreign_return", attention_comes_back, false},
        {"attention that nobody asked for", attention_unasked, false},
        {"what a foreign call puts back is exchanged", foreign_exchanged, false},
        {"a foreign call that ends nowhere", foreign_astray, false},
        {"a waiter's notification goes away", wait_dropped, false},
        {"donated priority", donation, false},
        {"a priority is lent along a chain", lend_chain, false},
        {"several priorities are lent", lend_several, false},
        {"priorities lent in a circle", lend_circle, false},
        {"a priority is lent through a server", lend_through_server, false},
        {"donation switched off", lend_switched_off, false},
        {"a server that shares gets no more than others", served_shares, false},
        {"many receivers on one endpoint", many_receivers, false},
    };
    tap_run(cases, ARRAY_LENGTH(cases));
    return 0;
}
