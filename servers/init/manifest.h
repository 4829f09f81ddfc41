/* SPDX-License-Identifier: MIT */
/* The boot manifest: parsed form. The format is explained at the top of the file `manifest`. */
#ifndef INIT_MANIFEST_H
#define INIT_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

#define MANIFEST_NAME 16

struct manifest_server {
    char name[MANIFEST_NAME];
    int account; /* it is no server but an account to share */
    unsigned priority;
    uint64_t quota; /* bytes; 0 with quota_percent */
    unsigned quota_percent;
    int not_native;   /* it stays away when a native program runs */
    unsigned badge;   /* its number in the calling order; 0: none of its own */
    int restart;      /* it is started anew when it dies */
    int programs;     /* it serves programs */
    const char *caps; /* comma-separated, ends at white space */
};

/*
 * Reads the next line of an account or a server at *text (which ends at end). 1 and the server, 0 at the end, or -EINVAL
 * with *text at the line that is wrong.
 */
int manifest_next(const char **text, const char *end, struct manifest_server *out);

/* The next name of a capability list, copied with a NUL; 0 at the end, -EINVAL if it is too long. */
int manifest_next_cap(const char **caps, char *name, size_t size);

#endif
