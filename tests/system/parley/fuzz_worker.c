/* SPDX-License-Identifier: MIT */
/* A worker: random kernel calls and messages. Its Linux calls are in fuzz_linux.c. */
#include "fuzz.h"
#include <fcntl.h>
#include <parley/stubs.h>
#include <protocol/senders.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define AREA 65536
#define LIFE 3000 /* calls */

static char *area, *readable, *hole;
static unsigned long given[4]; /* capabilities that the worker made or was given */

uint64_t random_state;

/* xorshift64* */
uint64_t random_number(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state * 0x2545f4914f6cdd1dull;
}

static uint64_t odd(void) {
    static const uint64_t values[] = {0,
                                      1,
                                      ~0ul,
                                      1ul << 31,
                                      (1ul << 31) - 1,
                                      1ul << 32,
                                      3ul << 32,
                                      1ul << 63,
                                      ~0ul >> 1,
                                      0xffffffff,
                                      4096,
                                      65536,
                                      1ul << 40,
                                      1ul << 38,
                                      (1ul << 38) - 4096,
                                      ~0xffful,
                                      0xffffffc080200000,
                                      0xffffffff80200000};

    return ANY_OF(values);
}

static uint64_t word(void) {
    switch (below(12)) {
    case 0:
        return random_number();
    case 1:
        return odd();
    case 2:
        return (uint64_t) - (long)below(200);
    case 3:
        return (uint64_t)ANY_OF(queues);
    case 4:
        return (uint64_t)ANY_OF(sets);
    case 5:
        return (uint64_t)ANY_OF(segments);
    case 6:
        return (uint64_t)area + below(AREA);
    case 7:
        return 1ul << below(64);
    case 8:
        return (uint64_t)getpid() + below(8) - 4;
    case 9:
        return below(4096);
    default:
        return below(16);
    }
}

static uint64_t address(void) {
    switch (below(10)) {
    case 0:
        return odd();
    case 1:
        return (uint64_t)readable + below(4096);
    case 2:
        return (uint64_t)area + AREA - below(64); /* and beyond */
    case 3:
        return (uint64_t)hole + below(1 << 20);
    default:
        return (uint64_t)area + below(AREA - 5000);
    }
}

static uint64_t length(void) {
    switch (below(8)) {
    case 0:
        return odd();
    case 1:
        return random_number() >> below(64);
    case 2:
        return 4096 * below(17);
    default:
        return below(300);
    }
}

/* Paths, pairs of paths, words: what a message's buffer may hold. */
static void fill_area(void) {
    char *at = area + below(AREA - 9000);

    switch (below(4)) {
    case 0:
        for (int i = 0; i < 32; i++)
            ((uint64_t *)area)[below(AREA / 8)] = word();
        break;
    case 1:
        memset(at, (int)random_number(), below(8000));
        break;
    default:
        strcpy(at, random_path());
        strcpy(at + strlen(at) + 1, random_path());
    }
}

static uint64_t any_slot(void) {
    return below(3) ? ANY_OF(given) : below(40);
}

/* Mostly a message that there is, to the server whose it is. */
static uint64_t choose_message(struct pk_msg *msg) {
    static const struct {
        const char *protocol;
        uint64_t slot;
    } servers[] = {{"proc", PK_SLOT_PROC},  {"vfs", PK_SLOT_VFS}, {"shm", PK_SLOT_SHM},
                   {"sem", PK_SLOT_SEM},    {"msg", PK_SLOT_MSG}, {"futex", PK_SLOT_FUTEX},
                   {"session", PK_SLOT_VFS}};
    const struct protocol_message *m = &ANY_OF(protocol_messages);

    msg->label = below(20) ? m->number : below(65536);
    for (unsigned i = 0; i < sizeof(servers) / sizeof(servers[0]); i++)
        if (!strcmp(servers[i].protocol, m->protocol))
            return below(20) ? servers[i].slot : PK_SLOT_PROC + below(6);
    return any_slot();
}

