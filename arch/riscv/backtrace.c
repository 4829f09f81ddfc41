/* SPDX-License-Identifier: MIT */
/*
 * Backtraces for panics. Debug kernels keep frame pointers (previous s0 at -16, return address at
 * -8); release kernels do not, and get every word of the stack that looks like a return address.
 */
#include <arch/hart.h>
#include <arch/machine.h>
#include <lib/lib.h>
#include <sched/hart.h>

#define MAX_FRAMES 32
extern char text_start[], text_end[], boot_stacks[];

static bool is_text(uint64_t v) {
    return v > (uintptr_t)text_start && v < (uintptr_t)text_end;
}

static void walk_frames(uint64_t fp, uint64_t top) {
    for (int i = 0; i < MAX_FRAMES; i++) {
        if (fp % 8 || fp < (uintptr_t)boot_stacks + 16 || fp > top)
            break;
        const uint64_t *frame = (const uint64_t *)(uintptr_t)fp;
        if (!is_text(frame[-1]))
            break;
        kprintf(" %016lx", frame[-1]);
        fp = frame[-2];
    }
}

static void scan_stack(uint64_t sp, uint64_t top) {
    int found = 0;
    for (; sp + 8 <= top && found < MAX_FRAMES; sp += 8) {
        uint64_t v = *(const uint64_t *)(uintptr_t)sp;
        if (is_text(v)) {
            kprintf(" %016lx", v);
            found++;
        }
    }
}

void arch_backtrace(void *frame) {
    struct hart *hart = this_hart();
    uint64_t top = hart ? hart->kernel_stack : 0;
    kprintf("backtrace:");
#ifdef PARLEY_DEBUG
    walk_frames((uintptr_t)frame, top);
    (void)scan_stack;
#else
    (void)frame;
    (void)walk_frames;
    scan_stack((uintptr_t)__builtin_frame_address(0), top);
#endif
    kprintf("\n");
}
