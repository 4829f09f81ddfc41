/* SPDX-License-Identifier: MIT */
/* kill [-s NAME | -NAME | -N] PID..., kill -l: sends signals; lib/signals.c does the work. */
#include "signals.h"

#include <stddef.h>

int main(int argc, char **argv) {
    return kill_command(argc, argv, NULL);
}
