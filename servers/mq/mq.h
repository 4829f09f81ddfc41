/* SPDX-License-Identifier: MIT */
/*
 * The server of POSIX message queues: mq_overview(7). vfs has their descriptors, names and rights (files.c); here are the
 * messages, who waits for them, and who is to be notified.
 *
 * Invariants of a queue: count and bytes are those of its messages; a receiver waits only while it is empty; a sender
 * waits only while it is full, but for those that a job is admitting. So a message is never queued past a receiver that
 * waits, and whoever brings a message or makes room wakes whom it suits in the same request.
 */
#ifndef MQ_MQ_H
#define MQ_MQ_H

#include "queue.h"
#include <lib/clock.h>
#include <lib/job.h>
#include <lib/waiter.h>
#include <protocol/mq_server.h>
#include <protocol/vfs_client.h>

#define O_ACCMODE 03u
#define O_RDONLY 00u
#define O_WRONLY 01u
#define O_RDWR 02u
#define O_CREAT 0100u
#define O_NONBLOCK 04000u

#define POLL_INPUT 0x41u   /* POLLIN, POLLRDNORM */
#define POLL_OUTPUT 0x104u /* POLLOUT, POLLWRNORM */

#define HARD_MAXMSG 65536 /* what root may make, as on Linux */
#define HARD_MSGSIZE (16 << 20)

#define COPIED_AT_ONCE 65536ul /* a longer text is copied in steps (large.c) */
#define FREED_AT_ONCE 200      /* messages */

/* Whose queues take so much together: what RLIMIT_MSGQUEUE is held against. */
struct user {
    struct hash_node node; /* key: the real user id */
    uint64_t queues;
    uint64_t bytes;
};

struct queue {
    struct hash_node node; /* key: its number */
    struct list all;       /* in mq_state.queues, while it can be opened or is open */
    struct messages messages;
    uint64_t maxmsg, msgsize;
    struct waiter_queue senders, receivers; /* struct waiting */
    struct registration *registration;      /* who is to be notified, or NULL */
    struct payer *payer;                    /* its maker's: pays for its messages */
    struct user *user;                      /* its maker, */
    uint64_t charge;                        /* and what it counts for him */
    uint64_t changed, looked; /* when, ns of CLOCK_REALTIME; 0: not since vfs was told */
    uint64_t holds;           /* callers that are at it, and 1 while it is open or has a name */
    struct job job;           /* admits senders, at last frees it, in steps */
};

/* What a descriptor of a process stood for when vfs was asked (opened.c). */
struct opened {
    struct queue *queue;
    uint64_t stamp; /* true until that changes; 0: never */
    uint32_t flags; /* O_ACCMODE, O_NONBLOCK */
};

/* What this server keeps of a process: client->data. */
struct member {
    uint32_t size;             /* of opened */
    struct opened *opened;     /* by descriptor */
    uint64_t limit;            /* RLIMIT_MSGQUEUE */
    struct list registrations; /* struct registration.of_member */
};

/* A caller that waits at a queue: to send, to receive, or because its text is copied in steps. */
struct waiting {
    struct waiter waiter;
    struct queue *queue; /* held */
    struct job job;      /* large.c */
    struct message *
        message; /* a sender's, NULL: the text is still its own; a receiver's, that is being copied */
    uint64_t length; /* a sender's text, a receiver's room */
    uint64_t done;   /* copied so far */
    int64_t deadline;
    uint32_t priority;
    bool nowait;
    bool copies; /* the job is set */
};

/* Everything the server knows, in one place. */
struct mq_state {
    struct hash table;             /* of queues */
    struct list queues;            /* struct queue.all */
    uint64_t count;                /* of queues */
    uint64_t messages;             /* in all of them */
    int64_t settings[MQ_SETTINGS]; /* /proc/sys/fs/mqueue */
};
extern struct mq_state mq_state;

static inline struct member *member_of(const struct client *client) {
    return client->data;
}

