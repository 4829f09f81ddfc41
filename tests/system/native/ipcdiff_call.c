/* SPDX-License-Identifier: MIT */
/* One kernel call of ipcdiff with every register watched. */
#include "../fpregs.h"
#include "ipcdiff.h"

#define STRING_(x) #x
#define STRING(x) STRING_(x)
#define CALL STRING(PK_CALL)
#define FOREIGN_RETURN STRING(PK_FOREIGN_RETURN)
#define FOREIGN_ATTENTION STRING(PK_FOREIGN_ATTENTION)

/* The first 14 words of struct io are a0-a7 and t0-t5; then pattern, sp, out[32]. */
void diff_ecall(struct io *io);
void diff_fp_load(const uint64_t *f), diff_fp_store(uint64_t *f);
__asm__(
    ".text\n"
    ".option push\n"
    ".option norelax\n"
    ".global diff_ecall\n"
    "diff_ecall:\n"
    "    addi sp, sp, -128\n"
    "    sd ra, 0(sp)\n"
    "    sd s0, 8(sp)\n"
    "    sd s1, 16(sp)\n"
    "    sd s2, 24(sp)\n"
    "    sd s3, 32(sp)\n"
    "    sd s4, 40(sp)\n"
    "    sd s5, 48(sp)\n"
    "    sd s6, 56(sp)\n"
    "    sd s7, 64(sp)\n"
    "    sd s8, 72(sp)\n"
    "    sd s9, 80(sp)\n"
    "    sd s10, 88(sp)\n"
    "    sd s11, 96(sp)\n"
    "    sd gp, 104(sp)\n"
    "    sd tp, 112(sp)\n"
    "    mv s0, a0\n"
    "    sd sp, 8*15(s0)\n"
    "    ld t6, 8*14(s0)\n"
    "    addi s1, t6, 1\n"
    "    addi s2, t6, 2\n"
    "    addi s3, t6, 3\n"
    "    addi s4, t6, 4\n"
    "    addi s5, t6, 5\n"
    "    addi s6, t6, 6\n"
    "    addi s7, t6, 7\n"
    "    addi s8, t6, 8\n"
    "    addi s9, t6, 9\n"
    "    addi s10, t6, 10\n"
    "    addi s11, t6, 11\n"
    "    addi gp, t6, 12\n"
    "    addi tp, t6, 13\n"
    "    ld a0, 0(s0)\n"
    "    ld a1, 8(s0)\n"
    "    ld a2, 16(s0)\n"
    "    ld a3, 24(s0)\n"
    "    ld a4, 32(s0)\n"
    "    ld a5, 40(s0)\n"
    "    ld a6, 48(s0)\n"
    "    ld a7, 56(s0)\n"
    "    ld t0, 64(s0)\n"
    "    ld t1, 72(s0)\n"
    "    ld t2, 80(s0)\n"
    "    ld t3, 88(s0)\n"
    "    ld t4, 96(s0)\n"
    "    ld t5, 104(s0)\n"
    "    ecall\n"
    "    .irp n, "
    "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
    "    sd x\\n, 8*(16+\\n)(s0)\n"
    "    .endr\n"
    "    ld sp, 8*15(s0)\n"
    "    ld ra, 0(sp)\n"
    "    ld s0, 8(sp)\n"
    "    ld s1, 16(sp)\n"
    "    ld s2, 24(sp)\n"
    "    ld s3, 32(sp)\n"
    "    ld s4, 40(sp)\n"
    "    ld s5, 48(sp)\n"
    "    ld s6, 56(sp)\n"
    "    ld s7, 64(sp)\n"
    "    ld s8, 72(sp)\n"
    "    ld s9, 80(sp)\n"
    "    ld s10, 88(sp)\n"
    "    ld s11, 96(sp)\n"
    "    ld gp, 104(sp)\n"
    "    ld tp, 112(sp)\n"
    "    addi sp, sp, 128\n"
    "    ret\n"
    /* What was asked of the personality becomes a call; t0 and a7 are put back by the kernel. */
    ".global diff_foreign_entry\n"
    "diff_foreign_entry:\n"
    "    li t0, 0x77\n"
    "    li a7, " CALL "\n"
    "    ecall\n"
    "    li a7, " FOREIGN_RETURN "\n"
    "    ecall\n"
    /* It came back: attention. */
    "    li t0, 1\n"
    "    li a7, " FOREIGN_ATTENTION "\n"
    "    ecall\n"
    "    unimp\n"
    ".option pop\n");
