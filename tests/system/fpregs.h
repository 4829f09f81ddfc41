/* SPDX-License-Identifier: MIT */
/* Assembly for test programs: all floating-point registers and fcsr from or to 33 doublewords at a0. */
#ifndef SYSTEM_FPREGS_H
#define SYSTEM_FPREGS_H

#define FP_EACH(op)                                                                                \
    "    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"                                          \
    "    " op " f\\n, 8*\\n(a0)\n"                                                                 \
    "    .endr\n"                                                                                  \
    "    .irp n, 16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"                                \
    "    " op " f\\n, 8*\\n(a0)\n"                                                                 \
    "    .endr\n"

/* Global functions of these names: void load(const uint64_t f[33]), void store(uint64_t f[33]). */
#define FP_FUNCTIONS(load, store)                                                                  \
    __asm__(".text\n"                                                                              \
            ".option push\n"                                                                       \
            ".option arch, +d\n"                                                                   \
            ".global " load "\n" load                                                              \
            ":\n" FP_EACH("fld") "    ld t0, 256(a0)\n"                                            \
                                 "    fscsr t0\n"                                                  \
                                 "    ret\n"                                                       \
                                 ".global " store "\n" store                                       \
                                 ":\n" FP_EACH("fsd") "    frcsr t0\n"                             \
                                                      "    sd t0, 256(a0)\n"                       \
                                                      "    ret\n"                                  \
                                                      ".option pop\n")

#endif
