/* SPDX-License-Identifier: MIT */
/*
 * /proc/sys/kernel: System V's limits, and /proc/sys/fs/mqueue: those of POSIX message queues (proc(5)). The truth is in the
 * server that keeps to a limit; here numbers become text, and text numbers as Linux reads them (kernel/sysctl.c). And how
 * threads share the machine, which the kernel is told by a name.
 */
#include "procfs.h"
#include <limits.h>
#include <protocol/mq_client.h>
#include <protocol/msg_client.h>
#include <protocol/sem_client.h>
#include <protocol/shm_client.h>
#include <stdlib.h>
#include <string.h>

#define SPACES " \t\n\v\f\r"
#define DIGITS_MOST 21 /* of one number, its sign included */

/* One of a server's settings. */
typedef long setting_call(uint32_t which, int set, uint64_t value, uint64_t *now);

static long shm_value(uint32_t which, int set, uint64_t value, uint64_t *now) {
    return shm_setting(connect_endpoint(PK_SLOT_SHM), which, set, value, now);
}
static long msg_value(uint32_t which, int set, uint64_t value, uint64_t *now) {
    return msg_setting(connect_endpoint(PK_SLOT_MSG), which, set, value, now);
}
static long sem_value_of(uint32_t which, int set, uint64_t value, uint64_t *now) {
    return sem_setting(connect_endpoint(PK_SLOT_SEM), which, set, value, now);
}

long setting_number(const char **text, enum setting_type type, uint64_t *value) {
    const char *at = *text + strspn(*text, SPACES);
    bool negative = *at == '-';
    char *end;
    if (!*at)
        return 0;
    if (at[negative] < '0' || at[negative] > '9')
        return -EINVAL;
    unsigned long number = strtoul(at + negative, &end, 0);
    if (end - at > DIGITS_MOST || (*end && !strchr(SPACES, *end)))
        return -EINVAL;
    unsigned long most = type == TYPE_LONG ? ULONG_MAX : (unsigned long)INT_MAX + negative;
    if (number > most || (negative && type == TYPE_LONG))
        return -EINVAL;
    *value = negative ? -number : number;
    *text = end;
    return 1;
}

/* A file of one number. What a server does not take is EINVAL. */
static long store_one(const char *text, enum setting_type type, setting_call *call,
                      uint32_t which) {
    uint64_t value, now;
    long found = setting_number(&text, type, &value);
    return found == 1 ? call(which, 1, value, &now) : -EINVAL;
}

static bool make_one(struct making *m, enum setting_type type, setting_call *call, uint32_t which) {
    uint64_t now = 0;
    long error = call(which, 0, 0, &now);
    if (error < 0)
        m->text.failed = true;
    else if (type == TYPE_LONG)
        text_print(&m->text, "%lu\n", (unsigned long)now);
    else
        text_print(&m->text, "%d\n", (int)now);
    return false;
}

#define SETTING(name, type, call, which)                                                           \
    bool make_##name(struct making *m) {                                                           \
        return make_one(m, type, call, which);                                                     \
    }                                                                                              \
    long store_##name(const struct process *by, const char *text) {                                \
        (void)by;                                                                                  \
        return store_one(text, type, call, which);                                                 \
    }

SETTING(shmmax, TYPE_LONG, shm_value, SHM_SETTING_SHMMAX)
SETTING(shmall, TYPE_LONG, shm_value, SHM_SETTING_SHMALL)
SETTING(shmmni, TYPE_INT, shm_value, SHM_SETTING_SHMMNI)
SETTING(shm_rmid_forced, TYPE_INT, shm_value, SHM_SETTING_RMID_FORCED)
SETTING(shm_next_id, TYPE_INT, shm_value, SHM_SETTING_NEXT_ID)
SETTING(msgmax, TYPE_INT, msg_value, MSG_SETTING_MSGMAX)
SETTING(msgmnb, TYPE_INT, msg_value, MSG_SETTING_MSGMNB)
SETTING(msgmni, TYPE_INT, msg_value, MSG_SETTING_MSGMNI)
SETTING(msg_next_id, TYPE_INT, msg_value, MSG_SETTING_NEXT_ID)
SETTING(sem_next_id, TYPE_INT, sem_value_of, SEM_SETTING_NEXT_ID)

