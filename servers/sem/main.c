/* SPDX-License-Identifier: MIT */
/* The semaphore server's main; the state and the hooks stand in get.c. */
#include "sem.h"

int main(void) {
    return (int)server_run(&sem_server);
}
