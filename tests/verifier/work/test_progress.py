"""What people are told of handed-out work while it goes on."""

from __future__ import annotations

import io

import pytest

from verifier.work.handing import Progress
from verifier.work.progress import ProgressLine, duration


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "0 s"), (119.0, "119 s"), (120.0, "2 min"), (7000, "117 min"), (12_240, "3.4 h")],
)
def test_durations(seconds: float, said: str) -> None:
    """A time is told in the unit that people would use."""
    assert duration(seconds) == said


def test_a_terminal_has_one_line() -> None:
    """On a terminal one line is rewritten, with what is done, at work and left."""
    stream = Terminal()
    line = ProgressLine(stream, "graded")
    line.tell(Progress(0, ["ann"], 3, None))
    line.tell(Progress(1, ["bob", "cy", "dan"], 3, 4.0))
    line.clear()
    assert stream.getvalue() == (
        "\r0 of 3 graded, 0 s; at work: ann\x1b[K"
        "\r1 of 3 graded, 0 s, about 4 s left; at work: bob, cy\x1b[K"
        "\r\x1b[K"
    )


def test_elsewhere_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it isn't a terminal, a line comes every few seconds, and what the workers' state is."""
    now = [100.0]
    monkeypatch.setattr("verifier.work.progress.time.monotonic", lambda: now[0])
    stream = io.StringIO()
    line = ProgressLine(stream, "judged")
    for now[0] in (101.0, 106.0, 107.0, 112.0):
        line.tell(Progress(2, [], 3, 60.0, "no worker"))
    line.clear()
    assert stream.getvalue() == (
        "2 of 3 judged, 6 s, about 60 s left; no worker\n"
        "2 of 3 judged, 12 s, about 60 s left; no worker\n"
    )


def test_a_closed_stderr_ends_nothing() -> None:
    """Nobody who looks at the progress must be there for the work to go on."""

    class Closed(Terminal):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    ProgressLine(Closed(), "graded").tell(Progress(0, [], 1, None))
    ProgressLine(None, "graded").tell(Progress(0, [], 1, None))
