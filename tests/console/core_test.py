#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A debugger reads what a program with two threads has left. Prints TAP.

core_test.py COMMAND [ARG...]

COMMAND boots and has coretool in the image, for instance 'tools/run --add build/debug/test-coretool:/bin/coretool'.
"""

import os
import shutil
import subprocess
import sys
import tempfile

SECONDS = 120
DEBUGGER = "gdb-multiarch"
CRASH = "cd /tmp; ulimit -c unlimited; coretool crash; echo status $?; coretool print core"
WANTED = [
    ("the signal", "Program terminated with signal SIGSEGV"),
    ("the thread that faulted", "inner_function (number=43)"),
    ("who called it", "outer_function ("),
    ("where it began", "second_thread ("),
    ("the other thread", "waiting_function ("),
    ("and where that began", "main (argc="),
    ("a variable", "answer = 42"),
]


def program(command):
    """The host's path of coretool."""
    for option, value in zip(command, command[1:]):
        if option == "--add" and value.endswith(":/bin/coretool"):
            return value.split(":")[0]
    raise SystemExit("coretool is not among what is added")


def write_core(path, text):
    """The file that coretool printed."""
    with open(path, "wb") as stream:
        for line in text.splitlines():
            words = line.split()
            if words[:1] == ["page"]:
                stream.seek(int(words[1], 16))
                stream.write(bytes.fromhex(words[2]))
            elif words[:1] == ["end"]:
                stream.truncate(int(words[1], 16))


def debug(executable, core):
    """What the debugger says of it."""
    commands = ["set pagination off", "set width 0", "thread apply all backtrace",
                'printf "answer = %d\\n", answer']
    words = [DEBUGGER, "-q", "-nx", "-batch", executable, core]
    for command in commands:
        words += ["-ex", command]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS,
                          check=False)
    return done.stdout + done.stderr


def main():
    command = sys.argv[1:]
    tests = [("the shell tells of it", "(core dumped)"), ("the status is the signal's", "status 139")]
    done = subprocess.run(command + ["--timeout", str(SECONDS), "-c", CRASH], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)
    shown = done.stdout + done.stderr
    results = [(name, want in shown, done.stderr) for name, want in tests]
    if shutil.which(DEBUGGER):
        with tempfile.TemporaryDirectory() as folder:
            core = os.path.join(folder, "core")
            write_core(core, done.stdout)
            said = debug(program(command), core)
        results += [(name, want in said, said) for name, want in WANTED]
    print(f"1..{len(results) + (len(results) == len(tests))}")
    for number, (name, good, text) in enumerate(results, 1):
        print(f"{'ok' if good else 'not ok'} {number} - {name}", flush=True)
        if not good:
            print("\n".join("# " + line for line in text.splitlines()))
    if len(results) == len(tests):
        print(f"ok {len(tests) + 1} - the debugger reads it # SKIP no {DEBUGGER} here: apt-get install {DEBUGGER}")
    sys.exit(not all(good for _, good, _ in results))


if __name__ == "__main__":
    main()
