/* SPDX-License-Identifier: MIT */
/* Permission checks by owner, group and mode; user 0 passes all but execution of what has no x. */
#include "access.h"
#include <lib/client.h>

#include <parley/errno.h>

bool access_in_group(const struct credentials *who, uint32_t gid) {
    return who->gid == gid || groups_have(who->groups, gid);
}

int access_check(const struct node *node, const struct credentials *who, uint32_t wanted) {
    uint32_t bits = node->mode;
    if (who->uid == 0) {
        bool runs = node_is_dir(node) || (bits & 0111) != 0;
        return (wanted & MAY_EXECUTE) && !runs ? -EACCES : 0;
    }
    if (who->uid == node->uid) {
        bits >>= 6;
    } else if (access_in_group(who, node->gid)) {
        bits >>= 3;
    }
    return (wanted & ~bits & 7) ? -EACCES : 0;
}

int access_remove(const struct node *dir, const struct node *node, const struct credentials *who) {
    int error = access_check(dir, who, MAY_WRITE | MAY_EXECUTE);
    if (error) {
        return error;
    }
    bool others = who->uid != 0 && who->uid != node->uid && who->uid != dir->uid;
    return (dir->mode & MODE_STICKY) && others ? -EPERM : 0;
}

void access_written(struct node *node, const struct credentials *who) {
    if (who->uid != 0) {
        uint32_t group = node->mode & 0010 ? MODE_SETGID : 0; /* else it means something else */
        node->mode &= ~(MODE_SETUID | group);
    }
}

int access_owner(const struct node *node, const struct credentials *who) {
    return who->uid == 0 || who->uid == node->uid ? 0 : -EPERM;
}

int access_link(const struct node *node, const struct credentials *who) {
    const uint32_t by_group =
        MODE_SETGID | 0010; /* only with both it is run with its group's rights */
    bool set_id = (node->mode & MODE_SETUID) || (node->mode & by_group) == by_group;
    bool safe =
        node_is_regular(node) && !set_id && access_check(node, who, MAY_READ | MAY_WRITE) == 0;
    return safe ? 0 : access_owner(node, who);
}
