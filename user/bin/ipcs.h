/* SPDX-License-Identifier: MIT */
/* What ipcs shows, and what its three kinds of object share. */
#ifndef IPCS_H
#define IPCS_H

#include <sys/ipc.h>
#include <time.h>

/* What limits in bytes are divided by: 1024, with -b 1. */
extern unsigned ipcs_unit;

enum ipcs_view {
    VIEW_LIST,
    VIEW_TIMES,    /* -t */
    VIEW_PIDS,     /* -p */
    VIEW_CREATORS, /* -c */
    VIEW_LIMITS,   /* -l */
    VIEW_SUMMARY,  /* -u */
};

void ipcs_shm(enum ipcs_view view);
void ipcs_msg(enum ipcs_view view);
void ipcs_sem(enum ipcs_view view);

/* All about one object; ends the program with a message when there is none. */
void ipcs_shm_detail(int id);
void ipcs_msg_detail(int id);
void ipcs_sem_detail(int id);

/* The shared columns. */
void ipcs_creators_title(const char *id_name);
void ipcs_print_creators(int id, const struct ipc_perm *perm);
void ipcs_print_key(int id, const struct ipc_perm *perm);
void ipcs_print_owner(int width, int id, const struct ipc_perm *perm);

/* "Jan  1 00:00:00 1970" with the week day in front, or "Not set"; a static buffer. */
const char *ipcs_long_time(time_t when);
/* The same without week day and year. */
const char *ipcs_short_time(time_t when);

#endif
