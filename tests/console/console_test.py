#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Drive the shell on the console as a person does: type, correct, interrupt, read what comes.

console_test.py [--end COMMAND] [--timeout S] COMMAND [ARG...]

COMMAND boots to a shell prompt, for instance 'tools/run --smp 4'. Prints TAP. When something does not
come in time, all that the console has shown since the last prompt is printed. --end names what ends
the session (default: poweroff); with 'exit' the test runs on any system's shell too.
"""

import argparse
import re
import sys

import pexpect

PROMPT = re.compile(r"(?:^|\n)\$ $")
SECOND_PROMPT = re.compile(r"(?:^|\n)> $")
CTRL_C, CTRL_D, CTRL_U, CTRL_Z, CTRL_BACKSLASH, DELETE = "\x03", "\x04", "\x15", "\x1a", "\x1c", "\x7f"


class Failed(Exception):
    """A check that did not hold; the message says how."""


class Console:
    """A shell on a terminal."""

    def __init__(self, command, timeout):
        self.child = pexpect.spawn(command[0], command[1:], encoding="utf-8", timeout=timeout,
                                   codec_errors="replace", dimensions=(50, 200))
        self.child.delaybeforesend = 0.02

    def type(self, text):
        """Type keys, without Return."""
        self.child.send(text)

    def wait(self, pattern, seconds=-1):
        """Wait for a pattern; what came before it, with plain newlines."""
        try:
            self.child.expect(pattern, timeout=seconds)
        except pexpect.TIMEOUT:
            raise Failed(f"waited in vain for {getattr(pattern, 'pattern', pattern)!r}") from None
        except pexpect.EOF:
            raise Failed("the console has ended") from None
        return self.child.before.replace("\r", "")

    def pause(self, seconds=0.5):
        """Let a command get going; what it shows meanwhile stays to be read."""
        self.child.expect([pexpect.TIMEOUT], timeout=seconds)

    def run(self, line, seconds=-1):
        """A whole command: type it, and give what it shows up to the next prompt."""
        self.type(line + "\r")
        shown = self.wait(PROMPT, seconds)
        echo, _, output = shown.partition("\n")
        if not echo.endswith(line[-20:]):
            raise Failed(f"typed {line!r}, but the console shows {echo!r}")
        return output

    def recover(self):
        """Back to a prompt after a failure, or False."""
        for key in (CTRL_C, "\r", CTRL_D, CTRL_C + "\r"):
            self.type(key)
            self.pause(2)
            self.child.expect("(?s).*")  # forget all that has come
            try:
                self.run("echo recovered", 5)
                return True
            except Failed:
                continue
        return False


def expect(got, wanted, what="output"):
    if got != wanted:
        raise Failed(f"{what}: got {got!r}, wanted {wanted!r}")


def expect_match(text, pattern, what="output"):
    match = re.search(pattern, text, re.M)
    if not match:
        raise Failed(f"{what}: nothing in {text!r} matches {pattern!r}")
    return match


# ---- Typing ---------------------------------------------------------------------------------------


def test_echo(console):
    """a command and its output"""
    expect(console.run("echo hello"), "hello")


def test_empty_lines(console):
    """empty lines give prompts and nothing else"""
    for _ in range(3):
        expect(console.run(""), "")


def test_backspace(console):
    """backspace takes characters back"""
    console.type("echo helXYZ" + DELETE * 3 + "lo\r")
    console.wait(PROMPT)
    expect(console.run("echo $?"), "0")
    console.type("echo abX" + DELETE + "c > /tmp/console.erase\r")
    console.wait(PROMPT)
    expect(console.run("cat /tmp/console.erase"), "abc")
    console.run("rm /tmp/console.erase")


def test_backspace_stops(console):
    """backspace stops at the beginning of the line"""
    console.type("ab" + DELETE * 10 + "echo start\r")
    expect_match(console.wait(PROMPT), r"^start$")


def test_line_kill(console):
    """Ctrl-U takes the whole line back"""
    console.type("nonsense that must not run" + CTRL_U + "echo clean\r")
    expect_match(console.wait(PROMPT), r"^clean$")
    expect(console.run("echo $?"), "0")


def test_long_line(console):
    """a line of 300 characters"""
    text = "".join(chr(ord("a") + i % 26) for i in range(300))
    console.type(f"echo {text} | wc -c\r")
    expect_match(console.wait(PROMPT), r"^301$")


def test_type_ahead(console):
    """what is typed while a command runs is kept for later"""
    console.type("sleep 1\r")
    console.pause(0.3)
    console.type("echo typed ahead\r")
    console.wait(re.compile(r"\$ (?:echo typed ahead\r*\n)?typed ahead\r*\n\$ $"))
    expect(console.run("echo next"), "next")


# ---- Interrupting -----------------------------------------------------------------------------------


def test_interrupt_prompt(console):
    """Ctrl-C at the prompt drops what was typed"""
    console.type("echo not to be run" + CTRL_C)
    shown = console.wait(PROMPT)
    if re.search(r"^not to be run$", shown, re.M):
        raise Failed("the line was run")
    expect(console.run("echo $?"), "130")


def test_interrupt_sleep(console):
    """Ctrl-C ends a sleeping program, not the shell"""
    console.type("sleep 1000\r")
    console.pause()
    console.type(CTRL_C)
    console.wait(PROMPT)
    expect(console.run("echo $?"), "130")


def test_interrupt_loop(console):
    """Ctrl-C ends a program that computes for ever"""
    console.type("sh -c 'while :; do :; done'\r")
    console.pause()
    console.type(CTRL_C)
    console.wait(PROMPT)
    expect(console.run("echo $?"), "130")


def test_interrupt_own_loop(console):
    """Ctrl-C ends a loop of the shell's own"""
    console.type("while true; do true; done\r")
    console.pause()
    console.type(CTRL_C)
    console.wait(PROMPT)
    expect(console.run("echo alive"), "alive")


