/* SPDX-License-Identifier: MIT */
/* Bad slots and bad pointers for every kernel call; call numbers that there are not. */
#include "badargs.h"
#include <string.h>

struct things things;
uint64_t bad_pointers[BAD_POINTERS];
static char scratch[64];
static uint64_t hole; /* three pages of which the middle one is mapped, read-only */

static void idle_worker(uint64_t unused) {
    (void)unused;
    worker_rest();
}

void things_make(void) {
    things.task = task_sharing();
    things.thread = thread_new(things.task, idle_worker, 0, 1);
    things.empty = SLOT(pk_task_create(PK_SLOT_ACCOUNT, 0));
    things.endpoint = SLOT(pk_endpoint_create(0));
    things.notification = SLOT(pk_notification_create());
    things.object = SLOT(pk_object_create(3 * PAGE, 0, 0));
    things.machine = boot_cap("machine");
    IS(pk_task_copy_out(things.task, (uint64_t)scratch, scratch, 1), 1); /* so are these */
    static const char page[PAGE];
    IS(pk_object_write(things.object, 0, page, PAGE), PAGE); /* its pages are there */
    memset(scratch, 0, sizeof scratch);
    uint64_t strong[TYPES] = {
        0, things.task,    things.thread,  things.endpoint, things.notification, things.object,
        0, things.machine, PK_SLOT_ACCOUNT};
    memcpy(things.strong, strong, sizeof strong);
    for (unsigned type = 1; type < TYPES; type++)
        if (strong[type])
            things.weak[type] = SLOT(pk_cap_copy(strong[type], 0, 0, 0, 0));
    hole = (uint64_t)pk_map(0, 0, 3 * PAGE, PK_PROT_READ, 0, 0, 0);
    IS(pk_unmap(0, hole, PAGE), 0);
    IS(pk_unmap(0, hole + 2 * PAGE, PAGE), 0);
    CHECK(*(volatile char *)(hole + PAGE) == 0); /* and this one */
    uint64_t pointers[BAD_POINTERS] = {0,
                                       1,
                                       PAGE - 1,
                                       hole,
                                       hole + 2 * PAGE - 1,
                                       hole + 2 * PAGE,
                                       USER_END - 1,
                                       USER_END,
                                       1ull << 47,
                                       0xffffffc080200000,
                                       0xffffffff80200000,
                                       ~0ull,
                                       hole + PAGE,
                                       hole + PAGE + 3};
    memcpy(bad_pointers, pointers, sizeof pointers);
}

void things_drop(void) {
    for (unsigned type = 1; type < TYPES; type++)
        if (things.weak[type])
            drop(things.weak[type]);
    drop(things.thread);
    task_end(things.task);
    task_end(things.empty);
    drop(things.endpoint);
    drop(things.notification);
    drop(things.object);
    IS(pk_unmap(0, hole, 3 * PAGE), 0);
}

struct snapshot {
    struct pk_task_info task, other;
    uint64_t objects;
    struct pk_object_info object;
};

static struct snapshot look(void) {
    struct snapshot s;
    struct pk_machine_info machine;
    memset(&s, 0, sizeof s);
    IS(pk_machine_info(&machine), 0);
    s.objects = machine.objects;
    IS(pk_task_info(PK_SLOT_SERVER_TASK, &s.task), 0);
    IS(pk_task_info(things.task, &s.other), 0);
    IS(pk_object_info(things.object, &s.object), 0);
    return s;
}

void expect(long want, long number, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
            uint64_t a5) {
    uint64_t args[13] = {a0, a1, a2, a3, a4, a5};
    struct snapshot before = look();
    long got = tap_call(number, args);
    struct snapshot after = look();
    if (got != want)
        tap_print("# call %ld(%lx, %lx, %lx, %lx, %lx, %lx)\n", number, a0, a1, a2, a3, a4, a5);
    IS(got, want);
    if (!CHECK(!memcmp(&before, &after, sizeof before)))
        tap_print("# call %ld(%lx, %lx, %lx, %lx, %lx, %lx)\n", number, a0, a1, a2, a3, a4, a5);
}

