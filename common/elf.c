/* SPDX-License-Identifier: MIT */
/* ELF headers. Every field is checked before use: images are input like any other. */
#include <common/elf.h>
#include <parley/errno.h>
#include <string.h>

#define MACHINE_RISCV 243
#define PAGE_MASK 4095

int elf_read(const void *image, size_t have, struct elf_image *out) {
    static const uint8_t magic[] = {0x7f, 'E', 'L', 'F', 2, 1, 1};
    struct elf_header h;
    if (have < sizeof h)
        return -ENOEXEC;
    memcpy(&h, image, sizeof h);
    if (memcmp(h.ident, magic, sizeof magic) || h.machine != MACHINE_RISCV ||
        (h.type != ELF_EXECUTABLE && h.type != ELF_SHARED) ||
        h.phentsize != sizeof(struct elf_program_header) || h.phoff > have ||
        h.phnum > (have - h.phoff) / sizeof(struct elf_program_header))
        return -ENOEXEC;
    *out = (struct elf_image){h.entry, h.phoff, h.type, h.phnum};
    return 0;
}

int elf_segment(const void *image, uint64_t file_size, const struct elf_image *e, unsigned index,
                struct elf_segment *out) {
    struct elf_program_header p;
    memcpy(&p, (const char *)image + e->phoff + index * sizeof p, sizeof p);
    if (p.filesz == 0)
        p.offset &= PAGE_MASK;
    else if (p.offset > file_size || p.filesz > file_size - p.offset)
        return -ENOEXEC;
    if (p.vaddr + p.memsz < p.vaddr || (p.type == ELF_LOAD && p.filesz > p.memsz))
        return -ENOEXEC;
    *out = (struct elf_segment){p.type, p.flags & 7, p.vaddr, p.memsz, p.offset, p.filesz};
    return 0;
}
