# SPDX-License-Identifier: MIT
"""What goes into a boot image: the base of a small Unix, built files, added files and trees."""

import os
import stat
import subprocess
import tempfile

from . import cpio

LIBRARY_FOLDER = "/usr/riscv64-linux-gnu/lib"
LIBRARIES = ["ld-linux-riscv64-lp64d.so.1", "libc.so.6", "libm.so.6"]
MULTIARCH = "usr/lib/riscv64-linux-gnu/"
STRIP = "riscv64-linux-gnu-strip"

BASE_FILES = {
    "etc/rc": """\
# /etc/rc: run by the first process before the first shell.
echo 'Parley: a microkernel with servers around it, running unmodified Linux programs.
Try: help, ps, ls -l /bin, ipcmk -Q && ipcs -q, seq 9 | sort -r
Leave: poweroff, or Ctrl-A X at any time.'
""",
    "etc/passwd": """\
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
user:x:1000:1000:user:/home/user:/bin/sh
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
""",
    "etc/group": "root:x:0:\ndaemon:x:1:\ntty:x:5:\nuser:x:1000:\nnogroup:x:65534:\n",
    "etc/profile": "# /etc/profile: read by login shells.\n",
    "etc/hostname": "parley\n",
}
BASE_FOLDERS = {"tmp": 0o1777, "dev": 0o755, "proc": 0o555, "root": 0o700, "home": 0o755,
                "etc": 0o755, "usr": 0o755, "usr/bin": 0o755, "usr/sbin": 0o755, "usr/lib": 0o755,
                "usr/share": 0o755, "boot": 0o755, "home/user": 0o755, "var": 0o755, "var/tmp": 0o1777}
# As Debian has it, so that its packages, or a whole root, can be laid over the image.
BASE_LINKS = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib"}


class ImageError(Exception):
    """Something in the request for an image is wrong."""


def put(entries, path, mode, data=b"", rdev=(0, 0)):
    entry = cpio.Entry(path, mode, data, rdev)
    if not entry.path:
        raise ImageError("empty path in image")
    entries[entry.path] = entry


def read_stripped(files):
    """The contents of files; ELF files without their symbols, which stay in the build folder."""
    contents = {}
    with tempfile.TemporaryDirectory() as folder:
        jobs = []
        for number, name in enumerate(files):
            with open(name, "rb") as stream:
                contents[name] = stream.read()
            if contents[name][:4] == b"\x7fELF":
                out = os.path.join(folder, str(number))
                jobs.append((name, out, subprocess.Popen([STRIP, "-o", out, name])))
        for name, out, job in jobs:
            if job.wait() != 0:
                raise ImageError(f"cannot strip {name}")
            with open(out, "rb") as stream:
                contents[name] = stream.read()
    return contents


def add_files(entries, pairs):
    """pairs: (path in image, file), ELF files stripped; executable if the file is."""
    contents = read_stripped([name for _, name in pairs])
    for path, name in pairs:
        mode = 0o755 if os.access(name, os.X_OK) else 0o644
        put(entries, through_links(entries, path), stat.S_IFREG | mode, contents[name])


def add_base(entries):
    for path, mode in BASE_FOLDERS.items():
        put(entries, path, stat.S_IFDIR | mode)
    for path, text in BASE_FILES.items():
        put(entries, path, stat.S_IFREG | 0o644, text.encode())
    for path, target in BASE_LINKS.items():
        put(entries, path, stat.S_IFLNK | 0o777, target.encode())
    add_files(entries, [("usr/lib/" + name, os.path.join(LIBRARY_FOLDER, name))
                        for name in LIBRARIES])
    for name in LIBRARIES:
        entries["usr/lib/" + name].mode = stat.S_IFREG | 0o755


def add_path(entries, path, name):
    """Lay one file of the host, as it is, at path."""
    status = os.lstat(name)
    data = b""
    if stat.S_ISLNK(status.st_mode):
        data = os.readlink(name).encode()
    elif stat.S_ISREG(status.st_mode):
        with open(name, "rb") as stream:
            data = stream.read()
    device = (os.major(status.st_rdev), os.minor(status.st_rdev))
    put(entries, path, status.st_mode, data, device)


def through_links(entries, path):
    """path with its folders' symbolic links followed, so that usr/bin/x lands in bin/x."""
    done = ""
    rest = path.strip("/").split("/")
    for _ in range(64):
        if len(rest) == 1:
            return os.path.join(done, rest[0])
        part = rest.pop(0)
        here = os.path.normpath(os.path.join(done, part)) if part != "." else done
        here = "" if here == "." else here.lstrip("/")
        entry = entries.get(here)
        if entry is not None and stat.S_ISLNK(entry.mode):
            target = entry.data.decode()
            rest = target.strip("/").split("/") + rest
            done = "" if target.startswith("/") else done
        else:
            done = here
    raise ImageError(f"too many symbolic links in {path}")


def add_file(entries, item):
    """item: FILE or FILE:PATH; a PATH that ends in / is a folder; no PATH means /bin."""
    name, _, path = item.partition(":")
    if not os.path.isfile(name):
        raise ImageError(f"--add {name}: no such file")
    if not path:
        path = "bin/"
    if path.endswith("/"):
        path += os.path.basename(name)
    add_path(entries, through_links(entries, path), os.path.realpath(name))


def add_stripped(entries, item):
    """item: FILE:PATH, an ELF file without its symbols: what tests put in."""
    name, path = item.split(":", 1)
    add_files(entries, [(path, name)])


def prefer_multiarch(entries):
    """A tree's own C library, where Debian has it, is the one that all programs use then: it is the newer one."""
    for name in LIBRARIES:
        if MULTIARCH + name in entries and "usr/lib/" + name in entries:
            if stat.S_ISREG(entries["usr/lib/" + name].mode):
                del entries["usr/lib/" + name]


def add_tree(entries, directory):
    if not os.path.isdir(directory):
        raise ImageError(f"--root {directory}: no such directory")
    for folder, folders, names in os.walk(directory):
        for name in sorted(folders + names):
            full = os.path.join(folder, name)
            path = through_links(entries, os.path.relpath(full, directory))
            kept = entries.get(path)
            folder_over_link = (kept is not None and stat.S_ISLNK(kept.mode)
                                and os.path.isdir(full) and not os.path.islink(full))
            if not folder_over_link:
                add_path(entries, path, full)
    prefer_multiarch(entries)


def load(entries, name):
    with open(name, "rb") as stream:
        for entry in cpio.read(stream.read()):
            entries[entry.path] = entry


def save(entries, name):
    temporary = name + ".new"
    with open(temporary, "wb") as stream:
        cpio.write(entries.values(), stream)
    os.replace(temporary, name)
