/* SPDX-License-Identifier: MIT */
/* The first task, made by the kernel from the boot image. */
#ifndef KERNEL_BOOT_H
#define KERNEL_BOOT_H

/* Creates and starts init, or panics saying what is missing. */
void boot_start_init(void);

#endif
