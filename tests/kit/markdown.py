"""Takes Markdown apart as far as the tests of the documents need it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
RESULTS = {"runs", "probe-runs", "grades", "submissions"}
"""Folders that the commands of the documents leave in the project."""
FENCE = re.compile(r"(?ms)^```(\w*)\n(.*?)^```$")
HEADING = re.compile(r"(?m)^#+ +(.+?) *$")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


class Block(NamedTuple):
    """A fenced block: its language, its text, and the line of the file that its text begins in."""

    language: str
    text: str
    line: int


def documents() -> list[Path]:
    """Every Markdown file of the project, those of virtual environments and runs excepted."""
    found = (path for path in ROOT.rglob("*.md") if path.is_file())
    return sorted(path for path in found if not _is_foreign(path.relative_to(ROOT)))


def _is_foreign(inside: Path) -> bool:
    return inside.parts[0] in RESULTS or any(part.startswith(".") for part in inside.parts[:-1])


def name_of(path: Path) -> str:
    """A document's name in the project."""
    return path.relative_to(ROOT).as_posix()


def blocks(text: str) -> list[Block]:
    """All fenced blocks."""
    return [
        Block(found[1], found[2], text.count("\n", 0, found.start(2)) + 1)
        for found in FENCE.finditer(text)
    ]


def prose(text: str) -> str:
    """What is left without the fenced blocks."""
    return FENCE.sub("", text)


def code_spans(text: str) -> Iterator[str]:
    """What stands between single backticks in the prose."""
    return (found[1] for found in re.finditer(r"`([^`\n]+)`", prose(text)))


def links(text: str) -> list[str]:
    """The targets of all links in the prose."""
    return LINK.findall(re.sub(r"`[^`\n]+`", "", prose(text)))


def anchors(text: str) -> set[str]:
    """The anchors of all headings, as the repository's web page makes them."""
    found: dict[str, int] = {}
    made: set[str] = set()
    for heading in HEADING.findall(prose(text)):
        plain = LINK.sub(lambda link: link[0][1 : link[0].index("]")], heading).lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        count = found[slug] = found.get(slug, -1) + 1
        made.add(f"{slug}-{count}" if count else slug)
    return made
