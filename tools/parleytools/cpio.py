# SPDX-License-Identifier: MIT
"""cpio "newc" archives (cpio(5)) whose file data starts on page boundaries.

A kernel or server can use a file's pages where they lie in the initrd if its data starts at a
multiple of 4096. The format has no alignment field, but the file name's length counts its
terminating NUL, and readers take the name up to the first NUL: so the name field is extended
with NULs until the data that follows it is aligned.

Archives are deterministic: entries in a fixed order (boot/ first, boot/init before all, then by
path), inode numbers by position, owner 0:0, and the time of SOURCE_DATE_EPOCH or 0.
"""

import os
import stat

PAGE = 4096
MAGIC = b"070701"


class Entry:
    """One file, directory, link or device of an archive."""

    def __init__(self, path, mode, data=b"", rdev=(0, 0)):
        self.path = path.strip("/")
        self.mode = mode
        self.data = data
        self.rdev = rdev

    def order(self):
        if self.path == "boot/init":
            return (0, self.path)
        inside_boot = self.path == "boot" or self.path.startswith("boot/")
        return (1 if inside_boot and not stat.S_ISDIR(self.mode) else 2, self.path)


def header(inode, entry, mtime, namesize):
    nlink = 2 if stat.S_ISDIR(entry.mode) else 1
    fields = [inode, entry.mode, 0, 0, nlink, mtime, len(entry.data), 0, 0,
              entry.rdev[0], entry.rdev[1], namesize, 0]
    return MAGIC + b"".join(b"%08X" % field for field in fields)


def write(entries, stream, align_data=True):
    """Write the archive; directories that no entry names are added."""
    mtime = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    by_path = {entry.path: entry for entry in entries}
    for path in list(by_path):
        parent = os.path.dirname(path)
        while parent and parent not in by_path:
            by_path[parent] = Entry(parent, stat.S_IFDIR | 0o755)
            parent = os.path.dirname(parent)
    position = 0
    ordered = sorted(by_path.values(), key=Entry.order)
    for inode, entry in enumerate(ordered + [Entry("TRAILER!!!", 0)], start=1):
        name = entry.path.encode() + b"\0"
        data_at = position + 110 + len(name)
        align = PAGE if align_data and stat.S_ISREG(entry.mode) and entry.data else 4
        name += b"\0" * (-data_at % align)
        record = header(inode, entry, mtime, len(name)) + name + entry.data
        record += b"\0" * (-len(record) % 4 if align == 4 else -(position + len(record)) % 4)
        stream.write(record)
        position += len(record)
    stream.write(b"\0" * (-position % PAGE))


def read(data):
    """The entries of an archive."""
    entries = []
    position = 0
    while data[position:position + 6] == MAGIC:
        field = [int(data[position + 6 + 8 * i:position + 14 + 8 * i], 16) for i in range(13)]
        name_at = position + 110
        path = data[name_at:data.index(b"\0", name_at)].decode()
        data_at = (name_at + field[11] + 3) & ~3
        if path == "TRAILER!!!":
            break
        entries.append(Entry(path, field[1], data[data_at:data_at + field[6]],
                             (field[9], field[10])))
        position = (data_at + field[6] + 3) & ~3
    return entries
