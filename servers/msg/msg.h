/* SPDX-License-Identifier: MIT */
/*
 * The message queue server: System V message queues, as msgget(2), msgop(2) and msgctl(2) say.
 *
 * Invariants of a queue: cbytes and qnum are those of its messages; a receiver waits only while no
 * message in the queue suits it; a sender waits only while its message does not fit. So a message is
 * never queued past a receiver that waits for it, and whoever makes room or brings a message wakes
 * whom it suits in the same request.
 */
#ifndef MSG_MSG_H
#define MSG_MSG_H

#include <lib/job.h>
#include <lib/sysv.h>
#include <lib/typeindex.h>
#include <lib/waiter.h>
#include <protocol/msg_server.h>

struct message {
    struct list link; /* in the queue, in the order of arrival */
    struct type_node by_type;
    uint64_t length; /* of the text */
    int64_t type;
    uint64_t text[]; /* PK_TEXT_SIZE bytes at least, the unused ones of them not our own data */
};

struct queue {
    struct sysv_object object;
    struct list messages;
    struct type_index by_type;
    uint64_t cbytes;
    uint64_t qnum;
    uint64_t qbytes;
    int64_t stime, rtime, ctime;
    int lspid, lrpid;
    struct waiter_queue senders;
    uint64_t smallest_sender; /* no waiting sender's text is shorter than this */
    /* Receivers: of one type by that type, of any type, and those that choose otherwise. */
    struct type_index receivers_of_type;
    struct waiter_queue receivers_of_any;
    struct waiter_queue receivers_choosing;
    uint64_t receivers; /* all three */
    struct job job;     /* frees it in steps when it has been removed */
};

/* What a receiver takes: msgop(2). */
enum selection {
    SELECT_ANY,     /* msgtyp 0 */
    SELECT_EQUAL,   /* msgtyp n */
    SELECT_UP_TO,   /* msgtyp -n: the lowest type */
    SELECT_EXCEPT,  /* msgtyp n, MSG_EXCEPT */
    SELECT_ORDINAL, /* MSG_COPY: msgtyp is a position in the queue */
};

struct receiver {
    struct waiter waiter;
    struct type_node by_type; /* if SELECT_EQUAL */
    struct queue *queue;
    enum selection selection;
    int64_t type;
    uint64_t room; /* for the text */
    bool truncate; /* MSG_NOERROR */
    uint64_t arrival;
};

struct sender {
    struct waiter waiter;
    struct queue *queue;
    struct message *message; /* 0: the text is still the sender's */
    int64_t type;
    uint64_t length;
};

/* Everything the server knows, in one place. */
struct msg_state {
    struct sysv_table table;
    uint64_t messages; /* in all queues */
    uint64_t bytes;
    uint64_t arrivals; /* numbers the receivers */
    uint64_t msgmax;   /* bytes of one message; */
    uint64_t msgmnb;   /* a new queue's msg_qbytes */
};
extern struct msg_state msg_state;
extern const struct server msg_server;

/* Finds a queue and checks permission; 0 and *queue, or a negative errno. */
static inline long queue_find(int msqid, const struct client *client, unsigned mode,
                              struct queue **queue) {
    void *object;
    if (!client)
        return -EBADF;
    long error = idtable_find(&msg_state.table.ids, msqid, &object);
    if (error < 0)
        return error;
    *queue = container_of(object, struct queue, object);
    return sysv_access(&(*queue)->object, client, mode);
}

static inline bool queue_has_room(const struct queue *queue, uint64_t length) {
    return length + queue->cbytes <= queue->qbytes && queue->qnum < queue->qbytes;
}

/* Puts a message (type and length set) at the end; takes one out, without freeing it. */
void queue_append(struct queue *queue, struct message *message);
void queue_take(struct queue *queue, struct message *message);

/* The message that a receiver takes now, or NULL; msgtyp is as `selection` has it. */
struct message *queue_find_message(const struct queue *queue, enum selection selection,
                                   int64_t type);

/* Accepts the messages of waiting senders that fit now. */
void queue_admit_senders(struct queue *queue);

/* Gives a message to the first waiting receiver that it suits; false if there is none. */
bool queue_hand_over(struct queue *queue, const struct message *message);

/*
 * The same straight from its sender: false also if there was an obstacle. Which one, and to whom it
 * matters, the way by a message of our own tells. A short text comes and goes in the words of `msg`, with
 * the type.
 */
bool queue_pass(struct queue *queue, uint64_t sender, int64_t type, uint64_t length);
bool queue_pass_short(struct queue *queue, const struct pk_msg *msg, int64_t type, uint64_t length);

/* check.c: looks at all there is. The removed queue that the job frees; NULL: it is another job. */
void msg_check(void);
struct queue *queue_of_job(struct job *job);

/* From and to the words of a message. All are copied: it takes less than to look how many are needed. */
static inline void copy_short(uint64_t *to, const uint64_t *from) {
    struct words {
        uint64_t w[PK_TEXT_SIZE / sizeof(uint64_t)];
    };
    *(struct words *)to = *(const struct words *)from;
}

#endif