def test_interrupt_pipeline(console):
    """Ctrl-C ends every program of a pipeline"""
    console.type("sleep 1001 | cat | sleep 1002\r")
    console.pause()
    console.type(CTRL_C)
    console.wait(PROMPT)
    expect(console.run("ps | grep -c '[s]leep 100'"), "0")


def test_interrupt_list(console):
    """Ctrl-C ends the rest of the line too"""
    console.type("sleep 1000; echo not this\r")
    console.pause()
    console.type(CTRL_C)
    shown = console.wait(PROMPT)
    if re.search(r"^not this$", shown, re.M):
        raise Failed("the list went on")


def test_quit(console):
    """Ctrl-\\ quits a program"""
    console.type("sleep 1000\r")
    console.pause()
    console.type(CTRL_BACKSLASH)
    console.wait(PROMPT)
    expect(console.run("echo $?"), "131")


def test_end_of_file(console):
    """Ctrl-D ends the input of cat"""
    console.type("cat\r")
    console.pause()
    console.type("one line\r")
    console.wait(r"one line\r*\n.*one line\r*\n")
    console.type(CTRL_D)
    console.wait(re.compile(r"(?:^|\n)?\$ $"))
    expect(console.run("echo $?"), "0")


# ---- The shell ------------------------------------------------------------------------------------------


def test_pipes(console):
    """pipes"""
    expect(console.run("echo a b c | wc -w"), "3")
    expect(console.run("ls /bin | grep '^sh$'"), "sh")
    expect(console.run("seq 1 1000 | tail -n 1 | cat | cat"), "1000")
    expect(console.run("seq 1 5000 | wc -l"), "5000")


def test_redirection(console):
    """redirection"""
    console.run("echo first > /tmp/console.file; echo second >> /tmp/console.file")
    expect(console.run("cat < /tmp/console.file"), "first\nsecond")
    console.run("ls /nonexistent 2> /tmp/console.file")
    expect_match(console.run("cat /tmp/console.file"), r"nonexistent.*No such file")
    expect_match(console.run("ls /nonexistent 2>&1 | wc -l"), r"^1$")
    expect(console.run("rm /tmp/console.file; ls /tmp/console.file 2>/dev/null"), "")


def test_continued(console):
    """a command over several lines, with the second prompt"""
    console.type("for i in 1 2\r")
    console.wait(SECOND_PROMPT)
    console.type("do echo item $i; done\r")
    expect_match(console.wait(PROMPT), r"^item 1\nitem 2$")
    console.type("cat <<END\r")
    console.wait(SECOND_PROMPT)
    console.type("value $((6 * 7))\r")
    console.wait(SECOND_PROMPT)
    console.type("END\r")
    expect_match(console.wait(PROMPT), r"^value 42$")


