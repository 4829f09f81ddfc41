/* SPDX-License-Identifier: MIT */
/* The mock kernel; see kernel.h. */
#include "kernel.h"
#include <lib/heap.h>
#include <stdlib.h>
#include <lib/crash.h>
#include <protocol/session_server.h>
#include <lib/client.h>
#include <lib/clock.h>
#include <lib/continuation.h>
#include <lib/helper.h>
#include <protocol/session_client.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#define MAX_CALLS 4096
#define MAX_SLOTS 65536

uint64_t mock_now;
uint64_t mock_timer;
uint64_t mock_answers;
unsigned mock_slots;

static const struct server *server;
static struct call *calls[MAX_CALLS]; /* token % MAX_CALLS; those that may be deferred */
static struct call *immediate;        /* mock_call's */
static uint64_t next_token;
static uint64_t random_state = 1;
static struct mock_object {
    uint64_t size, refs;
    uint64_t own, bits; /* to be told when there are no more references than so many; 0: not */
    uint64_t mapped_ns, unmapped_ns, by;
} objects[MAX_SLOTS];
static struct {
    bool used;
    uint64_t rights;
    struct mock_object *object;
} slots[MAX_SLOTS];

void mock_seed(uint64_t seed) {
    random_state = seed * 2 + 1;
}

uint32_t mock_random(uint32_t n) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32) % n;
}

uint64_t clock_ns(void) {
    return mock_now;
}
uint64_t clock_realtime_ns(void) {
    return 1000000000000000000ull + mock_now;
}
uint64_t clock_realtime_offset(void) {
    return 1000000000000000000ull;
}
int64_t clock_seconds(void) {
    return (int64_t)(clock_realtime_ns() / 1000000000);
}

void mock_start(const struct server *srv) {
    server = srv;
    memset(calls, 0, sizeof(calls));
    next_token = 1;
    mock_answers = 0;
    client_set_ops(srv->clients);
    continuation_setup(srv);
}

static struct call *find(uint64_t token) {
    struct call *call = calls[token % MAX_CALLS];
    if (immediate && immediate->token == token)
        call = immediate;
    return call && call->token == token && !call->dead && !call->answered ? call : 0;
}

/* One at most: nobody here gives more. */
static void give_caps(struct call *call) {
    uint64_t slot = PK_CAP_AT(call->reply.caps, 0);
    if (!call->reply_caps)
        return;
    assert_true(slots[slot].used && slots[slot].rights & PK_RIGHT_GRANT);
    call->object = slots[slot].object;
    call->object->refs++;
    call->rights = slots[slot].rights;
}

static void answer(struct call *call, long result, const struct pk_msg *msg, unsigned caps) {
    assert_false(call->answered);
    call->answered = true;
    call->result = result;
    call->reply = *msg;
    call->reply_caps = caps;
    give_caps(call);
    call->order = mock_answers++;
    if (calls[call->token % MAX_CALLS] == call)
        calls[call->token % MAX_CALLS] = 0;
}

void mock_send_words(struct call *call, int pid, uint64_t label, const uint64_t *words) {
    struct request req = {0};
    memset(call, 0, offsetof(struct call, in));
    memset(&call->answered, 0, offsetof(struct call, user) - offsetof(struct call, answered));
    for (int i = 0; calls[next_token % MAX_CALLS]; i++, next_token++)
        assert_true(i < MAX_CALLS);
    call->lent = 0;
    call->token = next_token++;
    call->pid = pid;
    calls[call->token % MAX_CALLS] = call;
    req.token = call->token;
    req.msg.label = label;
    req.msg.badge = (uint64_t)pid;
    memcpy(req.msg.w, words, sizeof(req.msg.w));
    memcpy(call->sent, words, sizeof(call->sent));
    long result = server_handle(server, &req);
    if (result != SERVER_DEFER)
        answer(call, result, &req.msg, req.reply_caps);
    mock_handled(server);
}

void mock_send(struct call *call, int pid, uint64_t label, const uint64_t *words, unsigned count,
               const void *in, uint64_t in_len, void *out, uint64_t out_len) {
    struct pk_msg msg = {.in_len = in_len, .out = (uintptr_t)out, .out_len = out_len};
    memcpy(msg.w, words, count * sizeof(*words));
    call->in = in;
    call->in_len = in_len;
    call->out = out;
    call->out_len = out_len;
    mock_send_words(call, pid, label, msg.w);
}

