/* SPDX-License-Identifier: MIT */
/* RLIMIT_AS and RLIMIT_DATA: what may be mapped (getrlimit(2)). */

#include <pthread.h>
#include <stdint.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>

#include "tap.h"

#define MB (1ul << 20)
#define ROOM (64 * MB) /* above what is mapped; how much the stack counts differs between systems */
#define SLACK (16 * MB)

static uint64_t mapped(void) {
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%lu", &pages) != 1)
        bail("/proc/self/statm");
    fclose(f);
    return pages * 4096;
}

static void limit(int resource, uint64_t bytes) {
    struct rlimit now;
    getrlimit(resource, &now);
    now.rlim_cur = bytes;
    if (setrlimit(resource, &now) < 0)
        bail("setrlimit");
}

static void *map(void *at, size_t length, int prot, int flags) {
    return mmap(at, length, prot, MAP_ANONYMOUS | flags, -1, 0);
}

static void *map_data(size_t length) {
    return map(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE);
}

static void *nothing(void *argument) {
    return argument;
}

static void address_space(void) {
    int segment = shmget(IPC_PRIVATE, ROOM, 0600);
    pthread_attr_t attributes;
    pthread_t thread;
    limit(RLIMIT_AS, mapped() + ROOM);
    char *half = map_data(ROOM / 2);
    ok(half != MAP_FAILED, "RLIMIT_AS: half of the room is mapped");
    is_errno(map_data(ROOM), ENOMEM, "more than there is: ENOMEM");
    is_errno(map(NULL, ROOM, PROT_NONE, MAP_PRIVATE | MAP_NORESERVE), ENOMEM,
             "be it never to be used");
    is_errno(map(NULL, ROOM, PROT_READ, MAP_SHARED), ENOMEM, "or shared");
    is_errno(shmat(segment, NULL, 0), ENOMEM, "or a segment");
    is_errno(sbrk((intptr_t)ROOM), ENOMEM, "or the program break");
    is_errno(mremap(half, ROOM / 2, ROOM + SLACK + ROOM / 2, MREMAP_MAYMOVE), ENOMEM,
             "or what a mapping grows by");
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, ROOM);
    is_int(pthread_create(&thread, &attributes, nothing, NULL), EAGAIN,
           "or a thread's stack: EAGAIN");
    half[0] = 1;
    ok(map(half, ROOM / 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED) == half,
       "what is replaced does not count");
    half[0] = 2;
    is_errno(map(half - ROOM * 2, ROOM * 2 + ROOM / 2, PROT_READ, MAP_PRIVATE | MAP_FIXED), ENOMEM,
             "but what is mapped besides");
    is_int(half[0], 2, "and then nothing has changed");
    pid_t pid = fork();
    if (pid == 0)
        _exit(map_data(ROOM) != MAP_FAILED || map_data(4 * MB) == MAP_FAILED);
    is_int(reap_exit(pid), 0, "a child has the same limit");
    munmap(half, ROOM / 2);
    half = map_data(ROOM - SLACK);
    ok(half != MAP_FAILED, "what is unmapped is to be had again");
    limit(RLIMIT_AS, 4096);
    half[ROOM / 2] = 1;
    ok(half[ROOM / 2], "what is mapped stays when the limit falls below it");
    is_errno(map_data(4096), ENOMEM, "and not a page comes to it");
    limit(RLIMIT_AS, RLIM_INFINITY);
    ok(map_data(ROOM * 2) != MAP_FAILED, "without a limit");
    shmctl(segment, IPC_RMID, NULL);
}

static void data(void) {
    limit(RLIMIT_DATA, ROOM);
    char *read_only = map(NULL, ROOM * 2, PROT_READ, MAP_PRIVATE);
    ok(read_only != MAP_FAILED, "RLIMIT_DATA: what is only read is no data");
    ok(map(NULL, ROOM * 2, PROT_READ | PROT_WRITE, MAP_SHARED) != MAP_FAILED,
       "nor is what is shared");
    is_errno(mprotect(read_only, ROOM * 2, PROT_READ | PROT_WRITE), ENOMEM,
             "but when it may be written to: ENOMEM");
    ok(map_data(ROOM / 2) != MAP_FAILED, "half of it is mapped");
    is_errno(map_data(ROOM), ENOMEM, "more than there is: ENOMEM");
    is_errno(sbrk((intptr_t)ROOM), ENOMEM, "the program break counts as well");
    is_int(mprotect(read_only, 4 * MB, PROT_READ | PROT_WRITE), 0, "a little may become data");
    ok(sbrk((intptr_t)MB) != (void *)-1, "and the break rise");
    limit(RLIMIT_DATA, RLIM_INFINITY);
    is_int(mprotect(read_only, ROOM * 2, PROT_READ | PROT_WRITE), 0, "without a limit all may");
}

/* A program that a shell limits. */
static int limited_program(void) {
    void *large = malloc(ROOM * 2), *small = malloc(MB);
    return large || !small;
}

static void shell(const char *program) {
    char command[200];
    snprintf(command, sizeof command, "ulimit -v 65536; exec %s limited", program);
    is_int(system(command), 0, "ulimit -v holds for a program that is executed");
    snprintf(command, sizeof command, "%s limited", program);
    ok(system(command) != 0, "and for no other");
}

int main(int argc, char **argv) {
    if (argc > 1)
        return limited_program();
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    waitpid(pid, NULL, 0);
    shell(argv[0]);
    data();
    address_space();
    return done();
}
