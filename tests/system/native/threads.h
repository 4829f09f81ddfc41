/* SPDX-License-Identifier: MIT */
/* Shared by the cases on threads. */
#ifndef NATIVE_THREADS_H
#define NATIVE_THREADS_H

#include "tap.h"

extern volatile uint64_t counts[64];

/* A worker that counts counts[index] up for ever. */
void count_up(uint64_t index);

void fp_kept(void);
void fp_registers(void);
void priority_rules(void);
void priority_changes(void);
void quantum(void);
void woken_shares(void);
void yield_round(void);
void yield_directed(void);
void ping_pong(void);
void many_spaces(void);

#endif
