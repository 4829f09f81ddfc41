/* SPDX-License-Identifier: MIT */
/*
 * Who waits in a call and is stopped gets nothing meanwhile; when he goes on the call is made again, for the rest of
 * its time, or fails with EINTR (signal(7)).
 */
#include "futex.h"
#include "tap.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define MS 1000000ull
#define LONG_MS 600u               /* a time that a child waits */
#define STOP_MS (LONG_MS * 3 / 10) /* for how long it is stopped meanwhile, or beyond that time */
#define BEYOND_MS (LONG_MS * 12 / 10)
#define LATE_MS (LONG_MS / 4) /* how much later it may end */

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* What a child's call came to. */
struct outcome {
    volatile uint32_t word;
    volatile uint32_t handled;
    long result;
    int error;
    uint64_t ns; /* how long it took */
    char text[16];
};
static struct outcome *out;

/* A child that waits in a call; it sleeps there when this returns. */
static bool sleeps(pid_t pid) {
    char name[40], text[200], *state;
    sprintf(name, "/proc/%d/stat", pid);
    FILE *f = fopen(name, "r");
    bool found =
        f && fgets(text, sizeof text, f) && (state = strrchr(text, ')')) && state[2] == 'S';
    if (f)
        fclose(f);
    return found;
}

static pid_t child_in(long (*call)(void)) {
    memset(out, 0, sizeof *out);
    pid_t pid = fork();
    if (pid == 0) {
        uint64_t began = now_ns();
        errno = 0;
        out->word = 1;
        out->result = call();
        out->error = errno;
        out->ns = now_ns() - began;
        _exit(0);
    }
    while (!out->word || !sleeps(pid))
        usleep(2000);
    usleep(10000); /* it may have slept on its way there, at a fault */
    return pid;
}

static void stop(pid_t pid) {
    int status;
    kill(pid, SIGSTOP);
    waitpid(pid, &status, WUNTRACED);
}

static void go_on(pid_t pid) {
    kill(pid, SIGCONT);
}

static void end(pid_t pid) {
    waitpid(pid, NULL, 0);
}

/* ---- Messages ---- */

static int queue;
struct text {
    long type;
    char text[8];
};

static long receive(void) {
    struct text text = {0};
    long length = msgrcv(queue, &text, sizeof text.text, 0, 0);
    memcpy(out->text, text.text, sizeof text.text);
    return length;
}

static int queued(void) {
    struct msqid_ds ds;
    return msgctl(queue, IPC_STAT, &ds) < 0 ? -1 : (int)ds.msg_qnum;
}

static void messages(void) {
    struct text first = {1, "first"}, got;
    queue = msgget(IPC_PRIVATE, 0600);
    pid_t pid = child_in(receive);
    stop(pid);
    is_int(msgsnd(queue, &first, sizeof first.text, 0), 0, "msgsnd to a stopped receiver");
    is_int(queued(), 1, "stays in the queue");
    is_int(msgrcv(queue, &got, sizeof got.text, 0, IPC_NOWAIT), 8, "another may receive it");
    go_on(pid);
    memcpy(first.text, "second", 7);
    is_int(msgsnd(queue, &first, sizeof first.text, 0), 0, "when it goes on");
    end(pid);
    is_int(out->result, 8, "it receives the next");
    ok(!strcmp(out->text, "second"), "which is that");
    msgctl(queue, IPC_RMID, NULL);
}

static mqd_t mq;

static long mq_receive_one(void) {
    return mq_receive(mq, out->text, sizeof out->text, NULL);
}

static void posix_messages(void) {
    struct mq_attr attributes = {.mq_maxmsg = 2, .mq_msgsize = 16};
    char text[16];
    mq = mq_open("/stopwait", O_RDWR | O_CREAT, 0600, &attributes);
    mq_unlink("/stopwait");
    pid_t pid = child_in(mq_receive_one);
    stop(pid);
    is_int(mq_send(mq, "one", 4, 0), 0, "mq_send to a stopped receiver");
    is_int(mq_receive(mq, text, 16, NULL), 4, "another may receive it");
    go_on(pid);
    is_int(mq_send(mq, "two", 4, 0), 0, "when it goes on");
    end(pid);
    is_int(out->result, 4, "it receives the next");
    ok(!strcmp(out->text, "two"), "which is that");
    mq_close(mq);
}

static int ends[2];

static long read_one(void) {
    return read(ends[0], out->text, 1);
}

static void pipes(void) {
    char c = 0;
    if (pipe(ends) < 0)
        return;
    pid_t pid = child_in(read_one);
    stop(pid);
    is_int(write(ends[1], "a", 1), 1, "a byte for a stopped reader");
    is_int(read(ends[0], &c, 1), 1, "is another's");
    go_on(pid);
    is_int(write(ends[1], "b", 1), 1, "when it goes on");
    end(pid);
    is_int(out->result, 1, "it reads the next");
    is_int(out->text[0], 'b', "which is that");
}

/* ---- Calls that end ---- */

static int set;

static long take(void) {
    struct sembuf op = {0, -1, 0};
    return semop(set, &op, 1);
}

