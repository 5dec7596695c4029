"""Takes docs/laptops.md apart: the messages that it quotes, and the commands of its steps."""

from __future__ import annotations

import re

from tests.kit.markdown import ROOT

PAGE = ROOT / "docs" / "laptops.md"


def section(heading: str) -> str:
    """The text under a heading, up to the next one of its rank or above."""
    text = PAGE.read_text(encoding="utf-8")
    rank = len(heading.partition(" ")[0])
    found = re.search(rf"(?ms)^{re.escape(heading)}$(.*?)(?=^#{{1,{rank}}} |\Z)", text)
    assert found, heading
    return found[1]


def messages(heading: str) -> list[str]:
    """What stands in the column "it says" of the last table under a heading."""
    _, _, table = section(heading).rpartition("| it says |")
    rows = re.findall(r"(?m)^\| (`+)(.+?) ?\1 \|", table)
    assert rows, heading
    return [message for _, message in rows]


def steps() -> list[list[str]]:
    """The commands of each numbered step by hand that has any, in order."""
    blocks = re.findall(r"(?ms)^ +```sh\n(.*?)^ +```$", section("## By hand"))
    return [[line.strip() for line in block.splitlines()] for block in blocks]
