/* SPDX-License-Identifier: MIT */
/* The clocks from the `time` CSR and what the boot information says of it. */
#include <lib/clock.h>
#include <parley/clock.h>

#define SECOND 1000000000ull

void clock_init(uint64_t timebase_hz, const struct clock_page *page);

static uint64_t ns_per_tick;          /* 0: not a whole number, use fraction */
static uint64_t fraction;             /* ns per tick, 32 bits behind the point */
static const struct clock_page unset; /* init's own */
static const struct clock_page *clock_page = &unset;

void clock_init(uint64_t timebase_hz, const struct clock_page *page) {
    ns_per_tick = SECOND % timebase_hz ? 0 : SECOND / timebase_hz;
    fraction = (SECOND << 32) / timebase_hz;
    clock_page = page ? page : &unset;
}

uint64_t clock_ns(void) {
    uint64_t ticks;
    __asm__ volatile("rdtime %0" : "=r"(ticks));
    if (ns_per_tick)
        return ticks * ns_per_tick;
    return (uint64_t)((unsigned __int128)ticks * fraction >> 32);
}

uint64_t clock_realtime_ns(void) {
    return clock_page->realtime_ns + clock_ns();
}

uint64_t clock_realtime_offset(void) {
    return clock_page->realtime_ns;
}

int64_t clock_seconds(void) {
    return (int64_t)(clock_realtime_ns() / SECOND);
}
