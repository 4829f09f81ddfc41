/* SPDX-License-Identifier: MIT */
/*
 * Starting servers from the boot manifest. All endpoints and notifications exist before the first
 * server runs, so the order of starting is the order of the file and nothing waits for anything.
 */
#include "init.h"
#include <lib/program.h>
#include <lib/server.h>
#include <string.h>

#define MAX_SERVERS 32
#define PAGE 4096ul
#define STACK_TOP ((1ul << 38) - 0x200000)
#define STACK_SIZE (64ul * 1024)
#define INFO_ADDRESS ((1ul << 38) - 0x100000)
#define NATIVE_PRIORITY 16

static struct task_record servers[MAX_SERVERS];
static unsigned server_count;
static int native_only; /* one server is left out: what others would tell it goes nowhere */

static struct task_record *find(const char *name) {
    for (unsigned i = 0; i < server_count; i++)
        if (!strcmp(servers[i].spec.name, name))
            return &servers[i];
    return 0;
}

uint64_t servers_endpoint(const char *name) {
    struct task_record *s = find(name);
    if (!s)
        return 0;
    long slot = pk_cap_copy(s->endpoint, 0, 0, PK_RIGHT_USE, PK_BADGE_INIT);
    return slot < 0 ? 0 : (uint64_t)slot;
}

const char *servers_name(uint64_t badge) {
    return badge >= 1 && badge <= server_count ? servers[badge - 1].spec.name : "?";
}

void servers_end(uint64_t badge) {
    if (badge >= 1 && badge <= server_count)
        pk_task_kill(servers[badge - 1].task);
}

/* What "rest" means: what no server has named, less a part that stays for init and the kernel. */
static uint64_t rest_pages(uint64_t total) {
    uint64_t used = total / 32;
    for (unsigned i = 0; i < server_count; i++)
        used += servers[i].spec.quota / PAGE + total * servers[i].spec.quota_percent / 100;
    return used < total ? total - used : 1;
}

static uint64_t quota_pages(const struct manifest_server *spec, uint64_t total) {
    if (spec->quota_rest)
        return rest_pages(total);
    return spec->quota / PAGE + total * spec->quota_percent / 100;
}

/* Copies a capability into the server's table and lists it in its boot information. */
static long give(const struct task_record *s, struct pk_boot_info *info, const char *name,
                 uint64_t slot, uint64_t rights, uint64_t badge) {
    if (info->cap_count == sizeof info->caps / sizeof info->caps[0])
        return -ENOSPC;
    long at = pk_cap_copy(slot, s->task, 0, rights, badge);
    if (at < 0)
        return at;
    struct pk_boot_cap *c = &info->caps[info->cap_count++];
    strncpy(c->name, name, sizeof c->name - 1);
    c->slot = (uint32_t)at;
    return 0;
}

static long give_fresh(const struct task_record *s, struct pk_boot_info *info, const char *name,
                       long slot) {
    if (slot < 0)
        return slot;
    long error = give(s, info, name, (uint64_t)slot, PK_RIGHT_ALL, 0);
    pk_cap_drop(0, (uint64_t)slot);
    return error;
}

static long give_device(const struct task_record *s, struct pk_boot_info *info, const char *name) {
    uint64_t page = devices.uart & ~(PAGE - 1);
    uint64_t size = (devices.uart_size + PAGE - 1) & ~(PAGE - 1);
    if (!strcmp(name, "uart"))
        return give_fresh(s, info, name, pk_object_device(boot_caps.machine, page, size));
    if (!strcmp(name, "uart-irq"))
        return give_fresh(s, info, name, pk_irq_create(boot_caps.machine, devices.uart_irq));
    return -ENOENT;
}

static long give_file(const struct task_record *s, struct pk_boot_info *info, const char *name) {
    struct boot_file file;
    char path[32] = "boot/";
    strncat(path, name, sizeof path - 6);
    long error = image_find(path, &file);
    return error < 0 ? error : give_fresh(s, info, name, image_object(&file));
}

