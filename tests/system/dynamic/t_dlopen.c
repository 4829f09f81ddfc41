/* SPDX-License-Identifier: MIT */
/* A dynamic program with threads that opens and closes a library which has thread-local variables. */
#include <dlfcn.h>
#include <pthread.h>

#include "counter.h"
#include "tap.h"

#define THREADS 4
#define STEPS 5
#define ROUNDS 20

static long (*next)(void);
static const char *(*text)(void);

static void *count(void *unused) {
    long last = 0;
    (void)unused;
    for (int i = 0; i < STEPS; i++)
        last = next();
    return (void *)(long)(last == COUNTER_FIRST + STEPS && strcmp(text(), COUNTER_TEXT) == 0);
}

static long count_in_threads(void) {
    pthread_t threads[THREADS];
    long good = 0;
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, count, NULL))
            bail("pthread_create");
    for (int i = 0; i < THREADS; i++) {
        void *result = NULL;
        pthread_join(threads[i], &result);
        good += (long)result;
    }
    return good;
}

int main(int argc, char **argv) {
    const char *path = argc > 1 ? argv[1] : COUNTER_LIBRARY;
    long good = 0, first = 0;
    for (int round = 0; round < ROUNDS; round++) {
        void *library = dlopen(path, RTLD_NOW);
        if (!library)
            bail(dlerror());
        *(void **)&next = dlsym(library, "counter_next");
        *(void **)&text = dlsym(library, "counter_text");
        if (!next || !text)
            bail("dlsym");
        good += count_in_threads();
        first += next() == COUNTER_FIRST + 1;
        if (dlclose(library))
            bail("dlclose");
    }
    is_int(good, ROUNDS * THREADS, "each thread has its own variables of a library opened late");
    is_int(first, ROUNDS, "anew when it was closed and opened again");
    ok(!dlopen("/tests/no-such.so", RTLD_NOW) && dlerror(), "a library that is not there");
    return done();
}
