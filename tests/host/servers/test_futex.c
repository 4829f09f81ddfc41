/* SPDX-License-Identifier: MIT */
/*
 * The futex server against a model: random operations of the threads of several processes, after each of which
 * just those must have been answered, and so, that the model says. The model looks at all threads for everything.
 * Priorities are few, so that many are equal.
 */
#include "kernel.h"
#include <futex/lock.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

enum { PIDS = 4, EACH = 5, THREADS = PIDS * EACH, WORDS_ = 4, LOCKS = 3 };
enum { PLAIN, LOCK, TO_LOCK };
#define ALL ~0u

static uint32_t memory[WORDS_ + LOCKS]; /* words, then locks: shared by all */

struct thread {
    struct call call;
    bool waiting;
    int kind, key, lock;
    uint32_t bitset;
    uint64_t deadline, order;
    long answer; /* that the model gave in this step */
    bool answered;
};
static struct thread threads[THREADS];
static uint32_t owner[LOCKS]; /* tid */
static bool died[LOCKS];
static uint64_t next_order;
static bool asked_for[THREADS]; /* proc has looked for it since it was new */

static int pid_of(int t) {
    return 1 + t / EACH;
}
static uint32_t tid_of(int t) {
    return 100 + (uint32_t)t;
}
/* What a word is to the model: shared, or each process's own. */
static int key_of(int t, int word, bool own) {
    return own ? 100 + pid_of(t) * WORDS_ + word : word;
}
static int lock_key(int lock) {
    return WORDS_ + lock;
}

/* ---- The model ------------------------------------------------------------------------------ */

/* Who waits at a key and came after `order` (0: from the beginning), first come first; 0: nobody. */
static struct thread *waiter_after(int key, uint64_t order) {
    struct thread *found = 0;
    for (int t = 0; t < THREADS; t++)
        if (threads[t].waiting && threads[t].key == key && threads[t].order > order &&
            (!found || threads[t].order < found->order))
            found = &threads[t];
    return found;
}

/* Who gets a lock next: the most urgent, and of these who came first. */
static struct thread *heir_of(int lock) {
    struct thread *found = 0;
    for (int t = 0; t < THREADS; t++) {
        struct thread *at = &threads[t];
        if (!at->waiting || at->key != lock_key(lock))
            continue;
        if (!found || at->call.priority > found->call.priority ||
            (at->call.priority == found->call.priority && at->order < found->order))
            found = at;
    }
    return found;
}

static void give(struct thread *t, long answer) {
    t->waiting = false;
    t->answered = true;
    t->answer = answer;
}

static void sit(struct thread *t, int kind, int key) {
    t->waiting = true;
    t->kind = kind;
    t->key = key;
    t->order = ++next_order;
}

/* Wakes and moves along a key: the answer. */
static long walk(int key, int wakes, int moves, uint32_t bitset, int target) {
    long done = 0;
    uint64_t at = 0, end = next_order;
    for (struct thread *t;
         (wakes > 0 || moves > 0) && (t = waiter_after(key, at)) && t->order <= end;) {
        at = t->order;
        if (!(t->bitset & bitset))
            continue;
        if (t->kind != PLAIN)
            return -EINVAL;
        done++;
        if (wakes > 0) {
            wakes--;
            give(t, 0);
        } else {
            moves--;
            sit(t, PLAIN, target);
        }
    }
    return done;
}

static void pass_on(int lock, bool is_dead) {
    struct thread *heir = heir_of(lock);
    owner[lock] = heir ? tid_of((int)(heir - threads)) : 0;
    died[lock] = heir && is_dead;
    if (heir)
        give(heir, 0);
}

static bool known(int lock) {
    return waiter_after(lock_key(lock), 0) || asked_for[owner[lock] - tid_of(0)];
}

