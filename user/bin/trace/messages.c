/* SPDX-License-Identifier: MIT */
/* Calls and their answers, found by their tokens, no two of which are the same; and who works for whom. */
#include "trace.h"

#include <err.h>
#include <parley/personality.h>
#include <stdlib.h>
#include <string.h>

/* Which message each server's thread serves, by the thread's number. */
struct follower {
    struct messages *messages;
    struct message **serves;
    size_t threads;
};

int trace_pid(const struct pk_trace_thread *t) {
    return personality_pid(t->word);
}

static void *grown(void *array, size_t count, size_t size) {
    array = reallocarray(array, count, size);
    if (!array)
        err(1, NULL);
    return array;
}

static struct message **place(const struct messages *m, uint64_t token) {
    struct message **at = &m->hash[(token ^ token >> 20) % m->hash_size];

    while (*at && (*at)->call->words[1] != token)
        at = &(*at)->next;
    return at;
}

static bool is_chosen_pid(const struct messages *m, int pid) {
    for (size_t i = 0; i < m->pid_count; i++)
        if (m->pids[i] == pid)
            return true;
    return m->pid_count == 0;
}

static void choose_pid(struct messages *m, int pid) {
    if (is_chosen_pid(m, pid))
        return;
    m->pids = grown(m->pids, m->pid_count + 1, sizeof(*m->pids));
    m->pids[m->pid_count++] = pid;
}

static struct message **serves(struct follower *f, uint32_t thread) {
    if (thread >= f->threads) {
        f->serves = grown(f->serves, thread + 1u, sizeof(*f->serves));
        memset(f->serves + f->threads, 0, (thread + 1u - f->threads) * sizeof(*f->serves));
        f->threads = thread + 1u;
    }
    return &f->serves[thread];
}

static void begin(struct follower *f, const struct pk_trace_event *e) {
    struct messages *m = f->messages;
    struct message *message = &m->all[m->count++], **at = place(m, e->words[1]);

    if (*at)
        return; /* a token comes again in rings that somebody has put together by hand only */
    *at = message;
    message->call = e;
    message->within = *serves(f, e->by.id);
    message->chosen =
        message->within ? message->within->chosen : is_chosen_pid(m, trace_pid(&e->by));
}

static void serve(struct follower *f, const struct pk_trace_event *e) {
    struct message *message = *place(f->messages, e->words[1]);

    *serves(f, e->by.id) = message;
    if (message)
        message->serve = e;
}

/* A process's number is what its parent's fork returns. */
static bool makes_process(const struct message *message) {
    return message->chosen && trace_pid(&message->call->by) &&
           (int64_t)message->reply->words[0] > 0 &&
           decode_is(message->call, message->reply->by.name, "fork");
}

static void reply(struct follower *f, const struct pk_trace_event *e) {
    struct message *message = *place(f->messages, e->words[1]);

    if (!message)
        return;
    message->reply = e;
    if (*serves(f, e->by.id) == message)
        *serves(f, e->by.id) = NULL;
    if (f->messages->pid_count && makes_process(message))
        choose_pid(f->messages, (int)e->words[0]);
}

void messages_find(struct messages *m, const struct log *log, int pid) {
    struct follower f = {.messages = m};

    *m = (struct messages){.hash_size = log->count | 1};
    m->all = calloc(log->count | 1, sizeof(*m->all));
    m->hash = calloc(m->hash_size, sizeof(*m->hash));
    if (!m->all || !m->hash)
        err(1, NULL);
    if (pid) {
        m->pids = grown(NULL, 1, sizeof(*m->pids));
        m->pids[m->pid_count++] = pid;
    }
    for (size_t i = 0; i < log->count; i++) {
        const struct pk_trace_event *e = log->events[i];

        if (e->type == PK_TRACE_CALL)
            begin(&f, e);
        else if (e->type == PK_TRACE_SERVE)
            serve(&f, e);
        else if (e->type == PK_TRACE_REPLY)
            reply(&f, e);
    }
    free(f.serves);
}

void messages_free(struct messages *m) {
    free(m->all);
    free(m->hash);
    free(m->pids);
}

const struct message *messages_of(const struct messages *m, const struct pk_trace_event *call) {
    const struct message *message = *place(m, call->words[1]);

    return message && message->call == call ? message : NULL;
}

bool messages_choose(const struct messages *m, const struct pk_trace_event *e) {
    return is_chosen_pid(m, trace_pid(&e->by)) || is_chosen_pid(m, trace_pid(&e->other));
}
