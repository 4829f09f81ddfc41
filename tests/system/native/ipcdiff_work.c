/* SPDX-License-Identifier: MIT */
/* The threads of ipcdiff: clients that call at random and servers that answer at random. */
#include "ipcdiff.h"

static unsigned char own[BUFFER_SIZE]; /* another one in each copied address space */

/* No word looks like a kernel address. */
static uint64_t word(struct worker *w) {
    return diff_random(w) & ~(1ull << 62);
}

static void random_words(struct worker *w) {
    for (unsigned i = 2; i <= 6; i++)
        w->io.in[i] = word(w);
    w->io.in[8] = word(w);
    for (unsigned i = 10; i <= 13; i++)
        w->io.in[i] = word(w);
}

static void fold_words(const struct worker *w) {
    for (unsigned i = 1; i <= 6; i++)
        diff_fold(w->io.out[A(i)]);
    static const unsigned char t[] = {5, 7, 28, 29, 30};
    for (unsigned i = 0; i < sizeof t; i++)
        diff_fold(w->io.out[t[i]]);
}

static void fold_bytes(const unsigned char *bytes, uint64_t length) {
    for (uint64_t i = 0; i < length && i < BUFFER_SIZE; i++)
        diff_fold(bytes[i]);
}

static void drop_caps(uint64_t count, uint64_t packed) {
    for (uint64_t i = 0; i < count && i < PK_CAPS_MOST; i++) {
        struct pk_cap_info info = {0};
        uint64_t slot = PK_CAP_AT(packed, i);
        must(pk_cap_info(slot, &info));
        diff_fold(info.type | (uint64_t)info.rights << 32);
        diff_fold(info.badge);
        must(pk_cap_drop(0, slot));
    }
}

static void wait_go(struct worker *w) {
    w->io.in[0] = w->slot[GO];
    w->io.in[1] = 0;
    diff_do(w, PK_WAIT);
}

static uint64_t packed_caps(struct worker *w, uint64_t r) {
    uint64_t packed = 0;
    for (unsigned i = 0; i < PK_CAPS_MOST; i++, r >>= 4) {
        uint64_t slot = w->slot[r & 1 ? TO_NESTED : OBJECT];
        if ((r & 15) == 0)
            slot = w->slot[OBJECT_STAYS];
        if ((r & 15) == 2)
            slot = 40000;
        packed |= PK_CAP_TO(slot, i);
    }
    return packed;
}

static uint64_t any_endpoint(struct worker *w, uint64_t r) {
    static const uint64_t empty[] = {0, 31, 32, 70000, 1ull << 32, ~0ull};
    switch (r & 31) {
    case 0:
        return empty[(r >> 5) % ARRAY_LENGTH(empty)];
    case 1:
        return w->slot[TO_SERVER] | 1ull << (32 + (r >> 5 & 15));
    case 2:
        return w->slot[TO_NOTIFICATION];
    case 3:
        return w->slot[TO_SERVER_DEAF];
    case 4:
        return w->slot[OBJECT];
    case 5:
    case 6:
        return w->slot[TO_SERVER_FAR];
    case 7:
    case 8:
    case 9:
    case 10:
        return w->slot[TO_NESTED];
    default:
        return w->slot[r & 32 ? TO_SERVER_TOO : TO_SERVER];
    }
}

/* Fills in address and length of one buffer. */
static void any_buffer(struct worker *w, unsigned at, unsigned char *buffer) {
    uint64_t r = diff_random(w);
    uint64_t offset = r >> 8 & 63; /* and a copy starts at most as far behind it */
    static const uint64_t nowhere[] = {0, 1ull << 37, USER_END - 8, 1ull << 60};
    w->io.in[at] = (uint64_t)(r & 1 ? own : buffer) + offset;
    w->io.in[at + 1] = r & 2 ? r >> 16 & 127 : 0;
    if ((r & 0x3c) == 0)
        w->io.in[at] = nowhere[r >> 6 & 3];
    if ((r >> 32 & 15) == 0)
        w->io.in[at + 1] = 1ull << (r >> 36 & 63);
}

