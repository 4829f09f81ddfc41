/* SPDX-License-Identifier: MIT */
/* /proc/PID: what is read out of a process's own memory, and the regions of that. */
#include "procfs.h"
#include <parley/personality.h>
#include <protocol/shm_client.h>
#include <protocol/vfs_client.h>
#include <stdio.h>
#include <string.h>

#define COPIED_AT_ONCE 1024
#define MAPPED_AT_ONCE 8
#define PAGE 4096
#define PATH_MOST (4096 + 16) /* with " (deleted)" */

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

/* A program that puts a title where its arguments stand may go on into the environment (setproctitle(3), proc(5)). */
static bool has_title(const struct process *p) {
    uint64_t end = p->strings.arguments + p->strings.arguments_size;
    char last = 0;
    return p->task && p->strings.arguments_size && p->strings.variables == end &&
           pk_task_copy_in(p->task, &last, end - 1, 1) >= 0 && last;
}

/* Up to its NUL, and a page at most, as on Linux. */
static bool copy_title(struct making *m) {
    static char title[PAGE];
    const struct process_strings *s = &m->process->strings;
    uint64_t room = s->arguments_size + s->variables_size;
    room = room < sizeof title ? room : sizeof title;
    if (pk_task_copy_in(m->process->task, title, s->arguments, room) >= 0) {
        uint64_t length = strnlen(title, room);
        text_append(&m->text, title, length < room ? length + 1 : room);
    }
    return false;
}

bool make_cmdline(struct making *m) {
    if (m->at == 0 && has_title(m->process))
        return copy_title(m);
    return copy_strings(m, m->process->strings.arguments, m->process->strings.arguments_size);
}

bool make_environ(struct making *m) {
    return copy_strings(m, m->process->strings.variables, m->process->strings.variables_size);
}

bool make_auxv(struct making *m) {
    return copy_strings(m, m->process->strings.auxv, m->process->strings.auxv_size);
}

/* What stands behind a region's addresses: its file, or what it is. */
struct region_file {
    uint32_t dev;
    uint64_t ino;
    size_t length; /* of the path */
    char path[PATH_MOST];
};

static void name_it(struct region_file *file, const char *name) {
    file->length = strlen(name);
    memcpy(file->path, name, file->length);
}

/* Objects that are no file's are shared memory; so is that of a file that went while nobody had it open. */
static void name_object(const struct making *m, const struct pk_region_info *r,
                        struct region_file *file) {
    long length;
    do {
        length = vfs_mapped(connect_endpoint(PK_SLOT_VFS), process_pid(m->asker), r->object_id,
                            file->path, sizeof file->path, &file->dev, &file->ino);
    } while (connect_again(m->asker, PK_SLOT_VFS, length));
    file->length = length > 0 ? (size_t)length : 0;
    if (length >= 0)
        return;
    *file = (struct region_file){.ino = r->object_id};
    name_it(file, "/dev/zero (deleted)");
}

/* By the key, which a removed segment has no more. */
static void name_segment(const struct pk_region_info *r, struct region_file *file) {
    int id = (int)(r->tag & PERSONALITY_REGION_SHM_ID);
    struct shmid64_ds ds;
    uint64_t resident;
    long error = shm_stat(connect_endpoint(PK_SLOT_SHM), id, IPC_STAT, &ds, &resident);
    file->ino = (uint64_t)id;
    file->length = (size_t)snprintf(file->path, sizeof file->path, "/SYSV%08x (deleted)",
                                    error < 0 ? IPC_PRIVATE : (unsigned)ds.shm_perm.key);
}

static void name_region(const struct making *m, const struct pk_region_info *r,
                        struct region_file *file) {
    const struct process_strings *strings = &m->process->strings;
    file->dev = 0;
    file->ino = 0;
    file->length = 0;
    if (r->start < STACK_TOP && r->start + r->length >= STACK_TOP)
        name_it(file, "[stack]");
    else if (r->start >= PERSONALITY_BASE)
        name_it(file, r->prot & PK_PROT_EXEC ? "[vdso]" : "");
    else if (r->has_object && r->tag & PERSONALITY_REGION_SHM)
        name_segment(r, file);
    else if (r->has_object)
        name_object(m, r, file);
    else if (r->start <= strings->heap && strings->heap < r->start + r->length)
        name_it(file, "[heap]");
}

/* A line is a line, whatever the name. */
static void append_path(struct text *t, const struct region_file *file) {
    for (size_t at = 0; at < file->length;) {
        const char *rest = file->path + at, *end = memchr(rest, '\n', file->length - at);
        size_t n = end ? (size_t)(end - rest) : file->length - at;
        text_append(t, rest, n);
        if (end)
            text_append(t, "\\012", 4);
        at += n + (end != NULL);
    }
}

