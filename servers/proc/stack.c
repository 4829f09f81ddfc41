/* SPDX-License-Identifier: MIT */
/*
 * The initial stack of a program (System V ABI, process initialisation; RISC-V Linux): argc, argv,
 * envp, the auxiliary vector, and above them the strings.
 */
#include "exec.h"
#include "auxv.h"
#include <common/elf.h>
#include <string.h>

#define AUX_MAX 20 /* two words each; WORDS are more */

static uint64_t *put_aux(uint64_t *word, uint64_t type, uint64_t value) {
    word[0] = type;
    word[1] = value;
    return word + 2;
}

static uint64_t mix(uint64_t z) {
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

/* As on Linux: a quarter of RLIMIT_STACK, and at least and at most so much. */
#define STRINGS_LEAST (128ul << 10)
#define STRINGS_MOST (6ul << 20)

/* RLIMIT_STACK at exec, where Linux looks at it when the stack grows: INFINITY is the most here. */
#define STACK_LEAST (256ul << 10) /* strings, and as much besides */
#define STACK_MOST (1ul << 30)
#define PAGE 4096ul
#define GUARD (1ul << 20) /* nothing is mapped there below the stack */

static uint64_t clamp(uint64_t value, uint64_t least, uint64_t most) {
    return value < least ? least : value < most ? value : most;
}

uint64_t stack_strings_most(const struct process *p) {
    return clamp(settings_limit(p, RLIMIT_STACK) / 4, STRINGS_LEAST, STRINGS_MOST);
}

/* One that reaches to where mappings are placed is guarded by one of its own. */
static bool is_large(uint64_t size) {
    return size + GUARD > STACK_TOP - MAP_TOP;
}

void stack_choose(struct exec *e) {
    uint64_t size = settings_limit(e->p, RLIMIT_STACK) & ~(PAGE - 1);
    size = clamp(size, STACK_LEAST, STACK_MOST);
    e->strings.stack = is_large(size) ? size + GUARD : size;
}

uint64_t stack_mappings_below(const struct exec *e) {
    uint64_t bottom = STACK_TOP - e->strings.stack;
    return bottom < MAP_TOP ? bottom : MAP_TOP;
}

static long map_stack(const struct exec *e) {
    const uint64_t flags = PK_PROT_READ | PK_PROT_WRITE | PK_MAP_FIXED;
    uint64_t size = e->strings.stack, bottom = STACK_TOP - size;
    if (bottom >= MAP_TOP)
        return pk_map(e->task, bottom, size, flags, 0, 0, 0);
    long error = pk_map(e->task, bottom, GUARD, PK_MAP_FIXED, 0, 0, 0);
    return error < 0 ? error : pk_map(e->task, bottom + GUARD, size - GUARD, flags, 0, 0, 0);
}

/*
 * Layout from the top: path, strings, 16 random bytes, then the words, 16-byte aligned at sp. All that is
 * known before the strings are copied. 0, -E2BIG, or the kernel's error.
 */
long stack_begin(struct exec *e) {
    size_t path_size = strlen(e->path) + 1;
    size_t strings = e->arguments.length + e->variables.length;
    size_t words = 1 + e->arguments.count + 1 + e->variables.count + 1 + 2 * AUX_MAX;
    uint64_t path_at = STACK_TOP - 8 - path_size;
    uint64_t random_at = (path_at - strings - 16) & ~15ul;
    if (strings + words * 8 > stack_strings_most(e->p))
        return -E2BIG;
    e->sp = (random_at - words * 8) & ~15ul;
    e->copy.string_at = random_at;
    e->copy.string_end = STACK_TOP - 8;
    e->copy.word_at = e->sp;
    e->copy.byte_count = e->copy.word_count = 0;
    e->path_at = path_at;
    e->random_at = random_at;
    e->strings = (struct process_strings){
        .arguments = path_at - strings,
        .arguments_size = e->arguments.length,
        .variables = path_at - e->variables.length,
        .variables_size = e->variables.length,
        .heap = e->image.brk,
        .stack = e->strings.stack,
    };
    uint64_t seed = clock_realtime_ns() + e->p->pid_node.key;
    uint64_t random[4] = {mix(seed), mix(seed + 0x9e3779b97f4a7c15ull)}; /* and up to the strings */
    long n = map_stack(e);
    if (n >= 0)
        n = exec_put_bytes(e, (const char *)random, path_at - strings - random_at);
    return n < 0 ? n : exec_put_word(e, e->arguments.count);
}

long stack_end(struct exec *e) {
    const struct process *p = e->p;
    struct exec_copy *c = &e->copy;
    long error = c->word_count > WORDS - 2 * AUX_MAX ? exec_flush(e) : 0;
    if (c->string_at != e->path_at)
        return -EFAULT; /* shorter than they were when they were measured */
    if (error == 0)
        error = exec_put_bytes(e, e->path, strlen(e->path) + 1);
    uint64_t *first = &c->words[c->word_count], *w = first;
    e->strings.auxv = c->word_at;
    w = put_aux(w, AT_SYSINFO_EHDR, e->image.personality);
    w = put_aux(w, AT_HWCAP, AT_HWCAP_IMAFDC);
    w = put_aux(w, AT_PAGESZ, 4096);
    w = put_aux(w, AT_CLKTCK, 100);
    w = put_aux(w, AT_PHDR, e->image.headers);
    w = put_aux(w, AT_PHENT, sizeof(struct elf_program_header));
    w = put_aux(w, AT_PHNUM, e->image.phnum);
    w = put_aux(w, AT_BASE, e->image.base);
    w = put_aux(w, AT_FLAGS, 0);
    w = put_aux(w, AT_ENTRY, e->image.entry);
    w = put_aux(w, AT_UID, p->ruid);
    w = put_aux(w, AT_EUID, e->euid);
    w = put_aux(w, AT_GID, p->rgid);
    w = put_aux(w, AT_EGID, e->egid);
    w = put_aux(w, AT_SECURE, e->euid != p->ruid || e->egid != p->rgid);
    w = put_aux(w, AT_RANDOM, e->random_at);
    w = put_aux(w, AT_EXECFN, e->path_at);
    w = put_aux(w, AT_NULL, 0);
    e->strings.auxv_size = 8 * (uint64_t)(w - first);
    c->word_count += (size_t)(w - first);
    c->word_at += 8 * (uint64_t)(w - first);
    return error < 0 ? error : exec_flush(e);
}
