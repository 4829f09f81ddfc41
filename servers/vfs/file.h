/* SPDX-License-Identifier: MIT */
/*
 * Open files (open file descriptions) and the descriptors of processes.
 *
 * A struct file is shared by all descriptors that dup and fork made from one open; it holds a
 * reference on its node. What reading, writing and closing mean depends on its kind: ops.
 */
#ifndef VFS_FILE_H
#define VFS_FILE_H

#include <lib/client.h>
#include <lib/continuation.h>
#include <lib/server.h>
#include <protocol/vfs_server.h>

#include "access.h"
#include "descriptors.h"
#include "linux_abi.h"
#include "node.h"

#define FD_SOFT_LIMIT 1024
#define OFFSET_CURRENT (-1) /* read and write at the file's own offset */

struct file;
struct pipe;
struct made;
struct counter;
struct epoll;
struct epoll_item;
struct served;
struct socket;
struct inotify;
struct timer;
struct tty_file;
struct walks;
struct poll_queue;

/* Any of them but poll may be NULL; then the call gets the error that stands with it. */
struct file_ops {
    long (*read)(struct request *req, struct file *file, int64_t offset);  /* -EISDIR, -EINVAL */
    long (*write)(struct request *req, struct file *file, int64_t offset); /* -EINVAL */
    long (*ioctl)(struct request *req, struct file *file, uint32_t request, uint64_t argument);
    uint32_t (*poll)(struct file *file); /* LX_POLL* that hold now */
    /* Where those stand that wait for other ones; NULL: what holds never changes. */
    struct poll_queue *(*poll_queue)(struct file *file);
    void (*close)(struct file *file); /* the last descriptor went; may be NULL */
    long (*open)(struct client *client, struct file *file, uint32_t flags); /* may be NULL: 0 */
    bool seekable;
    bool no_position; /* lseek(2) always ends at 0 */
    const char *name; /* as /proc/PID/fd shows one without a node of its own; else NULL */
};

struct file {
    uint32_t refs;
    uint32_t
        flags; /* LX_O_ACCMODE, LX_O_APPEND, LX_O_NONBLOCK, LX_O_NOATIME, LX_O_PATH, a pipe's LX_O_DIRECT */
    struct node *node;
    const struct file_ops *ops;
    uint64_t offset;             /* bytes; a cookie in a directory */
    struct epoll_item *watchers; /* in sets of epoll (epoll.c) */
    union {
        struct pipe *pipe;
        struct counter *counter; /* eventfd */
        struct timer *timer;     /* timerfd */
        struct epoll *epoll;
        struct socket *socket;
        struct inotify *inotify;
        struct served *served; /* another server's (served.c) */
        struct made *made;     /* what the process server makes up (remote.c) */
        struct tty_file *tty;  /* a terminal, or a pseudo-terminal's master (tty.h) */
    };
};

/* What this server keeps of a process: client->data. */
struct context {
    struct fd_table fds;
    int limit;          /* descriptors from here on are not given out (RLIMIT_NOFILE) */
    uint64_t file_most; /* bytes: it makes no regular file longer (RLIMIT_FSIZE) */
    struct node *cwd;
    struct node *root;       /* where its paths begin (chroot(2)); NULL: the tree's */
    struct node *program;    /* that it runs, which nobody may write meanwhile; may be NULL */
    struct node *starting;   /* that it asked to run last: its program if the exec succeeds */
    uint64_t lock_key;       /* owns its record locks (locks.h) */
    struct walks *exec_walk; /* on the way to one; NULL: at its end */
    bool guarded;            /* it does not run for one user alone: others may not look into it */
    uint32_t umask;
    int pid;
    int group;   /* process group and session as a terminal sees them, */
    int session; /* 0: it has given up its terminal */
};

extern const struct file_ops regular_ops;
extern const struct file_ops directory_ops;
extern const struct file_ops descriptors_ops; /* /proc/PID/fd */
extern const struct file_ops pipe_ops;
extern const struct file_ops path_ops; /* O_PATH */

/* It has been read by this open file: its access time, unless O_NOATIME. */
static inline void file_accessed(const struct file *file) {
    if (!(file->flags & LX_O_NOATIME)) {
        node_accessed(file->node);
    }
}

/* What all open files stand on that have no file: counters, timers (Linux's anonymous inode). */
extern struct node *node_nameless;
/* Makes it: 0 or -ENOMEM. */
int node_nameless_init(void);

/* A new open file on a node, with one reference; NULL if there is no memory. */
struct file *file_new(struct node *node, const struct file_ops *ops, uint32_t flags);
void file_put(struct file *file);
/* A process, whose locks have that key, has one descriptor less that stands for it; the reference stays. */
void file_left(struct file *file, int pid, uint64_t lock_key);

