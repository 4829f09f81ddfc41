/* SPDX-License-Identifier: MIT */
/*
 * Lists of robust futexes (get_robust_list(2)) that a program writes by itself: long ones, at the end of a thread, of
 * a process and of what it executes another program in place of; who waits; and lists that are no good.
 */
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "tap.h"

#define LIMIT 2048 /* ROBUST_LIST_LIMIT */
#define MORE 2060
#define THREADS 12
#define EACH 500
#define WAITED 1700 /* the entry that somebody waits for */

struct entry {
    struct entry *next;
    unsigned word;
};

struct list {
    struct robust_list_head head;
    struct entry entries[MORE], pending;
};

static struct list *lists; /* shared, one for each thread */

static int own_tid(void) {
    return (int)syscall(SYS_gettid);
}

/* This thread owns so many futexes of a list, and one that is pending. */
static void own(struct list *list, int count) {
    unsigned tid = (unsigned)own_tid();
    memset(list, 0, sizeof *list);
    for (int i = 0; i < count; i++) {
        list->entries[i].next = &list->entries[i + 1];
        list->entries[i].word = tid;
    }
    list->entries[count - 1].next = (struct entry *)(void *)&list->head;
    list->pending.word = tid;
    list->head.list.next = (struct robust_list *)(void *)list->entries;
    list->head.futex_offset = offsetof(struct entry, word);
    list->head.list_op_pending = (struct robust_list *)(void *)&list->pending;
    syscall(SYS_set_robust_list, &list->head, sizeof list->head);
}

static int dead(const struct list *list) {
    int count = 0;
    for (int i = 0; i < MORE; i++)
        count += __atomic_load_n(&list->entries[i].word, __ATOMIC_ACQUIRE) == FUTEX_OWNER_DIED;
    return count;
}

static bool pending_dead(const struct list *list) {
    return list->pending.word == FUTEX_OWNER_DIED;
}

/* ---- Ends ---- */

static int owns_most(void) {
    own(lists, LIMIT);
    return 0;
}

static int owns_more(void) {
    own(lists, MORE);
    return 0;
}

static int executes(void) {
    own(lists, LIMIT);
    execl("/proc/self/exe", "t_robust", "child", NULL);
    return 1;
}

static void ends(void) {
    is_int(in_child(owns_most), 0, "a process owns as many futexes as are looked at");
    is_int(dead(lists), LIMIT, "when it has been waited for each says that its owner died");
    ok(pending_dead(lists), "and so does the one that it was just locking");
    is_int(in_child(owns_more), 0, "a process owns more");
    is_int(dead(lists), LIMIT, "as many are looked at");
    ok(pending_dead(lists), "and the pending one");
    is_int(in_child(executes), 7 << 8, "a process executes another program");
    for (int i = 0; i < 1000 && dead(lists) < LIMIT; i++)
        sleep_ms(10);
    is_int(dead(lists), LIMIT, "its old memory is looked at");
}

static void *owner(void *list) {
    own(list, LIMIT);
    return NULL;
}

static void thread_ends(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, owner, lists))
        bail("pthread_create");
    pthread_join(thread, NULL);
    is_int(dead(lists), LIMIT, "who has joined a thread finds its futexes marked");
    ok(pending_dead(lists), "and the pending one");
}

static pthread_barrier_t barrier;

static void *owner_of_some(void *list) {
    own(list, EACH);
    pthread_barrier_wait(&barrier);
    for (;;)
        pause();
    return NULL;
}

static void owners(int ready) {
    pthread_t thread;
    pthread_barrier_init(&barrier, NULL, THREADS + 1);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&thread, NULL, owner_of_some, &lists[i]))
            _exit(1);
    pthread_barrier_wait(&barrier);
    if (write(ready, "", 1) != 1)
        _exit(2);
    for (;;)
        pause();
}

static void killed(void) {
    int fd[2], count = 0;
    char byte;
    if (pipe(fd) < 0)
        bail("pipe");
    pid_t child = start();
    if (child == 0)
        owners(fd[1]);
    if (read(fd[0], &byte, 1) != 1)
        bail("read");
    kill(child, SIGKILL);
    is_int(reap(child), SIGKILL, "threads that own many are killed with their process");
    for (int i = 0; i < THREADS; i++)
        count += dead(&lists[i]);
    is_int(count, THREADS * EACH, "all of all of them are marked");
}

/* Its parent ends before it is at its own end; then it is init's. */
static int leaves_owner(void) {
    if (fork() == 0) {
        own(lists, LIMIT);
        raise(SIGKILL);
    }
    return 0;
}

