/* SPDX-License-Identifier: MIT */
/* The clock source (the time CSR) and the clock event device (Sstc, else the CLINT through SBI). */
#include "csr.h"
#include "sbi.h"
#include <arch/machine.h>
#include <lib/lib.h>

uint64_t arch_time_ticks(void) {
    return csr_read(time);
}

static uint64_t scale(uint64_t v, uint64_t to, uint64_t from) {
    if (to % from == 0)
        return v * (to / from);
    if (from % to == 0)
        return v / (from / to);
    return v / from * to + v % from * to / from;
}

void arch_timer_program(uint64_t at_ns) {
    /* Round up, so that the interrupt never comes before its time. */
    uint64_t ticks = UINT64_MAX;
    if (at_ns < UINT64_MAX - 1000000000)
        ticks = scale(at_ns, machine.timebase_hz, 1000000000) + 1;
    if (machine.has_sstc)
        csr_write(CSR_STIMECMP, ticks);
    else
        sbi_call(SBI_EXT_TIME, 0, ticks, 0, 0, 0);
}
