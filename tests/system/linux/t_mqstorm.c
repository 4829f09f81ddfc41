/* SPDX-License-Identifier: MIT */
/*
 * Many processes send to and receive from a few POSIX message queues, wait with time-outs and without, are interrupted and
 * killed at random, while others poll, ask to be notified and look on. Each message has a number; in shared memory stands how
 * often it was received. At the end each that was sent was received once or is in its queue; of what a process was about when it was
 * killed, either may be.
 */
#include "tap.h"

#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>

#define QUEUES 3
#define WORKERS 40
#define OPERATIONS 300
#define KILLS 60
#define RUNS (WORKERS + KILLS) /* a worker that is killed is begun again, with other numbers */
#define MESSAGES (RUNS * OPERATIONS)
#define ROOM 200

struct shared {
    atomic_uchar sent[MESSAGES];   /* mq_send said so */
    atomic_uchar begun[MESSAGES];  /* it was called */
    atomic_int received[MESSAGES]; /* how often */
    atomic_int receiving[RUNS];    /* a receive was under way: it may have taken a message along */
    atomic_int wrong, timeouts, interrupts, told;
};

struct message {
    uint32_t number, priority;
    unsigned char filled[ROOM - 8];
};

static struct shared *all;
static mqd_t queues[QUEUES];
static uint64_t random_state;

static unsigned any(unsigned n) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)((random_state >> 20) % n);
}

static void tell(int signal) {
    (void)signal;
    atomic_fetch_add(&all->told, 1);
}

static const struct timespec *soon(void) {
    static struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    at.tv_nsec += (long)any(8000000);
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    return &at;
}

static void note(void) {
    if (errno == ETIMEDOUT)
        atomic_fetch_add(&all->timeouts, 1);
    else if (errno == EINTR)
        atomic_fetch_add(&all->interrupts, 1);
    else
        atomic_fetch_add(&all->wrong, 1);
}

static size_t length_of(uint32_t number) {
    return 8 + number * 7 % (ROOM - 8);
}

static void send_one(uint32_t number) {
    struct message m = {number, any(4), {0}};
    memset(m.filled, (int)(number % 251), sizeof m.filled);
    atomic_store(&all->begun[number], 1);
    if (mq_timedsend(queues[any(QUEUES)], (char *)&m, length_of(number), m.priority, soon()) == 0)
        atomic_store(&all->sent[number], 1);
    else
        note();
}

static void check(const struct message *m, long length, unsigned priority) {
    bool good =
        m->number < MESSAGES && length == (long)length_of(m->number) && priority == m->priority;
    for (long i = 0; good && i < length - 8; i++)
        good = m->filled[i] == m->number % 251;
    if (!good || atomic_fetch_add(&all->received[m->number], 1) != 0 || !all->begun[m->number])
        atomic_fetch_add(&all->wrong, 1);
}

static void receive_one(int run) {
    struct message m;
    unsigned priority;
    atomic_store(&all->receiving[run], 1);
    long length = mq_timedreceive(queues[any(QUEUES)], (char *)&m, ROOM, &priority, soon());
    if (length >= 0)
        check(&m, length, priority);
    else
        note();
    atomic_store(&all->receiving[run], 0);
}

static void look_on(void) {
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2};
    struct pollfd entries[QUEUES];
    for (int i = 0; i < QUEUES; i++)
        entries[i] = (struct pollfd){.fd = queues[i], .events = any(2) ? POLLIN : POLLOUT};
    switch (any(3)) {
    case 0:
        poll(entries, QUEUES, (int)any(3));
        break;
    case 1:
        mq_notify(queues[any(QUEUES)], &event);
        break;
    default: {
        int fd = mq_open("/t_mqstorm_0", O_RDONLY);
        mq_close(fd);
    }
    }
}

static void work(int run) {
    random_state = (uint64_t)run * 88172645463325252u + 1;
    for (int i = 0; i < OPERATIONS; i++) {
        unsigned what = any(20);
        if (what == 0)
            look_on();
        else if (what % 2)
            send_one((uint32_t)(run * OPERATIONS + i));
        else
            receive_one(run);
    }
    _exit(0);
}

static pid_t begin(int run) {
    pid_t pid = start();
    if (pid == 0)
        work(run);
    return pid;
}

int main(void) {
    pid_t pids[WORKERS];
    int run = 0, killed = 0, lost = 0, doubtful = 0, left = 0;
    struct mq_attr attr = {.mq_maxmsg = 5, .mq_msgsize = ROOM};
    all = mmap(NULL, sizeof *all, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < QUEUES; i++) {
        char name[] = "/t_mqstorm_0";
        name[sizeof name - 2] = (char)('0' + i);
        mq_unlink(name);
        queues[i] = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
        if (queues[i] < 0)
            bail(name);
    }
    struct sigaction action = {.sa_handler =
                                   tell}; /* the workers', from their first instruction on */
    sigaction(SIGUSR1, &action, NULL);
    action.sa_flags = SA_RESTART;
    sigaction(SIGUSR2, &action, NULL);
    for (int i = 0; i < WORKERS; i++)
        pids[i] = begin(run++);
    random_state = 4711;
    for (int i = 0; i < KILLS * 5; i++) {
        unsigned who = any(WORKERS);
        sleep_ms(2);
        if (i % 5) {
            kill(pids[who], SIGUSR1);
            continue;
        }
        kill(pids[who], SIGKILL);
        killed += WIFSIGNALED(reap(pids[who]));
        pids[who] = begin(run++);
    }
    int status = 0;
    for (int i = 0; i < WORKERS; i++)
        status |= reap(pids[i]);
    is_int(status, 0, "all others have ended");
    for (int i = 0; i < QUEUES; i++) {
        struct message m;
        unsigned priority;
        long length;
        fcntl(queues[i], F_SETFL, O_NONBLOCK);
        while ((length = mq_receive(queues[i], (char *)&m, ROOM, &priority)) >= 0) {
            check(&m, length, priority);
            left++;
        }
        is_int(errno, EAGAIN, "queue %d is empty", i);
        char name[] = "/t_mqstorm_0";
        name[sizeof name - 2] = (char)('0' + i);
        mq_unlink(name);
    }
    for (int i = 0; i < run; i++)
        doubtful += all->receiving[i]; /* it was killed as it received */
    int sent = 0;
    for (int i = 0; i < MESSAGES; i++) {
        sent += all->sent[i];
        lost += all->sent[i] && !all->received[i];
    }
    printf("# sent %d, left %d, killed %d, time-outs %d, interrupted %d, signals %d\n", sent, left,
           killed, all->timeouts, all->interrupts, all->told);
    is_int(all->wrong, 0, "no message came twice or changed, no call failed otherwise");
    ok(lost <= doubtful,
       "each that was sent was received: %d are missing, %d receivers were killed", lost, doubtful);
    ok(sent > 1000 && all->timeouts > 0 && all->interrupts > 0, "there was a storm");
    return done();
}