/* The first becomes the owner, or waits with the others. */
static long walk_to_lock(int word, int lock, int moves) {
    struct thread *t = waiter_after(word, 0);
    long done = 0;
    if (!t)
        return 0;
    if (t->kind != TO_LOCK || t->lock != lock)
        return -EINVAL;
    if (!owner[lock]) {
        owner[lock] = tid_of((int)(t - threads));
        give(t, 0);
        done = 1;
    } else {
        moves++;
    }
    while (moves-- > 0 && (t = waiter_after(word, 0))) {
        if (t->kind != TO_LOCK || t->lock != lock)
            return -EINVAL;
        sit(t, LOCK, lock_key(lock));
        done++;
    }
    return done;
}

static void expire(void) {
    for (int t = 0; t < THREADS; t++)
        if (threads[t].waiting && threads[t].deadline && threads[t].deadline <= mock_now)
            give(&threads[t], -ETIMEDOUT);
}

/* ---- Operations, of the model and of the server ---------------------------------------------- */

static uint64_t random_deadline(void) {
    return mock_random(3) ? 0 : mock_now + 1 + mock_random(50);
}

static long call_as(int t, uint64_t label, const uint64_t *words, unsigned count, const void *in,
                    void *out) {
    long result =
        mock_call((uint64_t)pid_of(t), label, words, count, in, in ? 4 : 0, out, out ? 4 : 0);
    mock_jobs();
    return result;
}

static void do_wait(int t) {
    int word = (int)mock_random(WORDS_);
    bool own = mock_random(4) == 0;
    uint32_t value = memory[word] + (mock_random(8) == 0),
             bitset = mock_random(3) ? ALL : 1u << mock_random(2);
    uint64_t deadline = random_deadline();
    threads[t].bitset = bitset;
    threads[t].deadline = deadline;
    if (value != memory[word])
        give(&threads[t], -EAGAIN);
    else
        sit(&threads[t], PLAIN, key_of(t, word, own));
    mock_send(&threads[t].call, pid_of(t), FUTEX_LABEL_WAIT,
              WORDS(value, bitset, own ? FUTEX_OWN : 0, deadline), &memory[word], 4, 0, 0);
}

static void do_wake(int t) {
    int word = (int)mock_random(WORDS_), count = (int)mock_random(4);
    bool own = mock_random(4) == 0;
    uint32_t bitset = mock_random(3) ? ALL : 1 + mock_random(3);
    long want = walk(key_of(t, word, own), count ? count : 1, 0, bitset, 0);
    assert_int_equal(
        call_as(t, FUTEX_LABEL_WAKE,
                WORDS((uintptr_t)&memory[word], (uint64_t)count, bitset, own ? FUTEX_OWN : 0), 0,
                0),
        want);
}

static void do_wake_two(int t) {
    int first = (int)mock_random(WORDS_), second = (int)mock_random(WORDS_);
    long want = walk(first, 1, 0, ALL, 0);
    if (want >= 0) {
        long more = walk(second, 2, 0, ALL, 0);
        want = more < 0 ? more : want + more;
    }
    assert_int_equal(call_as(t, FUTEX_LABEL_WAKE_TWO,
                             WORDS((uintptr_t)&memory[first], 1, (uintptr_t)&memory[second], 2, 0),
                             0, 0),
                     want);
}

static void do_requeue(int t) {
    int word = (int)mock_random(WORDS_), target = (int)mock_random(WORDS_);
    int wakes = (int)mock_random(3), moves = (int)mock_random(4);
    uint32_t value = memory[word] + (mock_random(8) == 0);
    bool compare = mock_random(2);
    long want = compare && value != memory[word] ? -EAGAIN : walk(word, wakes, moves, ALL, target);
    assert_int_equal(call_as(t, FUTEX_LABEL_REQUEUE,
                             WORDS((uintptr_t)&memory[target], (uint64_t)wakes, (uint64_t)moves,
                                   value, compare ? FUTEX_COMPARE : 0),
                             &memory[word], 0),
                     want);
}

