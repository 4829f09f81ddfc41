/* SPDX-License-Identifier: MIT */
/* Waiting at several words at once: futex_waitv(2). */
#include "futex.h"

/* Takes a seat at each word, if all hold their values. */
static long sit_at_all(const struct request *req, struct sleeper *sleeper,
                       const struct futex_word *vector, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        const struct futex_word *w = &vector[i];
        struct pk_word_name name;
        uint64_t flags = w->flags & FUTEX_MANY_PRIVATE ? PK_WORD_OWN : 0;
        long word = w->address % sizeof(uint32_t)
                        ? -EINVAL
                        : pk_caller_word(req->token, w->address, flags, &name);
        if (word >= 0 && (uint64_t)word != w->value)
            word = -EAGAIN;
        long error = word < 0 ? word : sleeper_sit(sleeper, &name, SEAT_PLAIN, ~0u);
        if (error < 0)
            return error;
    }
    return 0;
}

static bool is_valid(const struct futex_word *w) {
    return !w->reserved && (w->flags & ~(uint32_t)FUTEX_MANY_PRIVATE) == FUTEX_MANY_32;
}

/* The vector, all of which is looked at before anything is done. */
static long read_vector(const struct request *req, uint64_t address, struct futex_word *vector,
                        uint32_t count) {
    uint64_t length = count * sizeof(*vector);
    long got = request_read(req, address, vector, length);
    if (got != (long)length)
        return got < 0 && got != -EINVAL ? got : -EFAULT;
    for (uint32_t i = 0; i < count; i++)
        if (!is_valid(&vector[i]))
            return -EINVAL;
    return 0;
}

long futex_handle_wait_many(struct request *req, uint64_t address, uint32_t count,
                            uint64_t deadline) {
    struct futex_word vector[FUTEX_MANY_MOST];
    struct client *client = request_client(req);
    if (!client)
        return -EBADF;
    if (!count || count > FUTEX_MANY_MOST)
        return -EINVAL;
    long error = read_vector(req, address, vector, count);
    if (error < 0)
        return error;
    struct sleeper *sleeper = sleeper_new(req, client, count, deadline);
    if (!sleeper)
        return -ENOMEM;
    sleeper->many = true;
    error = sit_at_all(req, sleeper, vector, count);
    if (error < 0)
        sleeper_drop(sleeper);
    return error < 0 ? error : SERVER_DEFER;
}
