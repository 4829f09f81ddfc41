/* SPDX-License-Identifier: MIT */
/* Names of users and groups. */
#ifndef NAMES_H
#define NAMES_H

#include <sys/types.h>

/* The name from /etc/passwd or /etc/group, else the number; valid until the next call. */
const char *user_name(uid_t uid);
const char *group_name(gid_t gid);

#endif
