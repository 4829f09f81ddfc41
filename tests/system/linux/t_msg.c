/* SPDX-License-Identifier: MIT */
/*
 * System V message queues: msgget(2), msgop(2), msgctl(2). Interruption by signals is in t_eintr.
 * Runs on Linux as root; qemu-user gets a reception's fields of IPC_STAT wrong.
 */
#include "tap.h"

#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>

#define KEY 0x50415201
#define SIZE 8192 /* the largest message by default */

struct message {
    long type;
    char data[SIZE + 8];
};

static struct message out, in;
static int queue;

static int send_text(long type, const char *text, int flags) {
    out.type = type;
    strcpy(out.data, text);
    return msgsnd(queue, &out, strlen(text) + 1, flags);
}

static ssize_t receive(long type, int flags) {
    memset(&in, 0, sizeof(in));
    return msgrcv(queue, &in, SIZE, type, flags | IPC_NOWAIT);
}

/* The next message of this type has this text. */
static bool receives(long type, int flags, const char *text) {
    return receive(type, flags) == (ssize_t)strlen(text) + 1 && !strcmp(in.data, text);
}

static void new_queue(void) {
    queue = msgget(IPC_PRIVATE, 0600);
    if (queue < 0)
        bail("msgget");
}

static void remove_queue(void) {
    is_int(msgctl(queue, IPC_RMID, NULL), 0, "IPC_RMID");
}

static void test_get(void) {
    int id, again;

    msgctl(msgget(KEY, 0), IPC_RMID, NULL);
    is_errno(msgget(KEY, 0600), ENOENT, "no such key: ENOENT");
    id = msgget(KEY, IPC_CREAT | IPC_EXCL | 0640);
    ok(id >= 0, "create by key");
    is_int(msgget(KEY, IPC_CREAT | 0640), id, "the same key gives the same queue");
    is_int(msgget(KEY, 0), id, "without IPC_CREAT too");
    is_errno(msgget(KEY, IPC_CREAT | IPC_EXCL | 0600), EEXIST, "IPC_EXCL: EEXIST");
    is_int(msgctl(id, IPC_RMID, NULL), 0, "remove it");
    is_errno(msgget(KEY, 0), ENOENT, "then the key is free");
    is_errno(msgctl(id, IPC_RMID, NULL), EINVAL, "and the id is bad: EINVAL");
    again = msgget(KEY, IPC_CREAT | 0600);
    ok(again >= 0 && again != id, "a new queue has another id");
    msgctl(again, IPC_RMID, NULL);
    id = msgget(IPC_PRIVATE, 0600);
    again = msgget(IPC_PRIVATE, 0600);
    ok(id >= 0 && again >= 0 && id != again, "IPC_PRIVATE makes a new queue each time");
    msgctl(id, IPC_RMID, NULL);
    msgctl(again, IPC_RMID, NULL);
    is_errno(msgctl(-1, IPC_STAT, &(struct msqid_ds){0}), EINVAL, "a negative id: EINVAL");
}

static void test_stat(void) {
    struct msqid_ds stat;
    time_t now = time(NULL);

    new_queue();
    is_int(msgctl(queue, IPC_STAT, &stat), 0, "IPC_STAT");
    ok(stat.msg_qnum == 0 && stat.__msg_cbytes == 0 && stat.msg_qbytes == 16384, "a new queue");
    ok(stat.msg_stime == 0 && stat.msg_rtime == 0 && labs(stat.msg_ctime - now) < 5, "its times");
    ok((stat.msg_perm.mode & 0777) == 0600 && stat.msg_perm.uid == geteuid() &&
           stat.msg_perm.cuid == geteuid(),
       "its permissions");
    send_text(1, "abc", 0);
    send_text(2, "defg", 0);
    msgctl(queue, IPC_STAT, &stat);
    ok(stat.msg_qnum == 2 && stat.__msg_cbytes == 9, "after two messages");
    ok(stat.msg_lspid == getpid() && stat.msg_lrpid == 0, "the last sender");
    receive(0, 0);
    msgctl(queue, IPC_STAT, &stat);
    ok(stat.msg_qnum == 1 && stat.__msg_cbytes == 5 && stat.msg_lrpid == getpid() &&
           labs(stat.msg_rtime - now) < 5,
       "after a reception");
    stat.msg_perm.mode = 0644;
    stat.msg_qbytes = 10;
    is_int(msgctl(queue, IPC_SET, &stat), 0, "IPC_SET");
    msgctl(queue, IPC_STAT, &stat);
    ok((stat.msg_perm.mode & 0777) == 0644 && stat.msg_qbytes == 10, "it has set");
    is_errno(send_text(1, "123456", IPC_NOWAIT), EAGAIN, "the new limit holds");
    is_int(send_text(1, "1234", IPC_NOWAIT), 0, "and is exact");
    is_errno(msgctl(queue, 12345, &stat), EINVAL, "an unknown command: EINVAL");
    is_errno(msgctl(queue, IPC_STAT, nowhere), EFAULT, "IPC_STAT: EFAULT");
    remove_queue();
}

