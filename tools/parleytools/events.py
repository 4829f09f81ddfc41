# SPDX-License-Identifier: MIT
"""The kernel's events (include/parley/trace.h) on the host: read from what the guest's trace prints, and messages made of them."""

import dataclasses
import errno
import importlib.machinery
import importlib.util
import os
import re
import struct

from .packages import ToolError

ROOT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..")
MARKER = b"\x1eparley-trace\x1e\n"  # before the events, on the console (user/bin/trace/print.c)
EVENT_WORDS = 32
NUMBER_BITS = 23  # PERSONALITY_NUMBER_BITS: a thread's word is its seat, its process's number, its own
LINE = re.compile(r"[0-9a-f,]*\d[0-9a-f,]*|[a-f,]+")
LABEL_KERNEL = 1 << 63
LABEL_MASK = 0xffff
EXCEPTIONS = {3: "fault", 4: "attention", 5: "foreign call", 6: "no memory"}
MASK_64 = (1 << 64) - 1


def _enumeration(header, name, prefix):
    """The names of a C enumeration's members, without their prefix, in order."""
    with open(os.path.join(ROOT, "include/parley", header), encoding="utf-8") as stream:
        listed = re.search(rf"enum {name} {{(.*?)}}", stream.read(), re.DOTALL)[1]
    return [member.lower() for member in re.findall(rf"{prefix}(\w+)", listed)]


NAMES = dict(enumerate(_enumeration("trace.h", "pk_trace_type", "PK_TRACE_"), 1))
STATES = _enumeration("types.h", "pk_thread_state", "PK_THREAD_")
RECEIVING = STATES.index("receiving")


def signed(word):
    return word - (1 << 64) if word >> 63 else word


@dataclasses.dataclass(frozen=True)
class Thread:
    """Who did something. word: as in struct pk_trace_thread."""
    id: int
    word: int
    name: str

    @property
    def pid(self):
        return self.word >> NUMBER_BITS & (1 << NUMBER_BITS) - 1

    @property
    def tid(self):
        return self.word & (1 << NUMBER_BITS) - 1

    def __str__(self):
        if not self.id:
            return "nobody"
        if not self.pid:
            return self.name
        return f"{self.name}({self.pid})" if self.pid == self.tid else f"{self.name}({self.pid}/{self.tid})"


def _thread(words):
    name = struct.pack("<2Q", words[2], words[3]).split(b"\0")[0].decode("utf-8", "replace")
    return Thread(words[1] & 0xffffffff, words[0], name)


@dataclasses.dataclass
class Event:
    ticks: int
    instructions: int
    type: str
    hart: int
    by: Thread
    other: Thread
    words: list
    data: bytes


@dataclasses.dataclass
class Message:
    """A call, with what was seen of its way: who served it from when on, and the answer."""
    call: Event
    serve: Event = None
    reply: Event = None
    left: int = None  # ticks: when its server turned to something else
    gone: int = None  # ticks: when the caller did something else, though nobody answered: after exec

    @property
    def server(self):
        for event, thread in ((self.serve, "by"), (self.reply, "by"), (self.call, "other")):
            if event and getattr(event, thread).id:
                return getattr(event, thread)
        return Thread(0, 0, "?")


class Log:
    """All events, in the order of their times."""

    def __init__(self, timebase, lost, lines):
        self.timebase = timebase
        self.lost = lost
        self.lines = lines
        self.events = [_event(line) for line in lines]

    def us(self, ticks):
        """Microseconds since the first event."""
        first = self.events[0].ticks if self.events else 0
        return (ticks - first) * 1e6 / self.timebase


def _event(line):
    words = [int(field, 16) if field else 0 for field in line.split(",")]
    if len(words) > EVENT_WORDS:
        raise ToolError(f"no event: {line[:80]}")
    words += [0] * (EVENT_WORDS - len(words))
    kind, hart = words[2] & 0xffffffff, words[2] >> 32
    return Event(words[0], words[1], NAMES.get(kind, f"event {kind}"), hart, _thread(words[3:7]),
                 _thread(words[7:11]), words[11:23], struct.pack("<9Q", *words[23:32]))


