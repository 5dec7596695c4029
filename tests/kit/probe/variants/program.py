"""One variant as a program: python -m tests.kit.probe.variants.program NAME ID --workdir DIR."""

from __future__ import annotations

import sys

from tests.kit.probe.variants import (  # noqa: F401 -- for what importing them registers
    choosing,
    connections,
    ending,
    frames,
    logs,
    requests,
    serving,
    start,
    usual,
)
from tests.kit.probe.variants.kit import VARIANTS
from tests.reference import peer

RIGHT = "right"
"""The name of the peer without a mistake."""

if __name__ == "__main__":
    chosen = sys.argv.pop(1)
    if chosen != RIGHT:
        VARIANTS[chosen].apply()
    sys.exit(peer.main())
