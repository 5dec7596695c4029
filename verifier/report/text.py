"""The report for people: a header, a line for each family, each violation with its witnesses."""

from __future__ import annotations

from collections import Counter

from verifier.checks.registry import FAMILIES
from verifier.findings import Finding, Outcome, Severity, Standing
from verifier.judge import Result, Verdict
from verifier.reading.config import InputError
from verifier.reading.files import texts
from verifier.showing import shown as plain
from verifier.traces.quotes import records

SHOWN = 5
"""Findings shown of one check."""
WIDTH = 160
"""Characters of a witness line that are shown."""
COLORS = {Severity.ERROR: "31", Severity.WARNING: "33", Severity.INFO: "36"}
ORDER = (
    Standing.PASS,
    Standing.WARNING,
    Standing.FAIL,
    Standing.UNDECIDED,
    Standing.NOT_APPLIED,
)
"""How rules came out, in the order in which it is said."""
WORDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


class Painter:
    """Colours, where they are wanted."""

    def __init__(self, *, color: bool) -> None:
        self._color = color

    def paint(self, text: str, code: str) -> str:
        """The text in a colour, or plain."""
        return f"\x1b[{code}m{text}\x1b[0m" if self._color else text


def quoted(verdict: Verdict, findings: list[Finding]) -> dict[tuple[int, int], str]:
    """The text of all witness lines, read again from the logs; by log and line."""
    wanted: dict[int, set[int]] = {}
    for finding in findings:
        for witness in finding.witnesses:
            wanted.setdefault(witness.log, set()).add(witness.line)
    found: dict[tuple[int, int], str] = {}
    for log, lines in wanted.items():
        try:
            read = texts if log < len(verdict.case.lives) else records
            found |= {
                (log, line): text
                for line, text in read(verdict.case.source(log).path, lines).items()
            }
        except InputError:
            continue
    return found


def shown(result: Result, *, notes: bool) -> list[Finding]:
    """The findings of a check that are printed."""
    least = Severity.INFO if notes else Severity.WARNING
    return [finding for finding in result.tally.findings if finding.severity >= least][:SHOWN]


def render(verdict: Verdict, *, color: bool = False, notes: bool = False) -> str:
    """The whole report of one run; `notes` shows findings that inform only."""
    painter = Painter(color=color)
    run = f", {verdict.run}" if verdict.run else ""
    mode = ", lenient" if verdict.case.swarm.lenient else ""
    lines = [f"{plain(verdict.folder)}{run}{mode}", about(verdict)]
    lines += [*(f"note: {plain(note)}" for note in verdict.notes), ""]
    lines += [_family(verdict, letter, painter) for letter in FAMILIES if _of(verdict, letter)]
    lines.append("")
    broken = [result for result in verdict.results if shown(result, notes=notes)]
    told = [finding for result in broken for finding in shown(result, notes=notes)]
    quotes = quoted(verdict, told)
    broken.sort(key=lambda result: -max(finding.severity for finding in result.tally.findings))
    for result in broken:
        lines += [*_violation(verdict, result, quotes, painter, notes=notes), ""]
    lines += _undecided(verdict)
    lines += [*_metrics(verdict), "", _last(verdict, painter)]
    return "\n".join(lines) + "\n"


def _of(verdict: Verdict, letter: str) -> list[Result]:
    return [result for result in verdict.results if result.check.family == letter]


def about(verdict: Verdict) -> str:
    """What was judged, in one line."""
    case = verdict.case
    config = case.config
    seeds = sum(peer.has_file for peer in config.peers)
    count = sum(life.columns.line_count - life.window[0] + 1 for life in case.lives)
    timed = [life.columns for life in case.lives if life.columns.timed]
    span = max((c.last_time - c.first_time for c in timed), default=0.0)
    return (
        f"{len(config.peers)} peers ({seeds} with the file), {config.pieces} pieces of"
        f" {config.piece_size} bytes, k={config.preferred} p={config.unchoking:g}"
        f" m={config.optimistic:g}, {len(case.lives)} logs, {count} lines, {span:.1f} s"
    )


