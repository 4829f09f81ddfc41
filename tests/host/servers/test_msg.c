/* SPDX-License-Identifier: MIT */
/* The message queue server: the manual page's cases, and random runs against a plain model. */
#include "kernel.h"
#include <msg/msg.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include "model.h"
#include <stdlib.h>
#include <string.h>

struct text {
    int64_t type;
    char text[MSGMAX + 1];
};

static int setup(void **state) {
    (void)state;
    mock_start(&msg_server);
    mock_connect(1, 100, 100);
    mock_connect(2, 200, 200);
    mock_connect(3, 0, 0);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    for (int pid = 1; pid <= 3; pid++)
        mock_exit(pid);
    assert_int_equal(msg_state.table.ids.used, 0);
    assert_int_equal(msg_state.messages, 0);
    assert_int_equal(msg_state.bytes, 0);
    return 0;
}

static long get(int pid, int key, int flags) {
    return mock_call((uint64_t)pid, MSG_LABEL_GET, WORDS((uint64_t)key, (uint64_t)flags), 0, 0, 0,
                     0);
}
static long msg_remove(int pid, int id) {
    return mock_call((uint64_t)pid, MSG_LABEL_REMOVE, WORDS((uint64_t)id), 0, 0, 0, 0);
}
/* Every other short text travels in words, as the personality sends them. */
static void start_snd(struct call *call, int pid, int id, const struct text *text, uint64_t length,
                      int flags) {
    static unsigned turn;
    uint64_t words[PK_WORDS] = {(uint64_t)text->type, (uint32_t)id};
    if (length <= PK_TEXT_SIZE && turn++ % 2) {
        words[1] |= (length | (flags & IPC_NOWAIT)) << MSG_SHORT_SHIFT;
        memcpy(&words[PK_TEXT_WORD], text->text, length);
        mock_send_words(call, pid, MSG_LABEL_SND_SHORT, words);
        return;
    }
    mock_send(call, pid, MSG_LABEL_SND, WORDS((uint64_t)id, (uint64_t)flags, (uint64_t)text->type),
              text->text, length, 0, 0);
}
static void start_rcv(struct call *call, int pid, int id, int64_t type, struct text *text,
                      uint64_t room, int flags) {
    mock_send(call, pid, MSG_LABEL_RCV, WORDS((uint64_t)id, (uint64_t)type, (uint64_t)flags), 0, 0,
              text->text, room);
}
static int64_t type_of(const struct call *call) {
    return (int64_t)call->reply.w[0];
}
/* What a receiver that was answered got: in words or in its buffer, and nothing of anybody else's. */
static const char *text_of(const struct call *call) {
    if (call->result >= 0 && call->result <= PK_TEXT_SIZE)
        return (const char *)&call->reply.w[PK_TEXT_WORD];
    for (unsigned i = PK_TEXT_WORD; i < PK_WORDS; i++)
        assert_true(call->reply.w[i] == 0 || call->reply.w[i] == call->sent[i]);
    return call->out;
}
static long snd(int pid, int id, int64_t type, const char *string, int flags) {
    struct text text = {.type = type};
    strcpy(text.text, string);
    struct call call;
    start_snd(&call, pid, id, &text, strlen(string), flags);
    assert_true(call.answered);
    return call.result;
}
/* Receives without waiting; the text, NUL-terminated, is in `received`. */
static struct text received;
static long rcv(int pid, int id, int64_t type, uint64_t room, int flags) {
    struct call call;
    start_rcv(&call, pid, id, type, &received, room, flags | IPC_NOWAIT);
    assert_true(call.answered);
    received.type = type_of(&call);
    if (call.result >= 0) {
        memmove(received.text, text_of(&call), (size_t)call.result);
        received.text[call.result] = '\0';
    }
    return call.result;
}
static struct msqid64_ds stat_of(int id) {
    struct msqid64_ds ds;
    assert_int_equal(
        mock_call(3, MSG_LABEL_STAT, WORDS((uint64_t)id, IPC_STAT), 0, 0, &ds, sizeof(ds)), 0);
    return ds;
}

