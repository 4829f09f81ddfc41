/* SPDX-License-Identifier: MIT */
/* Programs into tasks (program.h). */
#include <lib/program.h>
#include <parley/errno.h>
#include <parley/stubs.h>
#include <string.h>

#define PAGE 4096ul
#define USER_END (1ul << 38)
#define ANY_SIZE                                                                                   \
    UINT64_MAX /* of the file: pages that it has not are faults (SIGBUS), as in any mapping */

static uint64_t page_down(uint64_t v) {
    return v & ~(PAGE - 1);
}

static uint64_t page_up(uint64_t v) {
    return (v + PAGE - 1) & ~(PAGE - 1);
}

static long note_segment(struct program *p, const struct elf_segment *s) {
    uint64_t end = s->address + s->memory_size;
    if (s->address % PAGE != s->offset % PAGE || end > USER_END || page_down(s->address) < p->high)
        return -ENOEXEC;
    if (!p->high)
        p->low = page_down(s->address);
    p->high = page_up(end);
    p->brk = end;
    uint64_t headers_end = p->elf.phoff + p->elf.phnum * sizeof(struct elf_program_header);
    if (p->elf.phoff >= s->offset && headers_end <= s->offset + s->file_size)
        p->headers = s->address + (p->elf.phoff - s->offset);
    return 0;
}

long program_read(uint64_t object, uint64_t size, struct program *p) {
    uint64_t have = size < sizeof p->head ? size : sizeof p->head;
    memset(p, 0, offsetof(struct program, head));
    p->size = size;
    long n = pk_object_read(object, 0, p->head, have);
    if (n < 0)
        return n;
    if (elf_read(p->head, have, &p->elf) < 0)
        return -ENOEXEC;
    for (unsigned i = 0; i < p->elf.phnum; i++) {
        struct elf_segment s;
        if (elf_segment(p->head, ANY_SIZE, &p->elf, i, &s) < 0)
            return -ENOEXEC;
        if (s.type == ELF_LOAD && s.memory_size && note_segment(p, &s) < 0)
            return -ENOEXEC;
        if (s.type == ELF_INTERPRETER) {
            p->interpreter = s.offset;
            p->interpreter_length = s.file_size;
        }
    }
    return p->high ? 0 : -ENOEXEC;
}

static uint64_t protection(uint32_t flags) {
    return (flags & ELF_FLAG_READ ? PK_PROT_READ : 0) |
           (flags & ELF_FLAG_WRITE ? PK_PROT_WRITE : 0) |
           (flags & ELF_FLAG_EXECUTE ? PK_PROT_EXEC : 0);
}

/* Clears what follows the file's bytes in their last page, to its end: programs (the dynamic linker's
 * first allocator is one) take what lies behind their bss for zeros. */
static long clear_tail(uint64_t task, uint64_t from, uint64_t to) {
    static const char zeros[PAGE];
    return to > from ? pk_task_copy_out(task ? task : PK_SLOT_SERVER_TASK, from, zeros, to - from)
                     : 0;
}

static long map_segment(uint64_t task, uint64_t object, const struct elf_segment *s,
                        uint64_t bias) {
    uint64_t start = page_down(s->address) + bias, prot = protection(s->flags);
    uint64_t file_end = s->address + s->file_size + bias;
    uint64_t end = page_up(s->address + s->memory_size) + bias;
    uint64_t split = s->file_size ? page_up(file_end) : start;
    if (split > start) {
        long at = pk_map(task, start, split - start, prot | PK_MAP_FIXED, object,
                         page_down(s->offset), 0);
        if (at < 0)
            return at;
        if (s->memory_size > s->file_size && s->flags & ELF_FLAG_WRITE) {
            long error = clear_tail(task, file_end, split);
            if (error < 0)
                return error;
        }
    }
    if (end > split) {
        long at = pk_map(task, split, end - split, prot | PK_MAP_FIXED, 0, 0, 0);
        if (at < 0)
            return at;
    }
    return 0;
}

long program_map(uint64_t task, uint64_t object, const struct program *p, uint64_t bias) {
    for (unsigned i = 0; i < p->elf.phnum; i++) {
        struct elf_segment s;
        if (elf_segment(p->head, ANY_SIZE, &p->elf, i, &s) < 0)
            return -ENOEXEC;
        if (s.type != ELF_LOAD || !s.memory_size)
            continue;
        long error = map_segment(task, object, &s, bias);
        if (error < 0)
            return error;
    }
    return 0;
}
