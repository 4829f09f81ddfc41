/* SPDX-License-Identifier: MIT */
/* /proc: the machine's files (proc(5)). What has no meaning here is 0. */
#include "load.h"
#include "procfs.h"
#include <parley/personality.h>

#define NS_PER_TICK 10000000ul /* USER_HZ is 100 */

/* What is free is what the asker can get. */
bool make_meminfo(struct making *m) {
    struct pk_machine_info machine = {0};
    struct pk_account_info account = {0};
    if (pk_machine_info(&machine) < 0 || pk_account_info(m->asker->account, &account) < 0)
        return false;
    unsigned long available = (unsigned long)account.available >> 10;
    text_print(&m->text,
               "MemTotal:     %11lu kB\nMemFree:      %11lu kB\nMemAvailable: %11lu kB\n"
               "Buffers:                0 kB\nCached:                 0 kB\n"
               "SwapCached:             0 kB\nSwapTotal:              0 kB\n"
               "SwapFree:               0 kB\n",
               (unsigned long)machine.frames_total * 4, available, available);
    return false;
}

bool making_adds_up(struct making *m) {
    const struct process *p = NULL;
    if (!m->sweeps) {
        sweep_begin(&m->sweep);
        m->sweeps = true;
        m->ns = process_ended_ns();
    }
    for (int n = 0; n < MADE_AT_ONCE && (p = sweep_next(&m->sweep)) != NULL; n++) {
        m->ns += process_run_ns(p);
        m->run += p == m->asker || process_letter(p) == 'R';
    }
    return p != NULL;
}

static uint64_t harts(void) {
    struct pk_machine_info machine;
    must(pk_machine_info(&machine));
    return machine.harts;
}

static uint64_t idle_ns(const struct making *m) {
    uint64_t all = clock_ns() * harts();
    return all > m->ns ? all - m->ns : 0;
}

static void print_seconds(struct making *m, uint64_t ns, const char *end) {
    text_print(&m->text, "%lu.%02lu%s", (unsigned long)(ns / 1000000000),
               (unsigned long)(ns / NS_PER_TICK % 100), end);
}

bool make_uptime(struct making *m) {
    if (making_adds_up(m))
        return true;
    print_seconds(m, clock_ns(), " ");
    print_seconds(m, idle_ns(m), "\n");
    return false;
}

bool make_loadavg(struct making *m) {
    if (making_adds_up(m))
        return true;
    load_update();
    for (int i = 0; i < LOADS; i++) { /* rounded, as on Linux */
        unsigned long hundredths =
            (unsigned long)(load_averages[i] * 100 + PROC_LOAD_ONE / 2) / PROC_LOAD_ONE;
        text_print(&m->text, "%lu.%02lu ", hundredths / 100, hundredths % 100);
    }
    text_print(&m->text, "%lu/%lu %d\n", (unsigned long)m->run, (unsigned long)process_count(),
               process_last_pid());
    return false;
}

bool make_stat(struct making *m) {
    if (making_adds_up(m))
        return true;
    text_print(&m->text, "cpu  %lu 0 0 %lu 0 0 0 0 0 0\n", (unsigned long)(m->ns / NS_PER_TICK),
               (unsigned long)(idle_ns(m) / NS_PER_TICK));
    for (uint64_t i = 0, n = harts(); i < n; i++) /* each its share: nobody counts by hart */
        text_print(&m->text, "cpu%lu %lu 0 0 %lu 0 0 0 0 0 0\n", (unsigned long)i,
                   (unsigned long)(m->ns / n / NS_PER_TICK),
                   (unsigned long)(idle_ns(m) / n / NS_PER_TICK));
    text_print(&m->text, "ctxt 0\nbtime %lu\nprocesses %lu\nprocs_running %lu\nprocs_blocked 0\n",
               (unsigned long)((clock_realtime_ns() - clock_ns()) / 1000000000),
               (unsigned long)process_made(), (unsigned long)m->run);
    return false;
}

bool make_version(struct making *m) {
    text_print(&m->text, "%s version %s (Parley 0.1)\n", PERSONALITY_SYSTEM, PERSONALITY_RELEASE);
    return false;
}

bool make_cpuinfo(struct making *m) {
    for (uint64_t i = 0, n = harts(); i < n; i++)
        text_print(&m->text,
                   "processor\t: %lu\nhart\t\t: %lu\nisa\t\t: rv64imafdc\nmmu\t\t: sv39\n\n",
                   (unsigned long)i, (unsigned long)i);
    return false;
}

bool make_filesystems(struct making *m) {
    text_print(&m->text, "nodev\ttmpfs\nnodev\tproc\nnodev\tmqueue\n");
    return false;
}

bool make_mounts(struct making *m) {
    text_print(&m->text, "tmpfs / tmpfs rw 0 0\nproc /proc proc rw 0 0\n"
                         "mqueue /dev/mqueue mqueue rw 0 0\n");
    return false;
}

bool make_mountinfo(struct making *m) {
    text_print(&m->text, "1 1 0:1 / / rw - tmpfs tmpfs rw\n2 1 0:2 / /proc rw - proc proc rw\n"
                         "3 1 0:3 / /dev/mqueue rw - mqueue mqueue rw\n");
    return false;
}
