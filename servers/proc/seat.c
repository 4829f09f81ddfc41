/* SPDX-License-Identifier: MIT */
/*
 * Seats: which part of its process's memory is a thread's, for what the personality and this server both are to know of it
 * (struct personality_seat). There are PERSONALITY_SEATS; threads besides go without. So do those of a process that shares
 * another's memory, whose threads have the seats there, and who is made by a thread without one.
 *
 * A thread makes its seat its own by its word, before it runs in the program. A copy of memory has the owners with it: none
 * of them is a thread of the new process, but of the first seat, which goes on as it is if the forking thread had it.
 */
#include "seat.h"
#include <stdlib.h>

#define WORDS (PERSONALITY_SEATS / 64)
_Static_assert(PERSONALITY_SEATS % 64 == 0 &&
                   PERSONALITY_SEATS < 1u << (64 - PERSONALITY_SEAT_SHIFT),
               "personality.h");

/* Bit n of all the words: seat n + 1 is taken. */
struct seats {
    uint64_t taken[WORDS];
};

unsigned seat_take(struct process *p) {
    if (!p->seats) {
        p->seats = calloc(1, sizeof *p->seats);
        if (!p->seats)
            return 0;
        p->seats->taken[0] = 1ull << (FIRST_SEAT - 1);
    }
    for (unsigned word = 0; word < WORDS; word++) {
        uint64_t free_ones = ~p->seats->taken[word];
        if (!free_ones)
            continue;
        p->seats->taken[word] |= free_ones & -free_ones;
        return word * 64 + (unsigned)__builtin_ctzll(free_ones) + 1;
    }
    return 0;
}

void seat_give(struct process *p, unsigned seat) {
    if (seat > FIRST_SEAT)
        p->seats->taken[(seat - 1) / 64] &= ~(1ull << (seat - 1) % 64);
}

void seats_free(struct process *p) {
    free(p->seats);
    p->seats = NULL;
}

void seat_clear(const struct thread *t) {
    struct personality_seat seat;
    const uint64_t nobody = 0;
    if (seat_read(t, &seat)) /* if it cannot be written, only its process is the worse for it */
        pk_may_fail(pk_task_copy_out(t->process->task, seat_address(t), &nobody, sizeof nobody));
}
