/* SPDX-License-Identifier: MIT */
/* semctl(2) GETALL and SETALL. */
#include "sem.h"
#include <lib/clock.h>
#include <stdlib.h>

#define AT_ONCE 4096u /* values that a step copies or checks */
#define PART 512u     /* of them, copied together */

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

static void values_release(struct request_memory *memory) {
    struct values *values = container_of(memory, struct values, memory);
    if (!values->taken)
        free(values);
}

static long values_read(struct request *req, const struct set *set, struct values **out) {
    size_t size = set->count * sizeof(uint16_t);
    struct values *values = malloc(sizeof(*values) + size);
    if (!values)
        return -ENOMEM;
    *values = (struct values){.memory.release = values_release,
                              .id = set->object.id,
                              .pid = client_pid(request_client(req)),
                              .count = set->count};
    *out = values;
    long error = request_read_all(req, values->values, size);
    if (error < 0)
        free(values);
    return error;
}

/* Some of the values. -EAGAIN: there are more. */
static long values_check(struct values *values) {
    for (uint32_t n = 0; values->at < values->count; n++, values->at++) {
        if (n == AT_ONCE)
            return -EAGAIN;
        if (values->values[values->at] > SEMVMX)
            return -ERANGE;
    }
    return 0;
}

/* From here on nothing stops it, not even the caller's end. */
static void values_take(struct set *set, struct values *values) {
    int credit = sem_state.step;
    values->taken = true;
    values->at = 0;
    set->all = values;
    undo_clear(set, 0, set->count);
    set->ctime = clock_seconds();
    set_go_on(set, &credit);
}

/* The request may be handled several times: until all values are checked, and the set is not held. */
long sem_handle_set_all(struct request *req, int semid) {
    struct request_memory *memory = request_memory();
    struct values *values = memory ? container_of(memory, struct values, memory) : 0;
    struct set *set;
    long error = set_find(semid, request_client(req), SYSV_WRITE, &set);
    if (error < 0)
        return error;
    if (!values && set_held(set))
        return set_wait(req, set);
    if (!values && (error = values_read(req, set, &values)) < 0)
        return error;
    error = values->count != set->count ? -EIDRM : values_check(values); /* a set with an old id */
    if (error == -EAGAIN)
        return request_wait(req, 0, &values->memory);
    if (error == 0 && set_held(set))
        return request_wait(req, &set->behind, &values->memory);
    if (error == 0)
        values_take(set, values);
    else if (!memory)
        free(values);
    return error;
}
