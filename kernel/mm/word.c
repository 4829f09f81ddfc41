/* SPDX-License-Identifier: MIT */
/*
 * Words of user memory (word.h). Copies move bytes, and may see half of what another hart is storing: who compares
 * a word that programs change with atomic instructions needs one load, or one exchange.
 */
#include <mm/word.h>
#include <arch/atomic.h>
#include <mm/aspace.h>
#include <mm/object.h>
#include <mm/table.h>
#include <parley/errno.h>

long word_name(struct aspace *as, uint64_t va, bool own, struct word_name *name) {
    const struct region *r = NULL;
    if (va >= ARCH_USER_END)
        return -EFAULT;
    if (!own && !(r = aspace_region(as, va)))
        return -EFAULT;
    if (r && r->shared)
        *name = (struct word_name){r->object->id, r->offset + (va - region_start(r))};
    else
        *name = (struct word_name){as->id, va};
    return 0;
}

static NOINLINE uint32_t *fault_in(struct aspace *as, uint64_t va, enum access access,
                                   long *error) {
    uint32_t *at = aspace_resolve(as, va, access, error);
    if (!at && *error != -ENOMEM)
        *error = -EFAULT;
    return at;
}

/* Aligned words do not cross pages. Most are in a page that is there. */
static inline uint32_t *word_at(struct aspace *as, uint64_t va, enum access access, long *error) {
    if (va % sizeof(uint32_t)) {
        *error = -EINVAL;
        return NULL;
    }
    const pte_t *e = va < ARCH_USER_END ? table_look(as, va) : NULL;
    if (!e || !pte_allows_counted(*e, access == ACCESS_WRITE))
        return fault_in(as, va, access, error);
    return (uint32_t *)((char *)phys_to_virt(pte_pa(*e)) + (va & PAGE_MASK));
}

long word_load(struct aspace *as, uint64_t va) {
    long error = 0;
    const uint32_t *at = word_at(as, va, ACCESS_READ, &error);
    return at ? (long)__atomic_load_n(at, __ATOMIC_SEQ_CST) : error;
}

long word_exchange(struct aspace *as, uint64_t va, uint32_t expected, uint32_t value) {
    long error = 0;
    uint32_t *at = word_at(as, va, ACCESS_WRITE, &error);
    return at ? (long)arch_exchange(at, expected, value) : error;
}
