# SPDX-License-Identifier: MIT
"""Events as a file in Chrome's Trace Event Format, which Perfetto (ui.perfetto.dev) and chrome://tracing open.

A track for each hart, with who runs there; and one for each thread, with its system calls, its messages, and, if it is a server's,
what it serves. An arrow leads from a call to where it is served, and from the answer back. The events themselves are in the
file, too: tools/trace draws from them.
"""

import json

from . import events
from .packages import ToolError

HARTS = 0  # the process that stands for the machine
SERVERS = 1 << 22  # and on: what stands for servers, whose processes have no number
KEPT = "parley"  # what Perfetto does not look at
CAUSES = {1: "interrupt from another hart", 5: "timer interrupt", 9: "device interrupt"}


class Writer:
    def __init__(self, log):
        self.log = log
        self.protocols = events.Protocols()
        self.calls = events.system_calls()
        self.out = []
        self.named = {}
        self.last = log.events[-1].ticks if log.events else 0

    def track(self, thread):
        """Process and thread in the file, which get their names when they are first seen, and when those change."""
        pid = thread.pid or SERVERS + thread.id
        tid = thread.tid if thread.pid else thread.id
        if self.named.get((pid, tid)) != thread.name:
            self.named[pid, tid] = thread.name
            self.meta("process_name", pid, 0, thread.name)
            self.meta("thread_name", pid, tid, str(thread))
        return {"pid": pid, "tid": tid}

    def meta(self, what, pid, tid, name):
        self.out.append({"ph": "M", "name": what, "pid": pid, "tid": tid, "args": {"name": name}})

    def slice(self, name, track, begin, end, args=None, **more):
        self.out.append({"ph": "X", "name": name, "ts": self.log.us(begin),
                         "dur": (end - begin) * 1e6 / self.log.timebase, "args": args or {}, **track, **more})

    def instant(self, name, track, event, args=None):
        self.out.append({"ph": "i", "s": "t", "name": name, "ts": self.log.us(event.ticks),
                         "args": args or {}, **track})

    def flow(self, phase, number, track, ticks):
        end = {"bp": "e"} if phase != "s" else {}
        self.out.append({"ph": phase, "cat": "message", "name": "message", "id": number,
                         "ts": self.log.us(ticks), **track, **end})

    def message(self, number, message):
        call, serve, reply = message.call, message.serve, message.reply
        caller, server = self.track(call.by), message.server
        name, args = self.protocols.name(message), self.protocols.arguments(message)
        if reply and reply.hart == call.hart:
            args["instructions"] = reply.instructions - call.instructions
        end = reply.ticks if reply else message.gone or self.last
        self.slice(f"{server.name}: {name}", caller, call.ticks, end, args, cat="call")
        if not serve:
            return
        done = min(t for t in (message.left, end) if t is not None)
        track = self.track(serve.by)
        self.slice(f"{name} for {call.by}", track, serve.ticks, done, args, cat="serve")
        self.flow("s", number, caller, call.ticks)
        self.flow("f" if not reply else "t", number, track, serve.ticks)
        if reply:
            self.flow("f", number, caller, end)

    def messages(self):
        for number, message in enumerate(events.messages(self.log), 1):
            self.message(number, message)

    def running(self):
        """Who runs on each hart, from switch to switch."""
        now = {}
        for event in [e for e in self.log.events if e.type == "switch"]:
            thread, since = now.get(event.hart, (event.by, self.log.events[0].ticks))
            self.run(event.hart, thread, since, event.ticks)
            now[event.hart] = event.other, event.ticks
        for hart, (thread, since) in now.items():
            self.run(hart, thread, since, self.last)

    def run(self, hart, thread, since, until):
        if thread.id:
            self.slice(str(thread), {"pid": HARTS, "tid": hart}, since, until, {"thread": thread.id}, cat="run")

    def foreign(self):
        """System calls, from the program to its personality and back."""
        begun = {}
        for event in self.log.events:
            if event.type == "foreign":
                begun[event.by.id] = event
            elif event.type == "return" and event.by.id in begun:
                call = begun.pop(event.by.id)
                if call.words[0] != event.words[0]:
                    continue  # that one never returned, and this thread has its number by chance
                args = {f"a{i}": events.value_of(word) for i, word in enumerate(call.words[2:8])}
                args["="] = events.result(event.words[2])
                self.slice(self.calls.get(call.words[0], f"call {call.words[0]}"), self.track(call.by),
                           call.ticks, event.ticks, args, cat="syscall")

    def others(self):
        for event in self.log.events:
            hart = {"pid": HARTS, "tid": event.hart}
            track = self.track(event.by) if event.by.id else hart
            first = event.words[0]
            if event.type == "wake":
                self.instant(f"wakes {event.other}", track, event)
            elif event.type == "notify":
                self.instant(f"notifies {event.other}", track, event, {"bits": f"{first:#x}"})
            elif event.type == "migrate":
                self.instant(f"comes from hart {first}", track, event)
            elif event.type == "fault":
                self.instant("page fault", track, event,
                             {"cause": first, "address": f"{event.words[1]:#x}", "pc": f"{event.words[2]:#x}"})
            elif event.type == "interrupt":
                self.instant(CAUSES.get(first, "interrupt"), hart, event)
            elif event.type == "lock":
                begin = max(event.ticks - first, self.log.events[0].ticks)
                self.slice("waits for the kernel lock", hart, begin, event.ticks, cat="lock")
            elif event.type == "named":
                self.instant(events.text(event.data, 16), track, event,
                             {f"word {i}": events.value_of(word) for i, word in enumerate(event.words[:3])})

    def document(self):
        self.meta("process_name", HARTS, 0, "harts")
        for hart in sorted({event.hart for event in self.log.events}):
            self.meta("thread_name", HARTS, hart, f"hart {hart}")
        self.running()
        self.foreign()
        self.messages()
        self.others()
        kept = {"timebase": self.log.timebase, "lost": self.log.lost, "events": self.log.lines}
        return {"displayTimeUnit": "ns", "traceEvents": self.out, KEPT: kept}


def save(log, path):
    with open(path, "w", encoding="utf-8") as stream:
        json.dump(Writer(log).document(), stream, ensure_ascii=False, separators=(",", ":"))


def load(path):
    """The log in a file that save() wrote."""
    try:
        with open(path, encoding="utf-8") as stream:
            kept = json.load(stream)[KEPT]
        return events.Log(kept["timebase"], kept["lost"], kept["events"])
    except (ValueError, KeyError, TypeError) as error:
        raise ToolError(f"{path}: not written by tools/run --trace") from error
