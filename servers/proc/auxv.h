/* SPDX-License-Identifier: MIT */
/* Entries of the auxiliary vector (getauxval(3)), by Linux's numbers. */
#ifndef PROC_AUXV_H
#define PROC_AUXV_H

#define AT_NULL 0   /* the end */
#define AT_PHDR 3   /* the program headers: where, */
#define AT_PHENT 4  /* how large one is, */
#define AT_PHNUM 5  /* and how many there are */
#define AT_PAGESZ 6 /* bytes */
#define AT_BASE 7   /* where the dynamic linker is mapped */
#define AT_FLAGS 8
#define AT_ENTRY 9 /* the program's, not the dynamic linker's */
#define AT_UID 11
#define AT_EUID 12
#define AT_GID 13
#define AT_EGID 14
#define AT_HWCAP 16
#define AT_CLKTCK 17 /* of times(2), per second */
#define AT_SECURE 23
#define AT_RANDOM 25 /* where 16 random bytes are */
#define AT_EXECFN 31 /* where the program's path is */
#define AT_SYSINFO_EHDR 33

#define AT_HWCAP_IMAFDC 0x112d /* one bit a letter */

#endif
