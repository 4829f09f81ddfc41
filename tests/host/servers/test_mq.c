/* SPDX-License-Identifier: MIT */
/*
 * The server of POSIX message queues: random runs against a model that looks at everything every time. What vfs does with
 * descriptors and names is a few tables here (files_*).
 */
#include "kernel.h"
#include <lib/clock.h>
#include <mq/mq.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include "model.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIDS = 4, FDS = 6, NAMES = 3, CALLS = 24, MOST = 6, SIZE = 300 };

/* ---- vfs ---------------------------------------------------------------------------------- */

static uint64_t words[VFS_SERVED_WORDS] = {1};
const volatile uint64_t *files_words = words;

struct open_file {
    struct queue *queue; /* NULL: closed */
    uint32_t flags;
};
static struct open_file files[PIDS + 1][FDS];
static struct queue *names[NAMES];
static unsigned asked;
static struct {
    const struct queue *queue;
    int pid;
} watched[64]; /* whose closing is to be told; pid 0: nobody's */

static bool is_used(const struct queue *queue) {
    bool used = false;
    for (int i = 0; i < NAMES; i++)
        used |= names[i] == queue;
    for (int pid = 1; pid <= PIDS; pid++)
        for (int fd = 0; fd < FDS; fd++)
            used |= files[pid][fd].queue == queue;
    return used;
}

static void close_file(int pid, int fd) {
    struct queue *queue = files[pid][fd].queue;
    if (!queue)
        return;
    files[pid][fd].queue = NULL;
    words[1 + pid % VFS_SERVED_PLACES]++;
    for (size_t i = 0; i < sizeof(watched) / sizeof(*watched); i++)
        if (watched[i].queue == queue && watched[i].pid == pid) {
            static unsigned closed;
            watched[i].pid = 0;
            if (++closed % 2) /* else it will be heard of too late for anybody to see */
                notify_closed(queue);
        }
    if (!is_used(queue))
        queue_end(queue);
}

void files_tell(const struct queue *queue, uint32_t changed) {
    (void)queue, (void)changed;
}
long files_at(int pid, int fd, struct queue **queue, uint32_t *flags) {
    asked++;
    if (fd < 0 || fd >= FDS || !files[pid][fd].queue)
        return -EBADF;
    *queue = files[pid][fd].queue;
    *flags = files[pid][fd].flags;
    return 0;
}
static long give(int pid, struct queue *queue, uint32_t flags) {
    for (int fd = 0; fd < FDS; fd++)
        if (!files[pid][fd].queue) {
            files[pid][fd] = (struct open_file){queue, flags};
            return fd;
        }
    return -EMFILE;
}
long files_open(int pid, uint32_t flags, const char *name, uint64_t length, struct queue **queue) {
    (void)length;
    *queue = names[*name - 'a'];
    return *queue ? give(pid, *queue, flags) : -ENOENT;
}
long files_make(int pid, const struct queue *queue, uint32_t flags, uint32_t mode, const char *name,
                uint64_t length) {
    (void)mode, (void)length;
    long fd = give(pid, (struct queue *)(uintptr_t)queue, flags);
    if (fd >= 0)
        names[*name - 'a'] = files[pid][fd].queue;
    return fd;
}
long files_unlink(int pid, const char *name, uint64_t length) {
    (void)pid, (void)length;
    struct queue *queue = names[*name - 'a'];
    names[*name - 'a'] = NULL;
    if (queue && !is_used(queue))
        queue_end(queue);
    return queue ? 0 : -ENOENT;
}
long files_nonblock(int pid, int fd, bool on) {
    files[pid][fd].flags = (files[pid][fd].flags & ~O_NONBLOCK) | (on ? O_NONBLOCK : 0);
    words[0]++;
    return 0;
}
long files_read(int pid, int fd, uint64_t size, uint64_t room, uint64_t *offset) {
    (void)pid, (void)fd, (void)size, (void)room;
    *offset = 0;
    return 0;
}
void files_watch(const struct queue *queue, int pid) {
    size_t at = 0, unused = 0;
    for (; at < sizeof(watched) / sizeof(*watched) && watched[at].queue != queue; at++)
        unused = watched[at].queue && is_used(watched[at].queue) ? unused : at;
    at = at < sizeof(watched) / sizeof(*watched) ? at : unused;
    watched[at].queue = queue;
    watched[at].pid = pid;
}
bool files_watched(const struct queue *queue, int pid) {
    for (size_t i = 0; i < sizeof(watched) / sizeof(*watched); i++)
        if (watched[i].queue == queue)
            return watched[i].pid == pid;
    return false;
}
long files_cookie(int pid, int fd, const void *cookie, uint64_t *number) {
    (void)pid, (void)fd, (void)cookie, (void)number;
    return -ENOTSOCK;
}
void files_cookie_send(uint64_t number, uint32_t end) {
    (void)number, (void)end;
}
bool files_gone(void) {
    return false;
}
void files_times(const struct queue *queue) {
    assert_true(queue->changed <= clock_realtime_ns() && queue->looked <= clock_realtime_ns());
}
struct queue *files_queue(uint64_t number) {
    struct hash_node *node = hash_find(&mq_state.table, number);
    return node ? container_of(node, struct queue, node) : NULL;
}
uint64_t files_number(void) {
    static uint64_t last;
    return ++last;
}

