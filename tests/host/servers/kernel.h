/* SPDX-License-Identifier: MIT */
/*
 * A mock of the kernel and of callers, for driving a server's handlers on the host.
 *
 * A test makes calls (each with a token of its own), looks at what was answered, interrupts or kills
 * waiting callers and moves the clock. Handlers run through server_handle, as in the receive loop.
 */
#ifndef TEST_KERNEL_H
#define TEST_KERNEL_H

#include <lib/server.h>
#include <stdbool.h>
#include <stdint.h>

struct mock_object;

/* One call by a process, from the message to the answer. */
struct call {
    uint64_t token;
    int pid;
    const void *in;
    uint64_t in_len;
    void *out;
    uint64_t out_len;
    long priority; /* of the caller */
    uint64_t lent; /* the slot of the thread that it lends that to, or 0 */
    bool answered;
    bool dead;       /* killed: the token is stale, though the server may not know yet */
    bool bad_memory; /* copies fail with -EFAULT */
    long result;
    uint64_t sent[PK_WORDS];
    struct pk_msg reply;
    unsigned reply_caps;
    struct mock_object *object; /* of which the answer gave the caller a capability */
    uint64_t rights;            /* and with which rights */
    uint64_t order;             /* of the answer, among all answers */
    void *user;                 /* the test's own */
};

extern uint64_t mock_now;      /* ns */
extern uint64_t mock_timer;    /* what pk_timer_set set, 0: off */
extern uint64_t mock_answers;  /* given so far */
extern uint64_t mock_notified; /* bits that pk_notify gave, to whomever */
extern unsigned mock_slots;    /* capability slots in use */

/* Which server the calls go to; forgets all calls. */
void mock_start(const struct server *srv);

/* Sends a message as process `pid`; `call` must stay where it is until it is answered or dead. */
void mock_send(struct call *call, int pid, uint64_t label, const uint64_t *words, unsigned count,
               const void *in, uint64_t in_len, void *out, uint64_t out_len);

/* The same for a message that is words alone, PK_WORDS of them. */
void mock_send_words(struct call *call, int pid, uint64_t label, const uint64_t *words);

/* Sends a message that must be answered at once, or after steps of jobs that are done here; its result. */
long mock_call(uint64_t badge, uint64_t label, const uint64_t *words, unsigned count,
               const void *in, uint64_t in_len, void *out, uint64_t out_len);

#define WORDS(...)                                                                                 \
    (const uint64_t[]){__VA_ARGS__}, sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t)

/* Sends the cancel notices. */
void mock_interrupt(struct call *call);
void mock_kill(struct call *call);
void mock_kill_notice(struct call *call); /* after call->dead was set by the test */

/* Moves the clock on and delivers the timer's event if it is due. */
void mock_advance(uint64_t ns);

/* Delivers the jobs' event if it has been ordered: one step. False: there is no job. */
bool mock_job(void);
/* Steps until there is no job any more; how many. */
unsigned mock_jobs(void);

/* A message was handled: now and then all that the server has is looked at. */
void mock_handled(const struct server *srv);
/* What does not hold of the server's data (lib/check.h); NULL: all does. Elsewhere that fails the test. */
const char *mock_violation(void);
/* The check notices if a number or a flag is another one. */
#define assert_checked(field)                                                                      \
    do {                                                                                           \
        assert_null(mock_violation());                                                             \
        (field) ^= 1;                                                                              \
        assert_non_null(mock_violation());                                                         \
        (field) ^= 1;                                                                              \
    } while (0)

/* Session messages. */
long mock_connect(int pid, uint32_t uid, uint32_t gid);
long mock_fork(int parent, int child);
void mock_exec(int pid);
void mock_exit(int pid);

/* Memory that is shared by all processes; all else is each one's own. */
extern void *mock_shared;
extern size_t mock_shared_size;

/*
 * A caller maps the object that it has got, and drops the capability; a process maps once more what is mapped (as a fork
 * does); and ceases to.
 */
void mock_map(const struct call *call);
void mock_map_again(struct mock_object *object, int pid);
void mock_unmap(struct mock_object *object, int pid);

/* A random number below `n`, from a fixed seed. */
uint32_t mock_random(uint32_t n);
void mock_seed(uint64_t seed);

#endif
