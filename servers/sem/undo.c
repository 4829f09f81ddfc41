/* SPDX-License-Identifier: MIT */
/*
 * SEM_UNDO: what each process's exit gives back to each set. A record per process and set, found by
 * a hash of both. exec keeps the records; a forked child begins without any (semop(2)).
 */
#include "sem.h"
#include <lib/clock.h>
#include <stdlib.h>
#include <string.h>

static uint64_t undo_key(const struct client *client, const struct set *set) {
    return client->node.key << 32 | (uint32_t)set->object.id;
}

/* client->data is the head of the process's records. */
long undo_client_connected(struct client *client) {
    struct list *head = malloc(sizeof(*head));
    if (!head)
        return -ENOMEM;
    list_init(head);
    client->data = head;
    return 0;
}

long undo_client_forked(struct client *parent, struct client *child) {
    (void)parent;
    return undo_client_connected(child);
}

struct undo *undo_get(struct client *client, struct set *set) {
    uint64_t key = undo_key(client, set);
    struct hash_node *node = hash_find(&sem_state.undos, key);
    if (node)
        return container_of(node, struct undo, node);
    struct undo *undo = calloc(1, sizeof(*undo) + set->count * sizeof(undo->adjust[0]));
    if (!undo)
        return 0;
    undo->set = set;
    hash_insert(&sem_state.undos, &undo->node, key);
    list_add_tail(&set->undos, &undo->set_link);
    list_add_tail(client->data, &undo->client_link);
    return undo;
}

static void undo_free(struct undo *undo) {
    hash_remove(&sem_state.undos, &undo->node);
    list_remove(&undo->set_link);
    list_remove(&undo->client_link);
    free(undo);
}

void undo_clear(struct set *set, uint32_t number) {
    struct list *at, *after;
    list_for_each (at, after, &set->undos)
        container_of(at, struct undo, set_link)->adjust[number] = 0;
}

void undo_clear_all(struct set *set) {
    struct list *at, *after;
    list_for_each (at, after, &set->undos)
        memset(container_of(at, struct undo, set_link)->adjust, 0,
               set->count * sizeof(((struct undo *)0)->adjust[0]));
}

void undo_drop_set(struct set *set) {
    while (!list_empty(&set->undos))
        undo_free(container_of(set->undos.next, struct undo, set_link));
}

/* semop(2): a value that would fall below zero becomes zero; one above SEMVMX becomes SEMVMX. */
static void undo_apply(struct undo *undo, int pid) {
    struct set *set = undo->set;
    for (uint32_t i = 0; i < set->count; i++) {
        if (!undo->adjust[i])
            continue;
        struct sem *sem = &set->sems[i];
        int value = sem->value + undo->adjust[i];
        sem->value = (uint16_t)(value < 0 ? 0 : value > SEMVMX ? SEMVMX : value);
        sem->pid = pid;
        set_changed(set, sem);
    }
    if (set->changed) {
        set->otime = clock_seconds();
        set_update(set);
    }
}

void undo_client_exited(struct client *client) {
    struct list *head = client->data;
    while (!list_empty(head)) {
        struct undo *undo = container_of(head->next, struct undo, client_link);
        undo_apply(undo, client_pid(client));
        undo_free(undo);
    }
    free(head);
}
