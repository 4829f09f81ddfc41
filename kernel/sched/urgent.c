/* SPDX-License-Identifier: MIT */
/* The budget of urgent threads (urgent.h). */
#include <sched/urgent.h>

void urgent_renew(struct hart *hart, uint64_t now) {
    if (now - hart->urgent_from < URGENT_PERIOD_NS)
        return;
    hart->urgent_from = now;
    hart->urgent_ns = 0;
    if (hart->queue.throttled) {
        queue_throttle(&hart->queue, false);
        hart->reconsider = true;
    }
}

void urgent_charge(struct hart *hart, uint64_t now, uint64_t ns) {
    urgent_renew(hart, now - ns);
    hart->urgent_ns += ns;
    if (hart->urgent_ns < URGENT_BUDGET_NS || hart->queue.throttled)
        return;
    queue_throttle(&hart->queue, true);
    hart->reconsider = true;
}

uint64_t urgent_event(const struct hart *hart, const struct thread *t) {
    if (hart->queue.throttled)
        return hart->urgent_from + URGENT_PERIOD_NS;
    if (!t || !has_budget(t) || !anybody_waits(hart))
        return UINT64_MAX;
    return hart->switched_at + (URGENT_BUDGET_NS - min_u64(hart->urgent_ns, URGENT_BUDGET_NS));
}
