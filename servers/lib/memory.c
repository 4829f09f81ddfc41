/* SPDX-License-Identifier: MIT */
/* Pages from the kernel, charged at once; see memory.h. */
#include <lib/memory.h>
#include <lib/server.h>

static size_t round_up(size_t size) {
    return (size + MEMORY_PAGE - 1) & ~(MEMORY_PAGE - 1);
}

/*
 * Of the server's own account, or as a memory object of another's that is only mapped here. The kernel joins
 * neighbours with the same tag, and to unmap a part of what it has joined takes memory. So each has a tag of
 * its own: unmapping cannot fail.
 */
static long map(uint64_t account, uint64_t place, size_t size) {
    static uint64_t tag;
    if (!account)
        return pk_map(0, place, size, PK_PROT_READ | PK_PROT_WRITE, 0, 0, ++tag);
    long object = pk_object_create_for(account, size, 0, 0);
    if (object < 0)
        return object;
    long address = pk_map(0, place, size, PK_PROT_READ | PK_PROT_WRITE | PK_MAP_SHARED,
                          (uint64_t)object, 0, 0);
    must(pk_cap_drop(0, (uint64_t)object));
    return address;
}

void *memory_map(size_t size) {
    return memory_map_for(0, 0, size);
}

/* The pages are there at once: that turns "no frame left" from a fault that would kill the server into an
 * error of this call. */
void *memory_map_for(uint64_t account, uint64_t place, size_t size) {
    size = round_up(size);
    long address = map(account, place, size);
    if (address < 0)
        return 0;
    if (pk_populate(0, (uint64_t)address, size) < 0) {
        must(pk_unmap(0, (uint64_t)address, size));
        return 0;
    }
    return (void *)address;
}

void memory_unmap(void *address, size_t size) {
    must(pk_unmap(0, (uint64_t)address, round_up(size)));
}