long mock_call(uint64_t badge, uint64_t label, const uint64_t *words, unsigned count,
               const void *in, uint64_t in_len, void *out, uint64_t out_len) {
    struct call call = {0};
    struct request req = {0};
    call.token = req.token = UINT64_MAX >> 4;
    call.in = in;
    call.out = out;
    call.in_len = req.msg.in_len = in_len;
    call.out_len = req.msg.out_len = out_len;
    req.msg.out = (uintptr_t)out;
    call.pid = (int)badge;
    immediate = &call;
    req.msg.label = label;
    req.msg.badge = badge;
    for (unsigned i = 0; i < count; i++)
        req.msg.w[i] = words[i];
    long result = server_handle(server, &req);
    while (result == SERVER_DEFER && !call.answered)
        assert_true(mock_job());
    immediate = 0;
    mock_handled(server);
    return call.answered ? call.result : result;
}

static void notice(uint64_t label, const struct call *call, uint64_t word) {
    struct request req = {.token = call ? call->token : 0};
    req.msg.label = label;
    req.msg.badge = call ? (uint64_t)call->pid : 0;
    req.msg.w[0] = word;
    assert_true(server_handle_kernel(server, &req) == SERVER_DEFER);
    mock_handled(server);
}

void mock_interrupt(struct call *call) {
    notice(PK_NOTICE_CANCEL, call, PK_CANCEL_INTERRUPT);
}

void mock_kill_notice(struct call *call) {
    if (calls[call->token % MAX_CALLS] == call)
        calls[call->token % MAX_CALLS] = 0;
    notice(PK_NOTICE_CANCEL, call, PK_CANCEL_DEAD);
}

void mock_kill(struct call *call) {
    call->dead = true;
    mock_kill_notice(call);
}

void mock_advance(uint64_t ns) {
    mock_now += ns;
    if (mock_timer && mock_timer <= mock_now) {
        mock_timer = 0;
        notice(PK_NOTICE_EVENTS, 0, SERVER_EVENT_TIMER);
    }
}

static bool job_ordered;

void helper_order(void) {
    assert_false(job_ordered);
    job_ordered = true;
}

bool mock_job(void) {
    if (!job_ordered)
        return false;
    job_ordered = false;
    notice(PK_NOTICE_EVENTS, 0, SERVER_EVENT_JOBS);
    return true;
}

unsigned mock_jobs(void) {
    unsigned steps = 0;
    while (mock_job())
        steps++;
    return steps;
}

long mock_connect(int pid, uint32_t uid, uint32_t gid) {
    return mock_call(PK_BADGE_PROC, SESSION_LABEL_CONNECT, WORDS((uint64_t)pid, uid, gid, uid, 0),
                     0, 0, 0, 0);
}
long mock_fork(int parent, int child) {
    return mock_call(PK_BADGE_PROC, SESSION_LABEL_FORKED, WORDS((uint64_t)parent, (uint64_t)child),
                     0, 0, 0, 0);
}
void mock_exec(int pid) {
    assert_int_equal(
        mock_call(PK_BADGE_PROC, SESSION_LABEL_EXECED, WORDS((uint64_t)pid), 0, 0, 0, 0), 0);
}
/* Its threads die first, so no call of its is pending any more when the process server tells. */
void mock_exit(int pid) {
    for (unsigned i = 0; i < MAX_CALLS; i++)
        if (calls[i] && calls[i]->pid == pid)
            calls[i] = 0;
    assert_int_equal(
        mock_call(PK_BADGE_PROC, SESSION_LABEL_EXITED, WORDS((uint64_t)pid), 0, 0, 0, 0), 0);
}

long pk_reply(uint64_t token, long result, const struct pk_msg *msg, unsigned cap_count) {
    struct call *call = find(token);
    if (!call)
        return -ESRCH;
    answer(call, result, msg, cap_count);
    return 0;
}

long pk_copy_from_caller(uint64_t token, uint64_t offset, void *dst, uint64_t len) {
    struct call *call = find(token);
    if (!call)
        return -ESRCH;
    if (call->bad_memory)
        return -EFAULT;
    if (offset >= call->in_len)
        return 0;
    if (len > call->in_len - offset)
        len = call->in_len - offset;
    memcpy(dst, (const char *)call->in + offset, len);
    return (long)len;
}

