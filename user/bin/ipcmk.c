/* SPDX-License-Identifier: MIT */
/*
 * ipcmk [-M SIZE] [-S NUMBER] [-Q] [-p MODE]: creates System V IPC objects, each under a random key
 * as util-linux's does, and prints their ids. SIZE may end in K, M or G.
 */
#include <err.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/random.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <time.h>
#include <unistd.h>

/* Keys need to be unlikely to clash, no more: without a random source, the time and the pid do. */
static key_t random_key(void) {
    unsigned int key;

    if (getrandom(&key, sizeof(key), 0) != sizeof(key))
        key = (unsigned int)time(NULL) * 69069u + (unsigned int)getpid();
    return key == 0 ? 1 : (key_t)key;
}

static size_t parse_size(const char *text) {
    char *end;
    unsigned long long size = strtoull(text, &end, 10);

    if (end == text || *text == '-')
        errx(1, "%s: invalid size", text);
    switch (*end) {
    case 'G':
        size <<= 10; /* fall through */
    case 'M':
        size <<= 10; /* fall through */
    case 'K':
        size <<= 10;
        end++;
        break;
    default:
        break;
    }
    if (end[0] == 'i' && end[1] == 'B')
        end += 2;
    if (*end)
        errx(1, "%s: invalid size", text);
    return (size_t)size;
}

static void usage(FILE *stream) {
    fprintf(stream, "usage: ipcmk [-M SIZE] [-S NUMBER] [-Q] [-p MODE]\n");
}

int main(int argc, char **argv) {
    static const struct option options[] = {
        {"shmem", required_argument, NULL, 'M'}, {"semaphore", required_argument, NULL, 'S'},
        {"queue", no_argument, NULL, 'Q'},       {"mode", required_argument, NULL, 'p'},
        {"help", no_argument, NULL, 'h'},        {NULL, 0, NULL, 0},
    };
    bool segment = false, set = false, queue = false;
    unsigned long mode = 0644;
    size_t size = 0;
    int option, count = 0, id;
    char *end;

    while ((option = getopt_long(argc, argv, "M:S:Qp:h", options, NULL)) != -1) {
        switch (option) {
        case 'M':
            size = parse_size(optarg);
            segment = true;
            break;
        case 'S':
            count = atoi(optarg);
            set = true;
            break;
        case 'Q':
            queue = true;
            break;
        case 'p':
            mode = strtoul(optarg, &end, 8);
            if (end == optarg || *end || mode > 0777)
                errx(1, "%s: invalid mode", optarg);
            break;
        case 'h':
            usage(stdout);
            return 0;
        default:
            usage(stderr);
            return 1;
        }
    }
    if (!segment && !set && !queue) {
        usage(stderr);
        return 1;
    }
    if (segment) {
        id = shmget(random_key(), size, (int)mode | IPC_CREAT | IPC_EXCL);
        if (id < 0)
            err(1, "cannot create shared memory");
        printf("Shared memory id: %d\n", id);
    }
    if (queue) {
        id = msgget(random_key(), (int)mode | IPC_CREAT | IPC_EXCL);
        if (id < 0)
            err(1, "cannot create a message queue");
        printf("Message queue id: %d\n", id);
    }
    if (set) {
        id = semget(random_key(), count, (int)mode | IPC_CREAT | IPC_EXCL);
        if (id < 0)
            err(1, "cannot create semaphores");
        printf("Semaphore id: %d\n", id);
    }
    return fflush(stdout) != 0;
}
