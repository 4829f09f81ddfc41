/* SPDX-License-Identifier: MIT */
/* What messages hold, by the protocols that they belong to (protocols/, of which tools/protogen makes the tables). */
#include "trace.h"

#include <ctype.h>
#include <parley/types.h>
#include <protocol/decoder.h>
#include <string.h>

#define WORDS_AT 2     /* of an event of a message */
#define IN_LENGTH_AT 8 /* its word 6 */
#define TEXT_AT (WORDS_AT + PK_TEXT_WORD)
#define LARGE 65536 /* unsigned numbers from here on are addresses and flags, mostly */

static const struct decoder_message *find_in(const char *protocol, unsigned number) {
    for (const struct decoder_protocol *p = decoder_protocols; p->name; p++)
        for (const struct decoder_message *m = p->messages; !strcmp(p->name, protocol) && m->number;
             m++)
            if (m->number == number)
                return m;
    return NULL;
}

/* A server has its protocol's name; session messages have numbers of their own in all. */
static const struct decoder_message *find(const struct pk_trace_event *call, const char *server) {
    unsigned number = call->words[0] & PK_LABEL_MASK;
    const struct decoder_message *m;

    if (call->words[0] & PK_LABEL_KERNEL)
        return NULL;
    m = find_in(server, number);
    return m ? m : find_in("session", number);
}

bool decode_is(const struct pk_trace_event *call, const char *server, const char *name) {
    const struct decoder_message *m = find(call, server);

    return m && !strcmp(m->name, name);
}

static bool is_small(int64_t number) {
    return number > -4096 && number < LARGE;
}

static void print_word(FILE *out, const struct decoder_word *word, uint64_t value) {
    int64_t number = (int64_t)value;

    if (!strcmp(word->name, "mode"))
        fprintf(out, " %s=%#llo", word->name, (unsigned long long)value);
    else if (strcmp(word->name, "flags") && (word->is_signed || is_small(number)))
        fprintf(out, " %s=%lld", word->name, (long long)number);
    else
        fprintf(out, " %s=%#llx", word->name, (unsigned long long)value);
}

static void print_words_of(FILE *out, const struct decoder_word *words, const uint64_t *values) {
    for (unsigned i = 0; i < sizeof(((struct decoder_message *)0)->args) / sizeof(*words); i++)
        if (words[i].name)
            print_word(out, &words[i], values[i]);
}

/* As much of a text as there is: its bytes in quotes, up to the first that is none. */
static void print_text(FILE *out, const char *bytes, uint64_t length, size_t kept) {
    size_t n = length < kept ? (size_t)length : kept, end = strnlen(bytes, n);

    fputs(" \"", out);
    for (size_t i = 0; i < end; i++) {
        unsigned char c = (unsigned char)bytes[i];

        if (c == '\n')
            fputs("\\n", out);
        else if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (isprint(c))
            putc(c, out);
        else
            fprintf(out, "\\x%02x", c);
    }
    fputs(end == kept && length > kept ? "\"…" : "\"", out);
}

static void print_buffer(FILE *out, const char *name, int typed, const struct pk_trace_event *e,
                         uint64_t length) {
    if (length == 0)
        return;
    fprintf(out, " %s:", name);
    if (typed || !e->data[0]) /* a structure, or one that was not in memory then */
        fprintf(out, " %llu bytes", (unsigned long long)length);
    else
        print_text(out, e->data, length, sizeof(e->data));
}

static const char *exception_name(uint64_t label) {
    return label == PK_EXCEPTION_FAULT       ? "fault"
           : label == PK_EXCEPTION_MEMORY    ? "no memory"
           : label == PK_EXCEPTION_ATTENTION ? "attention"
                                             : "foreign call";
}

static void decode_exception(FILE *out, const struct pk_trace_event *call) {
    const uint64_t *w = &call->words[WORDS_AT];

    fprintf(out, "(%s)", exception_name(call->words[0]));
    if (call->words[0] == PK_EXCEPTION_FAULT || call->words[0] == PK_EXCEPTION_MEMORY)
        fprintf(out, " cause=%llu address=%#llx pc=%#llx", (unsigned long long)w[0],
                (unsigned long long)w[1], (unsigned long long)w[2]);
}

void decode_call(FILE *out, const struct pk_trace_event *call, const char *server) {
    const struct decoder_message *m = find(call, server);

    if (call->words[0] & PK_LABEL_KERNEL) {
        decode_exception(out, call);
        return;
    }
    if (!m) {
        fprintf(out, "message %#llx", (unsigned long long)(call->words[0] & PK_LABEL_MASK));
        return;
    }
    fputs(m->name, out);
    if (m->in)
        print_buffer(out, m->in, m->in_typed, call, call->words[IN_LENGTH_AT]);
    print_words_of(out, m->args, &call->words[WORDS_AT]);
    if (m->text_in) {
        fprintf(out, " %s:", m->text_in);
        print_text(out, (const char *)&call->words[TEXT_AT], PK_TEXT_SIZE, PK_TEXT_SIZE);
    }
}

static const char *error_name(int64_t result) {
    const char *name = result < 0 && result > -4096 ? strerrorname_np((int)-result) : NULL;

    return name;
}

void decode_reply(FILE *out, const struct message *m) {
    int64_t result = (int64_t)m->reply->words[0];
    const struct decoder_message *what = find(m->call, m->reply->by.name);
    const char *error = error_name(result);

    if (error) {
        fprintf(out, " = %s", error);
        return;
    }
    if (!what && m->call->words[0] & PK_LABEL_KERNEL)
        return; /* nobody sees a value */
    fprintf(out, " = %lld", (long long)result);
    if (!what)
        return;
    print_words_of(out, what->results, &m->reply->words[WORDS_AT]);
    if (what->out && result > 0)
        print_buffer(out, what->out, what->out_typed, m->reply, (uint64_t)result);
    if (what->text_out && result > 0)
        print_text(out, (const char *)&m->reply->words[TEXT_AT], (uint64_t)result, PK_TEXT_SIZE);
}
