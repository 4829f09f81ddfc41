/* SPDX-License-Identifier: MIT */
/*
 * A storm over System V IPC: processes send and receive messages, take and give tokens of a semaphore, attach and detach a
 * segment, while others interrupt, stop and kill them at random. Afterwards each message is accounted for by its
 * number: it was received once, or lies in a queue, or was lost with a receiver that was killed in its call; none came twice
 * or changed. All tokens are back, nothing is attached, nobody waits. Runs on Linux.
 *
 * t_ipcstorm [PROCESSES [SECONDS [SEED]]]: up to 200 processes.
 */
#include "tap.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

#define MOST 200
#define QUEUES 5
#define TYPES 7
#define NUMBERS 20000 /* messages of one place */
#define TOKENS 3
#define BYTES_MOST 900
#define QUEUE_BYTES 2000

union semun {
    int val;
};

/* What processes write down; a place's next process goes on behind where a killed one was. */
static struct shared {
    atomic_bool stop;
    struct place {
        uint32_t last;         /* the number that was sent last, or is being sent */
        atomic_bool receiving; /* a message may be on its way to it */
        uint32_t done, timeouts, interrupted;
    } places[MOST];
    bool sent[MOST][NUMBERS + 1]; /* for certain */
    atomic_uint received[MOST][NUMBERS + 1];
    atomic_uint twice, wrong, failed;
} * shared;

static int queues[QUEUES], set, segment;
static unsigned count = 24, seconds = 2;
static uint64_t state;

static uint32_t below(uint32_t n) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32) % n;
}

struct message {
    long type;
    struct text {
        uint32_t place, number, length;
        unsigned char bytes[BYTES_MOST];
    } text;
};
#define HEAD offsetof(struct text, bytes)

static unsigned char byte_of(const struct text *t, uint32_t i) {
    return (unsigned char)(t->place * 31 + t->number * 7 + i);
}

/* An error that may be. */
static void expect(struct place *p, int error, int may_be) {
    if (error == EINTR)
        p->interrupted++;
    else if (error != may_be)
        shared->failed++;
}

/* Who is killed in msgsnd leaves a number of which nobody knows if it was sent. */
static void send_one(struct place *p, uint32_t place) {
    struct message m = {1 + below(TYPES), {.place = place}};
    if (p->last == NUMBERS)
        return;
    m.text.number = ++p->last;
    m.text.length = below(10) ? below(40) : below(BYTES_MOST);
    for (uint32_t i = 0; i < m.text.length; i++)
        m.text.bytes[i] = byte_of(&m.text, i);
    if (msgsnd(queues[below(QUEUES)], &m, HEAD + m.text.length, below(3) ? 0 : IPC_NOWAIT) == 0) {
        shared->sent[place][m.text.number] = true;
        return;
    }
    expect(p, errno, EAGAIN);
    p->last--;
}

static void note_received(const struct message *m, ssize_t length) {
    const struct text *t = &m->text;
    bool good = length == (ssize_t)(HEAD + t->length) && t->place < MOST && t->number <= NUMBERS;
    for (uint32_t i = 0; good && i < t->length; i++)
        good = t->bytes[i] == byte_of(t, i);
    if (!good)
        shared->wrong++;
    else if (shared->received[t->place][t->number]++)
        shared->twice++;
}

static void receive_one(struct place *p) {
    struct message m;
    long types[] = {0, 1 + below(TYPES), -1 - (long)below(TYPES)};
    int flags = (below(2) ? IPC_NOWAIT : 0) | (below(4) ? 0 : MSG_EXCEPT);
    p->receiving = true;
    ssize_t length = msgrcv(queues[below(QUEUES)], &m, sizeof m.text, types[below(3)], flags);
    if (length >= 0)
        note_received(&m, length);
    else
        expect(p, errno, ENOMSG);
    p->receiving = false;
}

static void take_token(struct place *p) {
    struct sembuf take = {0, -1, SEM_UNDO}, give = {0, 1, SEM_UNDO};
    struct timespec limit = {0, below(3000000)};
    if (semtimedop(set, &take, 1, below(4) ? &limit : NULL) < 0) {
        p->timeouts += errno == EAGAIN;
        expect(p, errno, EAGAIN);
        return;
    }
    for (uint32_t i = below(50); i > 0; i--)
        getppid();
    if (semctl(set, 0, GETVAL) >= TOKENS)
        shared->failed++;
    if (semop(set, &give, 1) < 0)
        shared->failed++;
}

static void attach(uint32_t place) {
    unsigned char *at = shmat(segment, NULL, 0);
    if (at == (void *)-1) {
        shared->failed++;
        return;
    }
    at[place]++;
    if (below(3))
        shmdt(at);
    else
        munmap(at, 4096);
}

static void nothing(int signum) {
    (void)signum;
}

static void work(uint32_t place) {
    struct place *p = &shared->places[place];
    state ^= (uint64_t)getpid() << 20 ^ place;
    while (!shared->stop) {
        uint32_t what = below(20);
        if (what < 8)
            send_one(p, place);
        else if (what < 16)
            receive_one(p);
        else if (what < 19)
            take_token(p);
        else
            attach(place);
        p->done++;
    }
    _exit(0);
}

static pid_t pids[MOST];

static void begin(uint32_t place) {
    state += 0x9e3779b97f4a7c15;
    pids[place] = fork();
    if (pids[place] == 0)
        work(place);
    if (pids[place] < 0)
        bail("fork");
}

