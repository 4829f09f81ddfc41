/* SPDX-License-Identifier: MIT */
/* Init's parts: the boot image, starting servers, their deaths, and what runs when they all do. */
#ifndef INIT_INIT_H
#define INIT_INIT_H

#include "devices.h"
#include "manifest.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Slots of what the kernel gave init. */
struct boot_caps {
    uint64_t machine, initrd, device_tree;
};
extern struct boot_caps boot_caps;
extern struct devices devices;
extern uint64_t realtime_base_ns;

/* A file of the boot image: bytes mapped read-only, and where they lie in the image. */
struct boot_file {
    const void *data;
    size_t size;
    uint64_t offset;
};

/* Maps the boot image; 0 or an error. */
long image_open(void);
/* 0 or -ENOENT. */
long image_find(const char *name, struct boot_file *out);
/* A memory object of just that file (its pages, not copies); a slot or an error. */
long image_object(const struct boot_file *file);

#define DEATHS_MOST 3 /* the last of so many in DEATHS_NS is the last for good */
#define DEATHS_NS 10000000000ull

/* A server, or an account to share. A server's endpoint and its events outlive it: whoever could call it can call the next one. */
struct task_record {
    struct manifest_server spec;
    uint64_t account;          /* of all its tasks */
    uint64_t task, thread;     /* slots; 0: it is dead */
    uint64_t endpoint, events; /* slots, without the right to receive there */
    uint64_t badge;            /* its identity towards servers that it calls */
    bool lost;                 /* it has died for good */
    uint64_t deaths;           /* how often, and the last times, newest first, in monotonic ns */
    uint64_t died_at[DEATHS_MOST];
    uint64_t busy_token, busy_label, busy_notices; /* the request that it was seen to work on, */
    uint64_t busy_since;                           /* first at that time; 0: none */
    uint64_t busy_ns;                              /* how long its thread had run by then */
    bool busy_told;                                /* it got its line */
};

/* start.c */

/*
 * Starts everything in the manifest; 0, or an error after a line of log. For a native program (native
 * set) servers stay away of which the manifest says so.
 */
long servers_start(const char *manifest, size_t size, int native);
/* A slot to call the server by, badged as init; 0 if there is none of that name. */
uint64_t servers_endpoint(const char *name);
/* True if it has died for good. */
bool servers_lost(const char *name);
/* The server whose exception badge this is, or 0. */
struct task_record *servers_by_number(uint64_t number);
/* The name of who calls with this badge, if it is a server or init; else 0. */
const char *servers_caller(uint64_t badge);
/* Ends it: its callers get an error, and so does whoever calls it while it is dead. */
void server_end(struct task_record *s);
/* Starts it anew after its end; 0 or an error, with which it is dead. */
long server_restart(struct task_record *s);
/* Starts a program that is no server (a test, a benchmark) with the machine and the console. */
long native_start(const char *name);
#define SERVER_STACK_TOP ((1ul << 38) - 0x200000)
#define SERVER_STACK_SIZE (64ul * 1024)
/* Where a server's stack begins, and where above it the server says where its request stands. */
#define SERVER_REQUEST_AT (SERVER_STACK_TOP - 16)

struct request;

/* report.c: what a server does, for lines on the console. */

/* What the server has received last; false if it has not come that far. */
bool report_request(const struct task_record *s, struct request *out);
/* As text: "message 3 of process 17". */
void report_format(char *text, size_t size, const struct request *req);
/* Why it dies, where, and in which message: two lines at most. */
void report_death(const struct task_record *s, const struct request *exception);
/* That it has worked for long on a request, and where it is. */
void report_slow(const struct task_record *s, const struct request *req);

/* death.c: a server's exception, which is its end. */
long death_handle(struct request *req);

/* watch.c: servers that work for long on one request. */
#define EVENT_WATCH 1ull /* of init's own events: time to look */
void watch_start(void);
void watch_look(void);

/* session.c: what runs for people, in a thread of its own, for it waits for servers. */
#define EVENT_PROC 1ull         /* the process server: a process that init started has ended */
#define EVENT_SERVERS 2ull      /* a server was started anew, or has ended for good */
extern uint64_t session_events; /* a notification */
/* Makes session_events; 0 or an error. */
long session_prepare(void);
/* Starts what the kernel's command line asks for; 0 or an error. */
long session_start(void);
/* Says what failed, and stops the machine. */
_Noreturn void give_up(const char *what, long error);

#endif