static long give_named(const struct task_record *s, struct pk_boot_info *info, const char *name) {
    const char *of = strchr(name, ':');
    if (of) {
        size_t kind = (size_t)(of - name);
        struct task_record *other = find(of + 1);
        if (native_only && !other && strcmp(of + 1, "init"))
            return 0;
        if (kind == 6 && !memcmp(name, "events", 6))
            return give(s, info, name,
                        other                     ? other->events
                        : !strcmp(of + 1, "init") ? PK_SLOT_SERVER_EVENTS
                                                  : 0,
                        PK_RIGHT_USE, 0);
        if (!other || other > s)
            return -ENOENT;
        if (kind == 4 && !memcmp(name, "call", 4))
            return give(s, info, of + 1, other->endpoint, PK_RIGHT_USE, s->badge);
        if (kind == 4 && !memcmp(name, "mint", 4))
            return give(s, info, name, other->endpoint, PK_RIGHT_USE | PK_RIGHT_GRANT, 0);
        return -ENOENT;
    }
    if (!strcmp(name, "machine"))
        return give(s, info, name, boot_caps.machine, PK_RIGHT_ALL, 0);
    if (!strcmp(name, "initrd"))
        return give(s, info, name, boot_caps.initrd, PK_RIGHT_ALL, 0);
    if (!strcmp(name, "device-tree"))
        return give(s, info, name, boot_caps.device_tree, PK_RIGHT_USE, 0);
    if (!strncmp(name, "uart", 4))
        return give_device(s, info, name);
    return give_file(s, info, name);
}

static long give_all(const struct task_record *s, struct pk_boot_info *info) {
    long error = pk_cap_copy(s->task, s->task, PK_SLOT_SERVER_TASK, PK_RIGHT_ALL, 0);
    if (error >= 0)
        error = pk_cap_copy(s->endpoint, s->task, PK_SLOT_SERVER_ENDPOINT, PK_RIGHT_ALL, 0);
    if (error >= 0)
        error = pk_cap_copy(s->events, s->task, PK_SLOT_SERVER_EVENTS, PK_RIGHT_ALL, 0);
    const char *caps = s->spec.caps;
    char name[32];
    int more = 0;
    while (error >= 0 && (more = manifest_next_cap(&caps, name, sizeof name)) > 0)
        error = give_named(s, info, name);
    if (more < 0)
        error = more;
    if (error < 0)
        server_log("%s: capability %s: error %ld", s->spec.name, name, -error);
    return error < 0 ? error : 0;
}

/*
 * A server's secret: what the machine has of randomness, mixed with who it is for. Without a seed in the device
 * tree there is only when the machine was started.
 */
