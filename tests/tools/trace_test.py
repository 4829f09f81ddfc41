# SPDX-License-Identifier: MIT
"""tools/run --trace and tools/trace: a boot is traced, and what the file holds is looked at; and refusals. TAP.

trace_test.py COMMAND [ARG...]: tools/run with options
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

TOOLS = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "tools")
sys.path.insert(0, TOOLS)
import checks  # noqa: E402
from parleytools import callgraph, chrome, events, packages, states  # noqa: E402

COMMAND = sys.argv[1:]
SECONDS = 120
SVG = "{http://www.w3.org/2000/svg}"


SH = 1 << 46 | 5 << 23 | 5  # as parley/personality.h: a seat, process and thread 5

def run(command, *more):
    return subprocess.run([*command, *more], capture_output=True, text=True, timeout=SECONDS, check=False)


def line(*words):
    return ",".join(f"{word & events.MASK_64:x}" if word else "" for word in words)


def sample():
    """A call of sh's (5) to vfs on hart 0, answered on hart 1; and one that is never answered."""
    number = next(n for (p, n), m in events.Protocols().messages.items() if p == "vfs" and m.name == "openat")
    kind = {name: n for n, name in events.NAMES.items()}
    sh, vfs = (SH, 9, 0x6873, 0), (0, 4, 0x736676, 0)
    path = [int.from_bytes(b"/etc/pas", "little"), int.from_bytes(b"swd\0", "little")]
    call = line(1000, 50, kind["call"], *sh, *vfs, number, 0x100009, -100, 0, 0, 0, 0, 0, 12, 0, 0, 0, *path)
    serve = line(1010, 60, kind["serve"], *vfs, *sh, number, 0x100009)
    reply = line(1019, 7, kind["reply"] | 1 << 32, *vfs, *sh, -2, 0x100009)
    lost = line(1100, 90, kind["call"], *sh, *vfs, 0x3ff, 0x200009)
    return f"989680 3\n{call}\n{serve}\nodd line\n{reply}\n{lost}\n"


def check_sample(good):
    log, others = events.parse(sample())
    found = events.messages(log)
    protocols = events.Protocols()
    good["lines that are no events are told"] = others == ["odd line"]
    good["lost events are counted"] = log.lost == 3
    good["a call is paired with its answer"] = len(found) == 2 and found[0].reply.ticks == 1019
    good["one without an answer has none"] = found[1].reply is None
    told = protocols.arguments(found[0])
    good["a message is decoded"] = protocols.name(found[0]) == "openat" and \
        told["path"] == "/etc/passwd" and told["dirfd"] == -100 and told["="] == "ENOENT"
    cost = callgraph.costs(log)["sh", "vfs"]
    good["calls are counted with their cost"] = (cost.calls, cost.ticks, cost.counted) == (2, 19, 0)
    wanted = [("queued", 1000, 1010), ("calling", 1010, 1100)]
    good["a call is queued, then served"] = states.spans(log)[9, SH] == wanted


def raises(function, *arguments):
    try:
        function(*arguments)
    except packages.ToolError:
        return True
    return False


def check_refusals(good, folder):
    bad = os.path.join(folder, "bad.json")
    with open(bad, "w", encoding="utf-8") as stream:
        stream.write('{"traceEvents": []}')
    good["no events are refused"] = all(raises(events.parse, text) for text in ("", "x", "0 0\n", "1 2 3"))
    done = run([os.path.join(TOOLS, "trace"), bad, "--callgraph"])
    good["another file is refused"] = done.returncode == 1 and "not written by tools/run --trace" in done.stderr
    done = run(COMMAND, "--trace", os.path.join(folder, "x"))
    good["--trace without -c is refused"] = done.returncode == 2 and "needs -c" in done.stderr


def nested(document):
    """Slices of a track are within each other or apart."""
    tracks = {}
    for event in document["traceEvents"]:
        if event["ph"] == "X":
            tracks.setdefault((event["pid"], event["tid"]), []).append((event["ts"], -event["dur"]))
    for slices in tracks.values():
        open_until = []
        for begin, minus in sorted(slices):
            while open_until and open_until[-1] <= begin + 1e-6:
                open_until.pop()
            if open_until and begin - minus > open_until[-1] + 1e-3:
                return False
            open_until.append(begin - minus)
    return True


def flows(document):
    """Each arrow begins once, before it ends once."""
    begun, ended = {}, {}
    for event in document["traceEvents"]:
        if event["ph"] in "sf":
            side = begun if event["ph"] == "s" else ended
            if event["id"] in side:
                return False
            side[event["id"]] = event["ts"]
    return begun and begun.keys() == ended.keys() and all(ended[i] >= begun[i] for i in begun)


def check_boot(good, folder):
    path = os.path.join(folder, "t.json")
    done = run(COMMAND, "--trace", path, "-c", "cat /etc/hostname; ipcmk -Q | cat; exit 7")
    good["the command's status and output are its own"] = \
        done.returncode == 7 and done.stdout == "parley\nMessage queue id: 0\n" or print("# " + repr(done))
    with open(path, encoding="utf-8") as stream:
        document = json.load(stream)
    names = {event["name"] for event in document["traceEvents"]}
    good["messages have their names"] = {"vfs: openat", "msg: get", "proc: fork", "openat for cat"} <= \
        {re.sub(r"\(\d+\)$", "", name) for name in names}
    good["system calls have theirs"] = {"openat", "msgget", "clone"} <= names
    good["harts and threads have tracks"] = {"hart 0", "vfs"} <= \
        {event["args"]["name"] for event in document["traceEvents"] if event["ph"] == "M"}
    good["slices are nested"] = nested(document)
    good["arrows lead from calls to answers"] = bool(flows(document))
    opened = [event["args"] for event in document["traceEvents"] if event["name"] == "vfs: openat"]
    good["what was opened is told"] = any(args.get("path") == "/etc/hostname" for args in opened)
    graph = run([os.path.join(TOOLS, "trace"), path, "--callgraph"]).stdout
    good["the graph shows who called whom"] = '"cat" -> "vfs"' in graph and '"ipcmk" -> "msg"' in graph
    chart = run([os.path.join(TOOLS, "trace"), path, "--states", "cat"]).stdout
    bars = xml.etree.ElementTree.fromstring(chart).iter(f"{SVG}title")
    good["the chart shows what threads did"] = {"running", "calling"} <= {bar.text for bar in bars}
    done = run([os.path.join(TOOLS, "trace"), path, "--states", "nobody"])
    good["no such thread"] = done.returncode == 1 and "no thread nobody" in done.stderr


def main():
    good = {}
    with tempfile.TemporaryDirectory() as folder:
        check_sample(good)
        check_refusals(good, folder)
        check_boot(good, folder)
    return 0 if checks.report(good) else 1


if __name__ == "__main__":
    sys.exit(main())
