/* SPDX-License-Identifier: MIT */
/*
 * Message queues and semaphores, the same as on Linux: random calls of one process, none of which waits.
 * Results, errors, texts, values and statistics go into one hash a seed; what Linux gives stands below.
 * Where that differs, `t_sysvsame SEED` prints the hash after each call, on either system. qemu-user gets some
 * fields of IPC_STAT wrong.
 */
#include "tap.h"

#include "same.h"

#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>

#define PAGE 4096
#define MEMORY (3 * PAGE)
#define CALLS 10000
#define QUEUES 2
#define SEMAPHORES 4

/* Linux 6.18. */
static const uint64_t linux_hash[] = {
    0xd3e211e32598172f, 0x56c36078cebd0880, 0x1c8b88a6f5a91fac, 0x8f04b3d58f607374,
    0xca0136036a094487, 0x8d9cba4bb7410ee8, 0x71d4eb246b03f2e3, 0x70d8f9736afe2ea0,
};

static char *memory, *memory_end; /* behind it is nothing */
static int queues[QUEUES], set;

static int any_queue(void) {
    return one_in(60) ? queues[0] + 77777 : queues[any(QUEUES)];
}

static size_t any_length(void) {
    return any(3) ? any(70) : any(20) ? any(300) : any(8194);
}

/* Room for a message: ends with the memory, or lies anywhere near its start, aligned or not. */
static char *any_place(size_t length) {
    char *at = memory + 8 * any(10);

    if (one_in(2))
        at += any(8);
    return one_in(2) ? memory_end - sizeof(long) - length : at;
}

static int any_flags(void) {
    return one_in(9) ? (int)any(1 << 19) & 0x7f7ff : 0;
}

static long send_any(void) {
    size_t length = any_length();
    char *at = any_place(length);
    long type = any(30) ? 1 + (long)any(5) : -(long)any(2);
    int flags = IPC_NOWAIT | (any_flags() & ~MSG_COPY), queue = any_queue();

    memcpy(at, &type, sizeof(type));
    for (size_t i = 0; i < length && at + sizeof(type) + i < memory_end; i++)
        at[sizeof(type) + i] = (char)any(256);
    if (one_in(30)) /* not whole: from here on nothing is there */
        at = memory_end - sizeof(type);
    return msgsnd(queue, at, length, flags);
}

static long receive_any(void) {
    size_t length = any(3) ? any(90) : any(20) ? any(400) : 8190 + any(4);
    long type = any(4) ? (long)any(6) : -(long)any(6);
    int flags = IPC_NOWAIT | (any_flags() & ~MSG_COPY), queue = any_queue();
    char *at;

    if (length > PAGE)
        length = PAGE;
    at = any_place(length);
    flags |= one_in(3) ? MSG_NOERROR : 0;
    flags |= one_in(4) ? MSG_EXCEPT : 0;
    memset(memory, 0x5a, MEMORY);
    long got = msgrcv(queue, at, length, type, flags);
    fold_bytes(memory, 400);
    fold_bytes(memory_end - 400, 400);
    return got;
}

static long operate_any(void) {
    struct sembuf ops[4];
    size_t count = 1 + any(4);

    for (size_t i = 0; i < count; i++) {
        ops[i].sem_num = (unsigned short)(any(50) ? any(SEMAPHORES) : any(9));
        ops[i].sem_op = (short)(any(7) - 3);
        if (one_in(40))
            ops[i].sem_op = one_in(2) ? 32000 : -32000;
        ops[i].sem_flg = (short)(IPC_NOWAIT | (any_flags() & 0x7ff));
        if (one_in(4))
            ops[i].sem_flg |= SEM_UNDO;
    }
    long result = semop(one_in(60) ? set + 77777 : set, ops, count);
    for (int i = 0; i < SEMAPHORES; i++)
        fold((uint64_t)semctl(set, i, GETVAL));
    return result;
}

static long look_at_any(void) {
    struct msqid_ds stat;
    int which = (int)any(QUEUES);

    if (one_in(20))
        for (int i = 0; i < SEMAPHORES; i++)
            semctl(set, i, SETVAL, (int)any(5));
    long result = msgctl(queues[which], IPC_STAT, &stat);
    fold(stat.msg_qnum);
    fold(stat.__msg_cbytes);
    fold(stat.msg_lspid == getpid());
    fold(stat.msg_lrpid == getpid());
    return result;
}

static void call_any(void) {
    static long (*const calls[])(void) = {send_any,    send_any,    send_any,    send_any,
                                          receive_any, receive_any, receive_any, receive_any,
                                          operate_any, look_at_any};
    errno = 0;
    long result = calls[any(ARRAY_LENGTH(calls))]();
    fold((uint64_t)result);
    fold(result < 0 ? (uint64_t)errno : 0);
}

static uint64_t run(uint64_t seed, bool verbose) {
    same_begin(seed);
    for (int i = 0; i < QUEUES; i++)
        queues[i] = msgget(IPC_PRIVATE, 0600);
    set = semget(IPC_PRIVATE, SEMAPHORES, 0600);
    for (unsigned int i = 0; i < CALLS; i++) {
        call_any();
        if (verbose)
            printf("# %u %016llx\n", i, (unsigned long long)hash);
    }
    for (int i = 0; i < QUEUES; i++)
        msgctl(queues[i], IPC_RMID, NULL);
    semctl(set, 0, IPC_RMID);
    return hash;
}

int main(int argc, char **argv) {
    memory = mmap(NULL, MEMORY + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memory_end = memory + MEMORY;
    munmap(memory_end, PAGE);
    return same_as(linux_hash, ARRAY_LENGTH(linux_hash), CALLS, run, argc, argv);
}
