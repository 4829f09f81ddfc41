/* SPDX-License-Identifier: MIT */
/*
 * For programs that make random calls and fold what these say into a hash, which Linux's is to be like: the random numbers, the
 * same in every run, the hash, and the comparison seed by seed. To be included behind tap.h by one file of a program.
 */
#ifndef SAME_H
#define SAME_H

#include <stdint.h>

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static uint64_t random_state, hash;

static inline void same_begin(uint64_t seed) {
    random_state = seed * 88172645463325252u;
    hash = 14695981039346656037u;
}

/* 0 to n - 1. */
static inline uint64_t any(uint64_t n) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (random_state >> 20) % n;
}

static inline bool one_in(uint64_t n) {
    return any(n) == 0;
}

static inline void fold(uint64_t value) {
    hash = (hash ^ value) * 1099511628211u;
}

static inline void fold_bytes(const char *bytes, size_t count) {
    for (size_t i = 0; i < count; i++)
        fold((unsigned char)bytes[i]);
}

/*
 * main()'s: runs each seed and compares with Linux's hashes; with a seed as the program's argument that one alone, telling the hash
 * after each call.
 */
static inline int same_as(const uint64_t *linux_hash, size_t seeds, int calls,
                          uint64_t (*run)(uint64_t seed, bool verbose), int argc, char **argv) {
    if (argc > 1) {
        run(strtoul(argv[1], NULL, 0), true);
        return 0;
    }
    for (size_t seed = 1; seed <= seeds; seed++) {
        uint64_t got = run(seed, false);

        if (!ok(got == linux_hash[seed - 1], "%d calls as on Linux, seed %zu", calls, seed))
            printf("# got %#018llx\n", (unsigned long long)got);
    }
    return done();
}

#endif
