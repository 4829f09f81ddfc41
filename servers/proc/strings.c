/* SPDX-License-Identifier: MIT */
/* Arguments and environment of an exec, out of the calling process and onto the new stack (exec.h). */
#include "exec.h"
#include <string.h>

#define STRING_MAX (32 * 4096ul) /* one of them */

/* Reads pointers up to the end of a page, so that nothing behind the vector's last page is touched. */
static long read_pointers(const struct process *p, struct exec_vector *v) {
    uint64_t bytes = 4096 - v->next % 4096;
    if (bytes > sizeof v->pointers)
        bytes = sizeof v->pointers;
    if (bytes < 8) /* one that lies across two pages */
        bytes = 8;
    bytes &= ~7ul;
    long got = pk_task_copy_in(p->task, v->pointers, v->next, bytes);
    if (got < 0)
        return got;
    v->next += bytes;
    v->read = (unsigned)(bytes / 8);
    v->used = 0;
    return 0;
}

static void vector_begin(struct exec_vector *v, uint64_t address) {
    v->next = address;
    v->string = 0;
    v->read = v->used = 0;
}

/* The next string begins: 1; 0 at the vector's end; or a negative errno. A vector at 0 is empty, as on Linux. */
static long vector_next(const struct process *p, struct exec_vector *v) {
    if (!v->next)
        return 0;
    long error = v->used == v->read ? read_pointers(p, v) : 0;
    if (error < 0)
        return error;
    v->string = v->pointers[v->used++];
    v->string_length = 0;
    return v->string != 0;
}

/* The next piece of the string, with its NUL if *ended; how long it is. Pieces end where pages may. */
static long vector_piece(const struct process *p, struct exec_vector *v, char *piece, bool *ended) {
    size_t n = PIECE - v->string % PIECE;
    long got = pk_task_copy_in(p->task, piece, v->string, n);
    if (got < 0)
        return got;
    const char *end = memchr(piece, 0, n);
    size_t used = end ? (size_t)(end - piece) + 1 : n;
    *ended = end;
    v->string = end ? 0 : v->string + n;
    v->string_length += used;
    return v->string_length > STRING_MAX ? -E2BIG : (long)used;
}

static bool too_much(const struct exec *e) {
    return e->arguments.length + e->variables.length +
               8 * (e->arguments.count + e->variables.count) >
           stack_strings_most(e->p);
}

/* Keeps a piece with those before it, or gives up keeping any. */
static void keep(struct exec_list *list, const char *piece, size_t n) {
    if (list->own_length + n > KEPT_MOST || list->count == KEPT_STRINGS) {
        list->keeps = false;
        list->own_length = 0;
        return;
    }
    memcpy(list->own + list->own_length, piece, n);
    list->own_length += n;
}

static long measure_piece(struct exec *e, struct exec_list *list) {
    char piece[PIECE];
    bool ended;
    long used = vector_piece(e->p, &e->vector, piece, &ended);
    if (used < 0)
        return used;
    if (list->keeps)
        keep(list, piece, (size_t)used);
    list->length += (size_t)used;
    if (ended && list->count++ == 0)
        list->first_length = e->vector.string_length;
    return too_much(e) ? -E2BIG : 1;
}

static void end_measuring(struct exec_list *list) {
    list->begun = false;
    if (list->keeps) {
        list->own_count = list->count;
        list->vector = 0;
    }
}

long exec_measure(struct exec *e, struct exec_list *list) {
    if (!list->vector)
        return 0;
    if (!list->begun) {
        list->begun = list->keeps = true;
        vector_begin(&e->vector, list->vector);
    }
    for (; e->pieces > 0; e->pieces--) {
        long more = e->vector.string ? 1 : vector_next(e->p, &e->vector);
        if (more > 0)
            more = measure_piece(e, list);
        if (more == 0)
            end_measuring(list);
        if (more <= 0)
            return more;
    }
    return 1;
}

