/* SPDX-License-Identifier: MIT */
/* Shared by the cases on what once broke the kernel, or let one program harm another (integrity.c). */
#ifndef NATIVE_INTEGRITY_H
#define NATIVE_INTEGRITY_H

#include "tap.h"

#define RW (PK_PROT_READ | PK_PROT_WRITE)

void clone_into_emptied(void);
void clone_disturbed(void);
void freed_frames(void);
void code_synced(void);

#endif
