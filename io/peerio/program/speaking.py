"""What a peer that was started by hand says of itself: how far it is, how fast, and whom it waits for.

On a terminal that is one line, which renews itself; elsewhere a line every 10 s. It goes to stderr by
way of the diagnostics, so it never delays the peer (spec 7.4, 7.5).
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from peerio.program.diagnostics import STDERR, Diagnostics

if TYPE_CHECKING:
    from core.state import State
    from peerio.networking import Networking
    from peerio.runtime import Runtime

RENEWED = 0.5
"""Seconds between two states of the line on a terminal."""
EVERY = 10.0
"""Seconds between two lines elsewhere."""
RATE_WINDOW = 5.0
"""Seconds over which rates are averaged."""
NAMED = 2
"""Peers that are named in one line; of more it tells the number."""
_WIDTH = 80
"""Columns of a terminal that doesn't tell."""
_UNITS = (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10))


class _Sample(NamedTuple):
    """What had been transferred at a time: content bytes up and down."""

    time: float
    up: int
    down: int


class Speaker:
    """Says how a peer stands. All its methods but `end` are called on the network thread.

    `width` is the terminal's number of columns; None where stderr is no terminal.
    """

    def __init__(
        self,
        runtime: Runtime,
        network: Networking,
        say: Diagnostics,
        width: Callable[[], int] | None,
    ) -> None:
        self._runtime = runtime
        self._network = network
        self._say = say
        self._width = width
        self._began = 0.0
        self._spoke = False
        self._samples: deque[_Sample] = deque()
        self._missing_since: dict[int, float] = {}

    def start(self) -> None:
        """Begin: on a terminal at once, elsewhere after 10 s."""
        self._began = self._network.clock.now
        self._sample()
        if self._width is None:
            self._call_later()
        else:
            self._speak()

    def _call_later(self) -> None:
        pause = EVERY if self._width is None else RENEWED
        self._network.call_at("speak", self._network.clock.now + pause, self._speak)

    def _speak(self) -> None:
        self._sample()
        words = self._words()
        if self._width is None:
            self._say.line(", ".join(words))
        else:
            self._say.renew(words, self._width())
        self._spoke = True
        self._call_later()

    def end(self, *, complete: bool) -> None:
        """The last word, if there was a first: how long it took until everybody had the file."""
        if not self._spoke or not complete:
            return
        core = self._runtime.core.state
        config = core.config
        seconds = self._network.clock.now - self._began
        what = f"all {len(config.peers)} peers have the file after {format_seconds(seconds)}"
        if not config.peer(core.peer_id).has_file:
            what += f"; it is in peer_{core.peer_id}/{config.file_name}"
        self._say.line(what)

    def _sample(self) -> None:
        now, runtime = self._network.clock.now, self._runtime
        self._samples.append(_Sample(now, runtime.up, runtime.down))
        while len(self._samples) > 2 and self._samples[1].time < now - RATE_WINDOW:
            self._samples.popleft()
        for peer in runtime.core.state.config.peers:
            if peer.peer_id in runtime.core.state.neighbors:
                self._missing_since.pop(peer.peer_id, None)
            else:
                self._missing_since.setdefault(peer.peer_id, now)

    def _rates(self) -> tuple[float, float]:
        first, last = self._samples[0], self._samples[-1]
        elapsed = max(last.time - first.time, 1e-3)
        return (last.up - first.up) / elapsed, (last.down - first.down) / elapsed

    def _words(self) -> list[str]:
        """How the peer stands, the most important first."""
        state = self._runtime.core.state
        up, down = self._rates()
        waiting = self._waiting(state)
        neighbors = len(state.neighbors)
        traffic = [f"{format_bytes(up)}/s up"]
        if state.own.complete:
            own = ["has the file" if state.config.peer(state.peer_id).has_file else "complete"]
            return [*own, *waiting, *traffic, _count(neighbors, "neighbor")]
        pieces = f"{state.own.count} of {len(state.own)} pieces"
        if not neighbors:
            return [*waiting, pieces]
        left = self._left(state, down)
        traffic.insert(0, f"{format_bytes(down)}/s down")
        return [pieces, *left, *traffic, _count(neighbors, "neighbor"), *waiting]

    def _left(self, state: State, down: float) -> list[str]:
        if down <= 0:
            return []
        share = 1 - state.own.count / len(state.own)
        return [f"about {format_seconds(state.config.file_size * share / down)} left"]

    def _waiting(self, state: State) -> list[str]:
        """For whom it waits: those that aren't connected, and once it is complete those that aren't."""
        told, pieces = self._runtime.core.waiting.told, len(state.own)
        words = []
        missing = []
        for peer in state.config.peers:
            if peer.peer_id == state.peer_id or (
                state.own.complete and told(peer.peer_id) == pieces
            ):
                continue
            if peer.peer_id not in state.neighbors:
                missing.append(peer.peer_id)
                words.append(f"{peer.peer_id} at {peer.host}:{peer.port}")
            elif state.own.complete:
                words.append(f"{peer.peer_id} with {told(peer.peer_id)} of {pieces} pieces")
        if not words:
            return []
        now = self._network.clock.now
        long = max((now - self._missing_since[one] for one in missing), default=0.0)
        words[0] = f"waiting{f' {format_seconds(long)}' if long >= 1 else ''} for {words[0]}"
        rest = [f"{len(words) - NAMED} more"] if len(words) > NAMED else []
        return [*words[:NAMED], *rest]


def terminal_width() -> Callable[[], int] | None:
    """How wide the terminal is that stderr goes to, whenever it is asked; None if there is none.

    A terminal that can't go back to the beginning of a line (TERM is `dumb`) counts as none.
    """
    try:
        if not os.isatty(STDERR) or os.environ.get("TERM") == "dumb":
            return None
    except OSError:
        return None

    def width() -> int:
        try:
            return os.get_terminal_size(STDERR).columns or _WIDTH
        except OSError:
            return _WIDTH

    return width


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def format_bytes(count: float) -> str:
    """Bytes in the largest unit that leaves a number of at least 1: `9.5 MiB`."""
    for unit, size in _UNITS:
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count:.0f} B"


def format_seconds(seconds: float) -> str:
    """A time as one says it: `40 s`, `5 min`, `2.5 h`."""
    if seconds < 100:
        return f"{max(1.0, seconds):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
