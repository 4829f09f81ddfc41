/* SPDX-License-Identifier: MIT */
/* The devices that servers drive, from the device tree. */
#ifndef INIT_DEVICES_H
#define INIT_DEVICES_H

#include <stddef.h>
#include <stdint.h>

struct devices {
    uint64_t uart, uart_size; /* physical; 0 if there is none */
    uint32_t uart_irq;
    uint64_t rtc;  /* goldfish real-time clock */
    uint64_t seed; /* made of /chosen/rng-seed; 0 if there is none */
};

/* 0, or -EINVAL for a damaged tree. */
int devices_read(const void *tree, size_t size, struct devices *out);

#endif
