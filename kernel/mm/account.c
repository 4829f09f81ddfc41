/* SPDX-License-Identifier: MIT */
/* Accounts (account.h). */
#include <mm/account.h>
#include <lib/lib.h>
#include <mm/slab.h>

struct account root_account = {.tasks = 1};

struct account *account_create(struct account *parent, uint64_t limit) {
    if (parent->depth == ACCOUNT_DEPTH_MAX)
        return NULL;
    struct account *a = slab_alloc(sizeof *a, parent);
    if (!a)
        return NULL;
    if (!account_charge(parent, limit)) {
        slab_free(a, sizeof *a, parent);
        return NULL;
    }
    *a = (struct account){.limit = limit, .tasks = 1, .parent = parent, .depth = parent->depth + 1};
    return a;
}

static void end_if_unused(struct account *a) {
    while (a->tasks == 0 && a->used == 0 && a->parent) {
        struct account *parent = a->parent;
        uint64_t limit = a->limit;
        slab_free(a, sizeof *a, NULL);
        parent->used -= limit + sizeof *a;
        a = parent;
    }
}

void account_leave(struct account *a) {
    a->tasks--;
    end_if_unused(a);
}

void account_uncharge(struct account *a, uint64_t bytes) {
    ASSERT(a->used >= bytes);
    a->used -= bytes;
    if (a->used == 0)
        end_if_unused(a);
}
