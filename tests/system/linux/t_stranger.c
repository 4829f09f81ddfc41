/* SPDX-License-Identifier: MIT */
/*
 * Every message of every protocol, sent by a stranger: a process of user 65534 in a session of its
 * own, which owns nothing but a read-only descriptor of the terminal. Each try is a process of its own,
 * with arguments that name what belongs to others: a witness (root's, in another group and session),
 * its System V objects, its file, the terminal. What only servers may send is EPERM; after every
 * message the witness and all that is its own are as before.
 */
#include "futex.h"
#include "tap.h"

#include <fcntl.h>
#include <limits.h>
#include <parley/stubs.h>
#include <protocol/senders.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <mqueue.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <termios.h>

#define NOBODY 65534
#define ROUNDS 8
#define TIME_LIMIT_MS 15 /* a message that waits is given up then */
#define FOLDER "/tmp/stranger"
#define FILE_NAME FOLDER "/file"
#define KEY 0x5741
#define BUFFER 4096

static int terminal;
static pid_t witness;
static int queue, set, segment;

/* ---- What is the witness's -------------------------------------------------------------------------- */

/* All that somebody could have changed; compared byte by byte, so cleared first. */
struct state {
    char process; /* its state letter */
    pid_t group, session;
    struct stat folder, file;
    char content[32];
    struct msqid_ds queue;
    struct semid_ds set;
    int value, value_pid;
    struct shmid_ds segment;
    char shared[32];
    struct termios settings;
    struct winsize window;
    pid_t foreground, terminal_session;
    struct stat console;
};

static void read_file(struct state *s) {
    int fd = open(FILE_NAME, O_RDONLY);

    if (fd < 0 || read(fd, s->content, sizeof(s->content)) < 0)
        s->content[0] = '?';
    close(fd);
}

static void forget_access_time(struct stat *status) {
    memset(&status->st_atim, 0, sizeof(status->st_atim));
}

static void look(struct state *s) {
    unsigned long long ns;

    memset(s, 0, sizeof(*s));
    s->process = process_state(witness, &ns);
    s->group = getpgid(witness);
    s->session = getsid(witness);
    stat(FOLDER, &s->folder);
    stat(FILE_NAME, &s->file);
    stat("/dev/console", &s->console);
    forget_access_time(&s->folder);
    forget_access_time(&s->file);
    read_file(s);
    msgctl(queue, IPC_STAT, &s->queue);
    semctl(set, 0, IPC_STAT, &s->set);
    s->value = semctl(set, 0, GETVAL);
    s->value_pid = semctl(set, 0, GETPID);
    shmctl(segment, IPC_STAT, &s->segment);
    s->segment.shm_atime = s->segment.shm_dtime = 0; /* of looking itself */
    s->segment.shm_lpid = 0;
    const char *shared = shmat(segment, NULL, SHM_RDONLY);
    memcpy(s->shared, shared, sizeof(s->shared));
    shmdt(shared);
    tcgetattr(terminal, &s->settings);
    ioctl(terminal, TIOCGWINSZ, &s->window);
    s->foreground = tcgetpgrp(terminal);
    s->terminal_session = tcgetsid(terminal);
}

static void make_objects(void) {
    struct msgbuf_ {
        long type;
        char text[8];
    } message = {1, "message"};
    FILE *file;

    mkdir(FOLDER, 0755);
    file = fopen(FILE_NAME, "w");
    if (!file || fputs("the witness's", file) < 0 || fclose(file) || chmod(FILE_NAME, 0600))
        bail(FILE_NAME);
    queue = msgget(KEY, IPC_CREAT | 0600);
    set = semget(KEY, 2, IPC_CREAT | 0600);
    segment = shmget(KEY, 4096, IPC_CREAT | 0600);
    if (queue < 0 || set < 0 || segment < 0 || msgsnd(queue, &message, sizeof(message.text), 0) < 0)
        bail("System V objects");
    char *shared = shmat(segment, NULL, 0);
    if (shared == (void *)-1)
        bail("shmat");
    strcpy(shared, "the witness's");
    shmdt(shared);
}

static void remove_objects(void) {
    msgctl(queue, IPC_RMID, NULL);
    semctl(set, 0, IPC_RMID);
    shmctl(segment, IPC_RMID, NULL);
    unlink(FILE_NAME);
    rmdir(FOLDER);
}

/* ---- The stranger --------------------------------------------------------------------------------------- */

static uint64_t seed;