/* Whoever has the lock waits for one whose owner waits, and so on, for one of t's: in one process that is seen. */
static bool closes_chain(int t, uint32_t had) {
    for (int locks = 0; locks < 1024;
         locks++) { /* a circle without t: made by FUTEX_CMP_REQUEUE_PI */
        int at = 0, lock = 0;
        while (at < THREADS && !(tid_of(at) == had && pid_of(at) == pid_of(t)))
            at++;
        if (at == THREADS || !threads[at].waiting || threads[at].kind != LOCK)
            return false;
        while (lock_key(lock) != threads[at].key)
            lock++;
        had = owner[lock];
        if (had == tid_of(t))
            return true;
    }
    return true;
}

/* As proc. */
static void look_for(int t) {
    assert_int_equal(mock_call(PK_BADGE_PROC, FUTEX_LABEL_OWNER,
                               WORDS((uint64_t)pid_of(t), tid_of(t)), 0, 0, 0, 0),
                     0);
    asked_for[t] = true;
}

static void do_priority(int t) {
    long before = threads[t].call.priority;
    threads[t].call.priority = mock_random(4);
    if (threads[t].waiting && threads[t].kind == LOCK && threads[t].call.priority != before)
        threads[t].order = ++next_order;
    assert_int_equal(mock_call(PK_BADGE_PROC, FUTEX_LABEL_RESCHEDULED,
                               WORDS((uint64_t)pid_of(t), tid_of(t)), 0, 0, 0, 0),
                     0);
}

static void do_lock(int t) {
    int lock = (int)mock_random(LOCKS);
    bool try = mock_random(4) == 0;
    uint32_t *word = &memory[WORDS_ + lock], had = owner[lock];
    long want = 0;
    threads[t].bitset = ALL;
    threads[t].deadline = random_deadline();
    threads[t].lock = -1;
    if (!had)
        owner[lock] = tid_of(t);
    else if (had == tid_of(t))
        want = -EDEADLK;
    else if (!known(lock))
        want = FUTEX_ASK;
    else if (try)
        want = -EAGAIN;
    else if (closes_chain(t, had))
        want = -EDEADLK;
    else
        want = 1;
    if (want == 1)
        sit(&threads[t], LOCK, lock_key(lock));
    else
        give(&threads[t], want);
    mock_send(&threads[t].call, pid_of(t), FUTEX_LABEL_LOCK,
              WORDS(tid_of(t), try ? FUTEX_TRY : 0, threads[t].deadline), 0, 0, word, 4);
    if (want == FUTEX_ASK)
        assert_int_equal(threads[t].call.reply.w[0], had);
}

static void do_unlock(int t) {
    int lock = (int)mock_random(LOCKS);
    bool mine = owner[lock] == tid_of(t);
    if (mine)
        pass_on(lock, false);
    assert_int_equal(call_as(t, FUTEX_LABEL_UNLOCK, WORDS(tid_of(t), 0), 0, &memory[WORDS_ + lock]),
                     mine ? 0 : -EPERM);
}

/* By instructions of the program, without the server. */
static void do_alone(int t) {
    int lock = (int)mock_random(LOCKS);
    uint32_t *word = &memory[WORDS_ + lock];
    if (*word == 0)
        *word = owner[lock] = tid_of(t);
    else if (*word == tid_of(t))
        *word = owner[lock] = 0;
}

static void do_wait_lock(int t) {
    int word = (int)mock_random(WORDS_), lock = (int)mock_random(LOCKS);
    threads[t].bitset = ALL;
    threads[t].deadline = random_deadline();
    threads[t].lock = lock;
    sit(&threads[t], TO_LOCK, word);
    mock_send(&threads[t].call, pid_of(t), FUTEX_LABEL_WAIT_LOCK,
              WORDS(memory[word], tid_of(t), 0, threads[t].deadline), &memory[word], 4,
              &memory[WORDS_ + lock], 4);
}

