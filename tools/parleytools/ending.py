# SPDX-License-Identifier: MIT
"""Tools that are ended by a signal end as by an exception: they give back what they made."""

import signal
import sys

SIGNALS = (signal.SIGTERM, signal.SIGHUP)


def _end(number, _frame):
    for other in SIGNALS:  # what is being given back is given back once
        signal.signal(other, signal.SIG_IGN)
    sys.exit(128 + number)


def by_exception():
    """From now on; what the caller wants ignored, as nohup(1) does, stays so."""
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _end)
