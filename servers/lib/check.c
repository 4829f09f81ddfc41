/* SPDX-License-Identifier: MIT */
/* When a server's data are checked, and lists; see check.h. */
#include <lib/check.h>
#include <lib/client.h>
#include <lib/waiter.h>

#define CHECK_EVERY 1000 /* messages */

void server_check(const struct server *srv) {
    payers_check();
    clients_check();
    waiters_check();
    deadlines_check();
    jobs_check(NULL, NULL);
    if (srv->check)
        srv->check();
}

#ifdef PARLEY_DEBUG
void check_sometimes(const struct server *srv) {
    static unsigned messages;
    if (++messages % CHECK_EVERY == 0)
        server_check(srv);
}
#endif

/* It comes to an end: no node is found from two others, for it has one `prev`. */
size_t list_check(const struct list *head) {
    size_t count = 0;
    CHECK(head->next->prev == head, head);
    for (const struct list *at = head->next; at != head; at = at->next, count++)
        CHECK(at->next->prev == at, at);
    return count;
}

static void check_client(struct hash_node *node, void *data) {
    struct client *client = container_of(node, struct client, node);
    size_t number = 0, waiters = list_check(&client->waiters);
    (void)data;
    CHECK(client->listed <= waiters, client);
    CHECK(client_find(node->key) == client, client);
    CHECK(!client->groups || client->groups->refs, client);
    payer_check(client->payer);
    for (struct list *at = client->waiters.next; at != &client->waiters; at = at->next) {
        struct waiter *waiter = container_of(at, struct waiter, client_link);
        CHECK(waiter->client == client, waiter);
        CHECK(waiter->tabled == (number++ >= client->listed), waiter);
        waiter_check(waiter);
    }
}

void clients_check(void) {
    hash_check(&client_table, check_client, NULL);
}