long pk_copy_to_caller(uint64_t token, uint64_t offset, const void *src, uint64_t len) {
    struct call *call = find(token);
    if (!call)
        return -ESRCH;
    if (call->bad_memory)
        return -EFAULT;
    if (offset >= call->out_len)
        return 0;
    if (len > call->out_len - offset)
        len = call->out_len - offset;
    memcpy((char *)call->out + offset, src, len);
    return (long)len;
}

long pk_caller_to_caller(uint64_t from, uint64_t from_offset, uint64_t to, uint64_t to_offset,
                         uint64_t len) {
    struct call *source = find(from);
    if (!source)
        return -ESRCH;
    if (source->bad_memory || from_offset > source->in_len)
        return source->bad_memory ? -EFAULT : -EINVAL;
    uint64_t left = source->in_len - from_offset;
    return pk_copy_to_caller(to, to_offset, (const char *)source->in + from_offset,
                             len < left ? len : left);
}

void *mock_shared;
size_t mock_shared_size;

static void name_word(const struct call *call, uint64_t address, uint64_t flags,
                      struct pk_word_name *name) {
    bool shared = address - (uintptr_t)mock_shared < mock_shared_size && !(flags & PK_WORD_OWN);
    *name = (struct pk_word_name){shared ? 1 : 2 + (uint64_t)call->pid,
                                  shared ? address - (uintptr_t)mock_shared : address};
}

/* A word of a buffer, or 0 and *error. */
static uint32_t *word_at(const struct call *call, const void *buffer, uint64_t length,
                         uint64_t offset, long *error) {
    *error = !call ? -ESRCH : offset > length || length - offset < 4 ? -EINVAL : 0;
    if (*error == 0 && call->bad_memory)
        *error = -EFAULT;
    return *error < 0 ? 0 : (uint32_t *)(void *)((char *)(uintptr_t)buffer + offset);
}

long pk_caller_word(uint64_t token, uint64_t offset, uint64_t flags, struct pk_word_name *name) {
    long error;
    const struct call *call = find(token);
    const uint32_t *word =
        word_at(call, call ? call->in : 0, call ? call->in_len : 0, offset, &error);
    if (!word)
        return error;
    name_word(call, (uintptr_t)word, flags, name);
    return *word;
}

long pk_caller_word_name(uint64_t token, uint64_t address, uint64_t flags,
                         struct pk_word_name *name) {
    const struct call *call = find(token);
    if (!call)
        return -ESRCH;
    name_word(call, address, flags, name);
    return call->bad_memory ? -EFAULT : 0;
}

long pk_caller_word_exchange(uint64_t token, uint64_t offset, uint32_t expected, uint32_t value) {
    long error;
    const struct call *call = find(token);
    uint32_t *word = word_at(call, call ? call->out : 0, call ? call->out_len : 0, offset, &error);
    if (!word)
        return error;
    uint32_t was = *word;
    *word = was == expected ? value : was;
    return was;
}

/* A caller's priority is what the test says: what it is lent does not change that. */
long pk_lend(uint64_t token, uint64_t thread) {
    struct call *call = find(token);
    assert_true(!thread || slots[thread].used);
    if (!call)
        return -ESRCH;
    call->lent = thread;
    return call->priority;
}

long pk_caller_rank(uint64_t token) {
    const struct call *call = find(token);
    return call ? call->priority << 32 | PK_WEIGHT_NORMAL : -ESRCH;
}

/* Any object will do for a thread. */
long pk_caller_thread(uint64_t token) {
    return find(token) ? pk_object_create(1, 0, 0) : -ESRCH;
}

uint64_t mock_notified;

long pk_notify(uint64_t notification, uint64_t bits) {
    (void)notification;
    mock_notified |= bits;
    return 0;
}

long pk_timer_set(uint64_t notification, uint64_t bits, uint64_t at_ns) {
    assert_int_equal(notification, PK_SLOT_SERVER_EVENTS);
    assert_int_equal(bits, SERVER_EVENT_TIMER);
    mock_timer = at_ns;
    return 0;
}

