/* SPDX-License-Identifier: MIT */
/* uname [-asnrvm]: names the system. */
#include "tool.h"

#include <err.h>
#include <sys/utsname.h>
#include <unistd.h>

int main(int argc, char **argv) {
    struct utsname name;
    unsigned int wanted = 0;
    const char *gap = "";
    int option;

    if (uname(&name) < 0)
        err(1, "uname");
    const char *const fields[] = {name.sysname, name.nodename, name.release, name.version,
                                  name.machine};
    while ((option = getopt(argc, argv, "asnrvm")) != -1) {
        switch (option) {
        case 'a':
            wanted |= 31;
            break;
        case 's':
            wanted |= 1;
            break;
        case 'n':
            wanted |= 2;
            break;
        case 'r':
            wanted |= 4;
            break;
        case 'v':
            wanted |= 8;
            break;
        case 'm':
            wanted |= 16;
            break;
        default:
            return 2;
        }
    }
    if (!wanted)
        wanted = 1;
    for (unsigned int i = 0; i < 5; i++) {
        if (wanted & 1u << i) {
            printf("%s%s", gap, fields[i]);
            gap = " ";
        }
    }
    putchar('\n');
    return finish_output(0);
}
