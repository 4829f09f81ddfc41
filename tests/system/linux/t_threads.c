/* SPDX-License-Identifier: MIT */
/* Threads: how they begin and end, alone and with their process; what they share and what is their own. */
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "futex.h"
#include "tap.h"

#define MANY 300

static long tid_self(void) {
    return syscall(SYS_gettid);
}

static void *add_one(void *counter) {
    atomic_fetch_add((_Atomic int *)counter, 1);
    return counter;
}

static void create_and_join(void) {
    _Atomic int counter = 0;
    pthread_t threads[MANY];
    int made = 0, joined = 0;
    for (int i = 0; i < MANY; i++)
        made += pthread_create(&threads[i], NULL, add_one, &counter) == 0;
    for (int i = 0; i < made; i++) {
        void *result = NULL;
        joined += pthread_join(threads[i], &result) == 0 && result == &counter;
    }
    is_int(made, MANY, "threads are created");
    is_int(joined, MANY, "and joined, with what they returned");
    is_int(counter, MANY, "each of them ran once");
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long shared_count;

static void *count_up(void *unused) {
    (void)unused;
    for (int i = 0; i < 20000; i++) {
        pthread_mutex_lock(&mutex);
        shared_count++;
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static void exclusion(void) {
    pthread_t threads[4];
    shared_count = 0;
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, count_up, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    is_int(shared_count, 80000, "a mutex excludes");
}

struct seen {
    long tid, pid;
    int fd, own;
};
static __thread int own = 5;

static void *look(void *argument) {
    struct seen *seen = argument;
    seen->tid = tid_self();
    seen->pid = getpid();
    seen->fd = open("/dev/null", O_RDONLY);
    own++;
    seen->own = own;
    return NULL;
}

static void shared_and_own(void) {
    struct seen seen[2];
    pthread_t thread;
    for (int i = 0; i < 2; i++) {
        pthread_create(&thread, NULL, look, &seen[i]);
        pthread_join(thread, NULL);
    }
    is_int(seen[0].pid, getpid(), "a thread has its process's number");
    ok(seen[0].tid != seen[0].pid && seen[0].tid != seen[1].tid, "and one of its own");
    is_int(tid_self(), getpid(), "the first thread's is the process's");
    is_int(close(seen[0].fd), 0, "descriptors are shared");
    close(seen[1].fd);
    ok(seen[0].own == 6 && seen[1].own == 6 && own == 5, "thread-local variables are not");
}

static void *change_directory(void *unused) {
    (void)unused;
    return (void *)(long)(chdir("/tmp") == 0 && umask(027) == 022);
}

static void process_wide(void) {
    char before[256], now[256];
    pthread_t thread;
    void *good = NULL;
    umask(022);
    if (!getcwd(before, sizeof before))
        return;
    pthread_create(&thread, NULL, change_directory, NULL);
    pthread_join(thread, &good);
    ok(good && getcwd(now, sizeof now) && !strcmp(now, "/tmp"),
       "a working directory is all threads'");
    is_int(umask(022), 027, "so is the mask of modes");
    is_int(chdir(before), 0, "back");
}

/* Children below: each is a process with threads that ends in some way. */
static void *sleep_long(void *unused) {
    (void)unused;
    for (;;)
        pause();
    return NULL;
}
static void *spin(void *unused) {
    (void)unused;
    for (;;)
        ;
    return NULL;
}
static void *say_late(void *fd) {
    usleep(20000);
    return (void *)write((int)(long)fd, "late", 4);
}
static void *execute(void *unused) {
    (void)unused;
    execl("/bin/sh", "sh", "-c", "exit 9", (char *)NULL);
    return NULL;
}
static void *leave(void *status) {
    exit((int)(long)status);
}
static void *fork_from_here(void *unused) {
    pid_t child = fork();
    int status = 0;
    (void)unused;
    if (child == 0)
        _exit(tid_self() == getpid() ? 4 : 5);
    return (void *)(long)(waitpid(child, &status, 0) == child && status == 4 << 8);
}

static void begin(void *(*run)(void *), void *argument) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, run, argument))
        _exit(99);
}

/* The status of a child that has run `body`. */
static int status_of(void (*body)(int), int argument) {
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        begin(sleep_long, NULL);
        begin(spin, NULL);
        body(argument);
        _exit(98);
    }
    waitpid(child, &status, 0);
    return status;
}

static void by_exit(int status) {
    exit(status);
}
static void by_other_exit(int status) {
    begin(leave, (void *)(long)status);
    sleep_long(NULL);
}
static void by_signal(int signal) {
    raise(signal);
}
static void by_exec(int unused) {
    (void)unused;
    execute(NULL);
}
static void by_other_exec(int unused) {
    (void)unused;
    begin(execute, NULL);
    sleep_long(NULL);
}

