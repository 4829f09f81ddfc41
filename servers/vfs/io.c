/* SPDX-License-Identifier: MIT */
/* Calls on descriptors: read, write, seek, dup, fcntl, ioctl, close. */
#include "file.h"
#include "pipe.h"
#include "remote.h"
#include "seals.h"
#include "served.h"
#include "tty.h"

static long do_read(struct request *req, struct file *file, int64_t offset) {
    if (!file || !file_reads(file)) {
        return -EBADF;
    }
    if (request_out_len(req) > INT64_MAX) {
        return -EINVAL;
    }
    if (file->ops->read) {
        return file->ops->read(req, file, offset);
    }
    return node_is_dir(file->node) ? -EISDIR : -EINVAL;
}

static long do_write(struct request *req, struct file *file, int64_t offset) {
    if (!file || !file_writes(file)) {
        return -EBADF;
    }
    if (request_in_len(req) > INT64_MAX) {
        return -EINVAL;
    }
    return file->ops->write ? file->ops->write(req, file, offset) : -EINVAL;
}

long vfs_handle_read(struct request *req, int fd) {
    return do_read(req, fd_file(request_context(req), fd), OFFSET_CURRENT);
}

long vfs_handle_write(struct request *req, int fd) {
    return do_write(req, fd_file(request_context(req), fd), OFFSET_CURRENT);
}

long vfs_handle_write_word(struct request *req, int fd, uint64_t word) {
    struct file *file = fd_file(request_context(req), fd);
    long result = file ? eventfd_add(req, file, word) : -ENOTTY;
    return result == -ENOTTY ? do_write(req, file, OFFSET_CURRENT) : result;
}

long vfs_handle_write_anyway(struct request *req, int fd) {
    struct file *file = fd_file(request_context(req), fd);
    if (!file || !file_writes(file)) {
        return -EBADF;
    }
    return file->ops == &tty_ops ? tty_write_anyway(req, file) : -ENOTTY;
}

/* What pread and pwrite check; directories go on to be refused with EISDIR. */
static long check_offset(const struct file *file, int64_t offset) {
    if (offset < 0) {
        return -EINVAL;
    }
    if (!file) {
        return -EBADF;
    }
    return file->ops->seekable ? 0 : -ESPIPE;
}

long vfs_handle_pread(struct request *req, int fd, int64_t offset) {
    struct file *file = fd_file(request_context(req), fd);
    long error = check_offset(file, offset);
    return error ? error : do_read(req, file, offset);
}

long vfs_handle_pwrite(struct request *req, int fd, int64_t offset) {
    struct file *file = fd_file(request_context(req), fd);
    long error = check_offset(file, offset);
    return error ? error : do_write(req, file, offset);
}

long vfs_handle_lseek(struct request *req, int fd, int64_t offset, int whence) {
    struct file *file = fd_file(request_context(req), fd);
    if (!file || (file->flags & LX_O_PATH)) {
        return -EBADF;
    }
    if (!file->ops->seekable) {
        return -ESPIPE;
    }
    if (file->ops->no_position) {
        return whence < LX_SEEK_SET || whence > LX_SEEK_HOLE ? -EINVAL : 0;
    }
    int64_t size = (int64_t)file->node->size;
    int64_t base = 0;
    switch (whence) {
    case LX_SEEK_SET:
        break;
    case LX_SEEK_CUR:
        base = (int64_t)file->offset;
        break;
    case LX_SEEK_END:
        if (file_made_path(file)) {
            return -EINVAL; /* as long as what is read next, which nobody knows */
        }
        base = size;
        break;
    case LX_SEEK_DATA:
    case LX_SEEK_HOLE:
        if (offset < 0 || offset >= size) {
            return -ENXIO;
        }
        offset = node_is_regular(file->node)
                     ? data_seek(req, file->node, offset, whence == LX_SEEK_DATA)
                     : (whence == LX_SEEK_HOLE ? size : offset);
        if (offset < 0) {
            return offset;
        }
        break;
    default:
        return -EINVAL;
    }
    if (__builtin_add_overflow(base, offset, &offset) || offset < 0) {
        return -EINVAL;
    }
    file->offset = (uint64_t)offset;
    return offset;
}

