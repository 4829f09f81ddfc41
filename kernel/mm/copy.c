/* SPDX-License-Identifier: MIT */
/* User memory copies (copy.h): one page-bounded piece after the other, whatever the two sides are. */
#include <mm/copy.h>
#include <arch/machine.h>
#include <calls.h>
#include <lib/lib.h>
#include <mm/aspace.h>
#include <mm/fault.h>
#include <mm/object.h>
#include <mm/table.h>
#include <parley/errno.h>
#include <task/task.h>
#include <task/thread.h>

/* One side of a copy. */
struct side {
    uintptr_t of; /* of_user, of_object, or 0: kernel memory */
    uint64_t at;
};

static inline struct object *object_of(struct side s) {
    return s.of & 1 ? (struct object *)(s.of - 1) : NULL;
}

/* NULL: an object or kernel memory. */
static inline struct aspace *user_of(struct side s) {
    return s.of & 1 ? NULL : (struct aspace *)s.of;
}

static void *user_address(struct aspace *as, uint64_t va, enum access access, long *error) {
    void *p = aspace_resolve(as, va, access, error);
    if (!p && *error != -ENOMEM)
        *error = -EFAULT;
    return p;
}

/* What nobody has written to reads as zeros, and needs no memory for that. */
static struct frame *object_page(struct object *o, uint64_t index, enum access access) {
    struct frame *f = access == ACCESS_READ ? object_lookup(o, index) : object_frame(o, index);
    return f || access == ACCESS_WRITE ? f : fault_zero_frame();
}

static void *kernel_address(struct side s, enum access access, long *error) {
    if (object_of(s)) {
        struct frame *f = object_page(object_of(s), s.at >> PAGE_SHIFT, access);
        *error = -ENOMEM;
        return f ? (char *)frame_va(f) + (s.at & PAGE_MASK) : NULL;
    }
    return user_of(s) ? user_address(user_of(s), s.at, access, error) : (void *)(uintptr_t)s.at;
}

static uint64_t page_rest(struct side s) {
    return PAGE_SIZE - (s.at & PAGE_MASK);
}

static long copy(struct side dst, struct side src, uint64_t length) {
    while (length) {
        long error = 0;
        /* The destination first: resolving it may replace a frame that both sides share. */
        void *to = kernel_address(dst, ACCESS_WRITE, &error);
        const void *from = to ? kernel_address(src, ACCESS_READ, &error) : NULL;
        if (!from)
            return error;
        uint64_t n = min_u64(length, min_u64(page_rest(dst), page_rest(src)));
        memmove(to, from, n);
        dst.at += n;
        src.at += n;
        length -= n;
    }
    return 0;
}

static struct side side_kernel(const void *p) {
    return (struct side){0, (uint64_t)(uintptr_t)p};
}

long copy_from_user(struct aspace *as, void *dst, uint64_t src, uint64_t length) {
    return copy(side_kernel(dst), (struct side){of_user(as), src}, length);
}

long copy_to_user(struct aspace *as, uint64_t dst, const void *src, uint64_t length) {
    return copy((struct side){of_user(as), dst}, side_kernel(src), length);
}

long copy_override(struct thread *self, struct aspace *as, uint64_t dst, uint64_t src,
                   uint64_t length) {
    long error = 0;
    uint64_t n = min_u64(length, PAGE_SIZE - (dst & PAGE_MASK));
    void *to = user_address(as, dst, ACCESS_OVERRIDE, &error);
    if (to)
        error = copy_from_user(self->task->aspace, to, src, n);
    return error < 0 ? error : (long)n;
}

/* Where a user's byte is if that needs no fault and it lies in no megapage, else NULL. A counted entry is no device. */
static ALWAYS_INLINE void *present(uintptr_t of, uint64_t at, bool write) {
    const pte_t *e = at < ARCH_USER_END ? table_look((struct aspace *)of, at) : NULL;
    return e && pte_allows_counted(*e, write) ? (char *)phys_to_virt(pte_pa(*e)) + (at & PAGE_MASK)
                                              : NULL;
}

