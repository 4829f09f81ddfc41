/* SPDX-License-Identifier: MIT */
/* System V IPC: Linux's twelve calls, with Linux's argument order for riscv64. */
#ifndef LINUX_SYSVIPC_H
#define LINUX_SYSVIPC_H

#include <stddef.h>
#include <stdint.h>

struct sembuf;
struct linux_timespec;

long linux_msgget(int key, int flags);
struct msgbuf;
long linux_msgsnd(int msqid, const struct msgbuf *message, size_t size, int flags);
long linux_msgrcv(int msqid, struct msgbuf *message, size_t size, long type, int flags);
long linux_msgctl(int msqid, int command, void *buffer);

long linux_semget(int key, int nsems, int flags);
long linux_semop(int semid, const struct sembuf *ops, size_t count);
long linux_semtimedop(int semid, const struct sembuf *ops, size_t count,
                      const struct linux_timespec *timeout);
long linux_semctl(int semid, int semnum, int command, uint64_t arg);

long linux_shmget(int key, size_t size, int flags);
long linux_shmat(int shmid, uint64_t address, int flags);
long linux_shmdt(uint64_t address);
long linux_shmctl(int shmid, int command, void *buffer);

#endif