static void do_requeue_lock(int t) {
    int word = (int)mock_random(WORDS_), lock = (int)mock_random(LOCKS),
        moves = (int)mock_random(4);
    if (owner[lock] && !known(lock))
        look_for((int)(owner[lock] - tid_of(0)));
    long want = walk_to_lock(word, lock, moves);
    assert_int_equal(call_as(t, FUTEX_LABEL_REQUEUE_LOCK, WORDS(memory[word], (uint64_t)moves, 0),
                             &memory[word], &memory[WORDS_ + lock]),
                     want);
}

static void kill_call(int t) {
    if (threads[t].waiting)
        mock_kill(&threads[t].call);
    threads[t].waiting = false;
}

/* As proc: the call, the marks in words, then the message. */
static void do_end(int t) {
    uint32_t tid = tid_of(t);
    kill_call(t);
    for (int lock = 0; lock < LOCKS; lock++) {
        uint32_t *word = &memory[WORDS_ + lock];
        if (owner[lock] != tid)
            continue;
        if (!waiter_after(lock_key(lock), 0) || mock_random(2))
            *word = (*word & FUTEX_WAITERS) | FUTEX_OWNER_DIED;
        if (waiter_after(lock_key(lock), 0)) {
            pass_on(lock, true);
        } else {
            owner[lock] = 0;
            died[lock] = true;
        }
    }
    asked_for[t] = false;
    assert_int_equal(
        mock_call(PK_BADGE_PROC, FUTEX_LABEL_THREAD_ENDED, WORDS(tid, 0, 0), 0, 0, 0, 0), 0);
    mock_jobs();
}

static void do_interrupt(int t) {
    if (threads[t].waiting) {
        bool moved = threads[t].kind == LOCK && threads[t].lock >= 0;
        give(&threads[t], moved ? -EAGAIN : -EINTR);
        mock_interrupt(&threads[t].call);
    }
}

static void do_time(int t) {
    (void)t;
    mock_advance(mock_random(20));
    while (mock_timer && mock_timer <= mock_now + 25000) /* more may be due than one event ends */
        mock_advance(mock_timer - mock_now);
    expire();
}

/* ---- The comparison -------------------------------------------------------------------------- */

static void check(void) {
    uint64_t waiting = 0;
    for (int t = 0; t < THREADS; t++) {
        struct thread *thread = &threads[t];
        if (thread->answered) {
            assert_true(thread->call.answered);
            assert_int_equal(thread->call.result, thread->answer);
            thread->answered = false;
        } else if (thread->waiting) {
            assert_false(thread->call.answered);
        }
        waiting += thread->waiting;
    }
    assert_int_equal(seat_count(), waiting);
    for (int lock = 0; lock < LOCKS; lock++) {
        uint32_t word = memory[WORDS_ + lock];
        assert_int_equal(word & FUTEX_TID_MASK, owner[lock]);
        assert_int_equal((word & FUTEX_OWNER_DIED) != 0, died[lock]);
        if (waiter_after(lock_key(lock), 0))
            assert_true(word & FUTEX_WAITERS);
    }
    for (int t = 0; t < THREADS; t++) /* nobody lends but the first */
        if (threads[t].waiting && threads[t].call.lent) {
            assert_int_equal(threads[t].kind, LOCK);
            assert_ptr_equal(heir_of(threads[t].key - WORDS_), &threads[t]);
        }
}

static void one_step(void) {
    static void (*const if_idle[])(int) = {do_wait,     do_wait,    do_wait,      do_wake,
                                           do_wake_two, do_requeue, do_lock,      do_lock,
                                           do_unlock,   do_alone,   do_wait_lock, do_requeue_lock};
    static void (*const any_time[])(int) = {do_interrupt, do_time,  do_end,
                                            do_priority,  look_for, do_priority};
    int t = (int)mock_random(THREADS);
    if (mock_random(40) == 0)
        memory[mock_random(WORDS_)]++;
    if (mock_random(8) == 0)
        any_time[mock_random(6)](t);
    else if (!threads[t].waiting)
        if_idle[mock_random(sizeof(if_idle) / sizeof(if_idle[0]))](t);
    check();
}

