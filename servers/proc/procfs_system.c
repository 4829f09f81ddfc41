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
        m->used = process_ended();
    }
    for (int n = 0; n < MADE_AT_ONCE && (p = sweep_next(&m->sweep)) != NULL; n++) {
        usage_add(&m->used, process_usage(p));
        m->run += p == m->asker || process_letter(p) == 'R';
    }
    return p != NULL;
}

static uint64_t harts(void) {
    struct pk_machine_info machine;
    must(pk_machine_info(&machine));
    return machine.harts;
}

static struct pk_hart_info hart_info(uint64_t hart) {
    struct pk_hart_info info;
    must(pk_machine_hart(hart, &info));
    return info;
}

static uint64_t idle_ns(void) {
    uint64_t ns = 0;
    for (uint64_t i = 0, n = harts(); i < n; i++)
        ns += hart_info(i).idle_ns;
    return ns;
}

static void print_seconds(struct making *m, uint64_t ns, const char *end) {
    text_print(&m->text, "%lu.%02lu%s", (unsigned long)(ns / 1000000000),
               (unsigned long)(ns / NS_PER_TICK % 100), end);
}

bool make_uptime(struct making *m) {
    print_seconds(m, clock_ns(), " ");
    print_seconds(m, idle_ns(), "\n");
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

/* A hart that does not idle runs somebody, the kernel or servers for him: all of it is a user's time. */
static void print_cpu(struct text *t, uint64_t idle_ns, uint64_t all_ns) {
    text_print(t, " %lu 0 0 %lu 0 0 0 0 0 0\n",
               (unsigned long)((all_ns > idle_ns ? all_ns - idle_ns : 0) / NS_PER_TICK),
               (unsigned long)(idle_ns / NS_PER_TICK));
}

static uint64_t interrupts_of(uint64_t hart) {
    struct pk_hart_info info = hart_info(hart);
    uint64_t sum = 0;
    for (unsigned i = 0; i < PK_INTERRUPTS; i++)
        sum += info.interrupts[i];
    return sum;
}

/* A switch is counted with whoever made way, or called. */
bool make_stat(struct making *m) {
    uint64_t n = harts(), sum = 0;
    if (making_adds_up(m))
        return true;
    text_print(&m->text, "cpu ");
    print_cpu(&m->text, idle_ns(), clock_ns() * n);
    for (uint64_t i = 0; i < n; i++) {
        text_print(&m->text, "cpu%lu", (unsigned long)i);
        print_cpu(&m->text, hart_info(i).idle_ns, clock_ns());
        sum += interrupts_of(i);
    }
    text_print(&m->text,
               "intr %lu\nctxt %lu\nbtime %lu\nprocesses %lu\nprocs_running %lu\n"
               "procs_blocked 0\n",
               (unsigned long)sum, (unsigned long)(m->used.calls + m->used.preempted),
               (unsigned long)((clock_realtime_ns() - clock_ns()) / 1000000000),
               (unsigned long)process_made(), (unsigned long)m->run);
    return false;
}

bool make_interrupts(struct making *m) {
    static const struct {
        const char *name, *what;
    } rows[PK_INTERRUPTS] = {
        [PK_INTERRUPT_HART] = {"IPI0", "Rescheduling interrupts"},
        [PK_INTERRUPT_TIMER] = {"5", "RISC-V INTC   5 Edge      riscv-timer"},
        [PK_INTERRUPT_DEVICE] = {"9", "RISC-V INTC   9 Edge      riscv-plic"},
    };
    uint64_t n = harts();
    text_print(&m->text, "     ");
    for (uint64_t i = 0; i < n; i++)
        text_print(&m->text, "      CPU%lu ", (unsigned long)i);
    for (unsigned row = 0; row < PK_INTERRUPTS; row++) {
        text_print(&m->text, "\n%4s:", rows[row].name);
        for (uint64_t i = 0; i < n; i++)
            text_print(&m->text, " %10lu", (unsigned long)hart_info(i).interrupts[row]);
        text_print(&m->text, "  %s", rows[row].what);
    }
    text_print(&m->text, "\n");
    return false;
}

/* Version 15 (Documentation/scheduler/sched-stats.rst in Linux), with the time that each hart ran somebody. */
bool make_schedstat(struct making *m) {
    text_print(&m->text, "version 15\ntimestamp %lu\n", (unsigned long)(clock_ns() / NS_PER_TICK));
    for (uint64_t i = 0, n = harts(); i < n; i++)
        text_print(&m->text, "cpu%lu 0 0 0 0 0 0 %lu 0 0\n", (unsigned long)i,
                   (unsigned long)(clock_ns() - hart_info(i).idle_ns));
    return false;
}

/* There is no paging: what vmstat(8) asks for is 0 but for free pages. */
bool make_vmstat(struct making *m) {
    struct pk_machine_info machine;
    must(pk_machine_info(&machine));
    text_print(&m->text, "nr_free_pages %lu\npgpgin 0\npgpgout 0\npswpin 0\npswpout 0\n",
               (unsigned long)machine.frames_free);
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
