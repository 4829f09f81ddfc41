/* SPDX-License-Identifier: MIT */
/* poll(2) and select(2), and what others share with them that wait (waits.h). */
#include "waits.h"
#include "time.h"

#define POLL_IN 0x041  /* POLLIN, POLLRDNORM */
#define POLL_OUT 0x104 /* POLLOUT, POLLWRNORM */
#define POLL_PRI 0x002
#define POLL_ERROR 0x008
#define POLL_HANGUP 0x010
#define POLL_INVALID 0x020
#define DESCRIPTORS_MOST 1024 /* FD_SETSIZE */
#define SET_WORDS (DESCRIPTORS_MOST / 64)

struct pollfd {
    int32_t fd;
    int16_t events;
    int16_t revents;
};

long read_timeout(uint64_t address, int64_t *ns) {
    uint64_t most = INT64_MAX / 2, wanted;
    *ns = FOR_EVER;
    if (!address) {
        return 0;
    }
    long error = time_read(pointer(address), &wanted);
    if (error) {
        return error;
    }
    *ns = (int64_t)(wanted < most ? wanted : most);
    return 0;
}

long read_mask(uint64_t address, uint64_t size, uint64_t *mask) {
    if (address && size != sizeof(*mask)) {
        return -EINVAL;
    }
    return address ? program_read(mask, address, sizeof(*mask)) : 0;
}

/*
 * What is left of the timeout, which a call that was cut short goes on with when it is made again: a program that has it in
 * read-only memory does not hear of that, and its call is not. Returns the call's result.
 */
static long write_left(long result, uint64_t address, int64_t ns, uint64_t began) {
    if (!address || ns == 0) {
        return result;
    }
    int64_t spent = (int64_t)(clock_monotonic_ns() - began);
    int64_t left = spent < ns ? ns - spent : 0;
    struct linux_timespec time = {left / (int64_t)NS_PER_SECOND, left % (int64_t)NS_PER_SECOND};
    long error = program_write(address, &time, sizeof(time));
    return error && result == -EINTR ? -EINTR_FINAL : result;
}

static long wait_for(const struct foreign_frame *f, struct pollfd *requests, uint64_t count,
                     int64_t ns, const uint64_t *mask) {
    uint64_t length = count * sizeof(*requests);
    return WITH_MASK(f, mask,
                     VFS_CALL(vfs_poll(PK_SLOT_VFS, ns, requests, length, requests, length)));
}

long linux_ppoll(uint64_t requests, uint64_t count, uint64_t timeout, uint64_t mask_address,
                 uint64_t mask_size, long a5, const struct foreign_frame *f) {
    (void)a5;
    int64_t ns;
    uint64_t mask;
    long error = read_timeout(timeout, &ns);
    error = error ? error : read_mask(mask_address, mask_size, &mask);
    if (error || count > VFS_FILES_MOST) { /* and vfs knows the process's limit */
        return error ? error : -EINVAL;
    }
    uint64_t began = ns > 0 ? clock_monotonic_ns() : 0;
    long result = wait_for(f, (void *)(uintptr_t)requests, count, ns, mask_address ? &mask : NULL);
    return write_left(result, timeout, ns, began);
}

struct sets {
    uint64_t word[3][SET_WORDS]; /* readable, writable, exceptional */
};

static const uint16_t asked[3] = {POLL_IN, POLL_OUT, POLL_PRI};
static const uint16_t answered[3] = {POLL_IN | POLL_HANGUP | POLL_ERROR, POLL_OUT | POLL_ERROR,
                                     POLL_PRI};

static long read_sets(struct sets *sets, const uint64_t address[3], uint64_t count) {
    memset(sets, 0, sizeof(*sets));
    for (int i = 0; i < 3; i++) {
        if (address[i] && program_read(sets->word[i], address[i], (count + 63) / 64 * 8)) {
            return -EFAULT;
        }
    }
    return 0;
}

/* One poll request for each descriptor that is in a set; how many. */
static uint64_t requests_of(const struct sets *sets, uint64_t count, struct pollfd *requests) {
    uint64_t used = 0;
    for (uint64_t fd = 0; fd < count; fd++) {
        uint16_t events = 0;
        for (int i = 0; i < 3; i++) {
            events |= sets->word[i][fd / 64] >> (fd % 64) & 1 ? asked[i] : 0;
        }
        if (events) {
            requests[used++] = (struct pollfd){(int32_t)fd, (int16_t)events, 0};
        }
    }
    return used;
}

/* The sets of what has happened; how many bits are set. */
static long answer_sets(struct sets *sets, const struct pollfd *requests, uint64_t used) {
    struct sets answer;
    long found = 0;
    memset(&answer, 0, sizeof(answer));
    for (uint64_t at = 0; at < used; at++) {
        uint64_t fd = (uint64_t)requests[at].fd;
        uint16_t events = (uint16_t)requests[at].revents;
        if (events & POLL_INVALID) {
            return -EBADF;
        }
        for (int i = 0; i < 3; i++) {
            uint64_t bit = 1ull << (fd % 64);
            if ((sets->word[i][fd / 64] & bit) && (events & answered[i])) {
                answer.word[i][fd / 64] |= bit;
                found++;
            }
        }
    }
    *sets = answer;
    return found;
}

long linux_pselect6(uint64_t count, uint64_t readable, uint64_t writable, uint64_t exceptional,
                    uint64_t timeout, uint64_t mask_argument, const struct foreign_frame *f) {
    const uint64_t address[3] = {readable, writable, exceptional};
    struct pollfd requests[DESCRIPTORS_MOST];
    struct sets sets;
    uint64_t mask_at[2] = {0, 0}; /* its address and size */
    uint64_t mask;
    int64_t ns;
    if ((int)count < 0) {
        return -EINVAL;
    }
    count = count < DESCRIPTORS_MOST ? count : DESCRIPTORS_MOST;
    if (mask_argument && program_read(mask_at, mask_argument, sizeof(mask_at))) {
        return -EFAULT;
    }
    long result = read_timeout(timeout, &ns);
    result = result ? result : read_mask(mask_at[0], mask_at[1], &mask);
    result = result ? result : read_sets(&sets, address, count);
    if (result) {
        return result;
    }
    uint64_t used = requests_of(&sets, count, requests);
    uint64_t began = ns > 0 ? clock_monotonic_ns() : 0;
    result = wait_for(f, requests, used, ns, mask_at[0] ? &mask : NULL);
    result = write_left(result, timeout, ns, began);
    if (result >= 0) {
        result = answer_sets(&sets, requests, used);
    }
    for (int i = 0; i < 3 && result >= 0; i++) {
        if (address[i] && program_write(address[i], sets.word[i], (count + 63) / 64 * 8)) {
            result = -EFAULT;
        }
    }
    return result;
}
