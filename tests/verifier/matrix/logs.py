"""Mutants of the logs: sentences, times, traces (spec 8)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from peerio.eventlog import EventLog, Stamp
from peerio.simulation.files import MemorySink
from peerio.trace import Trace
from tests.verifier.matrix.mutants import PLAIN, mutant


@mutant("F02", who=(1003,))
class NoFullStop(EventLog):
    """Writes sentences without their full stop."""

    def __init__(self, *args) -> None:
        super().__init__(*args)
        self._templates = {event: text[:-1] for event, text in self._templates.items()}


@mutant("F03", who=(1003,))
class WritesAnotherSubject(EventLog):
    """Writes another peer's id as the subject of chokes."""

    def __init__(self, *args) -> None:
        super().__init__(*args)
        for event in ("unchoked", "choked"):
            self._templates[event] = self._templates[event].replace("1003", "1004")


@mutant("F04", who=(1002,))
class NeighborOffByOne(EventLog):
    """Writes each neighbor's id one too low."""

    def write(self, event, fields):
        if "neighbor" in fields:
            fields = {**fields, "neighbor": fields["neighbor"] - 1}
        super().write(event, fields)


@mutant("F06", who=(1003,))
class PiecesFromOne(EventLog):
    """Counts pieces from 1."""

    def write(self, event, fields):
        if "piece" in fields:
            fields = {**fields, "piece": fields["piece"] + 1}
        if "pieces" in fields:
            fields = {**fields, "pieces": [piece + 1 for piece in fields["pieces"]]}
        super().write(event, fields)


@mutant("F07", who=(1001,))
class ListsTwice(EventLog):
    """Lists the first preferred neighbor twice."""

    def write(self, event, fields):
        if event == "preferred_neighbors":
            fields = {"neighbors": fields["neighbors"][:1] + fields["neighbors"]}
        super().write(event, fields)


@mutant("C02", "C04", "W15", who=(1001,))
class DoesNotLogAccepted(EventLog):
    """Doesn't log connections that it accepts."""

    def write(self, event, fields):
        if event != "was_connected":
            super().write(event, fields)


@mutant("C04", "W15", who=(1003,))
class LogsConnectionsLate(EventLog):
    """Logs a connection below the first thing that comes over it."""

    def __init__(self, *args) -> None:
        super().__init__(*args)
        self.held: dict[int, Any] = {}

    def write(self, event, fields):
        neighbor = fields.get("neighbor")
        if event in {"made_connection", "was_connected"}:
            self.held[neighbor] = (event, fields)
            return
        super().write(event, fields)
        if neighbor in self.held:
            super().write(*self.held.pop(neighbor))


@mutant("D01", "D03", who=(1003,))
class CountsBeforeAdding(EventLog):
    """Writes the number of pieces that it had before."""

    def write(self, event, fields):
        if event == "downloaded_piece":
            fields = {**fields, "count": fields["count"] - 1}
        super().write(event, fields)


@mutant("D11", "D08", who=(1003, 1004))
class NamesTheWrongSource(EventLog):
    """Writes that every piece came from a certain other leecher."""

    def write(self, event, fields):
        if event == "downloaded_piece":
            source = 1004 if "1003" in self._templates["completed"] else 1003
            fields = {**fields, "neighbor": source}
        super().write(event, fields)


@mutant("T01", "D09", who=(1003,))
class NeverSaysComplete(EventLog):
    """Doesn't log that it has the complete file."""

    def write(self, event, fields):
        if event != "completed":
            super().write(event, fields)


class _Late(EventLog):
    """Holds back lines of one kind until some others are written."""

    EVENT = ""
    COUNT = 12

    def __init__(self, *args) -> None:
        super().__init__(*args)
        self.held: list[Any] = []
        self.passed = 0

    def write(self, event, fields):
        self.passed += 1
        if event == self.EVENT:
            self.held.append((event, fields))
        else:
            super().write(event, fields)
        if self.passed > self.COUNT or event == "completed":
            self.passed = 0
            for line in self.held:
                super().write(*line)
            self.held.clear()


@mutant("G01", "W14", who=(1003,))
class LogsPiecesLate(_Late):
    """Gathers the lines of its downloads, and writes them some lines later."""

    EVENT = "downloaded_piece"


@mutant("D06", scenario=replace(PLAIN, pieces=80), who=(1003,))
class LogsHavesLate(_Late):
    """Gathers the lines of haves, and writes them some lines later."""

    EVENT = "received_have"
    COUNT = 30


@mutant("F05", who=(1003,))
class StampsByCreation(Stamp):
    """Stamps some lines with a time from before the turn."""

    number = 0

    def __str__(self) -> str:
        self.number += 1
        now = self._clock
        if self.number % 10 == 0:
            self._clock = lambda: now() - 0.5
        text = super().__str__()
        self._clock = now
        return text


@mutant("G03", who=(1003,))
class StaleTime(Stamp):
    """Reads the clock once in 3 s."""

    read = 0.0

    def renew(self):
        if self._clock() >= self.read + 3:
            self.read = self._clock()
            super().renew()


@mutant("W15", who=(1003,))
class TraceTellsOther(Trace):
    """The trace tells another count of pieces than the log."""

    def event(self, event, fields, line):
        if event == "downloaded_piece":
            fields = {**fields, "count": fields["count"] + 1}
        super().event(event, fields, line)


@mutant("W08", "copies")
class WritesElsewhere(MemorySink):
    """Writes each seventh piece that comes to the place of the piece before."""

    number = 0

    def __init__(self, data, start, **options) -> None:
        type(self).number += 1
        super().__init__(data, max(0, start - 1000 * (self.number % 7 == 0)), **options)
