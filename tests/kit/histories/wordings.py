"""Forms in which programs write their logs, as the verifier's readers know them: words, times, encodings."""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from tests.kit.histories.book import Files
from tests.kit.verifier.judging import Run

EASTERN = timezone(timedelta(hours=-5), "EST")


@dataclass(frozen=True)
class Wording:
    """What stands before a sentence, for `strftime` (%f has microseconds, %3 milliseconds, %s the epoch),
    and patterns with what they become, one after the other.
    """

    head: str
    changes: tuple[tuple[str, str], ...] = ()
    encoding: str = "utf-8"
    newline: str = "\n"
    zone: timezone = UTC
    beside: str = ""
    """A line of the program's own that it writes behind each have."""

    def __call__(self, run: Run) -> Files:
        """The files with all logs in this form."""
        files = {}
        for name, lines in run.files.items():
            if name.startswith("log_"):
                text = "".join(self.line(line) for line in lines).replace("\n", self.newline)
                files[name] = text.encode(self.encoding)
            else:
                files[name] = "".join(lines).encode()
        return files

    def line(self, line: str) -> str:
        """One prescribed line, which may have lost its end, in this form."""
        stamp, _, sentence = line.partition(": ")
        for pattern, new in self.changes:
            sentence = re.sub(pattern, new, sentence)
        more = self.beside if self.beside and "'have'" in line else ""
        return f"{self.time(stamp)}{sentence}{more and self.time(stamp) + more}"

    def time(self, stamp: str) -> str:
        """The head of a line."""
        moment = datetime.fromisoformat(stamp).astimezone(self.zone)
        milliseconds = f"{moment.microsecond // 1000:03}"
        head = self.head.replace("%3", milliseconds).replace("%s", str(int(moment.timestamp())))
        return moment.strftime(head)


JAVA = Wording(
    "[%a %b %d %H:%M:%S %Z %Y]: ", ((r"\b(1\d{3})\b", r"[\1]"),), newline="\r\n", zone=EASTERN
)
"""Java's `new Date()`, ids in brackets, line ends of Windows."""
PYTHON = Wording("%Y-%m-%d %H:%M:%S,%3 - root - INFO - ", ((r"\.$", ""),))
"""Python's `logging`, no full stops."""
MISSPELLED = Wording(
    "[%Y-%m-%d %H:%M:%S]: ",
    (
        ("neighbors", "neighbours"),
        ("unchoked", "unchocked"),
        ("is choked", "is chocked"),
        ("received", "recieved"),
        (",", ", "),
    ),
)
"""Misspelled words, blanks in lists."""
SHORT = Wording(
    "[%Y-%m-%d %H:%M:%S] [INFO   ] ",
    (
        (r"^Peer (\d+) makes a connection to Peer (\d+)", r"[\1] makes a connection to [\2]"),
        (r"^Peer (\d+) is connected from Peer (\d+)", r"[\1] accepted connection from \2"),
        (
            r"^Peer (\d+) received the 'have' message from (\d+) for the piece (\d+)\.",
            r"[\1] from \2 have \3.",
        ),
        (
            r"^Peer (\d+) has downloaded the piece (\d+) from (\d+)\. Now .* is (\d+)\.",
            r"[\1] downloaded \2 from \3 (\4/6)",
        ),
    ),
)
"""Sentences cut down to what they say, a logger's level in front."""
AMERICAN = Wording(
    "%m/%d/%Y, %I:%M:%S %p: ",
    (
        (r"^Peer (\d+) received the 'interested' message from (\d+)", r"Peer \2 is interested in Peer \1"),
        ("unchoked by", "UNCHOKED by"),
        ("has downloaded the complete file", "finished downloading the entire file"),
    ),
)  # fmt: skip
"""JavaScript's `toLocaleString`, interest told from the other side."""
TWO_LINES = Wording(
    "%Y/%m/%d %H:%M:%S: ",
    (
        (r" Now the number", "\nNow the number"),
        (r"neighbors ([\d,]*)\.", r"neighbors [\1,]."),
        ("'", '"'),
    ),
)
"""The count on a line of its own, double quotes, lists in brackets."""
TIMELESS = Wording("", ((r"'", ""), (r"message from (\d+)", r"message from Peer \1")))
"""No times at all, no quotes."""
EPOCH = Wording("%s.%3: ", ((r"Peer (\d+)", r"Peer_\1"), ("a connection", "a TCP connection")))
"""Seconds since 1970, underscores."""
CURLY = Wording(
    "%d.%m.%Y %H:%M:%S: ",
    (("'(.*?)'", "\u2018\\1\u2019"),),
    encoding="cp1252",
    newline="\r\n",
)
"""The quotes of the assignment's text as Windows-1252, days first."""
POWERSHELL = Wording("%H:%M:%S.%3: ", encoding="utf-16", newline="\r\n")
"""What a shell's `>` makes of it on Windows; times without a date."""
TALKATIVE = Wording(
    "%Y-%m-%d %H:%M:%S.%f: ", beside="Rates were recalculated, nothing else happened.\n"
)
"""Lines of the program's own between the sentences."""


def zipped(run: Run) -> Files:
    """Each log gzip'd in a folder of its own, the configuration beside these."""
    files: Files = {}
    for name, lines in run.files.items():
        data = "".join(lines).encode()
        if name.startswith("log_"):
            peer = name.removeprefix("log_peer_").removesuffix(".log")
            files[f"of_{peer}/{name}.gz"] = gzip.compress(data, mtime=0)
        else:
            files[name] = data
    return files


def zipped_traces(run: Run) -> Files:
    """Traces gzip'd, since they are long."""
    files: Files = {}
    for name, lines in run.files.items():
        data = "".join(lines).encode()
        if name.startswith("trace_"):
            files[f"{name}.gz"] = gzip.compress(data, mtime=0)
        else:
            files[name] = data
    return files


def renamed(run: Run) -> Files:
    """Logs under a name of the program's own."""
    return {
        name.replace("log_peer_", "peer_"): "".join(lines).encode()
        for name, lines in run.files.items()
    }


def crashed(run: Run) -> Files:
    """A block of NUL bytes in one log, as a machine that lost its power leaves it."""
    files = {name: "".join(lines).encode() for name, lines in run.files.items()}
    name = max(name for name in files if name.startswith("log_"))
    lines = files[name].splitlines(keepends=True)
    lines.insert(len(lines) // 2, bytes(512))
    return files | {name: b"".join(lines)}