static uint64_t next_random(void) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static uint64_t random_word(void) {
    const long words[] = {
        0,
        1,
        2,
        3,
        (long)getppid(),
        witness,
        -witness,
        -1,
        -100,
        queue,
        set,
        segment,
        terminal,
        SIGKILL,
        SIGSTOP,
        SIGCONT,
        KEY,
        IPC_CREAT | 0777,
        IPC_RMID,
        IPC_SET,
        0777,
        0xffffffff,
        TIOCSCTTY,
        TIOCSPGRP,
        TCSETS,
        TIOCSWINSZ,
        TCXONC,
        1l << 32,
        (1l << 32) | 3,
        (1l << 32) + witness,
        LONG_MIN,
        LONG_MAX,
        INT_MIN,
        O_RDWR,
        O_CREAT | O_RDWR,
        AT_EMPTY_PATH,
        AT_FDCWD,
        4096,
        NOBODY,
        getpid(),
    };
    return (uint64_t)words[next_random() % (sizeof(words) / sizeof(words[0]))];
}

/* Paths, pairs of paths, structures with the stranger as the owner, arrays of words. */
static uint64_t fill(char *buffer) {
    static const char *const paths[] = {
        FILE_NAME,  FOLDER,       "/etc/passwd", "/bin/sh",     "/dev/console",
        "/dev/tty", "/dev/ttyS0", "/proc/2",     FOLDER "/new", "/tmp/stranger.link",
        "",         "/"};
    size_t count = sizeof(paths) / sizeof(paths[0]);

    memset(buffer, 0, BUFFER);
    switch (next_random() % 3) {
    case 0: {
        const char *one = paths[next_random() % count];
        const char *other = paths[next_random() % count];
        strcpy(buffer, one);
        strcpy(buffer + strlen(one) + 1, other);
        return strlen(one) + strlen(other) + 2;
    }
    case 1: {
        const uint32_t perm[] = {KEY, NOBODY, NOBODY, NOBODY, NOBODY, 0777};
        memcpy(buffer, perm, sizeof(perm));
        return 128;
    }
    default:
        for (size_t at = 0; at + 8 <= 256; at += 8) {
            uint64_t word = random_word();
            memcpy(buffer + at, &word, sizeof(word));
        }
        return 256;
    }
}

static uint64_t slot_of(const char *protocol) {
    static const struct {
        const char *name;
        uint64_t slot;
    } slots[] = {{"proc", PK_SLOT_PROC}, {"vfs", PK_SLOT_VFS}, {"shm", PK_SLOT_SHM},
                 {"sem", PK_SLOT_SEM},   {"msg", PK_SLOT_MSG}, {"futex", PK_SLOT_FUTEX},
                 {"mq", PK_SLOT_MQ}};

    for (size_t i = 0; i < sizeof(slots) / sizeof(slots[0]); i++)
        if (!strcmp(slots[i].name, protocol))
            return slots[i].slot;
    return 0;
}

/* So that the slots hold capabilities: the personality connects at the first call. */
static void connect_all(void) {
    msgget(1, 0);
    semget(1, 0, 0);
    shmget(1, 0, 0);
    futex_wake(&(volatile uint32_t){0}, 1);
    mq_unlink("/none");
}

static char input[BUFFER], output[BUFFER];

/* One message to one server; the exit status is the errno, 0 or 1 if there was none. */
static int send_one(uint64_t slot, uint64_t label) {
    struct pk_msg msg = {.label = label};
    uint64_t length = fill(input);

    for (int i = 0; i < 6; i++)
        msg.w[i] = random_word();
    long result = pk_call(slot, &msg, input, length, output, sizeof(output));
    return result < 0 && result >= -255 ? (int)-result : 0;
}

static void become_stranger(void) {
    setsid();
    for (int fd = 0; fd < 3; fd++)
        close(fd);
    for (int number = 1; number < 32; number++)
        signal(number, SIG_IGN); /* what it sends itself must not end the try */
    if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
        _exit(255);
}

