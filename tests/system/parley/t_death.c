/* SPDX-License-Identifier: MIT */
/*
 * The death of servers, in a machine that was booted with test=crash: who waits for one hears EHOSTDOWN at
 * once, everybody else goes on, and it comes back, for old processes and new ones, with nothing of what it
 * had. No memory stays behind. The third death in ten seconds is the last.
 */
#include "tap.h"
#include <fcntl.h>
#include <parley/stubs.h>
#include <protocol/proc_client.h>
#include <protocol/session_client.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>

#define KEY 0x50524c59
#define LOADS 6
#define PATIENCE_S 20
#define WINDOW_S 11 /* a little more than what deaths are counted in */

struct server {
    const char *name;
    unsigned slot;     /* of who is asked to make it die */
    const char *other; /* the server, if it is not that one */
};

static const struct server servers[] = {
    {"msg", PK_SLOT_MSG, ""}, {"mq", PK_SLOT_MQ, ""},   {"sem", PK_SLOT_SEM, ""},
    {"shm", PK_SLOT_SHM, ""}, {"vfs", PK_SLOT_VFS, ""}, {"console", PK_SLOT_VFS, "console"}};
enum { SERVERS = sizeof(servers) / sizeof(servers[0]), MSG = 0, MQ, SEM, SHM, VFS, CONSOLE };

/* ---- What programs do -------------------------------------------------------------------------- */

struct text {
    long type;
    char bytes[8];
};

/* glibc's <sys/msg.h> and <sys/sem.h> do not go with the protocols' own structures: system calls. */
static long msg_make(int key) {
    return syscall(SYS_msgget, key, 0600 | IPC_CREAT);
}

static long msg_put(int id) {
    struct text text = {1, "a text"};

    return syscall(SYS_msgsnd, id, &text, sizeof(text.bytes), IPC_NOWAIT);
}

static long msg_take(int id) {
    struct text text;

    return syscall(SYS_msgrcv, id, &text, sizeof(text.bytes), 0L, 0);
}

static long sem_make(int key) {
    return syscall(SYS_semget, key, 1, 0600 | IPC_CREAT);
}

static long sem_add(int id, int value) {
    struct {
        unsigned short number;
        short value, flags;
    } op = {0, (short)value, 0};

    return syscall(SYS_semop, id, &op, 1);
}

static bool use_msg(void) {
    long id = msg_make(IPC_PRIVATE);

    return id >= 0 && msg_put((int)id) == 0 && msg_take((int)id) == 8 &&
           syscall(SYS_msgctl, (int)id, IPC_RMID, 0) == 0;
}

/* The arguments of mq_open(2); it takes the name without the slash. */
static long mq_make(const char *name, unsigned long flags) {
    const long attr[8] = {0, 2, 64};

    return syscall(SYS_mq_open, name, flags, 0600, attr);
}

static long mq_put(long fd) {
    return syscall(SYS_mq_timedsend, fd, "a text", 6, 1, NULL);
}

static long mq_take(long fd) {
    char text[64];

    return syscall(SYS_mq_timedreceive, fd, text, sizeof(text), NULL, NULL);
}

static bool use_mq(void) {
    char name[32];

    snprintf(name, sizeof(name), "death.%d", (int)getpid());
    long fd = mq_make(name, O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK);
    bool good = fd >= 0 && mq_put(fd) == 0 && mq_take(fd) == 6;
    good = syscall(SYS_mq_unlink, name) == 0 && good;
    if (fd >= 0)
        close((int)fd);
    return good;
}

static bool use_sem(void) {
    long id = sem_make(IPC_PRIVATE);

    return id >= 0 && sem_add((int)id, 1) == 0 && sem_add((int)id, -1) == 0 &&
           syscall(SYS_semctl, (int)id, 0, IPC_RMID, 0) == 0;
}

static bool use_shm(void) {
    int id = shmget(IPC_PRIVATE, 8192, 0600 | IPC_CREAT);
    char *at = id < 0 ? NULL : shmat(id, NULL, 0);

    if (!at || at == (void *)-1)
        return false;
    at[5000] = 'x';
    return shmdt(at) == 0 && shmctl(id, IPC_RMID, NULL) == 0;
}

