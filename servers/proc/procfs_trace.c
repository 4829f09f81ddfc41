/* SPDX-License-Identifier: MIT */
/*
 * /proc/trace: what happens in the kernel and between servers, for root (docs/tracing.md). A process writes which events it
 * wants and where it has mapped the file that they are to go to: "MASK ADDRESS", numbers as in C. The kernel then writes
 * rings of them into that file's pages, which the process sees (parley/trace.h), until it writes "0", or ends.
 */
#include "procfs.h"
#include <parley/trace.h>

static int tracer; /* its pid; 0: nobody traces */
static uint64_t tracer_mask;

static long turn_off(void) {
    long error = pk_machine_trace(boot_cap("machine"), 0, 0);
    if (error == 0)
        tracer = 0;
    return error;
}

static long turn_on(const struct process *by, uint64_t mask, uint64_t address) {
    long object = pk_region_object(by->task, address);
    if (object < 0)
        return object == -ENOENT ? -EFAULT : object;
    long error = pk_machine_trace(boot_cap("machine"), (uint64_t)object, mask);
    must(pk_cap_drop(0, (uint64_t)object));
    if (error == 0) {
        tracer = process_pid(by);
        tracer_mask = mask;
    }
    return error;
}

static bool number(const char **text, uint64_t *value) {
    return setting_number(text, TYPE_LONG, value) == 1;
}

static bool is_over(const char *text) {
    uint64_t more;
    return setting_number(&text, TYPE_LONG, &more) == 0;
}

long store_trace(const struct process *by, const char *text) {
    uint64_t mask, address;
    if (!number(&text, &mask))
        return -EINVAL;
    if (mask == 0)
        return is_over(text) ? turn_off() : -EINVAL;
    if (!number(&text, &address) || !is_over(text) || mask & ~PK_TRACE_ALL)
        return -EINVAL;
    if (tracer && tracer != process_pid(by))
        return -EBUSY;
    return turn_on(by, mask, address);
}

/* The mask, and who traces; two zeros: nobody. */
bool make_trace(struct making *m) {
    text_print(&m->text, "%#lx %d\n", tracer ? (unsigned long)tracer_mask : 0, tracer);
    return false;
}

void trace_process_ended(const struct process *p) {
    if (tracer == process_pid(p))
        must(turn_off());
}

void trace_setup(void) {
    must(turn_off()); /* who traced has ended with the proc before this one */
}
