/* SPDX-License-Identifier: MIT */
/* Reads of devices that never end, zero(4) and random(4): made chunk by chunk, in steps. */
#include "file.h"

#include <stdlib.h>

#define CHUNK 1024
#define STEP_MADE 8192 /* what one step makes: to make random bytes costs more than to copy them */

struct made {
    struct continuation c;
    void (*make)(uint64_t *words, size_t count);
    uint64_t length;
    uint64_t done;
};

/* Fills the caller's buffer from *done on, at most a step; 0, or a negative errno. */
static long make_some(uint64_t token, void (*make)(uint64_t *words, size_t count), uint64_t length,
                      uint64_t *done) {
    static uint64_t words[CHUNK / sizeof(uint64_t)];
    static const uint64_t zeros[CHUNK / sizeof(uint64_t)];
    uint64_t end = length - *done < STEP_MADE ? length : *done + STEP_MADE;
    while (*done < end) {
        uint64_t count = end - *done < CHUNK ? end - *done : CHUNK;
        if (make) {
            make(words, CHUNK / sizeof(uint64_t));
        }
        long copied = pk_copy_to_caller(token, *done, make ? words : zeros, count);
        if (copied < 0) {
            return copied;
        }
        *done += (uint64_t)copied;
    }
    return 0;
}

static long made_step(struct continuation *c) {
    struct made *m = container_of(c, struct made, c);
    long error = make_some(c->req.token, m->make, m->length, &m->done);
    if (error == 0 && m->done < m->length) {
        return SERVER_DEFER;
    }
    return m->done > 0 ? (long)m->done : error;
}

static void made_release(struct continuation *c) {
    free(container_of(c, struct made, c));
}

static long made_interrupted(struct continuation *c) {
    const struct made *m = container_of(c, struct made, c);
    return m->done > 0 ? (long)m->done : -EINTR;
}

long transfer_made(struct request *req, void (*make)(uint64_t *words, size_t count)) {
    static const struct continuation_ops ops = {made_step, made_release, made_interrupted};
    uint64_t length = request_out_len(req) < LENGTH_MOST ? request_out_len(req) : LENGTH_MOST;
    uint64_t done = 0;
    long error = make_some(req->token, make, length, &done);
    if (error || done == length) {
        return done > 0 ? (long)done : error;
    }
    struct made *m = malloc(sizeof(*m));
    if (!m) {
        return (long)done;
    }
    m->make = make;
    m->length = length;
    m->done = done;
    continuation_init(&m->c, req, &ops);
    continuation_go(&m->c);
    return SERVER_DEFER;
}