/* ---- Calls -------------------------------------------------------------------------------- */

static const struct server server = {
    .name = "mq", .protocol = &mq_protocol, .clients = &mq_clients, .check = mq_check};

static int setup(void **state) {
    static struct pk_boot_info info;
    (void)state;
    boot_info = &info;
    mock_start(&server);
    list_init(&mq_state.queues);
    for (int pid = 1; pid <= PIDS; pid++)
        mock_connect(pid, 100, 100);
    memset(files, 0, sizeof(files));
    memset(names, 0, sizeof(names));
    memset(watched, 0, sizeof(watched));
    return 0;
}

static void end_all(void) {
    for (int pid = 1; pid <= PIDS; pid++)
        for (int fd = 0; fd < FDS; fd++)
            close_file(pid, fd);
    for (int i = 0; i < NAMES; i++)
        files_unlink(1, (const char[]){(char)('a' + i)}, 1);
}

static int teardown(void **state) {
    (void)state;
    end_all();
    for (int pid = 1; pid <= PIDS; pid++)
        mock_exit(pid);
    mock_jobs();
    assert_int_equal(mq_state.count, 0);
    assert_int_equal(mq_state.messages, 0);
    assert_true(list_empty(&mq_state.queues));
    return 0;
}

static long open_queue(int pid, char name, uint32_t flags, int64_t maxmsg, int64_t msgsize) {
    char text[2] = {name, 0};
    return mock_call((uint64_t)pid, MQ_LABEL_OPEN,
                     WORDS(flags, 0600, 0, (uint64_t)maxmsg, (uint64_t)msgsize), text, 2, 0, 0);
}

static void start_send(struct call *call, int pid, int fd, uint32_t priority, const void *text,
                       uint64_t length, int64_t deadline) {
    static unsigned turn;
    if (length <= PK_TEXT_SIZE && turn++ % 2) {
        uint64_t w[PK_WORDS] = {(uint32_t)fd | (uint64_t)priority << MQ_SHORT_PRIORITY_SHIFT |
                                    length << MQ_SHORT_LENGTH_SHIFT,
                                (uint64_t)deadline};
        memcpy(&w[PK_TEXT_WORD], text, length);
        mock_send_words(call, pid, MQ_LABEL_SEND_SHORT, w);
        return;
    }
    mock_send(call, pid, MQ_LABEL_SEND, WORDS((uint32_t)fd, priority, (uint64_t)deadline), text,
              length, 0, 0);
}

static void start_receive(struct call *call, int pid, int fd, void *room, uint64_t size,
                          int64_t deadline) {
    mock_send(call, pid, MQ_LABEL_RECEIVE, WORDS((uint32_t)fd, (uint64_t)deadline), 0, 0, room,
              size);
}

static const char *text_of(const struct call *call) {
    return call->result <= PK_TEXT_SIZE ? (const char *)&call->reply.w[PK_TEXT_WORD] : call->out;
}

/* ---- The model ---------------------------------------------------------------------------- */

struct model_message {
    uint32_t priority;
    uint64_t length, serial;
};

struct model {
    struct queue *queue;
    struct model_message messages[MOST]; /* in the order of arrival */
    unsigned count;
    int registered; /* a pid, or 0 */
    bool loud;      /* by a signal */
    uint64_t value;
};

struct pending {
    struct call call;
    bool active, sends;
    struct model *model;
    uint64_t arrival;
    int64_t deadline;
    struct model_message message;
    char text[SIZE];
};

static struct model models[32];
static struct pending pending[CALLS];
static uint64_t steps;

