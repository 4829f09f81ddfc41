#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The protocol declarations: the checked-in pages are up to date, mistakes are refused, and the
structures are laid out as in Linux's headers. Speaks TAP."""
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PROTOGEN = ROOT / "tools/protogen"
LINUX_HEADERS = Path("/usr/riscv64-linux-gnu/include")
MESSAGE = '[[message]]\nname = "m"\ndescription = "d"\n'
HEAD = '[protocol]\nname = "x"\n' + MESSAGE + 'who = "proc"\n'
BAD = {
    "unknown key": HEAD + 'colour = "red"\n',
    "seven words": HEAD + "args = [" + "{ name = \"a\" }, " * 7 + "]\n",
    "unknown type": HEAD + 'args = [{ name = "a", type = "char" }]\n',
    "no description": '[protocol]\nname = "x"\n[[message]]\nname = "m"\nwho = "proc"\n',
    "number too large": HEAD + "number = 65536\n",
    "same number": HEAD + 'number = 1\n[[message]]\nname = "n"\ndescription = "d"\nwho = "proc"\nnumber = 1\n',
    "same name": HEAD + MESSAGE + 'who = "proc"\n',
    "upper-case name": HEAD.replace('"m"', '"M"'),
    "bad errno": HEAD + 'errors = { Oops = "x" }\n',
    "unknown sender": '[protocol]\nname = "x"\n' + MESSAGE + 'who = "anybody"\n',
    "no sender": '[protocol]\nname = "x"\n' + MESSAGE,
    "a process and a server": '[protocol]\nname = "x"\n' + MESSAGE +
                              'who = ["process", "proc"]\non = "y"\n',
    "a process, on nothing": '[protocol]\nname = "x"\n' + MESSAGE + 'who = "process"\n',
    "a server, on something": HEAD + 'on = "y"\n',
    "optional first": HEAD + 'caps = { in = ["a?", "b"] }\n',
    "text beside three words": HEAD + "args = [" + "{ name = \"a\" }, " * 3 + "]\n"
                               'in_text = "t"\n',
    "text beside a buffer": HEAD + 'in = { name = "a" }\nin_text = "t"\n',
    "untyped array": HEAD + 'in = { name = "a", array = true }\n',
    "not TOML": HEAD + "]]\n",
}
# Structure, Linux's header, fields whose offsets must agree: (ours, Linux's).
LAYOUTS = {
    "msg": ("msqid64_ds", "asm/msgbuf.h", "msg_perm msg_stime msg_rtime msg_ctime msg_cbytes "
            "msg_qnum msg_qbytes msg_lspid msg_lrpid"),
    "sem": ("semid64_ds", "asm/sembuf.h", "sem_perm sem_otime sem_ctime sem_nsems"),
    "shm": ("shmid64_ds", "asm/shmbuf.h", "shm_perm shm_segsz shm_atime shm_dtime shm_ctime "
            "shm_cpid shm_lpid shm_nattch"),
}


def protogen(kind, path):
    return subprocess.run([PROTOGEN, "--kind", kind, "--out", "-", path], capture_output=True,
                          text=True, check=False)


def pages():
    """Every declaration of a server has its page, and the page is what the generator says."""
    for path in sorted((ROOT / "protocols").glob("*.toml")):
        if "[protocol]" not in path.read_text():
            continue
        page = ROOT / "docs/protocols" / (path.stem + ".md")
        fresh = protogen("doc", path)
        yield (f"docs/protocols/{page.name} is up to date",
               fresh.returncode == 0 and page.exists() and page.read_text() == fresh.stdout)


def mistakes():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.toml"
        path.write_text(HEAD)
        yield "the smallest declaration is accepted", protogen("server", path).returncode == 0
        for name, text in BAD.items():
            path.write_text(text)
            run = protogen("server", path)
            yield (f"refused: {name}",
                   run.returncode != 0 and "Traceback" not in run.stderr and "x.toml" in run.stderr)


def layouts():
    """Compiles our structures under another name beside Linux's."""
    for name, (struct, header, fields) in LAYOUTS.items():
        if not (LINUX_HEADERS / header).exists():
            yield f"layout of {struct} # SKIP no riscv64 headers", True
            continue
        ours = protogen("client", ROOT / f"protocols/{name}.toml").stdout
        ours = ours.replace("#include <parley/stubs.h>", "").split("/*\n *")[0]
        ours = ours.replace(struct, "our_ds").replace("ipc64_perm", "our_perm")
        ours = ours.replace("shminfo64", "our_info") + "\n#endif\n"
        checks = [f"_Static_assert(sizeof(struct our_ds) == sizeof(struct {struct}), \"\");"]
        checks += [f"_Static_assert(__builtin_offsetof(struct our_ds, {field}) == "
                   f"__builtin_offsetof(struct {struct}, {field}), \"\");"
                   for field in fields.split()]
        checks += [f"_Static_assert(__builtin_offsetof(struct our_perm, {field}) == "
                   f"__builtin_offsetof(struct ipc64_perm, {field}), \"\");"
                   for field in "key uid gid cuid cgid mode seq".split()]
        source = "\n".join([f"#include <{header}>", "#include <stdint.h>", ours, *checks])
        run = subprocess.run(["riscv64-linux-gnu-gcc", "-fsyntax-only", "-x", "c", "-"],
                             input=source, text=True, capture_output=True, check=False)
        sys.stderr.write(run.stderr)
        yield f"layout of {struct}", run.returncode == 0


def main():
    results = [result for part in (pages, mistakes, layouts) for result in part()]
    print(f"1..{len(results)}")
    for number, (name, passed) in enumerate(results, 1):
        print(f"{'ok' if passed else 'not ok'} {number} - {name}")


main()
