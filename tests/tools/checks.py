# SPDX-License-Identifier: MIT
"""What the tools' tests share: checks as TAP."""


def report(checks):
    """Prints what was checked, a dictionary of whether each is so. Whether all are."""
    print(f"1..{len(checks)}")
    for number, (what, good) in enumerate(checks.items(), 1):
        print(f"{'ok' if good else 'not ok'} {number} - {what}")
    return all(checks.values())
