/* SPDX-License-Identifier: MIT */
/*
 * What the device tree says of the machine, and the firmware's services: console, harts, IPIs,
 * stop. The tree is read once at boot.
 */
#include <arch/machine.h>
#include "csr.h"
#include "plic.h"
#include "sbi.h"
#include <arch/hart.h>
#include <arch/mmu.h>
#include <common/fdt.h>
#include <entry.h>
#include <lib/lib.h>
#include <sched/hart.h>

struct arch_machine machine;

#define MAX_DEPTH 8
#define NS_PER_SECOND 1000000000ull
enum node_kind { NODE_OTHER, NODE_MEMORY, NODE_CPU, NODE_CPU_INTC, NODE_PLIC, NODE_TEST };

/* A node on the path from the root. */
struct node {
    char name[24];
    enum node_kind kind;
    uint32_t address_cells, size_cells; /* for its children */
    const void *reg, *interrupts;       /* values of reg and interrupts-extended */
    uint32_t reg_length, interrupts_length;
    uint32_t phandle;
    bool disabled;
};

struct scan {
    struct node path[MAX_DEPTH];
    uint64_t boot_hart;
    uint32_t intc_phandle[ARCH_MAX_HARTS]; /* by position in machine.hart_ids */
    uint32_t last_intc;
    struct node plic;
};

static void scan_begin(void *context, int depth, const char *name) {
    struct scan *s = context;
    if (depth >= MAX_DEPTH)
        return;
    struct node *n = &s->path[depth];
    *n = (struct node){.address_cells = 2, .size_cells = 1};
    memcpy(n->name, name, min_u64(strlen(name), sizeof n->name - 1));
    if (depth == 1 && strncmp(name, "memory@", 7) == 0)
        n->kind = NODE_MEMORY;
    else if (depth == 2 && strncmp(name, "cpu@", 4) == 0)
        n->kind = NODE_CPU;
    else if (depth == 3 && s->path[2].kind == NODE_CPU && strcmp(name, "interrupt-controller") == 0)
        n->kind = NODE_CPU_INTC;
}

static bool has_string(const struct fdt_property *p, const char *wanted) {
    const char *s = p->value;
    for (uint32_t at = 0; at < p->length; at += (uint32_t)strlen(s + at) + 1)
        if (strncmp(s + at, wanted, p->length - at) == 0)
            return true;
    return false;
}

static bool isa_has(const struct fdt_property *p, const char *extension) {
    const char *s = p->value;
    size_t n = strlen(extension);
    for (uint32_t at = 0; at + n < p->length; at++)
        if (s[at] == '_' && strncmp(s + at + 1, extension, n) == 0)
            return true;
    return false;
}

/* Only what all harts have counts. */
static void isa_property(const struct fdt_property *p) {
    bool first = machine.hart_count == 0;
    machine.has_sstc = isa_has(p, "sstc") && (first || machine.has_sstc);
    machine.has_zbb = isa_has(p, "zbb") && (first || machine.has_zbb);
}

static void chosen_property(const struct fdt_property *p) {
    if (strcmp(p->name, "bootargs") == 0)
        memcpy(machine.command_line, p->value, min_u64(p->length, sizeof machine.command_line - 1));
    else if (strcmp(p->name, "linux,initrd-start") == 0)
        machine.initrd_start = fdt_cells(p->value, p->length / 4);
    else if (strcmp(p->name, "linux,initrd-end") == 0)
        machine.initrd_end = fdt_cells(p->value, p->length / 4);
}

static void scan_property(void *context, int depth, const struct fdt_property *p) {
    struct scan *s = context;
    if (depth >= MAX_DEPTH)
        return;
    struct node *n = &s->path[depth];
    if (strcmp(p->name, "#address-cells") == 0)
        n->address_cells = (uint32_t)fdt_cells(p->value, 1);
    else if (strcmp(p->name, "#size-cells") == 0)
        n->size_cells = (uint32_t)fdt_cells(p->value, 1);
    else if (strcmp(p->name, "reg") == 0)
        n->reg = p->value, n->reg_length = p->length;
    else if (strcmp(p->name, "phandle") == 0)
        n->phandle = (uint32_t)fdt_cells(p->value, 1);
    else if (strcmp(p->name, "status") == 0)
        n->disabled = !has_string(p, "okay") && !has_string(p, "ok");
    else if (strcmp(p->name, "timebase-frequency") == 0)
        machine.timebase_hz = fdt_cells(p->value, p->length / 4);
    else if (strcmp(p->name, "riscv,isa") == 0 && n->kind == NODE_CPU)
        isa_property(p);
    else if (strcmp(p->name, "interrupts-extended") == 0)
        n->interrupts = p->value, n->interrupts_length = p->length;
    else if (strcmp(p->name, "compatible") == 0) {
        if (has_string(p, "riscv,plic0") || has_string(p, "sifive,plic-1.0.0"))
            n->kind = NODE_PLIC;
        else if (has_string(p, "sifive,test0"))
            n->kind = NODE_TEST;
    }
    if (depth == 1 && strcmp(n->name, "chosen") == 0)
        chosen_property(p);
}

