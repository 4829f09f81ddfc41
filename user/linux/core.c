/* SPDX-License-Identifier: MIT */
/*
 * A core file (core(5), elf(5)): what a process that ends by a signal leaves for a debugger. It is written by the process
 * itself, on a stack of its own, when all its threads rest and its program runs no more: so with the rights of the
 * program, into its directory, and at its cost (docs/decisions/core-dumps.md).
 *
 * The header stands first, then notes, program headers, and on whole pages the memory. Pages that were never written to
 * are holes in the file.
 */
#include "core.h"
#include <common/elf.h>
#include "files.h"
#include "regions.h"

#define PAGE 4096ul
#define TASK 0 /* the caller's own */
#define AT_FDCWD (-100)
#define O_RDWR 2
#define O_CREAT 0100
#define O_NOFOLLOW 0400000
#define O_CLOEXEC 02000000
#define S_IFREG 0100000u
#define MODE_SEEN 0170677u /* whose execution bits do not matter */
#define AT_ONCE (1ul << 20)

#define ET_CORE 4
#define EM_RISCV 243
#define RISCV_FLAGS 5 /* compressed instructions, floats in registers */
#define PT_NOTE 4
#define PN_XNUM 0xffff /* as a count: it stands in the first section's header */

struct section_header {
    uint32_t name, type;
    uint64_t flags, addr, offset, size;
    uint32_t link, info;
    uint64_t addralign, entsize;
};

/* The start of struct stat. */
struct status {
    uint64_t dev, ino;
    uint32_t mode, nlink, uid, rest[25];
};
_Static_assert(sizeof(struct status) == 128, "struct stat");

/* ---- The file ---- */

/* So many bytes of memory, which may be missing in parts, at a place of the file. */
static void write_at(struct core_file *f, uint64_t at, uint64_t from, uint64_t length) {
    while (length && at < f->limit && !f->failed) {
        uint64_t n = length < AT_ONCE ? length : AT_ONCE;
        n = n < f->limit - at ? n : f->limit - at;
        long done = VFS_CALL(vfs_pwrite(PK_SLOT_VFS, f->fd, (int64_t)at, pointer(from), n));
        if (done == -EFAULT) /* behind the end of a file that was cut off */
            done = (long)(PAGE - from % PAGE < length ? PAGE - from % PAGE : length);
        if (done <= 0) {
            f->failed = true;
            return;
        }
        at += (uint64_t)done;
        from += (uint64_t)done;
        length -= (uint64_t)done;
    }
}

static void flush(struct core_file *f) {
    write_at(f, f->at, (uint64_t)f->buffer, f->used);
    f->at += f->used;
    f->used = 0;
    f->end = f->end > f->at ? f->end : f->at;
}

uint64_t core_at(const struct core_file *f) {
    return f->at + f->used;
}

void core_leap(struct core_file *f, uint64_t to) {
    flush(f);
    f->at = to;
}

void core_put(struct core_file *f, const void *bytes, size_t n) {
    const char *from = bytes;
    for (; n; n--) {
        if (f->used == CORE_BUFFER)
            flush(f);
        f->buffer[f->used++] = *from++;
    }
}

/* One that may be written over: a plain file of the user's own, which nobody else can read, under one name (core(5)). */
static bool is_good(const struct status *s, uint32_t euid) {
    return (s->mode & MODE_SEEN) == (S_IFREG | 0600u) && s->nlink == 1 && s->uid == euid;
}

static long open_core(uint32_t euid) {
    static const char name[] = PERSONALITY_CORE_NAME;
    struct status status;
    const uint64_t flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC;
    long fd = linux_openat((uint64_t)AT_FDCWD, (uint64_t)name, flags, 0600);
    if (fd == -EMFILE && linux_close(0) == 0) /* the program needs it no more */
        fd = linux_openat((uint64_t)AT_FDCWD, (uint64_t)name, flags, 0600);
    if (fd < 0)
        return fd;
    if (linux_fstat((uint64_t)fd, (uint64_t)&status) < 0 || !is_good(&status, euid))
        return -EACCES;
    long error = linux_ftruncate((uint64_t)fd, 0);
    return error < 0 ? error : fd;
}

