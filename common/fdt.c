/* SPDX-License-Identifier: MIT */
/*
 * Flattened device tree reader. Every offset is checked against the size, so that a damaged tree
 * gives an error and not a wild read.
 */
#include <common/fdt.h>
#include <parley/errno.h>
#include <string.h>

#define FDT_MAGIC 0xd00dfeed
enum { TOKEN_BEGIN = 1, TOKEN_END = 2, TOKEN_PROPERTY = 3, TOKEN_NOP = 4, TOKEN_FINISH = 9 };
#define MAX_DEPTH 32

static uint32_t be32(const void *p) {
    const uint8_t *b = p;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static uint32_t header(const void *tree, unsigned word) {
    return be32((const char *)tree + 4 * word);
}

uint64_t fdt_cells(const void *p, unsigned cells) {
    uint64_t v = 0;
    for (unsigned i = 0; i < cells; i++)
        v = v << 32 | be32((const char *)p + 4 * i);
    return v;
}

size_t fdt_size(const void *tree) {
    return header(tree, 0) == FDT_MAGIC ? header(tree, 1) : 0;
}

struct cursor {
    const char *strings, *p, *end;
    size_t strings_size;
};

/* Length of a string that must end before `end`, or -1. */
static int64_t bounded_length(const char *s, const char *end) {
    for (const char *c = s; c < end; c++)
        if (!*c)
            return c - s;
    return -1;
}

/* Moves on by n bytes, padded to a word, but never past the end. */
static void skip(struct cursor *c, size_t n) {
    size_t left = (size_t)(c->end - c->p), padded = (n + 3) & ~(size_t)3;
    c->p += padded < left ? padded : left;
}

static int read_property(struct cursor *c, struct fdt_property *out) {
    if (c->end - c->p < 8)
        return -EINVAL;
    out->length = be32(c->p);
    uint32_t name = be32(c->p + 4);
    c->p += 8;
    if (out->length > (size_t)(c->end - c->p) || name >= c->strings_size ||
        bounded_length(c->strings + name, c->strings + c->strings_size) < 0)
        return -EINVAL;
    out->name = c->strings + name;
    out->value = c->p;
    skip(c, out->length);
    return 0;
}

static int walk(struct cursor *c, const struct fdt_visitor *v) {
    int depth = -1;
    while (c->end - c->p >= 4) {
        uint32_t token = be32(c->p);
        c->p += 4;
        if (token == TOKEN_BEGIN) {
            int64_t n = bounded_length(c->p, c->end);
            if (n < 0 || ++depth >= MAX_DEPTH)
                return -EINVAL;
            v->begin(v->context, depth, c->p);
            skip(c, (size_t)n + 1);
        } else if (token == TOKEN_PROPERTY) {
            struct fdt_property property;
            if (depth < 0 || read_property(c, &property) < 0)
                return -EINVAL;
            v->property(v->context, depth, &property);
        } else if (token == TOKEN_END) {
            if (depth < 0)
                return -EINVAL;
            v->end(v->context, depth--);
        } else if (token == TOKEN_FINISH) {
            return depth == -1 ? 0 : -EINVAL;
        } else if (token != TOKEN_NOP) {
            return -EINVAL;
        }
    }
    return -EINVAL;
}

int fdt_walk(const void *tree, size_t size, const struct fdt_visitor *visitor) {
    if (size < 40 || fdt_size(tree) == 0 || fdt_size(tree) > size)
        return -EINVAL;
    size = fdt_size(tree);
    size_t structure = header(tree, 2), strings = header(tree, 3);
    size_t strings_size = header(tree, 8), structure_size = header(tree, 9);
    if (structure > size || structure_size > size - structure || strings > size ||
        strings_size > size - strings)
        return -EINVAL;
    const char *base = tree;
    struct cursor c = {base + strings, base + structure, base + structure + structure_size,
                       strings_size};
    return walk(&c, visitor);
}
