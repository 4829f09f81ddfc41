/* SPDX-License-Identifier: MIT */
/*
 * What System V message queues, semaphore sets and shared memory segments have in common
 * (sysvipc(7)): keys, identifiers, owners and permissions.
 *
 * Each object embeds a struct sysv_object and is in one struct sysv_table by its id and, unless its
 * key is IPC_PRIVATE, by its key.
 */
#ifndef LIB_SYSV_H
#define LIB_SYSV_H

#include <lib/client.h>
#include <lib/hash.h>
#include <lib/idtable.h>

/* Linux's struct ipc64_perm (asm-generic/ipcbuf.h), byte for byte: copied out by the *_STAT calls. */
struct ipc_perm_k {
    int32_t key;
    uint32_t uid;
    uint32_t gid;
    uint32_t cuid;
    uint32_t cgid;
    uint32_t mode;
    uint16_t seq;
    uint16_t pad;
    uint32_t pad2;
    uint64_t unused[2];
};
_Static_assert(sizeof(struct ipc_perm_k) == 48, "struct ipc64_perm");

struct sysv_object {
    struct hash_node key; /* in table->keys unless private */
    struct ipc_perm_k perm;
    int id;
};

struct sysv_table {
    struct hash keys;
    struct idtable ids;
};

#define SYSV_READ 0444u /* access modes for sysv_access */
#define SYSV_WRITE 0222u

/*
 * The *get calls, first half: looks `key` up. Returns 0 with *found set (or 0: make a new one), or
 * -ENOENT (no IPC_CREAT and no such key) or -EEXIST (IPC_CREAT and IPC_EXCL, but it exists). The
 * caller then checks the existing object's size and sysv_access(object, client, flags), in this
 * order, as Linux does.
 */
long sysv_lookup(const struct sysv_table *table, int key, int flags, struct sysv_object **found);

/*
 * The second half: enters a new object, owned by the client, mode = flags & 0777. Returns its id, or
 * -ENOSPC (the table's limit) or -ENOMEM.
 */
long sysv_add(struct sysv_table *table, struct sysv_object *object, const struct client *client,
              int key, int flags);

/* Takes an object out of the table: its id is gone, and its key may be used again. */
void sysv_remove(struct sysv_table *table, struct sysv_object *object);

/* Hides an object's key (SHM_DEST: a segment that is removed but still attached). */
void sysv_forget_key(struct sysv_table *table, struct sysv_object *object);

/*
 * Checks the mode for what `flags` asks in any of its three octal digits (Linux's ipcperms): 0 or
 * -EACCES. The superuser may everything.
 */
static inline long sysv_access(const struct sysv_object *object, const struct client *client,
                               unsigned flags) {
    const struct ipc_perm_k *perm = &object->perm;
    unsigned wanted = flags >> 6 | flags >> 3 | flags;
    unsigned granted = perm->mode;
    if (client->uid == perm->uid || client->uid == perm->cuid)
        granted >>= 6;
    else if (client_in_group(client, perm->gid) || client_in_group(client, perm->cgid))
        granted >>= 3;
    return !(wanted & ~granted & 7) || client->uid == 0 ? 0 : -EACCES;
}

/* Who asks what there is: the client, or the process server, which tells everybody (/proc/sysvipc); NULL: neither. */
const struct client *sysv_asker(const struct request *req);

/* IPC_SET, IPC_RMID: 0 for the owner, the creator and the superuser, else -EPERM. */
long sysv_may_control(const struct sysv_object *object, const struct client *client);

/* IPC_SET: takes uid, gid and the nine mode bits from what the client sent. -EINVAL: -1 is nobody's id. */
PK_MUST_CHECK long sysv_set(struct sysv_object *object, const struct ipc_perm_k *from);

/*
 * What /proc/sys/kernel shows and sets. Each server has a table of its settings, of which `value` or the limit or the next
 * id of a table is the truth.
 */
struct sysv_setting {
    uint64_t *value;
    uint64_t most;
};
PK_MUST_CHECK long sysv_setting(const struct sysv_setting *setting, int set, uint64_t value,
                                uint64_t *now);
PK_MUST_CHECK long sysv_setting_places(struct sysv_table *table, int set, uint64_t value,
                                       uint64_t *now);
PK_MUST_CHECK long sysv_setting_next_id(struct sysv_table *table, int set, uint64_t value,
                                        uint64_t *now);

#endif
