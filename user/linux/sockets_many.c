/* SPDX-License-Identifier: MIT */
/* Several messages by one call: sendmmsg(2), recvmmsg(2). */
#include "waits.h"

#define MESSAGES_MOST 1024
#define MSG_DONTWAIT 0x40u
#define MSG_WAITFORONE 0x10000u
#define ENTRY_BYTES 64 /* struct mmsghdr: a struct msghdr and, behind it, */
#define LENGTH_AT 56   /* how many bytes were transferred */

/* The length of one that was transferred. */
static long tell_length(uint64_t entry, long length) {
    uint32_t told = (uint32_t)length;
    return program_write(entry + LENGTH_AT, &told, sizeof(told));
}

long linux_sendmmsg(uint64_t fd, uint64_t entries, uint64_t count, uint64_t flags) {
    uint64_t most = (uint32_t)count < MESSAGES_MOST ? (uint32_t)count : MESSAGES_MOST;
    for (uint64_t i = 0; i < most; i++) {
        uint64_t entry = entries + i * ENTRY_BYTES;
        long sent = linux_sendmsg(fd, entry, flags);
        long error = sent < 0 ? sent : tell_length(entry, sent);
        if (error) {
            return i > 0 ? (long)i : error;
        }
    }
    return (long)most;
}

/* The time is looked at when a message has come, as on Linux: it does not end a wait. */
long linux_recvmmsg(uint64_t fd, uint64_t entries, uint64_t count, uint64_t flags,
                    uint64_t timeout) {
    uint64_t most = (uint32_t)count < MESSAGES_MOST ? (uint32_t)count : MESSAGES_MOST;
    uint64_t began = clock_monotonic_ns();
    int64_t ns;
    long error = read_timeout(timeout, &ns);
    uint64_t how = flags & ~(uint64_t)MSG_WAITFORONE;
    for (uint64_t i = 0; i < most && !error; i++) {
        uint64_t entry = entries + i * ENTRY_BYTES;
        long received = linux_recvmsg(fd, entry, how);
        error = received < 0 ? received : tell_length(entry, received);
        if (error) {
            return i > 0 ? (long)i : error;
        }
        how |= flags & MSG_WAITFORONE ? MSG_DONTWAIT : 0;
        if (ns != FOR_EVER && clock_monotonic_ns() - began >= (uint64_t)ns) {
            return (long)i + 1;
        }
    }
    return error ? error : (long)most;
}
