/* SPDX-License-Identifier: MIT */
/*
 * System V IPC as messages to the msg, sem and shm servers. The servers read and write the program's
 * structures themselves, with all checks, but for what fits into a message's words: short texts and single
 * operations. svipc(7), msgop(2), semop(2), shmop(2) and their companions.
 */
#include "regions.h"
#include "sysvipc.h"
#include "time.h"
#include <protocol/msg_client.h>
#include <protocol/sem_client.h>
#include <protocol/shm_client.h>

#define PAGE 4096ull
#define ALWAYS_INLINE inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))

#define msg_call(expr) personality_connected(PK_SLOT_MSG, expr)
#define sem_call(expr) personality_connected(PK_SLOT_SEM, expr)
#define shm_call(expr) personality_connected(PK_SLOT_SHM, expr)

long linux_msgget(int key, int flags) {
    return msg_call(msg_get(PK_SLOT_MSG, key, flags));
}

/* The program's struct msgbuf. */
struct msgbuf {
    int64_t type;
    char text[];
};

#define TEXT_WORDS (PK_TEXT_SIZE / sizeof(uint64_t))

/* The queue, the length and the flag that counts, in a word. */
static inline uint64_t how_short(int msqid, size_t size, int flags) {
    return (uint32_t)msqid | (size | (flags & IPC_NOWAIT)) << MSG_SHORT_SHIFT;
}

/* Whole words are loaded into and stored from the registers of a message. */
static bool whole_words(const struct msgbuf *message, size_t size) {
    return (((uintptr_t)message | size) & 7) == 0 && size - 1 < PK_TEXT_SIZE;
}

static ALWAYS_INLINE long load_words(const struct msgbuf *message, size_t size, int64_t *type,
                                     uint64_t text[TEXT_WORDS]) {
    register long a0 __asm__("a0") = (long)message;
    register size_t a1 __asm__("a1") = size;
    PK_MESSAGE_REGISTERS;
    (void)a3;
    __asm__ volatile("jal personality_load_msgbuf"
                     : "+r"(a0), "+r"(a1), "=r"(a2), "=r"(a4), "=r"(a5), "=r"(a6), "=r"(t0),
                       "=r"(t2), "=r"(t3), "=r"(t4), "=r"(t5)
                     :
                     : "ra", "t6", "memory");
    *type = (int64_t)a2;
    text[0] = a4, text[1] = a5, text[2] = a6, text[3] = t0;
    text[4] = t2, text[5] = t3, text[6] = t4, text[7] = t5;
    return a0;
}

static ALWAYS_INLINE long store_words(struct msgbuf *message, size_t size, int64_t type,
                                      const uint64_t text[TEXT_WORDS]) {
    register long a0 __asm__("a0") = (long)message;
    register size_t a1 __asm__("a1") = size;
    PK_MESSAGE_REGISTERS;
    (void)a3;
    a2 = (uint64_t)type;
    a4 = text[0], a5 = text[1], a6 = text[2], t0 = text[3];
    t2 = text[4], t3 = text[5], t4 = text[6], t5 = text[7];
    __asm__ volatile("jal personality_store_msgbuf"
                     : "+r"(a0), "+r"(a1)
                     : "r"(a2), "r"(a4), "r"(a5), "r"(a6), "r"(t0), "r"(t2), "r"(t3), "r"(t4),
                       "r"(t5)
                     : "ra", "t6", "memory");
    return a0;
}

/* Why a text that cannot be read is not sent: what Linux looks at before is told first. */
static NOINLINE long unreadable(int msqid, const struct msgbuf *message) {
    int64_t type;
    if (user_get_word(&type, message) < 0)
        return -EFAULT;
    return msqid < 0 || type < 1 ? -EINVAL : -EFAULT;
}

static NOINLINE long send_bytes(int msqid, const struct msgbuf *message, size_t size, int flags) {
    struct {
        int64_t type;
        uint64_t text[TEXT_WORDS];
    } copy = {0};
    if (user_get(&copy, message, sizeof(copy.type) + size) < 0)
        return unreadable(msqid, message);
    return msg_snd_short(PK_SLOT_MSG, copy.type, how_short(msqid, size, flags), copy.text);
}

static NOINLINE long send_long(int msqid, const struct msgbuf *message, size_t size, int flags) {
    int64_t type;
    if (user_get_word(&type, message) < 0)
        return -EFAULT;
    if (size > MSGMAX || msqid < 0 || type < 1)
        return -EINVAL;
    if (user_probe(message->text, size) < 0)
        return -EFAULT;
    return msg_snd(PK_SLOT_MSG, msqid, flags, type, message->text, size);
}

static ALWAYS_INLINE long send(int msqid, const struct msgbuf *message, size_t size, int flags) {
    if (!whole_words(message, size))
        return size <= PK_TEXT_SIZE ? send_bytes(msqid, message, size, flags)
                                    : send_long(msqid, message, size, flags);
    int64_t type;
    uint64_t text[TEXT_WORDS];
    if (load_words(message, size, &type, text) < 0)
        return unreadable(msqid, message);
    return msg_snd_short(PK_SLOT_MSG, type, how_short(msqid, size, flags), text);
}

