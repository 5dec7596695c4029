"""What may be wrong with the logs of a swarm that did nothing wrong: lines lost, late, reworded or missing.

Each function changes logs (lines by file name) in place. None shows a broken rule of the protocol.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random

Logs = dict[str, list[str]]
Blemish = Callable[[Random, Logs], None]

UNREAD = (
    (r"has downloaded the piece (\d+) from (\d+).*", r">>> downloaded \1 <= \2"),
    (r"received the 'have' message from (\d+) for the piece (\d+)\.", r"HAVE \2 <= \1 !!"),
    (r"is unchoked by (\d+)\.", r"\1 => unchoked us"),
    (r"is choked by (\d+)\.", r"\1 => choked us"),
    (r"received the '(not )?interested' message from (\d+)\.", r"\2 => \1interested!!"),
    (r"makes a connection to Peer (\d+)\.", r"connection \1 <="),
    (r"is connected from Peer (\d+)\.", r"connection => \1"),
    (r"has the preferred neighbors (.*)\.", r"preferred := \1 !!"),
    (r"has the optimistically unchoked neighbor (\d+)\.", r"optimistic := \1 !!"),
)
"""Prescribed sentences, and what nobody could read, though it mentions the same."""
WORDS = (
    "has downloaded the piece",
    "'have'",
    "unchoked by",
    "choked by",
    "'interested'",
    "'not interested'",
    "connect",
    "preferred",
    "optimistic",
    "complete file",
)


def _some(rng: Random, logs: Logs) -> str:
    """A log that has lines: a process may be killed before its first one."""
    return rng.choice([name for name in sorted(logs) if logs[name]])


def _time(line: str) -> datetime:
    return datetime.fromisoformat(line.split(": ", 1)[0])


def _stream(line: str) -> str:
    """Which of the program's threads writes a line: one for each neighbor, one for choices."""
    words = line.split(": ", 1)[1]
    found = re.search(r"(?:from|by|to Peer|from Peer) (\d+)", words)
    if "neighbor" in words:
        return "choices"
    return found[1] if found and "complete file" not in words else "itself"


def lost_end(rng: Random, logs: Logs) -> None:
    """A stream was lost with its process, at a line's end."""
    name = _some(rng, logs)
    del logs[name][rng.randint(1, len(logs[name])) :]


def torn_end(rng: Random, logs: Logs) -> None:
    """The last line lacks its end."""
    name = _some(rng, logs)
    del logs[name][rng.randint(1, len(logs[name])) :]
    logs[name][-1] = logs[name][-1][: rng.randint(1, len(logs[name][-1]) - 1)] + "\1"


def _cut_starts(rng: Random, logs: Logs, *, torn: bool) -> None:
    """One log, or all of them, lose what stands above a line, or above a place within one."""
    for name in rng.choice([[_some(rng, logs)], [name for name in sorted(logs) if logs[name]]]):
        at = rng.choice([rng.randint(1, len(logs[name])), rng.randint(1, 20)])
        rest = [line[rng.randint(1, len(line) - 1) :] for line in logs[name][at - 1 : at] if torn]
        logs[name] = rest + logs[name][at:]


def lost_start(rng: Random, logs: Logs) -> None:
    """A log was rotated: it begins at a line's beginning."""
    _cut_starts(rng, logs, torn=False)


def torn_start(rng: Random, logs: Logs) -> None:
    """A log was cut from the front, in the middle of a line."""
    _cut_starts(rng, logs, torn=True)


def _late(rng: Random, logs: Logs, name: str, words: str, most: float) -> None:
    """A thread waits before it writes some of its lines, at most until its next download."""
    following: dict[str, datetime] = {}
    bounds: list[datetime | None] = []
    for line in reversed(logs[name]):
        bounds.append(following.get(_stream(line)))
        if "has downloaded the piece" in line:
            following[_stream(line)] = _time(line)
    until: dict[str, datetime] = {}
    written = []
    for line, bound in zip(logs[name], reversed(bounds), strict=True):
        time, stream = _time(line), _stream(line)
        if re.search(words, line) and rng.random() < 0.3:
            later = time + timedelta(seconds=rng.uniform(0, most))
            until[stream] = max(until.get(stream, time), min(later, bound or later))
        moment = max(time, until.get(stream, time))
        stamp = moment.isoformat(timespec="microseconds")
        written.append((moment, f"{stamp}: {line.split(': ', 1)[1]}"))
    logs[name] = [line for _, line in sorted(written, key=lambda item: item[0])]