def test_status(console):
    """exit statuses"""
    for command, status in (("true", "0"), ("false", "1"), ("sh -c 'exit 3'", "3"),
                            ("sh -c 'kill -KILL $$' 2>/dev/null", "137")):
        console.run(command)
        expect(console.run("echo $?"), status, command)
    expect_match(console.run("no-such-command"), r"not found")
    expect(console.run("echo $?"), "127")
    console.run("/etc")
    expect(console.run("echo $?"), "126")


def test_background(console):
    """& and wait"""
    expect_match(console.run("sh -c 'sleep 1; exit 7' & echo started"), r"^started$")
    console.run("wait $!", 20)
    expect(console.run("echo $?"), "7")
    expect_match(console.run("sleep 1 & sleep 1 & wait; echo all done", 20), r"^all done$")
    console.run("")


def test_jobs(console):
    """Ctrl-Z, jobs, bg, fg and kill %N"""
    console.type("sleep 1000\r")
    console.pause()
    console.type(CTRL_Z)
    console.wait(PROMPT)
    expect_match(console.run("jobs"), r"^\[1\].*Stopped.*sleep 1000")
    console.run("bg")
    expect_match(console.run("jobs"), r"^\[1\].*Running.*sleep 1000")
    console.type("fg\r")
    console.pause()
    console.type(CTRL_C)
    console.wait(PROMPT)
    expect(console.run("jobs"), "")
    console.run("sleep 1000 &")
    console.run("kill %1; sleep 1", 20)
    console.run("")
    expect(console.run("jobs"), "")


def test_script(console):
    """a script, typed into cat"""
    console.type("cat > /tmp/console.sh\r")
    console.pause()
    console.type('echo "script got $# arguments: $*"\r')
    console.type("for i; do echo arg $i; done\r")
    console.type("exit 4\r")
    console.type(CTRL_D)
    console.wait(PROMPT)
    expect(console.run("sh /tmp/console.sh x 'y z'"),
           "script got 2 arguments: x y z\narg x\narg y z")
    expect(console.run("sh /tmp/console.sh > /dev/null; echo $?"), "4")
    console.run("rm /tmp/console.sh")


# ---- The tools --------------------------------------------------------------------------------------------


def test_printf(console):
    """printf: conversions, escapes, the format again for more arguments"""
    expect(console.run("printf '%05d|%-4s|%x|%c|%s\\n' 42 ab 255 xyz q"), "00042|ab  |ff|x|q")
    expect(console.run("printf '%s-%b;' a 'x\\0101' c; echo"), "a-xA;c-;")
    expect(console.run("printf '%*.*f %d\\n' 6 2 3.14159 \"'A\""), "  3.14 65")
    expect(console.run("printf %d 3x >/dev/null 2>/dev/null; echo $?"), "1")


def test_getopts(console):
    """getopts: options together and with arguments, what is wrong, and where the rest begins"""
    loop = 'while getopts :ab: o; do printf "%s" "$o$OPTARG,"; done; echo $OPTIND'
    expect(console.run(f"OPTIND=1; set -- -ab val -x -b; {loop}"), "a,bval,?x,:b,5")
    expect(console.run(f"OPTIND=1; set -- -bval -- -a; {loop}"), "bval,3")


def test_directories(console):
    """cd and pwd: by names, and where these lead"""
    console.run("mkdir -p /tmp/d/real/in; ln -s real/in /tmp/d/link; cd /tmp/d/link")
    expect(console.run("pwd"), "/tmp/d/link")
    expect(console.run("pwd -P"), "/tmp/d/real/in")
    expect(console.run("cd ..; pwd; cd -"), "/tmp/d\n/tmp/d/link")
    expect(console.run("cd -P ..; pwd; cd /"), "/tmp/d/real")


def test_read(console):
    """read: the last variable takes the rest, and -r leaves backslashes"""
    expect(console.run("printf 'one two three\\n' | { read a b; echo \"$a|$b\"; }"),
           "one|two three")
    expect(console.run("printf 'a\\\\tb\\n' | { read -r a; printf '%s\\n' \"$a\"; }"), "a\\tb")


