/* SPDX-License-Identifier: MIT */
/*
 * What the example programs share and wait with. One interface, three ways to do it, each a file: System V (sysv.c),
 * POSIX (posix.c) and threads (pthreads.c). A program is linked with one of them.
 *
 * All calls end the program with a message if they fail: an example has no better answer.
 */
#ifndef EXAMPLES_IPC_H
#define EXAMPLES_IPC_H

#include <stdbool.h>
#include <stddef.h>

#define SEMAPHORES_MOST 16
#define MAILBOXES_MOST 16
#define WORKERS_MOST 16
#define MESSAGE_MOST 128 /* bytes */

/* "System V", "POSIX", "threads" */
extern const char *const ipc_name;

/*
 * Before the first ipc_start(): memory that all workers share, zeros at first; a semaphore with its value; a mailbox. They
 * are numbered from 0 on, in the order in which they are made.
 */
void *ipc_memory(size_t size);
int ipc_semaphore(unsigned value);
int ipc_mailbox(void);

/* Takes 1 from a semaphore, waiting as long as it is 0; adds 1. */
void ipc_down(int semaphore);
void ipc_up(int semaphore);

/* Messages of a mailbox come in the order in which they were sent. Who sends may have to wait until there is room. */
void ipc_send(int mailbox, const void *message, size_t length);
size_t ipc_receive(int mailbox, void *message, size_t room);

/* Lets a worker (a process, or a thread) do its work beside this one; waits for all: true if each returned true. */
void ipc_start(bool (*work)(int number), int number);
bool ipc_wait(void);

/* Gives everything back. Returns the program's status: 0 if all went well. */
int ipc_end(bool good);

/* Says what failed, by errno, and ends the program. */
void ipc_die(const char *what) __attribute__((noreturn));

#endif
