/* SPDX-License-Identifier: MIT */
/* What all three ways have in common (ipc.h). */
#include "ipc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ipc_die(const char *what) {
    fprintf(stderr, "%s: %s: %s\n", ipc_name, what, strerror(errno));
    exit(2);
}