long vfs_handle_close(struct request *req, int fd) {
    struct context *context = request_context(req);
    return context ? fd_close(context, fd) : -EBADF;
}

static long do_dup(struct context *context, struct file *file, int least, bool cloexec) {
    long fd = fd_install(context, file, least, cloexec);
    if (fd >= 0) {
        file->refs++;
    }
    return fd;
}

long vfs_handle_dup(struct request *req, int fd) {
    struct context *context = request_context(req);
    struct file *file = fd_file(context, fd);
    return file ? do_dup(context, file, 0, false) : -EBADF;
}

long vfs_handle_dup3(struct request *req, int old_fd, int new_fd, uint32_t flags) {
    struct context *context = request_context(req);
    struct file *file = fd_file(context, old_fd);
    if (flags & ~LX_O_CLOEXEC) {
        return -EINVAL;
    }
    if (old_fd == new_fd) {
        return -EINVAL;
    }
    if (!file || new_fd < 0 || new_fd >= context->limit) {
        return -EBADF;
    }
    file->refs++;
    long error = fd_replace(context, file, new_fd, flags & LX_O_CLOEXEC);
    if (error) {
        file_put(file);
    }
    return error ? error : new_fd;
}

static long set_flags(const struct request *req, struct file *file, uint32_t argument) {
    const uint32_t changeable =
        LX_O_APPEND | LX_O_NONBLOCK | LX_O_NOATIME | (file->ops == &pipe_ops ? LX_O_DIRECT : 0);
    struct credentials who = request_credentials(req);
    if (file->flags & LX_O_PATH) {
        return -EBADF;
    }
    if ((argument & ~file->flags & LX_O_NOATIME) && access_owner(file->node, &who)) {
        return -EPERM;
    }
    file->flags = (file->flags & ~changeable) | (argument & changeable);
    if (file_is_served(file)) {
        served_flags_changed(file);
    }
    return 0;
}

static long duplicate_from(struct context *context, struct file *file, uint64_t least,
                           bool cloexec) {
    return least >= (uint64_t)context->limit ? -EINVAL : do_dup(context, file, (int)least, cloexec);
}

/* Only open(2) sets O_LARGEFILE. */
static bool is_opened(const struct file *file) {
    return !(file->flags & LX_O_PATH) && file->node != node_nameless &&
           node_type(file->node) != MODE_SOCKET && node_type(file->node) != MODE_SERVED;
}

static uint32_t told_flags(const struct file *file) {
    return file->flags | (is_opened(file) ? LX_O_LARGEFILE : 0);
}

long vfs_handle_descriptor(struct request *req, int pid, int from) {
    struct caller caller;
    long error = caller_by_pid(pid, &caller);
    if (error) {
        return error;
    }
    const struct context *context = caller.context;
    int fd = fd_table_next(&context->fds, from < 0 ? 0 : from, false);
    const struct file *file = fd_file(context, fd);
    if (!file) {
        return -ENOENT;
    }
    uint32_t flags = told_flags(file) | (fd_table_cloexec(&context->fds, fd) ? LX_O_CLOEXEC : 0);
    vfs_results_descriptor(&req->msg, fd, file->offset, flags, file->node->ino, file->node->dev,
                           served_number_to(req, file));
    return 0;
}

long vfs_handle_fcntl(struct request *req, int fd, int command, uint64_t argument) {
    struct context *context = request_context(req);
    struct file *file = fd_file(context, fd);
    if (!file) {
        return -EBADF;
    }
    switch (command) {
    case LX_F_DUPFD:
        return duplicate_from(context, file, argument, false);
    case LX_F_DUPFD_CLOEXEC:
        return duplicate_from(context, file, argument, true);
    case LX_F_GETFD:
        return fd_table_cloexec(&context->fds, fd);
    case LX_F_SETFD:
        fd_table_set_cloexec(&context->fds, fd, argument & LX_FD_CLOEXEC);
        return 0;
    case LX_F_GETFL:
        return told_flags(file);
    case LX_F_SETFL:
        return set_flags(req, file, (uint32_t)argument);
    case LX_F_ADD_SEALS:
        return file->flags & LX_O_PATH ? -EBADF : seals_add(req, file, argument);
    case LX_F_GET_SEALS:
        return file->flags & LX_O_PATH ? -EBADF : seals_get(file);
    case LX_F_SETPIPE_SZ:
        return file->ops == &pipe_ops ? pipe_set_capacity(file->pipe, argument) : -EBADF;
    case LX_F_GETPIPE_SZ:
        return file->ops == &pipe_ops ? (long)file->pipe->ring.most : -EBADF;
    default:
        return -EINVAL;
    }
}