static void test_sizes(void) {
    static const size_t sizes[] = {0, 1, 7, 8, 64, 1000, 4096, SIZE};

    new_queue();
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        out.type = 5;
        for (size_t at = 0; at < sizes[i]; at++)
            out.data[at] = (char)(at * 7 + i);
        msgsnd(queue, &out, sizes[i], 0);
        is_int(receive(0, 0), sizes[i], "a message of %zu bytes", sizes[i]);
        ok(in.type == 5 && !memcmp(in.data, out.data, sizes[i]), "arrives whole");
    }
    is_errno(msgsnd(queue, &out, SIZE + 1, IPC_NOWAIT), EINVAL, "above the limit: EINVAL");
    is_errno(msgsnd(queue, &out, (size_t)-1, IPC_NOWAIT), EINVAL, "a wild size: EINVAL");
    is_errno(send_text(0, "x", 0), EINVAL, "type 0: EINVAL");
    is_errno(send_text(-3, "x", 0), EINVAL, "a negative type: EINVAL");
    is_errno(msgsnd(queue, nowhere, 4, 0), EFAULT, "a bad message: EFAULT");
    is_errno(msgrcv(queue, &in, (size_t)-1, 0, IPC_NOWAIT), EINVAL, "a wild buffer: EINVAL");
    is_errno(msgrcv(-1, &in, 8, 0, 0), EINVAL, "msgrcv with a bad id: EINVAL");
    send_text(1, "0123456789", 0);
    is_errno(msgrcv(queue, &in, 4, 0, 0), E2BIG, "too long: E2BIG");
    is_int(msgrcv(queue, &in, 4, 0, MSG_NOERROR), 4, "MSG_NOERROR cuts it");
    ok(!memcmp(in.data, "0123", 4), "to its beginning");
    is_errno(receive(0, 0), ENOMSG, "and the rest is gone");
    remove_queue();
}

static void test_types(void) {
    ssize_t got;

    new_queue();
    send_text(3, "three", 0);
    send_text(1, "one", 0);
    send_text(2, "two", 0);
    send_text(1, "uno", 0);
    send_text(4, "four", 0);
    ok(receives(1, 0, "one"), "the first of a type");
    is_errno(receive(9, 0), ENOMSG, "none of a type: ENOMSG");
    ok(receives(-3, 0, "uno"), "a negative type takes the lowest");
    ok(receives(-3, 0, "two"), "then the next");
    ok(receives(3, MSG_EXCEPT, "four"), "MSG_EXCEPT");
    is_int(in.type, 4, "the type is delivered");
    is_errno(receive(-2, 0), ENOMSG, "nothing that low: ENOMSG");
    errno = 0;
    got = msgrcv(queue, &in, SIZE, 0, MSG_COPY | IPC_NOWAIT);
    if (got < 0 && (errno == ENOSYS || errno == EINVAL))
        skip("MSG_COPY", "not supported");
    else
        ok(got == 6 && in.type == 3, "MSG_COPY");
    ok(receives(0, 0, "three"), "type 0 takes the first");
    is_errno(receive(0, 0), ENOMSG, "an empty queue: ENOMSG");
    remove_queue();
}

/* ---- Blocking ----------------------------------------------------------------------------- */

static int wait_for_seven(void) {
    ssize_t got = msgrcv(queue, &in, SIZE, 7, 0);

    return got == 6 && !strcmp(in.data, "seven") ? 0 : 1;
}

static int wait_removed(void) {
    return msgrcv(queue, &in, SIZE, 0, 0) == -1 && errno == EIDRM ? 0 : 1;
}

static int send_until_removed(void) {
    while (send_text(1, "filling the queue up", 0) == 0)
        continue;
    return errno == EIDRM ? 0 : 1;
}

static pid_t start_blocked(int (*function)(void)) {
    pid_t pid = start();

    if (pid == 0) {
        alarm(30);
        _exit(function());
    }
    let_block();
    return pid;
}