static long wait_for_events(void) {
    struct epoll_event event;
    return epoll_wait(epoll_create1(0), &event, 1, -1);
}

static long wait_for_signal(void) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR2);
    return sigwaitinfo(&signals, NULL);
}

static int pair[2];

static long receive_in_time(void) {
    struct timeval long_time = {100, 0};
    char c;
    setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &long_time, sizeof long_time);
    return recv(pair[0], &c, 1, 0);
}

static void ends_with_eintr(long (*call)(void), const char *name) {
    pid_t pid = child_in(call);
    stop(pid);
    go_on(pid);
    end(pid);
    ok(out->result == -1 && out->error == EINTR, "a stop ends %s: EINTR", name);
}

static void ending(void) {
    set = semget(IPC_PRIVATE, 1, 0600);
    if (set < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        return;
    ends_with_eintr(take, "semop");
    is_int(semctl(set, 0, GETNCNT), 0, "and nobody waits there any more");
    ends_with_eintr(wait_for_events, "epoll_wait");
    ends_with_eintr(wait_for_signal, "sigwaitinfo");
    ends_with_eintr(receive_in_time, "recv with SO_RCVTIMEO");
    semctl(set, 0, IPC_RMID);
}

/* ---- Time ---- */

static struct timespec a_while = {0, LONG_MS *(long)MS};

static long sleep_a_while(void) {
    return nanosleep(&a_while, NULL);
}

static long poll_a_while(void) {
    struct pollfd p = {ends[0], POLLIN, 0};
    return poll(&p, 1, (int)LONG_MS);
}

static long select_a_while(void) {
    fd_set fds;
    struct timeval time = {0, LONG_MS * 1000};
    FD_ZERO(&fds);
    FD_SET(ends[0], &fds);
    return select(ends[0] + 1, &fds, NULL, NULL, &time);
}

static long wait_at_futex(void) {
    return syscall(SYS_futex, &out->handled, FUTEX_WAIT, 0, &a_while, NULL, 0);
}

/* Linux does not count the time of a stop in ppoll and pselect6, and in poll, which some machines have, it does. */
static void keeps_its_time(long (*call)(void), const char *name, int error, bool not_counted) {
    for (int beyond = 0; beyond < 2; beyond++) {
        uint64_t stopped = beyond ? BEYOND_MS : STOP_MS, end_ms = beyond ? BEYOND_MS : LONG_MS;
        pid_t pid = child_in(call);
        stop(pid);
        usleep((useconds_t)stopped * 1000);
        if (!beyond)
            is_int(syscall(SYS_futex, &out->handled, FUTEX_WAKE, 1, NULL, NULL, 0), 0,
                   "nobody to be woken is in %s", name);
        go_on(pid);
        end(pid);
        is_int(out->error, error, "%s ends as if it had not been stopped", name);
        end_ms += LATE_MS + (not_counted ? LONG_MS : 0);
        ok(out->ns >= LONG_MS * MS && out->ns < end_ms * MS,
           "its time is over as it was to be%s (%lu ms)", beyond ? ", at once if that is past" : "",
           (unsigned long)(out->ns / MS));
    }
}

static void on_signal(int signal) {
    (void)signal;
    out->handled++;
}

static long handled_call(long (*call)(void)) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &action, NULL);
    return call();
}

static long sleep_handled(void) {
    return handled_call(sleep_a_while);
}

static long futex_handled(void) {
    return handled_call(wait_at_futex);
}

static long receive_handled(void) {
    return handled_call(receive_in_time);
}

static long read_handled(void) {
    return handled_call(read_one);
}

/* SA_RESTART makes no difference to these. */
static void handled(long (*call)(void), const char *name) {
    pid_t pid = child_in(call);
    stop(pid);
    go_on(pid);
    usleep(20000);
    kill(pid, SIGUSR1);
    end(pid);
    ok(out->result == -1 && out->error == EINTR, "a handler ends %s, SA_RESTART or not", name);
}

static void handlers(void) {
    handled(sleep_handled, "nanosleep");
    handled(futex_handled, "a futex's time-out");
    pid_t pid = child_in(receive_handled);
    kill(pid, SIGUSR1);
    end(pid);
    ok(out->result == -1 && out->error == EINTR, "and recv with SO_RCVTIMEO");
    pid = child_in(read_handled);
    kill(pid, SIGUSR1);
    while (!out->handled)
        usleep(1000);
    stop(pid);
    go_on(pid);
    is_int(write(ends[1], "c", 1), 1, "a reader who handles a signal and is stopped");
    end(pid);
    is_int(out->result, 1, "reads all the same");
}

int main(void) {
    out = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    messages();
    posix_messages();
    pipes();
    ending();
    keeps_its_time(sleep_a_while, "nanosleep", 0, 0);
    keeps_its_time(poll_a_while, "poll", 0, 1);
    keeps_its_time(select_a_while, "select", 0, 1);
    keeps_its_time(wait_at_futex, "FUTEX_WAIT", ETIMEDOUT, 0);
    handlers();
    return done();
}
