#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""tools/run itself: standard input, what ends with it, what it refuses, what the console shows first.

run_test.py COMMAND [ARG...]

COMMAND is tools/run with options. Prints TAP.
"""

import glob
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

import pexpect

COMMAND = sys.argv[1:]
SECONDS = 60  # a boot takes one
STARTED = "echo started; sleep 1000"
TESTS = []


def test(function):
    TESTS.append(function)
    return function


class Failed(Exception):
    """A check that did not hold; the message says how."""


def expect(got, wanted, what):
    if got != wanted:
        raise Failed(f"{what}: got {got!r}, wanted {wanted!r}")


def run(arguments, text=b""):
    """One whole run: (status, output, errors)."""
    done = subprocess.run(COMMAND + arguments, input=text, capture_output=True, timeout=SECONDS, check=False)
    return done.returncode, done.stdout, done.stderr


def emulators(mark):
    """QEMUs with a word in their arguments."""
    found = []
    for name in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(name, "rb") as stream:
                words = stream.read().split(b"\0")
        except OSError:
            continue  # it has ended
        if os.path.basename(words[0]).startswith(b"qemu") and any(mark.encode() in word for word in words):
            found.append(name)
    return found


def wait_until(condition, what):
    limit = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > limit:
            raise Failed(f"waited in vain: {what}")
        time.sleep(0.1)


class Running:
    """A tools/run in the middle of it, with a folder of its own for temporary files."""

    def __init__(self, folder):
        self.mark = f"mark={random.getrandbits(48):x}"
        self.folder = folder
        self.environment = dict(os.environ, TMPDIR=folder)
        self.arguments = COMMAND + ["--append", self.mark]

    def check_there(self):
        expect(len(emulators(self.mark)), 1, "QEMUs that run")
        expect(len(os.listdir(self.folder)), 1, "temporary folders")

    def check_gone(self):
        wait_until(lambda: not emulators(self.mark), "the end of QEMU")
        expect(os.listdir(self.folder), [], "temporary folders")


def end_by(number):
    """End a run of a command by a signal; its status."""
    with tempfile.TemporaryDirectory() as folder:
        running = Running(folder)
        with subprocess.Popen(running.arguments + ["-c", STARTED], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, env=running.environment) as process:
            expect(process.stdout.readline(), b"started\n", "the first line")
            running.check_there()
            process.send_signal(number)
            try:
                process.wait(SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                raise Failed(f"signal {number} does not end it") from None
            if number == signal.SIGKILL:  # what is not told cannot take its folder away
                wait_until(lambda: not emulators(running.mark), "the end of QEMU")
            else:
                running.check_gone()
            return process.returncode


LATE_HARTS = """
run() { cat /proc/sys/kernel/harts; grep -c ^processor /proc/cpuinfo; }
busy() { i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done; }
run
echo 1 >/proc/sys/kernel/harts && echo stopped
echo 100 >/proc/sys/kernel/harts && echo too many
echo 3 >/proc/sys/kernel/harts
run
for i in 1 2 3 4 5 6; do busy & done
wait
grep "^cpu[0-9]" /proc/stat | while read name ticks rest; do [ $ticks -gt 0 ] && echo ran; done
"""


@test
def late_harts():
    """harts that start later come in, and run what waits"""
    status, output, errors = run(["--smp", "4", "--append", "maxcpus=2", "-c", LATE_HARTS])
    lines = [line for line in output.decode().splitlines() if "error" not in line]
    expect((status, lines), (0, ["2", "2", "3", "3", "ran", "ran", "ran"]), f"what it printed ({errors!r})")


@test
def terminated():
    """SIGTERM takes QEMU along and leaves no folder"""
    expect(end_by(signal.SIGTERM), 128 + signal.SIGTERM, "status")


@test
def hung_up():
    """so does SIGHUP"""
    expect(end_by(signal.SIGHUP), 128 + signal.SIGHUP, "status")


@test
def killed():
    """even SIGKILL takes QEMU along"""
    expect(end_by(signal.SIGKILL), -signal.SIGKILL, "status")


@test
def terminal_gone():
    """the end of its terminal takes the shell's QEMU along and leaves no folder"""
    with tempfile.TemporaryDirectory() as folder:
        running = Running(folder)
        child = pexpect.spawn(running.arguments[0], running.arguments[1:], env=running.environment,
                              timeout=SECONDS)
        child.expect(r"\$ $")
        running.check_there()
        child.close(force=False)
        running.check_gone()