static struct model *model_of(struct queue *queue) {
    struct model *free_one = NULL;
    for (size_t i = 0; i < sizeof(models) / sizeof(*models); i++) {
        if (models[i].queue == queue)
            return &models[i];
        bool used = models[i].queue && is_used(models[i].queue);
        for (int j = 0; j < CALLS; j++)
            used |= pending[j].active && pending[j].model == &models[i];
        if (!used)
            free_one = &models[i];
    }
    assert_non_null(free_one);
    *free_one = (struct model){.queue = queue};
    return free_one;
}

static struct pending *first_pending(const struct model *m, bool sends) {
    struct pending *first = NULL;
    for (int i = 0; i < CALLS; i++) {
        struct pending *p = &pending[i];
        if (p->active && p->model == m && p->sends == sends &&
            (!first || p->arrival < first->arrival))
            first = p;
    }
    return first;
}

static void expect_message(struct pending *p, const struct model_message *want) {
    assert_true(p->call.answered);
    assert_int_equal(p->call.result, want->length);
    assert_int_equal(p->call.reply.w[0], want->priority);
    if (want->length >= sizeof(want->serial))
        assert_memory_equal(text_of(&p->call), &want->serial, sizeof(want->serial));
    p->active = false;
}

/* True: somebody must be told of it. */
static bool model_arrive(struct model *m, const struct model_message *message) {
    struct pending *receiver = first_pending(m, false);
    if (receiver) {
        expect_message(receiver, message);
        return false;
    }
    assert_true(m->count < m->queue->maxmsg);
    m->messages[m->count++] = *message;
    return m->count == 1 && m->registered;
}

static long notice(uint64_t badge, struct pk_msg *reply) {
    struct request req = {.token = UINT64_MAX >> 4};
    req.msg.label = MQ_LABEL_NOTICE;
    req.msg.badge = badge;
    long result = server_handle(&server, &req);
    *reply = req.msg;
    return result;
}

static void fetch_notice(const struct model *m, const struct call *sender) {
    struct pk_msg reply;
    assert_true(mock_notified & MQ_EVENT_NOTICE);
    mock_notified = 0;
    assert_int_equal(notice(1, &reply), -EPERM); /* it is proc's to ask */
    assert_int_equal(notice(PK_BADGE_PROC, &reply), 0);
    assert_int_equal(reply.w[0], m->registered);
    assert_int_equal(reply.w[1], 10);
    assert_int_equal(reply.w[2], m->value);
    assert_int_equal(reply.w[3], sender->pid);
    assert_false(sender->answered);
    assert_int_equal(notice(PK_BADGE_PROC, &reply), -EAGAIN);
    assert_true(sender->answered);
}

static void random_send(struct pending *p, int pid, int fd) {
    static const uint64_t lengths[] = {0, 8, 40, 64, 65, 200, SIZE};
    static uint64_t serial;
    const struct open_file *file = &files[pid][fd];
    p->sends = true;
    p->message = (struct model_message){mock_random(3), lengths[mock_random(7)], ++serial};
    memset(p->text, 0, sizeof(p->text));
    memcpy(p->text, &serial, sizeof(serial));
    start_send(&p->call, pid, fd, p->message.priority, p->text, p->message.length, p->deadline);
    if (!file->queue || (file->flags & O_ACCMODE) == O_RDONLY) {
        assert_int_equal(p->call.result, -EBADF);
        return;
    }
    struct model *m = p->model = model_of(file->queue);
    if (p->message.length > m->queue->msgsize) {
        assert_int_equal(p->call.result, -EMSGSIZE);
    } else if (m->count < m->queue->maxmsg) {
        if (model_arrive(m, &p->message)) {
            if (m->loud)
                fetch_notice(m, &p->call);
            m->registered = 0;
        }
        assert_true(p->call.answered);
        assert_int_equal(p->call.result, 0);
    } else if (file->flags & O_NONBLOCK) {
        assert_int_equal(p->call.result, -EAGAIN);
    } else {
        assert_false(p->call.answered);
        p->active = true;
    }
}

static void random_receive(struct pending *p, int pid, int fd) {
    const struct open_file *file = &files[pid][fd];
    uint64_t room = mock_random(8) ? SIZE : 100;
    p->sends = false;
    start_receive(&p->call, pid, fd, p->text, room, p->deadline);
    if (!file->queue || (file->flags & O_ACCMODE) == O_WRONLY) {
        assert_int_equal(p->call.result, -EBADF);
        return;
    }
    struct model *m = p->model = model_of(file->queue);
    if (room < m->queue->msgsize) {
        assert_int_equal(p->call.result, -EMSGSIZE);
    } else if (m->count) {
        unsigned best = 0;
        for (unsigned i = 1; i < m->count; i++)
            if (m->messages[i].priority > m->messages[best].priority)
                best = i;
        struct model_message got = m->messages[best];
        memmove(&m->messages[best], &m->messages[best + 1],
                (--m->count - best) * sizeof(*m->messages));
        struct pending *sender = first_pending(m, true);
        if (sender) {
            assert_true(sender->call.answered);
            assert_int_equal(sender->call.result, 0);
            sender->active = false;
            model_arrive(m, &sender->message);
        }
        expect_message(p, &got);
    } else if (file->flags & O_NONBLOCK) {
        assert_int_equal(p->call.result, -EAGAIN);
    } else {
        assert_false(p->call.answered);
        p->active = true;
    }
}

