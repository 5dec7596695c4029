"""A peer in name only: does what its MODE says, so that the launcher can be tried without one.

`fake_peer.py ID MODE [--alive FIFO] --lifeline-fd N --status-fd N`; while it runs it holds the
FIFO open for writing, whose reader so learns when the last fake is gone.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
from types import FrameType
from typing import Any, NoReturn

COMMAND = (sys.executable, __file__)
"""To which a peer's id and a mode are added."""


def status(peer: int, state: str, pieces: int, **more: Any) -> dict[str, Any]:
    record = {"peer": peer, "state": state, "pieces": pieces, "of": 4, "up": 10, "down": pieces}
    return {**record, "messages": 7, "neighbors": {"1001": "DI"}, **more}


def flooding(lifeline: int) -> bool:
    try:
        os.read(lifeline, 1)
    except BlockingIOError:
        return True
    return False


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("peer", type=int)
    parser.add_argument("mode")
    parser.add_argument("--alive")
    parser.add_argument("--lifeline-fd", type=int)
    parser.add_argument("--status-fd", type=int)
    arguments = parser.parse_args()

    def tell(record: dict[str, Any]) -> None:
        os.write(arguments.status_fd, json.dumps(record).encode() + b"\n")

    def until_launcher_is_gone() -> NoReturn:
        os.read(arguments.lifeline_fd, 1)
        sys.exit(9)

    def end(number: int, _frame: FrameType | None) -> NoReturn:
        sys.exit(128 + number)

    obeys = arguments.mode != "deaf"
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end if obeys else signal.SIG_IGN)
    with contextlib.ExitStack() as stack:
        if arguments.alive:
            alive = stack.enter_context(open(arguments.alive, "wb", buffering=0))  # noqa: PTH123 - brief
            alive.write(b"%d\n" % arguments.peer)
        tell(status(arguments.peer, "running", 1))
        match arguments.mode:
            case "complete":
                last = {"status": 0, "reason": "all complete", "cpu": 0.5}
                moments = {"first_unchoke": 1.5, "cpu_at_first_unchoke": 0.25}
                tell(status(arguments.peer, "ended", 4, **last, **moments))
            case "talk":
                sys.stderr.write(f"peer {arguments.peer}: a warning\npeer: half a line")
            case "garble":
                os.write(arguments.status_fd, b"no status\n")
            case "hide":  # no status pipe any more, yet alive until it is told to end
                os.close(arguments.status_fd)
                until_launcher_is_gone()
            case "flood":  # more than anybody reads, until the launcher is gone
                os.set_blocking(arguments.lifeline_fd, False)
                with contextlib.suppress(BrokenPipeError):
                    while flooding(arguments.lifeline_fd):
                        tell(status(arguments.peer, "x" * 4096, 1))
            case "wait" | "deaf":
                until_launcher_is_gone()
            case failure:
                sys.stderr.write(f"peer {arguments.peer}: fails\n")
                sys.exit(int(failure))


if __name__ == "__main__":
    main()