/* Tries one message with the words of one seed; its errno, or -1 if the process was killed after limit_ms. */
static int try_for(int limit_ms, uint64_t slot, uint64_t label, uint64_t round) {
    pid_t pid = start();
    int status;

    if (pid == 0) {
        connect_all();
        become_stranger();
        seed = (label + 1) * 0x9e3779b97f4a7c15ull + (round + 1) * 0x2545f4914f6cdd1dull + slot;
        _exit(send_one(slot, label));
    }
    for (int waited = 0; waitpid(pid, &status, WNOHANG) == 0; waited++) {
        if (waited < limit_ms) {
            sleep_ms(1);
            continue;
        }
        kill(pid, SIGKILL); /* it waits for something, or made itself wait */
        reap(pid);
        return -1;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int try(uint64_t slot, uint64_t label, uint64_t round) {
    return try_for(TIME_LIMIT_MS, slot, label, round);
}

/* What is refused is refused at once, however long it may take a loaded machine to get there. */
static int refusal(uint64_t slot, uint64_t label, uint64_t round) {
    return try_for(100 * TIME_LIMIT_MS, slot, label, round);
}

/* ---- The tests -------------------------------------------------------------------------------------------- */

static struct state before;

static bool unchanged(const char *what) {
    struct state after;

    look(&after);
    bool same = !memcmp(&before, &after, sizeof(after));
    if (!same)
        for (size_t i = 0; i < sizeof(after); i++)
            if (((const char *)&before)[i] != ((const char *)&after)[i])
                printf("# %s: byte %zu of the state was %d, is %d\n", what, i,
                       ((const char *)&before)[i], ((const char *)&after)[i]);
    return same;
}

static const char *const servers[] = {"vfs", "shm", "sem", "msg", "futex", "mq"};
#define SERVERS (sizeof(servers) / sizeof(servers[0]))

/* A message that only servers may send, to every server that a process can call. */
static bool refused(const struct protocol_message *m) {
    bool session = !strcmp(m->protocol, "session");

    for (size_t i = 0; i < (session ? SERVERS : 1); i++)
        for (uint64_t round = 0; round < 4; round++) {
            int error = refusal(slot_of(session ? servers[i] : m->protocol), m->number, round);
            if (error != EPERM) {
                printf("# %s.%s: error %d\n", session ? servers[i] : m->protocol, m->name, error);
                return false;
            }
        }
    return true;
}

static void try_everywhere(const struct protocol_message *m) {

    for (uint64_t round = 0; round < ROUNDS; round++)
        if (strcmp(m->protocol, "session"))
            try(slot_of(m->protocol), m->number, round);
        else
            try(slot_of(servers[round % SERVERS]), m->number, round);
}

static void try_message(const struct protocol_message *m) {
    char what[64];

    snprintf(what, sizeof(what), "%s.%s", m->protocol, m->name);
    if (!m->for_processes) {
        ok(refused(m) && unchanged(what), "%s is for servers only", what);
        return;
    }
    try_everywhere(m);
    ok(unchanged(what), "%s by a stranger changes nothing of others", what);
}

static void unknown_labels(void) {
    static const uint64_t slots[] = {PK_SLOT_PROC, PK_SLOT_VFS, PK_SLOT_SHM,
                                     PK_SLOT_SEM,  PK_SLOT_MSG, PK_SLOT_FUTEX};
    static const uint64_t labels[] = {0, 0x7f, 0xff, 0x1ff, 0xffff};
    bool all = true;

    for (size_t i = 0; i < sizeof(slots) / sizeof(slots[0]); i++)
        for (size_t k = 0; k < sizeof(labels) / sizeof(labels[0]); k++)
            all = refusal(slots[i], labels[k], k) == ENOSYS && all;
    ok(all, "unknown messages are ENOSYS");
    all = true;
    for (size_t i = 0; i < sizeof(slots) / sizeof(slots[0]); i++)
        for (int bit = 16; bit < 64; bit++)
            try(slots[i], 1ull << bit | 1, (uint64_t)bit);
    ok(unchanged("labels"), "labels with other bits change nothing");
}

/* No process has a way to the servers that only servers call. */
static void empty_slots(void) {
    int found = 0;

    for (uint64_t slot = PK_SLOT_MQ + 1; slot < 64; slot++) {
        int error = refusal(slot, 1, slot);
        /* Its own account is there once it has needed it, and is nobody to call. */
        if (error != EBADF && !(slot == PK_SLOT_ACCOUNT && error == EINVAL))
            printf("# slot %d answers: error %d\n", (int)slot, error), found++;
    }
    is_int(found, 0, "there are no other servers to call");
}

int main(void) {
    terminal = open("/dev/tty", O_RDONLY);
    if (!on_parley() || terminal < 0) {
        printf("1..0 # SKIP not Parley, or no terminal\n");
        return 0;
    }
    make_objects();
    witness = start();
    if (witness == 0) {
        setsid();
        for (;;)
            pause();
    }
    let_block();
    look(&before);
    for (size_t i = 0; i < sizeof(protocol_messages) / sizeof(protocol_messages[0]); i++)
        if (strcmp(protocol_messages[i].protocol, "console"))
            try_message(&protocol_messages[i]);
    unknown_labels();
    empty_slots();
    kill(witness, SIGKILL);
    is_int(WTERMSIG(reap(witness)), SIGKILL, "the witness lived until the end");
    remove_objects();
    return done();
}