static void random_notify(int pid, int fd) {
    int how = MQ_NOTIFY_REMOVE + (int)mock_random(3);
    static uint64_t value;
    long result = mock_call((uint64_t)pid, MQ_LABEL_NOTIFY,
                            WORDS((uint32_t)fd, (uint32_t)how, 10, ++value), 0, 0, 0, 0);
    if (!files[pid][fd].queue) {
        assert_int_equal(result, -EBADF);
        return;
    }
    struct model *m = model_of(files[pid][fd].queue);
    if (how == MQ_NOTIFY_REMOVE) {
        assert_int_equal(result, 0);
        m->registered = m->registered == pid ? 0 : m->registered;
    } else if (m->registered) {
        assert_int_equal(result, -EBUSY);
    } else {
        assert_int_equal(result, 0);
        m->registered = pid;
        m->loud = how == MQ_NOTIFY_SIGNAL;
        m->value = value;
    }
}

static void random_close(int pid, int fd) {
    struct queue *queue = files[pid][fd].queue;
    struct model *m = queue ? model_of(queue) : NULL;
    if (m && m->registered == pid)
        m->registered = 0;
    close_file(pid, fd);
}

static void random_open(int pid) {
    uint32_t flags = mock_random(3) | O_CREAT | (mock_random(2) ? O_NONBLOCK : 0);
    char name = (char)('a' + mock_random(NAMES));
    if (mock_random(10) == 0)
        files_unlink(pid, &name, 1);
    long fd = open_queue(pid, name, flags, 1 + mock_random(MOST), 50 + mock_random(SIZE - 49));
    assert_true(fd >= 0 || fd == -EMFILE);
}

static void end_pending(struct pending *p) {
    model_end_call(&p->call);
    p->active = false;
}

static void pass_time(void) {
    mock_advance(mock_random(1000));
    for (int i = 0; i < CALLS; i++) {
        struct pending *p = &pending[i];
        if (p->active && p->deadline <= (int64_t)clock_realtime_ns()) {
            assert_true(p->call.answered);
            assert_int_equal(p->call.result, -ETIMEDOUT);
            p->active = false;
        }
    }
}

static void random_call(struct pending *p) {
    int pid = 1 + (int)mock_random(PIDS), fd = (int)mock_random(FDS);
    p->arrival = steps;
    p->deadline =
        mock_random(2) ? MQ_FOR_EVER : (int64_t)clock_realtime_ns() + 1 + mock_random(3000);
    switch (mock_random(16)) {
    case 0:
        random_open(pid);
        break;
    case 1:
        random_close(pid, fd);
        break;
    case 2:
        random_notify(pid, fd);
        break;
    case 3:
        pass_time();
        break;
    default:
        if (mock_random(2))
            random_send(p, pid, fd);
        else
            random_receive(p, pid, fd);
    }
}

static void check_all(void) {
    for (int i = 0; i < CALLS; i++)
        assert_true(!pending[i].active || !pending[i].call.answered);
    for (int i = 0; i < NAMES; i++) {
        if (!names[i])
            continue;
        const struct model *m = model_of(names[i]);
        int how, signal;
        assert_int_equal(names[i]->messages.count, m->count);
        assert_int_equal(notify_pid(names[i], &how, &signal), m->registered);
    }
}

static void begin_at_random(void) {
    memset(models, 0, sizeof(models));
    memset(pending, 0, sizeof(pending));
}

static void step_at_random(uint64_t number) {
    struct pending *p = &pending[mock_random(CALLS)];
    steps++;
    if (!p->active)
        random_call(p);
    else if (mock_random(3) == 0)
        end_pending(p);
    if (number % 16 == 0)
        check_all();
    if (number % 64 == 0)
        mock_jobs();
}

static void end_at_random(void) {
    for (int i = 0; i < CALLS; i++)
        if (pending[i].active)
            end_pending(&pending[i]);
    end_all();
}