@test
def nobody_listens():
    """when nobody reads the output any more, it ends"""
    with tempfile.TemporaryDirectory() as folder:
        running = Running(folder)
        with subprocess.Popen(running.arguments + ["-c", "while :; do echo line; done"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              env=running.environment) as process:
            expect(process.stdout.readline(), b"line\n", "the first line")
            process.stdout.close()
            expect(process.wait(SECONDS), 128 + signal.SIGPIPE, "status")
        running.check_gone()


@test
def standard_input():
    """a command reads standard input to its end, and finds the end again"""
    expect(run(["-c", "read first; echo \"<$first>\"; cat; echo ==; cat; echo =="], b"one\ntwo\nthree"),
           (0, b"<one>\ntwo\nthree==\n==\n", b""), "status, output and errors")


@test
def no_input():
    """without input it finds the end"""
    expect(run(["-c", "cat; echo $?"]), (0, b"0\n", b""), "status, output and errors")


@test
def every_byte():
    """every byte arrives, and however long lines are"""
    source = random.Random(1)
    data = bytes(range(256)) * 8 + b"x" * 10000 + b"\n" + source.randbytes(10000) + b"\r\n\n\x04"
    status, output, errors = run(["-c", "cat"], data)
    expect((status, errors), (0, b""), "status and errors")
    if output != data:
        at = next((i for i, (a, b) in enumerate(zip(output, data)) if a != b), min(len(output), len(data)))
        raise Failed(f"{len(output)} bytes for {len(data)}, other from {at}: {output[at:at + 20]!r}")


@test
def endless_input():
    """input without end is read as far as the command wants"""
    with subprocess.Popen(["yes"], stdout=subprocess.PIPE) as source:
        done = subprocess.run(COMMAND + ["-c", "head -n 3"], stdin=source.stdout, capture_output=True,
                              timeout=SECONDS, check=False)
        source.kill()
    expect((done.returncode, done.stdout), (0, b"y\n" * 3), "status and output")


@test
def refused():
    """more harts or less memory than there can be is a clear error"""
    for arguments, said in ((["--smp", "9"], b"9: 1 to 8 harts"), (["--smp", "0"], b"0: 1 to 8 harts"),
                            (["--mem", "16M"], b"16M: 32M to 8G of memory"),
                            (["--mem", "much"], b"much: 32M to 8G of memory")):
        status, output, errors = run(arguments + ["-c", "echo booted"])
        expect((status, output), (2, b""), f"status and output of {arguments}")
        if said not in errors:
            raise Failed(f"{arguments}: {errors!r} does not say {said!r}")


@test
def banner():
    """the firmware's banner is shown when it is asked for only, and comes first"""
    for arguments, shown in (([], False), (["--firmware"], True)):
        child = pexpect.spawn(COMMAND[0], COMMAND[1:] + arguments, timeout=SECONDS)
        child.expect(r"\$ $")
        expect(b"OpenSBI v" in child.before, shown, f"a banner with {arguments}")
        expect(b"Boot HART" in child.before, shown, f"its table with {arguments}")
        child.send("\x01x")
        child.expect(pexpect.EOF)
        child.close()
        expect(child.exitstatus, 0, "status")


def main():
    for number in (signal.SIGHUP, signal.SIGTERM):  # who started this may ignore them, as nohup does
        signal.signal(number, signal.SIG_DFL)
    print(f"1..{len(TESTS)}")
    failed = False
    for number, function in enumerate(TESTS, 1):
        try:
            function()
            print(f"ok {number} - {function.__doc__}", flush=True)
        except (Failed, OSError, subprocess.TimeoutExpired, pexpect.ExceptionPexpect) as error:
            failed = True
            print(f"not ok {number} - {function.__doc__}\n# " + str(error).replace("\n", "\n# "), flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
