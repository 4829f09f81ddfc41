/* SPDX-License-Identifier: MIT */
/*
 * The semaphore server: System V semaphores, as semget(2), semop(2) and semctl(2) say.
 *
 * A caller whose operations cannot all be done waits at the one semaphore that stops them: for an
 * increase or for zero. Invariant between requests: no waiting caller could proceed. So only the
 * waiters of semaphores that have just changed are ever tried again.
 *
 * What takes long with a large set is done in steps (set_go_on()). Meanwhile the set is held: whoever comes to it
 * waits, so that all see it as it was before or as it is when all is done.
 */
#ifndef SEM_SEM_H
#define SEM_SEM_H

#include <lib/continuation.h>
#include <lib/sysv.h>
#include <lib/waiter.h>
#include <protocol/sem_server.h>
#include <stdlib.h>

struct sem {
    uint16_t value;
    bool changed; /* in the set's list of changed semaphores */
    int32_t pid;  /* of the last operation */
    uint32_t ncnt;
    uint32_t zcnt;
    uint32_t zcnt_after; /* those of zcnt that first subtract themselves: they need another value */
    struct waiter_queue increase; /* ncnt callers */
    struct waiter_queue zero;     /* zcnt callers */
    struct sem *next_changed;
};

#define SEM_BLOCK 64u /* semaphores are allocated so many together */

/* Values that SETALL sets. */
struct values {
    struct request_memory memory;
    bool taken; /* by the set: the request has nothing to do with it any more */
    int32_t pid;
    uint32_t count, at; /* read, later set, up to here */
    uint16_t *parts[];  /* of VALUES_PART values each */
};
#define VALUES_PART 2048u

static inline uint32_t values_parts(uint32_t count) {
    return (count + VALUES_PART - 1) / VALUES_PART;
}

void values_free(struct values *values);

struct set {
    struct sysv_object object;
    int64_t otime, ctime;
    struct list undos;   /* struct undo.set_link */
    struct list several; /* struct operation.several */
    struct sem *changed; /* whose waiters have not been tried yet */
    bool unfinished;     /* it is being made */
    bool removed;        /* it is being freed */
    uint32_t count;
    uint32_t free_to; /* requests may look at semaphores below that: count, or 0 while it is held */
    struct waiter_queue behind; /* requests that wait until it is not held any more */
    struct job job;

    /* What its job has still to do. */
    struct values *all;  /* to be set, or 0 */
    struct list *clear;  /* the next undo record to be cleared, or 0, */
    uint32_t clear_from; /* of these semaphores */
    uint32_t clear_count;
    struct sem *trying; /* whose waiters are being tried, or 0; `mark` stands before the next one */
    bool trying_zero;
    struct list mark;
    struct list dead; /* struct undo.client_link of processes that have ended */
    uint32_t dead_at; /* of the first of them, applied up to here */

    struct request_memory making; /* while unfinished */
    struct list grave;            /* among those that are freed in steps */
    uint32_t blocks_made;         /* all, unless it is unfinished or removed */
    struct sem *blocks[];
};

static inline uint32_t set_blocks(uint32_t count) {
    return (count + SEM_BLOCK - 1) / SEM_BLOCK;
}

static inline struct sem *set_sem(const struct set *set, uint32_t number) {
    return &set->blocks[number / SEM_BLOCK][number % SEM_BLOCK];
}

/* What a process's exit adds to the semaphores of a set (SEM_UNDO). */
struct undo {
    struct hash_node node;   /* by undo_key */
    struct list set_link;    /* in set->undos */
    struct list client_link; /* in the process's list; when that has ended, in set->dead */
    struct set *set;
    int32_t pid;
    int16_t adjust[];
};

/* A caller that waits. */
struct operation {
    struct waiter waiter;
    struct set *set;
    struct sem *at;    /* where it waits */
    bool for_zero;     /* and for what */
    int32_t needed;    /* the value (for zero: exactly, else at least) without which it must wait */
    struct undo *undo; /* 0 if no operation has SEM_UNDO */
    struct list several; /* in the set's list, if it is more than one operation */
    uint32_t count;
    struct sembuf ops[];
};

/* Everything the server knows, in one place. */
struct sem_state {
    struct sysv_table table;
    struct hash undos;
    uint64_t semaphores;             /* in all sets */
    uint64_t semmsl, semmns, semopm; /* semget(2), semop(2) */
    int step;                        /* the credit of a step: some so many instructions */
};
extern struct sem_state sem_state;
extern const struct server sem_server;

/* Finds a set; 0 and *set, or a negative errno. */
static inline long set_look(int semid, const struct client *client, struct set **set) {
    void *object;
    if (!client)
        return -EBADF;
    long error = idtable_find(&sem_state.table.ids, semid, &object);
    if (error >= 0)
        *set = container_of(object, struct set, object);
    return error;
}

/* The same, and checks permission. */
static inline long set_find(int semid, const struct client *client, unsigned mode,
                            struct set **set) {
    long error = set_look(semid, client, set);
    return error < 0 ? error : sysv_access(&(*set)->object, client, mode);
}