static void ends_of_processes(void) {
    is_int(status_of(by_exit, 3), 3 << 8, "exit ends all threads");
    is_int(status_of(by_other_exit, 6), 6 << 8, "also that of another thread");
    is_int(status_of(by_signal, SIGKILL), SIGKILL, "a fatal signal ends all threads");
    is_int(status_of(by_signal, SIGUSR2), SIGUSR2, "whichever it is");
    is_int(status_of(by_exec, 0), 9 << 8, "exec ends all others");
    is_int(status_of(by_other_exec, 0), 9 << 8, "and the first thread, if another executes");
}

/* The first thread ends with `code` before the other. */
static int first_ends(bool by_pthread, int code) {
    int fds[2], status = -1;
    char text[8] = "";
    if (pipe(fds) < 0)
        return -1;
    pid_t child = fork();
    if (child == 0) {
        close(fds[0]);
        begin(say_late, (void *)(long)fds[1]);
        if (by_pthread)
            pthread_exit(NULL);
        syscall(SYS_exit, code);
    }
    close(fds[1]);
    ok(read(fds[0], text, 4) == 4 && !strcmp(text, "late"),
       "others live on when the first has ended");
    waitpid(child, &status, 0);
    close(fds[0]);
    return status;
}

static void forking(void) {
    pthread_t thread;
    void *good = NULL;
    is_int(first_ends(true, 0), 0, "the process ends with its last thread");
    is_int(first_ends(false, 7), 0, "with the exit code of that one");
    pthread_create(&thread, NULL, fork_from_here, NULL);
    pthread_join(thread, &good);
    ok(good, "a thread's fork is a process of one thread, whose child it is");
}

#ifdef __riscv
/* clone itself, without the C library's help: a thread that ends at once. */
static char stack[16384] __attribute__((aligned(16)));

static long clone_thread(unsigned long flags, pid_t *parent_tid, pid_t *child_tid) {
    register long a0 __asm__("a0") = (long)flags;
    register long a1 __asm__("a1") = (long)(stack + sizeof stack);
    register long a2 __asm__("a2") = (long)parent_tid;
    register long a3 __asm__("a3") = 0;
    register long a4 __asm__("a4") = (long)child_tid;
    register long a7 __asm__("a7") = SYS_clone;
    __asm__ volatile("ecall\n"
                     "bnez a0, 1f\n"
                     "li a7, 93\n"
                     "ecall\n"
                     "1:\n"
                     : "+r"(a0)
                     : "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a7)
                     : "memory");
    return a0;
}

#define THREAD_FLAGS                                                                               \
    (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |            \
     CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID)

static void raw_clone(void) {
    volatile pid_t parent = 0, child = -1;
    long tid = clone_thread(THREAD_FLAGS, (pid_t *)&parent, (pid_t *)&child);
    ok(tid > 0, "clone makes a thread");
    is_int(parent, tid, "its number is told before it runs");
    for (pid_t now; (now = child) != 0;)
        futex_wait((volatile uint32_t *)&child, (uint32_t)now);
    is_int(child, 0, "its word is cleared and woken when it has ended");
    is_int(clone_thread(CLONE_THREAD | CLONE_VM, NULL, NULL), -EINVAL,
           "a thread shares signal actions");
    is_int(clone_thread(CLONE_SIGHAND, NULL, NULL), -EINVAL, "which only who shares memory can");
    is_errno(syscall(SYS_tgkill, getpid(), tid, 0), ESRCH, "a thread that has ended is nobody");
    is_errno(syscall(SYS_tgkill, getpid() + 1, getpid(), 0), ESRCH,
             "nor is one of another process");
    is_errno(syscall(SYS_tgkill, getpid(), 0, 0), EINVAL, "0 is no thread");
}

/* A thread that unmaps the stack that it is on, and ends. */
static long clone_stackless(char *at, size_t size, pid_t *child_tid) {
    register long a0 __asm__("a0") = THREAD_FLAGS;
    register long a1 __asm__("a1") = (long)(at + size);
    register long a2 __asm__("a2") = (long)child_tid;
    register long a3 __asm__("a3") = 0;
    register long a4 __asm__("a4") = (long)child_tid;
    register long a7 __asm__("a7") = SYS_clone;
    register long s2 __asm__("s2") = (long)at;
    register long s3 __asm__("s3") = (long)size;
    __asm__ volatile("ecall\n"
                     "bnez a0, 1f\n"
                     "mv a0, s2\n"
                     "mv a1, s3\n"
                     "li a2, 77\n"
                     "li t6, 99\n"
                     "li a7, 215\n"
                     "ecall\n"
                     "bnez a0, 2f\n"
                     "bne a1, s3, 2f\n" /* all other registers are as they were */
                     "li a0, 77\n"
                     "bne a0, a2, 2f\n"
                     "li a0, 99\n"
                     "bne a0, t6, 2f\n"
                     "li a7, 93\n"
                     "ecall\n"
                     "2: ebreak\n"
                     "1:\n"
                     : "+r"(a0)
                     : "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a7), "r"(s2), "r"(s3)
                     : "memory");
    return a0;
}

