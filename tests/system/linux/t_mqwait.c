/* SPDX-License-Identifier: MIT */
/* POSIX message queues: who waits, in which order, until when, and what ends it: mq_send(3), mq_receive(3), signal(7). */
#include "tap.h"

#include <fcntl.h>
#include <mqueue.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define NAME "/t_mqwait"

static mqd_t fresh(long maxmsg, long msgsize) {
    struct mq_attr attr = {.mq_maxmsg = maxmsg, .mq_msgsize = msgsize};
    mq_unlink(NAME);
    mqd_t queue = mq_open(NAME, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
    if (queue == (mqd_t)-1)
        bail("mq_open");
    mq_unlink(NAME);
    return queue;
}

static struct timespec in_ms(long ms) {
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    at.tv_nsec += ms % 1000 * 1000000;
    at.tv_sec += ms / 1000 + at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    return at;
}

static long since_ms(const struct timespec *start) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - start->tv_sec) * 1000 + (now.tv_nsec - start->tv_nsec) / 1000000;
}

static void times(void) {
    char text[64];
    struct timespec at, start;
    mqd_t queue = fresh(1, 64);
    clock_gettime(CLOCK_MONOTONIC, &start);
    at = in_ms(50);
    is_errno(mq_timedreceive(queue, text, sizeof text, NULL, &at), ETIMEDOUT,
             "nothing came in time");
    ok(since_ms(&start) >= 49, "it was waited for");
    at = (struct timespec){1, 0};
    is_errno(mq_timedreceive(queue, text, sizeof text, NULL, &at), ETIMEDOUT, "a time long past");
    is_int(mq_timedsend(queue, "x", 1, 0, &at), 0, "does not matter if there is room");
    is_errno(mq_timedsend(queue, "x", 1, 0, &at), ETIMEDOUT, "but if there is none");
    clock_gettime(CLOCK_MONOTONIC, &start);
    at = in_ms(50);
    is_errno(mq_timedsend(queue, "y", 1, 0, &at), ETIMEDOUT, "no room in time");
    ok(since_ms(&start) >= 49, "it was waited for");
    at = (struct timespec){0x7fffffffffffffff, 0};
    is_int(mq_timedreceive(queue, text, sizeof text, NULL, &at), 1, "a time that never comes");
    fcntl(queue, F_SETFL, O_NONBLOCK);
    at = in_ms(10000);
    is_errno(mq_timedreceive(queue, text, sizeof text, NULL, &at), EAGAIN,
             "O_NONBLOCK does not wait");
    mq_close(queue);
}

/* Children that each wait with a message of theirs, or for one. */
static pid_t sender(mqd_t queue, const char *text, size_t length, unsigned priority) {
    pid_t pid = start();
    if (pid == 0)
        _exit(mq_send(queue, text, length, priority) != 0);
    let_block();
    return pid;
}

static pid_t receiver(mqd_t queue, int result) {
    pid_t pid = start();
    if (pid == 0) {
        char text[8192];
        _exit(mq_receive(queue, text, sizeof text, NULL) == 1 ? text[0] - '0' : result);
    }
    let_block();
    return pid;
}

/* Whom scheduling prefers is served first, be he the last who came; equals in their turn. */
static void by_urgency(void) {
    static const int nice_values[] = {10, 0, 5, 0}, order[] = {3, 0, 2, 1};
    enum { WAITING = sizeof order / sizeof order[0] };
    char text[2] = "0";
    pid_t pids[WAITING];
    mqd_t queue = fresh(1, 8192);
    for (int i = 0; i < WAITING; i++) {
        if ((pids[i] = start()) == 0) {
            char got[8192];
            nice(nice_values[i]);
            _exit(mq_receive(queue, got, sizeof got, NULL) == 1 ? got[0] - '0' : 99);
        }
        let_block();
    }
    for (int i = 0; i < WAITING; i++, text[0]++)
        mq_send(queue, text, 1, 0);
    for (int i = 0; i < WAITING; i++)
        is_int(reap_exit(pids[i]), order[i], "of receivers one with nice %d is number %d",
               nice_values[i], order[i]);
    mq_send(queue, "f", 1, 0);
    for (int i = 0; i < WAITING; i++) {
        if ((pids[i] = start()) == 0) {
            char own = (char)('0' + order[i]);
            nice(nice_values[i]);
            _exit(mq_send(queue, &own, 1, 0) != 0);
        }
        let_block();
    }
    for (int i = -1; i < WAITING; i++) {
        char got[8192] = "";
        mq_receive(queue, got, sizeof got, NULL);
        if (i >= 0)
            is_int(got[0] - '0', i, "and of senders");
    }
    for (int i = 0; i < WAITING; i++)
        reap_exit(pids[i]);
    mq_close(queue);
}

