/* SPDX-License-Identifier: MIT */
/* /proc/sys: what the system is called, and what of its limits cannot be changed. */
#include "procfs.h"
#include <parley/capabilities.h>
#include <parley/personality.h>
#include <protocol/vfs_client.h>

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
NUMBER(cap_last_cap, CAPABILITY_LAST)
NUMBER(nr_open, VFS_FILES_MOST)
