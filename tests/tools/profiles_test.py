# SPDX-License-Identifier: MIT
"""The short form of profiles and their comparison (tools/parleytools/profiles.py). TAP."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "tools"))
from parleytools import profiles  # noqa: E402

OLD = {"big": 600, "middle": 300, "gone": 90, "small": 4, "tiny": 3, "least": 3}


def changed(**changes):
    counts = {**OLD, **changes}
    return {name: count for name, count in counts.items() if count}


def check_short_form():
    short = profiles.compact(OLD)
    assert list(short) == ["big", "middle", "gone", profiles.REST], short
    assert short[profiles.REST] == 10 and sum(short.values()) == sum(OLD.values())
    assert profiles.compact({"one": 5}) == {"one": 5}


def check_no_difference():
    assert profiles.differences(profiles.compact(OLD), OLD) == []


def check_order():
    now = changed(big=650, middle=310, gone=0, new=80, tiny=4)
    found = profiles.differences(profiles.compact(OLD), now)
    assert found == [("new", None, 80), ("big", 600, 650), ("middle", 300, 310),
                     (profiles.REST, 10, 11), ("gone", 90, 0)], found


def check_small_grows():
    found = profiles.differences(profiles.compact(OLD), changed(small=50))
    assert found == [("small", None, 50), (profiles.REST, 10, 6)], found


def check_renamed():
    found = profiles.differences(profiles.compact(OLD), changed(gone=0, renamed=90))
    assert found == [("renamed", None, 90), ("gone", 90, 0)], found


def check_lines():
    lines = profiles.comparison(profiles.compact(OLD), changed(big=650, gone=0, new=80))
    assert lines[1].split() == ["80", "+80", "new", "(new,", "or", "small", "before)"], lines
    assert lines[2].split() == ["600", "650", "+50", "big"], lines
    assert lines[3].split() == ["90", "0", "-90", "gone", "(gone)"], lines
    assert lines[-1].split() == ["1000", "1040", "+40", "all"], lines


def check_many():
    now = {f"f{i}": 100 + (i if i < 30 else -i) for i in range(60)}
    lines = profiles.comparison({f"f{i}": 100 for i in range(60)}, now)
    names = [line.split()[-1] for line in lines[1:-1]]
    assert names[:2] == ["f29", "f28"] and names[-1] == "f59", names
    assert len(names) == profiles.GREW + profiles.SHRANK


def check_no_profile_before():
    lines = profiles.comparison({}, OLD)
    assert lines[0].split() == ["600", "big"], lines


def main():
    checks = [(name, check) for name, check in globals().items() if name.startswith("check_")]
    print(f"1..{len(checks)}")
    for number, (name, check) in enumerate(checks, 1):
        try:
            check()
            print(f"ok {number} - {name}")
        except AssertionError as error:
            print(f"not ok {number} - {name}\n# {error}")


main()
