/* SPDX-License-Identifier: MIT */
/*
 * Mapping an ELF program into a task: segments come straight from the file's memory object and are
 * paged in on demand; only the headers are read.
 */
#ifndef LIB_PROGRAM_H
#define LIB_PROGRAM_H

#include <common/elf.h>
#include <stddef.h>
#include <stdint.h>

#define PROGRAM_HEADER_BYTES 4096 /* of the file, where the headers must lie */

struct program {
    struct elf_image elf;
    uint64_t size; /* of the file */
    uint64_t low;  /* lowest and highest address of its segments, page aligned, unbiased */
    uint64_t high;
    uint64_t brk;     /* end of its last segment, unbiased */
    uint64_t headers; /* address of the program headers in memory, unbiased; 0 if not mapped */
    uint64_t interpreter, interpreter_length; /* place of its name in the file; 0 if none */
    unsigned char head[PROGRAM_HEADER_BYTES];
};

/*
 * Reads and checks a program's headers: every loadable segment congruent to its offset, inside the
 * address space and not overlapping the one before. 0, or -ENOEXEC.
 */
long program_read(uint64_t object, uint64_t size, struct program *program);

/*
 * Maps a checked program's segments into a task (slot; 0 is the caller's own), moved by bias.
 * 0, or the kernel's error; segments mapped before an error stay.
 */
long program_map(uint64_t task, uint64_t object, const struct program *program, uint64_t bias);

#endif
