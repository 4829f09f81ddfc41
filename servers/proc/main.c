/* SPDX-License-Identifier: MIT */
/* The process server: start-up and its events, signals that the terminal raised above all. */
#include "load.h"
#include "proc.h"
#include <protocol/console_client.h>
#include <protocol/mq_client.h>
#include <protocol/proc_server.h>
#include <protocol/vfs_client.h>

static void on_events(uint64_t bits) {
    process_bury();
    if (bits & CONSOLE_EVENT_SENT)
        system_drained();
    if (bits & VFS_EVENT_GONE)
        pidfd_closed();
    if (bits & MQ_EVENT_NOTICE)
        mqueue_signals();
    if (bits & LOAD_EVENT)
        load_look();
    if (bits & CONSOLE_EVENT_PROC)
        terminal_signals();
}

int main(void) {
    static const struct server server = {.name = "proc",
                                         .protocol = &proc_protocol,
                                         .on_events = on_events,
                                         .on_exception = deliver_exception};
    process_setup();
    trace_setup();
    deliver_setup();
    long error = connect_setup();
    if (error == 0)
        error = exec_setup();
    if (error == 0)
        error = load_start();
    if (error < 0)
        server_panic("cannot start: error %ld", -error);
    if (boot_info->restarts)
        connect_forget_all();
    return (int)server_run(&server);
}
