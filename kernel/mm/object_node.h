/* SPDX-License-Identifier: MIT */
/* Lowest nodes of memory objects, between the files that know them: object.c, object_holes.c and object_block.c. */
#ifndef MM_OBJECT_NODE_H
#define MM_OBJECT_NODE_H

#include <mm/object.h>

static inline bool node_has_block(const struct frame *node) {
    return node->block && node->block != BLOCK_NONE;
}
static inline uint32_t node_block(const struct frame *node) {
    return node->block - 1u;
}

/* Which entry of its node it is; and whether frame f has its place in the node's block there. */
static inline unsigned node_place(void *const *entry) {
    return (unsigned)((uintptr_t)entry % PAGE_SIZE / sizeof *entry);
}
static inline bool node_is_placed(const struct frame *node, void *const *entry,
                                  const struct frame *f) {
    return node_has_block(node) &&
           f == &frames[(uint64_t)node_block(node) * BLOCK_FRAMES + node_place(entry)];
}

/* Fills an empty entry with the frame. */
static inline void object_enter_frame(struct object *o, void **entry, struct frame *f) {
    *entry = f;
    o->resident++;
    struct frame *node = frame_holding(entry);
    if (o->height && node->block)
        node->placed += node_is_placed(node, entry, f);
}
/* The same with one of zeros; NULL as frame_get_zeroed(). */
static inline struct frame *object_fill_any(struct object *o, void **entry) {
    struct frame *f = frame_get_zeroed(o->kobject.account);
    if (f)
        object_enter_frame(o, entry, f);
    return f;
}
/* Fills so many empty entries of a lowest node, all whose pages lie in the object, with frames at their places in a block; or, if
 * that cannot be, the first with any. */
struct frame *object_fill_placed(struct object *o, void **entry, unsigned count);
/* Empties an entry of a lowest node, which has wanted a block; or of any. */
void object_drop_placed(struct frame *node, void **entry);
static inline void object_drop_frame(struct frame *node, void **entry) {
    struct frame *f = *entry;
    if (node->block) {
        object_drop_placed(node, entry);
    } else {
        *entry = NULL;
        frame_put(f);
    }
}
/* Frees a lowest node, which is empty. */
void object_drop_node(struct frame *node);

#endif
