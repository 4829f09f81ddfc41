/* SPDX-License-Identifier: MIT */
/* /proc/PID: what is read out of a process's own memory, and the regions of that. */
#include "procfs.h"
#include <stdio.h>
#include <string.h>

#define COPIED_AT_ONCE 1024

/* Strings on the stack of its program, as the process has them now; memory that it has given up ends them. */
static bool copy_strings(struct making *m, uint64_t address, uint64_t size) {
    char bytes[COPIED_AT_ONCE];
    for (int n = 0; n < MADE_AT_ONCE && m->at < size && m->process->task; n++) {
        uint64_t left = size - m->at;
        uint64_t count = left < sizeof bytes ? left : sizeof bytes;
        if (pk_task_copy_in(m->process->task, bytes, address + m->at, count) < 0)
            return false;
        text_append(&m->text, bytes, count);
        m->at += count;
    }
    return m->at < size && m->process->task;
}

bool make_cmdline(struct making *m) {
    return copy_strings(m, m->process->strings.arguments, m->process->strings.arguments_size);
}

bool make_environ(struct making *m) {
    return copy_strings(m, m->process->strings.variables, m->process->strings.variables_size);
}

static const char *region_name(const struct process *p, const struct pk_region_info *r) {
    if (r->start < STACK_TOP && r->start + r->length >= STACK_TOP)
        return "[stack]";
    if (r->start >= PERSONALITY_BASE && r->prot & PK_PROT_EXEC)
        return "[vdso]";
    return r->start == p->strings.heap ? "[heap]" : "";
}

/* Files are told by the number of their memory object: their names nobody knows by that. */
bool make_maps(struct making *m) {
    const struct process *p = m->process;
    struct pk_region_info r;
    for (int n = 0; n < MADE_AT_ONCE; n++) {
        if (!p->task || pk_region_info(p->task, m->at, &r) < 0)
            return false;
        char line[80];
        int length =
            snprintf(line, sizeof line, "%08lx-%08lx %c%c%c%c %08lx 00:%02x %lu",
                     (unsigned long)r.start, (unsigned long)(r.start + r.length),
                     r.prot & PK_PROT_READ ? 'r' : '-', r.prot & PK_PROT_WRITE ? 'w' : '-',
                     r.prot & PK_PROT_EXEC ? 'x' : '-', r.prot & PK_MAP_SHARED ? 's' : 'p',
                     (unsigned long)r.offset, r.has_object ? 1u : 0u, (unsigned long)r.object_id);
        const char *name = region_name(p, &r);
        text_print(&m->text, *name ? "%-*s %s\n" : "%-*s%s\n", *name ? 72 : length, line, name);
        m->at = r.start + r.length;
    }
    return true;
}
