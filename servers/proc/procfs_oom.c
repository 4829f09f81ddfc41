/* SPDX-License-Identifier: MIT */
/* /proc/PID/oom_score and oom_score_adj: who is to end when memory is full (proc(5)); pool.c chooses. */
#include "pool.h"
#include "procfs.h"

/* From 0, for one that has nothing and may be ended, to 1,333 or so, as Linux scales it. */
bool make_oom_score(struct making *m) {
    int64_t badness = pool_badness(m->process), all = (int64_t)pool_memory(m->process);
    int64_t points = badness == POOL_SPARED ? 0 : (1000 + badness * 1000 / all) * 2 / 3;
    text_print(&m->text, "%d\n", (int)points);
    return false;
}

bool make_oom_score_adj(struct making *m) {
    text_print(&m->text, "%d\n", m->process->oom_adjust);
    return false;
}

/* Below what root has set it to, or an ancestor of the process, only root may set it. */
long store_oom_score_adj(const struct process *by, struct thread *t, const char *text) {
    uint64_t number;
    if (setting_number(&text, TYPE_INT, &number) != 1)
        return -EINVAL;
    int64_t value = (int64_t)number;
    if (value < -OOM_ADJUST_MOST || value > OOM_ADJUST_MOST)
        return -EINVAL;
    if (by->euid == 0)
        t->process->oom_least = (int16_t)value;
    else if (value < t->process->oom_least)
        return -EACCES;
    t->process->oom_adjust = (int16_t)value;
    return 0;
}