static void test_blocking(void) {
    pid_t first, second;

    new_queue();
    first = start_blocked(wait_for_seven);
    send_text(6, "six", 0);
    let_block();
    is_int(waitpid(first, NULL, WNOHANG), 0, "a receiver waits for its type");
    send_text(7, "seven", 0);
    is_int(reap_exit(first), 0, "and gets it");
    ok(receives(0, 0, "six"), "the other stays");
    first = start_blocked(wait_for_seven);
    kill(first, SIGKILL);
    reap(first);
    send_text(7, "seven", 0);
    ok(receives(7, 0, "seven"), "a killed receiver takes nothing with it");
    first = start_blocked(wait_removed);
    second = start_blocked(wait_removed);
    remove_queue();
    is_int(reap_exit(first), 0, "removal wakes a receiver: EIDRM");
    is_int(reap_exit(second), 0, "each of them");
    new_queue();
    first = start_blocked(send_until_removed);
    is_int(waitpid(first, NULL, WNOHANG), 0, "a sender waits for room");
    receive(0, 0);
    let_block();
    is_errno(send_text(1, "filling the queue up", IPC_NOWAIT), EAGAIN, "which it takes at once");
    remove_queue();
    is_int(reap_exit(first), 0, "removal wakes a sender: EIDRM");
}

static int check_stranger(void) {
    struct msqid_ds stat;

    if (setgid(12345) < 0 || setuid(12345) < 0)
        return 77;
    if (send_text(1, "x", IPC_NOWAIT) != -1 || errno != EACCES)
        return 1;
    if (receive(0, 0) != -1 || errno != EACCES)
        return 2;
    if (msgctl(queue, IPC_STAT, &stat) != -1 || errno != EACCES)
        return 3;
    if (msgctl(queue, IPC_RMID, NULL) != -1 || errno != EPERM)
        return 4;
    return 0;
}

static void test_permissions(void) {
    int status;

    new_queue();
    status = WEXITSTATUS(in_child(check_stranger));
    if (status == 77)
        skip("another user is kept out", "cannot change the user");
    else
        is_int(status, 0, "another user is kept out");
    remove_queue();
}

static void test_info(void) {
    struct msginfo limits, used;
    struct msqid_ds stat;
    int highest, found = 0;

    new_queue();
    send_text(1, "123", 0);
    ok(msgctl(0, IPC_INFO, (struct msqid_ds *)&limits) >= 0, "IPC_INFO");
    ok(limits.msgmax == SIZE && limits.msgmnb == 16384 && limits.msgmni > 0, "the limits");
    highest = msgctl(0, MSG_INFO, (struct msqid_ds *)&used);
    ok(highest >= 0 && used.msgpool >= 1 && used.msgmap >= 1 && used.msgtql >= 4, "MSG_INFO");
    for (int i = 0; i <= highest; i++)
        found += msgctl(i, MSG_STAT, &stat) == queue && stat.msg_qnum == 1;
    is_int(found, 1, "MSG_STAT finds the queue once");
    is_int(msgctl(queue, MSG_STAT, &stat), queue, "and by its whole id");
    is_int(msgctl(-1, MSG_STAT, &stat), -1, "but not by a negative one");
    remove_queue();
}

/* ---- Where a message lies: its length decides how it travels ------------------------------- */

#define PAGE 4096

/* A process that sends each message of type 1 back as one of type 2, up to one of 200 bytes. */
static pid_t start_mirror(void) {
    pid_t mirror = start();
    if (mirror)
        return mirror;
    for (;;) {
        ssize_t got = msgrcv(queue, &in, SIZE, 1, 0);
        in.type = 2;
        if (got < 0 || msgsnd(queue, &in, (size_t)got, 0) < 0)
            _exit(1);
        if (got == 200)
            _exit(0);
    }
}

/* There and back, by the mirror if it is there. */
static bool survives(char *at, size_t length, bool mirrored) {
    long type = mirrored ? 1 : 2;
    char sent[PAGE];

    for (size_t i = 0; i < length; i++)
        sent[i] = (char)(i * 7 + length + mirrored);
    memcpy(at, &type, sizeof(type));
    memcpy(at + sizeof(type), sent, length);
    if (msgsnd(queue, at, length, 0) != 0)
        return false;
    memset(at - 8, 0x55, length + 8 + sizeof(type));
    if (msgrcv(queue, at, length, 2, 0) != (ssize_t)length)
        return false;
    memcpy(&type, at, sizeof(type));
    return type == 2 && !memcmp(at + sizeof(type), sent, length) && at[-1] == 0x55;
}

