/* SPDX-License-Identifier: MIT */
/*
 * The initial stack of a program (System V ABI, process initialisation; RISC-V Linux): argc, argv,
 * envp, the auxiliary vector, and above them the strings.
 */
#include "proc.h"
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#ifndef AT_SYSINFO_EHDR
#define AT_SYSINFO_EHDR 33
#endif
#define AT_HWCAP_IMAFDC 0x112d /* one bit a letter */
#define AUX_MAX 20

struct builder {
    uint64_t *words;
    size_t used;
};

static void put(struct builder *b, uint64_t word) {
    b->words[b->used++] = word;
}

static void put_aux(struct builder *b, uint64_t type, uint64_t value) {
    put(b, type);
    put(b, value);
}

/* Pointers to n strings that stand one after the other from `address`; returns the one behind. */
static uint64_t put_pointers(struct builder *b, const char *bytes, size_t n, uint64_t address) {
    for (; n; n--) {
        size_t length = strlen(bytes) + 1;
        put(b, address);
        bytes += length;
        address += length;
    }
    put(b, 0);
    return address;
}

static void put_vector(struct builder *b, const struct process *p, const struct exec_image *image,
                       uint64_t random, uint64_t path) {
    put_aux(b, AT_SYSINFO_EHDR, image->personality);
    put_aux(b, AT_HWCAP, AT_HWCAP_IMAFDC);
    put_aux(b, AT_PAGESZ, 4096);
    put_aux(b, AT_CLKTCK, 100);
    put_aux(b, AT_PHDR, image->headers);
    put_aux(b, AT_PHENT, sizeof(Elf64_Phdr));
    put_aux(b, AT_PHNUM, image->phnum);
    put_aux(b, AT_BASE, image->base);
    put_aux(b, AT_FLAGS, 0);
    put_aux(b, AT_ENTRY, image->entry);
    put_aux(b, AT_UID, p->ruid);
    put_aux(b, AT_EUID, p->euid);
    put_aux(b, AT_GID, p->rgid);
    put_aux(b, AT_EGID, p->egid);
    put_aux(b, AT_SECURE, 0);
    put_aux(b, AT_RANDOM, random);
    put_aux(b, AT_EXECFN, path);
    put_aux(b, AT_NULL, 0);
}

static uint64_t mix(uint64_t z) {
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

/*
 * Layout from the top: path, strings, 16 random bytes, then the words, 16-byte aligned at sp.
 * 0, -ENOMEM, -E2BIG, or the kernel's error.
 */
long stack_build(uint64_t task, const struct process *p, const struct exec_image *image,
                 const struct exec_strings *s, const char *path, uint64_t *sp) {
    size_t path_size = strlen(path) + 1;
    uint64_t path_at = STACK_TOP - 8 - path_size;
    uint64_t strings_at = path_at - s->length;
    uint64_t random_at = (strings_at - 16) & ~15ul;
    size_t room = 1 + s->arguments + 1 + s->variables + 1 + 2 * AUX_MAX;
    if (s->length + room * 8 > STACK_SIZE / 4)
        return -E2BIG;
    struct builder b = {malloc(room * 8), 0};
    if (!b.words)
        return -ENOMEM;
    put(&b, s->arguments);
    uint64_t variables_at = put_pointers(&b, s->bytes, s->arguments, strings_at);
    put_pointers(&b, s->bytes + s->argument_bytes, s->variables, variables_at);
    put_vector(&b, p, image, random_at, path_at);
    *sp = (random_at - b.used * 8) & ~15ul;
    uint64_t seed = clock_realtime_ns() + p->pid_node.key;
    uint64_t random[2] = {mix(seed), mix(seed + 0x9e3779b97f4a7c15ull)};
    long n = pk_map(task, STACK_TOP - STACK_SIZE, STACK_SIZE,
                    PK_PROT_READ | PK_PROT_WRITE | PK_MAP_FIXED, 0, 0, 0);
    if (n >= 0)
        n = pk_task_copy_out(task, path_at, path, path_size);
    if (n >= 0 && s->length)
        n = pk_task_copy_out(task, strings_at, s->bytes, s->length);
    if (n >= 0)
        n = pk_task_copy_out(task, random_at, random, sizeof random);
    if (n >= 0)
        n = pk_task_copy_out(task, *sp, b.words, b.used * 8);
    free(b.words);
    return n < 0 ? n : 0;
}
