/* SPDX-License-Identifier: MIT */
/* Shared by the cases on memory. */
#ifndef NATIVE_MEMORY_H
#define NATIVE_MEMORY_H

#include "tap.h"

#define RW (PK_PROT_READ | PK_PROT_WRITE)

/* Maps, at a checked address; address 0: anywhere. */
uint64_t map_at(uint64_t address, uint64_t pages, uint64_t flags, uint64_t object, uint64_t offset);
void unmap(uint64_t at, uint64_t pages);
/* Pages of the program's address space that are there. */
uint64_t resident(void);
/* 1, or the error that touching this byte gives. */
long touch_read(uint64_t at);
long touch_write(uint64_t at);

void large_resize(void);
void large_share(void);
void many_regions(void);
void clone_write(void);
void clone_chain(void);
void patch_private(void);
void clone_thousand(void);
void clone_unmap(void);
void clone_twice(void);
void clone_in_parts(void);
void megapage_fill(void);
void megapage_leaps(void);
void megapage_parts(void);
void megapage_found(void);
void megapage_copies(void);
void megapage_clones(void);
void megapage_cuts(void);
void megapage_shared_frames(void);
void hog(void);
void hog_objects(void);
void quota_carved(void);
void quota_ends_once(void);
void quota_ends_itself(void);
void quota_ceiling(void);
void account_rights(void);

#endif
