# SPDX-License-Identifier: MIT
"""What threads did when: a Gantt chart, as SVG."""

import collections
import html

from . import events

COLOURS = {"running": "#2a9d3a", "ready": "#f0c419", "queued": "#d9534f", "calling": "#e8923c",
           "receiving": "#c9d6e3", "waiting": "#8fb4d9", "stopped": "#555555", "dead": "#ffffff"}
WIDTH, ROW, LEFT, TOP, GAP = 1000, 18, 170, 30, 4  # pixels
TICKS = 8  # on the time axis
LEAST = 0.05  # pixels: what is narrower is not drawn


def key(thread):
    """A thread's number may be another's later; its word, if it is a process's, is not."""
    return thread.id, thread.word


class _States:
    """What each thread is doing, and what it did before."""

    def __init__(self):
        self.state, self.found = {}, collections.defaultdict(list)

    def now(self, thread, what, ticks):
        before, since = self.state.get(key(thread), (None, ticks))
        if before != what:
            self.close(key(thread), before, since, ticks)
            self.state[key(thread)] = what, ticks

    def close(self, number, what, since, ticks):
        if what and ticks > since:
            self.found[number].append((what, since, ticks))

    def switch(self, event):
        after = events.STATES[event.words[0]] if event.words[0] < len(events.STATES) else "dead"
        waits = self.state.get(key(event.by), ("",))[0] in ("queued", "calling", "dead")
        if event.by.id and not (after == "calling" and waits):
            self.now(event.by, after, event.ticks)
        if event.other.id:
            self.now(event.other, "running", event.ticks)


def spans(log):
    """Of each thread, by its key: (state, begin, end) in ticks, in order. A call is queued until it is served."""
    protocols, states = events.Protocols(), _States()
    last_call = {m.call.words[1] for m in events.messages(log) if protocols.name(m) in ("exit", "exit_thread")}
    for event in log.events:
        if event.type == "switch":
            states.switch(event)
        elif event.type == "wake":
            states.now(event.other, "ready", event.ticks)
        elif event.type == "call":
            states.now(event.by, "queued", event.ticks)
        elif event.type == "serve":
            states.now(event.other, "dead" if event.words[1] in last_call else "calling", event.ticks)
    for number, (what, since) in states.state.items():
        states.close(number, what, since, log.events[-1].ticks)
    return dict(states.found)


def threads(log, chosen=None):
    """Threads by their keys, in the order in which they are first seen; with `chosen` those whose name or pid that is."""
    seen = {key(thread): thread for event in log.events for thread in (event.by, event.other) if thread.id}
    return {number: thread for number, thread in seen.items()
            if chosen is None or chosen in (thread.name, str(thread.pid or ""))}


def _bar(row, span, scale):
    what, begin, end = span
    width = (end - begin) * scale
    if width < LEAST or what not in COLOURS:
        return None
    return (f'<rect x="{LEFT + begin * scale:.2f}" y="{TOP + row * (ROW + GAP)}" width="{width:.2f}" '
            f'height="{ROW}" fill="{COLOURS[what]}"><title>{what}</title></rect>')


def _axis(log, length, scale, bottom):
    out = []
    for i in range(TICKS + 1):
        ticks = length * i // TICKS
        x = LEFT + ticks * scale
        out.append(f'<line x1="{x:.1f}" y1="{TOP - 4}" x2="{x:.1f}" y2="{bottom}" stroke="#dddddd"/>')
        out.append(f'<text x="{x:.1f}" y="{TOP - 10}" text-anchor="middle">'
                   f'{ticks * 1e3 / log.timebase:.3g} ms</text>')
    return out


def _legend(y):
    out = []
    for i, (what, colour) in enumerate(list(COLOURS.items())[:-1]):
        x = LEFT + i * 110
        out.append(f'<rect x="{x}" y="{y}" width="12" height="12" fill="{colour}"/>'
                   f'<text x="{x + 16}" y="{y + 10}">{what}</text>')
    return out


def svg(log, chosen=None):
    """The chart; None: there is no such thread."""
    rows, of = threads(log, chosen), spans(log)
    if not rows:
        return None
    first, length = log.events[0].ticks, max(log.events[-1].ticks - log.events[0].ticks, 1)
    scale = WIDTH / length
    bottom = TOP + len(rows) * (ROW + GAP)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 30}" height="{bottom + 30}" '
           'font-family="sans-serif" font-size="11">', '<rect width="100%" height="100%" fill="white"/>']
    out += _axis(log, length, scale, bottom)
    for row, (number, thread) in enumerate(rows.items()):
        out.append(f'<text x="{LEFT - 6}" y="{TOP + row * (ROW + GAP) + 13}" text-anchor="end">'
                   f'{html.escape(str(thread))}</text>')
        bars = (_bar(row, (what, begin - first, end - first), scale) for what, begin, end in of.get(number, []))
        out += [bar for bar in bars if bar]
    return "\n".join(out + _legend(bottom + 10) + ["</svg>"]) + "\n"
