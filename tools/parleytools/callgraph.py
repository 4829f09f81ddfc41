# SPDX-License-Identifier: MIT
"""Who called whom, how often, at what cost: a graph for graphviz's dot."""

import collections
import dataclasses

from . import events

MOST = 4  # messages named at an arrow
WIDEST = 6  # of an arrow: points, for the one that took longest


@dataclasses.dataclass
class Cost:
    calls: int = 0
    ticks: int = 0
    instructions: int = 0
    counted: int = 0  # calls whose instructions are known: answered on the hart of the call
    names: collections.Counter = dataclasses.field(default_factory=collections.Counter)

    def add(self, message, name):
        call, reply = message.call, message.reply
        self.calls += 1
        self.names[name] += 1
        if reply:
            self.ticks += reply.ticks - call.ticks
        if reply and reply.hart == call.hart:
            self.counted += 1
            self.instructions += reply.instructions - call.instructions


def costs(log):
    """By caller and server: names of programs and servers."""
    protocols = events.Protocols()
    found = collections.defaultdict(Cost)
    for message in events.messages(log):
        found[message.call.by.name, message.server.name].add(message, protocols.name(message))
    return dict(found)


def _quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _label(cost, timebase):
    lines = [f"{cost.calls} {'call' if cost.calls == 1 else 'calls'}, {cost.ticks * 1e6 / timebase:.1f} µs"]
    if cost.counted:
        lines.append(f"{cost.instructions // cost.counted} instructions each")
    lines += [f"{count} {name}" for name, count in cost.names.most_common(MOST)]
    if len(cost.names) > MOST:
        lines.append("…")
    return _quoted("\n".join(lines)).replace("\n", "\\n")


def dot(log):
    found = costs(log)
    longest = max((cost.ticks for cost in found.values()), default=0) or 1
    servers = {server for _, server in found}
    lines = ["digraph calls {", "    rankdir=LR;", '    node [fontname="sans-serif", fontsize=12];',
             '    edge [fontname="sans-serif", fontsize=9];']
    for name in sorted({name for pair in found for name in pair}):
        lines.append(f"    {_quoted(name)} [shape={'box' if name in servers else 'ellipse'}];")
    for (caller, server), cost in sorted(found.items()):
        width = 1 + (WIDEST - 1) * cost.ticks / longest
        lines.append(f"    {_quoted(caller)} -> {_quoted(server)} "
                     f"[penwidth={width:.1f}, label={_label(cost, log.timebase)}];")
    return "\n".join(lines + ["}"]) + "\n"
