"""One peer of a swarm: `python peerProcess.py 1001`, as the assignment has it.

This file only sees to the first half second: it makes this checkout importable, and handles signals
before the rest is imported. The peer itself is `peerio.program.process`.
"""

import os
import sys  # both are there already: until the signals are handled, nothing else is imported

ROOT = os.path.dirname(os.path.abspath(__file__))
if os.path.join(ROOT, "io") not in sys.path:  # so that a checkout runs without being installed
    sys.path[:0] = [ROOT, os.path.join(ROOT, "io")]


def main(argv: list[str] | None = None) -> int:
    """Run one peer; return its exit status (spec 7.4). For the main thread."""
    from peerio.program.signals import Signals

    signals = Signals()
    try:
        from peerio.program import process
    except (ImportError, MemoryError, OSError) as error:
        reason = str(error) or type(error).__name__
        return _say(1, f"can't load the program: {reason}; check `pip install` and `ulimit -a`")
    return process.main(argv, signals)


def _say(status: int, text: str) -> int:
    """Tell why it ended before it began; the exit status."""
    from contextlib import suppress

    with suppress(OSError):
        os.write(2, f"peerProcess.py: {text}\n".encode(errors="backslashreplace"))
    return status


def _main() -> int:
    """The same for the command line, where nothing follows that a signal could end."""
    try:
        status = main()
        from peerio.program.signals import ignore

        ignore()
    except KeyboardInterrupt:  # in the very first moments
        return _say(130, "interrupted")
    return status


if __name__ == "__main__":
    sys.exit(_main())
