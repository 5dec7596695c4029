"""The event log: one line for each of the eleven prescribed events (spec 8), by structlog.

Lines are gathered during a turn of the network loop and written with one system call before anything
is sent (spec 8.4). The time is taken once a turn: all that a turn took in happened at that moment.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from core.interface.words import LogEvent
from peerio.filesystem import is_same_file, move_aside, next_free_number, open_log


def _bound_logger_base() -> Any:
    """The base of structlog for loggers of one's own, without the rest of that package.

    `import structlog` also loads what it has for terminals, tracebacks and other frameworks: `rich` where
    it is installed, `asyncio`, `ssl` and 200 more, which takes longer than all else that a peer loads.
    """
    spec = None if "structlog" in sys.modules else find_spec("structlog")
    if spec is not None:
        sys.modules["structlog"] = module_from_spec(spec)  # it is never executed
        try:
            from structlog._base import BoundLoggerBase  # noqa: PLC0415 -- only while that stands there
        except ImportError:  # another version has it elsewhere
            pass
        else:
            return BoundLoggerBase
        finally:
            del sys.modules["structlog"]
    from structlog import BoundLoggerBase  # noqa: PLC0415 -- it takes long

    return BoundLoggerBase


if TYPE_CHECKING:
    from structlog import BoundLoggerBase
    from structlog.typing import EventDict
else:
    BoundLoggerBase = _bound_logger_base()

MOST_UNWRITTEN = 16 * 1024 * 1024
"""Bytes that are kept for a disk that is full until there is room again."""

SENTENCES: dict[LogEvent, str] = {
    "made_connection": "Peer {peer} makes a connection to Peer %d.",
    "was_connected": "Peer {peer} is connected from Peer %d.",
    "preferred_neighbors": "Peer {peer} has the preferred neighbors %s.",
    "optimistic_neighbor": "Peer {peer} has the optimistically unchoked neighbor %d.",
    "unchoked": "Peer {peer} is unchoked by %d.",
    "choked": "Peer {peer} is choked by %d.",
    "received_have": "Peer {peer} received the 'have' message from %d for the piece %d.",
    "received_interested": "Peer {peer} received the 'interested' message from %d.",
    "received_not_interested": "Peer {peer} received the 'not interested' message from %d.",
    "downloaded_piece": "Peer {peer} has downloaded the piece %d from %d. "
    "Now the number of pieces it has is %d.",
    "completed": "Peer {peer} has downloaded the complete file.",
}
"""The eleven sentences (spec 8.1). `{peer}` is the writer; the rest are the event's fields, in order."""


class LogError(Exception):
    """A log can't be written; the message says which and why."""


class LineSink(Protocol):
    """Where lines go; the simulator's is in memory."""

    append: Callable[[str], None]
    """Gather a line, given without its end."""

    def flush(self) -> None:
        """Write what was gathered."""

    def close(self) -> None:
        """Write what was gathered, and close."""


def both(first: Callable[[], None], second: Callable[[], None]) -> None:
    """Make both calls, the second also where the first raises."""
    try:
        first()
    finally:
        second()


class LineFile:
    """A file of lines that are gathered and written together.

    Where they can't be written, as on a full disk, the file is cut back to its last whole line; the
    rest is kept, within limits, and written as soon as there is room again. So no line is ever torn,
    and none is missing before one that is there.
    """

    def __init__(self, path: Path) -> None:
        """Create the file; LogError if that is impossible."""
        self._path = path
        self._lines: list[str] = []
        self._unwritten = b""
        self._size = 0
        self._given_up = False
        self.append = self._lines.append
        """Gather a line, given without its end."""
        try:
            self._fd = open_log(path)
        except OSError as error:
            raise LogError(
                f"{path}: can't be written ({error.strerror}); "
                "check the working directory's permissions and free space"
            ) from error

    def flush(self) -> None:
        """Write what was gathered; LogError if that is impossible."""
        if self._given_up:
            self._lines.clear()
        if not self._lines and not self._unwritten:
            return
        if self._lines:
            self._lines.append("")
            self._unwritten += "\n".join(self._lines).encode()
            self._lines.clear()
        data = self._unwritten
        written = 0
        try:
            while written < len(data):
                written += os.write(self._fd, data[written:] if written else data)
        except OSError as error:
            self._keep(data, written)
            raise LogError(f"{self._path}: can't be written ({error.strerror})") from error
        self._size += written
        self._unwritten = b""

    def _keep(self, data: bytes, written: int) -> None:
        """Cut back to the last whole line, and keep what then isn't written."""
        whole = data.rfind(b"\n", 0, written) + 1
        try:
            os.ftruncate(self._fd, self._size + whole)
        except OSError:  # it can only grow: then the torn line is continued where it ends
            whole = written
        self._size += whole
        self._unwritten = data[whole:]
        if len(self._unwritten) > MOST_UNWRITTEN:
            self._given_up = True  # for good: later lines would stand behind a gap
            self._unwritten = self._unwritten[
                : data.rfind(b"\n", 0, whole + MOST_UNWRITTEN) + 1 - whole
            ]

    def close(self) -> None:
        """Write what was gathered and close.

        LogError if writing is impossible, or if the file isn't what was written: somebody removed,
        replaced or cut it meanwhile.
        """
        if self._fd < 0:
            return
        try:
            self.flush()
            self._check_kept()
        finally:
            os.close(self._fd)
            self._fd = -1

    def _check_kept(self) -> None:
        size = os.fstat(self._fd).st_size
        if not is_same_file(self._fd, self._path):
            raise LogError(f"{self._path}: was removed, moved or replaced while this peer ran")
        if size != self._size:
            raise LogError(
                f"{self._path}: has {size} bytes: expected the {self._size} that were written; "
                "something else cut or changed it while this peer wrote it"
            )