static int whole_step;

static int setup(void **state) {
    (void)state;
    whole_step = whole_step ? whole_step : futex_step;
    memset(memory, 0, sizeof(memory));
    memset(threads, 0, sizeof(threads));
    memset(owner, 0, sizeof(owner));
    memset(died, 0, sizeof(died));
    memset(asked_for, 0, sizeof(asked_for));
    mock_shared = memory;
    mock_shared_size = sizeof(memory);
    mock_start(&futex_server);
    for (int pid = 1; pid <= PIDS; pid++)
        mock_connect(pid, 0, 0);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    for (int t = 0; t < THREADS; t++)
        do_end(t);
    for (int pid = 1; pid <= PIDS; pid++)
        mock_exit(pid);
    mock_jobs();
    futex_step = whole_step;
    assert_int_equal(seat_count(), 0);
    for (uint32_t tid = 0; tid < 200; tid++)
        assert_null(seat_owned_by(tid));
    assert_int_equal(mock_slots, 0);
    return 0;
}

#define STEPS 500000

static void test_at_random(void **state) {
    (void)state;
    mock_seed(1);
    for (int i = 0; i < STEPS; i++)
        one_step();
}

/* The same with walks that are interrupted at every seat. */
static void test_in_steps(void **state) {
    (void)state;
    mock_seed(2);
    futex_step = 1;
    for (int i = 0; i < STEPS; i++)
        one_step();
}

/* ---- What the model does not have ------------------------------------------------------------ */

enum { MANY = 3000 };
static struct call many[MANY];

static void many_wait(int word) {
    for (int i = 0; i < MANY; i++)
        mock_send(&many[i], 1, FUTEX_LABEL_WAIT, WORDS(0, ALL, 0, 0), &memory[word], 4, 0, 0);
}

static int many_answered(void) {
    int answered = 0;
    for (int i = 0; i < MANY; i++)
        answered += many[i].answered;
    return answered;
}

/* A wake-up of all takes steps; who begins to wait meanwhile is not woken, who leaves is not counted. */
static void test_long_wake(void **state) {
    struct call wake, late;
    (void)state;
    many_wait(0);
    mock_send(&wake, 2, FUTEX_LABEL_WAKE, WORDS((uintptr_t)memory, INT_MAX, ALL, 0), 0, 0, 0, 0);
    assert_false(wake.answered);
    assert_in_range(many_answered(), 1, MANY / 10);
    mock_send(&late, 1, FUTEX_LABEL_WAIT, WORDS(0, ALL, 0, 0), memory, 4, 0, 0);
    mock_interrupt(&many[MANY - 1]);
    mock_kill(&many[MANY - 2]);
    assert_true(mock_jobs() > 10);
    assert_true(wake.answered);
    assert_int_equal(wake.result, MANY - 2);
    assert_false(late.answered);
    assert_int_equal(many_answered(), MANY - 1);
    mock_interrupt(&late);
}

/* The waker's death changes nothing for those who are to be woken; and all may go while a walk stands among them. */
static void test_ends_meanwhile(void **state) {
    struct call wake;
    (void)state;
    many_wait(0);
    mock_send(&wake, 2, FUTEX_LABEL_WAKE, WORDS((uintptr_t)memory, INT_MAX, 1, 0), 0, 0, 0, 0);
    mock_kill(&wake);
    mock_jobs();
    assert_int_equal(many_answered(), MANY);
    many_wait(0);
    mock_send(&wake, 2, FUTEX_LABEL_WAKE, WORDS((uintptr_t)memory, INT_MAX, ALL, 0), 0, 0, 0, 0);
    for (int i = 0; i < MANY; i++)
        if (!many[i].answered)
            mock_interrupt(&many[i]);
    mock_jobs();
    assert_true(wake.answered);
    assert_in_range(wake.result, 1, MANY / 10);
}

