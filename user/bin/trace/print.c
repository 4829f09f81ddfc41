/* SPDX-License-Identifier: MIT */
/* The log as lines: messages with their answers, where they began, and what else was asked for. */
#include "trace.h"

#include <errno.h>
#include <parley/personality.h>
#include <parley/types.h>
#include <string.h>

#define DEEPEST 8

static void print_thread(FILE *out, const struct pk_trace_thread *t) {
    int pid = trace_pid(t), tid = personality_tid(t->word);

    if (t->id == 0) {
        fputs("nobody", out);
        return;
    }
    fprintf(out, "%.*s", PK_TRACE_NAME, t->name);
    if (pid && pid != tid)
        fprintf(out, "(%d/%d)", pid, tid);
    else if (pid)
        fprintf(out, "(%d)", pid);
}

/* In the unit that fits. */
static void print_time(FILE *out, const struct log *log, uint64_t ticks) {
    double us = (double)ticks * 1e6 / (double)log->timebase_hz;

    if (us < 1000)
        fprintf(out, "%.1f µs", us);
    else if (us < 1000000)
        fprintf(out, "%.2f ms", us / 1000);
    else
        fprintf(out, "%.2f s", us / 1000000);
}

/* Who served it, or else would. */
static const char *server_of(const struct message *m) {
    return m->serve                      ? m->serve->by.name
           : m->reply && m->reply->by.id ? m->reply->by.name
           : m->call->other.id           ? m->call->other.name
                                         : "?";
}

static void print_message(FILE *out, const struct log *log, const struct message *m,
                          bool instructions) {
    int depth = 0;

    for (const struct message *w = m->within; w && depth < DEEPEST; w = w->within)
        depth++;
    fprintf(out, "%*s", 2 * depth, "");
    print_thread(out, &m->call->by);
    fprintf(out, " → %.*s: ", PK_TRACE_NAME, server_of(m));
    decode_call(out, m->call, server_of(m));
    if (!m->reply) {
        fputs(" …\n", out);
        return;
    }
    decode_reply(out, m);
    fputs(", ", out);
    print_time(out, log, m->reply->ticks - m->call->ticks);
    if (instructions && m->reply->hart == m->call->hart)
        fprintf(out, ", %llu instructions",
                (unsigned long long)(m->reply->instructions - m->call->instructions));
    putc('\n', out);
}

static void print_pair(FILE *out, const struct pk_trace_event *e, const char *verb) {
    print_thread(out, &e->by);
    fprintf(out, " %s ", verb);
    print_thread(out, &e->other);
}

static const char *state_name(uint64_t state) {
    static const char *const names[] = {
        [PK_THREAD_RUNNING] = "runs",    [PK_THREAD_READY] = "ready",
        [PK_THREAD_CALLING] = "calling", [PK_THREAD_RECEIVING] = "receiving",
        [PK_THREAD_WAITING] = "waiting", [PK_THREAD_STOPPED] = "stopped",
        [PK_THREAD_DEAD] = "dead"};

    return state < sizeof(names) / sizeof(*names) ? names[state] : "?";
}

static const char *interrupt_name(uint64_t cause) {
    return cause == 1 ? "from another hart" : cause == 5 ? "timer" : cause == 9 ? "device" : "?";
}

static void print_fault(FILE *out, const struct pk_trace_event *e) {
    const char *how = e->words[0] == 12 ? "execute" : e->words[0] == 13 ? "read" : "write";

    print_thread(out, &e->by);
    fprintf(out, ": page fault, %s at %#llx, pc %#llx", how, (unsigned long long)e->words[1],
            (unsigned long long)e->words[2]);
}

static void print_other(FILE *out, const struct log *log, const struct pk_trace_event *e) {
    unsigned long long first = e->words[0];

    fprintf(out, "hart %u: ", e->hart);
    switch ((enum pk_trace_type)e->type) {
    case PK_TRACE_SWITCH:
        print_pair(out, e, "makes way for");
        if (e->by.id)
            fprintf(out, ", %s", state_name(first));
        break;
    case PK_TRACE_WAKE:
        print_pair(out, e, "wakes");
        break;
    case PK_TRACE_MIGRATE:
        print_thread(out, &e->by);
        fprintf(out, " comes from hart %llu", first);
        break;
    case PK_TRACE_NOTIFY:
        print_pair(out, e, "notifies");
        fprintf(out, ", bits %#llx", first);
        break;
    case PK_TRACE_FAULT:
        print_fault(out, e);
        break;
    case PK_TRACE_INTERRUPT:
        fprintf(out, "interrupt, %s", interrupt_name(first));
        break;
    case PK_TRACE_LOCK:
        fputs("waited for the kernel lock, ", out);
        print_time(out, log, first);
        break;
    case PK_TRACE_FOREIGN:
        print_thread(out, &e->by);
        fprintf(out, ": system call %llu (%#llx, %#llx, %#llx)", first,
                (unsigned long long)e->words[2], (unsigned long long)e->words[3],
                (unsigned long long)e->words[4]);
        break;
    case PK_TRACE_RETURN:
        print_thread(out, &e->by);
        fprintf(out, ": system call %llu = %lld", first, (long long)e->words[2]);
        break;
    case PK_TRACE_NAMED:
        print_thread(out, &e->by);
        fprintf(out, ": %.*s %#llx %#llx %#llx", PK_TRACE_NAME, e->data, first,
                (unsigned long long)e->words[1], (unsigned long long)e->words[2]);
        break;
    default:
        fprintf(out, "event %u", e->type);
    }
    putc('\n', out);
}

static bool is_message(const struct pk_trace_event *e) {
    return e->type == PK_TRACE_CALL || e->type == PK_TRACE_SERVE || e->type == PK_TRACE_REPLY;
}

void print_log(FILE *out, const struct log *log, const struct messages *m, bool instructions) {
    for (size_t i = 0; i < log->count; i++) {
        const struct pk_trace_event *e = log->events[i];
        const struct message *message = e->type == PK_TRACE_CALL ? messages_of(m, e) : NULL;

        if (message ? !message->chosen : is_message(e) || !messages_choose(m, e))
            continue;
        fprintf(out, "%11.6f  ",
                (double)(e->ticks - log->events[0]->ticks) / (double)log->timebase_hz);
        if (message)
            print_message(out, log, message, instructions);
        else
            print_other(out, log, e);
    }
    if (log->lost)
        fprintf(out, "%llu events before these are lost: the rings were full\n",
                (unsigned long long)log->lost);
}

void print_words(FILE *out, const struct log *log) {
    fputs("\x1eparley-trace\x1e\n",
          out); /* behind what the command wrote (tools/parleytools/events.py) */
    fprintf(out, "%llx %llx\n", (unsigned long long)log->timebase_hz,
            (unsigned long long)log->lost);
    for (size_t i = 0; i < log->count; i++) {
        const uint64_t *words = (const uint64_t *)log->events[i];
        size_t n = PK_TRACE_SIZE / sizeof(*words);

        while (n > 0 && !words[n - 1])
            n--;
        for (size_t w = 0; w < n; w++) {
            if (words[w])
                fprintf(out, "%llx", (unsigned long long)words[w]);
            putc(w + 1 < n ? ',' : '\n', out);
        }
    }
}
