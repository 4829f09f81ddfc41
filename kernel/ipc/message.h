/* SPDX-License-Identifier: MIT */
/* How messages reach a receiver: the inside of ipc/, for its own files. */
#ifndef IPC_MESSAGE_H
#define IPC_MESSAGE_H

#include <ipc/ipc.h>
#include <stdbool.h>
#include <stdint.h>

#define TOKEN_ID_BITS 20
#define TOKEN_BITS 60 /* above: the number of capabilities in a reply */
#define TOKEN_STEP (1ull << TOKEN_ID_BITS)

/* Gives caller's message to r, which waits or is about to; the caller is then served. Returns 0,
 * or the error that the caller's capabilities caused: nothing was delivered then. */
long message_deliver(struct thread *caller, struct thread *r);
/* Puts a notice of events into r's registers. */
void message_events(struct thread *r, uint64_t bits);
/* Takes the first notice about a call off e and puts it into r's registers. */
void message_notice(struct endpoint *e, struct thread *r);
/* Queues a notice about t's call, or hands it to a waiting receiver. */
void notice_post(struct thread *t);
/* Forgets a queued notice. */
void notice_drop(struct thread *t);
/* Moves capabilities named by packed slots; 0 and the new slots in *packed, or an error. */
long caps_transfer(struct task *from, struct task *to, unsigned count, uint64_t *packed);
/* First half of receiving: takes what is there. False: nothing was. */
bool receive_pending(struct thread *r, struct endpoint *e);
/* Second half: waits. */
void receive_wait(struct thread *r, struct endpoint *e);
/* The call in hand, if any, joins the server's other unanswered ones, which may be cancelled. */
void call_put_aside(struct task *server);
/* Ends caller's pending call and leaves it neither running nor ready. */
void call_finish(struct thread *caller);

#endif
