/* SPDX-License-Identifier: MIT */
/* Lowest nodes of memory objects, between the files that know them: object.c, object_holes.c and object_block.c. */
#ifndef MM_OBJECT_NODE_H
#define MM_OBJECT_NODE_H

#include <mm/object.h>

/* Fills an empty entry with the frame. */
void object_enter_frame(struct object *o, void **entry, struct frame *f);
/* The same with one of zeros; NULL as frame_get_zeroed(). */
struct frame *object_fill_any(struct object *o, void **entry);
/* Fills so many empty entries of a lowest node, all whose pages lie in the object, with frames at their places in a block; or, if
 * that cannot be, the first with any. */
struct frame *object_fill_placed(struct object *o, void **entry, unsigned count);
/* Empties an entry of a lowest node. */
void object_drop_frame(struct frame *node, void **entry);
/* Frees a lowest node, which is empty. */
void object_drop_node(struct frame *node);

#endif