static void test_get(void **state) {
    (void)state;
    assert_int_equal(get(1, 77, 0600), -ENOENT);
    int id = (int)get(1, 77, IPC_CREAT | 0600);
    assert_true(id >= 0);
    assert_int_equal(get(1, 77, IPC_CREAT | 0600), id);
    assert_int_equal(get(1, 77, IPC_CREAT | IPC_EXCL | 0600), -EEXIST);
    assert_int_equal(get(2, 77, 0600), -EACCES);
    assert_int_equal(get(2, 77, 0), id);
    int other = (int)get(1, IPC_PRIVATE, 0600);
    assert_true(other != id);
    assert_int_equal(msg_remove(2, id), -EPERM);
    assert_int_equal(msg_remove(3, id), 0);
    assert_int_equal(msg_remove(1, id), -EINVAL);
    assert_int_equal(msg_remove(1, other), 0);
}

static void test_selection(void **state) {
    (void)state;
    int id = (int)get(1, IPC_PRIVATE, 0600);
    assert_int_equal(snd(1, id, 3, "c1", 0), 0);
    assert_int_equal(snd(1, id, 1, "a1", 0), 0);
    assert_int_equal(snd(1, id, 3, "c2", 0), 0);
    assert_int_equal(snd(1, id, 2, "b1", 0), 0);
    assert_int_equal(snd(1, id, 0, "x", 0), -EINVAL);
    assert_int_equal(snd(1, id, -1, "x", 0), -EINVAL);
    assert_int_equal(rcv(1, id, 1, 1, 0), -E2BIG);
    assert_int_equal(rcv(1, id, 9, 10, 0), -ENOMSG);
    assert_int_equal(rcv(1, id, 2, 10, MSG_COPY), 2);
    assert_string_equal(received.text, "c2");
    assert_int_equal(rcv(1, id, 4, 10, MSG_COPY), -ENOMSG);
    assert_int_equal(rcv(1, id, 3, 10, MSG_EXCEPT), 2);
    assert_string_equal(received.text, "a1");
    assert_int_equal(rcv(1, id, -2, 10, 0), 2);
    assert_string_equal(received.text, "b1");
    assert_int_equal(rcv(1, id, -2, 10, 0), -ENOMSG);
    assert_int_equal(rcv(1, id, INT64_MIN, 1, MSG_NOERROR), 1);
    assert_string_equal(received.text, "c");
    assert_int_equal(rcv(1, id, 0, 10, 0), 2);
    assert_int_equal(received.type, 3);
    assert_string_equal(received.text, "c2");
    assert_int_equal(rcv(1, id, 0, 10, 0), -ENOMSG);
    msg_remove(1, id);
}

static void test_copy_needs_nowait(void **state) {
    (void)state;
    int id = (int)get(1, IPC_PRIVATE, 0600);
    struct call call;
    start_rcv(&call, 1, id, 0, &received, 10, MSG_COPY);
    assert_int_equal(call.result, -EINVAL);
    assert_int_equal(rcv(1, id, 0, 10, MSG_COPY | MSG_EXCEPT), -EINVAL);
    msg_remove(1, id);
}

