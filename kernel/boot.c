/* SPDX-License-Identifier: MIT */
/*
 * The first task. The kernel finds boot/init in the boot image, loads it, and gives it everything
 * there is: the machine, the image itself and the device tree as memory objects. Init hands out
 * from there.
 */
#include <boot.h>
#include <arch/machine.h>
#include <arch/mmu.h>
#include <common/cpio.h>
#include <common/elf.h>
#include <ipc/ipc.h>
#include <mm/account.h>
#include <mm/aspace.h>
#include <mm/copy.h>
#include <mm/object.h>
#include <sched/sched.h>
#include <task/task.h>
#include <task/thread.h>

#define INIT_PRIORITY 40
#define INIT_STACK_SIZE (64 * 1024)
#define INIT_STACK_TOP (ARCH_USER_END - 0x200000)
#define INIT_INFO_ADDRESS (ARCH_USER_END - 0x100000)

static struct kobject machine_object = {.refs = 1, .type = PK_TYPE_MACHINE};

static void map_anonymous(struct task *task, uint64_t start, uint64_t end, uint32_t elf_flags) {
    uint64_t prot = (elf_flags & ELF_FLAG_READ ? PK_PROT_READ : 0) |
                    (elf_flags & ELF_FLAG_WRITE ? PK_PROT_WRITE : 0) |
                    (elf_flags & ELF_FLAG_EXECUTE ? PK_PROT_EXEC : 0);
    uint64_t search = 0;
    start = align_down(start, PAGE_SIZE);
    if (aspace_map(task->aspace, start, end - start, prot | PK_MAP_FIXED, NULL, 0, 0, 0, &search) <
        0)
        panic("init: cannot map %lx-%lx", start, end);
}

/* Writes through a temporary right to do so: text is not writable to init itself. */
static void load_segment(struct task *task, const char *image, const struct elf_segment *s) {
    uint64_t end = s->address + s->memory_size;
    map_anonymous(task, s->address, end, ELF_FLAG_READ | ELF_FLAG_WRITE);
    if (copy_to_user(task->aspace, s->address, image + s->offset, s->file_size) < 0)
        panic("init: cannot load %lx-%lx", s->address, end);
    uint64_t start = align_down(s->address, PAGE_SIZE);
    uint64_t prot = (s->flags & ELF_FLAG_READ ? PK_PROT_READ : 0) |
                    (s->flags & ELF_FLAG_WRITE ? PK_PROT_WRITE : 0) |
                    (s->flags & ELF_FLAG_EXECUTE ? PK_PROT_EXEC : 0);
    uint64_t done = 0;
    long more = 1;
    while (more > 0) {
        int credit = STEP_CREDIT;
        more = aspace_protect_step(task->aspace, start, end - start, prot, &done, &credit);
    }
    if (more < 0)
        panic("init: cannot protect %lx-%lx", start, end);
}

static uint64_t load_image(struct task *task) {
    const char *initrd = phys_to_virt(machine.initrd_start);
    const void *image;
    size_t size;
    if (machine.initrd_start == machine.initrd_end)
        panic("no boot image: start with -initrd");
    if (cpio_find(initrd, machine.initrd_end - machine.initrd_start, "boot/init", &image, &size) <
        0)
        panic("no boot/init in the boot image");
    struct elf_image elf;
    if (elf_read(image, size, &elf) < 0 || elf.type != ELF_EXECUTABLE)
        panic("boot/init is not an executable");
    for (unsigned i = 0; i < elf.phnum; i++) {
        struct elf_segment s;
        if (elf_segment(image, size, &elf, i, &s) < 0)
            panic("boot/init: segment %u is bad", i);
        if (s.type == ELF_LOAD && s.memory_size)
            load_segment(task, image, &s);
    }
    return elf.entry;
}

static struct object *tree_object(void) {
    uint64_t size = machine.tree_end - machine.tree_start;
    struct object *o = object_create(&root_account, size);
    for (uint64_t at = 0; o && at < size; at += PAGE_SIZE) {
        struct frame *f = object_frame(o, at >> PAGE_SHIFT);
        if (!f)
            return NULL;
        memcpy(frame_va(f), phys_to_virt(machine.tree_start + at), min_u64(PAGE_SIZE, size - at));
    }
    return o;
}

static void give(struct task *task, struct pk_boot_info *info, const char *name, uint64_t slot,
                 struct kobject *k) {
    if (!k || cap_insert(&task->caps, slot, k, PK_RIGHT_ALL, 0) < 0)
        panic("init: no memory for its capabilities");
    kobject_put(k);
    struct pk_boot_cap *c = &info->caps[info->cap_count++];
    memcpy(c->name, name, strlen(name));
    c->slot = (uint32_t)slot;
}

static void give_all(struct task *task, struct pk_boot_info *info) {
    struct notification *events = notification_create(&root_account);
    struct endpoint *endpoint = events ? endpoint_create(&root_account, events) : NULL;
    struct object *tree = tree_object();
    struct object *initrd = object_create_adopted(&root_account, machine.initrd_start,
                                                  align_up(machine.initrd_end, PAGE_SIZE));
    if (!endpoint || !tree || !initrd)
        panic("init: no memory for its objects");
    kobject_hold(&machine_object);
    kobject_hold(&root_account.kobject);
    give(task, info, "task", PK_SLOT_SERVER_TASK, &task->kobject);
    give(task, info, "endpoint", PK_SLOT_SERVER_ENDPOINT, &endpoint->kobject);
    give(task, info, "events", PK_SLOT_SERVER_EVENTS, &events->kobject);
    give(task, info, "machine", PK_SLOT_SERVER_MACHINE, &machine_object);
    give(task, info, "account", PK_SLOT_ACCOUNT, &root_account.kobject);
    give(task, info, "initrd", 5, &initrd->kobject);
    give(task, info, "device-tree", 6, &tree->kobject);
}

void boot_start_init(void) {
    static struct pk_boot_info info = {.name = "init"};
    struct task *task = task_create(&root_account, NULL);
    if (!task)
        panic("init: no memory for its task");
    memcpy(task->name, info.name, sizeof task->name);
    uint64_t entry = load_image(task);
    give_all(task, &info);
    info.timebase_hz = machine.timebase_hz;
    memcpy(info.command_line, machine.command_line, sizeof info.command_line);
    map_anonymous(task, INIT_INFO_ADDRESS, INIT_INFO_ADDRESS + sizeof info,
                  ELF_FLAG_READ | ELF_FLAG_WRITE);
    map_anonymous(task, INIT_STACK_TOP - INIT_STACK_SIZE, INIT_STACK_TOP,
                  ELF_FLAG_READ | ELF_FLAG_WRITE);
    struct thread *t = thread_create(task, INIT_PRIORITY);
    if (!t || copy_to_user(task->aspace, INIT_INFO_ADDRESS, &info, sizeof info) < 0)
        panic("init: no memory for its thread");
    t->regs.x[REG_PC] = entry;
    t->regs.x[REG_SP] = INIT_STACK_TOP;
    t->regs.x[REG_A0] = INIT_INFO_ADDRESS;
    t->suspended = false;
    sched_ready(t);
}
