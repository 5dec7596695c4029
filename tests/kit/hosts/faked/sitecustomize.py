"""Loaded by every interpreter of a host whose clock is faked: what libfaketime breaks, mended.

`time.sleep` waits until a time on the monotonic clock, which libfaketime 0.9.10 takes for a mistake
where that clock isn't faked; it leaves select alone.
"""

import select
import time
from typing import SupportsIndex


def _sleep(seconds: float | SupportsIndex, /) -> None:
    select.select([], [], [], float(seconds))


time.sleep = _sleep