def test_ps_and_kill(console):
    """ps shows a process, kill ends it"""
    console.run("sleep 4321 &")
    pid = console.run("echo $!")
    table = console.run("ps")
    expect_match(table, r"PID +PPID +PGRP +STAT +COMMAND")
    expect_match(table, r"^ *\d+ +\d+ +\d+ [RS] +ps$")
    expect_match(table, rf"^ *{pid} .* sleep 4321$")
    console.run(f"kill {pid}; wait {pid}", 20)
    expect(console.run("echo $?"), "143")
    console.run("")
    if re.search(rf"^ *{pid} ", console.run("ps"), re.M):
        raise Failed(f"process {pid} is still there")
    expect_match(console.run(f"kill {pid}"), r"No such process")


def test_top(console):
    """top at a terminal goes on until q, by the order that keys choose, and gives the terminal back"""
    console.type("top -d 100\r")
    console.wait("TIME\\+ COMMAND")
    console.wait(r"\[vfs\]")
    console.type("N")  # by number: init is the first
    console.wait("TIME\\+ COMMAND\r*\n *1 root .* init")
    console.type("q")
    console.wait(PROMPT)
    expect(console.run("echo shown"), "shown")


def test_ipc(console):
    """ipcmk, ipcs and ipcrm"""
    kinds = (("-Q", "Message queue", "-q"), ("-M 8192", "Shared memory", "-m"),
             ("-S 3", "Semaphore", "-s"))
    for option, name, short in kinds:
        made = expect_match(console.run(f"ipcmk {option}"), rf"^{name} id: (\d+)$")
        number = made.group(1)
        expect_match(console.run(f"ipcs {short}"), rf"^0x[0-9a-f]{{8}} {number} ")
        expect_match(console.run(f"ipcs {short} -i {number}"), rf"id={number}$")
        expect(console.run(f"ipcrm {short} {number}"), "")
        if re.search(rf"^0x[0-9a-f]{{8}} {number} ", console.run(f"ipcs {short}"), re.M):
            raise Failed(f"{name} {number} is still there")


TESTS = [value for name, value in list(globals().items()) if name.startswith("test_")]


# ---- Running them -------------------------------------------------------------------------------------------


def comment(text):
    for line in text.replace("\r", "").split("\n"):
        print("#   " + line)


def run_test(console, number, test):
    """One test; whether it passed."""
    try:
        test(console)
        print(f"ok {number} - {test.__doc__}", flush=True)
        return True
    except Failed as failure:
        print(f"not ok {number} - {test.__doc__}")
        print(f"# {failure}\n# the console:")
        comment((console.child.before if isinstance(console.child.before, str) else "")
                + console.child.buffer)
        sys.stdout.flush()
        return False


def end_session(console, number, command):
    try:
        console.type(command + "\r")
        console.child.expect(pexpect.EOF, timeout=30)
        console.child.close()
        status = console.child.exitstatus
        good = status == 0
        print(f"{'ok' if good else 'not ok'} {number} - {command} ends it")
        if not good:
            print(f"# exit status {status}, signal {console.child.signalstatus}")
        return good
    except pexpect.TIMEOUT:
        print(f"not ok {number} - {command} ends it\n# the console:")
        comment(console.child.buffer)
        console.child.terminate(force=True)
        return False


def main(tests, description, end, check_start=lambda shown: None):
    """Run the tests at one shell; `end` is typed at last and must end the machine.

    check_start gets what comes before the first prompt.
    """
    parser = argparse.ArgumentParser(description=description,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--end", default=end)
    parser.add_argument("--timeout", type=float, default=30, metavar="S", help="for each command")
    parser.add_argument("--boot", type=float, default=120, metavar="S", help="for the first prompt")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    if not args.command:
        parser.error("which command boots?")
    print(f"1..{len(tests) + 2}")
    console = Console(args.command, args.timeout)
    failed = 0

    def boot(console):
        """the first prompt"""
        check_start(console.wait(PROMPT, args.boot))

    for number, test in enumerate([boot] + tests, 1):
        good = run_test(console, number, test)
        failed += not good
        if not good and not (console.child.isalive() and console.recover()):
            print("Bail out! no prompt any more")
            console.child.terminate(force=True)
            return 1
    failed += not end_session(console, len(tests) + 2, args.end)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(TESTS, __doc__, "poweroff"))
