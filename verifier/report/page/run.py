"""One run as a page shows it: its JSON document and, with charts, their data and where witnesses stand."""

from __future__ import annotations

import json
from typing import Any

from verifier.judge import Verdict
from verifier.report.json import quotes_of, run_document
from verifier.report.page.axis import Axis
from verifier.report.page.charts import chart_data
from verifier.report.page.intervals import lanes
from verifier.report.page.places import place
from verifier.report.page.thinning import Detail
from verifier.report.page.words import Numbers

MOST_TRIES = 8
"""How often detail is taken away."""


class RunDocument:
    """The JSON document of one run with what a part of a page without charts is written from.

    `id` begins the ids of its elements, `numbers` writes numbers of its `document`; `explained` tells
    that each rule comes with the text of `--explain`.
    """

    def __init__(self, document: dict[str, Any], number: int, *, explained: bool = False) -> None:
        self.id = f"run-{number}"
        self.document = document
        self.numbers = Numbers(document, f"/runs/{number}")
        self.explained = explained

    def places(self, _finding: str) -> list[list[int | None] | None] | None:
        """Where a finding's witnesses stand in the timeline; None where there is no timeline."""
        return None


class Run(RunDocument):
    """A verdict with all that its part of the page is written from: `data` is what the charts are of."""

    def __init__(self, verdict: Verdict, number: int) -> None:
        self.verdict = verdict
        self._quotes = quotes_of(verdict)
        super().__init__(run_document(verdict, self._quotes), number)
        self.axis = Axis(verdict.case)
        self._lanes = lanes(verdict.case, self.axis)
        self._detail = Detail()
        self.data = self._data()

    def thin(self, most: int) -> bool:
        """Give the charts less detail, until `script` has at most so many bytes; False if it has anyway.

        `most` isn't kept where even the least detail has more.
        """
        size = len(self.script())
        if size <= most:
            return False
        self.axis.coarsen()
        for _ in range(MOST_TRIES):
            self._detail = self._detail.less(0.9 * most / size, self._lanes)
            self.data = self._data()
            size = len(self.script())
            if size <= most:
                break
        return True

    def _data(self) -> dict[str, Any]:
        data = chart_data(self.verdict, self.axis, self._lanes, self._detail)
        data["places"] = {
            f"{result.check.id}-{nth}": [
                self._place(witness.log, witness.line) for witness in finding.witnesses
            ]
            for result in self.verdict.results
            for nth, finding in enumerate(result.tally.findings)
        }
        return data

    def _place(self, log: int, line: int) -> list[int | None] | None:
        """Peer, moment in ticks and neighbor of a line; None for what can't be placed."""
        found = place(self.verdict.case, self.axis, log, line, self._quotes.get((log, line), ""))
        if found is None:
            return None
        moment = None if found.moment is None else self.axis.ticks(found.moment)
        return [found.peer, moment, found.other]

    def places(self, finding: str) -> list[list[int | None] | None] | None:
        """Where a finding's witnesses stand in the timeline."""
        found: list[list[int | None] | None] = self.data["places"][finding]
        return found

    def script(self) -> str:
        """The charts' data as JSON that can stand in a script element, whatever is in it."""
        text = json.dumps(self.data, separators=(",", ":"), allow_nan=False)
        return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
