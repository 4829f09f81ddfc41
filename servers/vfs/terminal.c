/* SPDX-License-Identifier: MIT */
/* The table of terminals (terminal.h). */
#include "terminal.h"

#include "tty.h"

#include <protocol/console_client.h>
#include <stdlib.h>

#define WOKEN_AT_ONCE 4

static struct hash table;
static struct list all = LIST_INIT(all);

static bool retry_step(struct job *job);

static void side_init(struct side *side) {
    waiter_queue_init(&side->readers);
    waiter_queue_init(&side->writers);
    poll_queue_init(&side->pollers);
    side->readiness_known = false;
}

static void enter(struct terminal *terminal, uint32_t number) {
    side_init(&terminal->slave);
    side_init(&terminal->master);
    job_init(&terminal->job, retry_step);
    terminal->refs = 1;
    terminal->name = NULL;
    terminal->ended = false;
    list_add_tail(&all, &terminal->link);
    hash_insert(&table, &terminal->number, number);
}

struct terminal *terminal_new(uint32_t number) {
    struct terminal *terminal = malloc(sizeof(*terminal));
    if (terminal) {
        enter(terminal, number);
    }
    return terminal;
}

/* The serial line's is there when it is first asked for, and for good. */
struct terminal *terminal_find(uint32_t number) {
    static struct terminal line;
    struct hash_node *node = hash_find(&table, number);
    if (!node && number == 0) {
        enter(&line, 0);
        return &line;
    }
    return node ? container_of(node, struct terminal, number) : NULL;
}

struct terminal *terminal_hold(struct terminal *terminal) {
    terminal->refs++;
    return terminal;
}

void terminal_put(struct terminal *terminal) {
    if (--terminal->refs == 0) {
        job_cancel(&terminal->job);
        free(terminal);
    }
}

void terminal_end(struct terminal *terminal) {
    if (terminal->ended) {
        return;
    }
    hash_remove(&table, &terminal->number);
    list_remove(&terminal->link);
    terminal->ended = true;
    terminal_retry_later(terminal);
    terminal_put(terminal);
}

void terminal_retry_later(struct terminal *terminal) {
    terminal->slave.readiness_known = terminal->master.readiness_known = false;
    poll_wake(&terminal->slave.pollers, POLL_ANY);
    poll_wake(&terminal->master.pollers, POLL_ANY);
    job_queue(&terminal->job);
}

/* Those who are answered may be the last who hold it. */
static bool retry(struct terminal *terminal) {
    terminal_hold(terminal);
    bool slave = tty_retry(&terminal->slave);
    bool more = tty_retry(&terminal->master) || slave;
    terminal_put(terminal);
    return more;
}

static bool retry_step(struct job *job) {
    struct terminal *terminal = container_of(job, struct terminal, job);
    if (retry(terminal)) {
        job_queue(job);
    }
    return false; /* unless it has been queued again */
}

static bool woken_step(struct job *job);
static struct job woken_job = {.link = LIST_INIT(woken_job.link), .step = woken_step};

static void wake(uint32_t number) {
    struct terminal *terminal = terminal_find(number);
    if (!terminal) {
        return; /* its master has been closed meanwhile */
    }
    terminal->slave.readiness_known = terminal->master.readiness_known = false;
    poll_wake(&terminal->slave.pollers, POLL_ANY);
    poll_wake(&terminal->master.pollers, POLL_ANY);
    if (retry(terminal)) {
        job_queue(&terminal->job);
    }
}

static bool woken_step(struct job *job) {
    uint32_t number;
    for (int i = 0; i < WOKEN_AT_ONCE; i++) {
        if (console_woken(tty_console, &number) <= 0) {
            return false;
        }
        wake(number);
    }
    job_queue(job);
    return false;
}

void terminals_woken(void) {
    woken_step(&woken_job);
}

void terminals_lost(void) {
    struct list lost = LIST_INIT(lost);
    list_move_all(&lost, &all);
    while (!list_empty(&lost)) {
        struct terminal *terminal = container_of(lost.next, struct terminal, link);
        list_remove(&terminal->link);
        if (terminal->number.key != 0) {
            terminal_end(terminal);
        } else {
            list_add_tail(&all, &terminal->link);
            terminal_retry_later(terminal);
        }
    }
}