def parse(text):
    """The log in what the guest's trace -x printed, and the other lines there."""
    lines = [line.rstrip("\r") for line in text.split("\n")]
    head = lines[0].split() if lines else []
    if len(head) != 2 or not all(re.fullmatch("[0-9a-f]+", field) for field in head):
        raise ToolError("no events came")
    events = [line for line in lines[1:] if line and LINE.fullmatch(line)]
    others = [line for line in lines[1:] if line and not LINE.fullmatch(line)]
    timebase, lost = (int(field, 16) for field in head)
    if not timebase:
        raise ToolError("no events came")
    return Log(timebase, lost, events), others


class _Follower:
    """Puts events together to messages."""

    def __init__(self):
        self.found, self.by_token, self.serving, self.last = [], {}, {}, {}

    def leave(self, thread, ticks):
        """A server's thread turns away from what it serves."""
        message = self.serving.pop(thread, None)
        if message and not message.reply and message.left is None:
            message.left = ticks

    def call(self, event):
        message = Message(event)
        self.found.append(message)
        self.by_token[event.words[1]] = self.last[event.by.word] = message

    def serve(self, event):
        self.leave(event.by.id, event.ticks)
        message = self.by_token.get(event.words[1])
        if message:
            message.serve = event
            self.serving[event.by.id] = message

    def reply(self, event):
        message = self.by_token.get(event.words[1])
        if message:
            message.reply = event

    def switch(self, event):
        if event.words[0] == RECEIVING:
            self.leave(event.by.id, event.ticks)

    def foreign(self, event):
        message = self.last.pop(event.by.word, None)
        if message and not message.reply:
            message.gone = event.ticks


def messages(log):
    """All messages, in the order of their calls."""
    follower = _Follower()
    for event in log.events:
        if event.type in FOLLOWED:
            getattr(follower, event.type)(event)
    return follower.found


FOLLOWED = ("call", "serve", "reply", "switch", "foreign")


class Protocols:
    """What messages are called and hold, from protocols/*.toml."""

    def __init__(self):
        path = os.path.join(ROOT, "tools/protogen")
        loader = importlib.machinery.SourceFileLoader("protogen", path)
        module = importlib.util.module_from_spec(importlib.util.spec_from_loader("protogen", loader))
        loader.exec_module(module)
        folder = os.path.join(ROOT, "protocols")
        self.messages = {}
        for name in sorted(os.listdir(folder)):
            path = os.path.join(folder, name)
            with open(path, encoding="utf-8") as stream:
                if "[protocol]" not in stream.read():
                    continue
            protocol = module.Protocol(path)
            for message in protocol.messages:
                self.messages[protocol.name, message.number] = message

    def find(self, message):
        """The declaration, or None."""
        number = message.call.words[0] & LABEL_MASK
        if message.call.words[0] & LABEL_KERNEL:
            return None
        return self.messages.get((message.server.name, number)) or self.messages.get(("session", number))

    def name(self, message):
        label = message.call.words[0]
        if label & LABEL_KERNEL:
            return f"({EXCEPTIONS.get(label & LABEL_MASK, 'exception')})"
        declared = self.find(message)
        return declared.name if declared else f"message {label & LABEL_MASK:#x}"

    def arguments(self, message):
        """Names and values: words, the beginnings of buffers, the result."""
        declared, call, reply = self.find(message), message.call, message.reply
        told = {}
        if declared:
            if declared.input and declared.input.type == "void" and call.data[0]:
                told[declared.input.name] = text(call.data, call.words[8])
            for word, value in zip(declared.args, call.words[2:], strict=False):
                told[word["name"]] = value_of(value)
        if reply:
            told["="] = result(reply.words[0])
        if reply and declared and signed(reply.words[0]) >= 0:
            for word, value in zip(declared.results, reply.words[2:], strict=False):
                told["= " + word["name"]] = value_of(value)
        return told


def value_of(word):
    number = signed(word)
    return number if -4096 < number < 65536 else f"{word:#x}"


def result(word):
    number = signed(word)
    return errno.errorcode.get(-number, number) if -4096 < number < 0 else value_of(word)


def text(data, length):
    return data[:min(length, len(data))].split(b"\0")[0].decode("utf-8", "backslashreplace")


def system_calls():
    """Names by number, from the page that lists them."""
    with open(os.path.join(ROOT, "docs/linux-calls.md"), encoding="utf-8") as stream:
        return {int(number): name for number, name in
                re.findall(r"^\| (\d+) \| (\w+) \|", stream.read(), re.MULTILINE)}
