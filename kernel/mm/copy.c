/* SPDX-License-Identifier: MIT */
/* User memory copies (copy.h): one page-bounded piece after the other, whatever the two sides are. */
#include <mm/copy.h>
#include <lib/lib.h>
#include <mm/aspace.h>
#include <mm/object.h>
#include <mm/table.h>
#include <parley/errno.h>

/* One side of a copy: kernel memory, user memory, or an object. */
struct side {
    struct aspace *as;
    struct object *object;
    uint64_t at; /* address or offset */
};

static void *user_address(struct aspace *as, uint64_t va, enum access access, long *error) {
    void *p = aspace_resolve(as, va, access, error);
    if (!p && *error != -ENOMEM)
        *error = -EFAULT;
    return p;
}

static void *kernel_address(const struct side *s, enum access access, long *error) {
    if (s->as)
        return user_address(s->as, s->at, access, error);
    if (s->object) {
        struct frame *f = object_frame(s->object, s->at >> PAGE_SHIFT);
        *error = -ENOMEM;
        return f ? (char *)frame_va(f) + (s->at & PAGE_MASK) : NULL;
    }
    return (void *)(uintptr_t)s->at;
}

static uint64_t page_rest(const struct side *s) {
    return PAGE_SIZE - (s->at & PAGE_MASK);
}

static long copy(struct side dst, struct side src, uint64_t length) {
    while (length) {
        long error = 0;
        /* The destination first: resolving it may replace a frame that both sides share. */
        void *to = kernel_address(&dst, ACCESS_WRITE, &error);
        const void *from = to ? kernel_address(&src, ACCESS_READ, &error) : NULL;
        if (!from)
            return error;
        uint64_t n = min_u64(length, min_u64(page_rest(&dst), page_rest(&src)));
        memmove(to, from, n);
        dst.at += n;
        src.at += n;
        length -= n;
    }
    return 0;
}

static struct side kernel_side(const void *p) {
    return (struct side){.at = (uint64_t)(uintptr_t)p};
}

long copy_from_user(struct aspace *as, void *dst, uint64_t src, uint64_t length) {
    return copy(kernel_side(dst), (struct side){.as = as, .at = src}, length);
}

long copy_to_user(struct aspace *as, uint64_t dst, const void *src, uint64_t length) {
    return copy((struct side){.as = as, .at = dst}, kernel_side(src), length);
}

/* Where the byte is if that needs no fault, else NULL. A counted entry is no device. */
static inline void *present(const struct aspace *as, uint64_t va, bool write) {
    const pte_t *e = va < ARCH_USER_END ? table_look(as, va) : NULL;
    return e && pte_allows_counted(*e, write) ? (char *)phys_to_virt(pte_pa(*e)) + (va & PAGE_MASK)
                                              : NULL;
}

#define FEW 128
/* Few words, aligned: here a call of memmove costs more than they do. */
static inline void copy_words(uint64_t *to, const uint64_t *from, uint64_t n) {
    const uint64_t *end = from + n / 8;
    for (; end - from >= 4; from += 4, to += 4) {
        uint64_t a = from[0], b = from[1], c = from[2], d = from[3];
        to[0] = a;
        to[1] = b;
        to[2] = c;
        to[3] = d;
    }
    while (from != end)
        *to++ = *from++;
}

static COLD bool copy_bytes(void *to, const void *from, uint64_t n) {
    memcpy(to, from, n);
    return true;
}

bool copy_user_to_user_at_once(struct aspace *dst_as, uint64_t dst, struct aspace *src_as,
                               uint64_t src, uint64_t n) {
    if (max_u64(dst & PAGE_MASK, src & PAGE_MASK) + n > PAGE_SIZE)
        return false;
    void *to = present(dst_as, dst, true);
    const void *from = to ? present(src_as, src, false) : NULL;
    if (!from || ((uintptr_t)to ^ (uintptr_t)from) < PAGE_SIZE)
        return false;
    if ((dst | src | n) & 7 || n > FEW)
        return copy_bytes(to, from, n);
    copy_words(to, from, n);
    return true;
}

/* No fault is needed on this side. */
static bool is_ready(const struct side *s, bool write) {
    const pte_t *e;
    if (!s->as)
        return true;
    return s->at < ARCH_USER_END && (e = table_look(s->as, s->at)) && pte_allows(*e, write, false);
}

static long make_ready(const struct side *s, enum access access) {
    long error = 0;
    return kernel_address(s, access, &error) ? 0 : error;
}

static long copy_step(struct side dst, struct side src, uint64_t length) {
    /* The destination first: resolving it may replace a frame that both sides share. */
    if (!is_ready(&dst, true))
        return make_ready(&dst, ACCESS_WRITE);
    if (!is_ready(&src, false))
        return make_ready(&src, ACCESS_READ);
    uint64_t n = min_u64(length, min_u64(page_rest(&dst), page_rest(&src)));
    long error = copy(dst, src, n);
    return error < 0 ? error : (long)n;
}

/* Most copies between users are between pages that are there. */
long copy_user_to_user(struct aspace *dst_as, uint64_t dst, struct aspace *src_as, uint64_t src,
                       uint64_t length) {
    uint64_t done = 0;
    length = min_u64(length, COPY_STEP);
    while (done < length) {
        void *to = present(dst_as, dst + done, true);
        const void *from = present(src_as, src + done, false);
        if (!to || !from)
            return done ? (long)done
                        : copy_step((struct side){.as = dst_as, .at = dst},
                                    (struct side){.as = src_as, .at = src}, length);
        uint64_t n = PAGE_SIZE - max_u64((dst + done) & PAGE_MASK, (src + done) & PAGE_MASK);
        n = min_u64(n, length - done);
        memmove(to, from, n);
        done += n;
    }
    return (long)done;
}

long copy_object_to_user(struct aspace *as, uint64_t dst, struct object *o, uint64_t offset,
                         uint64_t length) {
    return copy_step((struct side){.as = as, .at = dst}, (struct side){.object = o, .at = offset},
                     length);
}

long copy_user_to_object(struct object *o, uint64_t offset, struct aspace *as, uint64_t src,
                         uint64_t length) {
    return copy_step((struct side){.object = o, .at = offset}, (struct side){.as = as, .at = src},
                     length);
}
