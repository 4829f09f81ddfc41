#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Debian's strace, gdb and gdbserver look at programs. TAP; skipped where no Debian mirror is reached.

debugger_test.py COMMAND [ARG...]

COMMAND boots and has coretool in the image, for instance 'tools/run --add build/debug/test-coretool:/bin/coretool'.
"""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "tools"))
from parleytools import debian, packages  # noqa: E402

SECONDS = 200
GDB = "gdb -nx -batch -ex 'set pagination off' -ex 'set confirm off' -ex 'set debuginfod enabled off' -ex 'set width 0'"
LOOK = ("-ex 'break inner_function' -ex '{}' -ex backtrace -ex 'print answer' -ex 'set variable answer = 1' -ex 'finish' "
        "-ex 'thread apply 1 backtrace'")
STOPPED = ["inner_function (number=43)", "outer_function (", "second_thread (", "= 42", "SIGSEGV", "waiting_function ("]
# Of each boot: what it needs, and what is run with what it must print.
BOOTS = [
    (["strace"], [], [
        ("a call, and the end",
         "strace -o /tmp/t -e trace=write sh -c 'echo hello'; cat /tmp/t",
         ["hello\n", 'write(1, "hello\\n", 6)', "+++ exited with 0 +++"]),
        ("children, and their programs",
         "strace -f -o /tmp/t sh -c '/bin/true; kill -USR1 $$'; cat /tmp/t",
         ["clone(", 'execve("/bin/true"', "--- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED",
          "--- SIGUSR1 {si_signo=SIGUSR1, si_code=SI_USER", "+++ killed by SIGUSR1 +++"]),
        ("how many", "strace -c -o /tmp/t sh -c 'echo counted'; cat /tmp/t", ["counted\n", "% time", "total"]),
        ("a process that runs",
         "sleep 100 & P=$!; strace -o /tmp/t -p $P & S=$!; sleep 2; kill $P; wait $S; cat /tmp/t",
         ["nanosleep", "--- SIGTERM", "+++ killed by SIGTERM +++"]),
        ("a call that fails by its word",
         "strace -o /tmp/t -e trace=write -e inject=write:error=ENOSPC:when=1 sh -c 'echo hello'; cat /tmp/t",
         ["ENOSPC (No space left on device) (INJECTED)"]),
        ("itself", "strace -o /tmp/t strace -o /dev/null /bin/true; cat /tmp/t",
         ["ptrace(PTRACE_SEIZE, ", "ptrace(PTRACE_SYSCALL, ", "+++ exited with 0 +++"]),
    ]),
    (["gdb", "gdbserver"], ["--mem", "2G"], [
        ("gdb: a breakpoint in a thread, a variable, the fault behind it",
         f"{GDB} {LOOK.format('run crash')} /bin/coretool", STOPPED),
        ("gdbserver: the same", f"{GDB} -ex 'target remote | gdbserver - /bin/coretool crash' "
                                f"{LOOK.format('continue')} /bin/coretool", STOPPED),
        ("gdb: a process that runs, and goes on",
         f"coretool wait & P=$!; sleep 2; {GDB} -p $P -ex 'backtrace' -ex 'set variable answer = 7' -ex detach "
         "/bin/coretool; kill -USR1 $P; wait $P; echo status $?",
         ["sleeping_function (", "detached]", "status 7"]),
    ]),
]


def shown(command, boot):
    """What is printed, a list for each command."""
    names, options, runs = boot
    script = "".join(f"echo; echo ==== {number}; {run[1]} 2>&1; " for number, run in enumerate(runs))
    done = subprocess.run(command + options + ["--with", ",".join(names), "--timeout", str(SECONDS), "-c", script],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    parts = [part.partition("\n")[2] for part in done.stdout.split("\n==== ")[1:]]
    return [part + done.stderr for part in parts] + [done.stdout + done.stderr] * (len(runs) - len(parts))


def main():
    command, number, failed = sys.argv[1:], 0, False
    try:
        for names, _, _ in BOOTS:
            debian.tree(names)
    except packages.ToolError as error:
        print(f"1..0 # SKIP {error}")
        return 0
    print(f"1..{sum(len(runs) for _, _, runs in BOOTS)}", flush=True)
    for boot in BOOTS:
        for (name, _, wanted), text in zip(boot[2], shown(command, boot)):
            number += 1
            missing = [want for want in wanted if want not in text]
            failed |= bool(missing)
            print(f"{'not ok' if missing else 'ok'} {number} - {boot[0][0]}: {name}", flush=True)
            if missing:
                print("\n".join(f"# {line}" for line in [f"missing: {missing}"] + text.splitlines()))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