static void test_stat_and_set(void **state) {
    (void)state;
    int id = (int)get(1, 5, IPC_CREAT | 0640);
    snd(1, id, 1, "hello", 0);
    struct msqid64_ds ds = stat_of(id);
    assert_int_equal(ds.msg_perm.key, 5);
    assert_int_equal(ds.msg_perm.mode, 0640);
    assert_int_equal(ds.msg_qnum, 1);
    assert_int_equal(ds.msg_cbytes, 5);
    assert_int_equal(ds.msg_qbytes, MSGMNB);
    assert_int_equal(ds.msg_lspid, 1);
    assert_int_equal(ds.msg_lrpid, 0);
    assert_true(ds.msg_stime > 0 && ds.msg_rtime == 0 && ds.msg_ctime > 0);
    assert_int_equal(
        mock_call(2, MSG_LABEL_STAT, WORDS((uint64_t)id, IPC_STAT), 0, 0, &ds, sizeof(ds)),
        -EACCES);
    assert_int_equal(mock_call(2, MSG_LABEL_STAT, WORDS((uint64_t)id % 32768, MSG_STAT_ANY), 0, 0,
                               &ds, sizeof(ds)),
                     id);
    assert_int_equal(mock_call(1, MSG_LABEL_STAT, WORDS((uint64_t)id, IPC_STAT), 0, 0, &ds, 100),
                     -EINVAL);
    ds.msg_perm.uid = 200;
    ds.msg_perm.mode = 07777;
    ds.msg_qbytes = MSGMNB + 1;
    assert_int_equal(mock_call(2, MSG_LABEL_SET, WORDS((uint64_t)id), &ds, sizeof(ds), 0, 0),
                     -EPERM);
    assert_int_equal(mock_call(1, MSG_LABEL_SET, WORDS((uint64_t)id), &ds, sizeof(ds), 0, 0),
                     -EPERM);
    ds.msg_qbytes = 4;
    assert_int_equal(mock_call(1, MSG_LABEL_SET, WORDS((uint64_t)id), &ds, sizeof(ds), 0, 0), 0);
    ds = stat_of(id);
    assert_int_equal(ds.msg_perm.mode, 0777);
    assert_int_equal(ds.msg_perm.uid, 200);
    assert_int_equal(ds.msg_perm.cuid, 100);
    assert_int_equal(snd(2, id, 1, "", IPC_NOWAIT), -EAGAIN);
    struct msg_limits info;
    assert_int_equal(mock_call(1, MSG_LABEL_INFO, WORDS(MSG_INFO), 0, 0, &info, sizeof(info)),
                     id % 32768);
    assert_int_equal(info.msgpool, 1);
    assert_int_equal(info.msgmap, 1);
    assert_int_equal(info.msgtql, 5);
    msg_remove(1, id);
}

static void test_blocking(void **state) {
    (void)state;
    int id = (int)get(1, IPC_PRIVATE, 0666);
    static struct text large = {.type = 1}, got;
    struct call sender, other, receiver;
    start_snd(&sender, 1, id, &large, MSGMAX, 0);
    start_snd(&other, 1, id, &large, MSGMAX, 0);
    assert_true(sender.answered && other.answered);
    start_snd(&sender, 2, id, &large, MSGMAX + 1, 0);
    assert_int_equal(sender.result, -EINVAL);
    start_snd(&sender, 2, id, &large, 1, IPC_NOWAIT);
    assert_int_equal(sender.result, -EAGAIN);
    start_snd(&sender, 2, id, &large, 1, 0);
    assert_false(sender.answered);
    mock_interrupt(&sender);
    assert_int_equal(sender.result, -EINTR);
    start_snd(&sender, 2, id, &large, 1, 0);
    assert_int_equal(rcv(1, id, 0, MSGMAX, 0), MSGMAX);
    assert_true(sender.answered);
    assert_int_equal(sender.result, 0);
    assert_int_equal(stat_of(id).msg_lspid, 2);
    assert_int_equal(rcv(1, id, 0, MSGMAX, 0), MSGMAX);
    assert_int_equal(rcv(1, id, 0, MSGMAX, 0), 1);

    start_rcv(&receiver, 2, id, 7, &got, 10, 0);
    assert_int_equal(snd(1, id, 6, "six", 0), 0);
    assert_false(receiver.answered);
    assert_int_equal(snd(1, id, 7, "seven", 0), 0);
    assert_true(receiver.answered);
    assert_int_equal(receiver.result, 5);
    assert_memory_equal(text_of(&receiver), "seven\0\0", 8);
    assert_int_equal(stat_of(id).msg_lrpid, 2);
    assert_int_equal(stat_of(id).msg_qnum, 1);

    start_rcv(&receiver, 2, id, 9, &got, 10, 0);
    start_snd(&sender, 1, id, &large, MSGMAX, 0);
    start_snd(&sender, 1, id, &large, MSGMAX, 0);
    assert_false(sender.answered);
    msg_remove(1, id);
    assert_int_equal(receiver.result, -EIDRM);
    assert_int_equal(sender.result, -EIDRM);
}