static long mq_value(uint32_t which, int set, uint64_t value, uint64_t *now) {
    return mq_setting(connect_endpoint(PK_SLOT_MQ), which, set, value, now);
}
SETTING(msg_default, TYPE_INT, mq_value, MQ_SETTING_MSG_DEFAULT)
SETTING(msg_max, TYPE_INT, mq_value, MQ_SETTING_MSG_MAX)
SETTING(msgsize_default, TYPE_INT, mq_value, MQ_SETTING_MSGSIZE_DEFAULT)
SETTING(msgsize_max, TYPE_INT, mq_value, MQ_SETTING_MSGSIZE_MAX)
SETTING(queues_max, TYPE_INT, mq_value, MQ_SETTING_QUEUES_MAX)

/* Nothing depends on it, on Linux either: 0 and 1 are taken, and it is 0. */
static long no_value(uint32_t which, int set, uint64_t value, uint64_t *now) {
    (void)which;
    *now = 0;
    return set && value > 1 ? -EINVAL : 0;
}
SETTING(auto_msgmni, TYPE_INT, no_value, 0)

/* semmsl, semmns, semopm, semmni */
#define SEM_NUMBERS 4

bool make_sem(struct making *m) {
    uint64_t now[SEM_NUMBERS] = {0};
    for (uint32_t i = 0; i < SEM_NUMBERS; i++)
        if (sem_value_of(i, 0, 0, &now[i]) < 0)
            m->text.failed = true;
    text_print(&m->text, "%d\t%d\t%d\t%d\n", (int)now[0], (int)now[1], (int)now[2], (int)now[3]);
    return false;
}

/* Fewer than four are the first ones. All are looked at before one is set; semmni out of its range is ERANGE. */
long store_sem(const struct process *by, const char *text) {
    (void)by;
    uint64_t values[SEM_NUMBERS], now;
    uint32_t count = 0;
    long found = 0;
    while (count < SEM_NUMBERS && (found = setting_number(&text, TYPE_INT, &values[count])) == 1)
        count++;
    if (found < 0 || count == 0)
        return -EINVAL;
    for (uint32_t i = 0; i < count; i++)
        if ((int64_t)values[i] < 0)
            return i == SEM_SETTING_SEMMNI ? -ERANGE : -EINVAL;
    if (count == SEM_NUMBERS &&
        sem_value_of(SEM_SETTING_SEMMNI, 1, values[SEM_SETTING_SEMMNI], &now) < 0)
        return -ERANGE;
    for (uint32_t i = 0; i < count && i != SEM_SETTING_SEMMNI; i++) {
        long error = sem_value_of(i, 1, values[i], &now);
        if (error < 0)
            return error;
    }
    return 0;
}

/* Do those who wait make others more urgent: 1 or 0. */
static long donation_value(uint32_t which, int set, uint64_t value, uint64_t *now) {
    (void)which;
    if (set && value > 1)
        return -EINVAL;
    long on = pk_machine_donation(boot_cap("machine"), !set    ? PK_DONATION_GET
                                                       : value ? PK_DONATION_ON
                                                               : PK_DONATION_OFF);
    *now = on > 0;
    return on < 0 ? on : 0;
}
SETTING(sched_donation, TYPE_INT, donation_value, 0)

/* How many harts run: more can be started, if the machine has them. */
static long harts_value(uint32_t which, int set, uint64_t value, uint64_t *now) {
    (void)which;
    if (set && value == 0)
        return -EINVAL;
    long started = pk_machine_harts(boot_cap("machine"), set ? value : 0);
    *now = started > 0 ? (uint64_t)started : 0;
    return started < 0 ? started : 0;
}
SETTING(harts, TYPE_INT, harts_value, 0)

/* How threads share the harts (docs/scheduling.md): a name. */
bool make_sched_policy(struct making *m) {
    char name[PK_POLICY_NAME];
    if (pk_machine_policy(boot_cap("machine"), name, PK_POLICY_GET) < 0)
        m->text.failed = true;
    else
        text_print(&m->text, "%s\n", name);
    return false;
}

long store_sched_policy(const struct process *by, const char *text) {
    (void)by;
    char name[PK_POLICY_NAME] = "";
    size_t length = strcspn(text, SPACES);
    if (length >= sizeof name || text[length + strspn(text + length, SPACES)])
        return -EINVAL;
    memcpy(name, text, length);
    return pk_machine_policy(boot_cap("machine"), name, PK_POLICY_SET);
}
