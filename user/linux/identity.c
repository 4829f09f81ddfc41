/* SPDX-License-Identifier: MIT */
/* Who a process is: its number, parent, group and session, users and groups (credentials(7)). */
#include "personality.h"
#include <protocol/proc_client.h>

#define ID_KEEP 0xffffffffu

long linux_getpid(long a0, long a1, long a2, long a3, long a4, long a5,
                  const struct foreign_frame *f) {
    (void)a0, (void)a1, (void)a2, (void)a3, (void)a4, (void)a5;
    return frame_pid(f);
}

long linux_gettid(long a0, long a1, long a2, long a3, long a4, long a5,
                  const struct foreign_frame *f) {
    (void)a0, (void)a1, (void)a2, (void)a3, (void)a4, (void)a5;
    return frame_tid(f);
}

/* These calls have no errors: without a process server a process is nobody, and not root. */
static const struct personality_known *known(const struct foreign_frame *f) {
    static const struct personality_known nobody = {-1, -1, -1u, -1u, -1u, -1u, -1u, -1u};
    if (state.known.pid == frame_pid(f))
        return &state.known;
    return proc_know(PK_SLOT_PROC) < 0 ? &nobody : &state.known;
}

#define IDENTITY(name, member)                                                                     \
    long name(long a0, long a1, long a2, long a3, long a4, long a5,                                \
              const struct foreign_frame *f) {                                                     \
        (void)a0, (void)a1, (void)a2, (void)a3, (void)a4, (void)a5;                                \
        return known(f)->member;                                                                   \
    }
IDENTITY(linux_getppid, parent)
IDENTITY(linux_getuid, ruid)
IDENTITY(linux_geteuid, euid)
IDENTITY(linux_getgid, rgid)
IDENTITY(linux_getegid, egid)

long linux_getpgid(int pid) {
    int parent, group, session;
    long error = proc_ids(PK_SLOT_PROC, pid, &parent, &group, &session);
    return error < 0 ? error : group;
}

long linux_getsid(int pid) {
    int parent, group, session;
    long error = proc_ids(PK_SLOT_PROC, pid, &parent, &group, &session);
    return error < 0 ? error : session;
}

long linux_setpgid(int pid, int group) {
    return proc_setpgid(PK_SLOT_PROC, pid, group);
}

long linux_setsid(void) {
    return proc_setsid(PK_SLOT_PROC);
}

struct users {
    uint32_t ruid, euid, suid, rgid, egid, sgid;
};

/* These calls have no errors (getuid(2)): without a process server a process is nobody, and not root. */
static struct users users(void) {
    struct users u;
    long error = proc_users(PK_SLOT_PROC, &u.ruid, &u.euid, &u.suid, &u.rgid, &u.egid, &u.sgid);
    if (error < 0)
        memset(&u, 0xff, sizeof u);
    return u;
}

/*
 * setfsuid(2), setfsgid(2): the ids that files are looked at with are the effective ones, whatever is asked for. A
 * caller who wants others learns so as on Linux, when it asks again.
 */
long linux_setfsuid(void) {
    return users().euid;
}
long linux_setfsgid(void) {
    return users().egid;
}

struct ids {
    uint32_t real, effective, saved;
};

static long put_ids(uint32_t *real, uint32_t *effective, uint32_t *saved, struct ids ids) {
    if (user_put(real, &ids.real, 4) < 0 || user_put(effective, &ids.effective, 4) < 0)
        return -EFAULT;
    return user_put(saved, &ids.saved, 4);
}

long linux_getresuid(uint32_t *real, uint32_t *effective, uint32_t *saved) {
    struct users u = users();
    return put_ids(real, effective, saved, (struct ids){u.ruid, u.euid, u.suid});
}

long linux_getresgid(uint32_t *real, uint32_t *effective, uint32_t *saved) {
    struct users u = users();
    return put_ids(real, effective, saved, (struct ids){u.rgid, u.egid, u.sgid});
}

long linux_setresuid(uint32_t real, uint32_t effective, uint32_t saved) {
    return proc_set_users(PK_SLOT_PROC, 0, real, effective, saved);
}
long linux_setresgid(uint32_t real, uint32_t effective, uint32_t saved) {
    return proc_set_users(PK_SLOT_PROC, 1, real, effective, saved);
}

/* setuid(2): root sets all three, others only the effective one. */
long linux_setuid(uint32_t uid) {
    uint32_t all = users().euid == 0 ? uid : ID_KEEP;
    return proc_set_users(PK_SLOT_PROC, 0, all, uid, all);
}
long linux_setgid(uint32_t gid) {
    uint32_t all = users().euid == 0 ? gid : ID_KEEP;
    return proc_set_users(PK_SLOT_PROC, 1, all, gid, all);
}

/* What setreuid(2) lets the real id become. */
static bool may_be_real(struct ids before, uint32_t id) {
    return id == ID_KEEP || id == before.real || id == before.effective;
}

/*
 * setreuid(2), setregid(2). The real id can become the saved one by setresuid(2) only. The saved one becomes the
 * effective one, unless that was all the time what the real one is.
 */
static long set_two(int group, struct ids before, uint32_t real, uint32_t effective, bool root) {
    if (!root && !may_be_real(before, real))
        return -EPERM;
    bool saves = real != ID_KEEP || (effective != ID_KEEP && effective != before.real);
    uint32_t saved = !saves ? ID_KEEP : effective == ID_KEEP ? before.effective : effective;
    return proc_set_users(PK_SLOT_PROC, group, real, effective, saved);
}

long linux_setreuid(uint32_t real, uint32_t effective) {
    struct users u = users();
    return set_two(0, (struct ids){u.ruid, u.euid, u.suid}, real, effective, u.euid == 0);
}
long linux_setregid(uint32_t real, uint32_t effective) {
    struct users u = users();
    return set_two(1, (struct ids){u.rgid, u.egid, u.sgid}, real, effective, u.euid == 0);
}

long linux_getgroups(int size, uint32_t *groups) {
    return size < 0 ? -EINVAL : proc_groups(PK_SLOT_PROC, groups, (uint64_t)size);
}

long linux_setgroups(uint64_t size, const uint32_t *groups) {
    return size > INT32_MAX ? -EINVAL : proc_set_groups(PK_SLOT_PROC, groups, size);
}
