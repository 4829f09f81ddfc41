/* SPDX-License-Identifier: MIT */
/*
 * trace [-aix] [-b KIB] [-e EVENT,...] [-o FILE] [-r FILE] COMMAND...: show what a command has servers do, message by message.
 * For root. The kernel writes events to rings in memory that is mapped here (/proc/trace, parley/trace.h); when the command has ended
 * they are shown: its messages, those of its children, and what servers ask of others for them.
 *
 * -e: which events: message, switch, wake, migrate, notify, fault, interrupt, lock, syscall, named, all; default: message,named
 * -a: of all processes and servers   -i: with instructions, which mean something when time is counted in them (--icount)
 * -b: KiB of memory for each hart's events (default 2048); when it is full, the oldest are lost
 * -o: keep the rings in a file, and show nothing; -r: show such a file; -x: show the events' words, for tools/run
 */
#include "trace.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONTROL "/proc/trace"
#define KIB_USUAL 2048
#define KIB_MOST (1 << 22)

#define BIT(type) (1ull << PK_TRACE_##type)
#define MESSAGES (BIT(CALL) | BIT(SERVE) | BIT(REPLY))

static const struct kind {
    const char *name;
    uint64_t mask;
} kinds[] = {
    {"message", MESSAGES},         {"switch", BIT(SWITCH)}, {"wake", BIT(WAKE)},
    {"migrate", BIT(MIGRATE)},     {"notify", BIT(NOTIFY)}, {"fault", BIT(FAULT)},
    {"interrupt", BIT(INTERRUPT)}, {"lock", BIT(LOCK)},     {"syscall", BIT(FOREIGN) | BIT(RETURN)},
    {"named", BIT(NAMED)},         {"all", PK_TRACE_ALL},
};

static struct {
    bool all, instructions, words;
    uint64_t mask;
    size_t ring;
    const char *output, *input;
} options = {.mask = MESSAGES | BIT(NAMED), .ring = KIB_USUAL << 10};

struct rings {
    int file;
    void *memory;
    size_t size;
};

static _Noreturn void usage(void) {
    errx(2, "usage: trace [-aix] [-b KIB] [-e EVENT,...] [-o FILE] COMMAND..., or trace [-aix] -r "
            "FILE");
}

static uint64_t kind_mask(const char *name) {
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (!strcmp(kinds[i].name, name))
            return kinds[i].mask;
    errx(2, "%s: no such event", name);
}

static uint64_t parse_events(char *names) {
    uint64_t mask = 0;

    for (char *name = strtok(names, ","); name; name = strtok(NULL, ","))
        mask |= kind_mask(name);
    if (!mask)
        errx(2, "-e: no event");
    return mask;
}

static size_t parse_size(const char *text) {
    char *end;
    long kib = strtol(text, &end, 10);

    if (end == text || *end || kib < 4 || kib > KIB_MOST)
        errx(2, "%s: no such size", text);
    return (size_t)kib << 10;
}

static void parse_options(int argc, char **argv) {
    int option;

    while ((option = getopt(argc, argv, "+aixb:e:o:r:")) != -1) {
        switch (option) {
        case 'a':
            options.all = true;
            break;
        case 'i':
            options.instructions = true;
            break;
        case 'x':
            options.words = true;
            break;
        case 'b':
            options.ring = parse_size(optarg);
            break;
        case 'e':
            options.mask = parse_events(optarg);
            break;
        case 'o':
            options.output = optarg;
            break;
        case 'r':
            options.input = optarg;
            break;
        default:
            usage();
        }
    }
    if (!argv[optind] == !options.input || (options.output && options.input))
        usage();
}

static void map_rings(struct rings *r) {
    r->memory = mmap(NULL, r->size, PROT_READ | PROT_WRITE, MAP_SHARED, r->file, 0);
    if (r->memory == MAP_FAILED)
        err(1, "memory for events");
}

static struct rings make_rings(void) {
    long harts = sysconf(_SC_NPROCESSORS_CONF);
    struct rings r = {.size = options.ring * (size_t)(harts > 0 ? harts : 1)};

    r.file = options.output ? open(options.output, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)
                            : memfd_create("trace", MFD_CLOEXEC);
    if (r.file < 0)
        err(1, "%s", options.output ? options.output : "trace");
    if (ftruncate(r.file, (off_t)r.size) < 0)
        err(1, "memory for events");
    map_rings(&r);
    memset(r.memory, 0, r.size); /* events for which there is no page are lost */
    return r;
}

static struct rings open_rings(const char *name) {
    struct rings r = {.file = open(name, O_RDWR | O_CLOEXEC)};
    struct stat status;

    if (r.file < 0 || fstat(r.file, &status) < 0)
        err(1, "%s", name);
    r.size = (size_t)status.st_size;
    if (r.size == 0)
        errx(1, "%s: no rings of events", name);
    map_rings(&r);
    return r;
}

static void control(uint64_t mask, const void *memory) {
    int file = open(CONTROL, O_WRONLY | O_CLOEXEC);

    if (file < 0 || dprintf(file, mask ? "%#llx %p" : "%llu", (unsigned long long)mask, memory) < 0)
        err(1, "%s", CONTROL);
    close(file);
}

/* The child waits until tracing is on, and until it may go. */
static pid_t start(char **command, int *go) {
    int ends[2];
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) < 0 || (pid = fork()) < 0)
        err(1, "%s", *command);
    if (pid == 0) {
        char byte;

        close(ends[1]);
        if (read(ends[0], &byte, 1) != 1)
            _exit(1);
        execvp(*command, command);
        warn("%s", *command);
        _exit(errno == ENOENT ? 127 : 126);
    }
    close(ends[0]);
    *go = ends[1];
    return pid;
}

static int wait_for(pid_t pid) {
    int status;

    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            err(1, "wait");
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int run(char **command, const struct rings *rings, pid_t *pid) {
    int go, status;

    *pid = start(command, &go);
    signal(SIGINT, SIG_IGN); /* the command's: what it did is shown */
    signal(SIGQUIT, SIG_IGN);
    control(options.mask, rings->memory);
    if (write(go, "", 1) < 0)
        warn("%s", *command);
    close(go);
    status = wait_for(*pid);
    control(0, NULL);
    return status;
}

static void show(const struct rings *rings, pid_t pid) {
    struct messages messages;
    struct log log;

    if (!log_read(&log, rings->memory, rings->size))
        exit(1);
    if (options.words) {
        print_words(stdout, &log);
    } else {
        messages_find(&messages, &log, options.all ? 0 : pid);
        print_log(stdout, &log, &messages, options.instructions);
        messages_free(&messages);
    }
    log_free(&log);
}

int main(int argc, char **argv) {
    struct rings rings;
    pid_t pid = 0;
    int status = 0;

    parse_options(argc, argv);
    if (options.input) {
        rings = open_rings(options.input);
    } else {
        rings = make_rings();
        status = run(argv + optind, &rings, &pid);
    }
    if (!options.output)
        show(&rings, pid);
    if (fflush(stdout) || ferror(stdout))
        err(1, "standard output");
    return status;
}
