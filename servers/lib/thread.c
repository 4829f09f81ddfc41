/* SPDX-License-Identifier: MIT */
/* Threads of servers (thread.h). */
#include <lib/server.h>
#include <lib/thread.h>

long server_thread(void (*entry)(void), void *stack_end, unsigned priority) {
    static struct pk_regs regs;
    uint64_t gp, tp;
    __asm__("mv %0, gp\n mv %1, tp" : "=r"(gp), "=r"(tp));
    regs.x[0] = (uint64_t)(uintptr_t)entry;
    regs.x[2] = (uint64_t)(uintptr_t)stack_end;
    regs.x[3] = gp;
    regs.x[4] = tp;
    long thread = pk_thread_create(PK_SLOT_SERVER_TASK, &regs, priority);
    if (thread < 0)
        return thread;
    must(pk_thread_resume((uint64_t)thread));
    must(pk_cap_drop(0, (uint64_t)thread));
    return 0;
}
