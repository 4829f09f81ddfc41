/* SPDX-License-Identifier: MIT */
/* The futex server to servers/lib. Who ends waits no more: the library sees to that. */
#include "futex.h"
#include <lib/check.h>

/* client->data is the id of its address space, if it is known: name_of(). */
static void execed(struct client *client) {
    client->data = 0;
}

static const struct client_ops clients = {.execed = execed};

const struct server futex_server = {.name = "futex",
                                    .protocol = &futex_protocol,
                                    .clients = &clients,
                                    .check = SERVER_CHECK(futex_check)};
