/* SPDX-License-Identifier: MIT */
/* fcntl(2)'s record locks and flock(2): from their arguments to requests for locks (locks.h). */
#include "locks.h"

/*
 * The bytes that a struct flock means. A length of 0 reaches to the end, however far the file grows; a
 * negative one lies in front of the start.
 */
static long range_of(const struct file *file, const struct lx_flock *flock,
                     struct lock_request *asked) {
    int64_t start = flock->l_whence == LX_SEEK_SET   ? 0
                    : flock->l_whence == LX_SEEK_CUR ? (int64_t)file->offset
                    : flock->l_whence == LX_SEEK_END ? (int64_t)file->node->size
                                                     : -1;
    if (start < 0) {
        return -EINVAL;
    }
    if (__builtin_add_overflow(start, flock->l_start, &start)) {
        return -EOVERFLOW;
    }
    int64_t last = INT64_MAX;
    if (flock->l_len > 0 && __builtin_add_overflow(start, flock->l_len - 1, &last)) {
        return -EOVERFLOW;
    }
    if (flock->l_len < 0) {
        last = start - 1;
        start = last < 0 ? -1 : start + flock->l_len;
    }
    if (start < 0) {
        return -EINVAL;
    }
    asked->first = (uint64_t)start;
    asked->last = (uint64_t)last;
    return 0;
}

/* What is asked for: its kind, and whether the file is open as that needs. */
static long kind_of(const struct file *file, const struct lx_flock *flock, bool test,
                    struct lock_request *asked) {
    switch (flock->l_type) {
    case LX_F_RDLCK:
        asked->kind = LOCK_SHARED;
        return test || file_reads(file) ? 0 : -EBADF;
    case LX_F_WRLCK:
        asked->kind = LOCK_EXCLUSIVE;
        return test || file_writes(file) ? 0 : -EBADF;
    case LX_F_UNLCK:
        asked->kind = LOCK_NONE;
        return test ? -EINVAL : 0;
    default:
        return -EINVAL;
    }
}

static bool is_of_open_file(int command) {
    return command >= LX_F_OFD_GETLK;
}

static long lock_request_of(const struct request *req, struct file *file, int command,
                            const struct lx_flock *flock, struct lock_request *asked) {
    struct client *client = request_client(req);
    const struct context *context = client->data;
    bool test = command == LX_F_GETLK || command == LX_F_OFD_GETLK;
    *asked = (struct lock_request){
        .file = file,
        .key = context->lock_key,
        .pid = client_pid(client),
        .waits = command == LX_F_SETLKW || command == LX_F_OFD_SETLKW,
    };
    if (is_of_open_file(command)) {
        asked->key = lock_key_of_file(file);
        asked->pid = -1;
        if (flock->l_pid != 0) {
            return -EINVAL;
        }
    }
    long error = range_of(file, flock, asked);
    return error ? error : kind_of(file, flock, test, asked);
}

/* F_GETLK's answer: the lock that stops the one asked about, or that it may be had. */
static long give_stopper(struct request *req, struct lx_flock flock, const struct lock *lock) {
    flock.l_type = LX_F_UNLCK;
    if (lock) {
        flock.l_type = lock->exclusive ? LX_F_WRLCK : LX_F_RDLCK;
        flock.l_whence = LX_SEEK_SET;
        flock.l_start = (int64_t)lock_first(lock);
        flock.l_len = lock->last == LOCK_END ? 0 : (int64_t)(lock->last - lock_first(lock) + 1);
        flock.l_pid = lock->owner->pid;
    }
    return request_write_all(req, &flock, sizeof(flock)) ? -EFAULT : 0;
}

long vfs_handle_lock(struct request *req, int fd, int command) {
    struct file *file = fd_file(request_context(req), fd);
    struct lx_flock flock;
    struct lock_request asked;
    if (!file || (file->flags & LX_O_PATH)) {
        return -EBADF;
    }
    if (command < LX_F_GETLK || command > LX_F_OFD_SETLKW ||
        (command > LX_F_SETLKW && command < LX_F_OFD_GETLK)) {
        return -EINVAL;
    }
    if (request_read_all(req, &flock, sizeof(flock))) {
        return -EFAULT;
    }
    long result = lock_request_of(req, file, command, &flock, &asked);
    if (result) {
        return result;
    }
    if (command != LX_F_GETLK && command != LX_F_OFD_GETLK) {
        return locks_change(req, &asked);
    }
    const struct lock *stopper = locks_test(req, &asked, &result);
    return result ? result : give_stopper(req, flock, stopper);
}

long vfs_handle_flock(struct request *req, int fd, uint32_t operation) {
    struct file *file = fd_file(request_context(req), fd);
    uint32_t what = operation & ~LX_LOCK_NB;
    if (what != LX_LOCK_SH && what != LX_LOCK_EX && what != LX_LOCK_UN) {
        return -EINVAL;
    }
    if (!file || (file->flags & LX_O_PATH)) {
        return -EBADF;
    }
    struct lock_request asked = {
        .file = file,
        .key = lock_key_of_file(file),
        .pid = -1,
        .flock = true,
        .waits = !(operation & LX_LOCK_NB),
        .last = LOCK_END,
        .kind = what == LX_LOCK_SH   ? LOCK_SHARED
                : what == LX_LOCK_EX ? LOCK_EXCLUSIVE
                                     : LOCK_NONE,
    };
    return locks_change(req, &asked);
}