def late_downloads(rng: Random, logs: Logs) -> None:
    """A piece is announced before its line is written."""
    most = rng.choice([0.01, 0.1, 0.5, 0.9])
    for name in logs:
        _late(rng, logs, name, "has downloaded the piece", most)


def late_lines(rng: Random, logs: Logs) -> None:
    """Any thread may wait before it writes."""
    most = rng.choice([0.01, 0.1, 0.4])
    for name in logs:
        _late(rng, logs, name, ".", most)


def late_connections(rng: Random, logs: Logs) -> None:
    """A connection's line stands below its first messages."""
    lines = logs[_some(rng, logs)]
    for line in [line for line in lines if "connect" in line]:
        at = lines.index(line)
        lines.insert(at + rng.randint(0, 4), lines.pop(at))


def unread(rng: Random, logs: Logs) -> None:
    """Some or all lines of one kind are worded as nobody could read them."""
    name, (words, other), share = _some(rng, logs), rng.choice(UNREAD), rng.choice([0.1, 0.5, 1])
    logs[name] = [
        re.sub(words, other, line) if rng.random() < share else line for line in logs[name]
    ]


def never(rng: Random, logs: Logs) -> None:
    """A program never logs one kind, in one log or in all."""
    words = rng.choice(WORDS)
    for name in rng.choice([[_some(rng, logs)], sorted(logs)]):
        logs[name] = [line for line in logs[name] if words not in line]


def empty(rng: Random, logs: Logs) -> None:
    """A log is empty (F01 says so)."""
    logs[_some(rng, logs)] = []


def missing(rng: Random, logs: Logs) -> None:
    """A log isn't there (F01 says so)."""
    del logs[_some(rng, logs)]


def whole_seconds(_rng: Random, logs: Logs) -> None:
    """Times tell seconds only."""
    for name, lines in logs.items():
        logs[name] = [re.sub(r"\.\d{6}", "", line, count=1) for line in lines]


def no_counts(rng: Random, logs: Logs) -> None:
    """The second sentence of a download is left out."""
    name = _some(rng, logs)
    logs[name] = [re.sub(r" Now the number.*", "", line) for line in logs[name]]


def repeats(rng: Random, logs: Logs) -> None:
    """What is no event is told twice."""
    name = _some(rng, logs)
    twice = "interested|choked by|preferred|optimistic"
    logs[name] = [
        line
        for line in logs[name]
        for _ in range(1 + (re.search(twice, line) is not None and rng.random() < 0.3))
    ]


def placeholders(rng: Random, logs: Logs) -> None:
    """An empty place among the preferred neighbors is written as 0."""
    name = _some(rng, logs)
    logs[name] = [re.sub(r"(neighbors .*\d)\.", r"\1,0.", line) for line in logs[name]]


def seed_completes(_rng: Random, logs: Logs) -> None:
    """The seed logs that it has the file."""
    name = min(logs)
    if logs[name]:
        stamp = logs[name][-1].split(": ", 1)[0]
        logs[name].append(f"{stamp}: Peer {name[9:13]} has downloaded the complete file.")


CUTS: tuple[Blemish, ...] = (lost_start, torn_start, lost_end, torn_end)
"""Those that leave a part of each log, and nothing else."""
ALL: tuple[Blemish, ...] = (
    lost_end,
    torn_end,
    lost_start,
    torn_start,
    late_downloads,
    late_lines,
    late_connections,
    unread,
    never,
    empty,
    missing,
    whole_seconds,
    no_counts,
    repeats,
    placeholders,
    seed_completes,
)


def written(lines: list[str]) -> str:
    """The text of a log; one that lost the end of its last line has no line's end there."""
    return "".join(f"{line}\n" for line in lines).replace("\1\n", "")
