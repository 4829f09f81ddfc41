/* SPDX-License-Identifier: MIT */
/* Checking and reading ELF headers of static executables (System V ABI, chapters 4 and 5). */
#ifndef LIB_ELF_H
#define LIB_ELF_H

#include <stddef.h>
#include <stdint.h>

#define ELF_FLAG_EXECUTE 1
#define ELF_FLAG_WRITE 2
#define ELF_FLAG_READ 4

/* A loadable segment whose bytes lie inside the file. */
struct elf_segment {
    uint64_t address, memory_size, offset, file_size;
    uint32_t flags;
};

/*
 * Checks that image is a 64-bit little-endian RISC-V executable with sane headers. Returns the
 * number of program headers and the entry point, or -ENOEXEC.
 */
int elf_check(const void *image, size_t size, uint64_t *entry);
/* Program header `index`: 1 and the segment if it is loadable, 0 if not, -ENOEXEC if it is bad. */
int elf_segment(const void *image, size_t size, unsigned index, struct elf_segment *out);

#endif
