/* SPDX-License-Identifier: MIT */
/* /proc/trace: who may turn tracing on, with what memory, and that it ends with who did. Parley's own. */
#include "tap.h"

#include <fcntl.h>
#include <parley/trace.h>
#include <sys/mman.h>

#define CONTROL "/proc/trace"
#define NOBODY 65534
#define SIZE (8u << 20)
#define CALLS (1ull << PK_TRACE_CALL)

static int control;

/* 0 or the errno of writing that to /proc/trace, at its beginning: elsewhere nothing is taken (proc(5)). */
static int set_text(const char *text) {
    ssize_t length = (ssize_t)strlen(text);

    errno = 0;
    return pwrite(control, text, (size_t)length, 0) == length ? 0 : errno;
}

static int set(uint64_t mask, const void *memory) {
    char text[64];

    snprintf(text, sizeof(text), mask ? "%#llx %p\n" : "%llu\n", (unsigned long long)mask, memory);
    return set_text(text);
}

static const char *now(void) {
    static char text[64];
    int fd = open(CONTROL, O_RDONLY);
    ssize_t n = read(fd, text, sizeof(text) - 1);

    text[n < 0 ? 0 : n] = '\0';
    close(fd);
    return text;
}

/* All of it there: events for which there is no page are lost. */
static void *shared_memory(size_t size) {
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? memory : memset(memory, 0, size);
}

static uint64_t written(const void *memory) {
    const struct pk_trace_header *h = memory;
    uint64_t sum = 0, harts = h->harts;

    for (uint64_t i = 0; i < harts; i++, h = (const void *)((const char *)h + h->ring_size))
        sum += h->written;
    return sum;
}

static void check_refusals(void *memory) {
    void *private = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void *small = shared_memory(1);
    static const char *const bad[] = {
        " ", "x", "1", "0 5", "0x", "2 y", "2 0 0", "-1 4096", "99999999999999999999 0"};

    for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        is_int(set_text(bad[i]), EINVAL, "\"%s\" is refused", bad[i]);
    is_int(set(CALLS, private), EFAULT, "private memory is refused");
    is_int(set(CALLS, nowhere), EFAULT, "and an address without memory");
    is_int(set(1, memory), EINVAL, "there is no event 0");
    is_int(set(1ull << PK_TRACE_TYPES, memory), EINVAL, "nor one behind the last");
    if (sysconf(_SC_NPROCESSORS_CONF) > 1)
        is_int(set(CALLS, small), EINVAL, "each hart needs a page");
    ok(!strncmp(now(), "0 0\n", 4), "nobody traces");
    munmap(private, 65536);
    munmap(small, 1);
}

/* The status of a child that does that. */
static int child(int (*function)(void *), void *argument) {
    pid_t pid = fork();
    int status;

    if (pid == 0)
        _exit(function(argument));
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int as_nobody(void *argument) {
    (void)argument;
    if (setresuid(NOBODY, NOBODY, NOBODY) < 0)
        return 1;
    if (open(CONTROL, O_WRONLY) >= 0 || errno != EACCES)
        return 2;
    return set_text("0") == EACCES ? 0 : 3; /* by a descriptor of root's, too */
}

static int as_another(void *memory) {
    return set(CALLS, memory);
}

static int on_and_end(void *memory) {
    return set(CALLS, memory);
}

static void check_events(void *memory) {
    uint64_t before;

    is_int(set(CALLS, memory), 0, "it is on");
    ok(strtoull(now(), NULL, 0) == CALLS, "the mask can be read");
    before = written(memory);
    for (int i = 0; i < 100; i++)
        close(-1 - i);
    (void)!access("/", R_OK);
    ok(written(memory) > before, "events are written");
    is_int(child(as_another, memory), EBUSY, "another process may not take it over");
    is_int(set(CALLS | 1ull << PK_TRACE_REPLY, memory), 0, "the mask can be changed");
    is_int(set(0, NULL), 0, "it is off");
    before = written(memory);
    (void)!access("/", R_OK);
    is_int(written(memory), before, "nothing is written any more");
}

static void check_end(void *memory) {
    uint64_t before;

    is_int(child(on_and_end, memory), 0, "a child turns it on, and ends");
    ok(!strncmp(now(), "0 0\n", 4), "so tracing has ended");
    before = written(memory);
    (void)!access("/", R_OK);
    is_int(written(memory), before, "and nothing is written");
}

static unsigned long free_kib(void) {
    struct sysinfo info;

    sysinfo(&info);
    return info.freeram * info.mem_unit / 1024;
}

static void round_of(size_t size) {
    void *memory = shared_memory(size);

    set(CALLS, memory);
    munmap(memory, size);
    set(0, NULL);
}

static void check_memory(void) {
    unsigned long before;

    round_of(SIZE);
    before = free_kib();
    for (int i = 0; i < 20; i++)
        round_of(SIZE);
    ok(free_kib() + SIZE / 1024 > before, "the memory for events is given back");
}

static void check_tool(void) {
    FILE *out = popen("trace cat /etc/hostname 2>&1; echo $?", "r");
    bool opened = false, ended = false, zero = false;
    char line[512];

    while (out && fgets(line, sizeof(line), out)) {
        opened |= strstr(line, "→ vfs: openat path: \"/etc/hostname\"") != NULL;
        ended |= strstr(line, "→ proc: exit code=") != NULL;
        zero = !strcmp(line, "0\n") || !strcmp(line, "1\n");
    }
    if (out)
        pclose(out);
    ok(opened, "trace shows what a command opens");
    ok(ended, "and its end");
    ok(zero, "and has the command's status");
    is_int(WEXITSTATUS(system("trace sh -c 'exit 7' > /dev/null")), 7, "whatever that is");
    is_int(WEXITSTATUS(system("trace -e nothing true 2> /dev/null")), 2, "no such event");
}

int main(void) {
    void *memory = shared_memory(SIZE);

    if (access(CONTROL, F_OK) < 0) {
        puts("1..0 # SKIP no " CONTROL);
        return 0;
    }
    control = open(CONTROL, O_WRONLY);
    ok(control >= 0, "root opens " CONTROL);
    check_refusals(memory);
    is_int(child(as_nobody, NULL), 0, "another user may not");
    check_events(memory);
    check_end(memory);
    check_memory();
    check_tool();
    return done();
}