/* Few who listen among many who do not: the walk's mark stands between seats that come and go. */
static void test_marks(void **state) {
    struct call wake[2], listener;
    (void)state;
    futex_step = 15 * 10;
    for (int i = 0; i < MANY; i++)
        mock_send(&many[i], 1, FUTEX_LABEL_WAIT, WORDS(0, 2, 0, 0), memory, 4, 0, 0);
    mock_send(&listener, 1, FUTEX_LABEL_WAIT, WORDS(0, 1, 0, 0), memory, 4, 0, 0);
    for (int i = 0; i < 2; i++)
        mock_send(&wake[i], 2, FUTEX_LABEL_WAKE, WORDS((uintptr_t)memory, 1, 1, 0), 0, 0, 0, 0);
    for (int i = 0; i < MANY; i++) {
        mock_interrupt(&many[i]);
        if (i % 7 == 0)
            mock_job();
    }
    mock_jobs();
    assert_true(listener.answered && wake[0].answered && wake[1].answered);
    assert_int_equal(wake[0].result + wake[1].result, 1);
}

static void test_long_requeue(void **state) {
    struct call requeue;
    (void)state;
    many_wait(0);
    mock_send(&requeue, 2, FUTEX_LABEL_REQUEUE,
              WORDS((uintptr_t)&memory[1], 1, INT_MAX, 0, FUTEX_COMPARE), memory, 4, 0, 0);
    assert_false(requeue.answered);
    assert_true(mock_jobs() > 2);
    assert_int_equal(requeue.result, MANY);
    assert_int_equal(many_answered(), 1);
    assert_int_equal(
        mock_call(2, FUTEX_LABEL_WAKE, WORDS((uintptr_t)&memory[1], INT_MAX, ALL, 0), 0, 0, 0, 0),
        MANY - 1);
    assert_int_equal(many_answered(), MANY);
    for (int i = 2; i < MANY; i++) /* in their order */
        assert_true(many[i].order > many[i - 1].order);
}

static void test_errors(void **state) {
    struct call call;
    (void)state;
    assert_int_equal(mock_call(99, FUTEX_LABEL_WAIT, WORDS(0, ALL, 0, 0), memory, 4, 0, 0), -EBADF);
    assert_int_equal(mock_call(1, FUTEX_LABEL_WAIT, WORDS(0, 0, 0, 0), memory, 4, 0, 0), -EINVAL);
    assert_int_equal(
        mock_call(1, FUTEX_LABEL_WAKE, WORDS((uintptr_t)memory + 2, 1, ALL, 0), 0, 0, 0, 0),
        -EINVAL);
    assert_int_equal(mock_call(1, FUTEX_LABEL_LOCK, WORDS(0, 0, 0), 0, 0, memory, 4), -EINVAL);
    assert_int_equal(mock_call(1, FUTEX_LABEL_LOCK, WORDS(1u << 30, 0, 0), 0, 0, memory, 4),
                     -EINVAL);
    assert_int_equal(mock_call(1, FUTEX_LABEL_REQUEUE,
                               WORDS((uintptr_t)memory, (uint64_t)-1, 0, 0, 0), memory, 4, 0, 0),
                     -EINVAL);
    assert_int_equal(mock_call(1, FUTEX_LABEL_WAIT_LOCK, WORDS(0, 5, 0, 0), memory, 4, memory, 4),
                     -EINVAL);
    /* A lock's queue is for nothing else. */
    memory[0] = 77;
    assert_int_equal(mock_call(PK_BADGE_PROC, FUTEX_LABEL_OWNER, WORDS(9, 77), 0, 0, 0, 0), -ESRCH);
    assert_int_equal(mock_call(1, FUTEX_LABEL_LOCK, WORDS(5, 0, 0), 0, 0, memory, 4), FUTEX_ASK);
    assert_int_equal(mock_call(PK_BADGE_PROC, FUTEX_LABEL_OWNER, WORDS(1, 77), 0, 0, 0, 0), 0);
    mock_send(&call, 1, FUTEX_LABEL_LOCK, WORDS(5, 0, 0), 0, 0, memory, 4);
    assert_false(call.answered);
    uint32_t word = memory[0];
    assert_int_equal(mock_call(1, FUTEX_LABEL_WAIT, WORDS(word, ALL, 0, 0), memory, 4, 0, 0),
                     -EINVAL);
    assert_int_equal(
        mock_call(1, FUTEX_LABEL_WAKE, WORDS((uintptr_t)memory, 1, ALL, 0), 0, 0, 0, 0), -EINVAL);
    mock_interrupt(&call);
    assert_int_equal(call.result, -EINTR);
    assert_int_equal(
        mock_call(PK_BADGE_PROC, FUTEX_LABEL_THREAD_ENDED, WORDS(77, 0, 0), 0, 0, 0, 0), 0);
    memory[0] = word;
    assert_int_equal(mock_call(1, FUTEX_LABEL_LOCK, WORDS(5, 0, 0), 0, 0, memory, 4), FUTEX_ASK);
}