static long slot_new(uint64_t rights, struct mock_object *object) {
    unsigned slot = 16;
    while (slots[slot].used)
        slot++;
    slots[slot].used = true;
    slots[slot].rights = rights;
    slots[slot].object = object;
    object->refs++;
    mock_slots++;
    return slot;
}

static void release(struct mock_object *object) {
    object->refs--;
    if (!object->own || object->refs > object->own)
        return;
    object->own = 0;
    notice(PK_NOTICE_EVENTS, 0, object->bits);
}

void mock_map(const struct call *call) {
    mock_map_again(call->object, call->pid);
    release(call->object);
}

void mock_map_again(struct mock_object *object, int pid) {
    object->refs++;
    object->mapped_ns = mock_now;
    object->by = (uint64_t)pid;
}

void mock_unmap(struct mock_object *object, int pid) {
    object->unmapped_ns = mock_now;
    object->by = (uint64_t)pid;
    release(object);
}

long pk_object_create(uint64_t size, uint64_t source, uint64_t source_offset) {
    (void)source;
    (void)source_offset;
    struct mock_object *object = objects;
    if (size > 1ull << 40)
        return -ENOMEM;
    while (object->refs)
        object++;
    *object = (struct mock_object){.size = size};
    return slot_new(PK_RIGHT_ALL, object);
}

long pk_object_create_for(uint64_t account, uint64_t size, uint64_t source,
                          uint64_t source_offset) {
    (void)account;
    return pk_object_create(size, source, source_offset);
}

/* The host's malloc has one heap. Weak: test_malloc has the real one. */
#define WEAK __attribute__((weak))
WEAK struct heap heap_own;
WEAK struct heap *heap_current = &heap_own;
WEAK void *own_calloc(size_t count, size_t size) {
    return calloc(count, size);
}
WEAK void *own_realloc(void *pointer, size_t size) {
    return realloc(pointer, size);
}
WEAK void *heap_alloc(struct heap *heap, size_t size) {
    (void)heap;
    return malloc(size);
}
WEAK bool heap_release(struct heap *heap) {
    (void)heap;
    return true;
}
WEAK uint64_t heap_data_account(void) {
    return PK_SLOT_ACCOUNT;
}

long pk_object_info(uint64_t object, struct pk_object_info *info) {
    assert_true(slots[object].used);
    const struct mock_object *o = slots[object].object;
    *info = (struct pk_object_info){.size = o->size,
                                    .resident = 1,
                                    .refs = o->refs,
                                    .mapped_ns = o->mapped_ns,
                                    .unmapped_ns = o->unmapped_ns,
                                    .by = o->by};
    return 0;
}

long pk_object_watch(uint64_t object, uint64_t notification, uint64_t bits, uint64_t own) {
    struct mock_object *o = slots[object].object;
    assert_true(slots[object].used);
    assert_true(!notification || (notification == PK_SLOT_SERVER_EVENTS && bits && own));
    o->own = 0;
    if (notification && o->refs <= own)
        return 1;
    o->own = own;
    o->bits = bits;
    return 0;
}

long pk_cap_copy(uint64_t src, uint64_t dst_task, uint64_t dst_slot, uint64_t rights,
                 uint64_t badge) {
    (void)dst_slot;
    (void)badge;
    assert_int_equal(dst_task, 0);
    assert_true(slots[src].used);
    return slot_new(slots[src].rights & rights, slots[src].object);
}

_Noreturn void must_failed(const char *call, long error) {
    fail_msg("%s: %ld", call, error);
    abort();
}

long pk_cap_drop(uint64_t task, uint64_t slot) {
    assert_int_equal(task, 0);
    assert_true(slots[slot].used);
    slots[slot].used = false;
    mock_slots--;
    release(slots[slot].object);
    return 0;
}

/* server_run is not driven by these tests. */
long pk_reply_receive(uint64_t endpoint, uint64_t token, long result, struct pk_msg *msg,
                      unsigned cap_count) {
    (void)endpoint;
    (void)token;
    (void)result;
    (void)msg;
    (void)cap_count;
    return -ENOSYS;
}

const struct pk_boot_info *boot_info;

/* No server is to die here. */
bool crash_allowed(void) {
    return false;
}

long session_handle_crash(struct request *req, uint32_t how, uint64_t ns) {
    (void)req, (void)how, (void)ns;
    return -ENOSYS;
}
