/* SPDX-License-Identifier: MIT */
/*
 * Who pays for what a server keeps for its clients: their user, by a heap whose memory one of that user's accounts
 * pays for (records), and by memory objects made from another (data), which ends a little earlier: so that
 * whoever has filled all with files can still fork, and remove them. The process server says with a client's
 * connection who its payer is.
 *
 * While a request of a client is handled malloc takes from its payer's heap; so what the request makes the
 * server keep is paid by who asked for it. When memory ends there, malloc fails, and nobody else notices.
 */
#ifndef LIB_PAYER_H
#define LIB_PAYER_H

#include <lib/hash.h>
#include <lib/heap.h>
#include <lib/list.h>

struct payer {
    struct hash_node node; /* its key: the process server's number for it */
    struct heap heap;
    uint64_t refs;    /* clients */
    struct list idle; /* in a list of those without */
};

/*
 * The payer of that number, with a reference; a new one takes over the accounts, capabilities' slots: *taken.
 * NULL if there is no memory.
 */
struct payer *payer_get(uint64_t number, uint64_t account, uint64_t data_account, bool *taken);
struct payer *payer_hold(struct payer *payer);
void payer_put(struct payer *payer);

/* From now on malloc is paid by this one (NULL: the server) until the end of the request. */
static inline void payer_serve(struct payer *payer) {
    heap_current = payer ? &payer->heap : &heap_own;
}

#endif