static void stackless(void) {
    size_t size = 16384;
    char *at = NULL;
    int made = 0;
    for (int i = 0; i < 100; i++) {
        volatile pid_t child = -1;
        at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        made += at != MAP_FAILED && clone_stackless(at, size, (pid_t *)&child) > 0;
        for (pid_t now; (now = child) != 0;)
            futex_wait((volatile uint32_t *)&child, (uint32_t)now);
    }
    is_int(made, 100, "threads unmap their stacks and end");
    is_errno(msync(at, size, MS_ASYNC), ENOMEM, "the stacks are gone");
}
#else
static void raw_clone(void) {
    skip("clone", "its registers are RISC-V's");
}
static void stackless(void) {
    skip("threads that unmap their stacks", "in RISC-V's instructions");
}
#endif

/* Threads that are not joined give back what they had. */
static void detached(void) {
    _Atomic int counter = 0;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, (size_t)PTHREAD_STACK_MIN);
    int made = 0;
    for (int i = 0; i < MANY; i++) {
        pthread_t thread;
        while (pthread_create(&thread, &attributes, add_one, &counter) == EAGAIN)
            sched_yield();
        made++;
    }
    for (int n; (n = counter) < made;)
        sched_yield();
    is_int(counter, MANY, "detached threads run to their ends");
}

static void limited(void) {
    struct rlimit limit = {3, 3};
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        pthread_t thread;
        int made = 0;
        if (setrlimit(RLIMIT_NPROC, &limit) < 0 || setuid(4242) < 0)
            _exit(1);
        while (made < 10 && pthread_create(&thread, NULL, sleep_long, NULL) == 0)
            made++;
        _exit(10 + made);
    }
    waitpid(child, &status, 0);
    is_int(status, 12 << 8, "threads count for RLIMIT_NPROC");
}

/* ---- Names, also of others ---- */

static void *until_told(void *fd) {
    char byte;

    return (void *)(intptr_t)read(*(int *)fd, &byte, 1);
}

static void names(void) {
    char name[16], path[64];
    pthread_t other;
    int ends[2], fd;

    if (pipe(ends) < 0 || pthread_create(&other, NULL, until_told, &ends[0]))
        bail("pthread_create");
    is_int(pthread_setname_np(other, "the other"), 0, "another thread gets a name");
    ok(pthread_getname_np(other, name, sizeof(name)) == 0 && !strcmp(name, "the other"),
       "it has it");
    is_int(pthread_setname_np(pthread_self(), "this one"), 0, "so does this one");
    fd = open("/proc/self/comm", O_WRONLY);
    ok(fd >= 0 && write(fd, "much too long a name", 20) == 20, "/proc/self/comm");
    ok(pthread_getname_np(pthread_self(), name, sizeof(name)) == 0 &&
           !strcmp(name, "much too long a"),
       "what is too long is cut off");
    is_errno(read(fd, name, sizeof(name)), EBADF, "it was not opened to be read");
    close(fd);
    is_errno(open("/proc/self/stat", O_WRONLY), EACCES, "what cannot be written to");
    pid_t parent = getpid(), pid = start();
    if (pid == 0) {
        snprintf(path, sizeof(path), "/proc/%d/comm", (int)parent);
        fd = open(path, O_WRONLY);
        _exit(fd >= 0 && write(fd, "mine", 4) < 0 && errno == EINVAL ? 0 : 1);
    }
    is_int(reap_exit(pid), 0, "another process's");
    if (write(ends[1], "", 1) != 1)
        bail("write");
    pthread_join(other, NULL);
    close(ends[0]);
    close(ends[1]);
}

/* ---- Lists of robust futexes ---- */

static void *tell_list(void *head) {
    size_t size = 0;

    return (void *)(syscall(SYS_get_robust_list, 0, head, &size) == 0 && size == 24 ? NULL : head);
}

static int list_of_parent(void) {
    void *head;
    size_t size;

    if (setuid(1234) < 0)
        return 1;
    return syscall(SYS_get_robust_list, getppid(), &head, &size) < 0 && errno == EPERM ? 0 : 2;
}

static void robust_lists(void) {
    void *head = NULL, *other = NULL, *failed;
    size_t size = 0;
    pthread_t thread;

    ok(syscall(SYS_get_robust_list, 0, &head, &size) == 0 && head && size == 24,
       "the caller's own list");
    ok(syscall(SYS_get_robust_list, getpid(), &other, &size) == 0 && other == head,
       "by its number");
    if (pthread_create(&thread, NULL, tell_list, &other))
        bail("pthread_create");
    pthread_join(thread, &failed);
    ok(!failed && other && other != head, "each thread has one");
    is_errno(syscall(SYS_get_robust_list, 0, nowhere, &size), EFAULT, "a bad address");
    is_errno(syscall(SYS_get_robust_list, 4000000, &head, &size), ESRCH, "no such thread");
    if (getuid() == 0)
        is_int(WEXITSTATUS(in_child(list_of_parent)), 0, "another user's");
}

int main(void) {
    names();
    robust_lists();
    create_and_join();
    exclusion();
    shared_and_own();
    process_wide();
    ends_of_processes();
    forking();
    raw_clone();
    stackless();
    detached();
    if (getuid() == 0)
        limited();
    return done();
}