/* ---- Memory ---- */

/* What of a region goes into the file. */
enum portion {
    NOTHING,
    HEADERS, /* an ELF file's: its first page */
    OWN,     /* pages that were written to; the others are zeros */
    OBJECT,  /* shared memory: those that are there */
    WHOLE
};

static bool is_elf(uint64_t address) {
    uint32_t magic = 0;
    return user_get(&magic, pointer(address), sizeof magic) == 0 && magic == 0x464c457f;
}

static bool has_own_pages(const struct pk_region_info *r) {
    long at = pk_region_find(TASK, r->start, r->length, PK_FIND_DATA | PK_FIND_OWN);
    return at >= 0 && (uint64_t)at < r->start + r->length;
}

/* As Linux's coredump_filter has it by default: no files but what the program changed of them. */
static enum portion portion_of(const struct pk_region_info *r) {
    uint64_t here = (uint64_t)&portion_of;
    if (!(r->prot & (PK_PROT_READ | PK_PROT_WRITE)) || r->tag & REGION_NOT_DUMPED)
        return NOTHING;
    if (r->start <= here && here < r->start + r->length)
        return WHOLE; /* the personality: debuggers look for it in memory only */
    if (r->prot & PK_MAP_SHARED)
        return r->tag & (REGION_SHM | REGION_ANONYMOUS) ? OBJECT : NOTHING;
    if (!r->has_object)
        return OWN;
    if (has_own_pages(r))
        return WHOLE;
    return r->offset == 0 && is_elf(r->start) ? HEADERS : NOTHING;
}

static uint64_t size_of(const struct pk_region_info *r, enum portion portion) {
    return portion == NOTHING ? 0 : portion == HEADERS ? PAGE : r->length;
}

/* The next region from *at on, but for the one that this stack is in. */
static bool next_region(uint64_t *at, struct pk_region_info *r) {
    do {
        if (pk_region_info(TASK, *at, r) < 0)
            return false;
        *at = r->start + r->length;
    } while (r->start <= (uint64_t)r && (uint64_t)r < *at);
    return true;
}

static uint64_t count_regions(void) {
    struct pk_region_info r;
    uint64_t n = 0;
    for (uint64_t at = 0; next_region(&at, &r);)
        n++;
    return n;
}

static void put_headers(struct core_file *f, uint64_t notes_size, uint64_t data) {
    struct pk_region_info r;
    struct elf_program_header notes = {
        .type = PT_NOTE, .offset = sizeof(struct elf_header), .filesz = notes_size, .align = 4};
    core_put(f, &notes, sizeof notes);
    for (uint64_t at = 0; next_region(&at, &r);) {
        struct elf_program_header h = {
            .type = ELF_LOAD, .offset = data, .vaddr = r.start, .memsz = r.length, .align = PAGE};
        h.filesz = size_of(&r, portion_of(&r));
        h.flags = (r.prot & PK_PROT_READ ? 4u : 0) | (r.prot & PK_PROT_WRITE ? 2u : 0) |
                  (r.prot & PK_PROT_EXEC ? 1u : 0);
        core_put(f, &h, sizeof h);
        data += h.filesz;
    }
}

static void write_own(struct core_file *f, const struct pk_region_info *r) {
    uint64_t end = r->start + r->length;
    for (uint64_t at = r->start; at < end && !f->failed;) {
        long from = pk_region_find(TASK, at, end - at, PK_FIND_DATA | PK_FIND_OWN);
        if (from < 0 || (uint64_t)from >= end)
            return;
        at = (uint64_t)from;
        long to = pk_region_find(TASK, at, end - at, PK_FIND_HOLE | PK_FIND_OWN);
        if (to < 0)
            return;
        write_at(f, f->at + (at - r->start), at, (uint64_t)to - at);
        at = (uint64_t)to;
    }
}