FP_FUNCTIONS("diff_fp_load", "diff_fp_store");

struct diff *diff;

void diff_fold(uint64_t value) {
    uint64_t h = (diff->hash ^ value) * 0x9e3779b97f4a7c15ull;
    diff->hash = h ^ h >> 29;
}

uint64_t diff_random(struct worker *w) {
    return tap_random(&w->random);
}

static void wrong(uint64_t *counter, uint64_t reg, uint64_t value) {
    if (!*counter) {
        diff->wrong_register = reg;
        diff->wrong_value = value;
    }
    ++*counter;
}

static void check_kept(const struct io *io) {
    static const unsigned char kept[] = {9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 3, 4};
    for (unsigned i = 0; i < sizeof kept; i++)
        if (io->out[kept[i]] != io->pattern + i + 1)
            wrong(&diff->not_kept, kept[i], io->out[kept[i]]);
    if (io->out[2] != io->sp)
        wrong(&diff->not_kept, 2, io->out[2]);
}

/* A kernel address in any register; nothing that is sent looks like one. */
static void check_leaks(const struct io *io) {
    for (unsigned i = 1; i < 32; i++)
        if (io->out[i] >= 0xffffffc000000000 && io->out[i] < (uint64_t)-4096)
            wrong(&diff->leaks, i, io->out[i]);
}

static uint64_t fp_value(const struct worker *w, unsigned i) {
    return i == 32 ? w->fp_seed & 31 : w->fp_seed * (2 * i + 1);
}

/* Registers that are live and changed, live and unchanged, or out of use. */
static void use_fp(struct worker *w, unsigned how) {
    if (!w->fp_filled || how == 0) {
        w->fp_seed = diff_random(w);
        for (unsigned i = 0; i < 33; i++)
            w->fp[i] = fp_value(w, i);
        diff_fp_load(w->fp);
        w->fp_filled = true;
    } else if (how == 1) {
        diff_fp_store(w->fp);
        for (unsigned i = 0; i < 33; i++) {
            diff_fold(w->fp[i]);
            if (w->fp[i] != fp_value(w, i))
                wrong(&diff->fp_lost, i, w->fp[i]);
        }
    }
}

/* The others never do; nor do servers if clients share, as is usual. */
static bool uses_fp(const struct worker *w) {
    return w->index % 3 != 1 && w->index != IDLE && (w->index >= CLIENTS || !diff->share);
}

int64_t diff_do(struct worker *w, int64_t number) {
    uint64_t r = diff_random(w);
    bool fp = uses_fp(w);
    if (fp)
        use_fp(w, r >> 8 & 7);
    w->io.pattern = r & ~(1ull << 62);
    w->io.in[7] = (uint64_t)number;
    diff_ecall(&w->io);
    diff->calls++;
    check_kept(&w->io);
    check_leaks(&w->io);
    if (number >= 0 && (w->io.out[A(7)] != (uint64_t)number || w->io.out[5] != w->io.in[8]))
        wrong(&diff->not_kept, 5, w->io.out[5]);
    if (fp)
        use_fp(w, (r >> 16 & 3) ? 2 : 1);
    diff_fold(w->index);
    diff_fold(w->io.out[A(0)]);
    return (int64_t)w->io.out[A(0)];
}
