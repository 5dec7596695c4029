"""The report for people: root causes first, each with its conversation, on one screen."""

from __future__ import annotations

import textwrap
from collections import Counter

from probe.engine import Run
from probe.model import FAILED, Event, Finding, Outcome
from probe.registry import CASES
from probe.report.verdicts import Result, Root, roots

WIDTH = 96
SCREEN = 30
"""Lines of the first screen at most."""
_COUNTED = (
    (Outcome.BROKEN, "broken"),
    (Outcome.WARNED, "warnings"),
    (Outcome.BLOCKED, "blocked"),
    (Outcome.UNDECIDED, "undecided"),
    (Outcome.UNTRIED, "not applied"),
    (Outcome.KEPT, "kept"),
)


def render(
    run: Run,
    results: dict[str, Result],
    *,
    full: bool = False,
    expected: frozenset[str] = frozenset(),
) -> str:
    """The whole report."""
    if run.diagnosis:
        return _diagnosis(run.diagnosis)
    causes = roots(results)
    lines = [_contact(run), _counts(run, results), *run.notes]
    if problems := _problems(run, results, expected):
        lines += problems
    if not causes:
        lines += ["", _nothing(results, run.notes)]
    left = _undecided(results, full=full) if causes else []
    room = SCREEN - len(lines) - len(left) - 2
    shown = 0
    for number, root in enumerate(causes, 1):
        block = ["", *_block(number, root, run, full=full)]
        if not full and shown and len(block) > room - (2 if number < len(causes) else 0):
            break
        lines += block[:room] if not full else block
        room -= len(block)
        shown = number
    lines += _rest(causes[shown:])
    lines += left
    return "\n".join(lines) + "\n"


def _contact(run: Run) -> str:
    times = [
        e.at
        for r in run.records
        if r.plan.name == "contact-seed"
        for e in r.events
        if e.kind == "connection"
    ]
    up = f"up after {times[0]:.1f} s, " if times else ""
    return f"contact  {up}speaks the assignment's protocol, file found in {run.place.replace('{id}', '1001')}/"


def _counts(run: Run, results: dict[str, Result]) -> str:
    numbers: Counter[Outcome] = Counter(
        Outcome.KEPT if one.outcome is Outcome.TOLD else one.outcome for one in results.values()
    )
    parts = [f"{numbers[outcome]} {name}" for outcome, name in _COUNTED if numbers[outcome] or outcome in {Outcome.BROKEN, Outcome.KEPT}]  # fmt: skip
    parts = [
        part.replace("1 warnings", "1 warning") if part == "1 warnings" else part for part in parts
    ]
    return f"{len(results)} cases in {len(run.records)} conversations, {run.seconds:.0f} s:  {'  '.join(parts)}"


def _nothing(results: dict[str, Result], notes: list[str]) -> str:
    if any(FAILED in note for note in notes):
        return "Nothing is broken in the conversations, but a swarm failed."
    undecided = [one for one in results.values() if one.outcome is Outcome.UNDECIDED]
    if undecided:
        return "Nothing is broken. Undecided: " + ", ".join(one.case for one in undecided) + "."
    return "PASS: nothing is broken, and there are no warnings."


def _undecided(results: dict[str, Result], *, full: bool) -> list[str]:
    """Cases that this run couldn't judge."""
    found = [one for one in results.values() if one.outcome is Outcome.UNDECIDED]
    if not found:
        return []
    if full:
        return ["", *(f"Undecided: {one.case}. {one.findings[0].because}" for one in found)]
    names = ", ".join(one.case for one in found[:12])
    return ["", f"Undecided: {names}{' and others' if len(found) > 12 else ''}."]


def _problems(run: Run, results: dict[str, Result], expected: frozenset[str]) -> list[str]:
    lines = [
        f"session {one.plan.name} couldn't be held: {one.problem}"
        for one in run.records
        if one.problem
    ]
    if expected:
        kept = sorted(
            case for case in expected if case in results and results[case].outcome is Outcome.KEPT
        )
        if kept:
            lines.append(
                f"expected, but kept now: {', '.join(kept)} (take them out of the file of expected findings)"
            )
    return lines


