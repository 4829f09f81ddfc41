/* SPDX-License-Identifier: MIT */
/*
 * top [-b] [-d SECONDS] [-n TIMES] [-o FIELD] [-p PID]: which processes and servers use most, from /proc (proc(5)), again and again.
 *
 * FIELD: %CPU (what it used since the last time, of one hart), %MEM, MSGS (messages to servers since the last time), TIME, PID.
 * At a terminal: P, M, X, T and N choose these, and q leaves. -b: for files and pipes, with all processes.
 */
#include "names.h"
#include "process.h"
#include "tool.h"

#include <err.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysinfo.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define LINES_USUAL 24
#define COLUMNS_USUAL 80
#define MIB 1048576.0

/* What is compared with the last time. */
struct sample {
    struct process *all;
    size_t count;
    unsigned long long busy, idle, switches; /* of all harts: ticks, ticks, number */
    double at;                               /* seconds */
};

struct line {
    const struct process *process;
    double cpu;               /* per cent of a hart */
    unsigned long long calls; /* since the last time */
};

struct order {
    const char *name;
    char key;
    int (*compare)(const void *, const void *);
};

static int sign(double number) {
    return (number > 0) - (number < 0);
}

#define LINE(pointer) ((const struct line *)(pointer))
#define BY(name, value)                                                                            \
    static int by_##name(const void *a, const void *b) {                                           \
        int order = sign((double)LINE(b)->value - (double)LINE(a)->value);                         \
        return order ? order : LINE(a)->process->pid - LINE(b)->process->pid;                      \
    }
BY(cpu, cpu)
BY(memory, process->rss)
BY(calls, calls)
BY(time, process->ticks)

static int by_pid(const void *a, const void *b) {
    return LINE(a)->process->pid - LINE(b)->process->pid;
}

static const struct order orders[] = {{"%CPU", 'P', by_cpu},
                                      {"%MEM", 'M', by_memory},
                                      {"MSGS", 'X', by_calls},
                                      {"TIME", 'T', by_time},
                                      {"PID", 'N', by_pid}};
#define ORDERS (sizeof(orders) / sizeof(*orders))

static struct {
    bool batch;
    double seconds;
    long times; /* 0: for ever */
    const struct order *order;
    int pid; /* 0: all */
} options = {.seconds = 3, .order = orders};

static struct termios saved;
static volatile sig_atomic_t stop;

