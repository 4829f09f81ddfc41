/* SPDX-License-Identifier: MIT */
/* Core files (core(5)): when there is one, and what is in it. */
#include "tap.h"
#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/procfs.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define PAGE 4096ul
#define UNTOUCHED (1ul << 30)

static char folder[] = "/tmp/t_core.XXXXXX";
static uint64_t marked = 0x6d61726b65642121;
static char *volatile secret, *volatile shared, *volatile reserved;

/* ---- Children that end ---- */

static void set_limit(rlim_t bytes) {
    struct rlimit limit = {bytes, RLIM_INFINITY};

    if (setrlimit(RLIMIT_CORE, &limit) < 0)
        _exit(99);
}

/* What a child that runs the function ends with; *code: CLD_*. */
static int ends_with(void (*function)(void), rlim_t bytes, int *code) {
    siginfo_t info;
    pid_t pid = start();

    if (pid == 0) {
        set_limit(bytes);
        function();
        _exit(98);
    }
    *code = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0 ? info.si_code : -1;
    return reap(pid);
}

static bool core_exists(void) {
    struct stat s;

    return lstat("core", &s) == 0;
}

static int the_signal;

static void raise_it(void) {
    sigset_t none;

    sigemptyset(&none);
    signal(the_signal, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    kill(getpid(), the_signal);
    pause();
}

static void abort_now(void) {
    the_signal = SIGABRT;
    raise_it();
}

static void fault(void) {
    *(volatile int *)nowhere = 1;
}

static int recurse(volatile char *above) {
    volatile char here[1000];

    here[0] = *above;
    return here[0] == 1 ? 0 : recurse(here) + here[0]; /* never 1 */
}

static void overflow(void) {
    char c = 0;

    recurse(&c);
}

static void end_hidden(void) {
    prctl(PR_SET_DUMPABLE, 0);
    abort_now();
}

/* ---- Reading one ---- */

static struct {
    unsigned char *bytes;
    size_t size;
    const Elf64_Phdr *headers;
    unsigned count;
} core;

static bool core_read(void) {
    struct stat s;
    int fd = open("core", O_RDONLY);

    if (core.size)
        munmap(core.bytes, core.size);
    memset(&core, 0, sizeof core);
    if (fd < 0 || fstat(fd, &s) < 0)
        return false;
    core.size = (size_t)s.st_size;
    core.bytes = mmap(NULL, core.size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (core.bytes == MAP_FAILED)
        core.size = 0;
    const Elf64_Ehdr *e = (const void *)core.bytes;
    if (core.size < sizeof *e || memcmp(e->e_ident, ELFMAG, SELFMAG) != 0 || e->e_type != ET_CORE)
        return false;
    core.headers = (const void *)(core.bytes + e->e_phoff);
    core.count = e->e_phnum;
    return e->e_phoff + core.count * sizeof *core.headers <= core.size;
}

/* The n-th note of a type. */
static const void *core_note(unsigned type, unsigned n, size_t *size) {
    const Elf64_Phdr *h = core.headers;
    size_t at = h->p_offset, end = h->p_offset + h->p_filesz;

    while (h->p_type == PT_NOTE && at + sizeof(Elf64_Nhdr) <= end && end <= core.size) {
        const Elf64_Nhdr *note = (const void *)(core.bytes + at);
        size_t data = at + sizeof *note + ((note->n_namesz + 3) & ~3u);

        if (note->n_type == type && n-- == 0) {
            *size = note->n_descsz;
            return core.bytes + data;
        }
        at = data + ((note->n_descsz + 3) & ~3u);
    }
    return NULL;
}

static const Elf64_Phdr *core_segment(uint64_t address) {
    for (unsigned i = 0; i < core.count; i++) {
        const Elf64_Phdr *h = &core.headers[i];

        if (h->p_type == PT_LOAD && h->p_vaddr <= address && address < h->p_vaddr + h->p_memsz)
            return h;
    }
    return NULL;
}

/* What stands there; NULL: the file does not have it. */
static const void *core_memory(const volatile void *address) {
    uint64_t at = (uint64_t)(uintptr_t)address;
    const Elf64_Phdr *h = core_segment(at);

    if (!h || at - h->p_vaddr >= h->p_filesz || h->p_offset + (at - h->p_vaddr) >= core.size)
        return NULL;
    return core.bytes + h->p_offset + (at - h->p_vaddr);
}

static const struct elf_prstatus *core_thread(unsigned n) {
    size_t size;
    const struct elf_prstatus *s = core_note(NT_PRSTATUS, n, &size);

    return s && size == sizeof *s ? s : NULL;
}

static int core_signal(void) {
    const struct elf_prstatus *first = core_thread(0);

    return first ? first->pr_cursig : 0;
}

/* ---- Which signals, and when not ---- */

static void signals(void) {
    static const int with[] = {SIGQUIT, SIGILL,  SIGTRAP, SIGABRT, SIGBUS,
                               SIGFPE,  SIGSEGV, SIGXCPU, SIGXFSZ, SIGSYS};
    static const int without[] = {SIGHUP, SIGINT, SIGKILL, SIGTERM, SIGUSR1, SIGPIPE, SIGALRM};
    int code, status;

    for (unsigned i = 0; i < sizeof with / sizeof *with; i++) {
        the_signal = with[i];
        status = ends_with(raise_it, RLIM_INFINITY, &code);
        ok(WIFSIGNALED(status) && WTERMSIG(status) == the_signal && WCOREDUMP(status) &&
               code == CLD_DUMPED && core_read(),
           "%s leaves a core", strsignal(the_signal));
        ok(core_signal() == the_signal, "which names it");
        unlink("core");
    }
    for (unsigned i = 0; i < sizeof without / sizeof *without; i++) {
        the_signal = without[i];
        status = ends_with(raise_it, RLIM_INFINITY, &code);
        ok(WIFSIGNALED(status) && !WCOREDUMP(status) && code == CLD_KILLED && !core_exists(),
           "%s does not", strsignal(the_signal));
    }
}

static bool none_by(void (*function)(void), rlim_t bytes) {
    int code, status = ends_with(function, bytes, &code);

    return WIFSIGNALED(status) && !WCOREDUMP(status) && code == CLD_KILLED;
}

static bool one_by(void (*function)(void), rlim_t bytes) {
    int code, status = ends_with(function, bytes, &code);

    return WIFSIGNALED(status) && WCOREDUMP(status) && code == CLD_DUMPED;
}

static void refusals(void) {
    struct stat s;

    ok(none_by(abort_now, 0) && !core_exists(), "limit 0: none");
    ok(none_by(abort_now, 100) && !core_exists(), "a limit below a page: none");
    ok(none_by(end_hidden, RLIM_INFINITY) && !core_exists(), "not dumpable: none");
    ok(mkdir("core", 0700) == 0 && none_by(abort_now, RLIM_INFINITY), "a directory: none");
    rmdir("core");
    ok(symlink("other", "core") == 0 && none_by(abort_now, RLIM_INFINITY) &&
           access("other", F_OK) < 0,
       "a symbolic link: none");
    unlink("core");
    close(open("core", O_CREAT | O_WRONLY, 0600));
    ok(link("core", "other") == 0 && none_by(abort_now, RLIM_INFINITY) && stat("other", &s) == 0 &&
           s.st_size == 0,
       "a file with two names: none");
    unlink("other");
    ok(one_by(abort_now, RLIM_INFINITY), "a file of the user's own is written over");
    unlink("core");
    close(open("core", O_CREAT | O_WRONLY, 0644));
    chmod("core", 0644);
    ok(none_by(abort_now, RLIM_INFINITY), "but not one that others may read");
    unlink("core");
}

static void owners(void) {
    int status;
    pid_t pid;

    if (geteuid() != 0) {
        skip("another's file", "only root can be another");
        return;
    }
    close(open("core", O_CREAT | O_WRONLY, 0600));
    if (chown("core", 1234, 1234) < 0)
        bail("chown");
    ok(none_by(abort_now, RLIM_INFINITY), "another's file: none");
    unlink("core");
    pid = start();
    if (pid == 0) { /* setuid makes it not dumpable */
        set_limit(RLIM_INFINITY);
        if (setuid(1234) < 0)
            _exit(1);
        abort_now();
    }
    status = reap(pid);
    ok(WIFSIGNALED(status) && !WCOREDUMP(status), "a process whose user has changed: none");
}

static void sizes(void) {
    struct stat s;

    ok(one_by(abort_now, 3 * PAGE) && stat("core", &s) == 0 && (size_t)s.st_size <= 3 * PAGE &&
           s.st_size > 0,
       "a limit cuts the file off");
    unlink("core");
    ok(one_by(abort_now, RLIM_INFINITY) && stat("core", &s) == 0 && (s.st_mode & 07777) == 0600 &&
           s.st_uid == geteuid() && s.st_nlink == 1,
       "mode 0600, its user's");
    ok((uint64_t)s.st_blocks * 512 < 8ul << 20, "what was never touched takes no room");
    unlink("core");
}

/* ---- What is in it ---- */

static void contents(void) {
    int code, status = ends_with(fault, RLIM_INFINITY, &code);
    size_t size;

    ok(WCOREDUMP(status) && core_read(), "a fault leaves a core");
    const siginfo_t *info = core_note(NT_SIGINFO, 0, &size);
    ok(info && size == 128 && info->si_signo == SIGSEGV && info->si_code == SEGV_MAPERR &&
           info->si_addr == nowhere,
       "NT_SIGINFO");
    const struct elf_prpsinfo *p = core_note(NT_PRPSINFO, 0, &size);
    ok(p && size == sizeof *p && p->pr_pid == tap_last_child && p->pr_ppid == getpid() &&
           strncmp(p->pr_fname, "t_core", 6) == 0 && p->pr_psargs[0],
       "NT_PRPSINFO");
    const Elf64_auxv_t *auxv = core_note(NT_AUXV, 0, &size);
    uint64_t headers = 0;
    for (size_t i = 0; auxv && i < size / sizeof *auxv; i++)
        headers = auxv[i].a_type == AT_PHDR ? auxv[i].a_un.a_val : headers;
    ok(headers != 0, "NT_AUXV");
    const uint64_t *files = core_note(NT_FILE, 0, &size);
    ok(files && files[0] > 0 && files[1] == PAGE &&
           memmem(files, size, "/t_core", sizeof "/t_core") != NULL,
       "NT_FILE");
    const uint64_t *there = core_memory(&marked);
    ok(there && *there == marked, "a variable");
    ok(core_memory(secret) && !strcmp(core_memory(secret), "to be seen"), "private memory");
    ok(core_memory(shared) && !strcmp(core_memory(shared), "shared"), "shared memory");
    ok(core_memory(reserved + UNTOUCHED / 2) == NULL && core_segment((uintptr_t)reserved),
       "what cannot be read is named only");
    ok(core_memory(secret + PAGE) == NULL, "nor is what MADV_DONTDUMP names there");
    ok(core_memory(secret + 2 * PAGE) && !strcmp(core_memory(secret + 2 * PAGE), "again"),
       "but what MADV_DODUMP does");
    const struct elf_prstatus *t = core_thread(0);
    const uint64_t *regs = t ? (const void *)&t->pr_reg : NULL;
    ok(t && t->pr_pid == tap_last_child && regs[0] >= (uint64_t)&fault &&
           regs[0] < (uint64_t)&fault + 64,
       "the pc is in the function that faulted");
    ok(core_memory((void *)regs[2]) != NULL, "the stack is there");
    unlink("core");
}

static void overflows(void) {
    ok(one_by(overflow, RLIM_INFINITY) && core_read() && core_signal() == SIGSEGV,
       "a stack that overflows");
    unlink("core");
}

/* ---- Threads ---- */

static int blocked_pipe[2];
static volatile int ready;

static void *spin(void *word) {
    __atomic_fetch_add(&ready, 1, __ATOMIC_SEQ_CST);
    __asm__ volatile("mv s5, %0\n1: j 1b" : : "r"(word) : "s5");
    return NULL;
}

static void *block(void *unused) {
    char byte;

    (void)unused;
    __atomic_fetch_add(&ready, 1, __ATOMIC_SEQ_CST);
    return (void *)(intptr_t)read(blocked_pipe[0], &byte, 1);
}

static void *nap(void *unused) {
    (void)unused;
    __atomic_fetch_add(&ready, 1, __ATOMIC_SEQ_CST);
    sleep(1000);
    return NULL;
}

static void make_threads(void) {
    pthread_t thread;

    if (pipe(blocked_pipe) < 0 || pthread_create(&thread, NULL, spin, (void *)0x7370696e) ||
        pthread_create(&thread, NULL, block, NULL) || pthread_create(&thread, NULL, nap, NULL))
        _exit(97);
    while (ready < 3)
        sleep_ms(1);
    sleep_ms(20);
}

static void many_end(void) {
    make_threads();
    fault();
}

static void many_wait(void) {
    make_threads();
    pause();
}

static void check_threads(void) {
    bool spins = false;
    unsigned n = 0;

    for (const struct elf_prstatus *t; (t = core_thread(n)) != NULL; n++) {
        const uint64_t *regs = (const void *)&t->pr_reg;
        size_t size;

        spins |= regs[21] == 0x7370696e && regs[0] >= (uint64_t)&spin;
        ok(core_memory((void *)regs[2]) && core_note(NT_FPREGSET, n, &size) && size == 264,
           "thread %u: its stack and floating point", n);
    }
    is_int(n, 4, "all threads");
    ok(spins, "the one that ran has its registers");
}

static void threads(void) {
    int code, status = ends_with(many_end, RLIM_INFINITY, &code);

    ok(WCOREDUMP(status) && core_read() && core_thread(0)->pr_pid == tap_last_child &&
           core_signal() == SIGSEGV,
       "a thread faults: it is the first");
    check_threads();
    unlink("core");
    pid_t pid = start();
    if (pid == 0) {
        set_limit(RLIM_INFINITY);
        many_wait();
    }
    sleep_ms(200);
    kill(pid, SIGQUIT);
    status = reap(pid);
    ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGQUIT && WCOREDUMP(status) && core_read(),
       "SIGQUIT from outside");
    check_threads();
    unlink("core");
}

/* ---- Other signals meanwhile ---- */

static void meanwhile(void) {
    pid_t pid = start();
    int status;

    if (pid == 0) {
        set_limit(RLIM_INFINITY);
        pause();
    }
    sleep_ms(20);
    kill(pid, SIGSTOP);
    waitpid(pid, &status, WUNTRACED);
    kill(pid, SIGABRT);
    ok(!core_exists(), "a stopped process does not end");
    kill(pid, SIGCONT);
    status = reap(pid);
    ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && WCOREDUMP(status) && core_read(),
       "but when it is continued");
    unlink("core");
    for (int i = 0; i < 20; i++) {
        pid = start();
        if (pid == 0) {
            set_limit(RLIM_INFINITY);
            many_wait();
        }
        sleep_ms(20 + i);
        kill(pid, SIGQUIT);
        sleep_ms(i % 4);
        kill(pid, SIGTERM);
        kill(pid, SIGKILL);
        status = reap(pid);
        if (!WIFSIGNALED(status) || (WTERMSIG(status) != SIGQUIT && WTERMSIG(status) != SIGKILL))
            break;
        unlink("core");
    }
    ok(WIFSIGNALED(status), "SIGKILL ends a dump");
}

