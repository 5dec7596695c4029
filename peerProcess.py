"""One peer of a swarm: `python peerProcess.py 1001`, as the assignment has it.

This file only sees to the first half second: it makes this checkout importable, and handles signals
before the rest is imported. The peer itself is `peerio.program.process`. Old Pythons can read this file, and are
told that they are too old; therefore types are in comments here.
"""

import os
import sys  # both are there already: until the signals are handled, nothing else is imported

if sys.version_info < (3, 11):
    sys.stderr.write(
        "peerProcess.py: needs Python 3.11 or newer, and this is Python %s: start it with a newer one\n"
        % sys.version.split()[0]
    )
    sys.exit(1)

ROOT = os.path.dirname(os.path.abspath(__file__))
if os.path.join(ROOT, "io") not in sys.path:  # so that a checkout runs without being installed
    sys.path[:0] = [ROOT, os.path.join(ROOT, "io")]


def main(argv=None, program="python peerProcess.py"):
    # type: (list[str] | None, str) -> int
    """Run one peer; return its exit status (spec 7.4). For the main thread."""
    from peerio.program.signals import Signals

    signals = Signals()
    import gc

    gc.disable()  # nothing that imports make is garbage
    try:
        from peerio.program.late import load_late

        load_late("inspect", "traceback", "peerio.dialects", "peerio.trace")
        from peerio.program import process
    except ModuleNotFoundError as error:
        return _say(
            1,
            "{} isn't installed for {}: run `pip install .` in {}, or use swarmproof.pyz, "
            "which has all that it needs".format(error.name, sys.executable, ROOT),
        )
    except (ImportError, MemoryError, OSError) as error:
        reason = str(error) or type(error).__name__
        return _say(
            1, "can't load the program: {}; check `pip install` and `ulimit -a`".format(reason)
        )
    finally:
        gc.enable()
    return process.main(argv, signals, program)


def _say(status, text):
    # type: (int, str) -> int
    """Tell why it ended before it began; the exit status."""
    from contextlib import suppress

    with suppress(OSError):
        os.write(2, "peerProcess.py: {}\n".format(text).encode(errors="backslashreplace"))
    return status


def run(argv=None, program="python peerProcess.py"):
    # type: (list[str] | None, str) -> int
    """The same for a command line, where nothing follows that a signal could end."""
    try:
        status = main(argv, program)
        from peerio.program.signals import ignore

        ignore()
    except KeyboardInterrupt:  # in the very first moments
        return _say(130, "interrupted")
    return status


if __name__ == "__main__":
    sys.exit(run())