/* A call whose argument `index` is a slot: the rest are good. */
struct slot_row {
    long number;
    unsigned index, type;
    bool zero_is_own, no_right; /* slot 0 has a meaning; any capability of the type will do */
    uint64_t args[6];
};

static void try_slots(const struct slot_row *row) {
    static const uint64_t empty[] = {200, 65535, 65536, 1ull << 32, ~0ull, 1ull << 63};
    uint64_t a[6];
    memcpy(a, row->args, sizeof a);
    for (unsigned i = 0; i < ARRAY_LENGTH(empty) + !row->zero_is_own; i++) {
        a[row->index] = i < ARRAY_LENGTH(empty) ? empty[i] : 0;
        expect(-EBADF, row->number, a[0], a[1], a[2], a[3], a[4], a[5]);
    }
    for (unsigned type = 1; type < TYPES; type++) {
        if (!things.strong[type] || type == row->type)
            continue;
        a[row->index] = things.strong[type];
        expect(-EINVAL, row->number, a[0], a[1], a[2], a[3], a[4], a[5]);
    }
    if (!row->no_right) {
        a[row->index] = things.weak[row->type];
        expect(-EPERM, row->number, a[0], a[1], a[2], a[3], a[4], a[5]);
    }
}

void bad_slots(void) {
    things_make();
    static struct pk_regs regs;
    static char buffer[64];
    const struct things t = things;
    const uint64_t b = (uint64_t)buffer, r = (uint64_t)&regs, A = PK_SLOT_ACCOUNT;
    const struct slot_row rows[] = {
        {PK_CALL, 0, PK_TYPE_ENDPOINT, false, false, {0, 1}},
        {PK_RECEIVE, 0, PK_TYPE_ENDPOINT, false, false, {0, PK_NONBLOCK}},
        {PK_NOTIFY, 0, PK_TYPE_NOTIFICATION, false, false, {0, 1}},
        {PK_WAIT, 0, PK_TYPE_NOTIFICATION, false, false, {0, PK_NONBLOCK}},
        {PK_YIELD, 0, PK_TYPE_THREAD, true, false, {0}},
        {PK_ENDPOINT_CREATE, 0, PK_TYPE_ACCOUNT, false, false, {0, 0}},
        {PK_ENDPOINT_CREATE, 1, PK_TYPE_NOTIFICATION, true, false, {A, 0}},
        {PK_NOTIFICATION_CREATE, 0, PK_TYPE_ACCOUNT, false, false, {0}},
        {PK_TIMER_SET, 0, PK_TYPE_NOTIFICATION, false, false, {0, 1, 0}},
        {PK_IRQ_BIND, 0, PK_TYPE_IRQ, false, true, {0, t.notification, 1}},
        {PK_IRQ_ACK, 0, PK_TYPE_IRQ, false, true, {0}},
        {PK_CAP_COPY, 1, PK_TYPE_TASK, true, false, {t.object, 0, 0, PK_RIGHT_ALL, 0}},
        {PK_CAP_DROP, 0, PK_TYPE_TASK, true, false, {0, 31}},
        {PK_TASK_CREATE, 0, PK_TYPE_ACCOUNT, false, false, {0, 0}},
        {PK_TASK_CREATE, 1, PK_TYPE_TASK, true, false, {A, 0}},
        {PK_TASK_CLONE, 0, PK_TYPE_TASK, false, false, {0, PK_SLOT_SERVER_TASK}},
        {PK_TASK_CLONE, 1, PK_TYPE_TASK, false, false, {t.empty, 0}},
        {PK_TASK_SET, 0, PK_TYPE_TASK, false, false, {0, PK_TASK_FOREIGN, 0}},
        {PK_TASK_SET, 2, PK_TYPE_ENDPOINT, true, false, {t.task, PK_TASK_EXCEPTION, 0}},
        {PK_TASK_INFO, 0, PK_TYPE_TASK, false, true, {0, b}},
        {PK_TASK_KILL, 0, PK_TYPE_TASK, false, false, {0}},
        {PK_TASK_COPY_IN, 0, PK_TYPE_TASK, false, false, {0, b, b, 1}},
        {PK_TASK_WORD_NAME, 0, PK_TYPE_TASK, false, false, {0, b, 0}},
        {PK_TASK_WORD_EXCHANGE, 0, PK_TYPE_TASK, false, false, {0, b, 0, 1}},
        {PK_TASK_COPY_OUT, 0, PK_TYPE_TASK, false, false, {0, b, b, 1}},
        {PK_TASK_PATCH, 0, PK_TYPE_TASK, false, false, {0, b, b, 1}},
        {PK_THREAD_CREATE, 0, PK_TYPE_ACCOUNT, false, false, {0, t.task, r, 1}},
        {PK_THREAD_CREATE, 1, PK_TYPE_TASK, false, false, {A, 0, r, 1}},
        {PK_THREAD_COPY, 0, PK_TYPE_ACCOUNT, false, false, {0, t.thread, t.task, 0}},
        {PK_THREAD_COPY, 1, PK_TYPE_THREAD, false, false, {A, 0, t.task, 0}},
        {PK_THREAD_COPY, 2, PK_TYPE_TASK, false, false, {A, t.thread, 0, 0}},
        {PK_THREAD_REGS, 0, PK_TYPE_THREAD, false, false, {0, r, PK_REGS_GET}},
        {PK_THREAD_SUSPEND, 0, PK_TYPE_THREAD, false, false, {0}},
        {PK_THREAD_RESUME, 0, PK_TYPE_THREAD, false, false, {0}},
        {PK_THREAD_ATTENTION, 0, PK_TYPE_THREAD, false, false, {0}},
        {PK_THREAD_INFO, 0, PK_TYPE_THREAD, false, false, {0, b}},
        {PK_THREAD_PRIORITY, 0, PK_TYPE_THREAD, false, false, {0, 1}},
        {PK_THREAD_RESERVE, 0, PK_TYPE_THREAD, false, false, {0, 1, 1, 1}},
        {PK_OBJECT_CREATE, 0, PK_TYPE_ACCOUNT, false, false, {0, PAGE, 0, 0}},
        {PK_OBJECT_CREATE, 2, PK_TYPE_OBJECT, true, false, {A, PAGE, 0, 0}},
        {PK_OBJECT_DEVICE, 0, PK_TYPE_ACCOUNT, false, false, {0, t.machine, 0x10000000, PAGE}},
        {PK_OBJECT_DEVICE, 1, PK_TYPE_MACHINE, false, false, {A, 0, 0x10000000, PAGE}},
        {PK_OBJECT_RESIZE, 0, PK_TYPE_OBJECT, false, false, {0, PAGE}},
        {PK_OBJECT_INFO, 0, PK_TYPE_OBJECT, false, true, {0, b}},
        {PK_OBJECT_FIND, 0, PK_TYPE_OBJECT, false, true, {0, 0, PK_FIND_DATA}},
        {PK_OBJECT_DISCARD, 0, PK_TYPE_OBJECT, false, false, {0, 0, PAGE}},
        {PK_OBJECT_WATCH, 0, PK_TYPE_OBJECT, false, false, {0, t.notification, 1, 1}},
        {PK_OBJECT_WATCH, 1, PK_TYPE_NOTIFICATION, true, false, {t.object, 0, 0, 0}},
        {PK_OBJECT_READ, 0, PK_TYPE_OBJECT, false, false, {0, 0, b, 1}},
        {PK_OBJECT_WRITE, 0, PK_TYPE_OBJECT, false, false, {0, 0, b, 1}},
        {PK_MAP, 0, PK_TYPE_TASK, true, false, {0, 0, PAGE, PK_PROT_READ, 0, 0}},
        {PK_MAP, 4, PK_TYPE_OBJECT, true, false, {0, 0, PAGE, PK_PROT_READ, 0, 0}},
        {PK_UNMAP, 0, PK_TYPE_TASK, true, false, {0, hole, PAGE}},
        {PK_PROTECT, 0, PK_TYPE_TASK, true, false, {0, hole + PAGE, PAGE, PK_PROT_READ}},
        {PK_REGION_INFO, 0, PK_TYPE_TASK, true, false, {0, hole, b}},
        {PK_REGION_OBJECT, 0, PK_TYPE_TASK, true, false, {0, hole}},
        {PK_REGION_FIND, 0, PK_TYPE_TASK, true, false, {0, hole, PAGE, 0}},
        {PK_RENEW, 0, PK_TYPE_TASK, true, false, {0, hole, PAGE}},
        {PK_RETAG, 0, PK_TYPE_TASK, true, false, {0, hole, PAGE, 0, 0}},
        {PK_IRQ_CREATE, 0, PK_TYPE_ACCOUNT, false, false, {0, t.machine, 100}},
        {PK_IRQ_CREATE, 1, PK_TYPE_MACHINE, false, false, {A, 0, 100}},
        {PK_LOG, 0, PK_TYPE_MACHINE, false, false, {0, b, 1}},
        {PK_MACHINE_CHECK, 0, PK_TYPE_MACHINE, false, false, {0}},
        {PK_MACHINE_POLICY, 0, PK_TYPE_MACHINE, false, false, {0, b, PK_POLICY_SET}},
        {PK_MACHINE_HARTS, 0, PK_TYPE_MACHINE, false, false, {0, 1}},
        {PK_MACHINE_DONATION, 0, PK_TYPE_MACHINE, false, false, {0, PK_DONATION_ON}},
        {PK_MACHINE_TRACE, 0, PK_TYPE_MACHINE, false, false, {0, 0, 0}},
        {PK_MACHINE_TRACE, 1, PK_TYPE_OBJECT, true, false, {t.machine, 0, 0}},
        {PK_MACHINE_THREAD, 0, PK_TYPE_MACHINE, false, false, {0, 1, b}},
        {PK_TRACE, 0, PK_TYPE_MACHINE, false, false, {0, 1, 2, 3, 4, 5}},
        {PK_ACCOUNT_CREATE, 0, PK_TYPE_ACCOUNT, false, false, {0, PAGE, 0, 0, 1}},
        {PK_ACCOUNT_SET, 0, PK_TYPE_ACCOUNT, false, false, {0, PK_ACCOUNT_LIMIT, PAGE}},
        {PK_ACCOUNT_SET, 2, PK_TYPE_ACCOUNT, false, false, {A, PK_ACCOUNT_PARENT, 0}},
        {PK_ACCOUNT_INFO, 0, PK_TYPE_ACCOUNT, false, true, {0, b}},
        {PK_POPULATE, 0, PK_TYPE_TASK, true, false, {0, hole + PAGE, PAGE}},
        {PK_MACHINE_STOP, 0, PK_TYPE_MACHINE, false, false, {0, PK_STOP_EXIT, 99}},
    };
    for (unsigned i = 0; i < ARRAY_LENGTH(rows); i++)
        try_slots(&rows[i]);
    expect(-EBADF, PK_CAP_COPY, 200, 0, 0, PK_RIGHT_ALL, 0, 0);
    expect(-EBADF, PK_CAP_COPY, ~0ull, 0, 0, PK_RIGHT_ALL, 0, 0);
    expect(-EPERM, PK_CAP_COPY, t.weak[PK_TYPE_OBJECT], 0, 0, PK_RIGHT_ALL, 0, 0);
    expect(-EINVAL, PK_CAP_COPY, t.object, 0, 32, PK_RIGHT_ALL, 0, 0);
    expect(-EINVAL, PK_CAP_COPY, t.object, 0, ~0ull, PK_RIGHT_ALL, 0, 0);
    expect(-EEXIST, PK_CAP_COPY, t.object, 0, PK_SLOT_SERVER_TASK, PK_RIGHT_ALL, 0, 0);
    expect(-EBADF, PK_CAP_DROP, 0, 0, 0, 0, 0, 0);
    expect(-EBADF, PK_CAP_DROP, 0, 200, 0, 0, 0, 0);
    expect(-EBADF, PK_CAP_DROP, 0, ~0ull, 0, 0, 0, 0);
    expect(-EBADF, PK_CAP_INFO, 200, b, 0, 0, 0, 0);
    expect(-EBADF, PK_CAP_INFO, ~0ull, b, 0, 0, 0, 0);
    things_drop();
}

