/* SPDX-License-Identifier: MIT */
/*
 * The receive loop and dispatch. The straight path through server_run is what every message to
 * every server takes; everything unusual (capabilities, notices, session messages) leaves it early.
 */
#include <lib/check.h>
#include <lib/client.h>
#include <lib/crash.h>
#include <lib/heap.h>
#include <lib/continuation.h>
#include <lib/idtable.h>
#include <lib/job.h>
#include <lib/server.h>
#include <lib/waiter.h>
#include <protocol/session_server.h>
#include <string.h>

#define RESTART_SEQUENCES 4096 /* so that ids from before a restart are not found after it */
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* Drops the capabilities of a packed word that `mask` chooses. */
static void drop_caps(uint64_t caps, unsigned mask) {
    for (unsigned i = 0; mask >> i; i++)
        if (mask >> i & 1)
            must(pk_cap_drop(0, PK_CAP_AT(caps, i)));
}

static bool sent_by(uint64_t servers, uint64_t badge) {
    uint64_t number = badge - PK_BADGE_SERVER; /* of a process: far above */
    return number < 64 && servers >> number & 1;
}

static long check_entry(const struct protocol_entry *entry, const struct request *req) {
    if (entry->from && !sent_by(entry->from, req->msg.badge))
        return -EPERM;
    if (req->msg.in_len < entry->in_min || req->msg.out_len < entry->out_min)
        return -EINVAL;
    if (entry->caps_min && !(req->caps_left >> (entry->caps_min - 1) & 1))
        return -EINVAL;
    return 0;
}

/* Part of the loop, whoever else handles requests: a call would cost each message. */
static inline __attribute__((always_inline)) long handle(const struct server *srv,
                                                         struct request *req) {
    const struct protocol *protocol = srv->protocol;
    uint64_t number = req->msg.label & PK_LABEL_MASK;
    uint64_t index = number - protocol->first;
    if (UNLIKELY(index >= protocol->count)) {
        protocol = &session_protocol;
        index = number - protocol->first;
        if (index >= protocol->count || !(srv->clients || crash_allowed()))
            return -ENOSYS;
    }
    const struct protocol_entry *entry = &protocol->entries[index];
    if (entry->checked) {
        long error = check_entry(entry, req);
        if (error < 0)
            return error;
    }
    return UNLIKELY(!entry->handler) ? -ENOSYS : entry->handler(req);
}

long server_handle(const struct server *srv, struct request *req) {
    return handle(srv, req);
}

/*
 * One sort of work in a turn, so that a caller waits for the longest of them and not for their sum. What others tell
 * comes first, for whoever calls next may rely on it; the server's own time and jobs get a turn after that caller's.
 */
static void handle_events(const struct server *srv, uint64_t bits) {
    uint64_t told = bits & ~(SERVER_EVENT_TIMER | SERVER_EVENT_JOBS);
    uint64_t now = SERVER_EVENT_JOBS;
    if (told)
        now = told;
    else if (bits & SERVER_EVENT_TIMER)
        now = SERVER_EVENT_TIMER;
    if (bits & ~now)
        must(pk_notify(PK_SLOT_SERVER_EVENTS, bits & ~now));
    if (now == SERVER_EVENT_TIMER)
        deadline_pass();
    else if (now == SERVER_EVENT_JOBS)
        job_turn();
    else if (srv->on_events)
        srv->on_events(told);
}

long server_handle_kernel(const struct server *srv, struct request *req) {
    uint64_t bits = req->msg.w[0];
    switch (req->msg.label) {
    case PK_NOTICE_EVENTS:
        handle_events(srv, bits);
        return SERVER_DEFER;
    case PK_NOTICE_CANCEL:
        waiter_cancel(req->msg.badge, req->token, bits);
        return SERVER_DEFER;
    default:
        return srv->on_exception ? srv->on_exception(req) : -ENOSYS;
    }
}

/* Makes the capabilities that came with a message the loop's, until a handler takes them. */
static void accept_caps(struct request *req) {
    unsigned count = req->msg.label >> PK_LABEL_CAPS_SHIFT & 7;
    req->caps = req->msg.caps;
    req->caps_left = (1u << count) - 1;
}

static long receive(struct request *req, uint64_t token, long result) {
    return pk_reply_receive(PK_SLOT_SERVER_ENDPOINT, token, result, &req->msg, 0);
}

/*
 * The reply has capabilities. If they cannot be given, for the caller's table has no room or no memory,
 * nothing was received and nobody answered: it gets the error instead.
 */
static __attribute__((noinline)) long give_caps(struct request *req, uint64_t token, long result) {
    uint64_t sent = req->msg.caps;
    unsigned caps = req->reply_caps, drops = req->reply_drops;
    req->reply_caps = 0;
    req->reply_drops = 0;
    long received = pk_reply_receive(PK_SLOT_SERVER_ENDPOINT, token, result, &req->msg, caps);
    drop_caps(sent, drops);
    if (received >= 0 || !token)
        return received;
    req->msg.caps = 0;
    return receive(req, token, received);
}

/* Whoever looks from outside at what this server does (init) finds the request here. */
static void show(const struct request *req) {
    if (boot_info->request_at)
        *(const struct request *volatile *)boot_info->request_at = req;
}

long server_run(const struct server *srv) {
    struct request req = {0};
    uint64_t token = 0;
    long result = 0;
    client_set_ops(srv->clients);
    idtable_first_sequence = boot_info->restarts * RESTART_SEQUENCES;
    continuation_setup(srv);
    show(&req);
    for (;;) {
        check_sometimes(srv);
        long received = UNLIKELY(req.reply_caps) ? give_caps(&req, token, result)
                                                 : receive(&req, token, result);
        if (UNLIKELY(received < 0))
            return received;
        req.token = (uint64_t)received;
        heap_current = &heap_own; /* until it is known who pays */
        if (UNLIKELY(req.msg.label >> PK_LABEL_CAPS_SHIFT)) {
            if (req.msg.label & PK_LABEL_KERNEL) {
                req.notices++;
                result = server_handle_kernel(srv, &req);
                token = result == SERVER_DEFER ? 0 : req.token;
                continue;
            }
            accept_caps(&req);
        }
        result = handle(srv, &req);
        token = result == SERVER_DEFER ? 0 : req.token;
        if (UNLIKELY(req.caps_left)) {
            drop_caps(req.caps, req.caps_left);
            req.caps_left = 0;
        }
    }
}

uint64_t boot_cap(const char *name) {
    for (uint32_t i = 0; i < boot_info->cap_count; i++)
        if (!strncmp(boot_info->caps[i].name, name, sizeof(boot_info->caps[i].name)))
            return boot_info->caps[i].slot;
    return 0;
}

long command_line_get(const char *key, char *value, size_t size) {
    size_t length = strlen(key);
    const char *word = boot_info->command_line;
    while (*word) {
        size_t word_length = strcspn(word, " ");
        if (word_length >= length && !memcmp(word, key, length) &&
            (word_length == length || word[length] == '=')) {
            const char *text = word + length + (word_length > length);
            size_t text_length = word_length - (size_t)(text - word);
            size_t copied = text_length < size ? text_length : size - 1;
            if (size) {
                memcpy(value, text, copied);
                value[copied] = '\0';
            }
            return (long)text_length;
        }
        word += word_length;
        word += strspn(word, " ");
    }
    return -ENOENT;
}
