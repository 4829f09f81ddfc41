/* SPDX-License-Identifier: MIT */
/*
 * mq_open(3), mq_unlink(3): names and rights are vfs's. What a new queue may take is Linux's: of RLIMIT_MSGQUEUE it counts the
 * messages that it has room for, with what Linux would need to keep them (getrlimit(2)).
 */
#include "mq.h"
#include <lib/check.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MOST 255
#define PAGE 4096u
#define RECORD_BYTES 48 /* struct msg_msg, and struct posix_msg_tree_node */

static struct hash users;

static struct user *user_get(uint32_t uid) {
    struct hash_node *node = hash_find(&users, uid);
    struct user *user = node ? container_of(node, struct user, node) : calloc(1, sizeof *user);
    if (user && !node)
        hash_insert(&users, &user->node, uid);
    if (user)
        user->queues++;
    return user;
}

void user_put(struct user *user) {
    if (--user->queues)
        return;
    hash_remove(&users, &user->node);
    free(user);
}

/*
 * The name at the start of the input buffer, up to its NUL: its length, or -EFAULT, -ENAMETOOLONG, -ENOENT for none. No piece
 * that is copied crosses a page's boundary before the NUL (protocols/mq.toml).
 */
static long read_name(const struct request *req, char name[NAME_MOST + 1]) {
    uint64_t length = request_in_len(req), at = 0;
    uint64_t boundary = length > PAGE ? (length - 1) % PAGE + 1 : length;
    while (at < length && at <= NAME_MOST) {
        uint64_t end = at < boundary ? boundary : length;
        uint64_t count = end - at < NAME_MOST + 1 - at ? end - at : NAME_MOST + 1 - at;
        if (request_read(req, at, name + at, count) < 0)
            return -EFAULT;
        const char *nul = memchr(name + at, 0, count);
        if (nul)
            return nul == name ? -ENOENT : nul - name;
        at += count;
    }
    return at > NAME_MOST ? -ENAMETOOLONG : at ? (long)at : -ENOENT;
}

/* What is not given is as usual, but within the bounds. */
static void default_attributes(int64_t *maxmsg, int64_t *msgsize) {
    int64_t most = setting(MQ_SETTING_MSG_MAX), longest = setting(MQ_SETTING_MSGSIZE_MAX);
    *maxmsg = setting(MQ_SETTING_MSG_DEFAULT);
    *maxmsg = *maxmsg < most ? *maxmsg : most;
    *msgsize = setting(MQ_SETTING_MSGSIZE_DEFAULT);
    *msgsize = *msgsize < longest ? *msgsize : longest;
}

static bool attributes_fit(int64_t maxmsg, int64_t msgsize, bool superuser) {
    int64_t most = superuser ? HARD_MAXMSG : setting(MQ_SETTING_MSG_MAX);
    int64_t longest = superuser ? HARD_MSGSIZE : setting(MQ_SETTING_MSGSIZE_MAX);
    return maxmsg > 0 && msgsize > 0 && maxmsg <= most && msgsize <= longest;
}

/* Both factors are within the bounds: no sum wraps. Of each priority Linux keeps a record, too. */
static uint64_t charge_of(uint64_t maxmsg, uint64_t msgsize) {
    uint64_t priorities = maxmsg < MQ_PRIO_MAX ? maxmsg : MQ_PRIO_MAX;
    return maxmsg * msgsize + (maxmsg + priorities) * RECORD_BYTES;
}

static bool too_many(const struct client *client) {
    return (int64_t)mq_state.count >= setting(MQ_SETTING_QUEUES_MAX) && client->uid != 0;
}

static bool too_much(const struct client *client, const struct user *user, uint64_t charge) {
    return user->bytes + charge > member_of(client)->limit;
}

static struct queue *queue_new(struct client *client, struct user *user, uint64_t maxmsg,
                               uint64_t msgsize) {
    struct queue *queue = calloc(1, sizeof *queue);
    if (!queue)
        return NULL;
    queue->maxmsg = maxmsg;
    queue->msgsize = msgsize;
    queue->user = user;
    queue->charge = charge_of(maxmsg, msgsize);
    user->bytes += queue->charge;
    queue->payer = payer_hold(client->payer);
    queue->holds = 1;
    waiter_queue_init(&queue->senders);
    waiter_queue_init(&queue->receivers);
    job_init(&queue->job, queue_admit_step);
    list_add_tail(&mq_state.queues, &queue->all);
    hash_insert(&mq_state.table, &queue->node, files_number());
    mq_state.count++;
    return queue;
}

/* What has gone, but was not heard of yet, does not count (files_gone). */
static long make(struct client *client, uint32_t flags, uint32_t mode, uint64_t maxmsg,
                 uint64_t msgsize, const char *name, uint64_t length) {
    struct user *user = user_get(client->ruid);
    if (!user)
        return -ENOMEM;
    uint64_t charge = charge_of(maxmsg, msgsize);
    if (too_much(client, user, charge))
        files_gone();
    struct queue *queue = NULL;
    long result = -EMFILE;
    if (!too_much(client, user, charge)) {
        queue = queue_new(client, user, maxmsg, msgsize);
        result = -ENOMEM;
    }
    if (!queue) {
        user_put(user);
        return result;
    }
    result = files_make(client_pid(client), queue, flags, mode, name, length);
    if (result < 0)
        queue_end(queue);
    return result;
}

long mq_handle_open(struct request *req, uint32_t flags, uint32_t mode, int defaults,
                    int64_t maxmsg, int64_t msgsize) {
    char name[NAME_MOST + 1];
    struct queue *queue;
    struct client *client = request_client(req);
    if (!client)
        return -EBADF;
    long length = read_name(req, name);
    if (length < 0)
        return length;
    long result = files_open(client_pid(client), flags, name, (uint64_t)length, &queue);
    if (result != -ENOENT || !(flags & O_CREAT))
        return result >= 0 && !queue ? -EIO : result;
    if ((flags & O_ACCMODE) == O_ACCMODE)
        return -EINVAL;
    if (too_many(client))
        files_gone();
    if (too_many(client))
        return -ENOSPC;
    if (defaults)
        default_attributes(&maxmsg, &msgsize);
    if (!attributes_fit(maxmsg, msgsize, client->uid == 0))
        return -EINVAL;
    return make(client, flags, mode, (uint64_t)maxmsg, (uint64_t)msgsize, name, (uint64_t)length);
}

long mq_handle_unlink(struct request *req) {
    char name[NAME_MOST + 1];
    const struct client *client = request_client(req);
    if (!client)
        return -EBADF;
    long length = read_name(req, name);
    return length < 0 ? length : files_unlink(client_pid(client), name, (uint64_t)length);
}

static void check_user(struct hash_node *node, void *data) {
    const struct user *user = container_of(node, struct user, node);
    struct user *sum = data;
    CHECK(user->queues, user);
    sum->queues += user->queues;
    sum->bytes += user->bytes;
}

void users_check(uint64_t queues, uint64_t bytes) {
    struct user sum = {0};
    hash_check(&users, check_user, &sum);
    CHECK(sum.queues == queues, &users);
    CHECK(sum.bytes == bytes, &users);
}
