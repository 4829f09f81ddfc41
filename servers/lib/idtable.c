/* SPDX-License-Identifier: MIT */
/* System V identifiers; see idtable.h. */
#include <lib/check.h>
#include <lib/heap.h>
#include <lib/idtable.h>
#include <stdlib.h>
#include <string.h>

uint32_t idtable_first_sequence;

#define WORDS (IDTABLE_PLACES / 64)
#define FIRST_ROOM 16u

void idtable_init(struct idtable *table, uint32_t limit) {
    memset(table, 0, sizeof(*table));
    table->limit = limit;
}

/* The lowest free place; there is one. */
static uint32_t lowest_free(const struct idtable *table) {
    uint32_t group = 0;
    while (table->full[group] == UINT64_MAX)
        group++;
    uint32_t word = group * 64 + (uint32_t)__builtin_ctzll(~table->full[group]);
    return word * 64 + (uint32_t)__builtin_ctzll(~table->taken[word]);
}

/* The lowest free place from this one on, or IDTABLE_PLACES. */
static uint32_t free_from(const struct idtable *table, uint32_t place) {
    uint64_t skip = (1ull << place % 64) - 1;
    for (uint32_t word = place / 64; word < WORDS; word++, skip = 0)
        if ((table->taken[word] | skip) != UINT64_MAX)
            return word * 64 + (uint32_t)__builtin_ctzll(~(table->taken[word] | skip));
    return IDTABLE_PLACES;
}

static void mark(struct idtable *table, uint32_t place) {
    uint32_t word = place / 64;
    table->taken[word] |= 1ull << place % 64;
    table->any[word / 64] |= 1ull << word % 64;
    if (table->taken[word] == UINT64_MAX)
        table->full[word / 64] |= 1ull << word % 64;
}

static void unmark(struct idtable *table, uint32_t place) {
    uint32_t word = place / 64;
    table->taken[word] &= ~(1ull << place % 64);
    table->full[word / 64] &= ~(1ull << word % 64);
    if (!table->taken[word])
        table->any[word / 64] &= ~(1ull << word % 64);
}

/* Doubles the places until `place` is one of them. At first a fresh place's first id is its own number. */
static long make_room(struct idtable *table, uint32_t place) {
    uint32_t room = table->room ? table->room : FIRST_ROOM;
    while (room <= place)
        room *= 2;
    struct idtable_place *places = own_realloc(table->places, room * sizeof(*places));
    if (!places)
        return -ENOMEM;
    uint32_t first = idtable_first_sequence % IDTABLE_SEQUENCES * IDTABLE_PLACES;
    for (uint32_t i = table->room; i < room; i++)
        places[i] = (struct idtable_place){.object = 0, .id = (int32_t)(first + i)};
    table->places = places;
    table->room = room;
    return 0;
}

static long add_at(struct idtable *table, void *object, uint32_t place) {
    mark(table, place);
    table->used++;
    table->places[place].object = object;
    return table->places[place].id;
}

/* The id that was asked for, or as much of it as is free, once: its sequence number always, and no lower place. */
static long add_next(struct idtable *table, void *object) {
    uint32_t id = table->next - 1, place = free_from(table, id % IDTABLE_PLACES);
    table->next = 0;
    if (place == IDTABLE_PLACES)
        return -ENOSPC;
    if (place >= table->room && make_room(table, place) < 0)
        return -ENOMEM;
    table->places[place].id = (int32_t)(id - id % IDTABLE_PLACES + place);
    return add_at(table, object, place);
}

long idtable_add(struct idtable *table, void *object) {
    if (table->used >= table->limit)
        return -ENOSPC;
    if (table->next)
        return add_next(table, object);
    uint32_t place = lowest_free(table);
    if (place >= table->room && make_room(table, place) < 0)
        return -ENOMEM;
    return add_at(table, object, place);
}

void idtable_remove(struct idtable *table, int id) {
    uint32_t place = (uint32_t)id % IDTABLE_PLACES;
    uint32_t sequence = ((uint32_t)id / IDTABLE_PLACES + 1) % IDTABLE_SEQUENCES;
    table->places[place].object = 0;
    table->places[place].id = (int32_t)(sequence * IDTABLE_PLACES + place);
    table->used--;
    unmark(table, place);
}

int idtable_highest(const struct idtable *table) {
    for (int group = WORDS / 64 - 1; group >= 0; group--) {
        if (!table->any[group])
            continue;
        int word = group * 64 + 63 - __builtin_clzll(table->any[group]);
        return word * 64 + 63 - __builtin_clzll(table->taken[word]);
    }
    return -1;
}

static void check_word(const struct idtable *table, uint32_t word) {
    CHECK((table->any[word / 64] >> word % 64 & 1) == (table->taken[word] != 0), table);
    CHECK((table->full[word / 64] >> word % 64 & 1) == (table->taken[word] == UINT64_MAX), table);
}

size_t idtable_check(const struct idtable *table, void (*see)(void *object, int id, void *data),
                     void *data) {
    size_t used = 0, marked = 0;
    for (uint32_t word = 0; word < WORDS; word++) {
        check_word(table, word);
        marked += (size_t)__builtin_popcountll(table->taken[word]);
    }
    for (uint32_t i = 0; i < table->room; i++) {
        const struct idtable_place *place = &table->places[i];
        CHECK((uint32_t)place->id % IDTABLE_PLACES == i, place);
        CHECK((table->taken[i / 64] >> i % 64 & 1) == (place->object != NULL), place);
        if (!place->object)
            continue;
        used++;
        if (see)
            see(place->object, place->id, data);
    }
    CHECK(used == marked && used == table->used, table);
    return used;
}
