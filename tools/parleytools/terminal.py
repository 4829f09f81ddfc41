# SPDX-License-Identifier: MIT
"""Between a person or script and a booted system's console: keys, standard input, the firmware's banner."""

import contextlib
import os
import re
import termios
import threading

CHUNK = 65536
LINE_END, END_OF_FILE, LITERAL = b"\n", b"\x04", b"\x16"
# What the line discipline would take for itself. It waits in the terminal until somebody reads a line
# or, behind an end-of-file character, a part of one: no part is longer than PART.
SPECIAL = re.compile(rb"[\x03\x04\x0d\x11-\x13\x15-\x17\x1a\x1c\x7f]")
PART = 1000
LINE = re.compile(rb"[^\n]*\n|[^\n]+")
ENDS = 1024  # ends of file in one write

# OpenSBI's banner: its name in letters made of strokes, and a table.
BANNER = re.compile(rb"OpenSBI v.*|[ _/|()<>\\.,'`-]*|"
                    rb"(Platform|Firmware|Runtime|Standard|Experimental|Domain\d+|Boot HART) .*: ?.*")
BANNER_BEGINNINGS = (b"OpenSBI ", b"Platform ", b"Firmware ", b"Runtime ", b"Standard ",
                     b"Experimental ", b"Domain", b"Boot HART ")


def typed(data):
    """How a file's bytes are typed at a terminal that does not echo, so that its readers get just them."""
    out = []
    for line in LINE.findall(data):
        for at in range(0, len(line), PART):
            part = line[at:at + PART]
            out.append(SPECIAL.sub(lambda found: LITERAL + found[0], part))
            if not part.endswith(LINE_END):
                out.append(END_OF_FILE)
    return b"".join(out)


def write_all(descriptor, data):
    while data:
        data = data[os.write(descriptor, data):]


def copy(source, sink, change, ending):
    """Until one of them ends; then `ending`, for as long as that is taken, if it is not empty."""
    with contextlib.suppress(OSError):  # the system has ended, or the terminal is not ours to read
        try:
            while data := os.read(source, CHUNK):
                write_all(sink, change(data))
        finally:
            while ending:
                write_all(sink, ending)


def copy_aside(*args):
    threading.Thread(target=copy, args=args, daemon=True).start()


def type_file(source):
    """For qemu.Boot: types what can be read, and then as many ends of file as anybody reads."""
    return lambda pipe: copy_aside(source, pipe.fileno(), typed, END_OF_FILE * ENDS)


def keys(source):
    """For qemu.Boot: passes on what is typed, as it is."""
    return lambda pipe: copy_aside(source, pipe.fileno(), bytes, b"")


@contextlib.contextmanager
def raw(descriptor):
    """Keys as they are pressed, signals' included; a terminal that was not one is left alone."""
    if not os.isatty(descriptor):
        yield
        return
    before = termios.tcgetattr(descriptor)
    settings = termios.tcgetattr(descriptor)
    settings[0] &= ~(termios.IGNBRK | termios.BRKINT | termios.PARMRK | termios.ISTRIP
                     | termios.INLCR | termios.IGNCR | termios.ICRNL | termios.IXON)
    settings[3] &= ~(termios.ECHO | termios.ECHONL | termios.ICANON | termios.IEXTEN | termios.ISIG)
    termios.tcsetattr(descriptor, termios.TCSADRAIN, settings)
    try:
        yield
    finally:
        with contextlib.suppress(termios.error):  # it has gone
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


class Banner:
    """Takes the firmware's banner away from the beginning of a console's output."""

    def __init__(self):
        self.held, self.over = b"", False

    def feed(self, data):
        """What of the output is to be shown so far."""
        if self.over:
            return data
        self.held += data
        rest = self.held
        while LINE_END in rest:
            line, _, after = rest.partition(LINE_END)
            if not BANNER.fullmatch(line.strip(b"\r")):
                self.over = True
                return rest
            rest = after
        if not self.may_be_banner(rest):
            self.over = True
            return rest
        return b""

    @staticmethod
    def may_be_banner(beginning):
        return (BANNER.fullmatch(beginning.strip(b"\r")) is not None
                or any(beginning.startswith(word) or word.startswith(beginning)
                       for word in BANNER_BEGINNINGS))
