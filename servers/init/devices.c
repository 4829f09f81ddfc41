/* SPDX-License-Identifier: MIT */
/* Device tree scan for the UART (ns16550a), the real-time clock and the random seed (devices.h). */
#include "devices.h"
#include <common/fdt.h>
#include <string.h>

#define MAX_DEPTH 8

struct node {
    uint32_t address_cells, size_cells; /* for its children */
    uint64_t reg, size;
    uint32_t irq;
    const char *compatible;
};

struct scan {
    struct node path[MAX_DEPTH];
    struct devices *out;
};

static void begin(void *context, int depth, const char *name) {
    struct scan *s = context;
    (void)name;
    if (depth < MAX_DEPTH)
        s->path[depth] = (struct node){.address_cells = 2, .size_cells = 1, .compatible = ""};
}

/* All bytes of a random property in one word. */
static uint64_t fold(const void *bytes, size_t length) {
    uint64_t word = 0;
    for (size_t i = 0; i < length; i++)
        word = word * 0x9e3779b97f4a7c15ull + ((const uint8_t *)bytes)[i] + 1;
    return word;
}

static void property(void *context, int depth, const struct fdt_property *p) {
    struct scan *s = context;
    if (depth >= MAX_DEPTH)
        return;
    struct node *n = &s->path[depth];
    const struct node *parent = depth ? &s->path[depth - 1] : n;
    if (!strcmp(p->name, "#address-cells") && p->length == 4)
        n->address_cells = (uint32_t)fdt_cells(p->value, 1);
    else if (!strcmp(p->name, "#size-cells") && p->length == 4)
        n->size_cells = (uint32_t)fdt_cells(p->value, 1);
    else if (!strcmp(p->name, "reg") &&
             p->length >= 4 * (parent->address_cells + parent->size_cells)) {
        n->reg = fdt_cells(p->value, parent->address_cells);
        n->size = fdt_cells((const char *)p->value + 4 * parent->address_cells, parent->size_cells);
    } else if (!strcmp(p->name, "interrupts") && p->length >= 4)
        n->irq = (uint32_t)fdt_cells(p->value, 1);
    else if (!strcmp(p->name, "compatible") && p->length &&
             !((const char *)p->value)[p->length - 1])
        n->compatible = p->value;
    else if (!strcmp(p->name, "rng-seed"))
        s->out->seed = fold(p->value, p->length);
}

static void end(void *context, int depth) {
    struct scan *s = context;
    if (depth >= MAX_DEPTH)
        return;
    const struct node *n = &s->path[depth];
    if (!strcmp(n->compatible, "ns16550a") && !s->out->uart) {
        s->out->uart = n->reg;
        s->out->uart_size = n->size;
        s->out->uart_irq = n->irq;
    } else if (!strcmp(n->compatible, "google,goldfish-rtc")) {
        s->out->rtc = n->reg;
    }
}

int devices_read(const void *tree, size_t size, struct devices *out) {
    struct scan s = {.out = out};
    struct fdt_visitor v = {&s, begin, property, end};
    memset(out, 0, sizeof *out);
    return fdt_walk(tree, size, &v);
}