static void test_at_random(void **state) {
    static const struct model_run run = {begin_at_random, step_at_random, end_at_random};
    (void)state;
    model_run(&run);
    print_message("vfs was asked %u times in %lu calls\n", asked, (unsigned long)steps);
}

/* Texts that are copied in steps: queued, handed to who waits, waiting for room, cut off. */
static void test_large(void **state) {
    (void)state;
    enum { LARGE = 1 << 20 };
    char *sent = malloc(LARGE), *got = malloc(LARGE);
    struct call sender, receiver;
    for (int i = 0; i < LARGE; i++)
        sent[i] = (char)(i * 7 + i / 1000);
    client_find(4)->uid = 0;
    member_of(client_find(4))->limit = UINT64_MAX;
    int fd = (int)open_queue(4, 'b', O_RDWR | O_CREAT, 1, LARGE);
    assert_true(fd >= 0);
    start_send(&sender, 4, fd, 3, sent, LARGE, MQ_FOR_EVER);
    assert_false(sender.answered);
    assert_true(mock_jobs() >= LARGE / COPIED_AT_ONCE);
    assert_int_equal(sender.result, 0);
    start_send(&sender, 4, fd, 4, sent, LARGE - 1, MQ_FOR_EVER);
    mock_jobs();
    assert_false(sender.answered);
    memset(got, 0, LARGE);
    start_receive(&receiver, 4, fd, got, LARGE, MQ_FOR_EVER);
    assert_int_equal(sender.result, 0);
    assert_false(receiver.answered);
    mock_interrupt(&receiver);
    assert_false(receiver.answered); /* the message is its own */
    mock_jobs();
    assert_int_equal(receiver.result, LARGE);
    assert_int_equal(receiver.reply.w[0], 3);
    assert_memory_equal(sent, got, LARGE);
    start_receive(&receiver, 4, fd, got, LARGE, MQ_FOR_EVER);
    mock_kill(&receiver); /* and is lost with it */
    start_receive(&receiver, 4, fd, got, LARGE, MQ_FOR_EVER);
    start_send(&sender, 4, fd, 5, sent, LARGE, MQ_FOR_EVER);
    mock_interrupt(&sender);
    assert_int_equal(sender.result, -EINTR);
    start_send(&sender, 4, fd, 5, sent, LARGE, MQ_FOR_EVER);
    memset(got, 0, LARGE);
    mock_jobs();
    assert_int_equal(sender.result, 0);
    assert_int_equal(receiver.result, LARGE);
    assert_memory_equal(sent, got, LARGE);
    start_send(&sender, 4, fd, 5, sent, LARGE, MQ_FOR_EVER);
    sender.bad_memory = true;
    mock_jobs();
    assert_int_equal(sender.result, -EFAULT);
    free(sent);
    free(got);
}

/* Whatever of its state is wrong, the server's check notices. */
static void test_checks(void **state) {
    (void)state;
    char text[8] = "text", room[100];
    struct call sender, receiver;
    int fd = (int)open_queue(1, 'a', O_RDWR | O_CREAT, 1, 100);
    int empty = (int)open_queue(1, 'b', O_RDWR | O_CREAT, 2, 100);
    start_send(&sender, 1, fd, 3, text, sizeof(text), MQ_FOR_EVER);
    start_send(&sender, 1, fd, 3, text, sizeof(text), (int64_t)clock_realtime_ns() + 100);
    start_receive(&receiver, 1, empty, room, sizeof(room), MQ_FOR_EVER);
    struct queue *queue = files[1][fd].queue;
    assert_checked(queue->messages.count);
    assert_checked(queue->messages.bytes);
    assert_checked(queue->charge);
    assert_checked(queue->user->queues);
    assert_checked(mq_state.count);
    assert_checked(messages_first(&queue->messages)->length);
    queue->holds--;
    assert_non_null(mock_violation());
    queue->holds++;
    queue->maxmsg++; /* there is room, and somebody waits for it */
    assert_non_null(mock_violation());
    queue->maxmsg--;
    assert_int_equal(
        mock_call(1, MQ_LABEL_NOTIFY, WORDS((uint32_t)fd, MQ_NOTIFY_NONE, 0, 0), 0, 0, 0, 0), 0);
    struct registration *registration = queue->registration;
    files[1][empty].queue->registration = registration; /* it is the other one's */
    assert_non_null(mock_violation());
    files[1][empty].queue->registration = NULL;
    assert_null(mock_violation());
    mock_interrupt(&receiver);
    mock_interrupt(&sender);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_large, setup, teardown),
        cmocka_unit_test_setup_teardown(test_checks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_at_random, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
