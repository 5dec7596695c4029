"""Reads traces (docs/trace.md), plain or gzip'd: one `TraceLife` for each file.

A line that isn't a record, or a gap in the numbers of the records, ends the reading of that file;
where and why is remembered for check W15. Only a last line without its end is no damage: a peer
that is killed leaves one.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from verifier.reading.config import InputError
from verifier.reading.files import blocks
from verifier.reading.finding import LogFile
from verifier.showing import shown
from verifier.traces.columns import TraceLife
from verifier.traces.fields import BadRecordError, as_number, decode
from verifier.traces.rows import Rows

if TYPE_CHECKING:
    from pathlib import Path

    from verifier.history.lives import Life

    Record = dict[str, Any]

VERSIONS = {1, 2}
"""In version 2 most records leave out what the ones before said, and haves may stand together."""
RARE = {"start", "end"}
"""Kinds that stand in one place only."""
NAME = re.compile(r"trace_peer_(\d{1,18})\.jsonl(?:\.(\d{1,6}))?(\.gz)?")


def find_traces(folder: Path, paths: list[Path]) -> list[LogFile]:
    """The files that are named like traces, in the order of their names."""
    found = []
    for path in sorted(paths):
        match = NAME.fullmatch(path.name)
        if match is not None:
            label = shown(path.relative_to(folder).as_posix())
            with suppress(OSError):  # removed meanwhile, or in a folder that may not be entered
                size = path.stat().st_size
                found.append(LogFile(path, label, int(match[1]), int(match[2] or 0), size))
    return found


def read_trace(file: LogFile, life: Life, log: int) -> TraceLife:
    """One trace; what is wrong with the file is in `damage`."""
    trace = TraceLife(file, life, log, file.peer_id)
    reader = _Reader(trace)
    try:
        for block in blocks(file.path):
            if not reader.take_block(block.data, truncated=block.truncated):
                break
    except InputError as error:
        trace.damage = (reader.count + 1, str(error))
    return trace


class _Reader:
    """Takes the records of one file, up to the first that can't be one."""

    def __init__(self, trace: TraceLife) -> None:
        self._trace = trace
        self._rows = Rows(trace)
        self.count = 0
        """Records taken so far, which are lines."""
        self._careful = True
        """The next record is the first, stands behind the last, or is of version 1, which says everything."""

    def take_block(self, data: bytes, *, truncated: bool) -> bool:
        """Take whole lines; False when nothing more of the file can be used."""
        records = decode(data)
        before = self.count
        reason = self._take(records)
        self._rows.settle(self.count)
        if not reason:
            return True
        place = self.count - before
        if not (truncated and place + 1 == len(records) and isinstance(records[place], str)):
            self._trace.damage = (self.count + 1, reason)
        return False

    def _take(self, records: list[Any]) -> str:
        """Take records up to the first that can't be one; why it can't, or nothing."""
        rows, takers = self._rows, self._rows.takers
        try:
            for record in records:
                if type(record) is not dict:
                    return record if type(record) is str else "it isn't a JSON object"
                if record["seq"] != self.count:
                    return f"seq is {record['seq']}, expected {self.count}"
                kind = record["kind"]
                if kind in RARE or self._careful or "v" in record:
                    self._check(record, kind)
                if "t_mono" in record:
                    rows.time = as_number(record["t_mono"])
                rows.line = self.count + 1
                takers.get(kind, rows.take_unusual)(record)
                self.count += 1
        except KeyError as error:
            return f"{error.args[0]!r} is missing or unknown"
        except (TypeError, ValueError, OverflowError, AttributeError, BadRecordError) as error:
            return str(error)
        return ""

    def _check(self, record: Record, kind: str) -> None:
        """What isn't looked at in each record: its writer, and whether one of this kind may stand here."""
        trace = self._trace
        if "v" in record or trace.version < 2:
            self._check_writer(record)
        if (kind == "start") is not (self.count == 0):
            raise BadRecordError("the first record, and no other, is 'start'")
        if trace.end is not None:
            raise BadRecordError("it stands behind the record 'end'")
        if trace.version < 2:
            as_number(record["t_mono"])
        self._careful = trace.version < 2 or kind == "end"

    def _check_writer(self, record: Record) -> None:
        """Version and writer: in each record of version 1, and in the first of later ones."""
        trace, version = self._trace, record["v"]
        known = {trace.version} if trace.version else VERSIONS
        if version not in known:
            expected = " or ".join(map(str, sorted(known)))
            raise BadRecordError(f"format version {version}, expected {expected}")
        if record["peer"] != trace.peer:
            raise BadRecordError(f"it is of peer {record['peer']}")
        trace.version = version
