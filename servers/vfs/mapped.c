/* SPDX-License-Identifier: MIT */
/*
 * Files that processes map: what they write to them there, and their names, which /proc/PID/maps asks for by the
 * number of the memory object. It knows no more than that of a mapping, which may outlive the file's node.
 */
#include "mapped.h"
#include "lookup.h"
#include "remote.h"

#include <lib/clock.h>
#include <stdlib.h>
#include <string.h>

static struct hash mapped; /* struct node.file.object_id */

void mapped_given(struct node *node) {
    struct pk_object_info info;
    if (node->file.mapped) {
        return;
    }
    must(pk_object_info(node->file.object, &info));
    node->file.mapped = true;
    hash_insert(&mapped, &node->file.object_id, info.id);
}

void mapped_end(struct node *node) {
    if (node->file.mapped) {
        hash_remove(&mapped, &node->file.object_id);
    }
}

/* What other calls have set since then stays. */
void node_written(struct node *node) {
    struct pk_object_info info;
    if (!node_is_regular(node) || !node->file.shared) {
        return;
    }
    must(pk_object_info(node->file.object, &info));
    if (info.written_ns <= node->file.written) {
        return;
    }
    node->file.written = info.written_ns;
    uint64_t when = vfs_now() - clock_ns() + info.written_ns;
    node->mtime = node->mtime > when ? node->mtime : when;
    node->ctime = node->ctime > when ? node->ctime : when;
}

long vfs_handle_mapped(struct request *req, int pid, uint64_t object) {
    struct caller caller;
    struct hash_node *found = hash_find(&mapped, object);
    long error = caller_by_pid(pid, &caller);
    if (error || !found) {
        return error ? error : -ENOENT;
    }
    const struct node *node = container_of(found, struct node, file.object_id);
    char *path = node_path(node, access_root(&caller.who));
    if (!path) {
        return -ENOMEM;
    }
    vfs_results_mapped(&req->msg, node->dev, node->ino);
    uint64_t length = strlen(path), room = request_out_len(req);
    long result = request_write(req, 0, path, length < room ? length : room);
    free(path);
    return result;
}
