/* SPDX-License-Identifier: MIT */
/* Event descriptors: eventfd, timerfd, memfd. Each call is one message to the vfs server. */
#include "files.h"

#define ITIMERSPEC_BYTES 32
#define SIGINFO_BYTES 128

long linux_eventfd2(uint64_t count, uint64_t flags) {
    return VFS_CALL(vfs_eventfd(PK_SLOT_VFS, (uint32_t)count, (uint32_t)flags));
}

long linux_timerfd_create(uint64_t clock, uint64_t flags) {
    return VFS_CALL(vfs_timerfd_create(PK_SLOT_VFS, (int)clock, (uint32_t)flags));
}

long linux_timerfd_settime(uint64_t fd, uint64_t flags, uint64_t setting, uint64_t old) {
    return VFS_CALL(vfs_timerfd_settime(PK_SLOT_VFS, (int)fd, (uint32_t)flags, pointer(setting),
                                        ITIMERSPEC_BYTES, pointer(old),
                                        old ? ITIMERSPEC_BYTES : 0));
}

long linux_timerfd_gettime(uint64_t fd, uint64_t setting) {
    return VFS_CALL(vfs_timerfd_gettime(PK_SLOT_VFS, (int)fd, pointer(setting), ITIMERSPEC_BYTES));
}

long linux_memfd_create(uint64_t name, uint64_t flags) {
    return VFS_CALL(vfs_memfd_create(PK_SLOT_VFS, (uint32_t)flags, PATH(name)));
}

long linux_signalfd4(uint64_t fd, uint64_t set, uint64_t size, uint64_t flags) {
    uint64_t wanted;
    if (size != sizeof(wanted)) {
        return -EINVAL;
    }
    if (program_read(&wanted, set, sizeof(wanted))) {
        return -EFAULT;
    }
    return proc_signalfd(PK_SLOT_PROC, (int)fd, wanted, (uint32_t)flags);
}

/* Descriptors of processes are vfs's, their work is the process server's. */
long linux_pidfd_open(uint64_t pid, uint64_t flags) {
    return proc_pidfd_open(PK_SLOT_PROC, (int)pid, (uint32_t)flags);
}

long linux_pidfd_getfd(uint64_t fd, uint64_t target, uint64_t flags) {
    return flags ? -EINVAL : proc_pidfd_getfd(PK_SLOT_PROC, (int)fd, (int)target);
}

long linux_pidfd_send_signal(uint64_t fd, uint64_t signal, uint64_t info, uint64_t flags) {
    int32_t number;
    if (flags) {
        return -EINVAL;
    }
    if (info && program_read(&number, info, sizeof(number))) {
        return -EFAULT;
    }
    if (info && number != (int)signal) {
        return -EINVAL;
    }
    return proc_pidfd_signal(PK_SLOT_PROC, (int)fd, (int)signal, pointer(info),
                             info ? SIGINFO_BYTES : 0);
}

long linux_inotify_init1(uint64_t flags) {
    return VFS_CALL(vfs_inotify_init(PK_SLOT_VFS, (uint32_t)flags));
}

long linux_inotify_add_watch(uint64_t fd, uint64_t path, uint64_t mask) {
    return VFS_CALL(vfs_inotify_add_watch(PK_SLOT_VFS, (int)fd, (uint32_t)mask, PATH(path)));
}

long linux_inotify_rm_watch(uint64_t fd, uint64_t watch) {
    return VFS_CALL(vfs_inotify_rm_watch(PK_SLOT_VFS, (int)fd, (int)watch));
}
