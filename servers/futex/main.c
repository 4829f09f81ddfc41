/* SPDX-License-Identifier: MIT */
/* The futex server's main; its hooks stand in clients.c. */
#include "futex.h"

int main(void) {
    return (int)server_run(&futex_server);
}