/* A message goes past receivers that cannot take it, and none is lost with a dead one. */
static void test_hand_over(void **state) {
    (void)state;
    int id = (int)get(1, IPC_PRIVATE, 0666);
    struct text room[3];
    struct call small, bad, dead, good;
    char text[101];
    memset(text, 't', 100);
    text[100] = '\0';
    start_rcv(&small, 2, id, 1, &room[0], 2, 0);
    start_rcv(&bad, 2, id, 0, &room[0], 100, 0);
    start_rcv(&dead, 2, id, -5, &room[1], 100, 0);
    start_rcv(&good, 2, id, 2, &room[2], 100, MSG_EXCEPT);
    bad.bad_memory = true;
    dead.dead = true;
    assert_int_equal(snd(1, id, 1, text, 0), 0);
    assert_int_equal(small.result, -E2BIG);
    assert_int_equal(bad.result, -EFAULT);
    assert_int_equal(good.result, 100);
    assert_memory_equal(text_of(&good), text, 100);
    mock_kill_notice(&dead);
    assert_int_equal(stat_of(id).msg_qnum, 0);
    start_rcv(&dead, 2, id, -5, &room[1], 20, 0);
    dead.dead = true;
    assert_int_equal(snd(1, id, 1, "text", 0), 0);
    mock_kill_notice(&dead);
    assert_int_equal(stat_of(id).msg_qnum, 1);
    struct call faulty;
    start_rcv(&faulty, 2, id, 9, &room[1], 20, 0);
    mock_kill(&faulty);
    assert_int_equal(rcv(1, id, 0, 10, 0), 4);
    msg_remove(1, id);
}

/* In words whenever what the receiver gets is short, whatever was sent and how. */
static void test_short(void **state) {
    (void)state;
    int id = (int)get(1, IPC_PRIVATE, 0666);
    char text[101];
    memset(text, 's', 100);
    text[100] = '\0';
    assert_int_equal(snd(1, id, 1, text, 0), 0);
    assert_int_equal(rcv(2, id, 0, 64, MSG_NOERROR), 64);
    assert_memory_equal(received.text, text, 64);
    struct call cut;
    static struct text room;
    start_rcv(&cut, 2, id, 3, &room, 33, MSG_NOERROR);
    assert_int_equal(snd(1, id, 3, text, 0), 0);
    assert_int_equal(cut.result, 33);
    assert_memory_equal(text_of(&cut), text, 33);
    uint64_t words[PK_WORDS] = {5, (uint32_t)id | 65ull << MSG_SHORT_SHIFT};
    struct call sender;
    mock_send_words(&sender, 1, MSG_LABEL_SND_SHORT, words);
    assert_int_equal(sender.result, -EINVAL);
    words[1] = (uint32_t)id | 1ull << 63;
    mock_send_words(&sender, 1, MSG_LABEL_SND_SHORT, words);
    assert_int_equal(sender.result, -EINVAL);
    words[0] = 0;
    words[1] = (uint32_t)id;
    mock_send_words(&sender, 1, MSG_LABEL_SND_SHORT, words);
    assert_int_equal(sender.result, -EINVAL);
    msg_remove(1, id);
}

