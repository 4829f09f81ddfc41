/* SPDX-License-Identifier: MIT */
/*
 * ps [-e] [-o FIELD[=HEADER],...] [-p PID,...]: all processes, from /proc (proc(5)).
 *
 * With -e (or -A, or ax as BSD has it) servers' threads are shown, too, their names in brackets; -f, a, u and x, which people type
 * by habit, change nothing else.
 */
#include "names.h"
#include "process.h"
#include "tool.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FIELDS_MOST 32
#define PIDS_MOST 256

struct field {
    const char *name, *header;
    int width; /* negative: to the left */
    void (*print)(char *text, size_t size, const struct process *p);
};

struct column {
    const struct field *field;
    const char *header;
};

static struct column columns[FIELDS_MOST];
static size_t column_count;
static int pids[PIDS_MOST];
static size_t pid_count;
static bool servers;

#define NUMBER(name, format, value)                                                                \
    static void print_##name(char *text, size_t size, const struct process *p) {                   \
        snprintf(text, size, format, value);                                                       \
    }

NUMBER(pid, "%d", p->pid)
NUMBER(ppid, "%d", p->ppid)
NUMBER(pgid, "%d", p->pgrp)
NUMBER(sid, "%d", p->session)
NUMBER(uid, "%u", p->uid)
NUMBER(stat, "%c", p->state)
NUMBER(nice, "%d", p->nice)
NUMBER(priority, "%d", p->priority)
NUMBER(psr, "%d", p->hart)
NUMBER(vsz, "%llu", p->vsize / 1024)
NUMBER(rss, "%llu", p->rss *(unsigned long long)sysconf(_SC_PAGESIZE) / 1024)
NUMBER(nlwp, "%llu", p->threads)
NUMBER(msgs, "%llu", p->calls)
NUMBER(nivcsw, "%llu", p->preempted)
NUMBER(comm, "%s", p->name)
NUMBER(args, "%s", p->args)

static void print_rtprio(char *text, size_t size, const struct process *p) {
    if (p->rt_priority)
        snprintf(text, size, "%d", p->rt_priority);
    else
        snprintf(text, size, "-");
}

static void print_cls(char *text, size_t size, const struct process *p) {
    static const char *const names[] = {"TS", "FF", "RR", "B", "ISO", "IDL", "DLN"};

    snprintf(text, size, "%s",
             p->policy >= 0 && (size_t)p->policy < sizeof(names) / sizeof(*names) ? names[p->policy]
                                                                                  : "?");
}

static void print_user(char *text, size_t size, const struct process *p) {
    snprintf(text, size, "%s", user_name(p->uid));
}

static void print_seconds(char *text, size_t size, unsigned long long seconds) {
    unsigned long long days = seconds / 86400, hours = seconds / 3600 % 24;
    char day[32] = "";

    if (days)
        snprintf(day, sizeof(day), "%llu-", days);
    snprintf(text, size, "%s%02llu:%02llu:%02llu", day, hours, seconds / 60 % 60, seconds % 60);
}

static unsigned long long hertz(void) {
    return (unsigned long long)sysconf(_SC_CLK_TCK);
}

static void print_time(char *text, size_t size, const struct process *p) {
    print_seconds(text, size, p->ticks / hertz());
}

/* How long it has been there, in ticks. */
static unsigned long long age(const struct process *p) {
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    unsigned long long ticks = (unsigned long long)now.tv_sec * hertz() +
                               (unsigned long long)now.tv_nsec * hertz() / 1000000000;
    return ticks > p->start ? ticks - p->start : 0;
}

static void print_etime(char *text, size_t size, const struct process *p) {
    print_seconds(text, size, age(p) / hertz());
}

static void print_cpu(char *text, size_t size, const struct process *p) {
    unsigned long long all = age(p);

    snprintf(text, size, "%.1f", all ? 100.0 * (double)p->ticks / (double)all : 0.0);
}

static void print_mem(char *text, size_t size, const struct process *p) {
    snprintf(text, size, "%.1f", 100.0 * (double)p->rss / (double)sysconf(_SC_PHYS_PAGES));
}

