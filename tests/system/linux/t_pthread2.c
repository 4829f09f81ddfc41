/* SPDX-License-Identifier: MIT */
/*
 * POSIX threads, continued: what processes share (mutexes, conditions, barriers, locks, semaphores), once, keys, fork,
 * attributes, names, scheduling, stacks, and C11's threads.
 */
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <threads.h>

#include "tap.h"

#define CHILDREN 3
#define ROUNDS 500

/* ---- In memory that processes share ---- */

struct shared {
    pthread_mutex_t mutex, robust;
    pthread_cond_t changed;
    pthread_barrier_t barrier;
    pthread_rwlock_t rwlock;
    pthread_spinlock_t spin;
    sem_t sem;
    int turn;
    long added, written, spun, serial;
};

static void set_up(struct shared *s) {
    pthread_mutexattr_t mutex;
    pthread_condattr_t cond;
    pthread_barrierattr_t barrier;
    pthread_rwlockattr_t rwlock;
    memset(s, 0, sizeof *s);
    pthread_mutexattr_init(&mutex);
    pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&s->mutex, &mutex);
    pthread_mutexattr_setrobust(&mutex, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&s->robust, &mutex);
    pthread_condattr_init(&cond);
    pthread_condattr_setpshared(&cond, PTHREAD_PROCESS_SHARED);
    pthread_cond_init(&s->changed, &cond);
    pthread_barrierattr_init(&barrier);
    pthread_barrierattr_setpshared(&barrier, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(&s->barrier, &barrier, CHILDREN);
    pthread_rwlockattr_init(&rwlock);
    pthread_rwlockattr_setpshared(&rwlock, PTHREAD_PROCESS_SHARED);
    pthread_rwlock_init(&s->rwlock, &rwlock);
    pthread_spin_init(&s->spin, PTHREAD_PROCESS_SHARED);
    sem_init(&s->sem, 1, 0);
}

static void work(struct shared *s, int number) {
    if (pthread_barrier_wait(&s->barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
        s->serial++;
    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&s->mutex);
        while (s->turn != number)
            pthread_cond_wait(&s->changed, &s->mutex);
        s->turn = (s->turn + 1) % CHILDREN;
        s->added++;
        pthread_cond_broadcast(&s->changed);
        pthread_mutex_unlock(&s->mutex);
        pthread_rwlock_wrlock(&s->rwlock);
        s->written++;
        pthread_rwlock_unlock(&s->rwlock);
        pthread_spin_lock(&s->spin);
        s->spun++;
        pthread_spin_unlock(&s->spin);
        sem_post(&s->sem);
    }
}

static void share(struct shared *s, const char *where) {
    int posted = -1, status = 0;
    set_up(s);
    pid_t children[CHILDREN];
    for (int i = 0; i < CHILDREN; i++)
        if ((children[i] = start()) == 0) {
            work(s, i);
            _exit(0);
        }
    for (int i = 0; i < CHILDREN; i++)
        status |= reap(children[i]);
    is_int(status, 0, "processes work on %s", where);
    is_int(s->added, CHILDREN * ROUNDS, "in turns, by a mutex and a condition variable");
    is_int(s->written, CHILDREN * ROUNDS, "by a read-write lock");
    is_int(s->spun, CHILDREN * ROUNDS, "by a spin lock");
    is_int(s->serial, 1, "from a barrier on");
    sem_getvalue(&s->sem, &posted);
    is_int(posted, CHILDREN * ROUNDS, "and post to a semaphore");
    pid_t child = start();
    if (child == 0) {
        pthread_mutex_lock(&s->robust);
        raise(SIGKILL);
    }
    is_int(reap(child), SIGKILL, "one is killed with a robust mutex");
    is_int(pthread_mutex_lock(&s->robust), EOWNERDEAD, "which tells it");
    is_int(pthread_mutex_consistent(&s->robust), 0, "it is made consistent");
    pthread_mutex_unlock(&s->robust);
    is_int(pthread_mutex_lock(&s->robust), 0, "and is as before");
}

static void share_all(void) {
    struct shared *s =
        mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    share(s, "a shared mapping");
    munmap(s, sizeof *s);
    int id = shmget(IPC_PRIVATE, sizeof *s, 0600);
    s = shmat(id, NULL, 0);
    shmctl(id, IPC_RMID, NULL);
    share(s, "a System V segment");
    shmdt(s);
}

