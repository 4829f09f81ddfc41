/* SPDX-License-Identifier: MIT */
/* Pages from the kernel, charged at once; see memory.h. */
#include <lib/memory.h>
#include <lib/server.h>

static size_t round_up(size_t size) {
    return (size + MEMORY_PAGE - 1) & ~(MEMORY_PAGE - 1);
}

/*
 * The kernel zero-fills on first touch. Letting the kernel do the touching turns "no frame left"
 * from a fault that would kill the server into an error of this call.
 */
static long touch(uint64_t address, size_t size) {
    static const char zero;
    for (size_t offset = 0; offset < size; offset += MEMORY_PAGE) {
        long result = pk_task_copy_out(PK_SLOT_SERVER_TASK, address + offset, &zero, 1);
        if (result < 0)
            return result;
    }
    return 0;
}

void *memory_map(size_t size) {
    return memory_map_at(0, size);
}

void *memory_map_at(uint64_t place, size_t size) {
    size = round_up(size);
    long address = pk_map(0, place, size, PK_PROT_READ | PK_PROT_WRITE, 0, 0, 0);
    if (address < 0)
        return 0;
    if (touch((uint64_t)address, size) < 0) {
        pk_unmap(0, (uint64_t)address, size);
        return 0;
    }
    return (void *)address;
}

void memory_unmap(void *address, size_t size) {
    pk_unmap(0, (uint64_t)address, round_up(size));
}