static void client_call(struct worker *w) {
    uint64_t r = diff_random(w);
    w->io.in[0] = any_endpoint(w, diff_random(w));
    w->io.in[1] = r & PK_LABEL_MASK;
    random_words(w);
    if ((r >> 32 & 7) == 0) {
        w->io.in[1] |= (r >> 35 & 7) << PK_LABEL_CAPS_SHIFT;
        w->io.in[13] = packed_caps(w, r >> 16);
    }
    if ((r >> 40 & 31) == 0)
        w->io.in[1] |= 1ull << (19 + (r >> 45) % 45);
    any_buffer(w, 9, w->in);
    any_buffer(w, 11, w->out);
    for (unsigned i = 0; i < 4; i++)
        w->in[r >> (16 * i) & (BUFFER_SIZE - 1)] = own[r >> (8 * i) & 63] =
            (unsigned char)(r >> 50);
    bool foreign = w->foreign && (r >> 60) < 4;
    int64_t result = diff_do(w, foreign ? (int64_t)(r >> 52 & 255) : PK_CALL);
    if (result < 0 && result > -1000) { /* a reply's words are never read then */
        diff->failed++;
        return;
    }
    diff->answered++;
    fold_words(w);
    fold_bytes(w->out, BUFFER_SIZE);
    fold_bytes(own, BUFFER_SIZE);
    drop_caps(w->io.out[A(1)], w->io.out[30]);
}

void client_run(uint64_t index) {
    struct worker *w = &diff->workers[index];
    for (;;) {
        wait_go(w);
        for (uint64_t n = diff_random(w) % 6 + 1; n; n--)
            client_call(w);
    }
}

static int64_t any_result(struct worker *w) {
    uint64_t r = diff_random(w);
    switch (r & 3) {
    case 0:
        return 0;
    case 1:
        return -1000 - (int64_t)(r >> 2 & 1023);
    default:
        return (int64_t)(r >> 2 & 0xffffff);
    }
}

static void set_answer(struct worker *w, uint64_t token, int64_t result) {
    random_words(w);
    w->io.in[0] = token;
    w->io.in[1] = (uint64_t)result;
    w->io.in[13] = packed_caps(w, diff_random(w));
    w->io.in[9] = w->receive;
}

static int64_t reply(struct worker *w, uint64_t token, int64_t result) {
    set_answer(w, token, result);
    return diff_do(w, PK_REPLY);
}

static void forget(uint64_t token) {
    for (unsigned i = 0; i < diff->deferred_count; i++)
        if (diff->deferred[i] == token)
            diff->deferred[i--] = diff->deferred[--diff->deferred_count];
}

static uint64_t take_deferred(struct worker *w) {
    if (!diff->deferred_count)
        return 0;
    uint64_t token = diff->deferred[diff_random(w) % diff->deferred_count];
    forget(token);
    return token;
}

static void defer(struct worker *w, uint64_t token) {
    if (diff->deferred_count == DEFERRED)
        reply(w, take_deferred(w), any_result(w));
    diff->deferred[diff->deferred_count++] = token;
}

static uint64_t garbage(struct worker *w, uint64_t token) {
    uint64_t r = diff_random(w);
    switch (r & 3) {
    case 0:
        return diff->last_token;
    case 1:
        return token ^ 1ull << (r >> 2) % 60;
    case 2:
        return token + (1ull << 20);
    default:
        return r >> 4;
    }
}

static void copy(struct worker *w, uint64_t token, bool from) {
    uint64_t r = diff_random(w);
    w->io.in[0] = token;
    w->io.in[1] = r & 1 ? 0 : r >> 2 & 63;
    w->io.in[2] = (uint64_t)(r & 2 ? own : w->in);
    w->io.in[3] = r >> 8 & 127;
    int64_t n = diff_do(w, from ? PK_COPY_FROM_CALLER : PK_COPY_TO_CALLER);
    if (from && n > 0)
        fold_bytes(r & 2 ? own : w->in, (uint64_t)n);
}

/* A notice; the token to answer with -EINTR, or 0. */
static uint64_t notice(struct worker *w, uint64_t token) {
    uint64_t bits = w->io.out[A(2)];
    if (token == 0) {
        while (bits & EVENT_FLUSH && diff->deferred_count)
            reply(w, take_deferred(w), any_result(w));
        return 0;
    }
    if (bits == PK_CANCEL_INTERRUPT && diff_random(w) & 1)
        return 0;
    forget(token);
    return bits == PK_CANCEL_INTERRUPT ? token : 0;
}

