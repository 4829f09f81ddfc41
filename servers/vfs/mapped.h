/* SPDX-License-Identifier: MIT */
/* Files whose memory objects others have got, by the objects' numbers. */
#ifndef VFS_MAPPED_H
#define VFS_MAPPED_H

#include "node.h"

/* Somebody gets its object. */
void mapped_given(struct node *node);
/* The node goes. */
void mapped_end(struct node *node);

#endif