static void node_reg(const struct scan *s, int depth, uint64_t *start, uint64_t *size) {
    const struct node *n = &s->path[depth], *parent = &s->path[depth - 1];
    uint32_t a = parent->address_cells, z = parent->size_cells;
    if (!n->reg || n->reg_length < 4 * (a + z))
        return;
    *start = fdt_cells(n->reg, a);
    *size = fdt_cells((const char *)n->reg + 4 * a, z);
}

static void add_hart(struct scan *s, uint64_t id) {
    if (machine.hart_count == ARCH_MAX_HARTS)
        return;
    uint32_t i = machine.hart_count++;
    machine.hart_ids[i] = id;
    s->intc_phandle[i] = s->last_intc;
    if (id == s->boot_hart) { /* the boot hart is number 0 */
        machine.hart_ids[i] = machine.hart_ids[0];
        s->intc_phandle[i] = s->intc_phandle[0];
        machine.hart_ids[0] = id;
        s->intc_phandle[0] = s->last_intc;
    }
}

static void scan_end(void *context, int depth) {
    struct scan *s = context;
    if (depth >= MAX_DEPTH || depth == 0)
        return;
    struct node *n = &s->path[depth];
    uint64_t start = 0, size = 0;
    node_reg(s, depth, &start, &size);
    switch (n->kind) {
    case NODE_MEMORY:
        if (size > machine.ram_end - machine.ram_start) {
            machine.ram_start = start;
            machine.ram_end = start + size;
        }
        break;
    case NODE_CPU:
        if (!n->disabled && n->reg)
            add_hart(s, fdt_cells(n->reg, s->path[depth - 1].address_cells));
        break;
    case NODE_CPU_INTC:
        s->last_intc = n->phandle;
        break;
    case NODE_PLIC:
        machine.plic_start = start;
        machine.plic_size = size;
        s->plic = *n;
        break;
    case NODE_TEST:
        machine.test_start = start;
        break;
    case NODE_OTHER:
        break;
    }
}

/* The PLIC's contexts are listed as pairs (hart's interrupt controller, interrupt number). */
static uint32_t boot_plic_context(const struct scan *s) {
    for (uint32_t i = 0; i < s->plic.interrupts_length / 8; i++) {
        const char *pair = (const char *)s->plic.interrupts + 8 * i;
        if (fdt_cells(pair, 1) == s->intc_phandle[0] && fdt_cells(pair + 4, 1) == IRQ_EXTERNAL)
            return i;
    }
    panic("device tree: the interrupt controller does not know the boot hart");
}

/* By long division, a bit at a time. */
static void measure_tick(uint64_t hz) {
    machine.tick_ns = NS_PER_SECOND / hz;
    uint64_t rest = NS_PER_SECOND % hz;
    for (unsigned bit = 64; bit-- > 0;) {
        rest *= 2;
        machine.tick_fraction |= (uint64_t)(rest >= hz) << bit;
        rest -= rest >= hz ? hz : 0;
    }
}

static void read_device_tree(uint64_t boot_hart, uint64_t tree_pa) {
    static struct scan scan;
    scan.boot_hart = boot_hart;
    const void *tree = phys_to_virt(tree_pa);
    struct fdt_visitor v = {&scan, scan_begin, scan_property, scan_end};
    machine.tree_start = tree_pa;
    machine.tree_end = tree_pa + fdt_size(tree);
    if (fdt_walk(tree, fdt_size(tree), &v) < 0 || machine.ram_end == 0 || machine.hart_count == 0 ||
        machine.timebase_hz == 0)
        panic("device tree at %lx: damaged or incomplete", tree_pa);
    measure_tick(machine.timebase_hz);
    machine.ram_end = min_u64(machine.ram_end, ARCH_DIRECT_SIZE);
    plic_init(machine.plic_start, boot_plic_context(&scan));
}

void boot_main(uint64_t hart_id, uint64_t tree_pa);
void boot_secondary(void);
void arch_secondary_start(void);
extern char image_start[], image_end[], boot_stacks[], trap_entry[], trap_entry_smp[],
    trap_entry_general[];