static uint32_t kills, lost_most; /* messages that were on their way to somebody killed */

static void kill_one(uint32_t place) {
    kill(pids[place], SIGKILL);
    waitpid(pids[place], NULL, 0);
    lost_most += shared->places[place].receiving;
    shared->places[place].receiving = false;
    kills++;
    begin(place);
}

static void disturb(uint32_t place) {
    switch (below(6)) {
    case 0:
        kill_one(place);
        break;
    case 1:
        kill(pids[place], SIGSTOP);
        usleep(below(300));
        kill(pids[place], SIGCONT);
        break;
    case 2:
        kill(pids[place], SIGUSR2);
        break;
    default:
        kill(pids[place], SIGUSR1);
    }
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Whoever waits is interrupted until it sees that it is to stop. */
static uint32_t stop_all(void) {
    uint32_t left = count;
    shared->stop = true;
    for (int i = 0; i < 2000 && left > 0; i++) {
        for (uint32_t p = 0; p < count; p++)
            if (pids[p] && waitpid(pids[p], NULL, WNOHANG) == pids[p])
                pids[p] = 0, left--;
            else if (pids[p])
                kill(pids[p], SIGUSR1);
        usleep(5000);
    }
    return left;
}

static void make(void) {
    for (int i = 0; i < QUEUES; i++) {
        struct msqid_ds stat;
        queues[i] = msgget(IPC_PRIVATE, 0600);
        if (queues[i] < 0 || msgctl(queues[i], IPC_STAT, &stat) < 0)
            bail("msgget");
        stat.msg_qbytes = QUEUE_BYTES;
        msgctl(queues[i], IPC_SET, &stat);
    }
    set = semget(IPC_PRIVATE, 1, 0600);
    segment = shmget(IPC_PRIVATE, 4096, 0600);
    if (set < 0 || segment < 0 || semctl(set, 0, SETVAL, (union semun){TOKENS}) < 0)
        bail("semget, shmget");
}

/* Empties the queues; false if one says something else than what comes out. */
static bool drain(void) {
    struct message m;
    struct msqid_ds stat;
    bool good = true;
    for (int i = 0; i < QUEUES; i++) {
        unsigned long messages = 0, bytes = 0;
        ssize_t length;
        msgctl(queues[i], IPC_STAT, &stat);
        while ((length = msgrcv(queues[i], &m, sizeof m.text, 0, IPC_NOWAIT)) >= 0) {
            note_received(&m, length);
            messages++;
            bytes += (unsigned long)length;
        }
        good &= messages == stat.msg_qnum && bytes == stat.__msg_cbytes;
    }
    return good;
}

/* Messages that were sent for certain and never came. */
static uint32_t missing(uint32_t *sent) {
    uint32_t gone = 0;
    for (uint32_t p = 0; p < count; p++)
        for (uint32_t n = 1; n <= NUMBERS; n++) {
            *sent += shared->sent[p][n];
            gone += shared->sent[p][n] && !shared->received[p][n];
        }
    return gone;
}

static void check(void) {
    struct shmid_ds stat;
    uint32_t sent = 0, done = 0, timeouts = 0, interrupted = 0;
    ok(drain(), "the queues have what they say");
    uint32_t gone = missing(&sent);
    for (uint32_t p = 0; p < count; p++) {
        done += shared->places[p].done;
        timeouts += shared->places[p].timeouts;
        interrupted += shared->places[p].interrupted;
    }
    printf(
        "# %u calls, %u messages, %u killed, %u times out, %u interrupted, %u lost (at most %u)\n",
        done, sent, kills, timeouts, interrupted, gone, lost_most);
    ok(sent > 0 && kills > 0 && interrupted > 0, "there was a storm");
    is_int(shared->failed, 0, "no call had another result than it may have");
    is_int(shared->wrong, 0, "no message changed");
    is_int(shared->twice, 0, "none came twice");
    ok(gone <= lost_most, "none was lost but with its receiver");
    is_int(semctl(set, 0, GETVAL), TOKENS, "all tokens are back");
    is_int(semctl(set, 0, GETNCNT), 0, "nobody waits for one");
    is_int(shmctl(segment, IPC_STAT, &stat) ? -1 : (long)stat.shm_nattch, 0, "nothing is attached");
    for (int i = 0; i < QUEUES; i++)
        msgctl(queues[i], IPC_RMID, NULL);
    semctl(set, 0, IPC_RMID);
    shmctl(segment, IPC_RMID, NULL);
}

int main(int argc, char **argv) {
    count = argc > 1 ? (unsigned)atoi(argv[1]) : count;
    seconds = argc > 2 ? (unsigned)atoi(argv[2]) : seconds;
    state = argc > 3 ? (uint64_t)atoll(argv[3]) : (uint64_t)time(NULL);
    state |= 1ull << 40;
    if (count < 1 || count > MOST)
        bail("1 to 200 processes");
    printf("# seed %lu\n", (unsigned long)state);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        bail("mmap");
    struct sigaction action = {.sa_handler = nothing};
    sigaction(SIGUSR1, &action, NULL);
    action.sa_flags = SA_RESTART;
    sigaction(SIGUSR2, &action, NULL);
    make();
    for (uint32_t p = 0; p < count; p++)
        begin(p);
    for (double end = now() + seconds; now() < end;) {
        disturb(below(count));
        usleep(below(400));
    }
    is_int(stop_all(), 0, "all end");
    check();
    return done();
}
