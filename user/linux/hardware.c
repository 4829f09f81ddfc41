/* SPDX-License-Identifier: MIT */
/* What programs may know of harts, and ask of them. */
#include "personality.h"

/* getcpu(2): which hart that was is not told, and would be old news. */
long linux_getcpu(uint32_t *cpu, uint32_t *node) {
    static const uint32_t zero;
    if ((cpu && user_put(cpu, &zero, sizeof zero) < 0) ||
        (node && user_put(node, &zero, sizeof zero) < 0))
        return -EFAULT;
    return 0;
}

/* All harts that run this program: there is no call for just one. */
long linux_flush_icache(uint64_t start, uint64_t end, uint64_t flags) {
    (void)start, (void)end;
    if (flags & ~1ul)
        return -EINVAL;
    pk_sync_code();
    return 0;
}

enum { HWPROBE_BASE_BEHAVIOR = 3, HWPROBE_IMA_EXT_0, HWPROBE_CPUPERF_0 };

#define HWPROBE_BASE_IMA 1ul
#define HWPROBE_IMA_FD 1ul
#define HWPROBE_IMA_C 2ul
#define HWPROBE_MISALIGNED_UNKNOWN 0ul

struct hwprobe {
    int64_t key;
    uint64_t value;
};

/* Linux's answer to a key that it does not know is key -1. */
static struct hwprobe probe(int64_t key) {
    switch (key) {
    case HWPROBE_BASE_BEHAVIOR:
        return (struct hwprobe){key, HWPROBE_BASE_IMA};
    case HWPROBE_IMA_EXT_0:
        return (struct hwprobe){key, HWPROBE_IMA_FD | HWPROBE_IMA_C};
    case HWPROBE_CPUPERF_0:
        return (struct hwprobe){key, HWPROBE_MISALIGNED_UNKNOWN};
    default:
        return (struct hwprobe){-1, 0};
    }
}

/* riscv_hwprobe(2) of all harts together: what programs are built for, and the least that the kernel runs on. */
long linux_riscv_hwprobe(struct hwprobe *pairs, uint64_t count, uint64_t set_size, uint64_t set,
                         uint32_t flags) {
    struct hwprobe pair;
    if (set_size || set || flags)
        return -EINVAL;
    for (uint64_t i = 0; i < count; i++) {
        if (user_get(&pair, &pairs[i], sizeof pair) < 0)
            return -EFAULT;
        pair = probe(pair.key);
        if (user_put(&pairs[i], &pair, sizeof pair) < 0)
            return -EFAULT;
    }
    return 0;
}