static void bad_pointer_calls(void) {
    things_make();
    const struct things t = things;
    for (unsigned i = 0; i < BAD_POINTERS; i++) {
        uint64_t p = bad_pointers[i];
        expect(-EFAULT, PK_CAP_INFO, t.object, p, 0, 0, 0, 0);
        expect(-EFAULT, PK_TASK_INFO, t.task, p, 0, 0, 0, 0);
        expect(-EFAULT, PK_TASK_COPY_IN, t.task, p, (uint64_t)bad_pointers, 8, 0, 0);
        expect(-EFAULT, PK_TASK_COPY_OUT, t.task, p, (uint64_t)bad_pointers, 8, 0, 0);
        expect(-EFAULT, PK_THREAD_REGS, t.thread, p, PK_REGS_GET, 0, 0, 0);
        expect(-EFAULT, PK_THREAD_INFO, t.thread, p, 0, 0, 0, 0);
        expect(-EFAULT, PK_ACCOUNT_INFO, PK_SLOT_ACCOUNT, p, 0, 0, 0, 0);
        expect(-EFAULT, PK_OBJECT_INFO, t.object, p, 0, 0, 0, 0);
        expect(-EFAULT, PK_OBJECT_READ, t.object, 0, p, 16, 0, 0);
        expect(-EFAULT, PK_REGION_INFO, 0, PAGE, p, 0, 0, 0);
        expect(-EFAULT, PK_MACHINE_INFO, p, 0, 0, 0, 0, 0);
        expect(-EFAULT, PK_MACHINE_HART, 0, p, 0, 0, 0, 0);
        expect(-EFAULT, PK_MACHINE_THREAD, t.machine, 1, p, 0, 0, 0);
        expect(-EFAULT, PK_MACHINE_POLICY, t.machine, p, PK_POLICY_GET, 0, 0, 0);
        if (i >= BAD_POINTERS - 2)
            break; /* readable */
        expect(-EFAULT, PK_TASK_COPY_IN, t.task, (uint64_t)scratch, p, 8, 0, 0);
        expect(-EFAULT, PK_TASK_COPY_OUT, t.task, (uint64_t)scratch, p, 8, 0, 0);
        expect(-EFAULT, PK_TASK_SET, t.task, PK_TASK_NAME, p, 0, 0, 0);
        expect(-EFAULT, PK_THREAD_CREATE, PK_SLOT_ACCOUNT, t.task, p, 1, 0, 0);
        expect(-EFAULT, PK_THREAD_REGS, t.thread, p, PK_REGS_SET, 0, 0, 0);
        expect(-EFAULT, PK_OBJECT_WRITE, t.object, 0, p, 16, 0, 0);
        expect(-EFAULT, PK_LOG, PK_SLOT_SERVER_MACHINE, p, 30, 0, 0, 0);
    }
    things_drop();
}

