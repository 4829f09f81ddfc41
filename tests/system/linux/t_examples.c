/* SPDX-License-Identifier: MIT */
/* The example programs (user/examples), which are put into /bin/examples: each ends well and says that all is right. */
#include "tap.h"

#include <fcntl.h>
#include <mqueue.h>

static const char *const programs[] = {"buffer", "chat", "philosophers", "readers"};
static const char *const ways[] = {"posix", "sysv", "threads"};

/* Whether the program's only line says that, and its status is 0. */
static bool is_right(const char *path) {
    char line[200] = "";
    FILE *out = popen(path, "r");
    bool good = out && fgets(line, sizeof line, out) && strstr(line, "right\n");
    if (out)
        good &= pclose(out) == 0;
    if (!good)
        printf("# %s: %s\n", path, line);
    return good;
}

/* Whether this system has what the program needs: message queues of POSIX are asked for by one that there is none of. */
static bool can_run(const char *path) {
    bool queues = mq_open("/t_examples", O_RDONLY) >= 0 || errno != ENOSYS;
    return access(path, X_OK) == 0 && (queues || !strstr(path, "chat-posix"));
}

int main(void) {
    for (size_t p = 0; p < sizeof programs / sizeof *programs; p++)
        for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
            char path[60];
            snprintf(path, sizeof path, "/bin/examples/%s-%s", programs[p], ways[w]);
            if (!can_run(path))
                skip(path, "it is not there, or message queues are not");
            else
                ok(is_right(path), "%s", path);
        }
    return done();
}