/* From there on, in an object, whose size is behind all that is mapped. */
static uint64_t find_in_object(uint64_t object, uint64_t from, uint64_t what) {
    for (;;) {
        long next = pk_object_find(object, from, what);
        if (next < 0)
            return UINT64_MAX;
        if ((uint64_t)next == from)
            return from;
        from = (uint64_t)next;
    }
}

static void write_object(struct core_file *f, const struct pk_region_info *r) {
    long slot = pk_region_object(TASK, r->start);
    if (slot < 0)
        return;
    uint64_t end = r->offset + r->length;
    for (uint64_t at = r->offset; at < end && !f->failed;) {
        at = find_in_object((uint64_t)slot, at, PK_FIND_DATA);
        uint64_t to = at < end ? find_in_object((uint64_t)slot, at, PK_FIND_HOLE) : end;
        to = to < end ? to : end;
        if (at >= to)
            break;
        write_at(f, f->at + (at - r->offset), r->start + (at - r->offset), to - at);
        at = to;
    }
    must(pk_cap_drop(0, (uint64_t)slot));
}

static void put_memory(struct core_file *f) {
    struct pk_region_info r;
    for (uint64_t at = 0; next_region(&at, &r);) {
        enum portion portion = portion_of(&r);
        uint64_t size = size_of(&r, portion);
        if (portion == OWN)
            write_own(f, &r);
        else if (portion == OBJECT)
            write_object(f, &r);
        else if (size)
            write_at(f, f->at, r.start, size);
        core_leap(f, f->at + size);
    }
}

/* ---- All of it ---- */

static void put_elf_header(struct core_file *f, uint64_t phoff, uint64_t count, uint64_t shoff) {
    struct elf_header h = {
        .ident = {0x7f, 'E', 'L', 'F', 2, 1, 1},
        .type = ET_CORE,
        .machine = EM_RISCV,
        .version = 1,
        .phoff = phoff,
        .shoff = shoff,
        .flags = RISCV_FLAGS,
        .ehsize = sizeof h,
        .phentsize = sizeof(struct elf_program_header),
        .phnum = (uint16_t)(count < PN_XNUM ? count : PN_XNUM),
        .shentsize = shoff ? sizeof(struct section_header) : 0,
        .shnum = shoff ? 1 : 0,
    };
    core_put(f, &h, sizeof h);
}

static void put_all(struct core_file *f, const struct proc_core *process) {
    core_leap(f, sizeof(struct elf_header));
    core_notes(f, process);
    uint64_t notes_size = core_at(f) - sizeof(struct elf_header);
    uint64_t phoff = (core_at(f) + 7) & ~7ul, count = 1 + count_regions();
    uint64_t shoff = phoff + count * sizeof(struct elf_program_header);
    struct section_header section = {.info = (uint32_t)count};
    uint64_t data = (shoff + sizeof section + PAGE - 1) & ~(PAGE - 1);
    core_leap(f, phoff);
    put_headers(f, notes_size, data);
    core_put(f, &section, sizeof section);
    core_leap(f, 0);
    put_elf_header(f, phoff, count, count < PN_XNUM ? 0 : shoff);
    core_leap(f, data);
    put_memory(f);
    flush(f);
}

/* Where a thread of a process goes on that has ended by a signal, but for this (entry.S). */
_Noreturn void core_dump(void) {
    struct proc_core process;
    struct core_file f;
    bool written = false;
    if (proc_core_process(PK_SLOT_PROC, &process, sizeof process) == 0) {
        long fd = open_core(process.euid);
        f.fd = (int)fd;
        f.failed = false;
        f.at = f.end = f.used = 0;
        f.limit = process.limit < INT64_MAX ? process.limit : INT64_MAX;
        written = fd >= 0;
    }
    if (written) {
        put_all(&f, &process);
        uint64_t size = f.end < f.limit ? f.end : f.limit;
        pk_may_fail(linux_ftruncate((uint64_t)f.fd, size)); /* what is at its end may be holes */
    }
    for (;;) { /* only from a dead process server it comes back: the end is near then, too */
        pk_may_fail(proc_core_end(PK_SLOT_PROC, written));
        pk_yield();
    }
}
