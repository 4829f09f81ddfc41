/* SPDX-License-Identifier: MIT */
/*
 * Starting servers from the boot manifest. All endpoints and notifications exist before the first
 * server runs, so the order of starting is the order of the file and nothing waits for anything. They
 * stay when a server dies; only its task can receive there, so that callers hear EHOSTDOWN until the next
 * one is given that right.
 */
#include "init.h"
#include <lib/program.h>
#include <lib/server.h>
#include <parley/clock.h>
#include <stdbool.h>
#include <string.h>

#define MAX_SERVERS 32
#define PAGE 4096ul
#define INFO_ADDRESS ((1ul << 38) - 0x100000)
#define CLOCK_ADDRESS (INFO_ADDRESS + PAGE)
#define NATIVE_PRIORITY 16
#define CAP_NAME sizeof(((struct pk_boot_cap *)0)->name)

static struct task_record servers[MAX_SERVERS];
static unsigned server_count;
static uint64_t clock_object; /* struct clock_page: it stays when proc, which sets it, dies */
static int native_only;       /* one server is left out: what others would tell it goes nowhere */

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

bool servers_lost(const char *name) {
    const struct task_record *s = find(name);
    return s && s->lost;
}

struct task_record *servers_by_number(uint64_t number) {
    return number >= 1 && number <= server_count ? &servers[number - 1] : 0;
}

const char *servers_caller(uint64_t badge) {
    for (unsigned i = 0; i < server_count; i++)
        if (servers[i].badge == badge)
            return servers[i].spec.name;
    return badge == PK_BADGE_INIT ? "init" : 0;
}

/* Bytes. */
static uint64_t quota_of(const struct manifest_server *spec, uint64_t total_pages) {
    return spec->quota + total_pages * spec->quota_percent / 100 * PAGE;
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
    must(pk_cap_drop(0, (uint64_t)slot));
    return error;
}

static long give_device(const struct task_record *s, struct pk_boot_info *info, const char *name) {
    uint64_t page = devices.uart & ~(PAGE - 1);
    uint64_t size = (devices.uart_size + PAGE - 1) & ~(PAGE - 1);
    if (!strcmp(name, "uart"))
        return give_fresh(s, info, name, pk_object_device(boot_caps.machine, page, size));
    if (strcmp(name, "uart-irq") != 0)
        return -ENOENT;
    /* Kept, so that a line that waits for its acknowledgement still does when the driver is another. */
    static uint64_t irq;
    long slot = irq ? (long)irq : pk_irq_create(boot_caps.machine, devices.uart_irq);
    if (slot < 0)
        return slot;
    irq = (uint64_t)slot;
    return give(s, info, name, irq, PK_RIGHT_ALL, 0);
}

static long give_file(const struct task_record *s, struct pk_boot_info *info, const char *name) {
    struct boot_file file;
    char path[32] = "boot/";
    strncat(path, name, sizeof path - 6);
    long error = image_find(path, &file);
    return error < 0 ? error : give_fresh(s, info, name, image_object(&file));
}

/* If a name of a capability is of the kind ("call:" and so on): what it is of, else 0. */
static const char *after(const char *name, const char *kind) {
    size_t length = strlen(kind);
    return strncmp(name, kind, length) ? 0 : name + length;
}

/* Which servers s may call, by the manifest: bit n for servers[n]. */
static uint64_t callees(const struct task_record *s) {
    const char *caps = s->spec.caps, *of;
    char name[CAP_NAME];
    uint64_t set = 0;
    while (manifest_next_cap(&caps, name, sizeof name) > 0) {
        const struct task_record *other =
            (of = after(name, "call:")) || (of = after(name, "mint:")) ? find(of) : 0;
        if (other)
            set |= 1ull << (other - servers);
        for (unsigned i = 0; !strcmp(name, "programs") && i < server_count; i++)
            if (servers[i].spec.programs)
                set |= 1ull << i;
    }
    return set;
}

/* Calls go one way, or servers could wait for each other for ever: `to` must not come to call `from`. */
static bool reaches(const struct task_record *from, const struct task_record *to) {
    uint64_t seen = 0, next = 1ull << (from - servers);
    while (next & ~seen) {
        unsigned n = 0;
        while (!((next & ~seen) >> n & 1))
            n++;
        seen |= 1ull << n;
        next |= servers[n].spec.account ? 0 : callees(&servers[n]);
    }
    return seen >> (to - servers) & 1;
}

/* The right to call another server, badged with the server's identity or to mint badged copies. */
static long give_call(const struct task_record *s, struct pk_boot_info *info,
                      const struct task_record *other, bool mint) {
    if (reaches(other, s)) {
        server_log("%s and %s may call each other, and wait for each other for ever", s->spec.name,
                   other->spec.name);
        return -ELOOP;
    }
    if (!mint)
        return give(s, info, other->spec.name, other->endpoint, PK_RIGHT_USE, s->badge);
    char name[CAP_NAME] = "mint:";
    strcat(name, other->spec.name);
    return give(s, info, name, other->endpoint, PK_RIGHT_USE | PK_RIGHT_GRANT, 0);
}

