/* SPDX-License-Identifier: MIT */
/* Structures that kernel calls read and write, and the boot information of servers. */
#ifndef PARLEY_TYPES_H
#define PARLEY_TYPES_H

#include <parley/calls.h>
#include <stdint.h>

/*
 * A message as a server sees it, and what a caller fills in. The last four of its ten words have other
 * uses in a message with buffers or capabilities.
 */
struct pk_msg {
    uint64_t label;
    union {
        uint64_t w[PK_WORDS];
        struct {
            uint64_t first[6];
            uint64_t in_len;  /* received: bytes that can be copied from the caller */
            uint64_t out;     /* where: the caller's business */
            uint64_t out_len; /* received: bytes that can be copied to the caller */
            uint64_t caps;    /* packed capability slots */
        };
    };
    uint64_t badge; /* received: who called */
};

/* A short text, of bytes, stands in the words behind the first two of a message that has nothing else. */
#define PK_TEXT_WORD 2
#define PK_TEXT_SIZE 64

/* A thread's registers, in Linux's user_regs_struct order: x[0] is the pc, x[n] is register n. */
struct pk_regs {
    uint64_t x[32];
    uint64_t f[32]; /* floating point, valid if fp is set */
    uint64_t fcsr;
    uint64_t fp;       /* get: the thread has floating-point state; set: load f and fcsr */
    uint64_t foreign;  /* get: 1 if inside a foreign call; set with PK_REGS_FOREIGN: its entry */
    uint64_t first_a0; /* get only: a0 when that foreign call was made */
    uint64_t word;     /* get, and thread_create: what foreign calls find in t0 */
};

enum pk_type {
    PK_TYPE_NONE,
    PK_TYPE_TASK,
    PK_TYPE_THREAD,
    PK_TYPE_ENDPOINT,
    PK_TYPE_NOTIFICATION,
    PK_TYPE_OBJECT,
    PK_TYPE_IRQ,
    PK_TYPE_MACHINE,
    PK_TYPE_ACCOUNT,
};

struct pk_cap_info {
    uint32_t type; /* enum pk_type */
    uint32_t rights;
    uint64_t badge;
};

struct pk_account_info {
    uint64_t limit;     /* bytes that it may use, with what is below it */
    uint64_t used;      /* bytes that it uses, with some that accounts below have paid in advance */
    uint64_t available; /* bytes that it can still get, as it and all around it are now */
    uint64_t tag;
    uint64_t highest; /* priority of threads in it */
};

struct pk_task_info {
    uint64_t resident; /* pages mapped in its address space (page tables not counted) */
    uint64_t mapped;   /* pages in its regions */
    uint64_t threads;
};

enum pk_thread_state {
    PK_THREAD_RUNNING,
    PK_THREAD_READY,
    PK_THREAD_CALLING,   /* queued at an endpoint, or waiting for a reply */
    PK_THREAD_RECEIVING, /* waiting for a message */
    PK_THREAD_WAITING,   /* waiting on a notification */
    PK_THREAD_STOPPED,
    PK_THREAD_DEAD,
};

struct pk_thread_info {
    uint32_t state; /* enum pk_thread_state */
    uint32_t priority;
    uint32_t hart;
    uint32_t foreign;       /* inside a foreign call */
    uint64_t user_ns;       /* time on a hart */
    uint64_t blocked_at_ns; /* what that was when it last was blocked */
    uint64_t id;    /* PK_TOKEN_THREAD of its calls' tokens; another's some time after its end */
    uint64_t calls; /* that it has made; exceptions and sleeps count, too */
    uint64_t preempted; /* how often it made way though it could have gone on */
};

/* A thread, for who looks at all that there are. */
struct pk_machine_thread {
    struct pk_thread_info info;
    uint64_t word;             /* its maker's */
    uint64_t resident, mapped; /* pages, of its task */
    char name[16];             /* its task's */
};

enum { PK_INTERRUPT_HART, PK_INTERRUPT_TIMER, PK_INTERRUPT_DEVICE, PK_INTERRUPTS };

struct pk_hart_info {
    uint64_t idle_ns; /* since the boot */
    uint64_t interrupts
        [PK_INTERRUPTS]; /* that it has taken: from another hart, of its timer, of devices */
};

struct pk_object_info {
    uint64_t size;     /* bytes */
    uint64_t resident; /* pages */
    uint64_t id;       /* the same for every capability to this object, never reused */
    uint64_t refs;     /* capabilities to it, and regions that map it */
    /* Uptime when a page of a shared mapping became writable last, by a write; 0: never. */
    uint64_t written_ns;
    /* Of a watched object: uptime when somebody began or ceased to map it last (0: never), and who did the last of the
     * two: the badge of his task's exceptions. */
    uint64_t mapped_ns, unmapped_ns;
    uint64_t by;
};

/* What a word of memory is called, wherever it is mapped; no other has that name, ever. */
struct pk_word_name {
    uint64_t id; /* of the memory object, or of the address space */
    uint64_t offset;
};

struct pk_region_info {
    uint64_t start;
    uint64_t length;
    uint64_t offset; /* in the object */
    uint64_t tag;
    uint32_t prot; /* PK_PROT_* and PK_MAP_SHARED */
    uint32_t has_object;
    uint64_t object_id;
};

struct pk_machine_info {
    uint64_t timebase_hz;
    uint64_t frames_total;
    uint64_t frames_free;
    uint64_t objects; /* kernel objects alive */
    uint64_t harts;
    uint64_t uptime_ns;
    uint64_t hart; /* that the caller is on */
};

/* What init hands a server: mapped read-only, its address in a0 at the entry point. */
struct pk_boot_cap {
    char name[24]; /* as in the boot manifest: a server's name, "events:NAME", "irq:N", ... */
    uint32_t slot;
    uint32_t spare;
};

struct pk_boot_info {
    char name[16];
    uint32_t cap_count;
    uint32_t restarts; /* how often a server of this name has died since the boot */
    uint64_t timebase_hz;
    uint64_t
        clock_at;    /* address of the struct clock_page (clock.h), to be read; 0: there is none */
    uint64_t secret; /* this server's own: for what programs must not be able to foresee */
    uint64_t
        request_at; /* address where the server tells init where its request stands; 0: nowhere */
    char command_line[512];
    struct pk_boot_cap caps[48];
};

#endif