/* Whatever of its state is wrong, the server's check notices. */
static void test_checks(void **state) {
    (void)state;
    int id = (int)get(1, 5, IPC_CREAT | 0666);
    struct queue *queue = container_of(idtable_at(&msg_state.table.ids, id), struct queue, object);
    struct text room;
    struct call call, other;
    assert_int_equal(snd(1, id, 3, "three", 0), 0);
    assert_int_equal(snd(1, id, 4, "four", 0), 0);
    start_rcv(&call, 2, id, 7, &room, 10, 0);
    start_rcv(&other, 2, id, -2, &room, 10, 0);
    assert_checked(queue->qnum);
    assert_checked(queue->cbytes);
    assert_checked(queue->receivers);
    assert_checked(queue->object.id);
    assert_checked(queue->object.key.key);
    assert_checked(msg_state.bytes);
    assert_checked(msg_state.messages);
    assert_checked(msg_state.table.ids.used);
    assert_checked(client_find(2)->listed);
    struct message *last = container_of(queue->messages.prev, struct message, link);
    assert_checked(last->length);
    assert_checked(last->type);
    assert_checked(last->by_type.leader);
    struct receiver *waits =
        container_of(waiter_first(&queue->receivers_choosing), struct receiver, waiter);
    waits->type = 3;
    assert_non_null(mock_violation()); /* there is such a message */
    waits->type = 2;
    waits->waiter.client = client_find(1); /* who does not know of it */
    assert_non_null(mock_violation());
    waits->waiter.client = client_find(2);
    struct list *behind = last->link.next;
    last->link.next = &last->link;
    assert_non_null(mock_violation());
    last->link.next = behind;
    assert_null(mock_violation());
    msg_remove(1, id);
}

/* ---- Random runs against a model that looks at everything every time. ---- */

enum { CALLS = 64, MODEL_MESSAGES = 20000 };

struct pending {
    struct call call;
    bool active;
    bool sends;
    int64_t type;
    uint64_t length; /* or room */
    int flags;
    uint64_t arrival;
    struct text text;
    uint64_t serial; /* sent: what the text begins with */
};

static struct pending pending[CALLS];
static struct {
    int64_t type;
    uint64_t length;
    uint64_t serial;
} model[MODEL_MESSAGES];
static unsigned model_count;
static uint64_t model_bytes, model_qbytes;
static int model_id; /* of the queue */

static bool suits(const struct pending *p, int64_t type) {
    if (p->type == 0)
        return true;
    if (p->type < 0)
        return type <= -p->type;
    return (p->flags & MSG_EXCEPT) ? type != p->type : type == p->type;
}

static int model_find(const struct pending *p) {
    int best = -1;
    for (unsigned i = 0; i < model_count; i++)
        if (suits(p, model[i].type) &&
            (best < 0 || (p->type < 0 && model[i].type < model[best].type)))
            best = (int)i;
    return best;
}

static bool model_fits(uint64_t length) {
    return model_bytes + length <= model_qbytes && model_count < model_qbytes;
}

static void expect_message(struct pending *p, int64_t type, uint64_t length, uint64_t serial) {
    assert_true(p->call.answered);
    uint64_t got = length < p->length ? length : p->length;
    assert_int_equal(p->call.result, got);
    assert_int_equal(type_of(&p->call), type);
    if (got >= sizeof(serial))
        assert_memory_equal(text_of(&p->call), &serial, sizeof(serial));
    p->active = false;
}

/* The model's arrival of a message: to the longest waiting receiver that it suits, or queued. */
static void model_arrive(int64_t type, uint64_t length, uint64_t serial) {
    for (;;) {
        struct pending *first = 0;
        for (int i = 0; i < CALLS; i++) {
            struct pending *p = &pending[i];
            if (p->active && !p->sends && suits(p, type) && (!first || p->arrival < first->arrival))
                first = p;
        }
        if (!first)
            break;
        if (length > first->length && !(first->flags & MSG_NOERROR)) {
            assert_true(first->call.answered);
            assert_int_equal(first->call.result, -E2BIG);
            first->active = false;
            continue;
        }
        expect_message(first, type, length, serial);
        return;
    }
    assert_true(model_count < MODEL_MESSAGES);
    model[model_count].type = type;
    model[model_count].length = length;
    model[model_count++].serial = serial;
    model_bytes += length;
}

