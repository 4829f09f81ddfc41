/* SPDX-License-Identifier: MIT */
/* Reading the flattened device tree (Devicetree Specification, chapter 5) that firmware passes. */
#ifndef COMMON_FDT_H
#define COMMON_FDT_H

#include <stddef.h>
#include <stdint.h>

struct fdt_property {
    const char *name;
    const void *value;
    uint32_t length;
};

struct fdt_visitor {
    void *context;
    /* depth 0 is the root; name includes the unit address */
    void (*begin)(void *context, int depth, const char *name);
    void (*property)(void *context, int depth, const struct fdt_property *p);
    void (*end)(void *context, int depth);
};

/* Total size in bytes, or 0 if this is no device tree. */
size_t fdt_size(const void *tree);
/* Walks all nodes in order. Returns 0, or -EINVAL for a tree that is damaged; `size` bounds it. */
int fdt_walk(const void *tree, size_t size, const struct fdt_visitor *visitor);

/* Big-endian cells: `cells` 32-bit words at p as one number. */
uint64_t fdt_cells(const void *p, unsigned cells);

#endif