static void send_message(void) {
    struct pk_msg msg = {0};
    uint64_t slot = choose_message(&msg), at = address();
    unsigned caps = below(8) == 0 ? below(5) : 0;

    msg.label |= (uint64_t)caps << PK_LABEL_CAPS_SHIFT;
    if (below(200) == 0)
        msg.label |= 1ul << (16 + below(48));
    for (int i = 0; i < 6; i++)
        msg.w[i] = word();
    msg.in_len = length();
    msg.out = address();
    msg.out_len = length();
    for (unsigned i = 0; i < PK_CAPS_MOST; i++)
        msg.caps |= caps ? PK_CAP_TO(any_slot(), i) : 0;
    __sync_fetch_and_add(&shared->calls[MESSAGE], 1);
    long result = pk_call_words(slot, &msg, (void *)at);
    /* What is dropped here and below may have gone by a call before. */
    for (unsigned i = 0; result >= 0 && i < msg.label && i < PK_CAPS_MOST; i++) {
        unsigned long *place = &ANY_OF(given);
        pk_may_fail(pk_cap_drop(0, *place));
        *place = PK_CAP_AT(msg.caps, i);
    }
}

/* The kernel's calls, but for those that only stop the worker. */
static void kernel_call(void) {
    long number = -(long)below(PK_CALLS + 3), result;

    __sync_fetch_and_add(&shared->calls[KERNEL], 1);
    if (number == PK_WAIT || number == PK_RECEIVE || number == PK_CALL || number == PK_UNMAP ||
        (number == PK_CAP_DROP && below(20)))
        return;
    result = pk_call6(number, below(2) ? any_slot() : word(), word(), below(2) ? address() : word(),
                      word(), word(), word());
    if (number == PK_OBJECT_CREATE && result > 0) {
        unsigned long *place = &ANY_OF(given);
        pk_may_fail(pk_cap_drop(0, *place));
        *place = (unsigned long)result;
    }
}

static void on_signal(int number) {
    (void)number;
}

/* Some signals have a handler, with and without SA_RESTART; the others are as they were. */
static void handle_signals(void) {
    static const int numbers[] = {SIGALRM, SIGUSR1, SIGUSR2, SIGPIPE, SIGVTALRM, SIGPROF,
                                  SIGHUP,  SIGCHLD, SIGTTOU, SIGTTIN, SIGTSTP,   SIGINT};

    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        struct sigaction action = {.sa_handler = below(4) ? on_signal : SIG_IGN,
                                   .sa_flags = below(2) ? SA_RESTART : 0};
        sigaction(numbers[i], &action, NULL);
    }
}

static void make_area(void) {
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;

    mmap(NULL, 4096, PROT_NONE, flags, -1, 0);
    area = mmap(NULL, AREA, PROT_READ | PROT_WRITE, flags, -1, 0);
    mmap(NULL, 4096, PROT_NONE, flags, -1, 0);
    readable = mmap(NULL, 8192, PROT_READ, flags, -1, 0);
    hole = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (area == MAP_FAILED || readable == MAP_FAILED || hole == MAP_FAILED)
        _exit(1);
}

/* In a session of its own, without the director's terminal, in a folder that all may write to. */
static void become_hostile(void) {
    int null = open("/dev/null", O_RDWR);

    for (int number = 0; number < 3; number++)
        dup2(null, number);
    close(null);
    setsid();
    if (setgid(HOSTILE) < 0 || setuid(HOSTILE) < 0 || chdir(FOLDER) < 0)
        _exit(1);
    umask(0);
}

void worker(unsigned index, uint64_t seed) {
    random_state = seed * 0x9e3779b97f4a7c15ull | 1;
    become_hostile();
    handle_signals();
    make_area();
    ipc_setup();
    given[0] = (unsigned long)pk_object_create(8192, 0, 0);
    for (unsigned i = 0; i < LIFE && !shared->stop; i++) {
        shared->progress[index]++;
        if (below(4) == 0)
            fill_area();
        switch (below(10)) {
        case 0:
            kernel_call();
            break;
        case 1:
        case 2:
        case 3:
        case 4:
            linux_call();
            break;
        default:
            send_message();
        }
    }
    _exit(0);
}
