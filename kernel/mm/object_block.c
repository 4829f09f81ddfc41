/* SPDX-License-Identifier: MIT */
/*
 * Memory objects in whole blocks (object.h). A lowest node stands for as many pages as a block has frames. The first
 * page that comes into it, if the object is long enough to have all of them, has a block kept for the node, and its
 * pages take their frames at their places there, each when it is first used, and each paid for then. If memory gets
 * scarce meanwhile the block's other frames go to others, and the node's other pages are any frames. When all are in
 * place one page table entry can map them (table_set_megapage()); nobody has waited for that, or paid in advance.
 *
 * Of a node's frame `block` is the block's number + 1, 0 as long as none was wanted and BLOCK_NONE if there was none;
 * `placed` counts entries at their places in it.
 */
#include <mm/object.h>
#include <mm/object_node.h>

static NOINLINE void want_block(struct frame *node) {
    uint32_t number = frame_keep_block(node);
    node->block = (uint16_t)(number == BLOCK_NONE ? BLOCK_NONE : number + 1);
}

NOINLINE struct frame *object_fill_placed(struct object *o, void **entry, unsigned count) {
    struct frame *node = frame_holding(entry), *f = NULL;
    if (!node->block)
        want_block(node);
    if (node_has_block(node))
        f = frame_get_placed(o->kobject.account, node, node_block(node), node_place(entry), count);
    if (!f)
        return object_fill_any(o, entry);
    o->resident += count;
    node->placed += (uint16_t)count;
    for (unsigned i = 0; i < count; i++)
        entry[i] = f + i;
    return f;
}

NOINLINE void object_drop_placed(struct frame *node, void **entry) {
    struct frame *f = *entry;
    *entry = NULL;
    if (!node_is_placed(node, entry, f)) {
        frame_put(f);
        return;
    }
    node->placed--;
    frame_put_placed(f);
}

void object_drop_node(struct frame *node) {
    if (node_has_block(node))
        frame_release_block(node, node_block(node));
    frame_put(node);
}

struct frame *object_megapage(struct frame *const *row) {
    const struct frame *node = frame_holding(row);
    return node->placed == BLOCK_FRAMES ? &frames[node_block(node) * BLOCK_FRAMES] : NULL;
}

bool object_node_sound(const struct frame *node) {
    uint32_t placed = 0;
    void **entries = frame_va(node);
    for (unsigned i = 0; i < OBJECT_NODE_ENTRIES; i++)
        placed += entries[i] && node_is_placed(node, &entries[i], entries[i]);
    return placed == node->placed;
}
