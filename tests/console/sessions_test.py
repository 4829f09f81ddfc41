#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Sessions on the console: who gets what is typed, what survives a logout, who may stop the terminal.

sessions_test.py COMMAND [ARG...]

COMMAND boots to a shell prompt that has sessiontool (sessiontool.c). Prints TAP.
"""

import sys

from console_test import CTRL_C, CTRL_D, CTRL_Z, PROMPT, Failed, expect, expect_match, main


def log_out(console):
    """End the session; the next one's prompt comes."""
    console.type("exit\r")
    console.wait(PROMPT)


def expect_echo(console, text):
    """What is typed reaches the shell; it may have news of jobs to tell, too."""
    expect(console.run(f"echo {text}").split("\n")[0], text)


def test_stolen_input(console):
    """another session gets nothing of what is typed, and stops nothing"""
    console.run("sessiontool steal /tmp/steal &")
    for number in range(10):
        expect_echo(console, f"line {number}")
    console.run("wait", 20)
    expect(set(console.run("cat /tmp/steal").split("\n")),
           {"open ENXIO", "read EIO", "stop EIO", "flush EIO"})


def test_background_reader(console):
    """a background job that reads is stopped, and gets its line in the foreground"""
    console.run("cat &")
    console.pause()
    expect_echo(console, "mine")
    expect_match(console.run("jobs"), r"^\[1\].*Stopped.*cat")
    console.type("fg\r")
    console.pause()
    console.type("for cat\r")
    console.wait(r"for cat\r*\n.*for cat\r*\n")
    console.type(CTRL_D)
    console.wait(PROMPT)
    expect(console.run("jobs"), "")


def test_many_readers(console):
    """however many jobs read in the background, the shell gets every line"""
    for _ in range(4):
        console.run("cat > /dev/null &")
    for number in range(12):
        expect_echo(console, str(number))
    console.run("kill -KILL %1 %2 %3 %4; wait", 20)
    console.run("")


def test_daemon(console):
    """a daemon outlives the session it was started in"""
    console.run("sessiontool detach /tmp/daemon")
    console.pause()
    pid = expect_match(console.run("cat /tmp/daemon"), r"^(\d+)$").group(1)
    log_out(console)
    expect_match(console.run("ps"), rf"^ *{pid} .*sessiontool detach")
    console.run(f"kill {pid}")


def test_hang_up(console):
    """who is left in the shell's group is told, and has lost the terminal"""
    console.run("sessiontool stay /tmp/stay &")
    console.pause()
    log_out(console)
    console.pause(1)
    console.run("")
    expect(console.run("cat /tmp/stay"), "HUP\nopen ENXIO\nread 0\nwrite EIO\nstop EIO")


def test_stopped_job(console):
    """a stopped job does not outlive its session"""
    console.type("sleep 5432\r")
    console.pause()
    console.type(CTRL_Z)
    console.wait(PROMPT)
    log_out(console)
    if "sleep 5432" in console.run("ps"):
        log_out(console)  # the shell may have warned at first
    if "sleep 5432" in console.run("ps"):
        raise Failed("it is still there")


def test_next_session(console):
    """the next session has the terminal: Ctrl-C and Ctrl-Z"""
    console.type("sleep 1000\r")
    console.pause()
    console.type(CTRL_C)
    console.wait(PROMPT)
    expect(console.run("echo $?"), "130")
    console.type("sleep 1000\r")
    console.pause()
    console.type(CTRL_Z)
    console.wait(PROMPT)
    console.run("kill %1; wait", 20)
    console.run("")


if __name__ == "__main__":
    sys.exit(main([value for name, value in list(globals().items()) if name.startswith("test_")],
                  __doc__, "sessiontool poweroff"))
