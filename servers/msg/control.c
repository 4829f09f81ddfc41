/* SPDX-License-Identifier: MIT */
/* msgctl(2). */
#include "msg.h"
#include <lib/clock.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(struct ipc64_perm) == sizeof(struct ipc_perm_k), "the same structure");

static void fill(const struct queue *queue, struct msqid64_ds *ds) {
    *ds = (struct msqid64_ds){
        .msg_stime = queue->stime,
        .msg_rtime = queue->rtime,
        .msg_ctime = queue->ctime,
        .msg_cbytes = queue->cbytes,
        .msg_qnum = queue->qnum,
        .msg_qbytes = queue->qbytes,
        .msg_lspid = queue->lspid,
        .msg_lrpid = queue->lrpid,
    };
    memcpy(&ds->msg_perm, &queue->object.perm, sizeof(ds->msg_perm));
}

long msg_handle_stat(struct request *req, int msqid, int command) {
    const struct client *client = sysv_asker(req);
    struct msqid64_ds ds;
    if (command != IPC_STAT) {
        if (command != MSG_STAT && command != MSG_STAT_ANY)
            return -EINVAL;
        const struct sysv_object *object = idtable_at(&msg_state.table.ids, msqid);
        if (!object)
            return -EINVAL;
        msqid = object->id;
    }
    struct queue *queue;
    long error = queue_find(msqid, client, command == MSG_STAT_ANY ? 0 : SYSV_READ, &queue);
    if (error < 0)
        return error;
    fill(queue, &ds);
    error = request_write_all(req, &ds, sizeof(ds));
    return error < 0 ? error : command == IPC_STAT ? 0 : msqid;
}

/* msgctl(2): only the superuser may raise msg_qbytes above msgmnb. */
long msg_handle_set(struct request *req, int msqid) {
    struct client *client = request_client(req);
    struct queue *queue;
    struct msqid64_ds ds;
    long error = request_read_all(req, &ds, sizeof(ds));
    if (error >= 0)
        error = queue_find(msqid, client, 0, &queue);
    if (error >= 0)
        error = sysv_may_control(&queue->object, client);
    if (error < 0)
        return error;
    if (ds.msg_qbytes > msg_state.msgmnb && client->uid != 0)
        return -EPERM;
    struct ipc_perm_k perm;
    memcpy(&perm, &ds.msg_perm, sizeof(perm));
    error = sysv_set(&queue->object, &perm);
    if (error < 0)
        return error;
    queue->qbytes = ds.msg_qbytes;
    queue->ctime = clock_seconds();
    queue_admit_senders(queue);
    return 0;
}

static void end_receiver(struct receiver *receiver) {
    waiter_finish(&receiver->waiter, -EIDRM);
    free(receiver);
}

/* Answers one caller who waits at a queue that is removed; false if there is none. */
static bool end_waiter(struct queue *queue) {
    struct waiter *waiter;
    struct type_node *node;
    if ((waiter = waiter_first(&queue->senders)) != 0) {
        struct sender *sender = container_of(waiter, struct sender, waiter);
        waiter_finish(waiter, -EIDRM);
        free(sender->message);
        free(sender);
    } else if ((waiter = waiter_first(&queue->receivers_of_any)) != 0 ||
               (waiter = waiter_first(&queue->receivers_choosing)) != 0) {
        end_receiver(container_of(waiter, struct receiver, waiter));
    } else if ((node = queue->receivers_of_type.root) != 0) {
        type_index_remove(&queue->receivers_of_type, node);
        end_receiver(container_of(node, struct receiver, by_type));
    } else {
        return false;
    }
    return true;
}

#define WAITERS_AT_ONCE 30
#define MESSAGES_AT_ONCE 200

/* Frees a part of a removed queue, at last itself: who waits first. True if there is more. */
static bool free_some(struct job *job) {
    struct queue *queue = container_of(job, struct queue, job);
    for (int i = 0; i < WAITERS_AT_ONCE; i++)
        if (!end_waiter(queue))
            break;
    for (int i = 0; i < MESSAGES_AT_ONCE && !list_empty(&queue->messages); i++) {
        struct message *message = container_of(queue->messages.next, struct message, link);
        queue_take(queue, message);
        free(message);
    }
    if (!list_empty(&queue->messages) || end_waiter(queue))
        return true;
    free(queue);
    return false;
}

struct queue *queue_of_job(struct job *job) {
    return job->step == free_some ? container_of(job, struct queue, job) : NULL;
}

/* The id is gone at once. */
long msg_handle_remove(struct request *req, int msqid) {
    struct client *client = request_client(req);
    struct queue *queue;
    long error = queue_find(msqid, client, 0, &queue);
    if (error >= 0)
        error = sysv_may_control(&queue->object, client);
    if (error < 0)
        return error;
    sysv_remove(&msg_state.table, &queue->object);
    job_init(&queue->job, free_some);
    if (free_some(&queue->job))
        job_queue(&queue->job);
    return 0;
}

/* Linux's values, the obsolete fields included (linux/msg.h). */
long msg_handle_info(struct request *req, int command) {
    struct msg_limits info = {
        .msgpool = MSGMNI * (MSGMNB / 1024),
        .msgmap = MSGMNB,
        .msgmax = (int32_t)msg_state.msgmax,
        .msgmnb = (int32_t)msg_state.msgmnb,
        .msgmni = (int32_t)msg_state.table.ids.limit,
        .msgssz = 16,
        .msgtql = MSGMNB,
        .msgseg = 0xffff,
    };
    if (command == MSG_INFO) {
        info.msgpool = (int32_t)msg_state.table.ids.used;
        info.msgmap = (int32_t)msg_state.messages;
        info.msgtql = (int32_t)msg_state.bytes;
    } else if (command != IPC_INFO) {
        return -EINVAL;
    }
    long error = request_write_all(req, &info, sizeof(info));
    int highest = idtable_highest(&msg_state.table.ids);
    return error < 0 ? error : highest < 0 ? 0 : highest;
}

long msg_handle_setting(struct request *req, uint32_t which, int set, uint64_t value) {
    static const struct sysv_setting settings[] = {
        [MSG_SETTING_MSGMAX] = {&msg_state.msgmax, INT32_MAX},
        [MSG_SETTING_MSGMNB] = {&msg_state.msgmnb, INT32_MAX},
    };
    uint64_t now = 0;
    long error =
        which == MSG_SETTING_MSGMNI    ? sysv_setting_places(&msg_state.table, set, value, &now)
        : which == MSG_SETTING_NEXT_ID ? sysv_setting_next_id(&msg_state.table, set, value, &now)
        : which < MSG_SETTING_MSGMNI   ? sysv_setting(&settings[which], set, value, &now)
                                       : -EINVAL;
    msg_results_setting(&req->msg, now);
    return error;
}
