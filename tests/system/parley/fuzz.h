/* SPDX-License-Identifier: MIT */
/*
 * Hostile programs beside an honest one. Workers, processes of a user who owns nothing else, make random kernel
 * calls, send random messages to every server and make random Linux calls; a witness of another user does what
 * programs do and says when something of its own has changed. Both are started by the director (t_fuzz.c).
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#define HOSTILE 65534
#define HONEST 1000
#define WORKERS 6
#define FOLDER "/tmp/fuzz"
#define SECRET "/tmp/witness"

enum kind { KERNEL, MESSAGE, LINUX, FORK, KINDS };

/* In memory that the director, the witness and all workers share. Workers may write anything to it. */
struct shared {
    volatile bool stop;
    volatile unsigned long calls[KINDS];
    volatile unsigned long progress[WORKERS];
    volatile unsigned long witnessed; /* rounds that the witness made */
    volatile unsigned wrong;
    char text[8][160]; /* what was wrong, the first few */
};
extern struct shared *shared;

/* Its life; they return never. */
void worker(unsigned index, uint64_t seed) __attribute__((noreturn));
void witness(void) __attribute__((noreturn));

/* Something of the witness's is not as it should be. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Random numbers, of the process. */
extern uint64_t random_state;
uint64_t random_number(void);
static inline unsigned below(unsigned n) {
    return (unsigned)((random_number() >> 33) % n);
}
#define ANY_OF(array) ((array)[below(sizeof(array) / sizeof((array)[0]))])

/* Random Linux calls (fuzz_linux.c); ids: of what workers share. */
#define IDS 6
extern int queues[IDS], sets[IDS], segments[IDS];
const char *random_path(void);
void linux_call(void);
void ipc_setup(void);

#endif