/* What is done about a call before the next receive; the token to answer then, or 0. */
static uint64_t serve(struct worker *w, uint64_t token, uint64_t r) {
    switch (r & 15) {
    case 0:
        reply(w, token | (r >> 4 & 7) << PK_TOKEN_CAPS_SHIFT, any_result(w));
        return token; /* stale if that was good */
    case 1:
        reply(w, token, any_result(w));
        return 0;
    case 2:
        defer(w, token);
        return 0;
    case 3:
        defer(w, token);
        if (r & 16)
            return take_deferred(w);
        reply(w, take_deferred(w), any_result(w)); /* one that may have waited for long goes on */
        return 0;
    case 4:
        reply(w, garbage(w, token), any_result(w));
        return token;
    case 5:
        defer(w, token);
        return garbage(w, token);
    case 6:
        copy(w, token, true);
        copy(w, token, false);
        return token;
    case 7:
        w->io.in[0] = w->slot[TO_NOTIFICATION];
        w->io.in[1] = r >> 4 & 0xff;
        diff_do(w, PK_NOTIFY);
        return token;
    case 8:
    case 9:
        random_words(w);
        w->io.in[0] = w->slot[TO_NESTED];
        w->io.in[1] = r >> 4 & PK_LABEL_MASK;
        any_buffer(w, 9, w->in);
        any_buffer(w, 11, w->out);
        diff_do(w, PK_CALL);
        fold_words(w);
        return token;
    default:
        return token;
    }
}

/* Receives in one of four ways, answering token if it is not 0; -EAGAIN possible. */
static int64_t next(struct worker *w, uint64_t token, int64_t result) {
    uint64_t r = diff_random(w);
    if ((r & 7) == 0 || (!token && r & 8)) {
        if (token)
            reply(w, token, result);
        w->io.in[0] = w->receive;
        w->io.in[1] = r & 16 ? PK_NONBLOCK : 0;
        return diff_do(w, PK_RECEIVE);
    }
    set_answer(w, token, result);
    if (token && (r >> 5 & 15) == 0)
        w->io.in[0] |= (r >> 9 & 7) << PK_TOKEN_CAPS_SHIFT;
    int64_t got = diff_do(w, PK_REPLY_RECEIVE);
    if (got < 0 && token) /* bad capabilities: nothing has happened */
        reply(w, token, result);
    diff->last_token = token & ((1ull << 60) - 1);
    return got;
}

static void fold_received(const struct worker *w) {
    fold_words(w);
    diff_fold(w->io.out[6]);
}

void server_run_thread(uint64_t index) {
    struct worker *w = &diff->workers[index];
    for (;;) {
        if (index == SERVER_TOO)
            wait_go(w);
        uint64_t token = 0, left = index == SERVER_TOO ? diff_random(w) % 8 + 1 : ~0ull;
        int64_t result = 0;
        for (; left; left--) {
            int64_t got = next(w, token, result);
            token = 0;
            if (got < 0)
                continue;
            fold_received(w);
            uint64_t label = w->io.out[A(1)];
            result = any_result(w);
            if (label == PK_NOTICE_EVENTS || label == PK_NOTICE_CANCEL) {
                token = notice(w, (uint64_t)got);
                result = -EINTR;
                continue;
            }
            if (!(label & PK_LABEL_KERNEL))
                drop_caps(label >> PK_LABEL_CAPS_SHIFT & 7, w->io.out[30]);
            token = serve(w, (uint64_t)got, diff_random(w));
        }
        if (token)
            reply(w, token, result);
    }
}

/* Answers at once, always on what looks like the fastest way. */
void nested_run(uint64_t index) {
    struct worker *w = &diff->workers[index];
    w->io.in[9] = w->receive;
    w->io.in[0] = 0;
    for (;;) {
        int64_t got = diff_do(w, PK_REPLY_RECEIVE);
        if (got > 0) {
            fold_received(w);
            drop_caps(w->io.out[A(1)] >> PK_LABEL_CAPS_SHIFT & 7, w->io.out[30]);
        }
        set_answer(w, got > 0 ? (uint64_t)got : 0, any_result(w));
    }
}

void filler_run(uint64_t index) {
    struct worker *w = &diff->workers[index];
    for (;;) {
        wait_go(w);
        for (unsigned i = 0; i < 4; i++) {
            w->io.in[0] = 0;
            diff_do(w, PK_YIELD);
        }
    }
}

void idle_run(uint64_t index) {
    struct worker *w = &diff->workers[index];
    for (;;) {
        wait_go(w);
        w->io.in[0] = diff->done;
        w->io.in[1] = 1;
        diff_do(w, PK_NOTIFY);
    }
}
