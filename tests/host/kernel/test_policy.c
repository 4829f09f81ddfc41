/* SPDX-License-Identifier: MIT */
/*
 * The policies by which threads share harts, on a machine that is played here: harts, a clock that moves by ticks, threads
 * that compute, sleep and yield.
 */
#include "support.h"
#include <sched/share.h>
#include <stdbool.h>

#define MOST 400
#define HARTS_MOST 8
#define NS_PER_MS 1000000.0
#define STEP_NS 100000ull /* how finely time is played */

uint64_t test_time_ns;
bool test_has_clz = true;

static struct sched_entity threads[MOST];
static struct sched_entity *runs[HARTS_MOST];
static uint64_t tick_at[HARTS_MOST], woken_at[MOST], wakes_at[MOST], worst_wait;
static unsigned harts;

static const char *const names[] = {"fifo", "o1", "fair", "eevdf"};

static void begin(const char *policy, unsigned hart_count) {
    struct share_queue *queues[] = {&share_all};
    const struct policy *p = share_find_policy(policy);
    assert_non_null(p);
    memset(threads, 0, sizeof threads);
    memset(runs, 0, sizeof runs);
    memset(woken_at, 0, sizeof woken_at);
    memset(wakes_at, 0, sizeof wakes_at);
    worst_wait = 0;
    harts = hart_count;
    share_all.lone = NULL;
    share_all.count = 0;
    share_choose_policy(p, queues, 1);
}

static void thread_begins(unsigned i, uint32_t weight) {
    threads[i].weight = weight;
    woken_at[i] = test_time_ns;
    share_put(&share_all, &threads[i], SHARE_WOKEN);
}

static void run_on(unsigned hart) {
    if (!share_all.count)
        return;
    struct sched_entity *e = share_front(&share_all);
    share_take(e);
    runs[hart] = e;
    tick_at[hart] = test_time_ns + SHARE_TICK_NS;
    uint64_t waited = test_time_ns - woken_at[e - threads];
    if (woken_at[e - threads] && waited > worst_wait)
        worst_wait = waited;
    woken_at[e - threads] = 0;
}

static void gives_way(unsigned hart, enum share_reason why) {
    struct sched_entity *e = runs[hart];
    runs[hart] = NULL;
    share_put(&share_all, e, why);
}

/* A step of time on each hart. */
static void play(void) {
    test_time_ns += STEP_NS;
    for (unsigned h = 0; h < harts; h++) {
        if (runs[h])
            runs[h]->run_ns += STEP_NS;
        if (runs[h] && test_time_ns >= tick_at[h]) {
            tick_at[h] = test_time_ns + SHARE_TICK_NS;
            if (share_all.count && share_tick(&share_all, runs[h]))
                gives_way(h, SHARE_TURN_OVER);
        }
        if (!runs[h])
            run_on(h);
    }
}

static void play_ms(uint64_t ms) {
    for (uint64_t end = test_time_ns + ms * MS_NS; test_time_ns < end;)
        play();
}

/* Jain's index of what n threads got for their weights: 1 if that is the same for all. */
static double jain(unsigned n, const uint64_t *from) {
    double sum = 0, squares = 0;
    for (unsigned i = 0; i < n; i++) {
        double x = (double)(threads[i].run_ns - from[i]) / threads[i].weight;
        sum += x;
        squares += x * x;
    }
    return sum * sum / (n * squares);
}

static uint32_t weight_of_nice(int nice) {
    double weight = PK_WEIGHT_NORMAL;
    for (; nice < 0; nice++)
        weight *= 1.25;
    for (; nice > 0; nice--)
        weight /= 1.25;
    return (uint32_t)(weight + 0.5);
}

static double fairness(const char *policy, unsigned n, unsigned hart_count, bool weights,
                       uint64_t ms) {
    begin(policy, hart_count);
    uint64_t from[MOST];
    for (unsigned i = 0; i < n; i++)
        thread_begins(i, weights ? weight_of_nice((int)(i % 40) - 20) : PK_WEIGHT_NORMAL);
    play_ms(1000);
    for (unsigned i = 0; i < n; i++)
        from[i] = threads[i].run_ns;
    play_ms(ms);
    return jain(n, from);
}

/* Whatever the number of harts: threads of the same weight get the same. */
static void equal_shares(void **state) {
    (void)state;
    for (unsigned p = 0; p < ARRAY_SIZE(names); p++)
        for (unsigned h = 1; h <= HARTS_MOST; h *= 2)
            for (unsigned n = h + 1; n < 5 * h; n += h / 2 + 1) {
                double index = fairness(names[p], n, h, false, 20000);
                if (index < 0.999)
                    print_message("%s: %u threads on %u harts: %f\n", names[p], n, h, index);
                assert_true(index >= 0.999);
            }
}

/* Nice values from -20 to 19 at once: shares by weights, with the policies that have such. */
static void weighted_shares(void **state) {
    (void)state;
    for (unsigned p = 2; p < ARRAY_SIZE(names); p++) {
        double index = fairness(names[p], 40, 1, true, 2000000);
        if (index < 0.999)
            print_message("%s: %f\n", names[p], index);
        assert_true(index >= 0.999);
    }
}