static void in_order(void) {
    static char long_text[8192];
    char text[8192];
    unsigned priority;
    pid_t pids[4];
    mqd_t queue = fresh(1, 8192);
    mq_send(queue, "0", 1, 9);
    memset(long_text, 'l', sizeof long_text);
    pids[0] = sender(queue, "1", 1, 3);
    pids[1] = sender(queue, long_text, sizeof long_text, 5);
    pids[2] = sender(queue, "3", 1, 4);
    is_int(mq_receive(queue, text, sizeof text, &priority), 1, "what was there");
    is_int(reap_exit(pids[0]), 0, "who has waited longest is let in");
    is_int(mq_receive(queue, text, sizeof text, &priority), 1, "and received");
    ok(priority == 3 && text[0] == '1', "it is that one");
    is_int(reap_exit(pids[1]), 0, "then the next");
    is_int(mq_receive(queue, text, sizeof text, &priority), 8192, "a long one");
    ok(priority == 5 && !memcmp(text, long_text, sizeof text), "whole");
    is_int(reap_exit(pids[2]), 0, "then the last");
    mq_receive(queue, text, sizeof text, &priority);
    for (int i = 0; i < 3; i++)
        pids[i] = receiver(queue, 99);
    for (int i = 0; i < 3; i++) {
        char digit = (char)('1' + i);
        mq_send(queue, &digit, 1, (unsigned)i);
    }
    for (int i = 0; i < 3; i++)
        is_int(reap_exit(pids[i]), i + 1, "receiver %d has message %d", i, i + 1);
    mq_close(queue);
}

static volatile sig_atomic_t handled;
static void handle(int signal) {
    (void)signal;
    handled++;
}

static void catch (int flags) {
    struct sigaction action = {.sa_handler = handle, .sa_flags = flags};
    sigaction(SIGUSR1, &action, NULL);
    handled = 0;
}

/* In a child: waits; its exit status tells. */
static pid_t waits(mqd_t queue, bool sends, int flags) {
    pid_t pid = start();
    if (pid == 0) {
        char text[64];
        catch (flags);
        long result =
            sends ? mq_send(queue, "s", 1, 1) : mq_receive(queue, text, sizeof text, NULL);
        _exit(result >= 0 ? 10 + handled : errno == EINTR ? 20 + handled : 30);
    }
    let_block();
    return pid;
}

static void interrupted(void) {
    char text[64];
    mqd_t queue = fresh(1, 64);
    pid_t pid = waits(queue, false, 0);
    kill(pid, SIGUSR1);
    is_int(reap_exit(pid), 21, "a signal ends waiting for a message");
    pid = waits(queue, false, SA_RESTART);
    kill(pid, SIGUSR1);
    let_block();
    mq_send(queue, "x", 1, 0);
    is_int(reap_exit(pid), 11, "with SA_RESTART it goes on");
    mq_send(queue, "x", 1, 0);
    pid = waits(queue, true, 0);
    kill(pid, SIGUSR1);
    is_int(reap_exit(pid), 21, "a signal ends waiting for room");
    pid = waits(queue, true, SA_RESTART);
    kill(pid, SIGUSR1);
    let_block();
    is_int(mq_receive(queue, text, sizeof text, NULL), 1, "what was there");
    is_int(reap_exit(pid), 11, "with SA_RESTART it goes on");
    is_int(mq_receive(queue, text, sizeof text, NULL), 1, "and its message comes, once");
    pid = waits(queue, false, 0);
    kill(pid, SIGSTOP);
    kill(pid, SIGCONT);
    let_block();
    mq_send(queue, "x", 1, 0);
    is_int(reap_exit(pid), 10, "a stop is no end");
    pid = waits(queue, false, 0);
    kill(pid, SIGKILL);
    reap(pid);
    is_int(mq_send(queue, "x", 1, 0), 0, "who was killed");
    is_int(mq_receive(queue, text, sizeof text, NULL), 1, "takes no message along");
    mq_close(queue);
}

