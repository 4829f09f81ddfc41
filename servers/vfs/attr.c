/* SPDX-License-Identifier: MIT */
/* What is known of files: stat, statx, statfs, and changes of mode, owner, times and length. */
#include <lib/heap.h>

#include "lookup.h"
#include "notify.h"
#include "pipe.h"
#include "seals.h"
#include "served.h"
#include "terminal.h"

#define SECOND 1000000000
#define BLOCK 512
#define PAGE 4096

static const uint32_t stat_flags =
    LX_AT_SYMLINK_NOFOLLOW | LX_AT_EMPTY_PATH | LX_AT_NO_AUTOMOUNT | LX_AT_STATX_SYNC_TYPE;

static bool is_device(const struct node *node) {
    return node_type(node) == MODE_CHARACTER || node_type(node) == MODE_BLOCK;
}

static uint64_t blocks_of(const struct node *node) {
    return node_is_regular(node) ? data_pages(node) * (PAGE / BLOCK) : 0;
}

static uint64_t size_of(const struct node *node) {
    return node_is_dir(node) ? PAGE : node->size;
}

/* Pipes and what is made up have no names here, and are not removed for that. */
static uint32_t links_of(const struct node *node) {
    bool nameless = node_type(node) == MODE_FIFO || node->dev == DEVICE_MADE;
    return node->nlink ? node->nlink : nameless;
}

/* What else the caller has to ask, and whom: the message queue's number, or 0. */
static long asked_elsewhere(const struct node *node) {
    return node_type(node) == MODE_SERVED ? (long)node->served->node.key : 0;
}

static long give_stat(struct request *req, struct node *node) {
    node_written(node);
    struct lx_stat status = {
        .st_dev = node->dev,
        .st_ino = node->ino,
        .st_mode = node_mode(node),
        .st_nlink = links_of(node),
        .st_uid = node->uid,
        .st_gid = node->gid,
        .st_rdev = is_device(node) ? node->device : 0,
        .st_size = (int64_t)size_of(node),
        .st_blksize = PAGE,
        .st_blocks = (int64_t)blocks_of(node),
        .st_atime_sec = (int64_t)(node->atime / SECOND),
        .st_atime_nsec = node->atime % SECOND,
        .st_mtime_sec = (int64_t)(node->mtime / SECOND),
        .st_mtime_nsec = node->mtime % SECOND,
        .st_ctime_sec = (int64_t)(node->ctime / SECOND),
        .st_ctime_nsec = node->ctime % SECOND,
    };
    return request_write_all(req, &status, sizeof(status)) ? -EFAULT : asked_elsewhere(node);
}

long vfs_handle_fstat(struct request *req, int fd) {
    struct file *file = fd_file(request_context(req), fd);
    return file ? give_stat(req, file->node) : -EBADF;
}

long vfs_handle_fstatat(struct request *req, int dirfd, uint32_t flags) {
    struct caller caller;
    struct node *node;
    long error = caller_of(req, &caller);
    if (!error && (flags & ~stat_flags)) {
        error = -EINVAL;
    }
    if (!error) {
        error = node_at(req, &caller, dirfd, flags, &node);
    }
    return error ? error : give_stat(req, node);
}

static struct lx_statx_time statx_time(uint64_t ns) {
    return (struct lx_statx_time){(int64_t)(ns / SECOND), (uint32_t)(ns % SECOND), 0};
}

long vfs_handle_statx(struct request *req, int dirfd, uint32_t flags, uint32_t mask) {
    struct caller caller;
    struct node *node;
    long error = caller_of(req, &caller);
    if (!error && ((flags & ~stat_flags) || (mask & LX_STATX_RESERVED))) {
        error = -EINVAL;
    }
    if (!error) {
        error = node_at(req, &caller, dirfd, flags, &node);
    }
    if (error) {
        return error;
    }
    node_written(node);
    struct lx_statx status = {
        .mask = LX_STATX_BASIC_STATS,
        .blksize = PAGE,
        .nlink = links_of(node),
        .uid = node->uid,
        .gid = node->gid,
        .mode = (uint16_t)node_mode(node),
        .ino = node->ino,
        .size = size_of(node),
        .blocks = blocks_of(node),
        .atime = statx_time(node->atime),
        .ctime = statx_time(node->ctime),
        .mtime = statx_time(node->mtime),
        .rdev_major = is_device(node) ? lx_major(node->device) : 0,
        .rdev_minor = is_device(node) ? lx_minor(node->device) : 0,
        .dev_minor = node->dev,
    };
    return request_write_all(req, &status, sizeof(status)) ? -EFAULT : asked_elsewhere(node);
}