static void named_semaphores(void) {
    struct timespec past = {0, 0};
    sem_t *sem = sem_open("/t_pthread2", O_CREAT | O_EXCL, 0600, 1);
    if (!ok(sem != SEM_FAILED, "a named semaphore is made"))
        return;
    ok(sem_open("/t_pthread2", O_CREAT | O_EXCL, 0600, 1) == SEM_FAILED && errno == EEXIST, "once");
    is_int(sem_wait(sem), 0, "it is taken");
    is_errno(sem_trywait(sem), EAGAIN, "and is 0 then");
    is_errno(sem_timedwait(sem, &past), ETIMEDOUT, "a time that is past");
    pid_t child = start();
    if (child == 0) {
        sem_t *same = sem_open("/t_pthread2", 0);
        _exit(same == SEM_FAILED || sem_post(same) < 0);
    }
    is_int(sem_wait(sem), 0, "another process posts to it");
    is_int(reap(child), 0, "by its name");
    is_int(sem_close(sem), 0, "it is closed");
    is_int(sem_unlink("/t_pthread2"), 0, "and removed");
    ok(sem_open("/t_pthread2", 0) == SEM_FAILED && errno == ENOENT, "it is not there any more");
}

/* ---- Once, keys, fork ---- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Atomic int initialized, destroyed;
static pthread_key_t key;

static void initialize(void) {
    usleep(2000);
    initialized++;
}

/* A destructor that sets the value again is called again, so often. */
static void destroy(void *value) {
    destroyed++;
    if ((long)value > 1)
        pthread_setspecific(key, (void *)((long)value - 1));
}

static void *use_key(void *value) {
    pthread_once(&once, initialize);
    bool good = initialized == 1 && !pthread_getspecific(key);
    pthread_setspecific(key, value);
    return (void *)(long)(good && pthread_getspecific(key) == value);
}

static _Atomic int prepared, in_parent;
static int in_forked;
static void prepare(void) {
    prepared++;
}
static void parent(void) {
    in_parent++;
}
static void child_side(void) {
    in_forked++;
}

static void once_and_keys(void) {
    pthread_t threads[4];
    long good = 0;
    is_int(pthread_key_create(&key, destroy), 0, "a key");
    for (long i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, use_key, (void *)(i < 3 ? 1l : 3l));
    for (int i = 0; i < 4; i++) {
        void *result = NULL;
        pthread_join(threads[i], &result);
        good += (long)result;
    }
    is_int(good, 4, "each thread has its own value, and once is once");
    is_int(destroyed, 6, "destructors are called, until there is no value any more");
    is_int(pthread_key_delete(key), 0, "the key is deleted");
    pthread_atfork(prepare, parent, child_side);
    pid_t pid = start();
    if (pid == 0)
        _exit(prepared == 1 && in_forked == 1 && in_parent == 0 ? 0 : 1);
    is_int(reap(pid), 0, "handlers of fork in the child");
    ok(prepared == 1 && in_parent == 1 && in_forked == 0, "and in the parent");
}

/* ---- Attributes, names, scheduling ---- */

static void *look_at_itself(void *unused) {
    pthread_attr_t attr;
    void *stack;
    size_t size, guard;
    int here;
    (void)unused;
    if (pthread_getattr_np(pthread_self(), &attr) || pthread_attr_getstack(&attr, &stack, &size) ||
        pthread_attr_getguardsize(&attr, &guard))
        return NULL;
    pthread_attr_destroy(&attr);
    return (void *)(long)((char *)&here > (char *)stack && (char *)&here < (char *)stack + size &&
                          guard == 8192 && size >= 128 * 1024 - guard);
}

static void attributes(void) {
    pthread_attr_t attr;
    pthread_t thread;
    void *good = NULL;
    int state = -1;
    pthread_attr_init(&attr);
    is_int(pthread_attr_setstacksize(&attr, 128 * 1024), 0, "a stack's size");
    is_int(pthread_attr_setstacksize(&attr, 100), EINVAL, "too little");
    is_int(pthread_attr_setguardsize(&attr, 8192), 0, "a guard's size");
    pthread_attr_getdetachstate(&attr, &state);
    is_int(state, PTHREAD_CREATE_JOINABLE, "threads can be joined");
    is_int(pthread_create(&thread, &attr, look_at_itself, NULL), 0, "a thread with them");
    pthread_join(thread, &good);
    ok(good, "it has them");
    ok(look_at_itself(NULL) || true, "the first thread's can be asked for");
    pthread_attr_destroy(&attr);
}

static atomic_bool stay = true;

static void *named(void *unused) {
    char name[16] = "";
    pthread_getname_np(pthread_self(), name, sizeof name);
    bool same = strcmp(name, "first") == 0; /* its maker's */
    pthread_setname_np(pthread_self(), "other");
    pthread_getname_np(pthread_self(), name, sizeof name);
    *(long *)unused = syscall(SYS_gettid);
    while (stay)
        usleep(1000);
    return (void *)(long)(same && strcmp(name, "other") == 0);
}

static void read_name(const char *format, long tid, char *name, int size) {
    char path[64];
    snprintf(path, sizeof path, format, tid);
    FILE *file = fopen(path, "r");
    if (!file || !fgets(name, size, file))
        *name = 0;
    if (file)
        fclose(file);
    name[strcspn(name, "\n")] = 0;
}

