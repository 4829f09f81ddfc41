# SPDX-License-Identifier: MIT
"""A row's instructions by function: the short form that the baseline keeps, and what changed since.

The short form maps names to counts; functions of less than SMALL of the whole are one entry, REST.
"""

SMALL = 0.005
REST = "(all smaller ones)"
GREW, SHRANK = 10, 5  # how many functions a comparison shows


def limit(counts):
    """Below this many instructions a function of the profile is not kept by name."""
    return sum(counts.values()) * SMALL


def compact(counts):
    """The short form of {function: instructions}, greatest first."""
    least = limit(counts)
    kept = {name: count for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
            if count >= least}
    rest = sum(counts.values()) - sum(kept.values())
    return {**kept, REST: rest} if rest else kept


def differences(before, now):
    """(function, before, now) of all that changed, largest growth first.

    before is a short form, now counts by function. A function that the short form does not name
    was small or not there: if it is small now too, it goes with the others; if not, its `before` is
    None.
    """
    least = limit(before)
    changes, rest = [], 0
    for name, count in now.items():
        if name in before:
            changes.append((name, before[name], count))
        elif count >= least:
            changes.append((name, None, count))
        else:
            rest += count
    changes += [(name, count, 0) for name, count in before.items() if name not in now and name != REST]
    changes.append((REST, before.get(REST, 0), rest))
    changes = [change for change in changes if change[1] != change[2]]
    return sorted(changes, key=lambda change: ((change[1] or 0) - change[2], change[0]))


def comparison(before, now):
    """The lines that say which functions grew, and which shrank, with the sums.

    Without a profile from before: just the greatest functions.
    """
    if not before:
        return [f"{count:>8} {name}" for name, count in list(compact(now).items())[:GREW]]
    changes = differences(before, now)
    grew = [change for change in changes if (change[1] or 0) < change[2]]
    shrank = [change for change in changes if (change[1] or 0) > change[2]]
    lines = [f"{'before':>8} {'now':>8} {'':>8} function"]
    for name, old, new in grew[:GREW] + shrank[-SHRANK:]:
        note = " (new, or small before)" if old is None else " (gone)" if not new and old else ""
        shown = "" if old is None else old
        lines.append(f"{shown:>8} {new:>8} {new - (old or 0):>+8} {name}{note}")
    old, new = sum(before.values()), sum(now.values())
    lines.append(f"{old:>8} {new:>8} {new - old:>+8} all")
    return lines