static double seconds_now(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void read_stat(struct sample *s) {
    unsigned long long v[7] = {0};
    char line[512];
    FILE *file = fopen("/proc/stat", "r");

    if (!file)
        err(1, "/proc/stat");
    while (fgets(line, sizeof(line), file)) {
        if (sscanf(line, "cpu %llu %llu %llu %llu %llu %llu %llu", &v[0], &v[1], &v[2], &v[3],
                   &v[4], &v[5], &v[6]) == 7) {
            s->busy = v[0] + v[1] + v[2] + v[5] + v[6];
            s->idle = v[3] + v[4];
        }
        sscanf(line, "ctxt %llu", &s->switches);
    }
    fclose(file);
}

static struct sample take_sample(void) {
    struct sample s = {.at = seconds_now()};

    read_stat(&s);
    s.count = processes_read(&s.all);
    return s;
}

static const struct process *find(const struct sample *s, const struct process *p) {
    for (size_t low = 0, high = s->count; low < high;) {
        size_t middle = (low + high) / 2;

        if (s->all[middle].pid == p->pid)
            return s->all[middle].start == p->start ? &s->all[middle] : NULL;
        if (s->all[middle].pid < p->pid)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static struct line compared(const struct process *p, const struct sample *before, double elapsed) {
    const struct process *old = find(before, p);
    unsigned long long ticks = old && old->ticks <= p->ticks ? p->ticks - old->ticks : p->ticks;
    unsigned long long calls = old && old->calls <= p->calls ? p->calls - old->calls : p->calls;

    return (struct line){
        p, elapsed > 0 ? 100.0 * (double)ticks / (double)sysconf(_SC_CLK_TCK) / elapsed : 0, calls};
}

static void print_line(const struct line *line, int width) {
    const struct process *p = line->process;
    unsigned long long hundredths = p->ticks * 100 / (unsigned long long)sysconf(_SC_CLK_TCK);

    printf("%7d %-8.8s %c %5.1f %4.1f %7llu %8llu %5llu:%02llu.%02llu %.*s\n", p->pid,
           user_name(p->uid), p->state, line->cpu,
           100.0 * (double)p->rss / (double)sysconf(_SC_PHYS_PAGES),
           p->rss * (unsigned long long)sysconf(_SC_PAGESIZE) / 1024, line->calls,
           hundredths / 6000, hundredths / 100 % 60, hundredths % 100, width > 60 ? width - 56 : 4,
           p->is_server ? p->args : p->name);
}

static void print_head(const struct sample *now, const struct sample *before, double elapsed) {
    struct sysinfo info;
    size_t running = 0, zombies = 0, servers = 0;
    unsigned long long all = now->busy + now->idle - before->busy - before->idle;

    sysinfo(&info);
    for (size_t i = 0; i < now->count; i++) {
        running += now->all[i].state == 'R';
        zombies += now->all[i].state == 'Z';
        servers += now->all[i].is_server;
    }
    printf("top - up %ld:%02ld:%02ld, load average: %.2f, %.2f, %.2f\n", info.uptime / 3600,
           info.uptime / 60 % 60, info.uptime % 60, (double)info.loads[0] / 65536,
           (double)info.loads[1] / 65536, (double)info.loads[2] / 65536);
    printf("Tasks: %zu total, %zu of servers, %zu running, %zu zombie\n", now->count, servers,
           running, zombies);
    printf("%%Cpu(s): %.1f busy, %.1f idle; %.0f switches a second\n",
           all ? 100.0 * (double)(now->busy - before->busy) / (double)all : 0.0,
           all ? 100.0 * (double)(now->idle - before->idle) / (double)all : 0.0,
           elapsed > 0 ? (double)(now->switches - before->switches) / elapsed : 0.0);
    printf("MiB Mem: %.1f total, %.1f free\n\n", (double)info.totalram * info.mem_unit / MIB,
           (double)info.freeram * info.mem_unit / MIB);
    printf("%7s %-8s %c %5s %4s %7s %8s %11s %s\n", "PID", "USER", 'S', "%CPU", "%MEM", "RES KiB",
           "MSGS", "TIME+", "COMMAND");
}

#define HEAD_LINES 6

static void show(const struct sample *now, const struct sample *before) {
    double elapsed = now->at - before->at;
    struct line *lines = calloc(now->count + 1, sizeof(*lines));
    struct winsize size = {.ws_row = LINES_USUAL, .ws_col = COLUMNS_USUAL};
    size_t count = 0, room;

    if (!lines)
        err(1, NULL);
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_row <= HEAD_LINES + 1)
        size = (struct winsize){.ws_row = LINES_USUAL, .ws_col = COLUMNS_USUAL};
    for (size_t i = 0; i < now->count; i++)
        if (!options.pid || options.pid == now->all[i].pid)
            lines[count++] = compared(&now->all[i], before, elapsed);
    qsort(lines, count, sizeof(*lines), options.order->compare);
    room = options.batch ? count : size.ws_row - HEAD_LINES - 1u;
    if (!options.batch)
        fputs("\033[H\033[J", stdout);
    print_head(now, before, elapsed);
    for (size_t i = 0; i < count && i < room; i++)
        print_line(&lines[i], options.batch ? 512 : size.ws_col);
    fflush(stdout);
    free(lines);
}

static void on_signal(int number) {
    (void)number;
    stop = 1;
}

static void give_back_terminal(void) {
    tcsetattr(STDIN_FILENO, TCSANOW, &saved);
    fputs("\n", stdout);
}

/* Keys come at once and are not shown. Without a terminal there are none. */
static void take_terminal(void) {
    struct sigaction action = {.sa_handler = on_signal};
    struct termios raw;

    if (tcgetattr(STDIN_FILENO, &saved) < 0)
        err(1, "without -b there must be a terminal");
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    raw = saved;
    raw.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    atexit(give_back_terminal);
}

/* True if it changes what is shown. */
static bool press(char key) {
    for (size_t i = 0; i < ORDERS; i++)
        if (orders[i].key == key) {
            options.order = &orders[i];
            return true;
        }
    stop |= key == 'q';
    return key == ' ';
}

/* Until it is time for the next sample, or a key asks for it. */
static void wait_for_next(void) {
    struct pollfd keys = {.fd = options.batch ? -1 : STDIN_FILENO, .events = POLLIN};
    double end = seconds_now() + options.seconds, left;
    char key;

    while (!stop && (left = end - seconds_now()) > 0)
        if (poll(&keys, 1, (int)(left * 1000) + 1) > 0 &&
            (read(STDIN_FILENO, &key, 1) != 1 || press(key)))
            break;
}

static _Noreturn void usage(void) {
    errx(2, "usage: top [-b] [-d SECONDS] [-n TIMES] [-o %%CPU|%%MEM|MSGS|TIME|PID] [-p PID]");
}

static const struct order *parse_order(const char *name) {
    for (size_t i = 0; i < ORDERS; i++)
        if (!strcmp(orders[i].name, name))
            return &orders[i];
    errx(2, "%s: no such field", name);
}

static double parse_seconds(const char *text) {
    char *end;
    double seconds = strtod(text, &end);

    if (end == text || *end || !(seconds >= 0 && seconds < 1e6))
        errx(2, "%s: no time", text);
    return seconds;
}

static void parse_options(int argc, char **argv) {
    int option;

    while ((option = getopt(argc, argv, "bd:n:o:p:")) != -1) {
        if (option == 'b')
            options.batch = true;
        else if (option == 'd')
            options.seconds = parse_seconds(optarg);
        else if (option == 'n')
            options.times = parse_number(optarg, "number of times");
        else if (option == 'o')
            options.order = parse_order(optarg);
        else if (option == 'p')
            options.pid = (int)parse_number(optarg, "process number");
        else
            usage();
    }
    if (argv[optind])
        usage();
}

int main(int argc, char **argv) {
    struct sample before = {0}, now;

    parse_options(argc, argv);
    if (!options.batch)
        take_terminal();
    for (long n = 0; !stop && (!options.times || n < options.times); n++) {
        if (n)
            wait_for_next();
        if (stop)
            break;
        now = take_sample();
        if (options.batch && n)
            putchar('\n');
        if (!n)
            before.at = 0; /* compared with the boot */
        show(&now, &before);
        free(before.all);
        before = now;
    }
    free(before.all);
    return finish_output(0);
}
