/* SPDX-License-Identifier: MIT */
/*
 * Terminal structures and constants, exactly Linux riscv64's (asm-generic/termbits.h, termios.h,
 * ioctls.h): programs hand them through ioctl(2) unchanged.
 */
#ifndef CONSOLE_TERMIOS_H
#define CONSOLE_TERMIOS_H

#include <stdint.h>

#define TTY_NCCS 19

/* struct termios of the kernel interface (the C library's is larger). */
struct tty_termios {
    uint32_t c_iflag;
    uint32_t c_oflag;
    uint32_t c_cflag;
    uint32_t c_lflag;
    uint8_t c_line;
    uint8_t c_cc[TTY_NCCS];
};

_Static_assert(sizeof(struct tty_termios) == 36, "Linux's struct termios");

struct tty_winsize {
    uint16_t ws_row;
    uint16_t ws_col;
    uint16_t ws_xpixel;
    uint16_t ws_ypixel;
};

/* Indexes of c_cc. */
#define TTY_VINTR 0
#define TTY_VQUIT 1
#define TTY_VERASE 2
#define TTY_VKILL 3
#define TTY_VEOF 4
#define TTY_VTIME 5
#define TTY_VMIN 6
#define TTY_VSTART 8
#define TTY_VSTOP 9
#define TTY_VSUSP 10
#define TTY_VEOL 11
#define TTY_VREPRINT 12
#define TTY_VWERASE 14
#define TTY_VLNEXT 15
#define TTY_VEOL2 16

/* c_iflag */
#define TTY_ISTRIP 0000040
#define TTY_INLCR 0000100
#define TTY_IGNCR 0000200
#define TTY_ICRNL 0000400
#define TTY_IXON 0002000
#define TTY_IXANY 0004000
#define TTY_IMAXBEL 0020000
#define TTY_IUTF8 0040000

/* c_oflag */
#define TTY_OPOST 0000001
#define TTY_ONLCR 0000004
#define TTY_OCRNL 0000010
#define TTY_ONOCR 0000020
#define TTY_ONLRET 0000040
#define TTY_XTABS 0014000

/* c_cflag: B38400, CS8, CREAD, HUPCL; a console without a line to set up keeps them as they are. */
#define TTY_CFLAG_DEFAULT 0002277

/* c_lflag */
#define TTY_ISIG 0000001
#define TTY_ICANON 0000002
#define TTY_ECHO 0000010
#define TTY_ECHOE 0000020
#define TTY_ECHOK 0000040
#define TTY_ECHONL 0000100
#define TTY_NOFLSH 0000200
#define TTY_TOSTOP 0000400
#define TTY_ECHOCTL 0001000
#define TTY_ECHOKE 0004000
#define TTY_IEXTEN 0100000

/* ioctl_tty(2) requests */
#define TTY_TCGETS 0x5401
#define TTY_TCSETS 0x5402
#define TTY_TCSETSW 0x5403
#define TTY_TCSETSF 0x5404
#define TTY_TCSBRK 0x5409
#define TTY_TCXONC 0x540A
#define TTY_TCFLSH 0x540B
#define TTY_TIOCSCTTY 0x540E
#define TTY_TIOCGPGRP 0x540F
#define TTY_TIOCSPGRP 0x5410
#define TTY_TIOCOUTQ 0x5411
#define TTY_TIOCGWINSZ 0x5413
#define TTY_TIOCSWINSZ 0x5414
#define TTY_FIONREAD 0x541B
#define TTY_TIOCNOTTY 0x5422
#define TTY_TCSBRKP 0x5425
#define TTY_TIOCGSID 0x5429
#define TTY_TIOCGPTN 0x80045430
#define TTY_TIOCSPTLCK 0x40045431
#define TTY_TIOCPKT 0x5420
#define TTY_TIOCGPKT 0x80045438
#define TTY_TIOCGPTLCK 0x80045439

/* tcflush(3), tcflow(3) arguments */
#define TTY_TCIFLUSH 0
#define TTY_TCOFLUSH 1
#define TTY_TCIOFLUSH 2
#define TTY_TCOOFF 0
#define TTY_TCOON 1
#define TTY_TCIOFF 2
#define TTY_TCION 3

#endif
