/* SPDX-License-Identifier: MIT */
/* Checking and reading ELF headers of RISC-V programs (System V ABI, chapters 4 and 5). */
#ifndef COMMON_ELF_H
#define COMMON_ELF_H

#include <stddef.h>
#include <stdint.h>

#define ELF_EXECUTABLE 2 /* types */
#define ELF_SHARED 3

#define ELF_LOAD 1 /* segments */
#define ELF_INTERPRETER 3
#define ELF_PROGRAM_HEADERS 6
#define ELF_TLS 7

#define ELF_FLAG_EXECUTE 1
#define ELF_FLAG_WRITE 2
#define ELF_FLAG_READ 4

/* As they stand in a file. */
struct elf_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct elf_program_header {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
};

/* As they are read. */
struct elf_image {
    uint64_t entry, phoff;
    unsigned type, phnum;
};

struct elf_segment {
    uint32_t type;
    uint32_t flags; /* ELF_FLAG_* */
    uint64_t address, memory_size, offset, file_size;
};

/*
 * Reads the header at the start of a file of which `have` bytes are at hand. Returns 0, or -ENOEXEC
 * unless it is a 64-bit little-endian RISC-V executable or shared object whose program headers lie
 * within those bytes.
 */
int elf_read(const void *image, size_t have, struct elf_image *out);
/*
 * Program header `index` (below phnum) of a checked image. Returns 0, or -ENOEXEC if its bytes lie
 * outside the file of file_size bytes or its sizes make no sense. Of the offset of no bytes, which may
 * be behind the file's end (that of a bss in a stripped file), only the place in a page is told.
 */
int elf_segment(const void *image, uint64_t file_size, const struct elf_image *e, unsigned index,
                struct elf_segment *out);

#endif