long exec_flush(struct exec *e) {
    struct exec_copy *c = &e->copy;
    long n = 0;
    if (c->byte_count)
        n = pk_task_copy_out(e->task, c->string_at - c->byte_count, c->bytes, c->byte_count);
    if (n >= 0 && c->word_count)
        n = pk_task_copy_out(e->task, c->word_at - 8 * c->word_count, c->words, 8 * c->word_count);
    c->byte_count = c->word_count = 0;
    return n < 0 ? n : 0;
}

long exec_put_word(struct exec *e, uint64_t word) {
    struct exec_copy *c = &e->copy;
    long error = c->word_count == WORDS ? exec_flush(e) : 0;
    c->words[c->word_count++] = word;
    c->word_at += 8;
    return error;
}

/* What was measured is what there is room for; memory that changed meanwhile gives EFAULT. */
long exec_put_bytes(struct exec *e, const char *bytes, size_t n) {
    struct exec_copy *c = &e->copy;
    if (n > c->string_end - c->string_at)
        return -EFAULT;
    for (size_t part; n > 0; bytes += part, n -= part) {
        long error = c->byte_count == COPIED ? exec_flush(e) : 0;
        if (error < 0)
            return error;
        part = n < COPIED - c->byte_count ? n : COPIED - c->byte_count;
        memcpy(c->bytes + c->byte_count, bytes, part);
        c->byte_count += part;
        c->string_at += part;
    }
    return 0;
}

/* What is kept, in one piece. */
static long copy_own(struct exec *e, const struct exec_list *list) {
    uint64_t at = e->copy.string_at;
    const char *text = list->own;
    long error = 0;
    for (size_t i = 0; error == 0 && i < list->own_count; i++) {
        size_t n = strlen(text) + 1;
        error = exec_put_word(e, at);
        text += n;
        at += n;
    }
    if (error < 0 || list->own_length <= COPIED)
        return error < 0 ? error : exec_put_bytes(e, list->own, list->own_length);
    error = exec_flush(e);
    if (error == 0)
        error = pk_task_copy_out(e->task, e->copy.string_at, list->own, list->own_length);
    e->copy.string_at = at;
    return error < 0 ? error : 0;
}

/* 1: a string has begun; 0: the end. The pointers must be as many as were counted. */
static long copy_next(struct exec *e, struct exec_list *list) {
    long more = vector_next(e->p, &e->vector);
    if (more < 0)
        return more;
    if (!more)
        return list->count ? -EFAULT : 0;
    if (!list->count)
        return -EFAULT;
    list->count--;
    long error = exec_put_word(e, e->copy.string_at);
    return error < 0 ? error : 1;
}

static long copy_piece(struct exec *e) {
    char piece[PIECE];
    bool ended;
    long used = vector_piece(e->p, &e->vector, piece, &ended);
    if (used < 0)
        return used;
    long error = exec_put_bytes(e, piece, (size_t)used);
    return error < 0 ? error : 1;
}

static long copy_begin(struct exec *e, struct exec_list *list) {
    list->begun = true;
    long error = copy_own(e, list);
    list->count -= list->own_count;
    list->own_count = 0;
    vector_begin(&e->vector, list->vector);
    if (error == 0 && e->skipped && e->phase == EXEC_COPY_ARGUMENTS) {
        error = vector_next(e->p, &e->vector); /* a script's argument 0 */
        e->vector.string = 0;
    }
    return error < 0 ? error : 0;
}

long exec_copy_list(struct exec *e, struct exec_list *list) {
    long more = list->begun ? 0 : copy_begin(e, list);
    for (; more >= 0 && e->pieces > 0; e->pieces--) {
        more = e->vector.string ? 1 : copy_next(e, list);
        if (more > 0)
            more = copy_piece(e);
        if (more == 0)
            return exec_put_word(e, 0);
    }
    return more < 0 ? more : 1;
}
