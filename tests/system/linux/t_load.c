/* SPDX-License-Identifier: MIT */
/* Averages of the load (getloadavg(3), /proc/loadavg, sysinfo(2)). Runs on Linux. */
#include "tap.h"

struct load {
    double averages[3];
    int running, all, last;
};

static struct load load(void) {
    struct load l = {.all = 0};
    FILE *file = fopen("/proc/loadavg", "r");

    if (!file || fscanf(file, "%lf %lf %lf %d/%d %d", &l.averages[0], &l.averages[1],
                        &l.averages[2], &l.running, &l.all, &l.last) != 6)
        bail("/proc/loadavg");
    fclose(file);
    return l;
}

static pid_t runner(bool calls) {
    pid_t pid = start();

    if (pid == 0)
        for (;;)
            if (calls)
                getppid();
    return pid;
}

int main(void) {
    pid_t computes, calls;
    struct sysinfo info;
    struct load l;
    double before = load().averages[0];
    int seconds = 0;

    computes = runner(false);
    calls = runner(true);
    for (l = load(); l.averages[0] < before + 0.2 && seconds < 60; seconds++) {
        sleep_ms(1000);
        l = load();
    }
    printf("# %.2f before, %.2f %.2f %.2f after %d s\n", before, l.averages[0], l.averages[1],
           l.averages[2], seconds);
    ok(l.averages[0] >= before + 0.2, "two processes that run are a load");
    ok(l.running >= 2 && l.running <= l.all, "they are among those that run now");
    ok(l.last >= calls, "the last process number");
    if (on_parley()) {
        ok(l.averages[0] > l.averages[1] && l.averages[1] >= l.averages[2],
           "a longer average rises more slowly");
        ok(l.averages[0] < 3 + before, "it is no more than there are");
    } else {
        skip("comparisons", "others run, too");
    }
    is_int(sysinfo(&info), 0, "sysinfo");
    double told = (double)info.loads[0] / 65536;
    ok(told > l.averages[0] - 0.3 && told < l.averages[0] + 0.3, "says the same");
    kill(computes, SIGKILL);
    kill(calls, SIGKILL);
    reap(computes);
    reap(calls);
    double high = load().averages[0], low = high;
    for (seconds = 0; low >= high && seconds < 60; seconds++) {
        sleep_ms(1000);
        low = load().averages[0];
    }
    if (on_parley())
        ok(low < high, "it falls when nobody runs, though nothing wakes the machine");
    else
        skip("it falls", "others run, too");
    return done();
}
