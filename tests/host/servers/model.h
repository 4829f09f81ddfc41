/* SPDX-License-Identifier: MIT */
/*
 * A million steps at random against a model that looks at everything every time: what the tests of the servers share. Each
 * seed begins anew, so that a failure is found again with its seed alone.
 */
#ifndef TEST_MODEL_H
#define TEST_MODEL_H

#include "kernel.h"

enum { MODEL_SEEDS = 20, MODEL_STEPS = 50000 };

struct model_run {
    void (*begin)(void);
    void (*step)(uint64_t number); /* from 1 on */
    void (*end)(void);
};

static inline void model_run(const struct model_run *run) {
    for (uint64_t seed = 1; seed <= MODEL_SEEDS; seed++) {
        mock_seed(seed);
        run->begin();
        for (uint64_t number = 1; number <= MODEL_STEPS; number++)
            run->step(number);
        run->end();
    }
}

/* A call that waits is ended from outside, by a signal or by its process's death. */
static inline void model_end_call(struct call *call) {
    assert_false(call->answered);
    if (mock_random(2)) {
        mock_interrupt(call);
        assert_int_equal(call->result, -EINTR);
    } else {
        mock_kill(call);
    }
}

#endif
