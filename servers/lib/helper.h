/* SPDX-License-Identifier: MIT */
/* The thread that gives a server's jobs their time. Used by job.c only. */
#ifndef LIB_HELPER_H
#define LIB_HELPER_H

/* The server is to get SERVER_EVENT_JOBS once, as soon as a process would get its turn. */
void helper_order(void);

#endif
