/* SPDX-License-Identifier: MIT */
/* Ranges, sizes and flags that are wrong. */
#include "badargs.h"
#include <string.h>

void bad_ranges(void) {
    things_make();
    static const struct {
        uint64_t start, length;
    } ranges[] = {{0, PAGE},           {PAGE + 1, PAGE},   {PAGE, 0},
                  {PAGE, ~0ull},       {PAGE, 1ull << 63}, {USER_END - PAGE, 2 * PAGE},
                  {USER_END, PAGE},    {1ull << 47, PAGE}, {0xffffffc080000000, PAGE},
                  {~0xfffull, 0x1000}, {PAGE, USER_END},   {~0xfffull, ~0ull}};
    for (unsigned i = 0; i < ARRAY_LENGTH(ranges); i++) {
        uint64_t start = ranges[i].start, length = ranges[i].length, task = things.task;
        expect(-EINVAL, PK_UNMAP, task, start, length, 0, 0, 0);
        expect(-EINVAL, PK_PROTECT, task, start, length, PK_PROT_READ, 0, 0);
        expect(-EINVAL, PK_MAP, task, start, length, PK_PROT_READ | PK_MAP_FIXED, 0, 0);
        expect(-EINVAL, PK_MAP, task, start, length, PK_PROT_READ | PK_MAP_NOREPLACE, 0, 0);
        expect(-EINVAL, PK_MAP, task, start, length, PK_PROT_READ | PK_MAP_FIXED | PK_MAP_SHARED,
               things.object, 0);
    }
    static char buffer[16];
    uint64_t b = (uint64_t)buffer, o = things.object, size = 3 * PAGE;
    expect(-EINVAL, PK_OBJECT_READ, o, size, b, 1, 0, 0);
    expect(-EINVAL, PK_OBJECT_READ, o, size + 1, b, 0, 0, 0);
    expect(-EINVAL, PK_OBJECT_READ, o, 1, b, ~0ull, 0, 0);
    expect(-EINVAL, PK_OBJECT_READ, o, ~0ull, b, 2, 0, 0);
    expect(-EINVAL, PK_OBJECT_WRITE, o, size - 1, b, 2, 0, 0);
    expect(-EINVAL, PK_OBJECT_WRITE, o, ~0ull, b, 2, 0, 0);
    expect(0, PK_OBJECT_READ, o, size, b, 0, 0, 0);
    expect(-EFAULT, PK_TASK_COPY_IN, things.task, b, USER_END - 8, 16, 0, 0);
    expect(-EFAULT, PK_TASK_COPY_OUT, things.task, ~0ull - 7, b, 16, 0, 0);
    things_drop();
}