static void orphaned(void) {
    memset(lists, 0, sizeof *lists);
    is_int(in_child(leaves_owner), 0, "a process ends while a child of it does");
    for (int i = 0; i < 1000 && dead(lists) < LIMIT; i++)
        sleep_ms(10);
    is_int(dead(lists), LIMIT, "the child's are marked");
}

/* ---- Who waits ---- */

static int waits(void) {
    unsigned *word = &lists->entries[WAITED].word, seen;
    while (!((seen = __atomic_load_n(word, __ATOMIC_ACQUIRE)) & FUTEX_OWNER_DIED))
        syscall(SYS_futex, word, FUTEX_WAIT, seen, NULL, NULL, 0);
    return seen == (FUTEX_OWNER_DIED | FUTEX_WAITERS) ? 0 : 1;
}

static void woken(void) {
    int fd[2];
    char byte;
    if (pipe(fd) < 0)
        bail("pipe");
    pid_t child = start();
    if (child == 0) {
        own(lists, LIMIT);
        lists->entries[WAITED].word |= FUTEX_WAITERS;
        if (write(fd[1], "", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    if (read(fd[0], &byte, 1) != 1)
        bail("read");
    pid_t waiter = start();
    if (waiter == 0)
        _exit(waits());
    let_block();
    kill(child, SIGKILL);
    reap(child);
    is_int(reap_exit(waiter), 0, "who waits for one far behind in the list is woken");
}

/* Unlocked, but not yet told: the word is 0, and one waits. */
static int waits_for_unlocked(void) {
    unsigned *word = &lists->pending.word;
    return syscall(SYS_futex, word, FUTEX_WAIT, 0, NULL, NULL, 0) < 0 ? 1 : 0;
}

static int unlocks(void) {
    own(lists, 1);
    lists->pending.word = 0;
    return 0;
}

static void unlocked(void) {
    memset(lists, 0, sizeof *lists);
    pid_t waiter = start();
    if (waiter == 0)
        _exit(waits_for_unlocked());
    let_block();
    is_int(in_child(unlocks), 0, "a process ends between unlocking and waking");
    is_int(reap_exit(waiter), 0, "who waits for the lock is woken");
}

/* ---- Lists that are no good ---- */

#define GOOD 100

static int cycle(void) {
    own(lists, GOOD);
    lists->entries[GOOD - 1].next = &lists->entries[GOOD - 7];
    return 0;
}

static int own_cycle(void) {
    own(lists, 1);
    lists->entries[0].next = &lists->entries[0];
    return 0;
}

static int bad_address(void) {
    own(lists, GOOD);
    lists->entries[GOOD - 1].next = nowhere;
    return 0;
}

static int kernel_address(void) {
    own(lists, GOOD);
    lists->entries[GOOD - 1].next = (struct entry *)(LONG_MIN + 4096);
    return 0;
}

static int unaligned(void) {
    own(lists, GOOD);
    lists->head.futex_offset += 2;
    return 0;
}

static int bad_head(void) {
    own(lists, GOOD);
    syscall(SYS_set_robust_list, nowhere, sizeof lists->head);
    return 0;
}

static int others(void) {
    own(lists, GOOD);
    for (int i = 0; i < GOOD; i++)
        lists->entries[i].word = (unsigned)getppid();
    return 0;
}

static void bad_lists(void) {
    static const struct {
        int (*make)(void);
        int dead;
        bool pending;
        const char *name;
    } cases[] = {
        {cycle, GOOD, true, "a list that leads back into itself"},
        {own_cycle, 1, true, "an entry that is its own next one"},
        {bad_address, GOOD, false, "an entry where no memory is"},
        {kernel_address, GOOD, false, "an entry at an address of the kernel's"},
        {unaligned, 0, false, "words that are not aligned"},
        {bad_head, 0, false, "a head where no memory is"},
        {others, 0, true, "words that another thread owns"},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        is_int(in_child(cases[i].make), 0, "%s", cases[i].name);
        is_int(dead(lists), cases[i].dead, "what is good before is marked");
        is_int(pending_dead(lists), cases[i].pending, "and the pending one if the list has an end");
    }
}

int main(int argc, char **argv) {
    (void)argv;
    if (argc > 1)
        return 7;
    lists = mmap(NULL, THREADS * sizeof *lists, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                 -1, 0);
    if (lists == MAP_FAILED)
        bail("mmap");
    ends();
    thread_ends();
    killed();
    orphaned();
    woken();
    unlocked();
    long before = free_pages();
    bad_lists();
    check_free_pages(before, 16, "all is given back");
    return done();
}
