/* SPDX-License-Identifier: MIT */
/* Keys, identifiers and owners of System V objects; see sysv.h and sysvipc(7). */
#include <lib/check.h>
#include <lib/sysv.h>
#include <protocol/msg_client.h>

long sysv_lookup(const struct sysv_table *table, int key, int flags, struct sysv_object **found) {
    struct hash_node *node = 0;
    *found = 0;
    if (key != IPC_PRIVATE) {
        node = hash_find(&table->keys, (uint32_t)key);
        if (!node && !(flags & IPC_CREAT))
            return -ENOENT;
        if (node && (flags & IPC_CREAT) && (flags & IPC_EXCL))
            return -EEXIST;
    }
    if (node)
        *found = container_of(node, struct sysv_object, key);
    return 0;
}

long sysv_add(struct sysv_table *table, struct sysv_object *object, const struct client *client,
              int key, int flags) {
    long id = idtable_add(&table->ids, object);
    if (id < 0)
        return id;
    object->id = (int)id;
    object->perm = (struct ipc_perm_k){
        .key = key,
        .uid = client->uid,
        .gid = client->gid,
        .cuid = client->uid,
        .cgid = client->gid,
        .mode = (uint32_t)flags & 0777,
        .seq = (uint16_t)((uint32_t)id / IDTABLE_PLACES),
    };
    if (key != IPC_PRIVATE)
        hash_insert(&table->keys, &object->key, (uint32_t)key);
    return id;
}

void sysv_forget_key(struct sysv_table *table, struct sysv_object *object) {
    if (object->perm.key != IPC_PRIVATE)
        hash_remove(&table->keys, &object->key);
    object->perm.key = IPC_PRIVATE;
}

void sysv_remove(struct sysv_table *table, struct sysv_object *object) {
    sysv_forget_key(table, object);
    idtable_remove(&table->ids, object->id);
}

const struct client *sysv_asker(const struct request *req) {
    static const struct client proc = {.uid = 0};
    const struct client *client = request_client(req);
    return client || req->msg.badge != PK_BADGE_PROC ? client : &proc;
}

long sysv_may_control(const struct sysv_object *object, const struct client *client) {
    if (client->uid == object->perm.uid || client->uid == object->perm.cuid || client->uid == 0)
        return 0;
    return -EPERM;
}

long sysv_set(struct sysv_object *object, const struct ipc_perm_k *from) {
    if (from->uid == UINT32_MAX || from->gid == UINT32_MAX)
        return -EINVAL;
    object->perm.uid = from->uid;
    object->perm.gid = from->gid;
    object->perm.mode = (object->perm.mode & ~0777u) | (from->mode & 0777);
    return 0;
}

long sysv_setting(const struct sysv_setting *setting, int set, uint64_t value, uint64_t *now) {
    if (set && value > setting->most)
        return -EINVAL;
    if (set)
        *setting->value = value;
    *now = *setting->value;
    return 0;
}

long sysv_setting_places(struct sysv_table *table, int set, uint64_t value, uint64_t *now) {
    if (set && value > IDTABLE_PLACES)
        return -EINVAL;
    if (set)
        table->ids.limit = (uint32_t)value;
    *now = table->ids.limit;
    return 0;
}

/* Linux's file shows -1 if no id was asked for, and does not take that. */
long sysv_setting_next_id(struct sysv_table *table, int set, uint64_t value, uint64_t *now) {
    if (set && value > INT32_MAX)
        return -EINVAL;
    if (set)
        table->ids.next = (uint32_t)value + 1;
    *now = table->ids.next - 1ull;
    return 0;
}

struct sysv_checking {
    const struct sysv_table *table;
    void (*see)(struct sysv_object *object, void *data);
    void *data;
    size_t with_key;
};

static void check_object(void *pointer, int id, void *data) {
    struct sysv_checking *checking = data;
    struct sysv_object *object = pointer;
    CHECK(object->id == id, object);
    if (object->perm.key != IPC_PRIVATE) {
        checking->with_key++;
        CHECK(hash_find(&checking->table->keys, (uint32_t)object->perm.key) == &object->key,
              object);
    }
    if (checking->see)
        checking->see(object, checking->data);
}

size_t sysv_check(const struct sysv_table *table,
                  void (*see)(struct sysv_object *object, void *data), void *data) {
    struct sysv_checking checking = {table, see, data, 0};
    size_t objects = idtable_check(&table->ids, check_object, &checking);
    CHECK(hash_check(&table->keys, NULL, NULL) == checking.with_key, table);
    return objects;
}