static inline bool file_reads(const struct file *file) {
    return !(file->flags & LX_O_PATH) && (file->flags & LX_O_ACCMODE) != LX_O_WRONLY;
}
static inline bool file_writes(const struct file *file) {
    return !(file->flags & LX_O_PATH) && (file->flags & LX_O_ACCMODE) != LX_O_RDONLY;
}

/* The caller's context; NULL if it is no process that is known here. */
static inline struct context *request_context(const struct request *req) {
    struct client *client = request_client(req);
    return client ? client->data : NULL;
}
struct credentials request_credentials(const struct request *req);

/* The open file of a descriptor, or NULL. */
static inline struct file *fd_file(const struct context *context, int fd) {
    return context ? fd_table_file(&context->fds, fd) : NULL;
}
/* The lowest free descriptor from `least` on gets the file (its reference moves); or -EMFILE. */
long fd_install(struct context *context, struct file *file, int least, bool cloexec);
/* The same from 0 on, but if that fails the reference has gone. */
long fd_give(struct context *context, struct file *file, bool cloexec);
/* Puts the file at fd, closing what is there; 0 or -ENOMEM. */
long fd_replace(struct context *context, struct file *file, int fd, bool cloexec);
long fd_close(struct context *context, int fd);
/* Closing many (closing.c): the first few at once, the others in steps. Those from `first` to `last`: the answer to the request. */
long fds_close(struct context *context, const struct request *req, int first, int last);
/* Those that an exec closes, and all, for the process has ended: nobody waits for that. */
void fds_exec(struct context *context);
void fds_end(struct context *context);

/* The descriptors of a process whose files were lost (lost.c); 0 or -ENOMEM, after which it is to be freed. */
long lost_descriptors(struct context *context);

/* The process will run this, if its exec succeeds (context.c). */
void context_starts(struct context *context, struct node *program);

/* Session hooks (context.c). */
extern const struct client_ops context_ops;
void timerfds_clock_set(void); /* timerfd.c */
/* The client of that pid which has a context; NULL if there is none. */
struct client *context_client(int pid);

#define LENGTH_MOST 0x7ffff000ul /* read(2), write(2): no call transfers more */
#define STEP_BYTES 65536ul       /* what one step of a long transfer copies at most */

/* What of a write at that offset who sent the request may do (RLIMIT_FSIZE): *length is cut; or -EXFULL. */
long data_limit(const struct request *req, uint64_t at, uint64_t *length);

/*
 * Regular files' data (data.c). Those that change a file wait while it is busy; those that copy do at most
 * STEP_BYTES, and go on by transfer.c. Bytes, or negative errno.
 */
long data_read(uint64_t token, uint64_t done, struct node *node, uint64_t offset, uint64_t length);
long data_write(uint64_t token, uint64_t done, struct node *node, uint64_t offset, uint64_t length);
/* 0, a negative errno, or what request_wait() returned: the request is handled again then. */
long data_resize(struct request *req, struct node *node, int64_t size);
/* SEEK_DATA (`data`) and SEEK_HOLE of lseek(2): an offset, -ENXIO, or as data_resize (holes.c). */
int64_t data_seek(struct request *req, const struct node *node, int64_t offset, bool data);
/* What lies in that range becomes a hole; as data_resize. */
long data_punch(struct request *req, struct node *node, uint64_t offset, uint64_t length);
/* How many pages of the file there are; those of holes are not. */
uint64_t data_pages(const struct node *node);
/* Before all others: 0 or a negative errno. */
int data_init(void);
/* The node's memory object, made if it has none yet; slot or -ENOMEM. */
long data_object(struct node *node);

/* Transfers of more than one step (transfer.c). `current`: the file's own offset moves. */
long transfer_read(struct request *req, struct file *file, uint64_t offset, uint64_t length,
                   bool current);
long transfer_write(struct request *req, struct file *file, uint64_t offset, uint64_t length,
                    bool current);
/* Bytes made by `make` (0: zeros) into the caller's buffer; a signal cuts it short. */
long transfer_made(struct request *req, void (*make)(uint64_t *words, size_t count));

/* What /proc/PID/fd shows of a descriptor whose work another server does, or NULL. */
const char *file_served_name(const struct file *file);

/* A write of that number to a file, if it is a counter (eventfd.c): as its write(2); -ENOTTY: it is none. */
long eventfd_add(struct request *req, struct file *file, uint64_t number);

/* Is it /dev/zero, whose mappings are memory without a file? */
bool device_is_zero(const struct file *file);
/* The operations of a character device; NULL if there is no such device. */
const struct file_ops *device_ops(uint64_t device);

#endif