/* Another thread closes the descriptor: who waits goes on waiting, by the queue. */
static mqd_t shared;
static void *close_later(void *unused) {
    (void)unused;
    sleep_ms(50);
    mq_close(shared);
    return NULL;
}

static void closed_meanwhile(void) {
    struct timespec at = in_ms(200);
    char text[64];
    pthread_t thread;
    shared = fresh(1, 64);
    pthread_create(&thread, NULL, close_later, NULL);
    is_errno(mq_timedreceive(shared, text, sizeof text, NULL, &at), ETIMEDOUT,
             "the last descriptor is closed under a receiver");
    pthread_join(thread, NULL);
    is_errno(mq_receive(shared, text, sizeof text, NULL), EBADF, "then it is gone");
}

/* Texts that are copied in steps, if we may have such. */
#define LARGE (3 << 20)

static void large(void) {
    struct mq_attr attr = {.mq_maxmsg = 2, .mq_msgsize = LARGE};
    struct timespec at;
    unsigned priority;
    char *sent = malloc(LARGE), *got = calloc(1, LARGE);
    const struct rlimit limit = {64 << 20, 64 << 20};
    setrlimit(RLIMIT_MSGQUEUE, &limit);
    mqd_t queue = mq_open(NAME, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
    if (queue == (mqd_t)-1) {
        skip("large messages", "RLIMIT_MSGQUEUE or not root");
        return;
    }
    for (int i = 0; i < LARGE; i++)
        sent[i] = (char)(i * 7 + i / 1000);
    is_int(mq_send(queue, sent, LARGE, 3), 0, "a message of 3 MiB");
    is_int(mq_receive(queue, got, LARGE, &priority), LARGE, "is received");
    ok(priority == 3 && !memcmp(sent, got, LARGE), "whole");
    pid_t pid = start();
    if (pid == 0) {
        memset(got, 0, LARGE);
        _exit(mq_receive(queue, got, LARGE, NULL) != LARGE || memcmp(sent, got, LARGE));
    }
    let_block();
    is_int(mq_send(queue, sent, LARGE, 0), 0, "sent to who waits");
    is_int(reap_exit(pid), 0, "it comes whole");
    mq_send(queue, sent, LARGE, 0);
    mq_send(queue, "x", 1, 0);
    at = in_ms(20);
    is_errno(mq_timedsend(queue, sent, LARGE, 0, &at), ETIMEDOUT, "no room in time");
    pid = sender(queue, sent, LARGE, 9);
    is_int(mq_receive(queue, got, LARGE, NULL), LARGE, "room");
    is_int(reap_exit(pid), 0, "for who waited");
    memset(got, 0, LARGE);
    is_int(mq_receive(queue, got, LARGE, &priority), LARGE, "whose message comes");
    ok(priority == 9 && !memcmp(sent, got, LARGE), "whole");
    munmap((void *)(((unsigned long)sent + 2 * 1048576) & ~4095ul), 4096);
    is_errno(mq_send(queue, sent, LARGE, 0), EFAULT, "a page in the middle is not there");
    is_int(mq_receive(queue, got, LARGE, NULL), 1, "no part of it was sent");
    mq_close(queue);
    mq_unlink(NAME);
}

int main(void) {
    times();
    in_order();
    by_urgency();
    interrupted();
    closed_meanwhile();
    large();
    return done();
}
