/* SPDX-License-Identifier: MIT */
/* uptime: how long the system has been up, and its load averages, from sysinfo(2). */
#include "tool.h"

#include <err.h>
#include <sys/sysinfo.h>
#include <time.h>

int main(void) {
    struct sysinfo info;
    time_t now = time(NULL);
    struct tm *clock = gmtime(&now);
    long days, hours, minutes;

    if (sysinfo(&info) < 0)
        err(1, "sysinfo");
    days = info.uptime / 86400;
    hours = info.uptime / 3600 % 24;
    minutes = info.uptime / 60 % 60;
    if (clock)
        printf(" %02d:%02d:%02d ", clock->tm_hour, clock->tm_min, clock->tm_sec);
    printf("up ");
    if (days)
        printf("%ld day%s, ", days, days == 1 ? "" : "s");
    if (hours || days)
        printf("%ld:%02ld", hours, minutes);
    else
        printf("%ld min %ld s", minutes, info.uptime % 60);
    printf(",  load average:");
    for (int i = 0; i < 3; i++)
        printf("%s %.2f", i ? "," : "", (double)info.loads[i] / (1 << SI_LOAD_SHIFT));
    putchar('\n');
    return finish_output(0);
}
