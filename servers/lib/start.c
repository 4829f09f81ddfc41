/* SPDX-License-Identifier: MIT */
/*
 * Where a server starts: _start(a0 = struct pk_boot_info *) on the stack that init gave it.
 * Sets gp, the boot information and thread-local storage (picolibc's errno), then runs main. There
 * is one thread, no arguments, no environment and no constructors.
 */
#include <common/elf.h>
#include <lib/hash.h>
#include <lib/server.h>
#include <parley/clock.h>
#include <string.h>

const struct pk_boot_info *boot_info;

int main(void);
void clock_init(uint64_t timebase_hz, const struct clock_page *page);
_Noreturn void server_start(const struct pk_boot_info *info);
_Noreturn void _exit(int status);

__asm__(".section .text._start, \"ax\"\n"
        ".global _start\n"
        "_start:\n"
        ".option push\n"
        ".option norelax\n"
        "    la gp, __global_pointer$\n"
        ".option pop\n"
        "    andi sp, sp, -16\n"
        "    li fp, 0\n"
        "    li ra, 0\n"
        "    tail server_start\n"
        ".text\n");

/* The linker's symbol for the ELF header, which is mapped with the first segment. */
extern const unsigned char __ehdr_start[] __attribute__((visibility("hidden")));

/* The only thread's TLS block: tp points to its start (RISC-V ELF psABI, TLS variant I). */
static _Alignas(16) unsigned char tls_block[256];

static void tls_init(void) {
    const struct elf_header *header = (const void *)__ehdr_start;
    const struct elf_program_header *segment = (const void *)(__ehdr_start + header->phoff);
    __asm__ volatile("mv tp, %0" ::"r"(tls_block));
    for (unsigned i = 0; i < header->phnum; i++) {
        if (segment[i].type != ELF_TLS)
            continue;
        if (segment[i].memsz > sizeof(tls_block))
            server_panic("thread-local storage is too large");
        memcpy(tls_block, (const void *)segment[i].vaddr, segment[i].filesz);
    }
}

/* Only the assembly above names it, which whole-program optimization does not read. */
__attribute__((used, externally_visible)) _Noreturn void
server_start(const struct pk_boot_info *info) {
    boot_info = info;
    tls_init();
    clock_init(info->timebase_hz, (const struct clock_page *)info->clock_at);
    if (info->secret) /* init, whose callers are servers alone, has none */
        hash_multiplier = info->secret | 1;
    _exit(main());
}

/*
 * Ends the task by what is an exception in one without a foreign entry, Linux's exit_group(2): init is
 * told and decides what to do.
 */
_Noreturn void _exit(int status) {
    register long a0 __asm__("a0") = status;
    register long a7 __asm__("a7") = SERVER_EXIT_CALL;
    for (;;)
        __asm__ volatile("ecall" : "+r"(a0) : "r"(a7) : "memory");
}
