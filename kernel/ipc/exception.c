/* SPDX-License-Identifier: MIT */
/*
 * Exceptions: faults and attention become calls by the kernel, in the thread's name, to its
 * task's exception endpoint. The answer lets the thread go on with the registers that it then has.
 */
#include <ipc/ipc.h>
#include <ipc/message.h>
#include <parley/calls.h>
#include <task/task.h>
#include <task/thread.h>

void exception_send(struct thread *t, uint64_t label, uint64_t w0, uint64_t w1, uint64_t w2,
                    uint64_t w3) {
    t->call.exception = label;
    t->call.exception_words[0] = w0;
    t->call.exception_words[1] = w1;
    t->call.exception_words[2] = w2;
    t->call.exception_words[3] = w3;
    if (t->task->exception)
        call_start(t, t->task->exception, t->task->exception_badge);
    else
        exception_unanswered(t);
}

void exception_unanswered(struct thread *t) {
    kprintf("[%s] exception %lx unanswered: %lx %lx %lx %lx; thread stopped\n", t->task->name,
            (uint64_t)(t->call.exception & ~PK_LABEL_KERNEL), t->call.exception_words[0],
            t->call.exception_words[1], t->call.exception_words[2], t->call.exception_words[3]);
    t->call.exception = 0;
    t->suspended = true;
}

bool exception_attention(struct thread *t, uint64_t word) {
    t->attention = false;
    if (!t->task->exception)
        return false;
    exception_send(t, PK_EXCEPTION_ATTENTION, t->regs.x[REG_RESULT], t->foreign.first_argument,
                   word, 0);
    return true;
}
