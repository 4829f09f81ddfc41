/* SPDX-License-Identifier: MIT */
/* The machine as the kernel sees it: memory, harts, console of last resort, stop, interrupts. */
#ifndef ARCH_MACHINE_H
#define ARCH_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARCH_MAX_HARTS 8

enum { ARCH_STOP_POWEROFF, ARCH_STOP_REBOOT, ARCH_STOP_EXIT };

/* What the device tree told. Physical addresses. */
struct arch_machine {
    uint64_t ram_start, ram_end;
    uint64_t kernel_start, kernel_end; /* the loaded image, boot tables included */
    uint64_t tree_start, tree_end;
    uint64_t initrd_start, initrd_end;
    uint64_t plic_start, plic_size;
    uint64_t test_start; /* the test device, 0 if absent */
    uint64_t timebase_hz;
    uint64_t tick_ns, tick_fraction;    /* how long a tick is; the fraction in 2^-64 ns */
    uint32_t hart_count, harts_started; /* the first ones */
    uint64_t hart_ids[ARCH_MAX_HARTS];
    bool has_sstc, has_zbb; /* extensions that every hart has */
    char command_line[512];
};
extern struct arch_machine machine;

void arch_console_put(char c);
void arch_backtrace(void *frame);
void arch_machine_stop(int how, unsigned status) __attribute__((noreturn));

/* The time counter, in ticks of timebase_hz, and in nanoseconds. */
uint64_t arch_time_ticks(void);
static inline uint64_t arch_time_ns(void) {
    uint64_t ticks = arch_time_ticks();
    return ticks * machine.tick_ns + (uint64_t)((__uint128_t)ticks * machine.tick_fraction >> 64);
}
/* Programs this hart's next timer interrupt; UINT64_MAX for none. */
void arch_timer_program(uint64_t at_ns);

/* Asks another hart to enter the kernel. */
void arch_send_ipi(uint32_t hart);
/* This hart takes all traps the general way; or by the fast path again, where that is in use. */
void arch_trap_generally(bool generally);
/* Starts the other harts, or those that are wanted (maxcpus=), at boot_secondary(). */
void arch_start_harts(void);
/* One more of those that the machine has; it comes in when it does. False: the firmware does not start it. */
bool arch_start_hart(void);
/* Sleeps until an interrupt is pending; the kernel lock must not be held. */
void arch_idle_wait(void);
/* True if an interrupt waits for this hart: long operations should yield. */
bool arch_interrupt_pending(void);
/* Takes whatever interrupts are pending. */
void arch_poll_interrupts(void);

/* External interrupt lines. */
#define ARCH_IRQ_LINES 128
void arch_irq_enable(uint32_t line);
void arch_irq_disable(uint32_t line);
void arch_irq_complete(uint32_t line);

#endif
