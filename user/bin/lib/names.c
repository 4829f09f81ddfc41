/* SPDX-License-Identifier: MIT */
/*
 * Names of users and groups, read from the files themselves: no name service, so that a tool needs
 * no sockets.
 */
#include "names.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>

const char *user_name(uid_t uid) {
    static char name[64];
    static uid_t known = (uid_t)-1;
    struct passwd *entry = NULL;
    FILE *file;

    if (uid == known)
        return name;
    known = uid;
    snprintf(name, sizeof(name), "%u", uid);
    file = fopen("/etc/passwd", "r");
    while (file && (entry = fgetpwent(file)) && entry->pw_uid != uid)
        continue;
    if (entry)
        snprintf(name, sizeof(name), "%s", entry->pw_name);
    if (file)
        fclose(file);
    return name;
}

const char *group_name(gid_t gid) {
    static char name[64];
    static gid_t known = (gid_t)-1;
    struct group *entry = NULL;
    FILE *file;

    if (gid == known)
        return name;
    known = gid;
    snprintf(name, sizeof(name), "%u", gid);
    file = fopen("/etc/group", "r");
    while (file && (entry = fgetgrent(file)) && entry->gr_gid != gid)
        continue;
    if (entry)
        snprintf(name, sizeof(name), "%s", entry->gr_name);
    if (file)
        fclose(file);
    return name;
}