PERSONALITY_AGAIN(msgsnd, PK_SLOT_MSG,
                  send((int)a[0], (const struct msgbuf *)a[1], a[2], (int)a[3]))

long linux_msgsnd(int msqid, const struct msgbuf *message, size_t size, int flags) {
    return personality_try(msgsnd, send(msqid, message, size, flags));
}

static NOINLINE long store_bytes(struct msgbuf *message, size_t length, int64_t type,
                                 const uint64_t *text) {
    return user_put(message->text, text, length) < 0 ? -EFAULT : user_put_word(message, type);
}

/* No message is longer than MSGMAX, so more room than that makes no difference. */
static ALWAYS_INLINE long receive(int msqid, struct msgbuf *message, size_t size, long type,
                                  int flags) {
    int64_t received;
    uint64_t text[TEXT_WORDS];
    if ((long)size < 0)
        return -EINVAL;
    size_t room = size < MSGMAX ? size : MSGMAX;
    long length = msg_rcv(PK_SLOT_MSG, msqid, type, flags, message->text, room, &received, text);
    long error = 0;
    if (length < 0)
        return length;
    if (whole_words(message, (size_t)length)) {
        error = store_words(message, (size_t)length, received, text);
    } else if (length > PK_TEXT_SIZE) {
        error = user_put_word(message, received);
    } else {
        uint64_t copy[TEXT_WORDS] = {text[0], text[1], text[2], text[3],
                                     text[4], text[5], text[6], text[7]};
        error = store_bytes(message, (size_t)length, received, copy);
    }
    return error < 0 ? -EFAULT : length;
}

PERSONALITY_AGAIN(msgrcv, PK_SLOT_MSG,
                  receive((int)a[0], (struct msgbuf *)a[1], a[2], (long)a[3], (int)a[4]))

long linux_msgrcv(int msqid, struct msgbuf *message, size_t size, long type, int flags) {
    return personality_try(msgrcv, receive(msqid, message, size, type, flags));
}

long linux_msgctl(int msqid, int command, void *buffer) {
    switch (command) {
    case IPC_STAT:
    case MSG_STAT:
    case MSG_STAT_ANY:
        return msg_call(msg_stat(PK_SLOT_MSG, msqid, command, buffer));
    case IPC_SET:
        return msg_call(msg_set(PK_SLOT_MSG, msqid, buffer));
    case IPC_RMID:
        return msg_call(msg_remove(PK_SLOT_MSG, msqid));
    case IPC_INFO:
    case MSG_INFO:
        return msg_call(msg_info(PK_SLOT_MSG, command, buffer));
    default:
        return -EINVAL;
    }
}

long linux_semget(int key, int nsems, int flags) {
    return sem_call(sem_get(PK_SLOT_SEM, key, nsems, flags));
}

/* Linux counts the operations in 32 bits. */
static NOINLINE long operate_several(int semid, const struct sembuf *ops, unsigned count,
                                     int64_t timeout_ns) {
    if (count < 1)
        return -EINVAL;
    if (count > SEMOPM)
        return -E2BIG;
    return sem_op(PK_SLOT_SEM, semid, timeout_ns, ops, count);
}

static ALWAYS_INLINE long operate(int semid, const struct sembuf *ops, unsigned count,
                                  int64_t timeout_ns) {
    uint64_t packed;
    if (count != 1)
        return operate_several(semid, ops, count, timeout_ns);
    if (user_get_halves(&packed, ops) < 0)
        return -EFAULT;
    return sem_op_one(PK_SLOT_SEM, semid, timeout_ns, packed);
}

PERSONALITY_AGAIN(semop, PK_SLOT_SEM,
                  operate((int)a[0], (const struct sembuf *)a[1], (unsigned)a[2], SEM_FOREVER))

long linux_semop(int semid, const struct sembuf *ops, size_t count) {
    return personality_try(semop, operate(semid, ops, (unsigned)count, SEM_FOREVER));
}

/* A time too long to count in nanoseconds, some 292 years, is for ever. */
static NOINLINE long operate_in_time(int semid, const struct sembuf *ops, unsigned count,
                                     const struct linux_timespec *timeout) {
    uint64_t ns;
    long error = time_read(timeout, &ns);
    if (error < 0)
        return error;
    return sem_call(operate(semid, ops, count, ns == TIME_FOR_EVER ? SEM_FOREVER : (int64_t)ns));
}

long linux_semtimedop(int semid, const struct sembuf *ops, size_t count,
                      const struct linux_timespec *timeout) {
    return timeout ? operate_in_time(semid, ops, (unsigned)count, timeout)
                   : personality_try(semop, operate(semid, ops, (unsigned)count, SEM_FOREVER));
}