static bool use_vfs(void) {
    char name[32], byte = 'y';
    int pipes[2];

    snprintf(name, sizeof(name), "/tmp/death.%d", (int)getpid());
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        return false;
    bool good = write(fd, "text", 4) == 4 && lseek(fd, 0, SEEK_SET) == 0 && read(fd, &byte, 1) == 1;
    good = close(fd) == 0 && unlink(name) == 0 && good;
    if (pipe(pipes) < 0)
        return false;
    good = write(pipes[1], "p", 1) == 1 && read(pipes[0], &byte, 1) == 1 && good;
    close(pipes[0]);
    close(pipes[1]);
    return good && byte == 'p';
}

static bool use_proc(void) {
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        execl("/bin/true", "true", NULL);
        _exit(127);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* A terminal's state: vfs asks the console for it. */
static bool use_console(void) {
    char termios[64];
    int fd = open("/dev/console", O_RDWR);
    bool good = fd >= 0 && syscall(SYS_ioctl, fd, 0x5401 /* TCGETS */, termios) == 0;

    if (fd >= 0)
        close(fd);
    return good;
}

static bool use_pty(void) {
    char name[64], bytes[4];
    int master = posix_openpt(O_RDWR | O_NOCTTY), slave = -1;
    bool good = master >= 0 && unlockpt(master) == 0 && ptsname_r(master, name, sizeof(name)) == 0;

    if (good)
        slave = open(name, O_RDWR | O_NOCTTY);
    good = slave >= 0 && write(slave, "on\n", 3) == 3 && read(master, bytes, 4) == 4 &&
           memcmp(bytes, "on\r\n", 4) == 0;
    close(slave);
    close(master);
    return good;
}

static bool (*const uses[])(void) = {use_msg, use_mq,      use_sem,  use_shm,
                                     use_vfs, use_console, use_proc, use_pty};
enum { USES = sizeof(uses) / sizeof(uses[0]) };

/* ---- Deaths --------------------------------------------------------------------------------------- */

/*
 * The call's result: that of a server which died is -EHOSTDOWN. What was printed goes out before, or the
 * line about the death would stand in its middle.
 */
static long crash(const struct server *s, unsigned how) {
    tcdrain(STDOUT_FILENO);
    pk_may_fail(proc_connect(PK_SLOT_PROC, s->slot)); /* the crash will tell */
    return session_crash(s->slot, how, 0, s->other, strlen(s->other));
}

/* Descriptors 0 to 2 are lost when vfs or its console dies. */
static void reopen(void) {
    int fd = -1;

    for (int i = 0; i < PATIENCE_S * 100 && (fd = open("/dev/console", O_RDWR)) < 0; i++)
        sleep_ms(10);
    for (int i = 0; i < 3; i++)
        dup2(fd, i);
    if (fd > 2)
        close(fd);
}

/* Works again within a time in which nobody should get impatient. */
static bool comes_back(bool (*use)(void)) {
    for (int i = 0; i < PATIENCE_S * 100; i++) {
        if (use())
            return true;
        sleep_ms(10);
    }
    return false;
}

static bool comes_back_for_new(bool (*use)(void)) {
    pid_t pid = fork();

    if (pid == 0)
        _exit(!comes_back(use));
    return pid > 0 && reap_exit(pid) == 0;
}

/* A death, and what every process may expect of it. */
static void check_death(int which, unsigned how) {
    const struct server *s = &servers[which];
    long result = crash(s, how);
    bool back = comes_back(uses[which]), all = true;

    if (which == VFS)
        reopen();
    is_int(result, -EHOSTDOWN, "%s: who made it die hears EHOSTDOWN", s->name);
    ok(back, "%s: it comes back for an old process", s->name);
    ok(comes_back_for_new(uses[which]), "%s: and for a new one", s->name);
    for (int i = 0; i < USES; i++)
        all = uses[i]() && all;
    ok(all, "%s: all servers are of use", s->name);
}

/* ---- Load ------------------------------------------------------------------------------------------ */

static volatile unsigned long *rounds; /* of each load that went well, in memory that all share */

static void load(int number) {
    for (;;) {
        bool good = true;

        for (int i = 0; i < USES; i++)
            good = uses[i]() && good;
        rounds[number] += good;
    }
}

/* Every load has gone well some more times. */
static bool all_go_on(void) {
    unsigned long before[LOADS];

    memcpy(before, (const void *)rounds, sizeof(before));
    for (int i = 0; i < LOADS; i++)
        for (int tries = 0; rounds[i] < before[i] + 3; tries++) {
            if (tries > PATIENCE_S * 100)
                return false;
            sleep_ms(10);
        }
    return true;
}

static void check_under_load(void) {
    pid_t pids[LOADS];

    for (int i = 0; i < LOADS; i++) {
        pids[i] = start();
        if (pids[i] == 0)
            load(i);
    }
    ok(all_go_on(), "load");
    for (int i = 0; i < SERVERS; i++) {
        check_death(i, SESSION_CRASH_FAULT);
        ok(all_go_on(), "%s: everybody goes on", servers[i].name);
    }
    for (int i = 0; i < LOADS; i++) {
        kill(pids[i], SIGKILL);
        reap(pids[i]);
    }
}

/* ---- Those who wait, and what they had ---------------------------------------------------------------- */

static int wait_msg(int id) {
    return msg_take(id) < 0 ? errno : 0;
}

static int wait_sem(int id) {
    return sem_add(id, -1) < 0 ? errno : 0;
}

static int wait_vfs(int fd) {
    char byte;

    return read(fd, &byte, 1) < 0 ? errno : 0;
}

static pid_t start_waiting(int (*wait)(int), int id) {
    pid_t pid = start();

    if (pid == 0)
        _exit(wait(id));
    let_block();
    return pid;
}

static bool is_gone(long result) {
    return result == -1 && (errno == EINVAL || errno == EIDRM);
}

static void check_msg(void) {
    long id = msg_make(KEY);
    pid_t pid = start_waiting(wait_msg, (int)id);

    check_death(MSG, SESSION_CRASH_PANIC);
    is_int(reap_exit(pid), EHOSTDOWN, "msg: a receiver that waited hears EHOSTDOWN");
    long next = msg_make(KEY);
    ok(next >= 0 && next != id, "msg: the same key names another queue");
    ok(is_gone(msg_put((int)id)), "msg: the old id names none");
    is_int(msg_put((int)next), 0, "msg: the new one does");
    syscall(SYS_msgctl, (int)next, IPC_RMID, 0);
}

static int wait_mq(int fd) {
    return mq_take(fd) < 0 ? errno : 0;
}

/* A queue's name, descriptors and messages are vfs's or mq's: with either of them it ends. */
static void check_mq(void) {
    long fd = mq_make("death", O_RDWR | O_CREAT);
    pid_t pid = start_waiting(wait_mq, (int)fd);

    check_death(MQ, SESSION_CRASH_PANIC);
    is_int(reap_exit(pid), EHOSTDOWN, "mq: a receiver that waited hears EHOSTDOWN");
    is_errno(mq_put(fd), EBADF, "mq: the old descriptor is none");
    is_errno(mq_make("death", O_RDWR), ENOENT, "mq: the name is gone");
    long next = mq_make("death", O_RDWR | O_CREAT | O_EXCL);
    ok(next >= 0 && next != fd, "mq: it can be used again, for another queue");
    is_int(mq_put(next), 0, "mq: which works");
    is_errno(mq_put(fd), EBADF, "mq: the old descriptor is none");
    is_int(close((int)fd), 0, "mq: and can be closed");
    is_int(mq_take(next), 6, "mq: the new one is there");
    crash(&servers[VFS], SESSION_CRASH_PANIC);
    bool back = comes_back(use_mq);
    reopen();
    ok(back, "mq: it comes back after vfs");
    is_errno(mq_put(next), EBADF, "mq: the descriptor is lost");
    is_errno(mq_make("death", O_RDWR), ENOENT, "mq: so is the name");
    close((int)next);
}

static void check_sem(void) {
    long id = sem_make(KEY);
    pid_t pid = start_waiting(wait_sem, (int)id);

    check_death(SEM, SESSION_CRASH_PANIC);
    is_int(reap_exit(pid), EHOSTDOWN, "sem: one that waited hears EHOSTDOWN");
    ok(is_gone(sem_add((int)id, 1)), "sem: the old id names none");
}

static void check_shm(void) {
    int id = shmget(KEY, 8192, 0600 | IPC_CREAT);
    char *at = shmat(id, NULL, 0);

    strcpy(at, "kept");
    check_death(SHM, SESSION_CRASH_PANIC);
    is_int(strcmp(at, "kept"), 0, "shm: attached memory stays");
    ok(is_gone(shmctl(id, IPC_RMID, NULL)), "shm: the old id names none");
    is_int(shmdt(at), 0, "shm: and can be detached");
}

static void check_vfs(void) {
    struct stat status;
    char byte, cwd[16] = "";
    int pipes[2], mine = open("/tmp/death.mine", O_RDWR | O_CREAT, 0600);

    if (pipe(pipes) < 0 || mkdir("/tmp/death.d", 0700) < 0 || chdir("/tmp/death.d") < 0)
        bail("files");
    pid_t pid = start_waiting(wait_vfs, pipes[0]);
    crash(&servers[VFS], SESSION_CRASH_PANIC);
    bool back = comes_back(use_vfs);
    long got = read(mine, &byte, 1);
    int error = errno, fresh = open("/etc/passwd", O_RDONLY);
    bool reads = read(fresh, &byte, 1) == 1, same = fresh == mine, closes = close(mine) == 0;
    bool lost = stat("/tmp/death.mine", &status) < 0 && errno == ENOENT;
    bool root = getcwd(cwd, sizeof(cwd)) && !strcmp(cwd, "/");
    close(fresh);
    reopen();
    ok(back, "vfs: it comes back");
    is_int(reap_exit(pid), EHOSTDOWN, "vfs: one that waited hears EHOSTDOWN");
    ok(got == -1 && error == EIO, "vfs: an old descriptor is EIO");
    ok(reads, "vfs: files of the boot image are there");
    ok(!same, "vfs: a new file has another descriptor");
    ok(closes, "vfs: the old one can be closed");
    ok(lost, "vfs: other files are gone");
    ok(root, "vfs: the working directory is the root");
    close(pipes[0]);
    close(pipes[1]);
}

/* Pseudo-terminals end with the console: what is open is dead, and the same numbers are given out again. */
static void check_console(void) {
    char name[64], other[64], byte;
    int master = posix_openpt(O_RDWR | O_NOCTTY), slave;

    if (master < 0 || unlockpt(master) < 0 || ptsname_r(master, name, sizeof(name)) != 0 ||
        (slave = open(name, O_RDWR | O_NOCTTY)) < 0)
        bail("pseudo-terminal");
    pid_t pid = start_waiting(wait_vfs, master);
    check_death(CONSOLE, SESSION_CRASH_PANIC);
    is_int(reap_exit(pid), EIO, "console: who waited at a master hears EIO");
    ok(read(master, &byte, 1) == -1 && errno == EIO, "console: the master is dead");
    ok(write(slave, "x", 1) == -1 && errno == EIO, "console: and the slave");
    int next = posix_openpt(O_RDWR | O_NOCTTY), fresh = -1;
    if (unlockpt(next) == 0 && ptsname_r(next, other, sizeof(other)) == 0)
        fresh = open(other, O_RDWR | O_NOCTTY);
    ok(fresh >= 0 && write(fresh, "x", 1) == 1 && read(next, &byte, 1) == 1 && byte == 'x',
       "console: a new one works");
    ok(write(slave, "x", 1) == -1 && errno == EIO, "console: the old one is none the less dead");
    close(slave);
    close(master);
    ok(write(fresh, "y", 1) == 1 && read(next, &byte, 1) == 1 && byte == 'y',
       "console: and its end does the new one no harm");
    close(fresh);
    close(next);
}

/* ---- The end ----------------------------------------------------------------------------------------- */

/* sem has died twice lately. */
static void check_last_death(void) {
    is_int(crash(&servers[SEM], SESSION_CRASH_FAULT), -EHOSTDOWN, "sem dies a third time");
    is_errno(sem_make(IPC_PRIVATE), EHOSTDOWN, "and stays dead for an old process");
    pid_t pid = start();
    if (pid == 0)
        _exit(sem_make(IPC_PRIVATE) < 0 ? errno : 0);
    is_int(reap_exit(pid), EHOSTDOWN, "and for one that it never knew");
    sleep_ms(500);
    is_errno(sem_make(IPC_PRIVATE), EHOSTDOWN, "it does not come back");
    for (int i = 0; i < USES; i++)
        ok(i == SEM || uses[i](), "the others are of use: %d", i);
}

int main(void) {
    rounds = mmap(NULL, LOADS * sizeof(*rounds), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                  -1, 0);
    if (rounds == MAP_FAILED)
        bail("mmap");
    for (int i = 0; i < USES; i++)
        ok(uses[i](), "before: %d", i);
    check_under_load();
    check_console();
    sleep(WINDOW_S);
    check_msg();
    check_mq();
    sleep(WINDOW_S);
    check_sem();
    check_shm();
    check_vfs();
    long before = free_pages();
    for (int i = 0; i < SERVERS; i++)
        check_death(i, SESSION_CRASH_FAULT);
    check_free_pages(before, 16, "no memory stays behind");
    check_last_death();
    return done();
}
