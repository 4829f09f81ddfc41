/* SPDX-License-Identifier: MIT */
/* ELF headers (elf.h). Every field is checked before use: images are input like any other. */
#include <lib/elf.h>
#include <lib/lib.h>
#include <parley/errno.h>

#define MACHINE_RISCV 243
#define TYPE_EXECUTABLE 2
#define SEGMENT_LOAD 1

struct elf_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct program_header {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
};

int elf_check(const void *image, size_t size, uint64_t *entry) {
    struct elf_header h;
    if (size < sizeof h)
        return -ENOEXEC;
    memcpy(&h, image, sizeof h);
    static const uint8_t magic[] = {0x7f, 'E', 'L', 'F', 2, 1, 1};
    if (memcmp(h.ident, magic, sizeof magic) || h.machine != MACHINE_RISCV ||
        h.type != TYPE_EXECUTABLE || h.phentsize != sizeof(struct program_header) ||
        h.phoff > size || h.phnum > (size - h.phoff) / sizeof(struct program_header))
        return -ENOEXEC;
    *entry = h.entry;
    return h.phnum;
}

int elf_segment(const void *image, size_t size, unsigned index, struct elf_segment *out) {
    struct elf_header h;
    struct program_header p;
    memcpy(&h, image, sizeof h);
    memcpy(&p, (const char *)image + h.phoff + index * sizeof p, sizeof p);
    if (p.type != SEGMENT_LOAD)
        return 0;
    if (p.offset > size || p.filesz > size - p.offset || p.filesz > p.memsz ||
        p.vaddr + p.memsz < p.vaddr)
        return -ENOEXEC;
    *out = (struct elf_segment){p.vaddr, p.memsz, p.offset, p.filesz, p.flags & 7};
    return 1;
}
