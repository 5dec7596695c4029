"""A program that a host runs in place of the agent, and that lies: about whom it speaks for, and sizes.

Started as the agent is, it skips what is sent to be run. Its argument is the folder that is its home.
"""

from __future__ import annotations

import json
import sys
from typing import Any

HUGE = 1_500_000_000
ANSWERS: dict[str, dict[str, Any]] = {
    "has_program": {"there": True},
    "sums": {"sums": {"peer_1002/a file.bin": {"problem": "\x1b[2Jgone"}}},
    "results": {
        "results": {
            "log_peer_1002.log": 10,
            "trace_peer_1002.jsonl": HUGE,
            "peer_1002.stderr": 5,
            "log_peer_1001.log": 5,
        },
        "note": {"peers": {"1001": {"exit_status": 0}}},
    },
}


def say(**message: Any) -> None:
    """Say it at once."""
    print(json.dumps(message), flush=True)


def main() -> None:
    """Answer orders, and tell of another host's peer when ours is to start."""
    home = sys.argv[1]
    for line in sys.stdin:
        if not line.startswith('{"'):
            continue
        order = json.loads(line)
        do = order.get("do")
        if do is None:
            say(answer="open", home=home, python="3.12", executable=sys.executable, system="Linux")
        elif do == "start":
            say(event="started", peer=order["peer"], pid=4711)
            say(event="diagnostic", line="\x1b]0;owned\x07")
            say(event="ended", peer=1001, status=0)
        elif do != "signal":
            say(answer=do, **ANSWERS.get(do, {}))


if __name__ == "__main__":
    main()
