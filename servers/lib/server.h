/* SPDX-License-Identifier: MIT */
/*
 * What every server shares: the request, the receive loop, boot information.
 *
 * A server is a table of handlers (made from protocols/NAME.toml) and server_run(). A handler gets
 * the request and its words as typed arguments and returns the result, or SERVER_DEFER after it put
 * the caller on a waiter queue (lib/waiter.h); it never blocks. What would take it more than some 50,000
 * instructions it leaves to a continuation (lib/continuation.h). Replies and the next receive are one
 * kernel call. Capabilities that arrive and are not taken are dropped by the loop.
 *
 * Not here: client records (lib/client.h), System V objects (lib/sysv.h).
 */
#ifndef LIB_SERVER_H
#define LIB_SERVER_H

#include <lib/must.h>
#include <limits.h>
#include <parley/errno.h>
#include <parley/identity.h>
#include <parley/stubs.h>
#include <stddef.h>

/* A handler's result: "no reply now, the caller waits". */
#define SERVER_DEFER LONG_MIN

/* The notification bits that the library's deadlines and jobs use; a server has bits 0 to 60. */
#define SERVER_EVENT_TIMER (1ull << 62)
#define SERVER_EVENT_JOBS (1ull << 61)

/* A call that is being handled. */
struct request {
    uint64_t token;       /* names the caller until it is answered */
    struct pk_msg msg;    /* received: label, words, badge, buffer lengths; the reply's words */
    uint64_t caps;        /* packed capability slots received; valid where caps_left has a bit */
    unsigned caps_left;   /* mask of received capabilities that nobody took */
    unsigned reply_caps;  /* number of capabilities that the reply carries, packed in msg.caps */
    unsigned reply_drops; /* mask of those that are dropped here once they are sent */
    uint64_t
        notices; /* how many of the kernel's messages came so far: they have no token to tell them apart */
};

/* One message of a protocol, as the generator declares it. */
struct protocol_entry {
    long (*handler)(struct request *req);
    uint64_t from;   /* bit n: server n may send it (parley/identity.h); 0: whoever can */
    uint32_t in_min; /* least lengths of the caller's buffers */
    uint32_t out_min;
    uint16_t caps_min; /* least number of capabilities */
    uint16_t checked;  /* any of the four above is set */
};

struct protocol {
    const char *name;
    uint32_t first; /* the number of entries[0] */
    uint32_t count;
    const struct protocol_entry *entries;
};

/* The foreign call by which a server ends itself; its argument is the status. */
#define SERVER_EXIT_CALL 94

struct client_ops;

struct server {
    const char *name;
    const struct protocol *protocol;
    const struct client_ops *clients;          /* 0: session messages are ENOSYS */
    void (*on_events)(uint64_t bits);          /* notification bits but the timer's; may be 0 */
    long (*on_exception)(struct request *req); /* PK_EXCEPTION_*; may be 0 */
    void (*check)(void); /* SERVER_CHECK(): looks at its data (lib/check.h); may be 0 */
};

/* Receives and answers for ever. Returns (negative errno) only if the endpoint is unusable. */
long server_run(const struct server *srv);

/* Handles one received request; the result to reply, or SERVER_DEFER. What server_run calls. */
long server_handle(const struct server *srv, struct request *req);

/* Handles a message that the kernel sent (label bit 63): events, cancel notices, exceptions. */
long server_handle_kernel(const struct server *srv, struct request *req);

/* Who called: a process's pid, or a server's badge (parley/identity.h). */
static inline uint64_t request_badge(const struct request *req) {
    return req->msg.badge;
}

/* Bytes in the caller's input buffer, and room in its output buffer. */
static inline uint64_t request_in_len(const struct request *req) {
    return req->msg.in_len;
}
static inline uint64_t request_out_len(const struct request *req) {
    return req->msg.out_len;
}

/* The text in a message's words, PK_TEXT_SIZE bytes; the reply's if it has one. */
static inline uint64_t *request_text(struct request *req) {
    return &req->msg.w[PK_TEXT_WORD];
}

/* Copies from the caller's input buffer. Returns bytes copied, or -EFAULT. */
PK_MUST_CHECK static inline long request_read(const struct request *req, uint64_t offset, void *buf,
                                              uint64_t len) {
    return pk_copy_from_caller(req->token, offset, buf, len);
}

/* Copies to the caller's output buffer. Returns bytes copied, or -EFAULT. */
PK_MUST_CHECK static inline long request_write(const struct request *req, uint64_t offset,
                                               const void *buf, uint64_t len) {
    return pk_copy_to_caller(req->token, offset, buf, len);
}

/*
 * Copies a whole structure in or out, clipped to what the caller named; 0 or a negative errno.
 * For structures the protocol declares, the dispatcher has checked that the whole fits.
 */
PK_MUST_CHECK static inline long request_read_all(const struct request *req, void *buf,
                                                  uint64_t len) {
    long n = pk_copy_from_caller(req->token, 0, buf, len);
    return n == (long)len ? 0 : n < 0 ? n : -EINVAL;
}
PK_MUST_CHECK static inline long request_write_all(const struct request *req, const void *buf,
                                                   uint64_t len) {
    long n = pk_copy_to_caller(req->token, 0, buf, len);
    return n == (long)len ? 0 : n < 0 ? n : -EINVAL;
}

/* The slot of the received capability at `index`, still owned by the loop; 0 if there is none. */
static inline uint64_t request_cap(const struct request *req, unsigned index) {
    return req->caps_left >> index & 1 ? PK_CAP_AT(req->caps, index) : 0;
}

/* The same, and the server keeps it: it must drop it itself some day. */
static inline uint64_t request_take_cap(struct request *req, unsigned index) {
    uint64_t slot = request_cap(req, index);
    req->caps_left &= ~(1u << index);
    return slot;
}

/* Adds a capability to the reply; the server keeps its own. It needs PK_RIGHT_GRANT. */
static inline void request_reply_cap(struct request *req, uint64_t slot) {
    unsigned shift = PK_CAP_BITS * req->reply_caps++;
    req->msg.caps = shift ? req->msg.caps | slot << shift : slot;
}

/* Adds a capability to the reply and drops the server's own after it is sent. */
static inline void request_give_cap(struct request *req, uint64_t slot) {
    req->reply_drops |= 1u << req->reply_caps;
    request_reply_cap(req, slot);
}

/*
 * Answers a deferred caller, with words or without; with capabilities: pk_reply. That fails only if the caller
 * has died: then there is nobody to miss the answer, so the result need not be looked at.
 */
static inline long server_reply_words(uint64_t token, long result, const struct pk_msg *words) {
    return pk_reply(token, result, words, 0);
}
static inline long server_reply(uint64_t token, long result) {
    struct pk_msg none = {0};
    return server_reply_words(token, result, &none);
}

/* The boot information, as init gave it; set before main runs. */
extern const struct pk_boot_info *boot_info;

/* The slot of the capability that the boot manifest names, or 0. */
uint64_t boot_cap(const char *name);

/*
 * The value of `key` on the kernel command line ("key=value", "key"): copied to `value` (an empty
 * string if there is no '='), cut to `size`. Returns its length, or -ENOENT.
 */
long command_line_get(const char *key, char *value, size_t size);

/* printf to the kernel's console, prefixed with the server's name. */
void server_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Logs and ends the server; for broken invariants only, never for what a client sent. */
_Noreturn void server_panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
