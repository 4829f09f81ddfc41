/* SPDX-License-Identifier: MIT */
/* Payers (payer.h). */
#include <lib/check.h>
#include <lib/payer.h>
#include <lib/server.h>
#include <stdlib.h>

#define PAYER_LOOKS 2

static struct hash payers;
static struct list idle = LIST_INIT(idle); /* without clients, but with what they have left */

static void try_end(struct payer *payer) {
    list_remove(&payer->idle);
    if (!heap_release(&payer->heap)) {
        list_add_tail(&idle, &payer->idle);
        return;
    }
    hash_remove(&payers, &payer->node);
    if (payer->heap.account)
        must(pk_cap_drop(0, payer->heap.account));
    if (payer->heap.data_account)
        must(pk_cap_drop(0, payer->heap.data_account));
    free(payer);
}

/* More at a time than come to be idle, so that none stays for long that could end. */
static void look_at_idle(void) {
    for (unsigned looks = 0; looks < PAYER_LOOKS && !list_empty(&idle); looks++)
        try_end(container_of(idle.next, struct payer, idle));
}

struct payer *payer_get(uint64_t number, uint64_t account, uint64_t data_account, bool *taken) {
    struct payer *payer = (struct payer *)(void *)hash_find(&payers, number);
    *taken = false;
    if (payer)
        return payer_hold(payer);
    look_at_idle();
    payer = own_calloc(1, sizeof(*payer));
    if (!payer)
        return 0;
    payer->heap.account = account;
    payer->heap.data_account = data_account;
    payer->refs = 1;
    list_init(&payer->idle);
    hash_insert(&payers, &payer->node, number);
    *taken = true;
    return payer;
}
_Static_assert(offsetof(struct payer, node) == 0, "payer_get casts");

struct payer *payer_hold(struct payer *payer) {
    list_remove(&payer->idle);
    payer->refs++;
    return payer;
}

/* Files, queues and the like may live on; then it stays, for when the user comes back. */
void payer_put(struct payer *payer) {
    if (--payer->refs == 0)
        try_end(payer);
    look_at_idle();
}

void payer_check(struct payer *payer) {
    CHECK(hash_find(&payers, payer->node.key) == &payer->node, payer);
    CHECK(payer->refs, payer);
}

static void check_one(struct hash_node *node, void *data) {
    const struct payer *payer = container_of(node, struct payer, node);
    size_t *without = data;
    *without += !payer->refs;
    CHECK(list_empty(&payer->idle) == (payer->refs != 0), payer);
}

void payers_check(void) {
    size_t without = 0;
    hash_check(&payers, check_one, &without);
    CHECK(list_check(&idle) == without, &idle);
}
