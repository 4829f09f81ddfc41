/* SPDX-License-Identifier: MIT */
/* capabilities(7): a process with root's id has all, any other none. That is told; less cannot be asked for. */
#include "personality.h"
#include <parley/capabilities.h>
#include <protocol/proc_client.h>

#define VERSION_1 0x19980330u /* 32 capabilities */
#define VERSION_2 0x20071026u /* 64, as version 3 */
#define VERSION_3 0x20080522u
#define WORDS 2

struct cap_header {
    uint32_t version;
    int32_t pid;
};

struct cap_data {
    uint32_t effective, permitted, inheritable;
};

/* How many words the caller's version has. An unknown one is answered by the version to be used. */
static long version_words(struct cap_header *header, struct cap_header *from) {
    if (user_get(header, from, sizeof *header) < 0)
        return -EFAULT;
    if (header->version == VERSION_1)
        return 1;
    if (header->version == VERSION_2 || header->version == VERSION_3)
        return WORDS;
    header->version = VERSION_3;
    return user_put(from, header, sizeof header->version) < 0 ? -EFAULT : -EINVAL;
}

static long own(struct cap_data *data) {
    uint32_t ruid, euid, suid, rgid, egid, sgid;
    long error = proc_users(PK_SLOT_PROC, &ruid, &euid, &suid, &rgid, &egid, &sgid);
    if (error < 0)
        return error;
    uint64_t permitted = capabilities_permitted(ruid, euid, suid);
    uint64_t effective = capabilities_effective(euid);
    for (unsigned i = 0; i < WORDS; i++)
        data[i] =
            (struct cap_data){(uint32_t)(effective >> 32 * i), (uint32_t)(permitted >> 32 * i), 0};
    return 0;
}

static bool is_caller(int pid, const struct foreign_frame *f) {
    return pid == 0 || pid == frame_pid(f) || pid == frame_tid(f);
}

long linux_capget(struct cap_header *from, struct cap_data *to, long a2, long a3, long a4, long a5,
                  const struct foreign_frame *f) {
    (void)a2, (void)a3, (void)a4, (void)a5;
    struct cap_header header;
    struct cap_data data[WORDS];
    long words = version_words(&header, from);
    if (words == -EINVAL && !to)
        return 0; /* that is how a program asks for the version */
    if (words < 0)
        return words;
    if (header.pid < 0)
        return -EINVAL;
    long error = is_caller(header.pid, f) ? own(data) : -EPERM;
    return error < 0 || !to ? error : user_put(to, data, (size_t)words * sizeof *data);
}

/* capset(2): to what there is, or EPERM. */
long linux_capset(struct cap_header *from, const struct cap_data *wanted, long a2, long a3, long a4,
                  long a5, const struct foreign_frame *f) {
    (void)a2, (void)a3, (void)a4, (void)a5;
    struct cap_header header;
    struct cap_data data[WORDS], given[WORDS];
    long words = version_words(&header, from);
    if (words < 0)
        return words;
    if (!is_caller(header.pid, f))
        return -EPERM;
    if (user_get(given, wanted, (size_t)words * sizeof *given) < 0)
        return -EFAULT;
    long error = own(data);
    for (long i = 0; i < words && error >= 0; i++)
        if (given[i].effective != data[i].effective || given[i].permitted != data[i].permitted ||
            given[i].inheritable != data[i].inheritable)
            error = -EPERM;
    return error;
}
