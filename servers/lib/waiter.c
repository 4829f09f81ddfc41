/* SPDX-License-Identifier: MIT */
/* Waiting callers: their tokens, and the ways they end. See waiter.h. */
#include <lib/check.h>
#include <lib/waiter.h>

static struct hash tokens; /* of those that are tabled */

#define LISTED_MOST 8 /* waiters of a client that only its list has: those are looked through */

/* Those that are tabled stand behind those that are not. */
static __attribute__((noinline)) void add_to_table(struct waiter *waiter, struct client *client,
                                                   uint64_t token) {
    waiter->tabled = true;
    hash_insert(&tokens, &waiter->token, token);
    if (client)
        list_add_tail(&client->waiters, &waiter->client_link);
}

static __attribute__((noinline)) void take_from_table(struct waiter *waiter) {
    hash_remove(&tokens, &waiter->token);
    if (waiter->client)
        list_remove(&waiter->client_link);
}

void waiter_init(struct waiter *waiter, const struct request *req, struct client *client,
                 const struct waiter_ops *ops) {
    list_init(&waiter->link);
    waiter->ops = ops;
    waiter->client = client;
    waiter->deadline.heap_index = 0;
    waiter->priority = 0;
    waiter->token.key = req->token;
    if (!client || client->listed == LISTED_MOST) {
        add_to_table(waiter, client, req->token);
        return;
    }
    waiter->tabled = false;
    client->listed++;
    list_insert_before(client->waiters.next, &waiter->client_link);
}

void waiter_enqueue_priority(struct waiter_queue *queue, struct waiter *waiter) {
    struct list *at = queue->list.prev;
    while (at != &queue->list && container_of(at, struct waiter, link)->priority < waiter->priority)
        at = at->prev;
    list_insert_before(at->next, &waiter->link);
}

static inline __attribute__((always_inline)) void take_out(struct waiter *waiter) {
    list_remove(&waiter->link);
    if (waiter->tabled) {
        take_from_table(waiter);
    } else {
        list_remove(&waiter->client_link);
        waiter->client->listed--;
    }
    if (deadline_is_set(&waiter->deadline))
        deadline_remove(&waiter->deadline);
}

void waiter_remove(struct waiter *waiter) {
    take_out(waiter);
}

void waiter_finish(struct waiter *waiter, long result) {
    take_out(waiter);
    server_reply(waiter_token(waiter), result);
}

/* The structure around the waiter may be freed by ended(), so the token is read first. */
static void end(struct waiter *waiter, enum waiter_end why) {
    uint64_t token = waiter_token(waiter);
    waiter_remove(waiter);
    long answer = waiter->ops->ended(waiter, why);
    if (why != WAITER_DEAD && answer != SERVER_DEFER)
        server_reply(token, answer);
}

static struct waiter *find(uint64_t badge, uint64_t token) {
    struct client *client = client_find(badge);
    struct list *at = client ? client->waiters.next : 0;
    for (unsigned i = 0; client && i < client->listed; i++, at = at->next) {
        struct waiter *waiter = container_of(at, struct waiter, client_link);
        if (waiter_token(waiter) == token)
            return waiter;
    }
    struct hash_node *node = hash_find(&tokens, token);
    return node ? container_of(node, struct waiter, token) : 0;
}

void waiter_cancel(uint64_t badge, uint64_t token, uint64_t reason) {
    struct waiter *waiter = find(badge, token);
    if (!waiter)
        return;
    if (reason == PK_CANCEL_DEAD)
        end(waiter, WAITER_DEAD);
    else if (!waiter->ops->uninterruptible)
        end(waiter, WAITER_INTERRUPTED);
}

static void expired(struct deadline *deadline) {
    end(container_of(deadline, struct waiter, deadline), WAITER_EXPIRED);
}

long waiter_set_deadline(struct waiter *waiter, uint64_t at) {
    waiter->deadline.passed = expired;
    return deadline_set(&waiter->deadline, at);
}

void waiter_end_client(struct client *client) {
    while (!list_empty(&client->waiters))
        end(container_of(client->waiters.next, struct waiter, client_link), WAITER_DEAD);
}

void waiter_check(struct waiter *waiter) {
    const struct client *client = waiter->client;
    CHECK(waiter->ops, waiter);
    CHECK(!client || client_find(client->node.key) == client, waiter);
    CHECK(find(client ? client->node.key : 0, waiter_token(waiter)) == waiter, waiter);
}

size_t waiter_queue_check(const struct waiter_queue *queue,
                          void (*see)(struct waiter *waiter, void *data), void *data) {
    size_t count = list_check(&queue->list);
    for (struct waiter *waiter = waiter_first(queue); waiter; waiter = waiter_next(queue, waiter)) {
        waiter_check(waiter);
        if (see)
            see(waiter, data);
    }
    return count;
}

static void check_tabled(struct hash_node *node, void *data) {
    struct waiter *waiter = container_of(node, struct waiter, token);
    (void)data;
    CHECK(waiter->tabled, waiter);
    waiter_check(waiter);
}

void waiters_check(void) {
    hash_check(&tokens, check_tabled, NULL);
}
