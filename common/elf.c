/* SPDX-License-Identifier: MIT */
/* ELF headers (elf.h). Every field is checked before use: images are input like any other. */
#include <common/elf.h>
#include <parley/errno.h>
#include <string.h>

#define MACHINE_RISCV 243

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

int elf_read(const void *image, size_t have, struct elf_image *out) {
    static const uint8_t magic[] = {0x7f, 'E', 'L', 'F', 2, 1, 1};
    struct elf_header h;
    if (have < sizeof h)
        return -ENOEXEC;
    memcpy(&h, image, sizeof h);
    if (memcmp(h.ident, magic, sizeof magic) || h.machine != MACHINE_RISCV ||
        (h.type != ELF_EXECUTABLE && h.type != ELF_SHARED) ||
        h.phentsize != sizeof(struct program_header) || h.phoff > have ||
        h.phnum > (have - h.phoff) / sizeof(struct program_header))
        return -ENOEXEC;
    *out = (struct elf_image){h.entry, h.phoff, h.type, h.phnum};
    return 0;
}

int elf_segment(const void *image, uint64_t file_size, const struct elf_image *e, unsigned index,
                struct elf_segment *out) {
    struct program_header p;
    memcpy(&p, (const char *)image + e->phoff + index * sizeof p, sizeof p);
    if (p.offset > file_size || p.filesz > file_size - p.offset || p.vaddr + p.memsz < p.vaddr ||
        (p.type == ELF_LOAD && p.filesz > p.memsz))
        return -ENOEXEC;
    *out = (struct elf_segment){p.type, p.flags & 7, p.vaddr, p.memsz, p.offset, p.filesz};
    return 0;
}
