/* SPDX-License-Identifier: MIT */
/* The regions of the process's own address space, and what their tags say. */
#ifndef LINUX_REGIONS_H
#define LINUX_REGIONS_H

#include "personality.h"

/* shmat made it; below stand the segment's pages and its id. */
#define REGION_SHM PERSONALITY_REGION_SHM
#define REGION_SHM_PAGES_SHIFT 31
/* madvise(2): what a child of fork finds there: nothing, or zeros. */
#define REGION_NOT_IN_CHILD (1ull << 61)
#define REGION_ZERO_IN_CHILD (1ull << 62)
/* madvise(2): it does not go into a core file. */
#define REGION_NOT_DUMPED PERSONALITY_REGION_NOT_DUMPED
/* Shared memory without a name. */
#define REGION_ANONYMOUS (1ull << 59)
#define REGION_IN_CHILD (REGION_NOT_IN_CHILD | REGION_ZERO_IN_CHILD)
#define REGION_ADVICE (REGION_IN_CHILD | REGION_NOT_DUMPED)

static inline uint64_t region_shm_tag(int shmid, uint64_t pages) {
    return REGION_SHM | pages << REGION_SHM_PAGES_SHIFT | (uint32_t)shmid;
}
static inline uint64_t region_shm_pages(const struct pk_region_info *r) {
    return (r->tag & (REGION_NOT_DUMPED - 1)) >> REGION_SHM_PAGES_SHIFT;
}

/* The region at an address, or -ENOMEM. */
long region_at(uint64_t address, struct pk_region_info *r);
/* 0 if all of [address, address + length) is mapped, else -ENOMEM. */
long regions_cover(uint64_t address, uint64_t length);

/* In a child of fork, before its program goes on: does what the parent's madvise(2) asked for. */
void regions_in_child(void);

#endif
