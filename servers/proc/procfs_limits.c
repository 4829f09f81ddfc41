/* SPDX-License-Identifier: MIT */
/* /proc/sys/kernel: what the system is called, and its limits. They cannot be changed. */
#include "procfs.h"
#include <parley/personality.h>
#include <protocol/msg_client.h>
#include <protocol/sem_client.h>
#include <protocol/shm_client.h>

#define NUMBER(name, value)                                                                        \
    bool make_##name(struct making *m) {                                                           \
        text_print(&m->text, "%lu\n", (unsigned long)(value));                                     \
        return false;                                                                              \
    }
#define TEXT(name, value)                                                                          \
    bool make_##name(struct making *m) {                                                           \
        text_print(&m->text, "%s\n", value);                                                       \
        return false;                                                                              \
    }

TEXT(ostype, PERSONALITY_SYSTEM)
TEXT(osrelease, PERSONALITY_RELEASE)
TEXT(hostname, PERSONALITY_HOST)
TEXT(core_pattern, PERSONALITY_CORE_NAME)
NUMBER(core_uses_pid, 0)
NUMBER(pid_max, PID_MAX)
NUMBER(ngroups_max, GROUPS_MOST)
NUMBER(cap_last_cap, 40) /* CAP_CHECKPOINT_RESTORE, the last that this Linux has */
NUMBER(msgmax, MSGMAX)
NUMBER(msgmnb, MSGMNB)
NUMBER(msgmni, MSGMNI)
NUMBER(shmmax, SHMMAX)
NUMBER(shmall, SHMALL)
NUMBER(shmmni, SHMMNI)

bool make_sem(struct making *m) {
    text_print(&m->text, "%lu\t%lu\t%lu\t%lu\n", (unsigned long)SEMMSL, (unsigned long)SEMMNS,
               (unsigned long)SEMOPM, (unsigned long)SEMMNI);
    return false;
}
