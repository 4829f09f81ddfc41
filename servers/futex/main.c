/* SPDX-License-Identifier: MIT */
/* The futex server's main. */
#include "futex.h"

static const struct client_ops clients; /* who ends waits no more: the library sees to it */
const struct server futex_server = {
    .name = "futex", .protocol = &futex_protocol, .clients = &clients};

int main(void) {
    return (int)server_run(&futex_server);
}
