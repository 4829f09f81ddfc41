/* SPDX-License-Identifier: MIT */
/* The message queue server's main; the state and the hooks stand in get.c. */
#include "msg.h"

int main(void) {
    return (int)server_run(&msg_server);
}
