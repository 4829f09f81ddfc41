/* SPDX-License-Identifier: MIT */
/*
 * The dining philosophers: each needs the forks at both of his sides to eat. If all took the left one first, all could hold
 * one and wait for ever; so each takes the fork with the lower number first.
 */
#include "ipc.h"

#include <stdio.h>
#include <stdlib.h>

#define PHILOSOPHERS 5

static struct table {
    volatile bool eating[PHILOSOPHERS];
    long meals[PHILOSOPHERS];
} * table;
static int forks[PHILOSOPHERS];
static long meals = 500;

static int left_of(int number) {
    return (number + PHILOSOPHERS - 1) % PHILOSOPHERS;
}

static int right_of(int number) {
    return (number + 1) % PHILOSOPHERS;
}

static bool dine(int number) {
    int one = number, other = right_of(number);
    int first = one < other ? one : other, second = one < other ? other : one;
    bool good = true;

    for (long i = 0; i < meals; i++) {
        ipc_down(forks[first]);
        ipc_down(forks[second]);
        table->eating[number] = true;
        good &= !table->eating[left_of(number)] && !table->eating[right_of(number)];
        table->meals[number]++;
        table->eating[number] = false;
        ipc_up(forks[second]);
        ipc_up(forks[first]);
    }
    return good;
}

int main(int argc, char **argv) {
    long eaten = 0;
    bool good;

    if (argc > 1)
        meals = atol(argv[1]);
    table = ipc_memory(sizeof *table);
    for (int i = 0; i < PHILOSOPHERS; i++)
        forks[i] = ipc_semaphore(1);
    for (int i = 0; i < PHILOSOPHERS; i++)
        ipc_start(dine, i);
    good = ipc_wait();
    for (int i = 0; i < PHILOSOPHERS; i++)
        eaten += table->meals[i];
    good &= eaten == PHILOSOPHERS * meals;
    printf("dining philosophers, %s: %ld meals, which is %s\n", ipc_name, eaten,
           good ? "right" : "wrong");
    return ipc_end(good);
}
