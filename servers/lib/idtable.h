/* SPDX-License-Identifier: MIT */
/*
 * System V identifiers: id = place + 32768 * sequence, as Linux makes them (ipc/util.c; IPCMNI is
 * 32768). A place's sequence number goes up each time it is used, so that an id comes back only
 * after 65536 objects in the same place. Objects take the lowest free place, which keeps the table
 * short for ipcs, whose *_STAT calls walk the places. Everything is O(1).
 */
#ifndef LIB_IDTABLE_H
#define LIB_IDTABLE_H

#include <parley/errno.h>
#include <stdint.h>

#define IDTABLE_PLACES 32768u
#define IDTABLE_SEQUENCES 65536u

/* Of ids in a table's fresh places. */
extern uint32_t idtable_first_sequence;

struct idtable_place {
    void *object; /* 0: free */
    int32_t id;   /* of the object; of the next object if the place is free */
};

struct idtable {
    struct idtable_place *places;
    uint32_t room;  /* places allocated, a power of two */
    uint32_t limit; /* places that may be used (MSGMNI and so on) */
    uint32_t used;
    uint32_t
        next; /* the id, plus one, that the next object shall have if its place is free; 0: any */
    /* Bitmaps of used places; one bit of `full` and `any` stands for a word of `taken`. */
    uint64_t taken[IDTABLE_PLACES / 64];
    uint64_t full[IDTABLE_PLACES / 4096];
    uint64_t any[IDTABLE_PLACES / 4096];
};

/* A table of zeroes with its limit set is an empty table. */
void idtable_init(struct idtable *table, uint32_t limit);

/* Gives the object an id. -ENOSPC: the limit is reached; -ENOMEM. */
long idtable_add(struct idtable *table, void *object);

/* Frees the id of an object that is in the table. */
void idtable_remove(struct idtable *table, int id);

/* The object at a place, which an id may stand for that has it in its low bits, as on Linux; or 0. */
static inline void *idtable_at(const struct idtable *table, int id) {
    uint32_t place = (uint32_t)id % IDTABLE_PLACES;
    return id >= 0 && place < table->room ? table->places[place].object : 0;
}

/*
 * Finds the object of an id. Returns 0, -EINVAL if nothing has its place, or -EIDRM if something
 * newer has it (as Linux tells the two apart).
 */
static inline long idtable_find(const struct idtable *table, int id, void **object) {
    uint32_t place = (uint32_t)id % IDTABLE_PLACES;
    if (place >= table->room || !table->places[place].object || id < 0)
        return -EINVAL;
    if (table->places[place].id != id)
        return -EIDRM;
    *object = table->places[place].object;
    return 0;
}

/* The highest place in use, or -1 if there is none. */
int idtable_highest(const struct idtable *table);

#endif
