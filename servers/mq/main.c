/* SPDX-License-Identifier: MIT */
/* The server's start and its events. */
#include "mq.h"
#include <lib/check.h>

/* What has gone is heard of few at a time, so that callers are served in between. */
static void on_events(uint64_t bits) {
    if (bits & VFS_EVENT_NEW) {
        queues_lost();
        files_begin();
    }
    if (bits & VFS_EVENT_GONE && files_gone())
        must(pk_notify(PK_SLOT_SERVER_EVENTS, VFS_EVENT_GONE));
}

int main(void) {
    static const struct server server = {.name = "mq",
                                         .protocol = &mq_protocol,
                                         .clients = &mq_clients,
                                         .on_events = on_events,
                                         .check = SERVER_CHECK(mq_check)};
    list_init(&mq_state.queues);
    files_begin();
    return (int)server_run(&server);
}