static void append_region(struct text *t, const struct pk_region_info *r,
                          const struct region_file *file) {
    char line[80];
    int length = snprintf(line, sizeof line, "%08lx-%08lx %c%c%c%c %08lx 00:%02x %lu",
                          (unsigned long)r->start, (unsigned long)(r->start + r->length),
                          r->prot & PK_PROT_READ ? 'r' : '-', r->prot & PK_PROT_WRITE ? 'w' : '-',
                          r->prot & PK_PROT_EXEC ? 'x' : '-', r->prot & PK_MAP_SHARED ? 's' : 'p',
                          (unsigned long)r->offset, (unsigned)file->dev, (unsigned long)file->ino);
    text_print(t, "%-*s", file->length ? 73 : length + 1, line);
    append_path(t, file);
    text_append(t, "\n", 1);
}

bool make_maps(struct making *m) {
    static struct region_file file;
    const struct process *p = m->process;
    struct pk_region_info r;
    for (int n = 0; n < MAPPED_AT_ONCE; n++) {
        if (!p->task || pk_region_info(p->task, m->at, &r) < 0)
            return false;
        name_region(m, &r, &file);
        append_region(&m->text, &r, &file);
        m->at = r.start + r.length;
    }
    return true;
}

/* ---- smaps (proc_pid_smaps(5)) ---- */

#define WINDOW (64 * PAGE) /* looked at in one step: 32 runs of pages at most, twice */
#define PAGE_KIB 4

/* How many pages there are in [at, end): all (0), or the address space's own (PK_FIND_OWN). */
static uint64_t count_pages(uint64_t task, uint64_t at, uint64_t end, uint64_t kind) {
    uint64_t pages = 0;
    while (at < end) {
        long from = pk_region_find(task, at, end - at, kind | PK_FIND_DATA);
        if (from < 0 || (uint64_t)from >= end)
            break;
        long to = pk_region_find(task, (uint64_t)from, end - (uint64_t)from, kind | PK_FIND_HOLE);
        if (to < 0)
            break;
        pages += (uint64_t)(to - from) / PAGE;
        at = (uint64_t)to;
    }
    return pages;
}

/* Some pages of the region, which is looked at from m->at on; true if there are more. */
static bool count_some(struct making *m, const struct pk_region_info *r) {
    uint64_t task = m->process->task, end = r->start + r->length;
    uint64_t at = m->at > r->start ? m->at : r->start;
    long from = pk_region_find(task, at, end - at, PK_FIND_DATA);
    if (from >= 0 && (uint64_t)from < end) {
        at = (uint64_t)from;
        uint64_t stop = end - at > WINDOW ? at + WINDOW : end;
        m->found[0] += count_pages(task, at, stop, 0);
        m->found[1] += count_pages(task, at, stop, PK_FIND_OWN);
        m->at = stop;
        return stop < end;
    }
    m->at = end;
    return false;
}

/* Who else has a page is not counted: what is not the process's own counts as shared, and whole in Pss. */
static void append_numbers(struct text *t, const struct pk_region_info *r,
                           const uint64_t found[2]) {
    const struct {
        const char *name;
        uint64_t kib;
    } lines[] = {
        {"Size:", r->length / 1024},
        {"KernelPageSize:", PAGE_KIB},
        {"MMUPageSize:", PAGE_KIB},
        {"Rss:", found[0] * PAGE_KIB},
        {"Pss:", found[0] * PAGE_KIB},
        {"Shared_Clean:", (found[0] - found[1]) * PAGE_KIB},
        {"Shared_Dirty:", 0},
        {"Private_Clean:", 0},
        {"Private_Dirty:", found[1] * PAGE_KIB},
        {"Referenced:", found[0] * PAGE_KIB},
        {"Anonymous:", found[1] * PAGE_KIB},
        {"Swap:", 0},
    };
    for (unsigned i = 0; i < sizeof lines / sizeof *lines; i++)
        text_print(t, "%-16s%8lu kB\n", lines[i].name, (unsigned long)lines[i].kib);
    text_print(t, "VmFlags:%s%s%s%s\n", r->prot & PK_PROT_READ ? " rd" : "",
               r->prot & PK_PROT_WRITE ? " wr" : "", r->prot & PK_PROT_EXEC ? " ex" : "",
               r->prot & PK_MAP_SHARED ? " sh" : "");
}

bool make_smaps(struct making *m) {
    static struct region_file file;
    struct pk_region_info r;
    if (!m->process->task || pk_region_info(m->process->task, m->at, &r) < 0)
        return false;
    if (count_some(m, &r))
        return true;
    name_region(m, &r, &file);
    append_region(&m->text, &r, &file);
    append_numbers(&m->text, &r, m->found);
    m->found[0] = m->found[1] = 0;
    return true;
}
