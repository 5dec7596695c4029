"""The one place where the probe uses the verifier: its readers of log lines, and its judge of swarms."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from verifier.api import verify
from verifier.judge import Options
from verifier.reading.dialects import read_line
from verifier.reading.sentences import Kind

KINDS = {
    Kind.MAKES: "makes a connection",
    Kind.CONNECTED_FROM: "is connected from",
    Kind.PREFERRED: "preferred neighbors",
    Kind.OPTIMISTIC: "optimistically unchoked neighbor",
    Kind.UNCHOKED: "is unchoked by",
    Kind.CHOKED: "is choked by",
    Kind.HAVE: "received the 'have' message",
    Kind.INTERESTED: "received the 'interested' message",
    Kind.NOT_INTERESTED: "received the 'not interested' message",
    Kind.DOWNLOADED: "has downloaded the piece",
    Kind.COMPLETE: "has downloaded the complete file",
}
"""The sentences of spec 8.1 by the words that tell them apart."""
_LARGEST = 4 << 20


@dataclass(frozen=True, slots=True)
class Line:
    """An event as a log states it, in whatever wording."""

    kind: str
    other: int | None
    piece: int | None
    count: int | None
    ids: tuple[int, ...]
    text: str
    deviations: tuple[str, ...]
    subject: int | None = None
    """The peer whose event it is, where the line says so."""


def read_log(path: Path) -> list[str]:
    """The lines of a log, as text."""
    with path.open("rb") as file:
        return file.read(_LARGEST).decode(errors="replace").splitlines()


def events_of(lines: list[str] | tuple[str, ...]) -> tuple[list[Line], list[str]]:
    """The events that lines state, and the lines that state none."""
    found: list[Line] = []
    other: list[str] = []
    for text in lines:
        reading = read_line(text)
        if not reading.events and reading.continued is None and text.strip():
            other.append(text)
        if reading.continued is not None and found and found[-1].count is None:
            before = found[-1]
            found[-1] = Line(
                before.kind, before.other, before.piece, reading.continued, (), before.text,
                (*before.deviations, *reading.deviations), before.subject,
            )  # fmt: skip
        found += [
            Line(
                KINDS[one.kind], one.other, one.piece, one.count, one.ids, text,
                reading.deviations, one.subject,
            )
            for one in reading.events
        ]  # fmt: skip
    return found, other


def judge_swarm(folder: Path) -> tuple[str, bool]:
    """What the verifier says of a swarm's logs, in one line, and whether no rule is broken."""
    report = verify([folder], Options(lenient=True))
    if report.problems:
        return report.problems[0], False
    lines = [line for line in report.text.splitlines() if line.strip()]
    errors = [line.strip() for line in lines if line.lstrip().startswith("ERROR")]
    return (errors or lines[-1:] or ["nothing"])[0].strip(), report.status not in {1, 2}