static inline bool queue_is_full(const struct queue *queue) {
    return queue->messages.count >= queue->maxmsg;
}

static inline uint32_t queue_polls(const struct queue *queue) {
    return (queue->messages.count ? POLL_INPUT : 0) | (queue_is_full(queue) ? 0 : POLL_OUTPUT);
}

/* A message has come or gone: what changes all of a file's times on Linux; and what only two of them. */
static inline void queue_changed(struct queue *queue) {
    queue->changed = clock_realtime_ns();
}
static inline void queue_looked_at(struct queue *queue) {
    queue->looked = clock_realtime_ns();
}

/* open.c: a queue of his less. */
void user_put(struct user *user);

/* queue.c: gives back a hold; the queue goes with the last one. */
void queue_put(struct queue *queue);
/* Its last descriptor has gone, and it has no name. */
void queue_end(struct queue *queue);
/* All that are there have: vfs was started anew. */
void queues_lost(void);

/* A message with room for a text, paid by whom payer_serve() named last; NULL if there is no memory. */
struct message *message_new(uint64_t length);

/* opened.c: asks vfs what a descriptor of the client's stands for, and keeps it; NULL and *error, -EBADF mostly. */
struct opened *opened_ask(const struct client *client, int fd, long *error);
/* O_RDONLY to read, O_WRONLY to write, O_RDWR for anything. */
static inline bool opened_allows(const struct opened *opened, uint32_t use) {
    uint32_t mode = opened->flags & O_ACCMODE;
    return use == O_RDWR || mode == O_RDWR || mode == use;
}

void queue_add(struct queue *queue, struct message *message, uint32_t priority);
void queue_take(struct queue *queue, struct message *message);

/*
 * send.c: a message into the queue, which has room and nobody waiting for it; whoever polls and the registered process are
 * told. The sender's answer, as notify_arrival.
 */
long queue_arrive(struct queue *queue, struct message *message, uint32_t priority,
                  const struct request *req, struct client *sender);
/* Whom there is room for now, as many as go at once. True: a message has come into the queue. */
bool queue_admit(struct queue *queue);
bool queue_admit_step(struct job *job);

/* receive.c: a message for the first receiver that waits, whose it is then; false: none does. */
bool queue_hand_over(struct queue *queue, struct message *message, uint32_t priority);
/* The same straight from its sender. False also if there was an obstacle: the way by a message of our own tells which.
 * A short text comes and goes in the words of `msg`. */
bool queue_pass(struct queue *queue, uint64_t sender, uint32_t priority, uint64_t length);
bool queue_pass_short(struct queue *queue, struct pk_msg *msg, uint32_t priority, uint64_t length);
/* Copies a text of COPIED_AT_ONCE at most to a receiver; its length, or a negative errno. */
long message_give(uint64_t token, struct pk_msg *reply, const struct message *message,
                  uint32_t priority);

/* waiting.c: a caller that is at a queue, in no list of it yet; NULL if there is no memory. */
struct waiting *waiting_new(struct request *req, struct client *client, struct queue *queue,
                            int64_t deadline);
/* In a list from now on, until its deadline: SERVER_DEFER, or an error, and it is gone. */
long waiting_enqueue_until(struct waiter_queue *list, struct waiting *waiting);
/* Behind those that are as urgent, and before those that are less. */
void waiting_enter_among(struct waiter_queue *list, struct waiting *waiting);
static inline void waiting_enter(struct waiter_queue *list, struct waiting *waiting) {
    if (waiter_queue_empty(list))
        waiter_enqueue(list, &waiting->waiter);
    else
        waiting_enter_among(list, waiting);
}
static inline long waiting_enqueue(struct waiter_queue *list, struct waiting *waiting) {
    if (waiting->deadline != MQ_FOR_EVER)
        return waiting_enqueue_until(list, waiting);
    waiting_enter(list, waiting);
    return SERVER_DEFER;
}
void waiting_finish(struct waiting *waiting, long result); /* answers it, and it is gone */
void waiting_free(struct waiting *waiting);                /* it is in no list any more */
static inline struct waiting *waiting_of(struct waiter *waiter) {
    return waiter ? container_of(waiter, struct waiting, waiter) : NULL;
}

