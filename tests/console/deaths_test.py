#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Make each server die before the eyes of a person at the shell: what the console shows, and what still works.

deaths_test.py COMMAND [ARG...]

COMMAND boots to a shell in a machine that knows test=crash and has tests/system/parley/crash.c as
/bin/crash, for instance 'tools/run --append test=crash --add .../test-crash:/bin/crash'. Prints TAP.
"""

import re
import sys
import time

import pexpect

PROMPT = re.compile(r"(?:^|\n)?\$ $")  # what a dying program prints may stand before it
DEATH = r"\[init\] init: {0} died, message \d+ of (?:process \d+|vfs): cause 15, address 0, pc [0-9a-f]{{8}}"
# binutils 2.44 does not find the lines of some functions that were optimized across files.
PLACE = r"^    [0-9a-f]{{8}}: (?:crash at crash\.c:\d+.*|session_unpack_crash at :\?)\n(?:    .*\n)*    message \d+: session\.crash$"
MEMORY_KB = 400  # less than some processes take
WINDOW = 11  # a little more than the seconds in which deaths are counted
COMMANDS = (("ls /bin | grep '^sh$'", "sh"), ("sh -c 'exit 3'; echo $?", "3"),
            ("echo text > /tmp/deaths; cat /tmp/deaths; rm /tmp/deaths", "text"),
            ("ipcmk -Q > /tmp/q; ipcmk -S 1 > /tmp/s; ipcmk -M 4096 > /tmp/m; cat /tmp/? | wc -l", "3"))


class Failed(Exception):
    """A check that did not hold; the message says how."""


class Console:
    def __init__(self, command):
        self.child = pexpect.spawn(command[0], command[1:], encoding="utf-8", timeout=60,
                                   codec_errors="replace", dimensions=(50, 250))
        self.child.delaybeforesend = 0.02

    def until(self, pattern):
        """What comes before the pattern."""
        try:
            self.child.expect(pattern)
        except (pexpect.TIMEOUT, pexpect.EOF):
            raise Failed(f"no {pattern}; the console shows {self.child.before!r}") from None
        return self.child.before.replace("\r", "")

    def prompt(self):
        """What comes before the next prompt."""
        return self.until(PROMPT)

    def run(self, line):
        self.child.send(line + "\r")
        return self.prompt().partition("\n")[2]


def expect_match(text, pattern):
    if not re.search(pattern, text, re.MULTILINE):
        raise Failed(f"nothing in {text!r} matches {pattern!r}")


def check_works(console):
    for command, wanted in COMMANDS:
        got = console.run(command)
        if got != wanted:
            raise Failed(f"{command!r} gives {got!r}, not {wanted!r}")


def check_death(console, server):
    """It dies, with a line; everything works afterwards, in the same shell or a new one."""
    console.child.send(f"crash {server}\r")
    if server == "console":  # what is written while it is dead is lost, the prompt perhaps
        shown = console.until("is started anew")
        time.sleep(1)
        console.child.send("echo t''here\r")
        console.until(r"\nthere\r*(?=\n)")
    else:
        shown = ""
    shown += console.prompt()
    expect_match(shown, DEATH.format(server))
    if server not in ("vfs", "proc", "console"):  # with those the program's output may be lost
        expect_match(shown, rf"^{server}: Host is down$")
    check_works(console)


def test_boot(console):
    """a shell"""
    console.prompt()
    check_works(console)


def test_msg(console):
    """msg dies and comes back"""
    check_death(console, "msg")


def test_mq(console):
    """mq dies and comes back"""
    check_death(console, "mq")


def test_sem(console):
    """sem dies and comes back"""
    check_death(console, "sem")


def test_shm(console):
    """shm dies and comes back"""
    check_death(console, "shm")


def test_vfs(console):
    """vfs dies and comes back, with another shell"""
    check_death(console, "vfs")


def test_console(console):
    """console dies and comes back, Ctrl-C included"""
    check_death(console, "console")
    console.child.send("sleep 1000\r")
    time.sleep(1)
    console.child.send("\x03")
    console.prompt()
    if console.run("echo $?") != "130":
        raise Failed("Ctrl-C does not end a program")


def used_memory(console):
    """Kilobytes."""
    return int(re.search(r"^Mem: +\d+ +(\d+)", console.run("free"), re.MULTILINE)[1])


def test_proc(console):
    """proc dies, and with it all processes, and comes back with another shell"""
    check_death(console, "proc")
    before = used_memory(console)
    console.run("for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do sleep 1000 & done > /tmp/jobs")
    console.run("while :; do :; done &")
    if used_memory(console) < before + MEMORY_KB:
        raise Failed("the processes need no memory?")
    check_death(console, "proc")
    if re.search("sleep", console.run("ps")):
        raise Failed("a process has survived")
    for _ in range(50):
        after = used_memory(console)
        if after < before + MEMORY_KB:
            return
        time.sleep(0.1)
    raise Failed(f"{before} KB were in use before, {after} KB after all processes have ended")


def test_slow(console):
    """a server that works for long gets a line, and only that"""
    shown = console.run("crash shm loop")
    expect_match(shown, r"init: shm has worked for more than 1 s on message \d+ of process \d+: pc ")
    expect_match(shown, r"^shm: Success$")
    check_works(console)


def test_third_death(console):
    """the third death in ten seconds is the last"""
    time.sleep(WINDOW)
    for _ in range(2):
        check_death(console, "sem")
    shown = console.run("crash sem panic")
    expect_match(shown, r"init: sem has died 3 times in 10 s and stays dead")
    expect_match(shown, r"^sem: Host is down$")
    expect_match(console.run("ipcmk -S 1"), r"Host is down")
    expect_match(console.run("ipcmk -Q"), r"^Message queue id: \d+$")


TESTS = [value for name, value in list(globals().items()) if name.startswith("test_")]


def test_decoded(console):
    """tools/run names places and messages when the machine has stopped"""
    console.child.send("poweroff\r")
    console.child.expect(pexpect.EOF)
    report = console.child.before.replace("\r", "")
    for server in ("msg", "mq", "sem", "shm", "vfs", "console", "proc"):
        expect_match(report, DEATH.format(server) + r".*\n" + PLACE.format())
    expect_match(report, r"shm has worked for .*\n(?:    .*\n)*    message \d+: session\.crash$")


def main():
    tests = TESTS + [test_decoded]
    print(f"1..{len(tests)}")
    console, failed = Console(sys.argv[1:]), 0
    for number, test in enumerate(tests, 1):
        try:
            test(console)
            print(f"ok {number} - {test.__doc__}", flush=True)
        except Failed as failure:
            failed += 1
            print(f"not ok {number} - {test.__doc__}\n# {failure}", flush=True)
            if not console.child.isalive():
                print("Bail out! the machine has stopped")
                break
    console.child.close(force=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
