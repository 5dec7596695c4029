"""`peerio.eventlog`: the eleven sentences, their time, and the file they stand in (spec 8, 9.2)."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from core.interface.words import LogEvent
from peerio import eventlog
from peerio.eventlog import (
    SENTENCES,
    EventLog,
    LineFile,
    LogError,
    Stamp,
    log_path,
    move_logs_aside,
    trace_path,
)

# Copied from the specification, not from the code (spec 8.1).
EXPECTED: list[tuple[str, dict[str, Any], str]] = [
    ("made_connection", {"neighbor": 1002}, "Peer 1001 makes a connection to Peer 1002."),
    ("was_connected", {"neighbor": 1002}, "Peer 1001 is connected from Peer 1002."),
    ("preferred_neighbors", {"neighbors": [2, 10, 100]}, "Peer 1001 has the preferred neighbors 2,10,100."),
    ("preferred_neighbors", {"neighbors": []}, "Peer 1001 has the preferred neighbors ."),
    ("optimistic_neighbor", {"neighbor": 1002}, "Peer 1001 has the optimistically unchoked neighbor 1002."),
    ("unchoked", {"neighbor": 1002}, "Peer 1001 is unchoked by 1002."),
    ("choked", {"neighbor": 1002}, "Peer 1001 is choked by 1002."),
    ("received_have", {"neighbor": 1002, "pieces": [7]}, "Peer 1001 received the 'have' message from 1002 for the piece 7."),
    ("received_interested", {"neighbor": 1002}, "Peer 1001 received the 'interested' message from 1002."),
    ("received_not_interested", {"neighbor": 1002}, "Peer 1001 received the 'not interested' message from 1002."),
    ("downloaded_piece", {"piece": 0, "neighbor": 1002, "count": 1}, "Peer 1001 has downloaded the piece 0 from 1002. Now the number of pieces it has is 1."),
    ("completed", {}, "Peer 1001 has downloaded the complete file."),
]  # fmt: skip
NOON = datetime(2026, 11, 22, 10, 0, 0, 123456).astimezone()


def stamp() -> Stamp:
    return Stamp(NOON.timestamp)


@pytest.mark.parametrize(("event", "fields", "sentence"), EXPECTED)
def test_sentences(tmp_path: Path, event: LogEvent, fields: dict[str, Any], sentence: str) -> None:
    """Each event is one line: time, colon, and exactly the prescribed sentence (spec 8.1)."""
    path = tmp_path / "log"
    lines = LineFile(path)
    EventLog(lines, 1001, stamp()).write(event, fields)
    lines.close()
    assert path.read_text() == f"{NOON.isoformat(timespec='microseconds')}: {sentence}\n"


def test_there_are_eleven() -> None:
    """There are eleven events and no others (spec 8.2)."""
    assert set(SENTENCES) == {event for event, _, _ in EXPECTED}
    assert len(SENTENCES) == 11


def test_haves_that_came_together_have_a_line_each(tmp_path: Path) -> None:
    """Every have has its own line, also in a run, which is observed as a whole (spec 8.2)."""
    seen: list[tuple[str, dict[str, Any], int]] = []

    def observe(event: str, fields: Mapping[str, Any], line: int) -> None:
        seen.append((event, dict(fields), line))

    lines = LineFile(tmp_path / "log")
    log = EventLog(lines, 1, stamp(), observe)
    log.write("unchoked", {"neighbor": 2})
    log.write("received_have", {"neighbor": 2, "pieces": [5, 6]})
    log.write("choked", {"neighbor": 2})
    lines.flush()
    written = [line.split(": ")[1] for line in (tmp_path / "log").read_text().splitlines()]
    assert written == [
        "Peer 1 is unchoked by 2.",
        "Peer 1 received the 'have' message from 2 for the piece 5.",
        "Peer 1 received the 'have' message from 2 for the piece 6.",
        "Peer 1 is choked by 2.",
    ]
    assert seen == [
        ("unchoked", {"neighbor": 2}, 1),
        ("received_have", {"neighbor": 2, "pieces": [5, 6]}, 2),
        ("choked", {"neighbor": 2}, 4),
    ]


def test_an_unknown_event_is_a_bug(tmp_path: Path) -> None:
    """Nothing but the eleven events can be written (spec 8.2)."""
    log = EventLog(LineFile(tmp_path / "log"), 1, stamp())
    with pytest.raises(KeyError):
        log.write("had_a_nap", {})  # type: ignore[arg-type]  # on purpose


def test_the_time_is_taken_once_a_turn() -> None:
    """All lines of a turn bear the same time; the next turn's bear theirs (design 3, spec 8.1)."""
    times = iter([0.25, 1.0, 1.999999, 86_400.0])
    clock = Stamp(lambda: next(times))
    texts = []
    for _ in range(4):
        texts += [str(clock), str(clock)]
        clock.renew()
    assert texts[::2] == texts[1::2]
    moments = [datetime.fromisoformat(text).timestamp() for text in texts[::2]]
    assert moments == [0.25, 1.0, 1.999999, 86_400.0]
    for text in texts:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d\d:\d\d", text)


