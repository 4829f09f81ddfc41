/* SPDX-License-Identifier: MIT */
/* ipcs: message queues, by msgctl(2). */
#include "ipcs.h"

#include <err.h>
#include <stdio.h>
#include <sys/msg.h>

static void limits(void) {
    struct msginfo info;

    puts("------ Messages Limits --------");
    if (msgctl(0, IPC_INFO, (struct msqid_ds *)&info) < 0)
        return;
    printf("max queues system wide = %d\n", info.msgmni);
    printf("max size of message (bytes) = %d\n", info.msgmax);
    printf("default max size of queue (bytes) = %d\n", info.msgmnb);
}

/* MSG_INFO puts its figures into fields named for something else (msgctl(2)). */
static void summary(const struct msginfo *info) {
    puts("------ Messages Status --------");
    printf("allocated queues = %d\n", info->msgpool);
    printf("used headers = %d\n", info->msgmap);
    printf("used space = %d bytes\n", info->msgtql);
}

static void title(enum ipcs_view view) {
    switch (view) {
    case VIEW_CREATORS:
        puts("------ Message Queues Creators/Owners --------");
        ipcs_creators_title("msqid");
        break;
    case VIEW_TIMES:
        puts("------ Message Queues Send/Recv/Change Times --------");
        printf("%-8s %-10s %-20s %-20s %-20s\n", "msqid", "owner", "send", "recv", "change");
        break;
    case VIEW_PIDS:
        puts("------ Message Queues PIDs --------");
        printf("%-10s %-10s %-10s %-10s\n", "msqid", "owner", "lspid", "lrpid");
        break;
    default:
        puts("------ Message Queues --------");
        printf("%-10s %-10s %-10s %-10s %-12s %-12s\n", "key", "msqid", "owner", "perms",
               "used-bytes", "messages");
        break;
    }
}

static void print(enum ipcs_view view, int id, const struct msqid_ds *queue) {
    const struct ipc_perm *perm = &queue->msg_perm;

    switch (view) {
    case VIEW_CREATORS:
        ipcs_print_creators(id, perm);
        break;
    case VIEW_TIMES:
        ipcs_print_owner(8, id, perm);
        printf("%-20s ", ipcs_short_time(queue->msg_stime));
        printf("%-20s ", ipcs_short_time(queue->msg_rtime));
        printf("%-20s\n", ipcs_short_time(queue->msg_ctime));
        break;
    case VIEW_PIDS:
        ipcs_print_owner(8, id, perm);
        printf(" %5d     %5d\n", queue->msg_lspid, queue->msg_lrpid);
        break;
    default:
        ipcs_print_key(id, perm);
        printf("%-12lu %-12lu\n", (unsigned long)queue->__msg_cbytes,
               (unsigned long)queue->msg_qnum);
        break;
    }
}

void ipcs_msg(enum ipcs_view view) {
    struct msginfo info;
    struct msqid_ds queue;
    int highest = msgctl(0, MSG_INFO, (struct msqid_ds *)&info);

    if (highest < 0) {
        puts("kernel not configured for message queues");
        return;
    }
    if (view == VIEW_LIMITS) {
        limits();
        return;
    }
    if (view == VIEW_SUMMARY) {
        summary(&info);
        return;
    }
    title(view);
    for (int index = 0; index <= highest; index++) {
        int id = msgctl(index, MSG_STAT, &queue);

        if (id >= 0)
            print(view, id, &queue);
    }
}

void ipcs_msg_detail(int id) {
    struct msqid_ds queue;
    const struct ipc_perm *perm = &queue.msg_perm;

    if (msgctl(id, IPC_STAT, &queue) < 0)
        err(1, "id %d", id);
    printf("\nMessage Queue msqid=%d\n", id);
    printf("uid=%u\tgid=%u\tcuid=%u\tcgid=%u\tmode=%#o\n", perm->uid, perm->gid, perm->cuid,
           perm->cgid, (unsigned int)perm->mode);
    printf("cbytes=%lu\tqbytes=%lu\tqnum=%lu\tlspid=%d\tlrpid=%d\n",
           (unsigned long)queue.__msg_cbytes, (unsigned long)queue.msg_qbytes,
           (unsigned long)queue.msg_qnum, queue.msg_lspid, queue.msg_lrpid);
    printf("send_time=%-26s\n", ipcs_long_time(queue.msg_stime));
    printf("rcv_time=%-26s\n", ipcs_long_time(queue.msg_rtime));
    printf("change_time=%-26s\n\n", ipcs_long_time(queue.msg_ctime));
}
