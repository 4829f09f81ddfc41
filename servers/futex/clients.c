/* SPDX-License-Identifier: MIT */
/* The futex server to servers/lib. */
#include "futex.h"

static const struct client_ops clients; /* who ends waits no more: the library sees to it */
const struct server futex_server = {
    .name = "futex", .protocol = &futex_protocol, .clients = &clients};
