/* SPDX-License-Identifier: MIT */
/* Payers (payer.h). */
#include <lib/payer.h>
#include <lib/server.h>
#include <stdlib.h>

static struct hash payers;
static struct payer
    *idle; /* without clients, but something is left that they had made: looked at again */

static bool try_end(struct payer *payer) {
    if (payer->refs || !heap_release(&payer->heap))
        return false;
    hash_remove(&payers, &payer->node);
    if (payer->heap.account)
        pk_cap_drop(0, payer->heap.account);
    if (idle == payer)
        idle = 0;
    free(payer);
    return true;
}

struct payer *payer_get(uint64_t number, uint64_t account, bool *taken) {
    struct payer *payer = (struct payer *)(void *)hash_find(&payers, number);
    *taken = false;
    if (payer)
        return payer_hold(payer);
    if (idle)
        try_end(idle);
    payer = own_calloc(1, sizeof(*payer));
    if (!payer)
        return 0;
    payer->heap.account = account;
    payer->refs = 1;
    hash_insert(&payers, &payer->node, number);
    *taken = account != 0;
    return payer;
}
_Static_assert(offsetof(struct payer, node) == 0, "payer_get casts");

struct payer *payer_hold(struct payer *payer) {
    payer->refs++;
    return payer;
}

/* Files, queues and the like may live on; then it stays, for when the user comes back. */
void payer_put(struct payer *payer) {
    if (--payer->refs == 0 && !try_end(payer))
        idle = payer;
}