/* What stops a list of operations. */
struct obstacle {
    struct sem *sem;
    bool for_zero;
    bool nowait;    /* the operation that it stops has IPC_NOWAIT */
    int32_t needed; /* the semaphore's value that would do, as in struct operation */
};

/* Its job, or GETALL, has it for itself. */
static inline bool set_held(const struct set *set) {
    return set->free_to == 0;
}

static inline void set_hold(struct set *set) {
    set->free_to = 0;
}

/* Waits with a request for a set that is held. */
static inline long set_wait(const struct request *req, struct set *set) {
    return request_wait(req, &set->behind, 0);
}

/*
 * Does what there is to do with a set: values and undo records first, then waiters of the semaphores
 * that have changed. Once the credit is used up the set is held and its job goes on; a set that was held
 * and has nothing to do is held no longer.
 */
void set_go_on(struct set *set, int *credit);

bool set_step(struct job *job); /* the set's job */

/* set_go_on() with a step's credit. */
void set_update(struct set *set);

/*
 * Frees a set that nobody finds any more, and ends its waiters with EIDRM, in steps if it is large.
 */
void set_bury(struct set *set);

/* check.c: looks at all there is. Undo records of sets that are being freed. */
void sem_check(void);
size_t set_buried_undos(void);

/*
 * Does all operations or none. Returns 0, -ERANGE, or -EAGAIN with *obstacle filled in. The numbers
 * must be in range; `undo` may be 0 only if no operation has SEM_UNDO.
 */
long set_operate(struct set *set, const struct sembuf *ops, uint32_t count, struct undo *undo,
                 int pid, struct obstacle *obstacle);

/* Takes back what set_operate has done, in the same request. */
void set_take_back(struct set *set, const struct sembuf *ops, uint32_t count, struct undo *undo);

/* Notes that a semaphore's value has changed; set_go_on must follow in the same request. Only those
 * who wait at that semaphore may care. */
static inline void set_changed(struct set *set, struct sem *sem) {
    if (!sem->changed && (sem->ncnt | sem->zcnt)) {
        sem->changed = true;
        sem->next_changed = set->changed;
        set->changed = sem;
    }
}

/* Sets a semaphore, whatever it was. */
static inline void set_one(struct set *set, uint32_t number, uint16_t value, int pid) {
    struct sem *sem = set_sem(set, number);
    sem->value = value;
    sem->pid = pid;
    set_changed(set, sem);
}

/* What one operation does to a semaphore when all can be done. */
static inline void set_done(struct set *set, struct sem *sem, const struct sembuf *op, int value,
                            int pid) {
    sem->value = (uint16_t)value;
    sem->pid = pid;
    if (op->sem_op)
        set_changed(set, sem);
}

/* Lets proceed whoever can after changes. False if the credit ended first. */
bool set_try_waiters(struct set *set, int *credit);

/* set_update() after one semaphore has changed, without set_changed; `now` in seconds. */
void sem_update(struct set *set, struct sem *sem, int64_t now);

/* GETNCNT, or GETZCNT. The set is not held. */
uint32_t sem_waiting(struct set *set, const struct sem *sem, bool for_zero);

/* Puts a caller where its obstacle is. */
static inline void operation_wait(struct operation *operation, const struct obstacle *obstacle) {
    struct sem *sem = obstacle->sem;
    operation->at = sem;
    operation->for_zero = obstacle->for_zero;
    operation->needed = obstacle->needed;
    if (!obstacle->for_zero) {
        sem->ncnt++;
    } else {
        sem->zcnt++;
        sem->zcnt_after += obstacle->needed != 0;
    }
    waiter_enqueue(obstacle->for_zero ? &sem->zero : &sem->increase, &operation->waiter);
}

/* A caller is no longer counted where it waited. */
static inline void operation_uncount(struct operation *operation) {
    if (!operation->for_zero) {
        operation->at->ncnt--;
    } else {
        operation->at->zcnt--;
        operation->at->zcnt_after -= operation->needed != 0;
    }
}

/* It ends: frees it. */
static inline void operation_free(struct operation *operation) {
    if (operation->count > 1)
        list_remove(&operation->several);
    free(operation);
}

/* The process's undo record for a set, made if need be; 0 without memory. */
struct undo *undo_get(struct client *client, struct set *set);

/* Makes the set's job forget what processes would undo at some semaphores. */
static inline void undo_clear(struct set *set, uint32_t from, uint32_t count) {
    set->clear = set->undos.next;
    set->clear_from = from;
    set->clear_count = count;
}

/* Parts of the set's job: false if the credit ended first. */
bool undo_clear_some(struct set *set, int *credit);
bool undo_apply_some(struct set *set, int *credit); /* the first of the dead processes' */

void undo_free(struct undo *undo);

/* Session hooks: a client's list of records, and what its exit does. */
long undo_client_connected(struct client *client);
long undo_client_forked(struct client *parent, struct client *child);
void undo_client_exited(struct client *client);

#endif