static long give_programs(const struct task_record *s, struct pk_boot_info *info) {
    long error = 0;
    for (unsigned i = 0; error >= 0 && i < server_count; i++) {
        if (!servers[i].spec.programs)
            continue;
        error = give_call(s, info, &servers[i], false);
        if (error >= 0)
            error = give_call(s, info, &servers[i], true);
    }
    return error;
}

static long give_events(const struct task_record *s, struct pk_boot_info *info, const char *name,
                        const char *of) {
    const struct task_record *other = find(of);
    uint64_t events = other ? other->events : !strcmp(of, "init") ? session_events : 0;
    return events ? give(s, info, name, events, PK_RIGHT_USE, 0) : native_only ? 0 : -ENOENT;
}

/* What is named after another server or an account: KIND:NAME. */
static long give_of(const struct task_record *s, struct pk_boot_info *info, const char *name) {
    const char *of = strchr(name, ':') + 1;
    const struct task_record *other = find(of);
    if (after(name, "events:"))
        return give_events(s, info, name, of);
    if (!other)
        return native_only ? 0 : -ENOENT;
    if (other->spec.account && after(name, "account:"))
        return give(s, info, name, other->account, PK_RIGHT_ALL, 0);
    if (other->spec.account && after(name, "pay:"))
        return give(s, info, name, other->account, PK_RIGHT_USE, 0);
    if (!other->spec.account && (after(name, "call:") || after(name, "mint:")))
        return give_call(s, info, other, after(name, "mint:") != 0);
    return -ENOENT;
}

