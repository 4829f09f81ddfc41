/* SPDX-License-Identifier: MIT */
/*
 * ipcrm: removes System V IPC objects, with util-linux's options:
 *
 *     ipcrm [-v] [-m ID] [-M KEY] [-q ID] [-Q KEY] [-s ID] [-S KEY] ... [-a[shm|msg|sem]]
 *     ipcrm shm|msg|sem ID...
 */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

union semun {
    int val;
    struct semid_ds *buf;
    unsigned short *array;
    struct seminfo *info;
};

static bool verbose;

/* ---- What the three kinds differ in ------------------------------------------------------- */

static int remove_shm(int id) {
    return shmctl(id, IPC_RMID, NULL);
}

static int remove_msg(int id) {
    return msgctl(id, IPC_RMID, NULL);
}

static int remove_sem(int id) {
    return semctl(id, 0, IPC_RMID);
}

static int find_shm(key_t key) {
    return shmget(key, 0, 0);
}

static int find_msg(key_t key) {
    return msgget(key, 0);
}

static int find_sem(key_t key) {
    return semget(key, 0, 0);
}

static int highest_shm(void) {
    struct shm_info info;

    return shmctl(0, SHM_INFO, (struct shmid_ds *)&info);
}

static int highest_msg(void) {
    struct msginfo info;

    return msgctl(0, MSG_INFO, (struct msqid_ds *)&info);
}

static int highest_sem(void) {
    struct seminfo info;

    return semctl(0, 0, SEM_INFO, (union semun){.info = &info});
}

static int stat_shm(int index) {
    struct shmid_ds segment;

    return shmctl(index, SHM_STAT, &segment);
}

static int stat_msg(int index) {
    struct msqid_ds queue;

    return msgctl(index, MSG_STAT, &queue);
}

static int stat_sem(int index) {
    struct semid_ds set;

    return semctl(index, 0, SEM_STAT, (union semun){.buf = &set});
}

struct kind {
    const char *name, *id_name;
    int (*remove)(int id);
    int (*find)(key_t key);
    int (*highest)(void);   /* the highest index in use, -1 if there is none */
    int (*stat)(int index); /* the id at an index, -1 if there is none */
};

static const struct kind kinds[] = {
    {"shm", "shared memory segment", remove_shm, find_shm, highest_shm, stat_shm},
    {"msg", "message queue", remove_msg, find_msg, highest_msg, stat_msg},
    {"sem", "semaphore", remove_sem, find_sem, highest_sem, stat_sem},
};

#define SHM (&kinds[0])
#define MSG (&kinds[1])
#define SEM (&kinds[2])

/* ---- Removing ----------------------------------------------------------------------------- */

static const char *reason(void) {
    switch (errno) {
    case EACCES:
    case EPERM:
        return "permission denied";
    case EINVAL:
        return "invalid id";
    case EIDRM:
        return "already removed";
    default:
        return strerror(errno);
    }
}

static int remove_id(const struct kind *kind, int id) {
    if (verbose)
        printf("removing %s id `%d'\n", kind->id_name, id);
    if (kind->remove(id) == 0)
        return 0;
    warnx("%s (%d)", reason(), id);
    return 1;
}

static int remove_by_id(const struct kind *kind, const char *text) {
    char *end;
    long id = strtol(text, &end, 10);

    if (end == text || *end || id < 0 || id != (int)id) {
        warnx("invalid id: %s", text);
        return 1;
    }
    return remove_id(kind, (int)id);
}

/* A private key belongs to no object in particular (util-linux refuses it too). */
static int remove_by_key(const struct kind *kind, const char *text) {
    char *end;
    unsigned long key = strtoul(text, &end, 0);
    int id;

    if (end == text || *end || key > 0xffffffffUL || key == (unsigned long)IPC_PRIVATE) {
        warnx("illegal key (%s)", text);
        return 1;
    }
    id = kind->find((key_t)key);
    if (id >= 0)
        return remove_id(kind, id);
    warnx("%s (%s)", errno == ENOENT ? "invalid key" : reason(), text);
    return 1;
}

static int remove_all(const struct kind *kind) {
    int highest = kind->highest(), status = 0;

    for (int index = 0; index <= highest; index++) {
        int id = kind->stat(index);

        if (id >= 0)
            status |= remove_id(kind, id);
    }
    return status;
}

static const struct kind *kind_by_name(const char *name) {
    for (size_t i = 0; i < 3; i++) {
        if (!strcmp(name, kinds[i].name))
            return &kinds[i];
    }
    return NULL;
}

static int remove_category(const char *name) {
    const struct kind *kind = name ? kind_by_name(name[0] == '=' ? name + 1 : name) : NULL;
    int status = 0;

    if (name && !kind)
        errx(1, "unknown argument: %s", name);
    if (kind)
        return remove_all(kind);
    for (size_t i = 0; i < 3; i++)
        status |= remove_all(&kinds[i]);
    return status;
}

static void usage(FILE *stream) {
    fprintf(stream, "usage: ipcrm [-v] [-m ID] [-M KEY] [-q ID] [-Q KEY] [-s ID] [-S KEY] "
                    "[-a[shm|msg|sem]]\n       ipcrm shm|msg|sem ID...\n");
}

int main(int argc, char **argv) {
    static const struct option options[] = {
        {"shmem-id", required_argument, NULL, 'm'},
        {"shmem-key", required_argument, NULL, 'M'},
        {"queue-id", required_argument, NULL, 'q'},
        {"queue-key", required_argument, NULL, 'Q'},
        {"semaphore-id", required_argument, NULL, 's'},
        {"semaphore-key", required_argument, NULL, 'S'},
        {"all", optional_argument, NULL, 'a'},
        {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option, status = 0;

    if (argc > 2 && kind_by_name(argv[1])) {
        for (int i = 2; i < argc; i++)
            status |= remove_by_id(kind_by_name(argv[1]), argv[i]);
        return status;
    }
    if (argc < 2) {
        usage(stderr);
        return 1;
    }
    while ((option = getopt_long(argc, argv, "m:M:q:Q:s:S:a::vh", options, NULL)) != -1) {
        switch (option) {
        case 'm':
            status |= remove_by_id(SHM, optarg);
            break;
        case 'M':
            status |= remove_by_key(SHM, optarg);
            break;
        case 'q':
            status |= remove_by_id(MSG, optarg);
            break;
        case 'Q':
            status |= remove_by_key(MSG, optarg);
            break;
        case 's':
            status |= remove_by_id(SEM, optarg);
            break;
        case 'S':
            status |= remove_by_key(SEM, optarg);
            break;
        case 'a':
            status |= remove_category(optarg);
            break;
        case 'v':
            verbose = true;
            break;
        case 'h':
            usage(stdout);
            return 0;
        default:
            usage(stderr);
            return 1;
        }
    }
    if (optind < argc)
        errx(1, "unknown argument: %s", argv[optind]);
    return fflush(stdout) != 0 || status;
}
