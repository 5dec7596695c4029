"""What a program printed: its stack trace, and what the usual ones mean."""

from __future__ import annotations

import re
from collections.abc import Iterable

_TRACEBACK = re.compile(
    r"Traceback \(most recent call last\)|^Exception in thread|^[\w.$]+(?:Exception|Error)\b.*\n\s+at "
    r"|^[ \t]+at [\w.$<>/]+\([\w.]+:\d+\)"
    r"|^thread '.*' panicked|^terminate called|^panic: |Segmentation fault|AddressSanitizer",
    re.MULTILINE,
)
_TOLD = re.compile(r"Exception|Error|[Nn]o such file|[Nn]ot found", re.ASCII)
"""Lines before a stack trace that may tell its reason: an exception that was caught and printed."""
_MISSING = re.compile(
    r"FileNotFound|NoSuchFile|[Nn]o such file|ENOENT|[Nn]ot found|[Cc](?:ould|an)(?:no|n'|not )t open"
)
_BEFORE = 2
_MEANINGS = (
    (
        r"NoSuchElementException: No line found|NoSuchElementException$|EOFError: EOF when reading a line",
        "It waits for somebody to type something. It must start without that; here its input is empty.",
    ),
    (
        r"\\(?:Common|PeerInfo)\.cfg",
        "A path is put together with a backslash, which only Windows takes for a separator. Write / or File.separator.",
    ),
    (
        r"(?:FileNotFound|NoSuchFile|No such file).*(?:Common|PeerInfo)\.cfg",
        "It looks for its configuration where it isn't: Common.cfg and PeerInfo.cfg are in the working directory.",
    ),
    (
        r"UnsupportedClassVersionError",
        "The classes were compiled by a newer Java than the one that runs them.",
    ),
    (
        r"Could not find or load main class|NoClassDefFoundError|ClassNotFoundException",
        "Java doesn't find a class: look at -cp in the command, and at where the build command puts the classes.",
    ),
    (
        r"ModuleNotFoundError|Cannot find module",
        "A module isn't there: it must be installed, or lie in the project's folder.",
    ),
    (
        r"BindException|Address already in use",
        "It binds a port that is in use. Bind your own port once, to listen; a socket that dials needs no port of yours.",
    ),
)


def meaning(lines: Iterable[str]) -> str:
    """What the words of a program that doesn't come up, or lost a thread, usually mean; empty if that isn't known."""
    for line in lines:
        for pattern, text in _MEANINGS:
            if re.search(pattern, line):
                return text
    return ""


def trace_in(text: str) -> list[str]:
    """The most telling lines of the first stack trace in a text, the exception's own among them; or none."""
    found = _TRACEBACK.search(text)
    if not found:
        return []
    start = text.rfind("\n", 0, found.start()) + 1
    before = [clean(line) for line in text[:start].splitlines()[-_BEFORE:] if _TOLD.search(line)]
    lines = [clean(line) for line in text[start:].splitlines() if line.strip()]
    heads = [at for at, line in enumerate(lines[:2]) if line.startswith("Traceback")]
    return before + (_of_python(lines[heads[0] + 1 :]) if heads else lines[: 6 - len(before)])


def _of_python(lines: list[str]) -> list[str]:
    """A Python stack trace, which names the exception last: that first, then the innermost frames."""
    last = next((at for at, line in enumerate(lines) if line[0] != " "), len(lines))
    marks = [at for at in range(last) if lines[at].strip(" ^~")]
    return [*lines[last : last + 1], *(lines[at] for at in marks[-4:])]


def clean(line: str) -> str:
    """A line of somebody's output as it may be shown on a terminal."""
    text = "".join(char if char.isprintable() else "?" for char in line.expandtabs(2))
    return text if len(text) <= 160 else text[:157] + "..."


def folder_named(lines: Iterable[str], name: str) -> str | None:
    """The folder in which a program says that it didn't find this file, as it writes it; None if it says nothing."""
    for line in lines:
        if _MISSING.search(line):
            found = re.search(rf"([^\s'\"(:=]*){re.escape(name)}", line)
            if found:
                return found[1]
    return None
