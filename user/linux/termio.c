/* SPDX-License-Identifier: MIT */
/*
 * Terminal settings in the two other forms that programs may ask for (ioctl_tty(2)): struct termio, which is older,
 * and struct termios2, which has speeds as numbers. Terminals know struct termios only.
 */
#include "files.h"

#define TCGETS 0x5401u /* then TCSETS, TCSETSW, TCSETSF */
#define TCGETA 0x5405u /* then TCSETA, TCSETAW, TCSETAF */
#define TCGETS2 0x802c542au
#define TCSETS2 0x402c542bu /* then TCSETSW2, TCSETSF2 */

#define CBAUD 0010017u
#define BOTHER 0010000u /* the speed is the number; other bits beside this one are faster ones */
#define IBSHIFT 16      /* of the input's bits; none of them: as the output's */

struct termios {
    uint32_t input, output, control, local;
    uint8_t line, characters[19];
};

struct termio {
    uint16_t input, output, control, local;
    uint8_t line, characters[8];
};

struct termios2 {
    struct termios base;
    uint32_t input_speed, output_speed;
};

/* Bauds by their bits; those from BOTHER + 1 on come behind. */
static const uint32_t speeds[] = {
    0,      50,      75,      110,     134,     150,     200,     300,     600,    1200,   1800,
    2400,   4800,    9600,    19200,   38400,   57600,   115200,  230400,  460800, 500000, 576000,
    921600, 1000000, 1152000, 1500000, 2000000, 2500000, 3000000, 3500000, 4000000};
#define SLOW 16 /* so many of them are without BOTHER */
#define SPEEDS (sizeof speeds / sizeof *speeds)

static uint32_t speed_of(uint32_t bits) {
    bits &= CBAUD;
    if (!(bits & BOTHER))
        return speeds[bits];
    return bits == BOTHER ? 0 : speeds[SLOW - 1 + (bits & ~BOTHER)];
}

/* -EINVAL: no terminal has that. */
static long bits_of(uint32_t speed) {
    for (uint32_t i = 0; i < SPEEDS; i++)
        if (speeds[i] == speed)
            return i < SLOW ? i : BOTHER + i - SLOW + 1;
    return -EINVAL;
}

/* In place of BOTHER there are the bits of the speed that was given, at `shift` in the control word. */
static long put_speed(uint32_t *control, unsigned shift, uint32_t speed) {
    if ((*control >> shift & CBAUD) != BOTHER)
        return 0;
    long bits = bits_of(speed);
    if (bits >= 0)
        *control = (*control & ~(CBAUD << shift)) | (uint32_t)bits << shift;
    return bits;
}

static long give_old(const struct termios *from, uint64_t user) {
    struct termio old = {(uint16_t)from->input,
                         (uint16_t)from->output,
                         (uint16_t)from->control,
                         (uint16_t)from->local,
                         from->line,
                         {0}};
    memcpy(old.characters, from->characters, sizeof old.characters);
    return user_put(pointer(user), &old, sizeof old);
}

static long give_new(const struct termios *from, uint64_t user) {
    uint32_t out = speed_of(from->control), in = from->control >> IBSHIFT & CBAUD;
    struct termios2 new = {*from, in ? speed_of(in) : out, out};
    return user_put(pointer(user), &new, sizeof new);
}

/* What the older form does not have stays as it is. */
static long take_old(struct termios *to, uint64_t user) {
    struct termio old;
    if (user_get(&old, pointer(user), sizeof old) < 0)
        return -EFAULT;
    to->input = (to->input & ~0xffffu) | old.input;
    to->output = (to->output & ~0xffffu) | old.output;
    to->control = (to->control & ~0xffffu) | old.control;
    to->local = (to->local & ~0xffffu) | old.local;
    to->line = old.line;
    memcpy(to->characters, old.characters, sizeof old.characters);
    return 0;
}

static long take_new(struct termios *to, uint64_t user) {
    struct termios2 new;
    if (user_get(&new, pointer(user), sizeof new) < 0)
        return -EFAULT;
    *to = new.base;
    long error = put_speed(&to->control, 0, new.output_speed);
    return error < 0 ? error : put_speed(&to->control, IBSHIFT, new.input_speed);
}

long termio_ioctl(uint64_t fd, uint32_t request, uint64_t argument) {
    bool old = request - TCGETA < 4, new = request == TCGETS2 || request - TCSETS2 < 3;
    struct termios settings;
    if (!old && !new)
        return -ENOTTY;
    long error = linux_ioctl(fd, TCGETS, (uint64_t)&settings);
    if (error < 0)
        return error;
    if (request == TCGETA)
        return give_old(&settings, argument);
    if (request == TCGETS2)
        return give_new(&settings, argument);
    error = old ? take_old(&settings, argument) : take_new(&settings, argument);
    uint32_t how = old ? request - TCGETA : request - TCSETS2 + 1;
    return error < 0 ? error : linux_ioctl(fd, TCGETS + how, (uint64_t)&settings);
}
