/* SPDX-License-Identifier: MIT */
/* The shared memory server's main; the state and the hooks stand in get.c. */
#include "shm.h"

int main(void) {
    return (int)server_run(&shm_server);
}
