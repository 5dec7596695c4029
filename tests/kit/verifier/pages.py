"""Helpers of the report's tests: a page taken apart, and runs that are worth a page."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from tests.kit.verifier.judging import good_run

VOID = {"meta", "img", "br", "link", "input"}
HOSTILE = '<script>window.hacked=1</script><img src=x onerror="window.hacked=2">&amp;</script>'
"""A text that would do something if it were taken for markup."""


def broken_run(folder: Path) -> Path:
    """A run with one have missing, which H01 tells."""
    run = good_run()
    del run.log(1003)[run.find(1003, "'have' message from 1004", 3)]
    return run.write(folder)


def hostile_run(folder: Path) -> Path:
    """A run with markup in a log, in a folder whose name is markup too."""
    run = good_run()
    lines = run.log(1003)
    stamp = lines[9].split(": ")[0]
    lines.insert(10, f"{stamp}: Peer 1003 {HOSTILE}\n")
    lines.insert(11, f"{HOSTILE}\n")
    return run.write(folder / "<b>&'\"<i>")


@dataclass
class Element:
    """An element with its attributes and all text in it."""

    tag: str
    attributes: dict[str, str]
    text: str = ""


@dataclass
class Page(HTMLParser):
    """A page's elements in order; scripts and styles are left as they are."""

    source: str
    elements: list[Element] = field(default_factory=list)
    _open: list[Element] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.source)
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element."""
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        """Close an element: the one opened last."""
        assert self._open, tag
        assert self._open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        """Text belongs to all elements around it."""
        for element in self._open:
            element.text += data

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """The elements of this kind, with these attributes (`class_` for class)."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [
            one
            for one in self.elements
            if one.tag == tag and all(one.attributes.get(n) == v for n, v in wanted.items())
        ]

    def data(self) -> list[dict[str, Any]]:
        """The charts' data of each run."""
        return [json.loads(one.text) for one in self.all("script", class_="data")]
