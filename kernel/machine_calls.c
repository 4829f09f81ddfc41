/* SPDX-License-Identifier: MIT */
/* Kernel calls on the machine as a whole: information, stop, log. */
#include <arch/latency.h>
#include <arch/machine.h>
#include <arch/hart.h>
#include <arch/mmu.h>
#include <calls.h>
#include <check/check.h>
#include <ipc/donate.h>
#include <mm/copy.h>
#include <mm/frame.h>
#include <mm/slab.h>
#include <parley/errno.h>
#include <sched/hart.h>
#include <sched/sched.h>
#include <task/task.h>
#include <task/thread.h>

#define LOG_MAX 256

long sys_machine_info(struct thread *self, const uint64_t *a) {
    struct pk_machine_info info = {
        .timebase_hz = machine.timebase_hz,
        .frames_total = frame_total(),
        .frames_free = frame_free_count() + slab_warm_pages(),
        .objects = slab_objects(),
        .harts = machine.harts_started,
        .uptime_ns = arch_time_ns(),
        .hart = this_hart()->index,
    };
    return copy_to_user(self->task->aspace, a[0], &info, sizeof info);
}

long sys_machine_hart(struct thread *self, const uint64_t *a) {
    if (a[0] >= machine.hart_count)
        return -EINVAL;
    const struct hart *hart = &harts[a[0]];
    uint64_t idle_ns = hart->idle_ns;
    if (hart->idle_since)
        idle_ns += arch_time_ns() - hart->idle_since;
    struct pk_hart_info info = {.idle_ns = idle_ns};
    for (unsigned i = 0; i < PK_INTERRUPTS; i++)
        info.interrupts[i] = hart->interrupts[i];
    return copy_to_user(self->task->aspace, a[1], &info, sizeof info);
}

long sys_machine_stop(struct thread *self, const uint64_t *a) {
    long error = 0;
    if (!cap_find(&self->task->caps, a[0], PK_TYPE_MACHINE, PK_RIGHT_MANAGE, &error))
        return error;
    if (a[1] > PK_STOP_EXIT || a[2] > 255)
        return -EINVAL;
    static const int how[] = {ARCH_STOP_POWEROFF, ARCH_STOP_REBOOT, ARCH_STOP_EXIT};
    latency_report();
    arch_machine_stop(how[a[1]], (unsigned)a[2]);
}

/* All other harts wait until it is done: it tells who looks for faults in the kernel, in debug kernels alone. */
long sys_machine_check(struct thread *self, const uint64_t *a) {
    long error = 0;
    if (!cap_find(&self->task->caps, a[0], PK_TYPE_MACHINE, PK_RIGHT_MANAGE, &error))
        return error;
    return check_kernel();
}

long sys_machine_policy(struct thread *self, const uint64_t *a) {
    char name[PK_POLICY_NAME] = "";
    long error = 0;
    uint32_t right = a[2] == PK_POLICY_SET ? PK_RIGHT_MANAGE : PK_RIGHT_USE;
    if (!cap_find(&self->task->caps, a[0], PK_TYPE_MACHINE, right, &error))
        return error;
    if (a[2] > PK_POLICY_SET)
        return -EINVAL;
    if (a[2] == PK_POLICY_GET) {
        memcpy(name, sched_policy_name(), strlen(sched_policy_name()));
        return copy_to_user(self->task->aspace, a[1], name, sizeof name);
    }
    error = copy_from_user(self->task->aspace, name, a[1], sizeof name);
    if (error < 0)
        return error;
    name[sizeof name - 1] = 0;
    return sched_choose_policy(name) ? 0 : -EINVAL;
}

/* Harts that were not started at boot (maxcpus=) come in whenever they are, as late ones do anyway. */
long sys_machine_harts(struct thread *self, const uint64_t *a) {
    long error = 0;
    uint32_t right = a[1] ? PK_RIGHT_MANAGE : PK_RIGHT_USE;
    if (!cap_find(&self->task->caps, a[0], PK_TYPE_MACHINE, right, &error))
        return error;
    if (a[1] && (a[1] > machine.hart_count || a[1] < machine.harts_started))
        return -EINVAL;
    while (machine.harts_started < a[1])
        if (!arch_start_hart())
            return -EIO;
    return machine.harts_started;
}

/* PK_DONATION_GET: is it on? */
long sys_machine_donation(struct thread *self, const uint64_t *a) {
    long error = 0;
    uint32_t right = a[1] == PK_DONATION_GET ? PK_RIGHT_USE : PK_RIGHT_MANAGE;
    if (!cap_find(&self->task->caps, a[0], PK_TYPE_MACHINE, right, &error))
        return error;
    if (a[1] > PK_DONATION_GET)
        return -EINVAL;
    if (a[1] != PK_DONATION_GET)
        donation_on = a[1] == PK_DONATION_ON;
    return donation_on;
}

/* A line on the kernel's console, marked with who says it. Control characters are not passed on. */
long sys_log(struct thread *self, const uint64_t *a) {
    char line[LOG_MAX + 1];
    uint64_t length = min_u64(a[2], LOG_MAX);
    long error = 0;
    if (!cap_find(&self->task->caps, a[0], PK_TYPE_MACHINE, PK_RIGHT_USE, &error))
        return error;
    error = copy_from_user(self->task->aspace, line, a[1], length);
    if (error < 0)
        return error;
    for (uint64_t i = 0; i < length; i++)
        if (line[i] < ' ' || line[i] > '~')
            line[i] = ' ';
    line[length] = 0;
    kprintf("[%s] %s\n", self->task->name, line);
    return 0;
}

long sys_sync_code(struct thread *self, const uint64_t *a) {
    if (a[0] > PK_SYNC_ALL)
        return -EINVAL;
    if (a[0] == PK_SYNC_ALL)
        arch_mmu_fence_all();
    else
        arch_mmu_sync_code(self->task->aspace);
    return 0;
}
