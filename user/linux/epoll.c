/* SPDX-License-Identifier: MIT */
/* Sets of descriptors: epoll(7). */
#include "waits.h"

#define CTL_DEL 2
#define NS_PER_MS 1000000ll

struct event {
    uint32_t events;
    uint32_t pad;
    uint64_t data;
};

long linux_epoll_create1(uint64_t flags) {
    return VFS_CALL(vfs_epoll_create(PK_SLOT_VFS, (uint32_t)flags));
}

long linux_epoll_ctl(uint64_t set, uint64_t operation, uint64_t fd, uint64_t address) {
    struct event event = {0};
    if ((int)operation != CTL_DEL && program_read(&event, address, sizeof(event))) {
        return -EFAULT;
    }
    return VFS_CALL(
        vfs_epoll_ctl(PK_SLOT_VFS, (int)set, (int)operation, (int)fd, event.events, event.data));
}

/* One event comes in the reply, more come in the buffer. */
static long wait_for(uint64_t set, uint64_t events, uint64_t most, int64_t ns) {
    struct event one = {0};
    if ((int)most <= 0 || (int)most > INT32_MAX / (int)sizeof(one)) {
        return -EINVAL;
    }
    long result = VFS_CALL(vfs_epoll_wait(PK_SLOT_VFS, (int)set, ns, pointer(events),
                                          (uint32_t)most * sizeof(one), &one.events, &one.data));
    return result == 1 && program_write(events, &one, sizeof(one)) ? -EFAULT : result;
}

long linux_epoll_pwait(uint64_t set, uint64_t events, uint64_t most, uint64_t timeout_ms,
                       uint64_t mask_address, uint64_t mask_size, const struct foreign_frame *f) {
    uint64_t mask;
    long error = read_mask(mask_address, mask_size, &mask);
    int64_t ns = (int)timeout_ms < 0 ? FOR_EVER : (int)timeout_ms * NS_PER_MS;
    return error ? error
                 : WITH_MASK(f, mask_address ? &mask : NULL, wait_for(set, events, most, ns));
}

long linux_epoll_pwait2(uint64_t set, uint64_t events, uint64_t most, uint64_t timeout,
                        uint64_t mask_address, uint64_t mask_size, const struct foreign_frame *f) {
    uint64_t mask;
    int64_t ns;
    long error = read_timeout(timeout, &ns);
    error = error ? error : read_mask(mask_address, mask_size, &mask);
    return error ? error
                 : WITH_MASK(f, mask_address ? &mask : NULL, wait_for(set, events, most, ns));
}