static uint64_t secret_for(const char *name) {
    uint64_t z = devices.seed ? devices.seed : realtime_base_ns;
    while (*name)
        z = (z ^ (uint8_t)*name++) * 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

static void fill_info(struct pk_boot_info *info, const char *name) {
    strncpy(info->name, name, sizeof info->name - 1);
    info->timebase_hz = boot_info->timebase_hz;
    info->realtime_ns = realtime_base_ns;
    info->secret = secret_for(name);
    memcpy(info->command_line, boot_info->command_line, sizeof info->command_line);
}

static long load(const struct task_record *s, uint64_t *entry) {
    static struct program program;
    struct boot_file file;
    char path[32] = "boot/";
    strncat(path, s->spec.name, sizeof path - 6);
    long error = image_find(path, &file);
    if (error < 0)
        return error;
    long object = image_object(&file);
    if (object < 0)
        return object;
    error = program_read((uint64_t)object, file.size, &program);
    if (error == 0)
        error = program_map(s->task, (uint64_t)object, &program, 0);
    pk_cap_drop(0, (uint64_t)object);
    *entry = program.elf.entry;
    return error;
}

static long map_memory(const struct task_record *s, const struct pk_boot_info *info) {
    long at = pk_map(s->task, STACK_TOP - STACK_SIZE, STACK_SIZE,
                     PK_PROT_READ | PK_PROT_WRITE | PK_MAP_FIXED, 0, 0, 0);
    if (at >= 0)
        at = pk_map(s->task, INFO_ADDRESS, PAGE, PK_PROT_READ | PK_PROT_WRITE | PK_MAP_FIXED, 0, 0,
                    0);
    if (at < 0)
        return at;
    long n = pk_task_copy_out(s->task, INFO_ADDRESS, info, sizeof *info);
    if (n < 0)
        return n;
    return pk_protect(s->task, INFO_ADDRESS, PAGE, PK_PROT_READ);
}

static long set_exceptions(const struct task_record *s, uint64_t number) {
    long slot = pk_cap_copy(PK_SLOT_SERVER_ENDPOINT, 0, 0, PK_RIGHT_USE, number);
    if (slot < 0)
        return slot;
    long error = pk_task_set(s->task, PK_TASK_EXCEPTION, (uint64_t)slot);
    pk_cap_drop(0, (uint64_t)slot);
    if (error == 0)
        error = pk_task_set(s->task, PK_TASK_NAME, (uint64_t)s->spec.name);
    return error;
}

/* Gives a prepared task its image, capabilities and thread, and lets it run. */
static long launch(const struct task_record *s, uint64_t number) {
    static struct pk_boot_info info;
    static struct pk_regs regs;
    uint64_t entry;
    memset(&info, 0, sizeof info);
    fill_info(&info, s->spec.name);
    long error = load(s, &entry);
    if (error == 0)
        error = give_all(s, &info);
    if (error == 0)
        error = map_memory(s, &info);
    if (error == 0)
        error = set_exceptions(s, number);
    if (error < 0)
        return error;
    memset(&regs, 0, sizeof regs);
    regs.x[0] = entry;
    regs.x[2] = STACK_TOP;
    regs.x[10] = INFO_ADDRESS;
    long thread = pk_thread_create(s->task, &regs, s->spec.priority);
    if (thread < 0)
        return thread;
    error = pk_thread_resume((uint64_t)thread);
    pk_cap_drop(0, (uint64_t)thread);
    return error;
}

/* quota: pages of an account of its own; 0: init's. */
static long prepare(struct task_record *s, uint64_t quota) {
    long events = pk_notification_create();
    long endpoint = events < 0 ? events : pk_endpoint_create((uint64_t)events);
    long task = endpoint < 0 ? endpoint : pk_task_create(quota, 0);
    if (task < 0)
        return task;
    s->events = (uint64_t)events;
    s->endpoint = (uint64_t)endpoint;
    s->task = (uint64_t)task;
    s->badge = PK_BADGE_SERVER | (s->spec.badge ? s->spec.badge : 4 + (unsigned)(s - servers));
    return 0;
}

static long read_manifest(const char *manifest, size_t size) {
    const char *text = manifest;
    int more = 0;
    while (server_count < MAX_SERVERS &&
           (more = manifest_next(&text, manifest + size, &servers[server_count].spec)) > 0)
        if (!native_only || !servers[server_count].spec.quota_rest)
            server_count++;
    if (more < 0) {
        int shown = (int)strcspn(text, "\n");
        server_log("boot/manifest, line not understood: %.*s", shown, text);
    }
    return more < 0 ? more : 0;
}

long servers_start(const char *manifest, size_t size, int native) {
    native_only = native;
    struct pk_machine_info machine;
    long error = read_manifest(manifest, size);
    if (error == 0)
        error = pk_machine_info(&machine);
    for (unsigned i = 0; error == 0 && i < server_count; i++) {
        error = prepare(&servers[i], quota_pages(&servers[i].spec, machine.frames_free));
        if (error < 0)
            server_log("%s: cannot be made: error %ld", servers[i].spec.name, -error);
    }
    for (unsigned i = 0; error == 0 && i < server_count; i++) {
        error = launch(&servers[i], i + 1);
        if (error < 0)
            server_log("%s: cannot be started: error %ld", servers[i].spec.name, -error);
    }
    return error;
}

long native_start(const char *name) {
    if (server_count == MAX_SERVERS || strlen(name) >= MANIFEST_NAME)
        return -EINVAL;
    struct task_record *s = &servers[server_count];
    *s =
        (struct task_record){.spec = {.priority = NATIVE_PRIORITY, .caps = "call:console,machine"}};
    strcpy(s->spec.name, name);
    long error = prepare(s, 0);
    return error < 0 ? error : launch(s, ++server_count);
}
