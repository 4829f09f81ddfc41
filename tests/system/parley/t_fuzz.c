/* SPDX-License-Identifier: MIT */
/*
 * Hostile processes for a while (fuzz.h), in rounds: the witness sees nothing of its own change and is never held up
 * for long; after each round a fresh client works, and memory is what it was.
 *
 * t_fuzz [SECONDS]
 */
#include "fuzz.h"
#include "tap.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>

#define SECONDS 20 /* if it is not told */
#define ROUND_MS 4000
#define STUCK_MS 30       /* a worker that makes no call for so long is stirred */
#define PATIENCE_MS 15000 /* for the witness's next round, on a busy machine */
#define SLACK 48          /* pages that servers keep for the next time */

struct shared *shared;

static pid_t pids[WORKERS], witness_pid;
static unsigned long seen[WORKERS], seen_at[WORKERS], born;

void complain(const char *format, ...) {
    unsigned n = __sync_fetch_and_add(&shared->wrong, 1);
    va_list args;

    va_start(args, format);
    if (n < sizeof(shared->text) / sizeof(shared->text[0]))
        vsnprintf(shared->text[n], sizeof(shared->text[n]), format, args);
    va_end(args);
}

static unsigned long now_ms(void) {
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (unsigned long)t.tv_sec * 1000 + (unsigned long)t.tv_nsec / 1000000;
}

/* With pages that nothing can write to on either side. */
static void make_shared(void) {
    char *at = mmap(NULL, 3 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    shared = mmap(at + (1 << 20), sizeof(*shared), PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (at == MAP_FAILED || shared == MAP_FAILED)
        bail("mmap");
}

/* ---- Workers ------------------------------------------------------------------------------------- */

static void start_worker(unsigned i) {
    fflush(stdout);
    born++;
    pids[i] = fork(); /* if there is no room now, at the next look */
    seen_at[i] = now_ms();
    if (pids[i] == 0)
        worker(i, born * 1000003 + i);
}

static void reap_all(void) {
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == witness_pid) {
            complain("the witness ended: status %x", (unsigned)status);
            witness_pid = -1;
        }
        for (unsigned i = 0; i < WORKERS; i++)
            if (pids[i] == pid)
                pids[i] = -1;
    }
}

/* One that hangs, which it may, gets a signal, or is killed. */
static void stir(unsigned i) {
    if (shared->progress[i] != seen[i]) {
        seen[i] = shared->progress[i];
        seen_at[i] = now_ms();
    } else if (now_ms() - seen_at[i] > STUCK_MS) {
        seen_at[i] = now_ms();
        if (below(3)) {
            kill(pids[i], SIGUSR1);
            kill(pids[i], SIGCONT);
        } else {
            kill(pids[i], SIGKILL);
        }
    }
}

static void look_at_workers(void) {
    reap_all();
    for (unsigned i = 0; i < WORKERS; i++)
        if (pids[i] <= 0)
            start_worker(i);
        else
            stir(i);
    if (below(50) == 0 && pids[below(WORKERS)] > 0)
        kill(pids[below(WORKERS)], SIGKILL); /* in the middle of whatever it does */
}

/* ---- The end of a round ------------------------------------------------------------------------ */

/* All processes of the hostile user, by one of its own. */
static int kill_hostile(void) {
    if (setgid(HOSTILE) < 0 || setuid(HOSTILE) < 0)
        return 1;
    signal(SIGTERM, SIG_IGN);
    kill(-1, SIGKILL);
    return 0;
}

/* All in the folder, however deep: workers change to folders that they made, and make more there. */
static void remove_files(int folder) {
    DIR *dir = fdopendir(folder);
    struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        if (unlinkat(folder, entry->d_name, 0) == 0)
            continue;
        int inside = openat(folder, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        if (inside >= 0)
            remove_files(inside);
        unlinkat(folder, entry->d_name, AT_REMOVEDIR);
    }
    if (dir)
        closedir(dir);
    else
        close(folder);
}