static void model_admit(void) {
    uint64_t after = 0;
    for (;;) {
        struct pending *first = 0;
        for (int i = 0; i < CALLS; i++) {
            struct pending *p = &pending[i];
            if (p->active && p->sends && p->arrival >= after && model_fits(p->length) &&
                (!first || p->arrival < first->arrival))
                first = p;
        }
        if (!first)
            return;
        assert_true(first->call.answered);
        assert_int_equal(first->call.result, 0);
        first->active = false;
        after = first->arrival;
        model_arrive(first->type, first->length, first->serial);
    }
}

static void model_take(unsigned i) {
    model_bytes -= model[i].length;
    memmove(&model[i], &model[i + 1], (--model_count - i) * sizeof(model[0]));
    model_admit();
}

static int64_t random_type(bool sends) {
    int64_t type = 1 + mock_random(4);
    if (sends)
        return type;
    uint32_t kind = mock_random(4);
    return kind == 0 ? 0 : kind == 1 ? -type : type;
}

static void random_snd(struct pending *p, int id) {
    static uint64_t serial;
    static const uint64_t lengths[] = {0, 8, 64, 1000, 5000, MSGMAX};
    p->sends = true;
    p->length = lengths[mock_random(6)];
    memset(p->text.text, 0, sizeof(p->text.text));
    p->type = p->text.type = random_type(true);
    p->serial = ++serial;
    memcpy(p->text.text, &p->serial, sizeof(p->serial));
    start_snd(&p->call, 1, id, &p->text, p->length, p->flags);
    if (model_fits(p->length)) {
        assert_true(p->call.answered);
        assert_int_equal(p->call.result, 0);
        model_arrive(p->type, p->length, p->serial);
    } else if (p->flags & IPC_NOWAIT) {
        assert_int_equal(p->call.result, -EAGAIN);
    } else {
        assert_false(p->call.answered);
        p->active = true;
    }
}

static void random_rcv(struct pending *p, int id) {
    p->sends = false;
    p->length = mock_random(2) ? MSGMAX : 100;
    p->type = random_type(false);
    p->flags |= mock_random(2) ? MSG_NOERROR : 0;
    p->flags |= p->type > 0 && mock_random(3) == 0 ? MSG_EXCEPT : 0;
    start_rcv(&p->call, 2, id, p->type, &p->text, p->length, p->flags);
    int found = model_find(p);
    if (found < 0) {
        if (p->flags & IPC_NOWAIT)
            assert_int_equal(p->call.result, -ENOMSG);
        else
            assert_false(p->call.answered);
        p->active = !(p->flags & IPC_NOWAIT);
    } else if (model[found].length > p->length && !(p->flags & MSG_NOERROR)) {
        assert_int_equal(p->call.result, -E2BIG);
    } else {
        expect_message(p, model[found].type, model[found].length, model[found].serial);
        model_take((unsigned)found);
    }
}

/* A copy of the message at a place. */
static void random_copy(struct pending *p) {
    uint32_t place = mock_random(model_count + 2);
    uint64_t room = mock_random(2) ? MSGMAX : 100;
    int cut = mock_random(2) ? MSG_NOERROR : 0;
    start_rcv(&p->call, 2, model_id, place, &p->text, room, MSG_COPY | IPC_NOWAIT | cut);
    assert_true(p->call.answered);
    if (place >= model_count) {
        assert_int_equal(p->call.result, -ENOMSG);
    } else if (model[place].length > room) {
        assert_int_equal(p->call.result, cut ? -EINVAL : -E2BIG);
    } else {
        p->length = room;
        expect_message(p, model[place].type, model[place].length, model[place].serial);
    }
}