void bad_values(void) {
    things_make();
    const struct things t = things;
    const uint64_t A = PK_SLOT_ACCOUNT;
    static struct pk_regs regs;
    static char no_policy[PK_POLICY_NAME] = "none";
    uint64_t s = (uint64_t)no_policy, r = (uint64_t)&regs, m = t.machine, mib = 1ull << 20;
    uint64_t device = SLOT(pk_object_device(m, 0x10000000, PAGE));
    expect(-EINVAL, PK_NOTIFY, t.notification, 1ull << 63, 0, 0, 0, 0);
    expect(-EINVAL, PK_TIMER_SET, t.notification, ~0ull, 5, 0, 0, 0);
    expect(-EINVAL, PK_THREAD_CREATE, A, t.task, r, PK_PRIORITIES, 0, 0);
    expect(-EINVAL, PK_THREAD_CREATE, A, t.task, r, ~0ull, 0, 0);
    expect(-EINVAL, PK_THREAD_PRIORITY, t.thread, PK_PRIORITIES, 0, 0, 0, 0);
    expect(-EINVAL, PK_THREAD_PRIORITY, t.thread, 1ull << 32, 0, 0, 0, 0);
    expect(-EINVAL, PK_THREAD_PRIORITY, t.thread, PK_PRIORITY_RESERVED, 0, 0, 0, 0);
    expect(-EINVAL, PK_THREAD_RESERVE, t.thread, 0, 10, 10, 0, 0);
    expect(-EINVAL, PK_THREAD_RESERVE, t.thread, 11, 10, 10, 0, 0);
    expect(-EINVAL, PK_THREAD_RESERVE, t.thread, 10, 11, 10, 0, 0);
    expect(-EINVAL, PK_THREAD_RESERVE, t.thread, 10, 10, PK_PERIOD_MOST_NS + 1, 0, 0);
    expect(-EINVAL, PK_THREAD_PRIORITY, t.thread, 10, PK_WEIGHT_MOST + 1, 0, 0, 0);
    expect(-EINVAL, PK_THREAD_PRIORITY, t.thread, 10, 0, PK_QUANTUM_NONE + 1, 0, 0);
    expect(-EINVAL, PK_THREAD_PRIORITY, t.thread, 10, 0, 0, 1ull << 63, 0);
    expect(-EINVAL, PK_MACHINE_POLICY, t.machine, s, PK_POLICY_SET, 0, 0, 0);
    expect(-EINVAL, PK_MACHINE_POLICY, t.machine, s, PK_POLICY_SET + 1, 0, 0, 0);
    expect(-EINVAL, PK_MACHINE_DONATION, t.machine, PK_DONATION_GET + 1, 0, 0, 0, 0);
    expect(-EINVAL, PK_THREAD_REGS, t.thread, r, 2, 0, 0, 0);
    expect(-EINVAL, PK_THREAD_REGS, t.thread, r, ~0ull, 0, 0, 0);
    expect(-EINVAL, PK_THREAD_REGS, t.thread, r, PK_REGS_SET | PK_REGS_RESTART, 0, 0, 0);
    expect(-EINVAL, PK_OBJECT_CREATE, A, (1ull << 40) + 1, 0, 0, 0, 0);
    expect(-EINVAL, PK_OBJECT_CREATE, A, ~0ull, 0, 0, 0, 0);
    expect(-EINVAL, PK_OBJECT_CREATE, A, PAGE, t.object, 1, 0, 0);
    expect(-EINVAL, PK_OBJECT_CREATE, A, PAGE, t.object, 1ull << 63, 0, 0);
    expect(-EINVAL, PK_OBJECT_CREATE, A, 4 * PAGE, t.object, 0, 0, 0);
    expect(-EFBIG, PK_OBJECT_RESIZE, t.object, ~0ull, 0, 0, 0, 0);
    expect(-EINVAL, PK_OBJECT_FIND, t.object, 1ull << 50, PK_FIND_DATA, 0, 0, 0);
    expect(-EINVAL, PK_OBJECT_FIND, t.object, 0, PK_FIND_DATA + 1, 0, 0, 0);
    expect(-EINVAL, PK_OBJECT_DISCARD, t.object, 1, PAGE, 0, 0, 0);
    expect(-EINVAL, PK_OBJECT_DISCARD, t.object, 0, PAGE + 1, 0, 0, 0);
    expect(-EINVAL, PK_OBJECT_DISCARD, t.object, 0, 1ull << 50, 0, 0, 0);
    expect(-EINVAL, PK_OBJECT_DISCARD, t.object, -PAGE, 2 * PAGE, 0, 0, 0);
    expect(-EINVAL, PK_OBJECT_WATCH, t.object, 0, 1, 0, 0, 0);
    expect(-EINVAL, PK_OBJECT_WATCH, t.object, 0, 0, 1, 0, 0);
    expect(-EINVAL, PK_OBJECT_WATCH, t.object, t.notification, 1, 0, 0, 0);
    expect(-EINVAL, PK_OBJECT_WATCH, t.object, t.notification, 1, 1ull << 32, 0, 0);
    expect(-EINVAL, PK_OBJECT_WATCH, t.object, t.notification, 1ull << 63, 1, 0, 0);
    expect(-EINVAL, PK_MAP, t.task, 0, PAGE, 1ull << 6, 0, 0);
    expect(-EINVAL, PK_MAP, t.task, 0, PAGE, ~0ull, 0, 0);
    expect(-EINVAL, PK_MAP, t.task, 0, PAGE, 1ull << 63 | PK_PROT_READ, 0, 0);
    expect(-EINVAL, PK_MAP, t.task, 0, PAGE, PK_PROT_READ, t.object, 12);
    expect(-EINVAL, PK_MAP, t.task, 0, 2 * PAGE, PK_PROT_READ, t.object, ~0xfffull);
    expect(-EINVAL, PK_PROTECT, t.task, PAGE, PAGE, 8, 0, 0);
    expect(-EINVAL, PK_PROTECT, t.task, PAGE, PAGE, ~0ull, 0, 0);
    expect(-EINVAL, PK_RENEW, t.task, 1, PAGE, 0, 0, 0);
    expect(-EINVAL, PK_RENEW, t.task, PAGE, 0, 0, 0, 0);
    expect(-EINVAL, PK_RETAG, t.task, PAGE, ~0ull, 1, 1, 0);
    expect(-EINVAL, PK_SYNC_CODE, PK_SYNC_ALL + 1, 0, 0, 0, 0, 0);
    expect(-EINVAL, PK_REGION_FIND, t.task, 1, PAGE, PK_FIND_DATA, 0, 0);
    expect(-EINVAL, PK_REGION_FIND, t.task, PAGE, ~0ull, PK_FIND_DATA, 0, 0);
    expect(-EINVAL, PK_REGION_FIND, t.task, PAGE, PAGE, PK_FIND_OWN * 2, 0, 0);
    expect(-EINVAL, PK_RETAG, t.task, USER_END, PAGE, 1, 1, 0);
    expect(-EINVAL, PK_ACCOUNT_CREATE, A, PAGE, 2, 0, 1, 0);
    expect(-EINVAL, PK_ACCOUNT_CREATE, A, PAGE, 0, 0, PK_PRIORITIES, 0);
    expect(-ENOMEM, PK_ACCOUNT_CREATE, A, ~0ull, PK_ACCOUNT_RESERVED, 0, 1, 0);
    expect(-EINVAL, PK_ACCOUNT_SET, A, 0, 1, 0, 0, 0);
    expect(-EINVAL, PK_ACCOUNT_SET, A, PK_ACCOUNT_LIMIT, PAGE, 0, 0, 0); /* all there is */
    expect(-EINVAL, PK_POPULATE, 0, 1, PAGE, 0, 0, 0);
    expect(-EINVAL, PK_POPULATE, 0, PAGE, 0, 0, 0, 0);
    expect(-EINVAL, PK_POPULATE, 0, USER_END - PAGE, 2 * PAGE, 0, 0, 0);
    expect(-EINVAL, PK_MAP, 0, 0, PAGE, PK_PROT_READ, device, 0); /* private */
    expect(-EINVAL, PK_OBJECT_DEVICE, A, m, 0, PAGE, 0, 0);
    expect(-EINVAL, PK_OBJECT_DEVICE, A, m, 0x10000001, PAGE, 0, 0);
    expect(-EINVAL, PK_OBJECT_DEVICE, A, m, 0x10000000, 0, 0, 0);
    expect(-EINVAL, PK_OBJECT_DEVICE, A, m, 0x10000000, 1, 0, 0);
    expect(-EINVAL, PK_OBJECT_DEVICE, A, m, ~0xfffull, 2 * PAGE, 0, 0);
    expect(-EINVAL, PK_OBJECT_DEVICE, A, m, 1ull << 50, PAGE, 0, 0);
    expect(-EINVAL, PK_OBJECT_DEVICE, A, m, 0x80000000, mib, 0, 0);  /* RAM */
    expect(-EINVAL, PK_OBJECT_DEVICE, A, m, PAGE, 1ull << 36, 0, 0); /* around RAM */
    expect(-EINVAL, PK_IRQ_CREATE, A, m, 0, 0, 0, 0);
    expect(-EINVAL, PK_IRQ_CREATE, A, m, 128, 0, 0, 0);
    expect(-EINVAL, PK_IRQ_CREATE, A, m, ~0ull, 0, 0, 0);
    expect(-EBUSY, PK_IRQ_CREATE, A, m, 10, 0, 0, 0); /* the console's */
    expect(-EINVAL, PK_MACHINE_STOP, m, 3, 0, 0, 0, 0);
    expect(-EINVAL, PK_MACHINE_STOP, m, PK_STOP_EXIT, 256, 0, 0, 0);
    expect(-EINVAL, PK_MACHINE_STOP, m, ~0ull, ~0ull, 0, 0, 0);
    drop(device);
    things_drop();
}