/* large.c: a text that takes long is copied in, before anything else happens; or out, when all else has. */
long large_send(struct request *req, struct client *client, struct queue *queue, uint32_t priority,
                int64_t deadline, bool nowait);
void large_receive(struct waiting *waiting, struct message *message, uint32_t priority);

/* notify.c: a message has come to the empty queue, and nobody waited for it. The sender's answer, 0 or SERVER_DEFER;
 * req: its request, NULL: it does not wait for the signal. */
long notify_arrival(struct queue *queue, const struct request *req, struct client *sender);
void notify_closed(struct queue *queue); /* the registered process has closed a descriptor of it */
void notify_end(struct queue *queue);
void notify_execed(struct member *member);
void notify_exited(struct member *member);
/* Who is registered: a pid or 0, and how. */
int notify_pid(struct queue *queue, int *how, int *signal);

/* files.c: the words that vfs has with us. */
void files_begin(void); /* to be called before all others, and after a restart of vfs */
extern const volatile uint64_t *files_words;
/* Changes when a descriptor of the process may mean something else; never 0. */
static inline uint64_t files_stamp(int pid) {
    return files_words[0] + files_words[1 + (unsigned)pid % VFS_SERVED_PLACES];
}

void files_tell(const struct queue *queue, uint32_t changed); /* what holds, to who polls */
long files_at(int pid, int fd, struct queue **queue, uint32_t *flags);
long files_open(int pid, uint32_t flags, const char *name, uint64_t length, struct queue **queue);
long files_make(int pid, const struct queue *queue, uint32_t flags, uint32_t mode, const char *name,
                uint64_t length);
long files_unlink(int pid, const char *name, uint64_t length);
long files_nonblock(int pid, int fd, bool on);
long files_read(int pid, int fd, uint64_t size, uint64_t room, uint64_t *offset);
void files_times(const struct queue *queue); /* tells them */
struct queue *files_queue(uint64_t number);  /* NULL: there is none */
void files_watch(const struct queue *queue, int pid);
bool files_watched(const struct queue *queue, int pid); /* it has closed none of its descriptors */
/* A cookie of VFS_COOKIE_SIZE for a socket of the process's: kept, and sent. */
long files_cookie(int pid, int fd, const void *cookie, uint64_t *number);
void files_cookie_send(uint64_t number, uint32_t end);
bool files_gone(void); /* hears of descriptors that have gone; true: there may be more */
uint64_t files_number(void);

/* What a descriptor of the client's stands for, if it may be used so; NULL and *error. */
static inline struct opened *opened_at(const struct client *client, int fd, uint32_t use,
                                       long *error) {
    *error = -EBADF;
    if (!client)
        return NULL;
    const struct member *member = member_of(client);
    struct opened *opened = &member->opened[(uint32_t)fd];
    if ((uint32_t)fd >= member->size || opened->stamp != files_stamp(client_pid(client)))
        opened = opened_ask(client, fd, error);
    return opened && opened_allows(opened, use) ? opened : NULL;
}

/* check.c: looks at all there is; at a queue's registration; and at all users, whose queues take so much together. */
void mq_check(void);
void notify_check(const struct queue *queue);
void users_check(uint64_t queues, uint64_t bytes);

/* clients.c */
extern const struct client_ops mq_clients;

static inline int64_t setting(int which) {
    return mq_state.settings[which];
}

/* From and to the words of a message. All are copied: it takes less than to look how many are needed. */
static inline void copy_short(uint64_t *to, const uint64_t *from) {
    struct words {
        uint64_t w[PK_TEXT_SIZE / sizeof(uint64_t)];
    };
    *(struct words *)to = *(const struct words *)from;
}

#endif
