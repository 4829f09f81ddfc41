/* SPDX-License-Identifier: MIT */
/* semctl(2) GETALL and SETALL. */
#include "sem.h"
#include <lib/clock.h>
#include <stdlib.h>

#define AT_ONCE 2048u   /* values that a step copies out */
#define PARTS_AT_ONCE 2 /* of values that are copied in */
#define PART 512u       /* of them, copied together */

/* A GETALL that is not finished: the set is held meanwhile. */
struct reading {
    struct request_memory memory;
    struct set *set;
    uint32_t at;
};

static void reading_release(struct request_memory *memory) {
    struct reading *reading = container_of(memory, struct reading, memory);
    int credit = 0; /* what has come in between is the job's */
    set_go_on(reading->set, &credit);
    free(reading);
}

static long copy_part(struct request *req, const struct set *set, uint32_t from, uint32_t to) {
    uint16_t values[PART];
    for (uint32_t i = from; i < to; i++)
        values[i - from] = set_sem(set, i)->value;
    long size = (long)((to - from) * sizeof(values[0]));
    long n = request_write(req, from * sizeof(values[0]), values, (uint64_t)size);
    return n == size ? 0 : n < 0 ? n : -EFAULT;
}

static long copy_values(struct request *req, const struct set *set, uint32_t from, uint32_t to) {
    long error = 0;
    for (uint32_t next; error == 0 && from < to; from = next) {
        next = to - from < PART ? to : from + PART;
        error = copy_part(req, set, from, next);
    }
    return error;
}

static long read_on(struct request *req, struct reading *reading) {
    const struct set *set = reading->set;
    uint32_t to = set->count - reading->at < AT_ONCE ? set->count : reading->at + AT_ONCE;
    long error = copy_values(req, set, reading->at, to);
    reading->at = to;
    return error < 0 || to == set->count ? error : request_wait(req, 0, &reading->memory);
}

/* It takes several steps, and shows one state nevertheless. */
static long read_long(struct request *req, struct set *set) {
    struct reading *reading = malloc(sizeof(*reading));
    if (!reading)
        return -ENOMEM;
    reading->memory.release = reading_release;
    reading->set = set;
    reading->at = 0;
    set_hold(set);
    return request_wait(req, 0, &reading->memory);
}

long sem_handle_get_all(struct request *req, int semid) {
    struct request_memory *memory = request_memory();
    struct set *set;
    if (memory)
        return read_on(req, container_of(memory, struct reading, memory));
    long error = set_find(semid, request_client(req), SYSV_READ, &set);
    if (error < 0)
        return error;
    if (request_out_len(req) < set->count * sizeof(uint16_t))
        return -EINVAL;
    if (set_held(set))
        return set_wait(req, set);
    return set->count > AT_ONCE ? read_long(req, set) : copy_values(req, set, 0, set->count);
}

void values_free(struct values *values) {
    for (uint32_t i = 0; i < values_parts(values->count); i++)
        free(values->parts[i]);
    free(values);
}

static void values_release(struct request_memory *memory) {
    struct values *values = container_of(memory, struct values, memory);
    if (!values->taken)
        values_free(values);
}

static struct values *values_new(const struct client *client, const struct set *set) {
    struct values *values =
        calloc(1, sizeof(*values) + values_parts(set->count) * sizeof(values->parts[0]));
    if (values) {
        values->memory.release = values_release;
        values->pid = client_pid(client);
        values->count = set->count;
    }
    return values;
}

static long part_read(struct request *req, struct values *values) {
    uint32_t n =
        values->count - values->at < VALUES_PART ? values->count - values->at : VALUES_PART;
    long size = (long)(n * sizeof(uint16_t));
    uint16_t *part = values->parts[values->at / VALUES_PART] = malloc((size_t)size);
    if (!part)
        return -ENOMEM;
    long got = request_read(req, values->at * sizeof(uint16_t), part, (uint64_t)size);
    if (got != size)
        return got < 0 ? got : -EINVAL;
    for (uint32_t i = 0; i < n; i++)
        if (part[i] > SEMVMX)
            return -ERANGE;
    values->at += n;
    return 0;
}

/* Some of the values. -EAGAIN: there are more. */
static long values_read(struct request *req, struct values *values) {
    for (uint32_t n = 0; values->at < values->count; n++) {
        long error = n == PARTS_AT_ONCE ? -EAGAIN : part_read(req, values);
        if (error < 0)
            return error;
    }
    return 0;
}

/* From here on nothing stops it, not even the caller's end. */
static void values_take(struct set *set, struct values *values) {
    int credit = sem_state.step / 2;
    values->taken = true;
    values->at = 0;
    set->all = values;
    undo_clear(set, 0, set->count);
    set->ctime = clock_seconds();
    set_go_on(set, &credit);
}

/* The request may be handled several times: until all values are read, and the set is not held. */
long sem_handle_set_all(struct request *req, int semid) {
    struct request_memory *memory = request_memory();
    struct values *values = memory ? container_of(memory, struct values, memory) : 0;
    struct set *set;
    long error = set_find(semid, request_client(req), SYSV_WRITE, &set);
    if (error < 0)
        return error;
    if (!values && set_held(set))
        return set_wait(req, set);
    if (!values && !(values = values_new(request_client(req), set)))
        return -ENOMEM;
    error = values->count != set->count ? -EIDRM : values_read(req, values); /* an id used again */
    if (error == -EAGAIN)
        return request_wait(req, 0, &values->memory);
    if (error == 0 && set_held(set))
        return request_wait(req, &set->behind, &values->memory);
    if (error == 0)
        values_take(set, values);
    else if (!memory)
        values_free(values);
    return error;
}