static void bad_numbers(void) {
    things_make();
    static const long numbers[] = {-PK_CALLS - 1, -PK_CALLS - 2, -100,    -1000,
                                   -(1l << 32),   -(1l << 62),   LONG_MIN};
    for (unsigned i = 0; i < ARRAY_LENGTH(numbers); i++)
        expect(-ENOSYS, numbers[i], 1, 2, 3, 4, 5, 6);
    expect(-EINVAL, PK_FOREIGN_RETURN, 7, 0, 0, 0, 0, 0);
    expect(-EINVAL, PK_FOREIGN_EXCHANGE, 7, 8, 9, 0, 0, 0);
    expect(-EINVAL, PK_FOREIGN_ATTENTION, 7, 0, 0, 0, 0, 0);
    things_drop();
}

int main(void) {
    static const struct tap_case cases[] = {
        {"call numbers that there are not", bad_numbers, false},
        {"bad slots for every call", bad_slots, false},
        {"bad pointers for every call", bad_pointer_calls, false},
        {"bad slots of reply_receive, and attributes", bad_message_calls, false},
        {"bad tokens", bad_tokens, false},
        {"bad labels and capability counts", bad_labels, false},
        {"bad and overflowing ranges", bad_ranges, false},
        {"bad numbers, sizes and flags", bad_values, false},
        {"structures anywhere in memory", unaligned, false},
        {"random calls by a task with few rights", fuzz, true},
    };
    tap_run(cases, ARRAY_LENGTH(cases));
    return 0;
}