/* Of one that has no blocks. */
static long give_empty_statfs(struct request *req, int64_t type) {
    struct lx_statfs status = {
        .f_type = type, .f_bsize = PAGE, .f_namelen = NAME_LONGEST, .f_frsize = PAGE};
    return request_write_all(req, &status, sizeof(status)) ? -EFAULT : 0;
}

/* What programs take the part of the tree for that a node is in, though it is one. */
static int64_t file_system_of(const struct node *node) {
    switch (node->dev) {
    case DEVICE_SERVED:
        return LX_MQUEUE_MAGIC;
    case DEVICE_MADE:
        return LX_PROC_MAGIC;
    default:
        return pty_has(node) ? LX_DEVPTS_MAGIC : LX_TMPFS_MAGIC;
    }
}

/* Of an open file that has no name, else 0. */
static int64_t nameless_file_system(const struct file *file) {
    if (file->flags & LX_O_PATH) {
        return 0;
    }
    if (file->ops == &pipe_ops && file->pipe->unnamed) {
        return LX_PIPEFS_MAGIC;
    }
    if (node_type(file->node) == MODE_SOCKET) {
        return LX_SOCKFS_MAGIC;
    }
    return file->node == node_nameless ? LX_NAMELESS_MAGIC : 0;
}

static long give_statfs(struct request *req, const struct node *node) {
    int64_t type = file_system_of(node);
    if (type != LX_TMPFS_MAGIC) {
        return give_empty_statfs(req, type);
    }
    struct pk_machine_info machine = {0};
    struct pk_account_info account = {0};
    if (pk_machine_info(&machine) < 0 || pk_account_info(heap_data_account(), &account) < 0) {
        return -EIO;
    }
    uint64_t available = account.available / PAGE; /* to who asks: its account pays for files */
    struct lx_statfs status = {
        .f_type = LX_TMPFS_MAGIC,
        .f_bsize = PAGE,
        .f_blocks = machine.frames_total,
        .f_bfree = available,
        .f_bavail = available,
        .f_files = tree_node_count() + available,
        .f_ffree = available,
        .f_namelen = NAME_LONGEST,
        .f_frsize = PAGE,
    };
    return request_write_all(req, &status, sizeof(status)) ? -EFAULT : 0;
}

long vfs_handle_statfs(struct request *req) {
    struct caller caller;
    struct node *node;
    long error = caller_of(req, &caller);
    if (!error) {
        error = node_at(req, &caller, LX_AT_FDCWD, 0, &node);
    }
    return error ? error : give_statfs(req, node);
}

long vfs_handle_fstatfs(struct request *req, int fd) {
    const struct file *file = fd_file(request_context(req), fd);
    if (!file) {
        return -EBADF;
    }
    int64_t type = nameless_file_system(file);
    return type ? give_empty_statfs(req, type) : give_statfs(req, file->node);
}

/* access(2) asks for the real user, who has root's rights if he is root, and no others of the effective one. */
long vfs_handle_faccessat(struct request *req, int dirfd, uint32_t mode, uint32_t flags) {
    struct caller caller;
    struct node *node;
    long error = caller_of(req, &caller);
    if (!error && ((mode & ~(MAY_READ | MAY_WRITE | MAY_EXECUTE)) ||
                   (flags & ~(LX_AT_EACCESS | LX_AT_SYMLINK_NOFOLLOW | LX_AT_EMPTY_PATH)))) {
        error = -EINVAL;
    }
    if (!error && !(flags & LX_AT_EACCESS)) {
        const struct client *client = request_client(req);
        caller.who.uid = client->ruid;
        caller.who.gid = client->rgid;
    }
    if (!error) {
        error = node_at(req, &caller, dirfd, flags, &node);
    }
    return error ? error : access_check(node, &caller.who, mode);
}

/* The node that a change of attributes is for; whether the caller may make it is not asked yet. */
static long node_to_change(const struct request *req, int dirfd, uint32_t flags,
                           struct caller *caller, struct node **node) {
    long error = caller_of(req, caller);
    if (!error && (flags & ~(LX_AT_SYMLINK_NOFOLLOW | LX_AT_EMPTY_PATH))) {
        error = -EINVAL;
    }
    return error ? error : node_at(req, caller, dirfd, flags, node);
}

