/* SPDX-License-Identifier: MIT */
/*
 * Who has what attached: shmat(2), shmdt(2), and what fork, exec and exit do to it (shmop(2)): a
 * child has its parent's attachments, a new program has none.
 */
#include "shm.h"
#include <lib/clock.h>
#include <stdlib.h>

static uint64_t attachment_key(const struct client *client, const struct segment *segment) {
    return client->node.key << 32 | (uint32_t)segment->sysv.id;
}

static struct attachment *attachment_find(const struct client *client,
                                          const struct segment *segment) {
    struct hash_node *node = hash_find(&shm_state.attachments, attachment_key(client, segment));
    return node ? container_of(node, struct attachment, node) : 0;
}

static void note_attach(struct segment *segment, uint64_t count, int pid) {
    segment->nattch += count;
    segment->atime = clock_seconds();
    segment->lpid = pid;
}

/* Adds `count` attachments of a process. */
static long attach(struct client *client, struct segment *segment, uint64_t count) {
    struct attachment *attachment = attachment_find(client, segment);
    if (!attachment) {
        attachment = malloc(sizeof(*attachment));
        if (!attachment)
            return -ENOMEM;
        attachment->segment = segment;
        attachment->count = 0;
        hash_insert(&shm_state.attachments, &attachment->node, attachment_key(client, segment));
        list_add_tail(client->data, &attachment->client_link);
    }
    attachment->count += count;
    note_attach(segment, count, client_pid(client));
    return 0;
}

/* Takes `count` of an attachment away; the record goes with the last. */
static void detach(const struct client *client, struct attachment *attachment, uint64_t count) {
    struct segment *segment = attachment->segment;
    attachment->count -= count;
    if (!attachment->count) {
        hash_remove(&shm_state.attachments, &attachment->node);
        list_remove(&attachment->client_link);
        free(attachment);
    }
    segment_detach(segment, count, client_pid(client));
}

long shm_handle_at(struct request *req, int shmid, int flags) {
    struct client *client = request_client(req);
    struct segment *segment;
    unsigned mode = SYSV_READ, which = 0;
    if (!(flags & SHM_RDONLY)) {
        mode |= SYSV_WRITE;
        which |= SHM_CAP_WRITE;
    }
    if (flags & SHM_EXEC) {
        mode |= 0111;
        which |= SHM_CAP_EXEC;
    }
    long error = segment_find(shmid, client, mode, &segment);
    if (error < 0)
        return error;
    long slot = segment_cap(segment, which);
    if (slot < 0)
        return slot;
    error = attach(client, segment, 1);
    if (error < 0)
        return error;
    request_reply_cap(req, (uint64_t)slot);
    shm_results_at(&req->msg, segment_pages(segment) * SHM_PAGE);
    return 0;
}

/* No permission is needed to let go. */
long shm_handle_dt(struct request *req, int shmid) {
    struct client *client = request_client(req);
    void *object;
    if (!client)
        return -EBADF;
    if (idtable_find(&shm_state.table.ids, shmid, &object) < 0)
        return -EINVAL;
    struct attachment *attachment =
        attachment_find(client, container_of(object, struct segment, sysv));
    if (!attachment)
        return -EINVAL;
    detach(client, attachment, 1);
    return 0;
}

long attach_client_connected(struct client *client) {
    struct list *head = malloc(sizeof(*head));
    if (!head)
        return -ENOMEM;
    list_init(head);
    client->data = head;
    return 0;
}

void attach_client_execed(struct client *client) {
    struct list *head = client->data;
    while (!list_empty(head)) {
        struct attachment *attachment = container_of(head->next, struct attachment, client_link);
        detach(client, attachment, attachment->count);
    }
}

void attach_client_exited(struct client *client) {
    attach_client_execed(client);
    free(client->data);
}

long attach_client_forked(struct client *parent, struct client *child) {
    struct list *at, *after;
    long error = attach_client_connected(child);
    if (error < 0)
        return error;
    list_for_each (at, after, (struct list *)parent->data) {
        struct attachment *attachment = container_of(at, struct attachment, client_link);
        error = attach(child, attachment->segment, attachment->count);
        if (error < 0) {
            attach_client_exited(child);
            return error;
        }
    }
    return 0;
}
