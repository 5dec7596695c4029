"""`peerio.program.diagnostics`: people are told, and nobody waits for them (spec 7.4, 8.2)."""

from __future__ import annotations

import fcntl
import os
import re
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from peerio.program import diagnostics
from peerio.program.diagnostics import Diagnostics, Outlet


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Both ends of a pipe that holds 4 KiB; the reading end may be closed by the test."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    yield reader, writer
    for fd in (reader, writer):
        with suppress(OSError):  # the test closed it
            os.close(fd)


def read_all(reader: int, writer: int) -> list[str]:
    """What was written, line by line, once nobody writes any more."""
    os.close(writer)
    with os.fdopen(os.dup(reader), "rb") as file:
        return file.read().decode().splitlines()


def test_diagnostics_begin_with_the_writer(capfd: pytest.CaptureFixture[str]) -> None:
    """Diagnostics stand on stderr, one line each, beginning with the peer (spec 8.2)."""
    warn = Diagnostics(1002)
    warn("one thing\nand another")
    warn.show("Traceback:\n  as it stands")
    warn.close()
    captured = capfd.readouterr()
    assert captured.err == (
        "peer 1002: one thing\npeer 1002: and another\nTraceback:\n  as it stands\n"
    )
    assert captured.out == ""


def test_repetitions_are_counted(pipe: tuple[int, int]) -> None:
    """What is told again and again is told the 1st, 10th and 100th time."""
    reader, writer = pipe
    warn = Diagnostics(7, writer)
    for _ in range(150):
        warn("again")
    warn.close()
    assert read_all(reader, writer) == [
        "peer 7: again",
        "peer 7: again (10 times)",
        "peer 7: again (100 times)",
    ]


def test_nobody_reads(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that doesn't read costs lines, never time, and is told how many (issue 11, 9)."""
    monkeypatch.setattr(diagnostics, "ROOM", 1000)
    reader, writer = pipe
    outlet = Outlet(writer, name="peer 7: ")
    for number in range(10_000):  # more than pipe and queue hold: it would wait for ever
        outlet.put(f"line {number}")
    outlet.close(timeout=0.01)  # no longer than this at the end either
    shown: list[int] = []
    dropped = 0
    with os.fdopen(os.dup(reader), "rb") as file:  # now somebody reads
        while len(shown) + dropped < 10_000:
            line = file.readline().decode().rstrip("\n")
            if match := re.fullmatch(r"peer 7: (\d+) lines? dropped here, which .*", line):
                dropped += int(match[1])
            else:
                shown.append(int(line.removeprefix("line ")))
                assert shown[-1] == len(shown) - 1 + dropped, "a gap is told where it is"
    assert dropped > 5000


def test_a_closed_pipe(pipe: tuple[int, int]) -> None:
    """A pipe that nobody can read any more ends nothing, and the writer's thread ends (issue 11, 9)."""
    reader, writer = pipe
    os.close(reader)
    outlet = Outlet(writer)
    for number in range(100):
        outlet.put(f"line {number}")
    outlet.close(timeout=10)
    assert not any(thread.name == "outlet" for thread in threading.enumerate())


def test_a_full_disk_that_has_room_again(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines that can't be written are dropped; their number is told once one can be (issue 11, 9)."""
    reader, writer = pipe
    real = os.write
    calls = 0

    def write(fd: int, data: bytes) -> int:
        nonlocal calls
        calls += 1
        if calls in {2, 3}:  # the second line; the number of lines dropped, before the third
            raise OSError(28, "No space left on device")
        return real(fd, data)

    outlet = Outlet(writer, name="peer 7: ")
    monkeypatch.setattr(os, "write", write)
    for line in ("one", "two", "three", "four"):
        outlet.put(line)
    outlet.close(timeout=10)
    assert read_all(reader, writer) == [
        "one",
        "peer 7: 2 lines dropped here, which couldn't be written",
        "four",
    ]


def test_a_torn_line_is_ended(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """A line of which only a part could be written doesn't swallow the next one's beginning."""
    reader, writer = pipe
    real = os.write
    torn: list[bytes] = []

    def write(fd: int, data: bytes) -> int:
        torn.append(data)
        if len(torn) == 2:
            raise OSError(28, "No space left on device")
        return real(fd, data[:5] if len(torn) == 1 else data)

    outlet = Outlet(writer)
    monkeypatch.setattr(os, "write", write)
    for line in ("a long line", "next"):
        outlet.put(line)
    outlet.close(timeout=10)
    assert read_all(reader, writer) == [
        "a lon",
        "1 line dropped here, which couldn't be written",
        "next",
    ]


def test_a_descriptor_that_does_not_block(pipe: tuple[int, int]) -> None:
    """Where somebody made stderr non-blocking, lines wait for room instead of being lost."""
    reader, writer = pipe
    os.set_blocking(writer, False)
    outlet = Outlet(writer)
    lines = [f"{number}: {'x' * 100}" for number in range(200)]  # 20 KB, more than the pipe holds
    for line in lines:
        outlet.put(line)
    with os.fdopen(os.dup(reader), "rb") as file:
        assert [file.readline().decode().rstrip("\n") for _ in lines] == lines
    outlet.close(timeout=10)


def test_no_thread_to_be_had(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system starts no thread, why the peer ends is told all the same (issue 11, 16)."""
    reader, writer = pipe

    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    warn = Diagnostics(7, writer)
    warn("this system starts no more threads")
    warn.close()
    assert read_all(reader, writer) == ["peer 7: this system starts no more threads"]


def on_screen(written: str) -> list[str]:
    """What a terminal shows after this was written to it, without blanks at the ends."""
    rows: list[str] = []
    for line in written.split("\n"):
        row = ""
        for part in line.split("\r"):
            row = part + row[len(part) :]
        rows.append(row.rstrip())
    return rows


def test_a_line_that_renews_itself(pipe: tuple[int, int]) -> None:
    """The line stands below all others, is replaced by the next one, and is gone at the end."""
    reader, writer = pipe
    outlet = Outlet(writer)
    shown = ""

    def read_until(rows: list[str]) -> None:
        nonlocal shown
        while on_screen(shown) != rows:
            shown += os.read(reader, 4096).decode()

    outlet.renew("waiting for 1001")
    read_until(["waiting for 1001"])
    outlet.renew("1 of 2")
    read_until(["1 of 2"])
    outlet.put("peer 1: a warning")
    read_until(["peer 1: a warning", "1 of 2"])
    outlet.put("the end")
    outlet.close(timeout=10)
    read_until(["peer 1: a warning", "the end", ""])


def test_the_line_fits_the_terminal(pipe: tuple[int, int]) -> None:
    """Of the line's words those that don't fit are left out, the last first."""
    reader, writer = pipe
    say = Diagnostics(7, writer)
    say.renew(["1 of 2 pieces", "3 B/s down", "1 neighbor"], 34)
    shown = ""
    while on_screen(shown) != ["peer 7: 1 of 2 pieces, 3 B/s down"]:
        shown += os.read(reader, 4096).decode()
    say.close()


@pytest.mark.parametrize("fd", ["closed", "full"])
def test_a_terminal_that_is_gone(fd: str) -> None:
    """Where the line can't be written nobody waits, and nothing is tried again and again."""
    where = os.open("/dev/full", os.O_WRONLY)
    if fd == "closed":
        os.close(where)
    outlet = Outlet(where)
    outlet.renew("a line")
    outlet.close(timeout=10)
    assert not any(thread.name == "outlet" for thread in threading.enumerate())
    if fd == "full":
        os.close(where)