long vfs_handle_fchmodat(struct request *req, int dirfd, uint32_t mode, uint32_t flags) {
    struct caller caller;
    struct node *node;
    long error = node_to_change(req, dirfd, flags, &caller, &node);
    if (!error) {
        error = access_owner(node, &caller.who);
    }
    if (!error && node_is_symlink(node)) {
        error = -EOPNOTSUPP;
    }
    if (!error) {
        error = seals_check_mode(node, mode);
    }
    if (error) {
        return error;
    }
    if (caller.who.uid != 0 && !access_in_group(&caller.who, node->gid)) {
        mode &= ~MODE_SETGID;
    }
    node->mode = node_type(node) | (mode & 07777);
    node->ctime = vfs_now();
    notify_node(node, NOTIFY_ATTRIB);
    return 0;
}

long vfs_handle_fchownat(struct request *req, int dirfd, uint32_t uid, uint32_t gid,
                         uint32_t flags) {
    struct caller caller;
    struct node *node;
    long error = node_to_change(req, dirfd, flags, &caller, &node);
    if (error) {
        return error;
    }
    bool changes_owner = uid != UINT32_MAX && uid != node->uid;
    bool other_group = gid != UINT32_MAX && !access_in_group(&caller.who, gid);
    if (caller.who.uid != 0 && (changes_owner || other_group || caller.who.uid != node->uid)) {
        return -EPERM;
    }
    node->uid = uid == UINT32_MAX ? node->uid : uid;
    node->gid = gid == UINT32_MAX ? node->gid : gid;
    if (node_is_regular(node) && (node->mode & 0111)) {
        node->mode &= ~(MODE_SETUID | MODE_SETGID);
    }
    node->ctime = vfs_now();
    notify_node(node, NOTIFY_ATTRIB);
    return 0;
}

static void set_time(uint64_t *time, int64_t value, uint64_t now) {
    if (value != VFS_TIME_OMIT) {
        *time = value == VFS_TIME_NOW || value < 0 ? now : (uint64_t)value;
    }
}

long vfs_handle_utimensat(struct request *req, int dirfd, uint32_t flags, int64_t access_ns,
                          int64_t modification_ns) {
    struct caller caller;
    struct node *node;
    long error = node_to_change(req, dirfd, flags, &caller, &node);
    if (error) {
        return error;
    }
    bool both_now = access_ns == VFS_TIME_NOW && modification_ns == VFS_TIME_NOW;
    bool none = access_ns == VFS_TIME_OMIT && modification_ns == VFS_TIME_OMIT;
    if (none) {
        return 0;
    }
    if (access_owner(node, &caller.who)) {
        if (!both_now) {
            return -EPERM;
        }
        error = access_check(node, &caller.who, MAY_WRITE);
        if (error) {
            return error;
        }
    }
    node_written(node);
    uint64_t now = vfs_now();
    set_time(&node->atime, access_ns, now);
    set_time(&node->mtime, modification_ns, now);
    node->ctime = now;
    if (node_type(node) == MODE_SERVED) {
        node->served->times_set = now;
    }
    /* One time alone looks like what usually changes it, as on Linux. */
    notify_node(node, access_ns == VFS_TIME_OMIT         ? NOTIFY_MODIFY
                      : modification_ns == VFS_TIME_OMIT ? NOTIFY_ACCESS
                                                         : NOTIFY_ATTRIB);
    return 0;
}

/* Either done, or going on in steps. */
static long resize(struct request *req, struct node *node, int64_t length,
                   const struct credentials *who) {
    long error = data_resize(req, node, length);
    if (!error || error == SERVER_DEFER) {
        notify_node(node, NOTIFY_MODIFY);
        access_written(node, who);
    }
    return error;
}

long vfs_handle_truncate(struct request *req, int64_t length) {
    struct caller caller;
    struct node *node;
    long error = caller_of(req, &caller);
    if (!error && length < 0) {
        error = -EINVAL;
    }
    if (!error) {
        error = node_at(req, &caller, LX_AT_FDCWD, 0, &node);
    }
    if (!error) {
        error = node_is_dir(node) ? -EISDIR : node_is_regular(node) ? 0 : -EINVAL;
    }
    if (!error) {
        error = access_check(node, &caller.who, MAY_WRITE);
    }
    if (!error && node_is_running(node)) {
        error = -ETXTBSY;
    }
    return error ? error : resize(req, node, length, &caller.who);
}

long vfs_handle_ftruncate(struct request *req, int fd, int64_t length) {
    struct file *file = fd_file(request_context(req), fd);
    if (!file) {
        return -EBADF;
    }
    if (!file_writes(file) || !node_is_regular(file->node)) {
        return -EINVAL;
    }
    struct credentials who = request_credentials(req);
    return resize(req, file->node, length, &who);
}

long vfs_handle_umask(struct request *req, uint32_t mask) {
    struct context *context = request_context(req);
    if (!context) {
        return -EBADF;
    }
    uint32_t old = context->umask;
    context->umask = mask & 0777;
    return old;
}
