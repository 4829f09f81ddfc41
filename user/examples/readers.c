/* SPDX-License-Identifier: MIT */
/*
 * Readers and writers: any number may read at the same time, but who writes is alone. The first reader to come keeps writers
 * out, the last to go lets them in. All pass a turnstile that a waiting writer closes, so readers that keep coming cannot keep
 * a writer out for ever.
 */
#include "ipc.h"

#include <stdio.h>
#include <stdlib.h>

#define READERS 5
#define WRITERS 2
#define NUMBERS 50

static struct library {
    int readers;         /* at the moment */
    long book[NUMBERS];  /* all the same, but while somebody writes */
    long most, readings; /* readers at the same time; in all */
    long writings;
} * library;
static int turnstile, empty, mutex;
static long rounds = 300;

static void enter_to_read(void) {
    ipc_down(turnstile);
    ipc_up(turnstile);
    ipc_down(mutex);
    if (++library->readers == 1)
        ipc_down(empty);
    if (library->readers > library->most)
        library->most = library->readers;
    ipc_up(mutex);
}

static void leave_as_reader(void) {
    ipc_down(mutex);
    library->readings++;
    if (--library->readers == 0)
        ipc_up(empty);
    ipc_up(mutex);
}

static bool book_is_whole(void) {
    for (int i = 1; i < NUMBERS; i++) {
        if (library->book[i] != library->book[0])
            return false;
    }
    return true;
}

static bool read_often(int number) {
    bool good = true;

    (void)number;
    for (long i = 0; i < rounds; i++) {
        enter_to_read();
        good &= book_is_whole();
        leave_as_reader();
    }
    return good;
}

static bool write_often(int number) {
    (void)number;
    for (long i = 0; i < rounds; i++) {
        ipc_down(turnstile);
        ipc_down(empty);
        for (int n = 0; n < NUMBERS; n++)
            library->book[n]++;
        library->writings++;
        ipc_up(empty);
        ipc_up(turnstile);
    }
    return true;
}

int main(int argc, char **argv) {
    bool good;

    if (argc > 1)
        rounds = atol(argv[1]);
    library = ipc_memory(sizeof *library);
    turnstile = ipc_semaphore(1);
    empty = ipc_semaphore(1);
    mutex = ipc_semaphore(1);
    for (int i = 0; i < READERS; i++)
        ipc_start(read_often, i);
    for (int i = 0; i < WRITERS; i++)
        ipc_start(write_often, i);
    good = ipc_wait();
    good &= library->readings == READERS * rounds && library->writings == WRITERS * rounds &&
            library->book[0] == WRITERS * rounds && book_is_whole();
    printf("readers and writers, %s: %ld readings, %ld at once at most, %ld writings, the book is "
           "%s\n",
           ipc_name, library->readings, library->most, library->writings, good ? "right" : "wrong");
    return ipc_end(good);
}