def _diagnosis(found: Finding) -> str:
    lines = [f"{found.case}, spec {CASES[found.case].clause}", ""]
    lines += textwrap.wrap(found.because, WIDTH)
    if found.lines:
        lines += ["", *(f"  {line}" for line in found.lines)]
    if found.case == "ST-01" and found.spine:
        hint = f"{CASES['ST-01'].hint} --init tries other places for the files."
        lines += ["", *textwrap.wrap(hint, WIDTH)]
    lines += ["", "Nothing else was tried: all other cases depend on this."]
    return "\n".join(lines) + "\n"


def _block(number: int, root: Root, run: Run, *, full: bool) -> list[str]:
    """One root cause: what is wrong, the conversation, what to look for, what it explains."""
    result = root.result
    case, found = CASES[result.case], result.findings[0]
    mark = "" if result.outcome is Outcome.BROKEN else "  (warning)"
    told = len(root.explains) + len(root.blocks)
    more = f"   explains {told} more" if told else ""
    head, _, rest = found.because.partition(". ")
    title = head if head.endswith(".") else head + "."
    lines = [f"{number:<3}{line}" if not at else f"   {line}" for at, line in enumerate(textwrap.wrap(title, WIDTH - 3))]  # fmt: skip
    lines += [f"   {result.case}, spec {case.clause}{mark}{more}{_seen(result)}"]
    if rest:
        lines += textwrap.wrap(rest, WIDTH, initial_indent="   ", subsequent_indent="   ")
    lines += script(found, 12 if full else 4)
    lines += [f"      {line}" for line in found.lines[: 10 if full else 4]]
    lines += textwrap.wrap(case.hint, WIDTH, initial_indent="   ", subsequent_indent="   ")
    if told:
        lines += textwrap.wrap(
            _consequences(root), WIDTH, initial_indent="   ", subsequent_indent="   "
        )
    if full:
        lines += [f"   rule: {case.rule}", f"   session {found.session}, in {_folder(found, run)}"]
    return lines


def _seen(result: Result) -> str:
    seen, of = result.times
    return f"   seen in {seen} of {of}" if of > 1 else ""


def _folder(found: Finding, run: Run) -> str:
    return next((one.folder for one in run.records if one.plan.name == found.session), "")


def _consequences(root: Root) -> str:
    parts = []
    if root.explains:
        parts.append("Then also: " + ", ".join(one.case for one in root.explains))
    if root.blocks:
        parts.append("not judged because of it: " + ", ".join(one.case for one in root.blocks))
    text = "; ".join(parts)
    return text[0].upper() + text[1:]


def _rest(causes: list[Root]) -> list[str]:
    lines: list[str] = []
    if causes:
        names = ", ".join(root.result.case for root in causes)
        lines += ["", *textwrap.wrap(f"and {len(causes)} more: {names}. --full shows them.", WIDTH)]
    return lines


def script(found: Finding, most: int) -> list[str]:
    """The conversation at a finding, a line an event, as seen by the played peers."""
    return [f"      {line(event)}" for event in found.events[-most:]]


def line(event: Event) -> str:
    """One event: `2.469  1004 <- unchoke`; the arrow points to who gets it."""
    what = event.kind
    if (
        event.kind in {"have", "request", "piece"} and event.index is not None
    ) or event.kind == "handshake":
        what += f" {event.index}"
    elif event.kind in {"bitfield", "bytes"}:
        what += f" {event.data[:16].hex(' ')}{' ...' if len(event.data) > 16 else ''}"
    if event.kind == "piece" and event.size:
        what += f" ({event.size} bytes)"
    note = f"   {event.note}" if event.note else ""
    arrow = "->" if event.sent else "<-"
    return f"{event.at:7.3f}  {event.who} {arrow} {what}{note}"
