/* SPDX-License-Identifier: MIT */
/*
 * Badges: who called. A process's badge is its pid. A server's badge has bit 32 set and its place
 * in the calling order (docs/architecture.md); no process can have one. What only the process
 * server may ask (session messages) is checked against PK_BADGE_PROC.
 */
#ifndef PARLEY_IDENTITY_H
#define PARLEY_IDENTITY_H

#define PK_BADGE_SERVER (1ull << 32)
#define PK_BADGE_INIT (PK_BADGE_SERVER | 1)
#define PK_BADGE_PROC (PK_BADGE_SERVER | 2)
#define PK_BADGE_VFS (PK_BADGE_SERVER | 3)
#define PK_BADGE_MQ (PK_BADGE_SERVER | 4)
#define PK_BADGE_OTHER                                                                             \
    (PK_BADGE_SERVER | 8) /* and on: servers whose messages to others are not told apart */

#endif