def _family(verdict: Verdict, letter: str, painter: Painter) -> str:
    """One line: how the rules of a family came out; those that don't just pass by name."""
    results = _of(verdict, letter)
    marks = []
    for standing in ORDER:
        found = [result.check for result in results if result.tally.standing is standing]
        if standing is Standing.PASS and found:
            marks.append(f"{len(found)} pass")
        elif standing is Standing.NOT_APPLIED and found:
            marks.append(f"not applied: {' '.join(check.id for check in found)}")
        elif found:
            names = ", ".join(f"{check.id} {check.name}" for check in found)
            marks.append(f"{standing.value}: {names}")
    worst = [s for r in results for s in (Severity.ERROR, Severity.WARNING) if r.tally.counts[s]]
    code = COLORS[max(worst)] if worst else "32"
    return f"  {painter.paint(letter, code)} {FAMILIES[letter]:18} {'; '.join(marks)}"


def _violation(
    verdict: Verdict,
    result: Result,
    quotes: dict[tuple[int, int], str],
    painter: Painter,
    *,
    notes: bool,
) -> list[str]:
    check, tally = result.check, result.tally
    findings = shown(result, notes=notes)
    worst = max(finding.severity for finding in findings)
    head = painter.paint(f"{WORDS[worst]} {check.id} {check.name}", COLORS[worst])
    lines = [f"{head} (spec {check.clause}): {check.rule}"]
    for finding in findings:
        for witness in finding.witnesses:
            label = verdict.case.source(witness.log).label
            text = quotes.get((witness.log, witness.line), "").strip()
            lines.append(f"  {label}:{witness.line}  {_short(text)}")
        lines.append(f"    because {plain(finding.because)}")
    least = Severity.INFO if notes else Severity.WARNING
    total = sum(tally.counts[least:])
    if total > len(findings):
        lines.append(
            f"  and {total - len(findings)} more; the rule applied {tally.exercised} times"
        )
    return lines


def printable(text: str) -> str:
    """A line's text with question marks for what can't be shown."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _short(text: str) -> str:
    clean = printable(text)
    return clean if len(clean) <= WIDTH else clean[:WIDTH] + "..."


def _undecided(verdict: Verdict) -> list[str]:
    lines = [
        f"undecided {result.check.id} {result.check.name}: "
        + plain("; ".join(list(result.tally.reasons)[:3]))
        for result in verdict.results
        if result.tally.outcome is Outcome.UNKNOWN
    ]
    return [*lines, ""] if lines else []


def _metrics(verdict: Verdict) -> list[str]:
    metrics = verdict.metrics
    lines = []
    if metrics.completion:
        times = metrics.completion.values()
        lines.append(
            f"completion {min(times):.1f} to {max(times):.1f} s after each peer's first line"
        )
    if metrics.fairness is not None:
        lines.append(f"fairness of the leechers' uploads (Jain) {metrics.fairness:.2f}")
    if metrics.reciprocation is not None:
        lines.append(f"reciprocation {metrics.reciprocation:+.2f}")
    if metrics.optimistic_share is not None:
        lines.append(f"{metrics.optimistic_share:.0%} of the pieces by optimistic unchokes")
    if metrics.longest_wait is not None:
        lines.append(f"longest wait interested and choked {metrics.longest_wait:.1f} s")
    return ["metrics: " + "; ".join(lines)] if lines else []


def _last(verdict: Verdict, painter: Painter) -> str:
    code = {0: "32", 1: "31", 3: "33"}[verdict.status]
    word, _, rest = conclusion(verdict).partition(":")
    return f"{painter.paint(word, code)}:{rest}, {verdict.seconds:.2f} s"


def conclusion(verdict: Verdict) -> str:
    """The verdict in one line: `FAIL: 72 rules: 69 pass, 2 warnings, 1 fail; 34 lines concerned`."""
    return f"{word_of(verdict)}: {summary(verdict)}"


def word_of(verdict: Verdict) -> str:
    """PASS, FAIL or UNDECIDED, as the exit status says."""
    return {0: "PASS", 1: "FAIL", 3: "UNDECIDED"}[verdict.status]


def summary(verdict: Verdict) -> str:
    """How many rules came out how, then how many lines break one."""
    counts = Counter(result.tally.standing for result in verdict.results)
    parts = [
        f"{counts[one]} {one.value}{'s' * (one is Standing.WARNING and counts[one] > 1)}"
        for one in ORDER
        if counts[one] or one is Standing.PASS
    ]
    rules = f"{len(verdict.results)} rule{'s' * (len(verdict.results) != 1)}: {', '.join(parts)}"
    lines = verdict.count(Severity.ERROR) + verdict.count(Severity.WARNING)
    return f"{rules}; {lines:,} line{'s' * (lines != 1)} concerned" if lines else rules