/* Whatever is wrong, the server's check notices. */
static void test_checks(void **state) {
    struct call calls[4];
    (void)state;
    memory[0] = 77;
    assert_int_equal(mock_call(PK_BADGE_PROC, FUTEX_LABEL_OWNER, WORDS(1, 77), 0, 0, 0, 0), 0);
    for (unsigned i = 0; i < 3; i++) {
        calls[i].priority = i == 2 ? 3 : 2;
        mock_send(&calls[i], 1, FUTEX_LABEL_LOCK, WORDS(5 + i, 0, 0), 0, 0, memory, 4);
    }
    mock_send(&calls[3], 2, FUTEX_LABEL_WAIT, WORDS(memory[1], ALL, 0, 0), &memory[1], 4, 0, 0);
    struct seat *first = seat_owned_by(77);
    struct sleeper *sleeper = container_of(first, struct sleeper, seats[0]);
    assert_checked(futex_state.taken);
    assert_checked(first->owner);
    assert_checked(first->owned.key);
    assert_checked(seat_next(first)->name.offset);
    assert_checked(sleeper->heads);
    assert_checked(sleeper->locking);
    assert_checked(sleeper->waiter.priority);
    assert_checked(sleeper->tid);
    for (unsigned i = 0; i < 4; i++)
        mock_interrupt(&calls[i]);
}

/* A thread that ended owned more locks than are passed on at once. */
static void test_many_locks(void **state) {
    static uint32_t locks[200];
    static struct call calls[200];
    (void)state;
    mock_shared = locks;
    mock_shared_size = sizeof(locks);
    assert_int_equal(mock_call(PK_BADGE_PROC, FUTEX_LABEL_OWNER, WORDS(1, 77), 0, 0, 0, 0), 0);
    for (int i = 0; i < 200; i++) {
        locks[i] = 77;
        mock_send(&calls[i], 1, FUTEX_LABEL_LOCK, WORDS(5, 0, 0), 0, 0, &locks[i], 4);
        assert_false(calls[i].answered);
    }
    mock_kill(&calls[9]);
    assert_int_equal(
        mock_call(PK_BADGE_PROC, FUTEX_LABEL_THREAD_ENDED, WORDS(77, 0, 0), 0, 0, 0, 0), 0);
    assert_false(calls[199].answered && calls[0].answered);
    assert_true(mock_jobs() > 2);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(calls[i].answered, i != 9);
        assert_int_equal(locks[i], i == 9 ? 77 | FUTEX_WAITERS : 5 | FUTEX_OWNER_DIED);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_wake, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ends_meanwhile, setup, teardown),
        cmocka_unit_test_setup_teardown(test_marks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_requeue, setup, teardown),
        cmocka_unit_test_setup_teardown(test_checks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_locks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_at_random, setup, teardown),
        cmocka_unit_test_setup_teardown(test_in_steps, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
