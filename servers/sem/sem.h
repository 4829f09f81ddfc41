/* SPDX-License-Identifier: MIT */
/*
 * The semaphore server: System V semaphores, as semget(2), semop(2) and semctl(2) say.
 *
 * A caller whose operations cannot all be done waits at the one semaphore that stops them: for an
 * increase or for zero. Invariant between requests: no waiting caller could proceed. So only the
 * waiters of semaphores that have just changed are ever tried again.
 */
#ifndef SEM_SEM_H
#define SEM_SEM_H

#include <lib/sysv.h>
#include <lib/waiter.h>
#include <protocol/sem_server.h>

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

struct set {
    struct sysv_object object;
    int64_t otime, ctime;
    struct list undos;   /* struct undo.set_link */
    struct sem *changed; /* whose waiters have not been tried yet */
    uint32_t count;
    struct sem sems[];
};

/* What a process's exit adds to the semaphores of a set (SEM_UNDO). */
struct undo {
    struct hash_node node;   /* by undo_key */
    struct list set_link;    /* in set->undos */
    struct list client_link; /* in the process's list */
    struct set *set;
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
    uint32_t count;
    struct sembuf ops[];
};

/* Everything the server knows, in one place. */
struct sem_state {
    struct sysv_table table;
    struct hash undos;
    uint64_t semaphores; /* in all sets */
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

/*
 * Does all operations or none. Returns 0, -ERANGE, or -EAGAIN with *obstacle filled in. The numbers
 * must be in range; `undo` may be 0 only if no operation has SEM_UNDO.
 */
long set_operate(struct set *set, const struct sembuf *ops, uint32_t count, struct undo *undo,
                 int pid, struct obstacle *obstacle);

/* Takes back what set_operate has done, in the same request. */
void set_take_back(struct set *set, const struct sembuf *ops, uint32_t count, struct undo *undo);

/* Notes that a semaphore's value has changed; set_update must follow in the same request. Only those
 * who wait at that semaphore may care. */
static inline void set_changed(struct set *set, struct sem *sem) {
    if (!sem->changed && (sem->ncnt | sem->zcnt)) {
        sem->changed = true;
        sem->next_changed = set->changed;
        set->changed = sem;
    }
}

/* What one operation does to a semaphore when all can be done. */
static inline void set_done(struct set *set, struct sem *sem, const struct sembuf *op, int value,
                            int pid) {
    sem->value = (uint16_t)value;
    sem->pid = pid;
    if (op->sem_op)
        set_changed(set, sem);
}

/* Lets proceed whoever can after changes. */
void set_update(struct set *set);

/* The same after one semaphore has changed, without set_changed; `now` in seconds. */
void sem_update(struct set *set, struct sem *sem, int64_t now);

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

/* The process's undo record for a set, made if need be; 0 without memory. */
struct undo *undo_get(struct client *client, struct set *set);

/* Forgets what processes would undo at one semaphore, or at all of them. */
void undo_clear(struct set *set, uint32_t number);
void undo_clear_all(struct set *set);

/* Frees the records of a set that is removed. */
void undo_drop_set(struct set *set);

/* Session hooks: a client's list of records, and what its exit does. */
long undo_client_connected(struct client *client);
long undo_client_forked(struct client *parent, struct client *child);
void undo_client_exited(struct client *client);

#endif
