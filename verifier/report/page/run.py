"""One run as the page shows it: its JSON document, its charts' data, and where witnesses stand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from verifier.report.json import quotes_of, run_document
from verifier.report.page.axis import Axis
from verifier.report.page.charts import chart_data
from verifier.report.page.places import place
from verifier.report.page.words import Numbers

if TYPE_CHECKING:
    from verifier.judge import Verdict


class Run:
    """A verdict with all that its part of the page is written from.

    `id` begins the ids of its elements, `numbers` writes numbers of its `document`, `data` is what
    the charts are drawn from.
    """

    def __init__(self, verdict: Verdict, number: int) -> None:
        self.verdict = verdict
        self.id = f"run-{number}"
        quotes = quotes_of(verdict)
        self.document = run_document(verdict, quotes)
        self.numbers = Numbers(self.document, f"/runs/{number}")
        self.axis = Axis(verdict.case)
        self.data = chart_data(verdict, self.axis)
        self.data["places"] = {
            f"{result.check.id}-{nth}": [
                self._place(witness.log, witness.line, quotes) for witness in finding.witnesses
            ]
            for result in verdict.results
            for nth, finding in enumerate(result.tally.findings)
        }

    def _place(
        self, log: int, line: int, quotes: dict[tuple[int, int], str]
    ) -> list[int | None] | None:
        """Peer, moment in ticks and neighbor of a line; None for what can't be placed."""
        found = place(self.verdict.case, self.axis, log, line, quotes.get((log, line), ""))
        if found is None:
            return None
        moment = None if found.moment is None else self.axis.ticks(found.moment)
        return [found.peer, moment, found.other]

    def script(self) -> str:
        """The charts' data as JSON that can stand in a script element, whatever is in it."""
        text = json.dumps(self.data, separators=(",", ":"), allow_nan=False)
        return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
