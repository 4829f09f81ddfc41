/* SPDX-License-Identifier: MIT */
/* What programs may know of harts, and ask of them. */
#include "personality.h"

/* Which one this is, or has been by now. */
static uint32_t hart(void) {
    struct pk_machine_info info;
    must(pk_machine_info(&info));
    return (uint32_t)info.hart;
}

long linux_getcpu(uint32_t *cpu, uint32_t *node) {
    static const uint32_t zero;
    uint32_t number = hart();
    if ((cpu && user_put(cpu, &number, sizeof number) < 0) ||
        (node && user_put(node, &zero, sizeof zero) < 0))
        return -EFAULT;
    return 0;
}

/* All harts that run this program: there is no call for just one. */
long linux_flush_icache(uint64_t start, uint64_t end, uint64_t flags) {
    (void)start, (void)end;
    if (flags & ~1ul)
        return -EINVAL;
    pk_sync_code(PK_SYNC_OWN);
    return 0;
}

/* Outside of a foreign call, as glibc calls it. */
__attribute__((visibility("default"), used)) int __vdso_getcpu(uint32_t *cpu, uint32_t *node,
                                                               void *unused) {
    (void)unused;
    if (cpu)
        *cpu = hart();
    if (node)
        *node = 0;
    return 0;
}

enum {
    MEMBARRIER_QUERY = 0,
    MEMBARRIER_GLOBAL = 1 << 0,
    MEMBARRIER_GLOBAL_EXPEDITED = 1 << 1,
    MEMBARRIER_REGISTER_GLOBAL_EXPEDITED = 1 << 2,
    MEMBARRIER_PRIVATE_EXPEDITED = 1 << 3,
    MEMBARRIER_REGISTER_PRIVATE_EXPEDITED = 1 << 4,
    MEMBARRIER_PRIVATE_EXPEDITED_SYNC_CORE = 1 << 5,
    MEMBARRIER_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE = 1 << 6,
};
#define MEMBARRIER_SERVED 0x7f

/* What has been registered, of this memory. */
static uint32_t membarriers;

/* membarrier(2). All are quick here, and all harts fence for global ones, registered or not. */
long linux_membarrier(int command, uint32_t flags) {
    if (flags)
        return -EINVAL;
    switch (command) {
    case MEMBARRIER_QUERY:
        return MEMBARRIER_SERVED;
    case MEMBARRIER_GLOBAL:
    case MEMBARRIER_GLOBAL_EXPEDITED:
        pk_sync_code(PK_SYNC_ALL);
        return 0;
    case MEMBARRIER_REGISTER_GLOBAL_EXPEDITED:
    case MEMBARRIER_REGISTER_PRIVATE_EXPEDITED:
    case MEMBARRIER_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE:
        __atomic_fetch_or(&membarriers, (uint32_t)command, __ATOMIC_RELAXED);
        return 0;
    case MEMBARRIER_PRIVATE_EXPEDITED:
    case MEMBARRIER_PRIVATE_EXPEDITED_SYNC_CORE: /* registering is the next bit */
        if (!(membarriers & (uint32_t)command << 1))
            return -EPERM;
        pk_sync_code(PK_SYNC_OWN);
        return 0;
    default:
        return -EINVAL;
    }
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
