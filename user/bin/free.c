/* SPDX-License-Identifier: MIT */
/* free [-bkm]: memory in use, from sysinfo(2), in KiB unless told otherwise. */
#include "tool.h"

#include <err.h>
#include <sys/sysinfo.h>
#include <unistd.h>

static unsigned long long unit = 1024;
static unsigned long long page_unit;

static unsigned long long scaled(unsigned long amount) {
    return amount * page_unit / unit;
}

int main(int argc, char **argv) {
    struct sysinfo info;
    int option;

    while ((option = getopt(argc, argv, "bkm")) != -1) {
        switch (option) {
        case 'b':
            unit = 1;
            break;
        case 'k':
            unit = 1024;
            break;
        case 'm':
            unit = 1024 * 1024;
            break;
        default:
            return 2;
        }
    }
    if (sysinfo(&info) < 0)
        err(1, "sysinfo");
    page_unit = info.mem_unit ? info.mem_unit : 1;
    printf("%-7s%12s%12s%12s%12s%12s\n", "", "total", "used", "free", "shared", "buffers");
    printf("%-7s%12llu%12llu%12llu%12llu%12llu\n", "Mem:", scaled(info.totalram),
           scaled(info.totalram - info.freeram - info.bufferram), scaled(info.freeram),
           scaled(info.sharedram), scaled(info.bufferram));
    printf("%-7s%12llu%12llu%12llu\n", "Swap:", scaled(info.totalswap),
           scaled(info.totalswap - info.freeswap), scaled(info.freeswap));
    return finish_output(0);
}