static void remove_objects(void) {
    struct shmid_ds segment;
    struct semid_ds set;
    struct msqid_ds queue;
    struct shm_info info;
    struct seminfo sem_info;
    struct msginfo msg_info;
    int id, last = shmctl(0, SHM_INFO, (struct shmid_ds *)(void *)&info);

    for (int i = 0; i <= last; i++)
        if ((id = shmctl(i, SHM_STAT, &segment)) >= 0)
            shmctl(id, IPC_RMID, NULL);
    last = semctl(0, 0, SEM_INFO, &sem_info);
    for (int i = 0; i <= last; i++)
        if ((id = semctl(i, 0, SEM_STAT, &set)) >= 0)
            semctl(id, 0, IPC_RMID);
    last = msgctl(0, MSG_INFO, (struct msqid_ds *)(void *)&msg_info);
    for (int i = 0; i <= last; i++)
        if ((id = msgctl(i, MSG_STAT, &queue)) >= 0)
            msgctl(id, IPC_RMID, NULL);
}

/* A program of yet another user that needs every server. */
static int fresh_client(void) {
    struct {
        long type;
        char text[10];
    } message = {1, "hello"};
    struct sembuf up = {0, 1, 0};
    int pair[2];

    if (setgid(1001) < 0 || setuid(1001) < 0)
        return 1;
    alarm(60);
    int queue = msgget(IPC_PRIVATE, 0600), set = semget(IPC_PRIVATE, 1, 0600);
    int segment = shmget(IPC_PRIVATE, 4096, 0600);
    if (msgsnd(queue, &message, 10, 0) < 0 || msgrcv(queue, &message, 10, 0, 0) != 10)
        return 2;
    if (semop(set, &up, 1) < 0)
        return 3;
    if (shmat(segment, NULL, 0) == (void *)-1)
        return 4;
    FILE *file = fopen("/tmp/fresh", "w");
    if (!file || fputs("abc", file) < 0 || fclose(file))
        return 5;
    if (pipe(pair) < 0 || write(pair[1], "a", 1) != 1)
        return 6;
    if (unlink("/tmp/fresh") < 0 || msgctl(queue, IPC_RMID, NULL) < 0 ||
        semctl(set, 0, IPC_RMID) < 0 || shmctl(segment, IPC_RMID, NULL) < 0)
        return 7;
    return 0;
}

static void end_round(int processes_before) {
    shared->stop = true;
    for (int tries = 0; tries < 500 && process_count() > processes_before; tries++) {
        in_child(kill_hostile);
        sleep_ms(10);
        while (waitpid(-1, NULL, WNOHANG) > 0)
            continue;
    }
    ok(process_count() <= processes_before, "all processes have ended");
    remove_files(open("/tmp", O_RDONLY | O_DIRECTORY));
    remove_objects();
    is_int(in_child(fresh_client), 0, "a fresh client works");
}

/* ---- A round -------------------------------------------------------------------------------------- */

static void start_witness(void) {
    shared->witnessed = 0;
    witness_pid = start();
    if (witness_pid == 0)
        witness();
    for (int tries = 0; tries < 2000 && !shared->witnessed; tries++)
        sleep_ms(10);
}

static void run_round(unsigned long ms) {
    int before = process_count();
    unsigned long end, rounds = 0, changed;

    shared->stop = false;
    mkdir(FOLDER, 0777);
    start_witness();
    memset(pids, 0, sizeof(pids));
    end = now_ms() + ms;
    changed = now_ms();
    while (now_ms() < end) {
        look_at_workers();
        sleep_ms(2);
        if (shared->witnessed != rounds) {
            rounds = shared->witnessed;
            changed = now_ms();
        } else if (now_ms() - changed > PATIENCE_MS) {
            complain("the witness is held up");
            break;
        }
    }
    end_round(before);
    printf("# the witness made %lu rounds; %ld pages are free\n", rounds, free_pages());
}

int main(int argc, char **argv) {
    unsigned long seconds = argc > 1 ? strtoul(argv[1], NULL, 10) : SECONDS;
    unsigned long end = now_ms() + seconds * 1000;

    random_state = 88172645463325252ull;
    make_shared();
    umask(0);
    run_round(ROUND_MS / 2); /* what servers keep for good they have then */
    long before = free_pages();
    while (now_ms() < end)
        run_round(ROUND_MS);
    check_free_pages(before, SLACK, "memory is what it was");
    is_int(shared->wrong, 0, "nothing of the witness's changed, and it was not held up");
    for (unsigned i = 0; i < shared->wrong && i < sizeof(shared->text) / sizeof(shared->text[0]);
         i++)
        printf("# %s\n", shared->text[i]);
    printf("# calls of the kernel %lu, messages %lu, Linux calls %lu, children %lu, workers %lu\n",
           shared->calls[KERNEL], shared->calls[MESSAGE], shared->calls[LINUX], shared->calls[FORK],
           born);
    return done();
}
