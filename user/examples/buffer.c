/* SPDX-License-Identifier: MIT */
/*
 * The bounded buffer: producers put numbers into a buffer with few places, consumers take them out. One semaphore counts the
 * free places, one the full ones, and a third lets one at a time change the buffer.
 */
#include "ipc.h"

#include <stdio.h>
#include <stdlib.h>

#define PLACES 8
#define PRODUCERS 3
#define CONSUMERS 2
#define END (-1l) /* a consumer that gets this one has had its last */

static struct buffer {
    long places[PLACES];
    unsigned first, count;
    int producing; /* producers that have more to put */
    long taken[CONSUMERS], sums[CONSUMERS];
} * buffer;
static int free_places, full_places, mutex;
static long items = 2000; /* of each producer */

static void put(long item) {
    ipc_down(free_places);
    ipc_down(mutex);
    buffer->places[(buffer->first + buffer->count++) % PLACES] = item;
    ipc_up(mutex);
    ipc_up(full_places);
}

static long take(void) {
    long item;

    ipc_down(full_places);
    ipc_down(mutex);
    item = buffer->places[buffer->first];
    buffer->first = (buffer->first + 1) % PLACES;
    buffer->count--;
    ipc_up(mutex);
    ipc_up(free_places);
    return item;
}

/* The last producer sends the consumers home. */
static bool produce(int number) {
    bool last;

    for (long i = 0; i < items; i++)
        put(number * items + i);
    ipc_down(mutex);
    last = --buffer->producing == 0;
    ipc_up(mutex);
    for (int i = 0; last && i < CONSUMERS; i++)
        put(END);
    return true;
}

static bool consume(int number) {
    long item;

    while ((item = take()) != END) {
        buffer->taken[number]++;
        buffer->sums[number] += item;
    }
    return true;
}

int main(int argc, char **argv) {
    long taken = 0, sum = 0, count;
    bool good;

    if (argc > 1)
        items = atol(argv[1]);
    buffer = ipc_memory(sizeof *buffer);
    buffer->producing = PRODUCERS;
    free_places = ipc_semaphore(PLACES);
    full_places = ipc_semaphore(0);
    mutex = ipc_semaphore(1);
    for (int i = 0; i < PRODUCERS; i++)
        ipc_start(produce, i);
    for (int i = 0; i < CONSUMERS; i++)
        ipc_start(consume, i);
    good = ipc_wait();
    for (int i = 0; i < CONSUMERS; i++) {
        taken += buffer->taken[i];
        sum += buffer->sums[i];
    }
    count = PRODUCERS * items;
    good &= taken == count && sum == count * (count - 1) / 2;
    printf("bounded buffer, %s: %d producers, %d consumers, %ld items taken, the sum is %s\n",
           ipc_name, PRODUCERS, CONSUMERS, taken, good ? "right" : "wrong");
    return ipc_end(good);
}