static void test_places(void) {
    char *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *end = pages + PAGE;
    unsigned int wrong[2] = {0, 0}, sent = 0;
    struct msqid_ds stat;
    pid_t mirror;

    munmap(end, PAGE);
    new_queue();
    mirror = start_mirror();
    for (size_t length = 0; length < 200; length++)
        for (size_t gap = 0; gap <= 8; gap++)
            for (int mirrored = 0; mirrored < 2; mirrored++)
                wrong[mirrored] += !survives(end - gap - 8 - length, length, mirrored);
    wrong[1] += !survives(pages + 8, 200, true);
    is_int(wrong[0], 0, "messages of any length, anywhere before the end of memory");
    is_int(wrong[1], 0, "the same by way of another process");
    is_int(reap(mirror), 0, "which ends well");
    memset(pages, 1, PAGE);
    for (size_t length = 1; length <= 100; length++)
        sent += msgsnd(queue, end - 7 - length, length, IPC_NOWAIT) != -1 || errno != EFAULT;
    is_int(sent, 0, "one that lacks its last byte: EFAULT");
    is_int(msgctl(queue, IPC_STAT, &stat) == 0 ? (int)stat.msg_qnum : -1, 0, "and nothing is sent");
    for (size_t length = 1; length <= 100; length += 9) {
        msgsnd(queue, &out, length, 0);
        sent += msgrcv(queue, end - 7 - length, length, 0, IPC_NOWAIT) != -1 || errno != EFAULT;
        receive(0, 0); /* if it was not lost */
    }
    is_int(sent, 0, "nor can it be received there: EFAULT");
    munmap(pages, PAGE);
    remove_queue();
}

/* Of several mistakes the first that Linux looks for is told. */
static void test_first_mistake(void) {
    char *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    long *last = (long *)(pages + PAGE) - 1; /* a type without a text */
    unsigned int wrong = 0;

    munmap(pages + PAGE, PAGE);
    new_queue();
    for (size_t size = 1; size <= 100; size++) {
        *last = 0;
        wrong += msgsnd(queue, last, size, IPC_NOWAIT) != -1 || errno != EINVAL;
        *last = 1;
        wrong += msgsnd(queue, last, size, IPC_NOWAIT) != -1 || errno != EFAULT;
        wrong += msgsnd(-1, last, size, IPC_NOWAIT) != -1 || errno != EINVAL;
        wrong += msgsnd(queue + 77777, last, size, IPC_NOWAIT) != -1 || errno != EFAULT;
    }
    is_int(wrong, 0, "type and id before a text that is not there");
    for (long at = -1; at >= -80; at--)
        for (size_t size = 0; size < 80; size++)
            wrong += msgsnd(queue, (void *)at, size, IPC_NOWAIT) != -1 || errno != EFAULT;
    is_int(wrong, 0, "across the end of the address space: EFAULT");
    send_text(1, "0123456789", 0);
    errno = 0;
    if (msgrcv(queue, &in, SIZE, 0, MSG_COPY | IPC_NOWAIT) < 0)
        skip("MSG_COPY", "not supported");
    else
        is_errno(msgrcv(queue, &in, 4, 0, MSG_COPY | IPC_NOWAIT | MSG_NOERROR), EINVAL,
                 "a copy is not cut: EINVAL");
    munmap(pages, PAGE);
    remove_queue();
}

/* ---- Much --------------------------------------------------------------------------------- */

#define MESSAGES 100000

static int produce(void) {
    unsigned int seed = 1;

    for (int i = 0; i < MESSAGES; i++) {
        seed = seed * 1103515245 + 12345;
        out.type = 1 + (long)(seed >> 28);
        memcpy(out.data, &seed, sizeof(seed));
        if (msgsnd(queue, &out, 4 + (seed >> 16) % 60, 0) < 0)
            return 1;
    }
    return 0;
}

static void test_many(void) {
    unsigned int seed = 1, wrong = 0;
    pid_t producer;

    new_queue();
    producer = start();
    if (producer == 0)
        _exit(produce());
    for (int i = 0; i < MESSAGES; i++) {
        ssize_t got = msgrcv(queue, &in, SIZE, 0, 0);

        seed = seed * 1103515245 + 12345;
        wrong += got != 4 + (seed >> 16) % 60 || in.type != 1 + (long)(seed >> 28) ||
                 memcmp(in.data, &seed, sizeof(seed));
        if (got < 0)
            break;
    }
    is_int(wrong, 0, "%d messages from another process, all right and in order", MESSAGES);
    is_int(reap(producer), 0, "their sender");
    is_errno(receive(0, 0), ENOMSG, "and no more");
    remove_queue();
}

int main(void) {
    test_get();
    test_stat();
    test_sizes();
    test_types();
    test_blocking();
    test_permissions();
    test_info();
    test_places();
    test_first_mistake();
    test_many();
    return done();
}
