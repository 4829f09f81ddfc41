/* SPDX-License-Identifier: MIT */
/* Signals that tell of messages in POSIX message queues (mq_notify(3)): the mq server, which may not call us, has them. */
#include "proc.h"
#include <protocol/mq_client.h>

#define SENT_AT_ONCE 16

/* False: there are no more. The next one that is fetched tells the server that this one is there. */
static bool send_one(void) {
    struct signal_info info = {.code = SI_MESGQ};
    uint64_t value;
    int pid;
    if (mq_notice(connect_endpoint(PK_SLOT_MQ), &pid, &info.signal, &value, &info.pid, &info.uid) <
        0)
        return false;
    info.value = value;
    struct process *p = process_find(pid);
    if (p)
        pk_may_fail(signal_send(p, &info)); /* as on Linux: what has no room is lost */
    return true;
}

void mqueue_signals(void) {
    for (int i = 0; i < SENT_AT_ONCE; i++)
        if (!send_one())
            return;
    must(pk_notify(PK_SLOT_SERVER_EVENTS, MQ_EVENT_NOTICE));
}