/* The same, in a megapage, too. */
static NOINLINE void *present_in_megapage(uintptr_t of, uint64_t at, bool write) {
    pte_t e = at < ARCH_USER_END ? table_value((struct aspace *)of, at) : 0;
    return pte_allows_counted(e, write) ? (char *)phys_to_virt(pte_pa(e)) + (at & PAGE_MASK) : NULL;
}

static ALWAYS_INLINE void *present_anyhow(uintptr_t of, uint64_t at, bool write) {
    void *there = present(of, at, write);
    return there ? there : present_in_megapage(of, at, write);
}

/* No fault is needed on this side. */
static bool is_ready(struct side s, bool write) {
    return !user_of(s) ||
           (s.at < ARCH_USER_END && pte_allows(table_value(user_of(s), s.at), write, false));
}

static long make_ready(struct side s, enum access access) {
    long error = 0;
    return kernel_address(s, access, &error) ? 0 : error;
}

/* Most copies between users are between pages that are there; 0 if the first are not. */
static ALWAYS_INLINE uint64_t copy_present(uintptr_t dst_of, uint64_t dst, uintptr_t src_of,
                                           uint64_t src, uint64_t length) {
    uint64_t end = src + length;
    while (src != end) {
        void *to = present_anyhow(dst_of, dst, true);
        const void *from = present_anyhow(src_of, src, false);
        if (!to || !from)
            break;
        uint64_t n = PAGE_SIZE - max_u64(dst & PAGE_MASK, src & PAGE_MASK);
        n = min_u64(n, end - src);
        memmove(to, from, n);
        dst += n;
        src += n;
    }
    return length - (end - src);
}

#define COPY_STEP 8192

/* How many bytes it copied, or an error. Not beyond a page that needs a fault: to resolve that is a step of its
 * own, of no bytes. */
static long copy_step(struct side dst, struct side src, uint64_t length) {
    uint64_t done = 0;
    length = min_u64(length, COPY_STEP);
    if (user_of(dst) && user_of(src))
        done = copy_present(dst.of, dst.at, src.of, src.at, length);
    if (done)
        return (long)done;
    /* The destination first: resolving it may replace a frame that both sides share. */
    if (!is_ready(dst, true))
        return make_ready(dst, ACCESS_WRITE);
    if (!is_ready(src, false))
        return make_ready(src, ACCESS_READ);
    uint64_t n = min_u64(length, min_u64(page_rest(dst), page_rest(src)));
    long error = copy(dst, src, n);
    return error < 0 ? error : (long)n;
}

static NOINLINE long copy_steps(struct thread *self, struct side dst, struct side src,
                                uint64_t length) {
    uint64_t done = min_u64(call_progress(self), length);
    dst.at += done;
    src.at += done;
    while (done < length) {
        long n = copy_step(dst, src, length - done);
        if (n < 0)
            return n;
        done += (uint64_t)n;
        dst.at += (uint64_t)n;
        src.at += (uint64_t)n;
        if (done < length && call_must_wait())
            return call_restart_at(self, done);
    }
    return (long)done;
}

#define FEW 128
/* Few words, aligned: here a call of memcpy costs more than they do. */
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

static COLD long copy_bytes(void *to, const void *from, uint64_t n) {
    memcpy(to, from, n);
    return (long)n;
}

/*
 * Most copies are between users, take no fault, lie within a page on either side and not in the same one: they
 * are made at once, and nothing is called for those of few words.
 */
long copy_in_call(struct thread *self, uintptr_t dst_of, uint64_t dst, uintptr_t src_of,
                  uint64_t src, uint64_t length) {
    void *to;
    const void *from;
    if ((dst_of | src_of) & 1 || self->progress ||
        PAGE_SIZE - max_u64(dst & PAGE_MASK, src & PAGE_MASK) < length ||
        !(to = present(dst_of, dst, true)) || !(from = present(src_of, src, false)) ||
        ((uintptr_t)to ^ (uintptr_t)from) < PAGE_SIZE)
        return copy_steps(self, (struct side){dst_of, dst}, (struct side){src_of, src}, length);
    if ((dst | src | length) & 7 || length > FEW)
        return copy_bytes(to, from, length);
    copy_words(to, from, length);
    return (long)length;
}