def test_a_turn_is_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a turn led to is on disk after one system call, and not before (spec 8.4, design 3)."""
    calls: list[bytes] = []
    real = os.write

    def write(fd: int, data: memoryview) -> int:
        calls.append(bytes(data))
        return real(fd, data)

    lines = LineFile(tmp_path / "log")
    monkeypatch.setattr(os, "write", write)
    lines.append("one")
    lines.append("zwei: ä")
    assert (tmp_path / "log").read_bytes() == b""
    lines.flush()
    lines.flush()
    assert calls == ["one\nzwei: ä\n".encode()]


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that takes only a part is continued, so that no line is torn (spec 8.2)."""
    real = os.write
    lines = LineFile(tmp_path / "log")
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:2]))
    lines.append("a whole line")
    lines.close()
    lines.close()
    assert (tmp_path / "log").read_text() == "a whole line\n"


def test_errors_name_file_and_cause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that can't be made or written is one message with its path and cause (spec 7.4)."""
    with pytest.raises(LogError, match=r"nowhere/log: can't be written \(No such file"):
        LineFile(tmp_path / "nowhere" / "log")
    lines = LineFile(tmp_path / "log")
    with pytest.raises(LogError, match="exists"):
        LineFile(tmp_path / "log")

    def write(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", write)
    lines.append("x")
    with pytest.raises(LogError, match=r"log: can't be written \(No space left on device\)"):
        lines.flush()
    lines.append("y")
    with pytest.raises(LogError):
        lines.close()
    lines.close()


def test_logs_are_moved_aside_together(tmp_path: Path) -> None:
    """Log and trace are moved aside under one number that is free for both, and others' stay (spec 9.2)."""
    log, trace = log_path(tmp_path, 7), trace_path(tmp_path, 7)
    assert (log.name, trace.name) == ("log_peer_7.log", "trace_peer_7.jsonl")
    move_logs_aside(tmp_path, 7)
    log.write_text("old")
    (tmp_path / "trace_peer_7.jsonl.1").write_text("older")
    (tmp_path / "log_peer_8.log").write_text("another's")
    move_logs_aside(tmp_path, 7)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "log_peer_7.log.2": "old",
        "trace_peer_7.jsonl.1": "older",
        "log_peer_8.log": "another's",
    }


class Disk:
    """`os.write`, which takes only so many bytes more, as a disk that is nearly full."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.free = 1 << 40
        self._write = os.write
        monkeypatch.setattr(os, "write", self.write)

    def write(self, fd: int, data: bytes) -> int:
        if not self.free:
            raise OSError(28, "No space left on device")
        written = self._write(fd, data[: self.free])
        self.free -= written
        return written


@pytest.mark.parametrize("free", [0, 1, 6, 7, 8, 12])
def test_a_full_disk_that_has_room_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int
) -> None:
    """A log on a full disk ends with a whole line; with room again it goes on without a gap (spec 9.2)."""
    disk = Disk(monkeypatch)
    path = tmp_path / "log"
    log = LineFile(path)
    log.append("first")
    log.flush()
    disk.free = free
    log.append("second")
    log.append("third")
    for _ in range(2):
        with pytest.raises(LogError, match="No space left on device"):
            log.flush()
        assert path.read_text() == ("first\n" if free < 7 else "first\nsecond\n")
    disk.free = 1 << 40
    log.append("fourth")
    log.flush()
    log.close()
    assert path.read_text() == "first\nsecond\nthird\nfourth\n"


def test_a_file_that_can_only_grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a torn line can't be cut off it is continued, once there is room (spec 9.2)."""
    disk = Disk(monkeypatch)

    def ftruncate(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "ftruncate", ftruncate)
    path = tmp_path / "log"
    log = LineFile(path)
    log.append("a line")
    disk.free = 3
    with pytest.raises(LogError):
        log.flush()
    disk.free = 1 << 40
    log.append("another")
    log.close()
    assert path.read_text() == "a line\nanother\n"


def test_what_is_kept_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More lines than the limit are lost, and then all that follow, so that there is no gap (spec 9.2)."""
    monkeypatch.setattr(eventlog, "MOST_UNWRITTEN", 20)
    disk = Disk(monkeypatch)
    path = tmp_path / "log"
    log = LineFile(path)
    disk.free = 0
    for number in range(10):
        log.append(f"line {number}")
        with pytest.raises(LogError):
            log.flush()
    disk.free = 1 << 40
    log.append("too late")
    log.close()
    assert path.read_text() == "line 0\nline 1\n"


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (Path.unlink, "was removed, moved or replaced"),
        (lambda path: path.rename(path.with_name("elsewhere")), "was removed, moved or replaced"),
        (lambda path: os.truncate(path, 3), "has 3 bytes: expected the 12 that were written"),
        (lambda path: path.write_text(""), "has 7 bytes: expected the 12 that were written"),
    ],
    ids=["removed", "moved", "cut", "emptied before the last line"],
)
def test_what_happens_to_a_log_is_noticed(
    tmp_path: Path, harm: Callable[[Path], object], words: str, request: pytest.FixtureRequest
) -> None:
    """A log that somebody removed, moved or cut is noticed at the latest at the end (spec 7.4)."""
    path = tmp_path / "log"
    log = LineFile(path)
    log.append("line")
    if "before" in request.node.callspec.id:
        log.flush()
        harm(path)
        log.append("line 2")
    else:
        log.append("line 2")
        log.flush()
        harm(path)
    with pytest.raises(LogError, match=words):
        log.close()
    log.close()
