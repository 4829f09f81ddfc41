/* SPDX-License-Identifier: MIT */
/* pwd: prints the working directory. */
#include "tool.h"

#include <err.h>
#include <limits.h>
#include <unistd.h>

int main(void) {
    char path[PATH_MAX];

    if (!getcwd(path, sizeof(path)))
        err(1, "getcwd");
    puts(path);
    return finish_output(0);
}