static bool command_line_has(const char *word) {
    size_t n = strlen(word);
    for (const char *at = machine.command_line; *at;) {
        size_t length = 0;
        while (at[length] && at[length] != ' ')
            length++;
        if (length == n && strncmp(at, word, n) == 0)
            return true;
        at += length + (at[length] == ' ');
    }
    return false;
}

void arch_trap_generally(bool generally) {
    if (generally || command_line_has("path=general"))
        csr_write(stvec, trap_entry_general);
    else
        csr_write(stvec, machine.hart_count > 1 ? trap_entry_smp : trap_entry);
}

static void hart_setup(void) {
    arch_trap_generally(false);
    csr_write(sscratch, 0);
    csr_write(sstatus, 0);
    csr_write(scounteren, 7); /* cycle, time and instret are readable in user mode */
    csr_write(sie, SIE_SOFT | SIE_TIMER | SIE_EXTERNAL);
    arch_timer_program(UINT64_MAX);
}

void boot_main(uint64_t hart_id, uint64_t tree_pa) {
    read_device_tree(hart_id, tree_pa);
    machine.kernel_start = (uint64_t)(uintptr_t)image_start - ARCH_IMAGE_OFFSET;
    machine.kernel_end = (uint64_t)(uintptr_t)image_end - ARCH_IMAGE_OFFSET;
    arch_mmu_init_kernel();
    for (uint32_t i = 0; i < machine.hart_count; i++) {
        harts[i].index = i;
        harts[i].kernel_stack = (uint64_t)(uintptr_t)boot_stacks + 16384ull * (i + 1);
    }
    hart_setup();
    kernel_main();
    __asm__ volatile("j trap_return");
}

void boot_secondary(void) {
    arch_mmu_activate(NULL);
    hart_setup();
    kernel_main_secondary();
    __asm__ volatile("j trap_return");
}

/* Where boot.S finds a started hart's data. */
struct boot_hart {
    uint64_t id;
    struct hart *hart;
};
extern struct boot_hart boot_harts[];
struct boot_hart boot_harts[ARCH_MAX_HARTS];

bool arch_start_hart(void) {
    uint64_t entry = (uint64_t)(uintptr_t)arch_secondary_start - ARCH_IMAGE_OFFSET;
    uint32_t i = machine.harts_started;
    if (sbi_call(SBI_EXT_HSM, 0, machine.hart_ids[i], entry, 0, 0) < 0) {
        kprintf("hart %lu does not start\n", machine.hart_ids[i]);
        return false;
    }
    machine.harts_started++;
    return true;
}

/* As many as maxcpus= says, if that is on the command line; it is Linux's word. */
static uint32_t harts_wanted(void) {
    char word[] = "maxcpus=?";
    for (uint32_t n = 1; n < machine.hart_count && n < 10; n++) {
        word[sizeof word - 2] = (char)('0' + n);
        if (command_line_has(word))
            return n;
    }
    return machine.hart_count;
}

void arch_start_harts(void) {
    for (uint32_t i = 0; i < machine.hart_count; i++)
        boot_harts[i] = (struct boot_hart){machine.hart_ids[i], &harts[i]};
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    machine.harts_started = 1;
    for (uint32_t wanted = harts_wanted(); machine.harts_started < wanted;)
        if (!arch_start_hart())
            break;
}

void arch_send_ipi(uint32_t hart) {
    sbi_call(SBI_EXT_IPI, 0, 1ull << machine.hart_ids[hart], 0, 0, 0);
}

/*
 * The firmware's own interrupts end a wfi too: remote fences, for one. Whoever then took the kernel
 * lock for nothing would keep it from the hart that works.
 */
void arch_idle_wait(void) {
#ifdef PARLEY_LATENCY
    latency_look(arch_idle_wait);
#endif
    do
        __asm__ volatile("wfi" ::: "memory");
    while (!arch_interrupt_pending());
#ifdef PARLEY_LATENCY
    latency_begin(arch_idle_wait);
#endif
}

void arch_console_put(char c) {
    sbi_call(SBI_LEGACY_PUTCHAR, 0, (unsigned char)c, 0, 0, 0);
}

void arch_machine_stop(int how, unsigned status) {
    kprint_flush();
    if (how == ARCH_STOP_EXIT && machine.test_start) {
        volatile uint32_t *test = phys_to_virt(machine.test_start);
        *test = status ? (status << 16 | 0x3333) : 0x5555;
    }
    sbi_call(SBI_EXT_SRST, 0, how == ARCH_STOP_REBOOT ? 1 : 0, 0, 0, 0);
    for (;;)
        __asm__ volatile("wfi");
}
