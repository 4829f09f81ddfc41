/* SPDX-License-Identifier: MIT */
/* What a process does on signals (sigaction(2)). Those that have no action of their own have no record, either. */
#include "proc.h"

const struct signal_action signal_default_action = {.handler = SIG_DFL};

void signal_set_action(struct process *p, int signal, const struct signal_action *action) {
    p->actions[signal - 1] = *action;
    p->acted |= signal_bit(signal);
}

void signal_copy_actions(struct process *child, const struct process *parent) {
    child->acted = parent->acted;
    for (uint64_t left = parent->acted; left; left &= left - 1) {
        int signal = signal_lowest(left);
        child->actions[signal - 1] = parent->actions[signal - 1];
    }
}

uint64_t signal_ignored_set(const struct process *p) {
    uint64_t set = 0;
    for (uint64_t acted = p->acted; acted; acted &= acted - 1)
        if (signal_action(p, signal_lowest(acted))->handler == SIG_IGN)
            set |= signal_bit(signal_lowest(acted));
    return set;
}

void signal_reset_actions(struct process *p) {
    static const struct signal_action ignored = {.handler = SIG_IGN};
    uint64_t acted = p->acted;
    p->acted = 0;
    for (; acted; acted &= acted - 1) {
        int signal = signal_lowest(acted);
        if (p->actions[signal - 1].handler == SIG_IGN)
            signal_set_action(p, signal, &ignored);
    }
}
