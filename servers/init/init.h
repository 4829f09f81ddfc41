/* SPDX-License-Identifier: MIT */
/* Init's parts: the boot image, starting servers, and what runs when they all do. */
#ifndef INIT_INIT_H
#define INIT_INIT_H

#include "devices.h"
#include "manifest.h"
#include <stddef.h>
#include <stdint.h>

#define EVENT_PROC 1ull /* the process server: a process that init started has ended */

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
/* Unmaps the image and drops its capability: its pages then belong to the files alone. */
void image_close(void);

/* A server, started or about to be; or an account to share. */
struct task_record {
    struct manifest_server spec;
    uint64_t account, task, endpoint, events; /* slots */
    uint64_t badge;                           /* its identity towards servers that it calls */
};

/*
 * Starts everything in the manifest; 0, or an error after a line of log. For a native program (native
 * set) servers stay away of which the manifest says so.
 */
long servers_start(const char *manifest, size_t size, int native);
/* A slot to call the server by, badged as init; 0 if there is none of that name. */
uint64_t servers_endpoint(const char *name);
/* The server whose exception badge this is, for messages. */
const char *servers_name(uint64_t badge);
/* Ends it: its callers get an error. */
void servers_end(uint64_t badge);
/* Starts a program that is no server (a test, a benchmark) with the machine and the console. */
long native_start(const char *name);

#endif