static const struct field fields[] = {
    {"pid", "PID", 7, print_pid},
    {"ppid", "PPID", 7, print_ppid},
    {"pgid", "PGRP", 7, print_pgid},
    {"pgrp", "PGRP", 7, print_pgid},
    {"sid", "SID", 7, print_sid},
    {"uid", "UID", 5, print_uid},
    {"user", "USER", -8, print_user},
    {"stat", "STAT", -4, print_stat},
    {"s", "S", -1, print_stat},
    {"ni", "NI", 3, print_nice},
    {"nice", "NI", 3, print_nice},
    {"pri", "PRI", 3, print_priority},
    {"rtprio", "RTPRIO", 6, print_rtprio},
    {"cls", "CLS", -3, print_cls},
    {"psr", "PSR", 3, print_psr},
    {"time", "TIME", 8, print_time},
    {"etime", "ELAPSED", 11, print_etime},
    {"pcpu", "%CPU", 5, print_cpu},
    {"%cpu", "%CPU", 5, print_cpu},
    {"pmem", "%MEM", 4, print_mem},
    {"%mem", "%MEM", 4, print_mem},
    {"vsz", "VSZ", 8, print_vsz},
    {"rss", "RSS", 7, print_rss},
    {"nlwp", "NLWP", 4, print_nlwp},
    {"msgs", "MSGS", 8, print_msgs},
    {"nvcsw", "NVCSW", 8, print_msgs},
    {"nivcsw", "NIVCSW", 8, print_nivcsw},
    {"comm", "COMMAND", -15, print_comm},
    {"args", "COMMAND", -20, print_args},
    {"cmd", "CMD", -20, print_args},
    {"command", "COMMAND", -20, print_args},
};

static void add_column(char *name) {
    char *header = strchr(name, '=');

    if (header)
        *header++ = '\0';
    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
        if (!strcmp(fields[i].name, name)) {
            if (column_count == FIELDS_MOST)
                errx(2, "too many fields");
            columns[column_count++] =
                (struct column){&fields[i], header ? header : fields[i].header};
            return;
        }
    errx(2, "%s: no such field", name);
}

/* A header reaches to the end of its argument (POSIX), with its commas; but an empty one ends at once. */
static void add_columns(char *list) {
    for (char *name = list, *next; name; name = next) {
        char *header = strchr(name, '=');

        next = strpbrk(name, ", ");
        if (header && header + 1 < next)
            next = NULL;
        if (next)
            *next++ = '\0';
        add_column(name);
    }
}

static void add_pids(char *list) {
    for (char *name = strtok(list, ", "); name; name = strtok(NULL, ", ")) {
        if (pid_count == PIDS_MOST)
            errx(2, "too many processes");
        pids[pid_count++] = (int)parse_number(name, "process number");
    }
}

static void usual_columns(void) {
    char usual[] = "pid,ppid,pgrp,stat,args";

    add_columns(usual);
}

static _Noreturn void usage(void) {
    errx(2, "usage: ps [-e] [-o FIELD,...] [-p PID,...]");
}

static void parse_options(int argc, char **argv) {
    int option;

    while ((option = getopt(argc, argv, "eAfauxo:p:")) != -1) {
        if (option == 'o')
            add_columns(optarg);
        else if (option == 'p')
            add_pids(optarg);
        else if (option == '?')
            usage();
        else
            servers |= option == 'e' || option == 'A';
    }
    for (; argv[optind]; optind++) { /* BSD's, without a dash */
        if (strspn(argv[optind], "aefux") != strlen(argv[optind]))
            usage();
        servers |= strchr(argv[optind], 'x') != NULL;
    }
    if (!column_count)
        usual_columns();
}

static bool is_wanted(const struct process *p) {
    for (size_t i = 0; i < pid_count; i++)
        if (pids[i] == p->pid)
            return true;
    return pid_count == 0 && (servers || !p->is_server);
}

/* The last column is as wide as it is. */
static void print_cell(size_t i, const char *text) {
    int width = columns[i].field->width;
    bool last = i + 1 == column_count;

    if (last && width < 0)
        printf("%s\n", text);
    else
        printf("%*s%s", width, text, last ? "\n" : " ");
}

static void print_headers(void) {
    bool any = false;

    for (size_t i = 0; i < column_count; i++)
        any |= *columns[i].header != '\0';
    for (size_t i = 0; any && i < column_count; i++)
        print_cell(i, columns[i].header);
}

int main(int argc, char **argv) {
    struct process *all;
    char text[PROCESS_ARGS + PROCESS_NAME];
    size_t shown = 0, count;

    parse_options(argc, argv);
    count = processes_read(&all);
    print_headers();
    for (size_t p = 0; p < count; p++) {
        if (!is_wanted(&all[p]))
            continue;
        shown++;
        for (size_t i = 0; i < column_count; i++) {
            columns[i].field->print(text, sizeof(text), &all[p]);
            print_cell(i, text);
        }
    }
    free(all);
    return finish_output(shown == 0);
}