static long give_named(const struct task_record *s, struct pk_boot_info *info, const char *name) {
    if (strchr(name, ':'))
        return give_of(s, info, name);
    if (!strcmp(name, "programs"))
        return give_programs(s, info);
    if (!strcmp(name, "machine"))
        return give(s, info, name, boot_caps.machine, PK_RIGHT_ALL, 0);
    if (!strcmp(name, "clock"))
        return give(s, info, name, clock_object, PK_RIGHT_USE | PK_RIGHT_WRITE, 0);
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
    if (error >= 0)
        error = pk_cap_copy(s->account, s->task, PK_SLOT_ACCOUNT, PK_RIGHT_ALL, 0);
    if (error >= 0)
        error = pk_cap_copy(boot_caps.machine, s->task, PK_SLOT_SERVER_MACHINE, PK_RIGHT_USE, 0);
    const char *caps = s->spec.caps;
    char name[CAP_NAME];
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

static void fill_info(struct pk_boot_info *info, const struct task_record *s) {
    strncpy(info->name, s->spec.name, sizeof info->name - 1);
    info->restarts = (uint32_t)s->deaths;
    info->request_at = SERVER_REQUEST_AT;
    info->timebase_hz = boot_info->timebase_hz;
    info->clock_at = CLOCK_ADDRESS;
    info->secret = secret_for(s->spec.name);
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
    must(pk_cap_drop(0, (uint64_t)object));
    *entry = program.elf.entry;
    return error;
}

static long map_memory(const struct task_record *s, const struct pk_boot_info *info) {
    long at = pk_map(s->task, SERVER_STACK_TOP - SERVER_STACK_SIZE, SERVER_STACK_SIZE,
                     PK_PROT_READ | PK_PROT_WRITE | PK_MAP_FIXED, 0, 0, 0);
    if (at >= 0)
        at = pk_map(s->task, INFO_ADDRESS, PAGE, PK_PROT_READ | PK_PROT_WRITE | PK_MAP_FIXED, 0, 0,
                    0);
    if (at >= 0)
        at = pk_map(s->task, CLOCK_ADDRESS, PAGE, PK_PROT_READ | PK_MAP_FIXED | PK_MAP_SHARED,
                    clock_object, 0, 0);
    if (at < 0)
        return at;
    long n = pk_task_copy_out(s->task, INFO_ADDRESS, info, sizeof *info);
    if (n < 0)
        return n;
    return pk_protect(s->task, INFO_ADDRESS, PAGE, PK_PROT_READ);
}

/* A server's memory is there before it runs: none of its page faults can fail. */
static long make_resident(const struct task_record *s) {
    struct pk_region_info r;
    long error = 0;
    for (uint64_t at = PAGE; error >= 0 && pk_region_info(s->task, at, &r) == 0;
         at = r.start + r.length)
        error = pk_populate(s->task, r.start, r.length);
    return error;
}

static long set_exceptions(const struct task_record *s, uint64_t number) {
    long error = pk_task_set_exception(s->task, PK_SLOT_SERVER_ENDPOINT, number);
    if (error == 0)
        error = pk_task_set(s->task, PK_TASK_NAME, (uint64_t)s->spec.name);
    return error;
}

/* Its thread, which is let run: from now on exceptions say how it is. */
static long start_thread(struct task_record *s, uint64_t entry) {
    static struct pk_regs regs;
    memset(&regs, 0, sizeof regs);
    regs.x[0] = entry;
    regs.x[2] = SERVER_REQUEST_AT;
    regs.x[10] = INFO_ADDRESS;
    long thread = pk_thread_create_in(s->account, s->task, &regs, s->spec.priority);
    if (thread < 0)
        return thread;
    s->thread = (uint64_t)thread;
    return pk_thread_resume(s->thread);
}

/* Makes its task, gives that its image, capabilities and thread, and lets it run. */
static long launch(struct task_record *s) {
    static struct pk_boot_info info;
    uint64_t entry;
    memset(&info, 0, sizeof info);
    fill_info(&info, s);
    long task = pk_task_create(s->account, 0);
    if (task < 0)
        return task;
    s->task = (uint64_t)task;
    long error = load(s, &entry);
    if (error == 0)
        error = give_all(s, &info);
    if (error == 0)
        error = map_memory(s, &info);
    if (error == 0)
        error = make_resident(s);
    if (error == 0)
        error = set_exceptions(s, (uint64_t)(s - servers) + 1);
    return error < 0 ? error : start_thread(s, entry);
}

void server_end(struct task_record *s) {
    if (s->task) {
        must(pk_task_kill(s->task));
        must(pk_cap_drop(0, s->task));
    }
    if (s->thread)
        must(pk_cap_drop(0, s->thread));
    s->task = s->thread = 0;
}

long server_restart(struct task_record *s) {
    long error = launch(s);
    if (error < 0)
        server_end(s);
    return error;
}

/* An endpoint where nobody can receive but to whom this server gives that right, which ends with it. */
static long make_endpoint(uint64_t events) {
    long all = pk_endpoint_create(events);
    if (all < 0)
        return all;
    long slot = pk_cap_copy((uint64_t)all, 0, 0, PK_RIGHT_ALL & ~PK_RIGHT_RECEIVE, 0);
    must(pk_cap_drop(0, (uint64_t)all));
    return slot;
}

/* Its account, of what init's has: a reserve of so many bytes, or for one to share all that is free. */
static long make_account(struct task_record *s, uint64_t quota) {
    static uint64_t tag;
    bool shared = s->spec.account;
    long account = pk_account_create(PK_SLOT_ACCOUNT, shared ? UINT64_MAX : quota,
                                     shared ? 0 : PK_ACCOUNT_RESERVED, ++tag, s->spec.priority);
    s->account = account < 0 ? 0 : (uint64_t)account;
    return account < 0 ? account : 0;
}

static long make_clock(void) {
    struct clock_page page = {realtime_base_ns};
    long slot = pk_object_create(PAGE, 0, 0);
    if (slot < 0)
        return slot;
    clock_object = (uint64_t)slot;
    long n = pk_object_write(clock_object, 0, &page, sizeof page);
    return n < 0 ? n : 0;
}

/* What stays when its task ends. */
static long prepare(struct task_record *s) {
    long events = pk_notification_create();
    long endpoint = events < 0 ? events : make_endpoint((uint64_t)events);
    if (endpoint < 0)
        return endpoint;
    s->events = (uint64_t)events;
    s->endpoint = (uint64_t)endpoint;
    s->badge =
        s->spec.badge ? PK_BADGE_SERVER | s->spec.badge : PK_BADGE_OTHER + (unsigned)(s - servers);
    return 0;
}

static long read_manifest(const char *manifest, size_t size) {
    const char *text = manifest;
    int more = 0;
    while (server_count < MAX_SERVERS &&
           (more = manifest_next(&text, manifest + size, &servers[server_count].spec)) > 0)
        if (!native_only || !servers[server_count].spec.not_native)
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
        error = make_clock();
    if (error == 0)
        error = pk_machine_info(&machine);
    for (unsigned i = 0; error == 0 && i < server_count; i++) {
        error = make_account(&servers[i], quota_of(&servers[i].spec, machine.frames_free));
        if (error == 0 && !servers[i].spec.account)
            error = prepare(&servers[i]);
        if (error < 0)
            server_log("%s: cannot be made: error %ld", servers[i].spec.name, -error);
    }
    for (unsigned i = 0; error == 0 && i < server_count; i++) {
        error = servers[i].spec.account ? 0 : launch(&servers[i]);
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
    s->account = PK_SLOT_ACCOUNT; /* all that is left is the program's */
    server_count++;
    long error = prepare(s);
    return error < 0 ? error : launch(s);
}