/* One that sleeps for most of the time beside four busy ones a hart: how long it waits at most. */
static uint64_t waits(const char *policy, unsigned hart_count) {
    begin(policy, hart_count);
    for (unsigned i = 1; i <= 4 * hart_count; i++)
        thread_begins(i, PK_WEIGHT_NORMAL);
    play_ms(3000);
    for (unsigned i = 1; i <= 4 * hart_count; i++)
        woken_at[i] = 0;
    for (unsigned round = 0; round < 200; round++) {
        uint64_t before = threads[0].run_ns;
        if (round == 20)
            worst_wait = 0; /* a policy may have to learn what it is */
        thread_begins(0, PK_WEIGHT_NORMAL);
        while (threads[0].run_ns == before)
            play();
        for (unsigned h = 0; h < hart_count; h++)
            if (runs[h] == &threads[0])
                runs[h] = NULL; /* it sleeps again */
        play_ms(10);
    }
    return worst_wait;
}

static void interactive(void **state) {
    (void)state;
    for (unsigned h = 1; h <= 4; h *= 4)
        for (unsigned p = 1; p < ARRAY_SIZE(names); p++) {
            uint64_t worst = waits(names[p], h);
            if (worst >= 4 * MS_NS)
                print_message("%s, %u harts: %g ms\n", names[p], h, (double)worst / NS_PER_MS);
            assert_true(worst < 4 * MS_NS);
        }
    assert_true(waits("fifo", 1) > 4 * MS_NS); /* or this test sees nothing */
}

/* Who comes back after a long sleep runs soon, but does not make up for all of it. */
static void sleeper(void **state) {
    (void)state;
    for (unsigned p = 2; p < ARRAY_SIZE(names); p++) {
        begin(names[p], 1);
        for (unsigned i = 0; i < 3; i++)
            thread_begins(i, PK_WEIGHT_NORMAL);
        play_ms(100);
        while (runs[0] != &threads[0])
            play();
        runs[0] = NULL;
        play_ms(5000);
        uint64_t before = threads[0].run_ns;
        thread_begins(0, PK_WEIGHT_NORMAL);
        play_ms(300);
        assert_in_range(threads[0].run_ns - before, 90 * MS_NS, 110 * MS_NS);
    }
}

/* Threads come, go, sleep, yield and change their weights at random; two that never sleep are watched. */
static void random_steps(const char *policy, uint64_t steps, uint64_t most_behind) {
    begin(policy, 2);
    bool there[MOST] = {false};
    thread_begins(0, PK_WEIGHT_NORMAL);
    thread_begins(1, PK_WEIGHT_NORMAL);
    uint64_t worst = 0;
    for (uint64_t step = 0; step < steps; step++) {
        uint64_t r = random_number();
        unsigned i = 2 + (unsigned)(r >> 8) % 60, h = (unsigned)(r >> 20) % harts;
        if (r % 8 == 0 && !there[i]) {
            there[i] = true;
            thread_begins(i, threads[i].weight ? threads[i].weight
                                               : weight_of_nice((int)(r >> 32) % 20));
        } else if (r % 8 == 1 && runs[h] && runs[h] - threads >= 2) {
            there[runs[h] - threads] = false; /* sleeps */
            runs[h] = NULL;
            run_on(h);
        } else if (r % 8 == 2 && runs[h] && runs[h] - threads >= 2 && share_all.count) {
            gives_way(h, SHARE_YIELD);
            run_on(h);
        } else if (r % 8 == 3 && there[i] && threads[i].queued) {
            share_take(&threads[i]);
            threads[i].weight = weight_of_nice((int)(r >> 32) % 20);
            threads[i].share.epoch = 0;
            share_put(&share_all, &threads[i], SHARE_MOVED);
        }
        play();
        uint64_t a = threads[0].run_ns, b = threads[1].run_ns, apart = a > b ? a - b : b - a;
        worst = apart > worst ? apart : worst;
    }
    if (worst > most_behind)
        print_message("%s: %g ms\n", policy, (double)worst / NS_PER_MS);
    assert_true(worst <= most_behind);
    while (share_all.count) { /* nobody is lost, nobody is there twice */
        struct sched_entity *e = share_front(&share_all);
        assert_true(e->queued);
        share_take(e);
        assert_false(e->queued);
    }
}

static void nobody_behind(void **state) {
    (void)state;
    random_steps("fair", 1000000, 12 * MS_NS);
    random_steps("eevdf", 1000000, 12 * MS_NS);
    random_steps("o1", 200000, UINT64_MAX);
    random_steps("fifo", 200000, UINT64_MAX);
}

/* Another policy in the middle: who waits is carried over, and shares by that one. */
static void changed(void **state) {
    (void)state;
    struct share_queue *queues[] = {&share_all};
    begin("fifo", 2);
    for (unsigned i = 0; i < 30; i++)
        thread_begins(i, PK_WEIGHT_NORMAL);
    for (unsigned round = 0; round < 40; round++) {
        play_ms(100);
        assert_int_equal(share_all.count, 28);
        share_choose_policy(share_find_policy(names[round % ARRAY_SIZE(names)]), queues, 1);
        assert_int_equal(share_all.count, 28);
    }
    for (unsigned i = 0; i < 30; i++)
        assert_true(threads[i].run_ns > 100 * MS_NS);
    assert_null(share_find_policy("none"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_shares),  cmocka_unit_test(weighted_shares),
        cmocka_unit_test(interactive),   cmocka_unit_test(sleeper),
        cmocka_unit_test(nobody_behind), cmocka_unit_test(changed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