/* `arg` is union semun: a number or an address. The server knows how long GETALL's array is. */
long linux_semctl(int semid, int semnum, int command, uint64_t arg) {
    void *buffer = (void *)arg;
    switch (command) {
    case GETVAL:
    case GETPID:
    case GETNCNT:
    case GETZCNT:
        return sem_call(sem_value(PK_SLOT_SEM, semid, semnum, command));
    case SETVAL:
        return sem_call(sem_set_value(PK_SLOT_SEM, semid, semnum, (int)arg));
    case GETALL:
        return sem_call(sem_get_all(PK_SLOT_SEM, semid, buffer, SEMMSL));
    case SETALL:
        return sem_call(sem_set_all(PK_SLOT_SEM, semid, buffer, SEMMSL));
    case IPC_STAT:
    case SEM_STAT:
    case SEM_STAT_ANY:
        return sem_call(sem_stat(PK_SLOT_SEM, semid, command, buffer));
    case IPC_SET:
        return sem_call(sem_set(PK_SLOT_SEM, semid, buffer));
    case IPC_RMID:
        return sem_call(sem_remove(PK_SLOT_SEM, semid));
    case IPC_INFO:
    case SEM_INFO:
        return sem_call(sem_info(PK_SLOT_SEM, command, buffer));
    default:
        return -EINVAL;
    }
}

long linux_shmget(int key, size_t size, int flags) {
    return shm_call(shm_get(PK_SLOT_SHM, key, size, flags));
}

/* shmop(2): SHMLBA is the page size; an occupied address is an error unless SHM_REMAP. */
static long attach_address(uint64_t *address, int flags) {
    if (*address % PAGE) {
        if (!(flags & SHM_RND))
            return -EINVAL;
        *address -= *address % PAGE;
    }
    return !*address && (flags & SHM_REMAP) ? -EINVAL : 0;
}

static uint64_t attach_flags(uint64_t address, int flags) {
    uint64_t map = PK_PROT_READ | PK_MAP_SHARED;
    if (!(flags & SHM_RDONLY))
        map |= PK_PROT_WRITE;
    if (flags & SHM_EXEC)
        map |= PK_PROT_EXEC;
    if (address)
        map |= flags & SHM_REMAP ? PK_MAP_FIXED : PK_MAP_NOREPLACE;
    return map;
}

void linux_shm_detached(int shmid) {
    pk_may_fail(shm_call(shm_dt(PK_SLOT_SHM, shmid)));
}

/* The mapping keeps the memory, so the capability is dropped again at once. */
long linux_shmat(int shmid, uint64_t address, int flags) {
    uint64_t size, object;
    long result = attach_address(&address, flags);
    if (result >= 0)
        result = shm_call(shm_at(PK_SLOT_SHM, shmid, flags, &size, &object));
    if (result < 0)
        return result;
    result = pk_map(0, address, size, attach_flags(address, flags), object, 0,
                    REGION_SHM | ((uint64_t)shmid + 1));
    must(pk_cap_drop(0, object));
    if (result >= 0)
        return result;
    linux_shm_detached(shmid);
    return result == -EEXIST ? -EINVAL : result;
}

/* Unmaps what lies behind `first` and is a piece of the same attachment. */
static long unmap_pieces(const struct pk_region_info *first) {
    struct pk_region_info piece = *first;
    for (;;) {
        if (pk_region_info(0, piece.start + piece.length, &piece) < 0 ||
            (piece.tag ^ first->tag) & ~REGION_ADVICE || piece.start - first->start != piece.offset)
            return 0;
        long error = pk_unmap(0, piece.start, piece.length);
        if (error < 0)
            return error;
    }
}

/*
 * The region at `address` must be the start of an attached segment. mprotect or munmap may have parted it
 * since, so everything behind it that is a piece of the same attachment goes too: before its start, so that
 * who gets ENOMEM (what it shares with a child since a fork must be parted first) can try again.
 */
long linux_shmdt(uint64_t address) {
    struct pk_region_info first;
    if (pk_region_info(0, address, &first) < 0 || first.start != address || first.offset != 0 ||
        !(first.tag & REGION_SHM))
        return -EINVAL;
    long error = unmap_pieces(&first);
    if (error >= 0)
        error = pk_unmap(0, first.start, first.length);
    if (error < 0)
        return error;
    linux_shm_detached(region_shm(&first));
    return 0;
}

long linux_shmctl(int shmid, int command, void *buffer) {
    switch (command) {
    case IPC_STAT:
    case SHM_STAT:
    case SHM_STAT_ANY:
        return shm_call(shm_stat(PK_SLOT_SHM, shmid, command, buffer));
    case IPC_SET:
        return shm_call(shm_set(PK_SLOT_SHM, shmid, buffer));
    case IPC_RMID:
        return shm_call(shm_remove(PK_SLOT_SHM, shmid));
    case SHM_LOCK:
    case SHM_UNLOCK:
        return shm_call(shm_lock(PK_SLOT_SHM, shmid, command));
    case IPC_INFO:
        return shm_call(shm_limits(PK_SLOT_SHM, buffer));
    case SHM_INFO:
        return shm_call(shm_usage(PK_SLOT_SHM, buffer));
    default:
        return -EINVAL;
    }
}