static long set_nonblock(struct request *req, struct file *file) {
    int32_t on;
    if (request_read_all(req, &on, sizeof(on))) {
        return -EFAULT;
    }
    file->flags = on ? file->flags | LX_O_NONBLOCK : file->flags & ~LX_O_NONBLOCK;
    if (file_is_served(file)) {
        served_flags_changed(file);
    }
    return 0;
}

long vfs_handle_ioctl(struct request *req, int fd, uint32_t request, uint64_t argument,
                      uint32_t flags) {
    struct context *context = request_context(req);
    struct file *file = fd_file(context, fd);
    if (!file || (file->flags & LX_O_PATH)) {
        return -EBADF;
    }
    switch (request) {
    case LX_FIOCLEX:
    case LX_FIONCLEX:
        fd_table_set_cloexec(&context->fds, fd, request == LX_FIOCLEX);
        return 0;
    case LX_FIONBIO:
        return set_nonblock(req, file);
    default:
        if ((flags & VFS_IOCTL_ANYWAY) && file->ops == &tty_ops) {
            return tty_ioctl_anyway(req, file, request, argument);
        }
        return file->ops->ioctl ? file->ops->ioctl(req, file, request, argument) : -ENOTTY;
    }
}

long vfs_handle_fsync(struct request *req, int fd) {
    struct file *file = fd_file(request_context(req), fd);
    if (!file || (file->flags & LX_O_PATH)) {
        return -EBADF;
    }
    return node_is_regular(file->node) || node_is_dir(file->node) ? 0 : -EINVAL;
}

/* fallocate(2)'s modes: files have holes where nothing was written, and others can be made. */
static bool mode_is_served(uint32_t mode) {
    uint32_t what = mode & ~LX_FALLOC_FL_KEEP_SIZE;
    return what == 0 || what == LX_FALLOC_FL_ZERO_RANGE ||
           mode == (LX_FALLOC_FL_PUNCH_HOLE | LX_FALLOC_FL_KEEP_SIZE);
}

/* Frames come on demand; what can be promised is the length. */
long vfs_handle_fallocate(struct request *req, int fd, uint32_t mode, int64_t offset,
                          int64_t length) {
    struct file *file = fd_file(request_context(req), fd);
    int64_t end;
    if (!file || (file->flags & LX_O_PATH)) {
        return -EBADF;
    }
    if (offset < 0 || length <= 0) {
        return -EINVAL;
    }
    if (!mode_is_served(mode)) {
        return -EOPNOTSUPP;
    }
    if (!file_writes(file)) {
        return -EBADF;
    }
    if (!node_is_regular(file->node)) {
        return file->ops == &pipe_ops ? -ESPIPE : node_is_dir(file->node) ? -EISDIR : -ENODEV;
    }
    if (__builtin_add_overflow(offset, length, &end)) {
        return -EFBIG;
    }
    if (mode & (LX_FALLOC_FL_PUNCH_HOLE | LX_FALLOC_FL_ZERO_RANGE)) {
        long sealed = seals_check_write(file->node);
        if (sealed) {
            return sealed;
        }
    }
    if (end > (int64_t)file->node->size && !(mode & LX_FALLOC_FL_KEEP_SIZE) &&
        seals_check_resize(file->node, (uint64_t)end)) {
        return -EPERM;
    }
    bool keep = (mode & LX_FALLOC_FL_KEEP_SIZE) || end <= (int64_t)file->node->size;
    long error = keep ? 0 : data_resize(req, file->node, end);
    if (error || !(mode & (LX_FALLOC_FL_PUNCH_HOLE | LX_FALLOC_FL_ZERO_RANGE))) {
        return error;
    }
    return data_punch(req, file->node, (uint64_t)offset, (uint64_t)length);
}
