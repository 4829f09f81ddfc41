/* SPDX-License-Identifier: MIT */
/*
 * SEM_UNDO: what each process's exit gives back to each set. A record per process and set, found by
 * a hash of both. exec keeps the records; a forked child begins without any (semop(2)).
 */
#include "sem.h"
#include <lib/clock.h>
#include <stdlib.h>
#include <string.h>

/*
 * A process's records, and its number in their keys: a later process may get its pid while there is still something
 * to be undone.
 */
struct undoer {
    struct list records;
    uint32_t number;
};

static uint64_t undo_key(const struct client *client, const struct set *set) {
    const struct undoer *undoer = client->data;
    return (uint64_t)undoer->number << 32 | (uint32_t)set->object.id;
}

/* client->data is the process's struct undoer. */
long undo_client_connected(struct client *client) {
    static uint32_t last;
    struct undoer *undoer = malloc(sizeof(*undoer));
    if (!undoer)
        return -ENOMEM;
    list_init(&undoer->records);
    undoer->number = ++last;
    client->data = undoer;
    return 0;
}

long undo_client_forked(struct client *parent, struct client *child) {
    (void)parent;
    return undo_client_connected(child);
}

struct undo *undo_get(struct client *client, struct set *set) {
    struct undoer *undoer = client->data;
    uint64_t key = undo_key(client, set);
    struct hash_node *node = hash_find(&sem_state.undos, key);
    if (node)
        return container_of(node, struct undo, node);
    struct undo *undo = calloc(1, sizeof(*undo) + set->count * sizeof(undo->adjust[0]));
    if (!undo)
        return 0;
    undo->set = set;
    undo->pid = client_pid(client);
    hash_insert(&sem_state.undos, &undo->node, key);
    list_add_tail(&set->undos, &undo->set_link);
    list_add_tail(&undoer->records, &undo->client_link);
    return undo;
}

void undo_free(struct undo *undo) {
    hash_remove(&sem_state.undos, &undo->node);
    list_remove(&undo->set_link);
    list_remove(&undo->client_link);
    free(undo);
}

#define CLEAR_COST 10

/* Nobody adds records to a set that is held, or takes any away. */
bool undo_clear_some(struct set *set, int *credit) {
    if (!set->clear)
        return true;
    for (; set->clear != &set->undos; set->clear = set->clear->next) {
        if (*credit <= 0)
            return false;
        struct undo *undo = container_of(set->clear, struct undo, set_link);
        memset(undo->adjust + set->clear_from, 0, set->clear_count * sizeof(undo->adjust[0]));
        *credit -= CLEAR_COST + (int)set->clear_count / 2;
    }
    set->clear = 0;
    return true;
}

#define LOOK_COST 12
#define APPLY_COST 60
#define FREE_COST 200
#define FREE_SHIFT 3 /* and for so many semaphores one more: a long record has pages of its own */

/* semop(2): a value that would fall below zero becomes zero; one above SEMVMX becomes SEMVMX. */
static void apply_one(struct set *set, uint32_t number, int adjust, int pid) {
    struct sem *sem = set_sem(set, number);
    int value = sem->value + adjust;
    sem->value = (uint16_t)(value < 0 ? 0 : value > SEMVMX ? SEMVMX : value);
    sem->pid = pid;
    set_changed(set, sem);
    set->otime = clock_seconds();
}

bool undo_apply_some(struct set *set, int *credit) {
    struct undo *undo = container_of(set->dead.next, struct undo, client_link);
    for (; set->dead_at < set->count; set->dead_at++) {
        if (*credit <= 0)
            return false;
        *credit -= LOOK_COST;
        if (!undo->adjust[set->dead_at])
            continue;
        *credit -= APPLY_COST;
        apply_one(set, set->dead_at, undo->adjust[set->dead_at], undo->pid);
    }
    set->dead_at = 0;
    set_changed_any(set);
    *credit -= FREE_COST + (int)(set->count >> FREE_SHIFT);
    undo_free(undo);
    return true;
}

/* The set does it: at once if nothing else is to be done with it, else as soon as that is done. */
static void leave_to_set(struct undo *undo, int *credit) {
    struct set *set = undo->set;
    list_remove(&undo->client_link);
    list_add_tail(&set->dead, &undo->client_link);
    if (set->removed)
        undo_free(undo);
    else if (!set_held(set))
        set_go_on(set, credit);
}

#define LEAVE_COST 40

static bool leave_some(struct list *records, int *credit) {
    int least = -*credit; /* when there is no credit, sets are held and their jobs ordered */
    for (; !list_empty(records); *credit -= LEAVE_COST) {
        if (*credit < least)
            return false;
        leave_to_set(container_of(records->next, struct undo, client_link), credit);
    }
    return true;
}

static struct list late = LIST_INIT(late); /* records of processes that had too many */

static bool late_step(struct job *job) {
    int credit = sem_state.step / 2;
    (void)job;
    return !leave_some(&late, &credit);
}

/*
 * Its records become the sets': whoever comes to one of these later, as a parent that has waited for the end, finds
 * them held until all is undone. Only sets beyond some hundreds do not hear of it at once.
 */
void undo_client_exited(struct client *client) {
    static struct job job = {.link = LIST_INIT(job.link), .step = late_step};
    struct undoer *undoer = client->data;
    int credit = sem_state.step / 2;
    if (!leave_some(&undoer->records, &credit)) {
        list_move_all(&late, &undoer->records);
        job_queue(&job);
    }
    free(undoer);
}
