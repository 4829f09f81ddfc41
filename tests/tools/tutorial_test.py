# SPDX-License-Identifier: MIT
"""Does what docs/tutorial.md says, to the letter, in a copy of the tree. TAP.

A code block behind a line that ends with "add to `FILE`:" goes to that file's end, behind "write `FILE`:" (or
before the first command, as the first program) it is that file. Lines that begin with "$ " are commands; what
follows them is what they print.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.realpath(os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", ".."))
LEFT_OUT = {".git", "build"}
FIRST_PROGRAM = "note.c"


def copy_tree(to):
    """All but what is built. Old times are kept, so that nothing seems newer than it is."""
    def ignored(folder, names):
        return [name for name in names if folder == TOP and name in LEFT_OUT]
    shutil.copytree(TOP, to, symlinks=True, ignore=ignored)


def blocks(text):
    """(what stands in the lines before, code) for each indented block."""
    before, code = "", []
    for line in text.splitlines() + ["."]:
        if line.startswith("    "):
            code.append(line[4:])
        elif not line.strip():
            code += [""] if code else []
        else:
            if code:
                yield before, "\n".join(code).rstrip() + "\n"
                before, code = "", []
            before += line + "\n"


def steps(text):
    """("add" or "write", file, code) and ("run", command, output), in order."""
    for before, block in blocks(text):
        code, *commands = re.split(r"^\$ ", block, flags=re.MULTILINE)
        found = re.findall(r"([Aa]dd\s+to|[Ww]rite)\s+`([^`]+)`:\s*\Z", before)
        if code and found:
            yield found[0][0].split()[0].lower(), found[0][1], code.rstrip() + "\n"
        elif code.startswith("#include"):
            yield "write", FIRST_PROGRAM, code.rstrip() + "\n"
        for part in commands:
            command, _, output = part.partition("\n")
            yield "run", command, output


def do(folder, kind, name, text):
    """One step; what went wrong, or nothing."""
    if kind == "run":
        done = subprocess.run(name, shell=True, cwd=folder, stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, check=False)
        if done.returncode == 0 and done.stdout == text:
            return ""
        return f"exit status {done.returncode}\n{done.stdout}{done.stderr}"
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if kind == "add" and not os.path.exists(path):
        return "there is no such file"
    with open(path, "a" if kind == "add" else "w", encoding="utf-8") as stream:
        stream.write(("\n" if kind == "add" and name.endswith((".c", ".toml")) else "") + text)
    return ""


def main():
    with open(os.path.join(TOP, "docs", "tutorial.md"), encoding="utf-8") as stream:
        todo = list(steps(stream.read()))
    print(f"1..{len(todo)}", flush=True)
    failed = False
    with tempfile.TemporaryDirectory() as scratch:
        folder = os.path.join(scratch, "parley")
        copy_tree(folder)
        for number, (kind, name, text) in enumerate(todo, 1):
            wrong = do(folder, kind, name, text)
            failed |= bool(wrong)
            print(f"{'not ' if wrong else ''}ok {number} - {kind} {name}".replace("#", "\\#"))
            for line in wrong.splitlines():
                print("# " + line, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
