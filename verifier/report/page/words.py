"""Pieces of HTML: text that is escaped, and numbers that name their place in the JSON report."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

NOTHING = '<span class="none">&ndash;</span>'
SIGNS = {
    "pass": "✓",
    "fail": "✗",
    "undecided": "?",
    "not applied": "○",
    "error": "✗",
    "warning": "!",
    "info": "i",
}
"""A sign for each outcome, so that no colour is needed to tell them apart."""
WORDS = {"error": "error", "warning": "warning", "info": "note"}


class Numbers:
    """Writes the numbers of a document so that each can be compared with the JSON report.

    `<data value="8.3712" data-json="/runs/0/metrics/completion/1002">8.37</data>`: the value is the
    document's at that JSON pointer, the text is it rounded.
    """

    def __init__(self, document: dict[str, Any], root: str) -> None:
        self._document = document
        self._root = root

    def value(self, *keys: str | int) -> Any:
        """What stands in the document under these keys; None where nothing does."""
        found: Any = self._document
        for key in keys:
            try:
                found = found[key]
            except (KeyError, IndexError, TypeError):
                return None
        return found

    def show(self, *keys: str | int, form: str = "", unit: str = "") -> str:
        """The number under these keys, in a format of `format`; a dash where there is none."""
        value = self.value(*keys)
        if value is None:
            return NOTHING
        pointer = self._root + "".join(f"/{key}" for key in keys)
        text = format(value, form)
        return f'<data value="{value!r}" data-json="{pointer}">{text}</data>{unit}'


def badge(outcome: str, text: str = "") -> str:
    """An outcome with its sign."""
    name = outcome.replace(" ", "-")
    return f'<span class="badge {name}"><i>{SIGNS[outcome]}</i> {escape(text or outcome)}</span>'


def table(head: Iterable[str], rows: Iterable[Iterable[str]], *, kind: str) -> str:
    """A table of cells that are HTML already; the first column heads the rows."""
    heads = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    lines = []
    for first, *rest in rows:
        cells = "".join(f"<td>{cell}</td>" for cell in rest)
        lines.append(f'<tr><th scope="row">{first}</th>{cells}</tr>')
    body = "\n".join(lines)
    return (
        f'<div class="wide" tabindex="0"><table class="{kind}"><thead><tr>{heads}</tr></thead>'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def figure(name: str, title: str, look: str, *, tools: str = "", more: str = "") -> str:
    """A chart's place: its title, what to look for, and what stands above and below it."""
    return (
        f'<figure class="{name}"><figcaption><h2>{title}</h2>\n<p>{look}</p>{tools}</figcaption>\n'
        f'<div class="chart" data-chart="{name}"></div>\n{more}</figure>'
    )