def move_logs_aside(workdir: Path, peer_id: int) -> None:
    """Number the log and trace of an earlier run, both with the same number (spec 9.2).

    LogError if that is impossible.
    """
    paths = [log_path(workdir, peer_id), trace_path(workdir, peer_id)]
    try:
        left = [path for path in paths if path.exists()]
        number = next_free_number(*paths) if left else 0
        for path in left:
            move_aside(path, number)
    except OSError as error:
        raise LogError(
            f"{error.filename}: the log of an earlier run can't be moved aside ({error.strerror}); "
            "check the working directory's permissions"
        ) from error


def log_path(workdir: Path, peer_id: int) -> Path:
    """Where a peer's log stands."""
    return workdir / f"log_peer_{peer_id}.log"


def trace_path(workdir: Path, peer_id: int) -> Path:
    """Where a peer's trace stands."""
    return workdir / f"trace_peer_{peer_id}.jsonl"


class Stamp:
    """The wall clock, read once a turn and rendered once (spec 8.1).

    It is ISO 8601 with microseconds and UTC offset. What changes only with the second is rendered
    only then, since a busy peer has thousands of turns a second.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._text = ""
        self._second: int | None = None
        self._to_second = self._offset = ""

    def renew(self) -> None:
        """A new turn begins."""
        self._text = ""

    def __str__(self) -> str:
        if not self._text:
            second, fraction = divmod(self._clock(), 1)
            if second != self._second:
                self._second = int(second)
                self._to_second, self._offset = _local(self._second)
            self._text = f"{self._to_second}.{int(fraction * 1e6):06d}{self._offset}"
        return self._text


def _local(second: int) -> tuple[str, str]:
    """Date and time of a second on this machine, and its offset from UTC, as ISO 8601 writes them."""
    moment = time.localtime(second)
    hours, minutes = divmod(abs(moment.tm_gmtoff) // 60, 60)
    offset = f"{'-' if moment.tm_gmtoff < 0 else '+'}{hours:02d}:{minutes:02d}"
    return time.strftime("%Y-%m-%dT%H:%M:%S", moment), offset


class EventLog(BoundLoggerBase):
    """A logger of structlog that renders events as the prescribed sentences.

    `observer`, where given, is called with each event, its fields and the number of its (first) line,
    so that the trace is written by the same call as the log.
    """

    def __init__(
        self,
        lines: LineSink,
        peer_id: int,
        stamp: Stamp,
        observer: Callable[[str, Mapping[str, Any], int], None] | None = None,
    ) -> None:
        self._stamp = stamp
        self._observer = observer
        self._written = 0
        self._templates = {
            event: template.format(peer=peer_id) for event, template in SENTENCES.items()
        }
        self._have_parts = self._templates["received_have"].rsplit("%d", 1)
        super().__init__(lines, [self._render], {})
        self._gather = lines.append

    def write(self, event: LogEvent, fields: dict[str, Any]) -> None:
        """Log one of the eleven events: one line, but one a piece for haves that came together."""
        (line,), _ = self._process_event("append", event, fields)
        self._gather(line)

    def _render(self, _logger: object, _method: str, fields: EventDict) -> str:
        event = fields.pop("event")
        if self._observer is not None:
            self._observer(event, fields, self._written + 1)
            self._written += len(fields["pieces"]) if event == "received_have" else 1
        if event == "received_have":
            return self._render_haves(fields["neighbor"], fields["pieces"])
        values = tuple(fields.values())
        if event == "preferred_neighbors":
            values = (",".join(map(str, fields["neighbors"])),)
        return f"{self._stamp}: {self._templates[event] % values}"

    def _render_haves(self, neighbor: int, pieces: list[int]) -> str:
        """A line for each piece: most lines are these, and all but the piece is rendered once."""
        before, after = self._have_parts
        start = f"{self._stamp}: {before % neighbor}"
        return start + f"{after}\n{start}".join(map(str, pieces)) + after