/* Structures need no alignment, and may lie across pages that were never touched. */
void unaligned(void) {
    things_make();
    for (unsigned offset = 0; offset < 16; offset++) {
        long at = pk_map(0, 0, 2 * PAGE, PK_PROT_READ | PK_PROT_WRITE, 0, 0, 0);
        uint64_t p = (uint64_t)at + PAGE - offset;
        struct pk_cap_info info;
        IS(pk_cap_info(things.object, (struct pk_cap_info *)p), 0);
        memcpy(&info, (void *)p, sizeof info);
        IS(info.type, PK_TYPE_OBJECT);
        struct pk_regs regs;
        memset(&regs, 0, sizeof regs);
        for (unsigned i = 0; i < 32; i++)
            regs.x[i] = i * 3;
        p = (uint64_t)at + PAGE - 200 + offset;
        memcpy((void *)p, &regs, sizeof regs);
        IS(pk_thread_regs(things.thread, (struct pk_regs *)p, PK_REGS_SET), 0);
        memset((void *)p, 0xaa, sizeof regs);
        IS(pk_thread_regs(things.thread, (struct pk_regs *)p, PK_REGS_GET), 0);
        CHECK(!memcmp((void *)p, &regs, sizeof regs));
        IS(pk_unmap(0, (uint64_t)at, 2 * PAGE), 0);
    }
    things_drop();
}