static bool pattern_is(const char *path, const char *text) {
    char line[200] = "";
    int fd = open(path, O_RDONLY);
    bool same = read(fd, line, sizeof line - 1) > 0 && !strcmp(line, text);

    close(fd);
    return same;
}

int main(void) {
    if (!pattern_is("/proc/sys/kernel/core_pattern", "core\n") ||
        !pattern_is("/proc/sys/kernel/core_uses_pid", "0\n")) {
        skip("core files", "they go elsewhere here");
        return done();
    }
    long before = free_pages();
    secret = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    reserved = mmap(NULL, UNTOUCHED, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (!mkdtemp(folder) || chdir(folder) < 0 || reserved == MAP_FAILED)
        bail("setup");
    strcpy(secret, "to be seen");
    strcpy(secret + PAGE, "not to be seen");
    strcpy(secret + 2 * PAGE, "again");
    strcpy(shared, "shared");
    madvise(secret + PAGE, 2 * PAGE, MADV_DONTDUMP);
    madvise(secret + 2 * PAGE, PAGE, MADV_DODUMP);
    signals();
    refusals();
    owners();
    sizes();
    contents();
    overflows();
    threads();
    meanwhile();
    munmap(core.bytes, core.size);
    if (chdir("/") < 0 || rmdir(folder) < 0)
        bail("rmdir");
    check_free_pages(before, 400, "all memory came back");
    return done();
}