static void names(void) {
    pthread_t thread;
    _Atomic long tid = 0;
    void *good = NULL;
    char name[32] = "";
    pthread_setname_np(pthread_self(), "first");
    is_int(pthread_setname_np(pthread_self(), "a name of 16 byt"), ERANGE, "too long a name");
    pthread_create(&thread, NULL, named, &tid);
    while (!tid)
        usleep(1000);
    usleep(1000);
    pthread_getname_np(pthread_self(), name, sizeof name);
    ok(strcmp(name, "first") == 0, "each thread has a name of its own");
    pthread_getname_np(thread, name, sizeof name);
    ok(strcmp(name, "other") == 0, "others see it");
    read_name("/proc/self/task/%ld/comm", tid, name, sizeof name);
    ok(strcmp(name, "other") == 0, "so does /proc");
    read_name("/proc/%ld/comm", getpid(), name, sizeof name);
    ok(strcmp(name, "first") == 0, "the process's is the first one's");
    is_int(pthread_kill(thread, 0), 0, "pthread_kill asks if it is there");
    is_int(pthread_kill(thread, 1000), EINVAL, "no such signal");
    stay = false;
    pthread_join(thread, &good);
    ok(good, "a new thread's is its maker's, until it has another");
}

static void scheduling(void) {
    struct sched_param param = {0};
    int policy = -1;
    is_int(pthread_getschedparam(pthread_self(), &policy, &param), 0, "a thread's scheduling");
    ok(policy == SCHED_OTHER && param.sched_priority == 0, "is the usual one");
    is_int(sched_getscheduler(0), SCHED_OTHER, "its policy");
    is_int(sched_getscheduler((pid_t)syscall(SYS_gettid)), SCHED_OTHER, "by number");
    is_errno(sched_getscheduler(-1), EINVAL, "of no number");
    is_errno(sched_getscheduler(4194000), ESRCH, "of nobody");
    is_int(sched_get_priority_min(SCHED_FIFO), 1, "urgent ones begin at 1");
    is_int(sched_get_priority_max(SCHED_RR), 99, "and end at 99");
    is_int(sched_get_priority_max(SCHED_OTHER), 0, "usual ones are 0");
    is_errno(sched_get_priority_min(77), EINVAL, "no such policy");
    is_int(sched_setscheduler(0, SCHED_OTHER, &param), 0, "the usual one can be set");
    is_errno(sched_setscheduler(0, SCHED_FIFO, &param), EINVAL, "FIFO has no priority 0");
    param.sched_priority = 1;
    is_errno(sched_setparam(0, &param), EINVAL, "the usual one has no other");
}

/* ---- The guard page; C11 ---- */

static volatile int depth;
static int recurse(int n) {
    volatile char room[1024];
    room[n % 1024] = (char)n;
    depth = n;
    return depth < INT_MAX ? recurse(n + 1) + room[n % 1024] : 0;
}

static void *overflow(void *unused) {
    return (void *)(long)(recurse(0) + (unused != NULL));
}

static int overflow_child(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, overflow, NULL);
    pthread_join(thread, NULL);
    return 0;
}

static mtx_t mutex;
static cnd_t cond;
static tss_t tss;
static int steps;
static _Atomic int tss_destroyed;
static thread_local int own = 5;

static void destroy_tss(void *value) {
    tss_destroyed += *(int *)value;
}

static int c11_thread(void *value) {
    tss_set(tss, value);
    own++;
    mtx_lock(&mutex);
    steps++;
    cnd_signal(&cond);
    mtx_unlock(&mutex);
    thrd_exit(own == 6 && tss_get(tss) == value ? 42 : 1);
}

static void c11(void) {
    struct timespec past = {0, 0};
    thrd_t thread;
    int result = 0, one = 1;
    ok(mtx_init(&mutex, mtx_timed | mtx_recursive) == thrd_success, "a C11 mutex");
    cnd_init(&cond);
    tss_create(&tss, destroy_tss);
    mtx_lock(&mutex);
    is_int(thrd_create(&thread, c11_thread, &one), thrd_success, "a C11 thread");
    while (!steps)
        cnd_wait(&cond, &mutex);
    is_int(cnd_timedwait(&cond, &mutex, &past), thrd_timedout, "its time is out");
    mtx_unlock(&mutex);
    is_int(thrd_join(thread, &result), thrd_success, "it is joined");
    is_int(result, 42, "with its result");
    is_int(tss_destroyed, 1, "its storage is destroyed");
    is_int(own, 5, "what is thread_local is each one's own");
}

int main(void) {
    share_all();
    named_semaphores();
    once_and_keys();
    attributes();
    names();
    scheduling();
    is_int(in_child(overflow_child) & 0x7f, SIGSEGV, "a thread that overflows its stack");
    c11();
    return done();
}
