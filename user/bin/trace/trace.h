/* SPDX-License-Identifier: MIT */
/* trace's parts: the log of events, messages made out of it, and how they are shown. */
#ifndef TRACE_H
#define TRACE_H

#include <parley/trace.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Events of all harts, in the order of their times. */
struct log {
    const struct pk_trace_event **events;
    size_t count;
    uint64_t lost; /* overwritten before the end */
    uint64_t timebase_hz;
};

/* log.c: from rings (parley/trace.h). Events stay where they are. False, with a message: they are no rings. */
bool log_read(struct log *log, const void *memory, size_t size);
void log_free(struct log *log);

/* A message on its way; each part NULL if it was not seen. */
struct message {
    const struct pk_trace_event *call, *serve, *reply;
    struct message *within; /* it was sent while that one was served */
    bool chosen;
    struct message *next; /* by hash */
};

struct messages {
    struct message *all;
    size_t count;
    struct message **hash;
    size_t hash_size;
    int *pids; /* of the chosen processes */
    size_t pid_count;
};

/*
 * messages.c: each call with its answer. With a pid chosen are those that this process and its descendants send, and what
 * servers send on their behalf; with 0 all are.
 */
void messages_find(struct messages *m, const struct log *log, int pid);
void messages_free(struct messages *m);
/* The message whose call this event is, or NULL. */
const struct message *messages_of(const struct messages *m, const struct pk_trace_event *call);
/* The event is about one of the chosen processes. */
bool messages_choose(const struct messages *m, const struct pk_trace_event *e);
int trace_pid(const struct pk_trace_thread *t); /* 0: a server's thread, or nobody */

/* decode.c: what a message holds, by its protocol; and what it got. */
bool decode_is(const struct pk_trace_event *call, const char *server, const char *name);
void decode_call(FILE *out, const struct pk_trace_event *call, const char *server);
void decode_reply(FILE *out, const struct message *m);

/* print.c */
void print_log(FILE *out, const struct log *log, const struct messages *m, bool instructions);
/* One event a line, as its words in hexadecimal: for tools/run. */
void print_words(FILE *out, const struct log *log);

#endif