/* Less room leaves what is there; more lets in who waits. */
static void random_room(void) {
    static const uint64_t rooms[] = {MSGMNB, MSGMNB / 4, 2 * MSGMNB};
    struct msqid64_ds ds = stat_of(model_id);
    ds.msg_qbytes = model_qbytes = rooms[mock_random(3)];
    assert_int_equal(mock_call(3, MSG_LABEL_SET, WORDS((uint64_t)model_id), &ds, sizeof(ds), 0, 0),
                     0);
    model_admit();
}

static void random_call(struct pending *p, uint64_t arrival) {
    bool drain = arrival / 300 % 2;
    p->arrival = arrival;
    p->flags = mock_random(2) ? IPC_NOWAIT : 0;
    if (mock_random(30) == 0)
        random_copy(p);
    else if (mock_random(10) < (drain ? 3u : 6u))
        random_snd(p, model_id);
    else
        random_rcv(p, model_id);
}

static void begin_at_random(void) {
    model_id = (int)get(3, IPC_PRIVATE, 0666);
    model_count = 0;
    model_bytes = 0;
    model_qbytes = MSGMNB;
    memset(pending, 0, sizeof(pending));
}

static void step_at_random(uint64_t number) {
    struct pending *p = &pending[mock_random(CALLS)];
    if (mock_random(200) == 0) {
        random_room();
    } else if (!p->active) {
        random_call(p, number);
    } else if (mock_random(3) == 0) {
        model_end_call(&p->call);
        p->active = false;
    }
    for (int i = 0; i < CALLS; i++)
        assert_true(!pending[i].active || !pending[i].call.answered);
    struct msqid64_ds ds = stat_of(model_id);
    assert_int_equal(ds.msg_qnum, model_count);
    assert_int_equal(ds.msg_cbytes, model_bytes);
}

static void end_at_random(void) {
    msg_remove(3, model_id);
    for (int i = 0; i < CALLS; i++)
        if (pending[i].active)
            assert_int_equal(pending[i].call.result, -EIDRM);
}

static void test_at_random(void **state) {
    static const struct model_run run = {begin_at_random, step_at_random, end_at_random};
    (void)state;
    model_run(&run);
}

static void test_types_at_random(void **state) {
    (void)state;
    enum { N = 300 };
    static struct type_node nodes[N];
    static uint64_t added[N]; /* when; 0: not in */
    struct type_index index = {0};
    mock_seed(9);
    memset(added, 0, sizeof(added));
    for (uint64_t step = 1; step < 20000; step++) {
        uint32_t i = mock_random(N);
        if (added[i]) {
            type_index_remove(&index, &nodes[i]);
            added[i] = 0;
        } else {
            type_index_add(&index, &nodes[i], 1 + mock_random(40));
            added[i] = step;
        }
        int64_t type = 1 + mock_random(40);
        struct type_node *first = 0, *lowest = 0;
        for (uint32_t j = 0; j < N; j++) {
            struct type_node *node = &nodes[j];
            if (added[j] && node->type == type && (!first || added[j] < added[first - nodes]))
                first = node;
            if (added[j] && (!lowest || node->type < lowest->type ||
                             (node->type == lowest->type && added[j] < added[lowest - nodes])))
                lowest = node;
        }
        assert_ptr_equal(type_index_find(&index, type), first);
        assert_ptr_equal(type_index_lowest(&index), lowest);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_get, setup, teardown),
        cmocka_unit_test_setup_teardown(test_selection, setup, teardown),
        cmocka_unit_test_setup_teardown(test_copy_needs_nowait, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stat_and_set, setup, teardown),
        cmocka_unit_test_setup_teardown(test_blocking, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hand_over, setup, teardown),
        cmocka_unit_test_setup_teardown(test_short, setup, teardown),
        cmocka_unit_test_setup_teardown(test_checks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_at_random, setup, teardown),
        cmocka_unit_test(test_types_at_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
