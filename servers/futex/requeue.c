/* SPDX-License-Identifier: MIT */
/* Letting those who wait at one word wait at another. */
#include "futex.h"

long futex_handle_requeue(struct request *req, uint64_t target, int wakes, int moves,
                          uint32_t value, uint32_t flags) {
    struct pass p = {.wakes = wakes, .moves = moves, .bitset = ~0u};
    struct client *client = request_client(req);
    if (!client)
        return -EBADF;
    if (wakes < 0 || moves < 0)
        return -EINVAL;
    long error = name_of(req, client, target, flags, &p.target);
    if (error >= 0)
        error = look_at_word(req, value, flags, &p.name);
    return error < 0 ? error : pass_begin(req, &p);
}
