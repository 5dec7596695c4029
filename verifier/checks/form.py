"""F: form. What a log must look like before anything can be read from it (spec 8.1, 8.2)."""

from __future__ import annotations

from verifier.checks.registry import Scope, check
from verifier.findings import Severity, Tally, Witness
from verifier.history.case import Case
from verifier.history.facts import View
from verifier.reading.columns import Examples
from verifier.reading.files import CRLF

ERROR, WARNING = Severity.ERROR, Severity.WARNING


def _once(
    view: View,
    tally: Tally,
    seen: Examples,
    because: str,
    shown: int = 1,
    severity: Severity | None = None,
) -> None:
    """One finding for all lines of a log with the same fault."""
    if seen.count:
        lines = [Witness(view.life.index, line) for line, _ in seen.first[:shown]]
        more = f" ({seen.count} lines)" if seen.count > 1 else ""
        tally.report(because + more, *lines, times=seen.count, severity=severity)


@check(
    "F01",
    "every-peer-logged",
    ERROR,
    clause="8.1",
    rule="Each peer of PeerInfo.cfg has exactly one log, and there is no other.",
    order="-",
    needs="all logs",
    example="log_peer_1003.log is missing, or log_peer_1009.log belongs to no peer.",
)
def every_peer_logged(case: Case, tally: Tally) -> None:
    """Missing and empty logs, and logs of peers that aren't listed."""
    tally.saw(len(case.config.peers))
    for peer in case.swarm.missing:
        if peer in case.swarm.elsewhere:
            continue  # it took no part in this run of several: its log is there
        name = case.swarm.peer_id(peer)
        tally.report(case.swarm.unusable.get(name) or f"there is no log_peer_{name}.log")
    for life in case.lives:
        if life.empty and life.last:  # an earlier life may have been killed before its first line
            tally.report(f"{life.file.label} is empty")
    for label in case.swarm.strangers:
        tally.report(f"{label} is there, but PeerInfo.cfg doesn't list that peer")


@check(
    "F02",
    "known-sentence",
    ERROR,
    lenient=WARNING,
    clause="8.1, 8.2",
    rule="Each line is exactly one of the eleven sentences, full stop included.",
    order="-",
    needs="one log",
    example="`Peer 1001 is choked by 1002` has no full stop at its end.",
    scope=Scope.LOG,
)
def known_sentence(view: View, tally: Tally) -> None:
    """Each way of departing from the prescribed form is told once for each log."""
    form = view.columns.form
    tally.saw(form.sentences + form.unread.count)
    for text, seen in form.deviations.items():
        # Line ends are the platform's, not the sentence's: form alone, whatever the mode.
        severity = WARNING if text == CRLF else None
        _once(view, tally, seen, f"not the prescribed form: {text}", severity=severity)
    problems = sorted({text for _, text in form.unread.first})
    _once(view, tally, form.unread, "states no event that could be read: " + ", ".join(problems), 3)


@check(
    "F03",
    "own-subject",
    ERROR,
    lenient=WARNING,
    clause="8.1",
    rule="The subject of each line is the peer whose log it is.",
    order="-",
    needs="one log",
    example="log_peer_1001.log says `Peer 1002 is choked by 1003.`",
    scope=Scope.LOG,
)
def own_subject(view: View, tally: Tally) -> None:
    """Sentences about another peer are not taken as events of this one."""
    tally.saw(view.columns.form.sentences)
    _once(view, tally, view.columns.form.foreign_subject, "the subject is another peer", 3)


@check(
    "F04",
    "known-ids",
    ERROR,
    clause="1.3, 8.1",
    rule="Every other peer named is listed in PeerInfo.cfg and isn't the writer.",
    order="-",
    needs="one log",
    example="log_peer_1001.log names peer 1017, which isn't listed.",
    scope=Scope.LOG,
)
def known_ids(view: View, tally: Tally) -> None:
    """Ids that belong to nobody, or to the writer itself."""
    form = view.columns.form
    tally.saw(form.sentences)
    ids = ", ".join(sorted({text for _, text in form.stranger.first})[:5])
    _once(view, tally, form.stranger, f"no such neighbor in PeerInfo.cfg: {ids}", 3)
    own = view.swarm.peer_id(view.life.owner)
    _once(view, tally, form.own_id, f"{own} is the writer's own id", 3)
    _once(view, tally, form.no_id, "0 is nobody's id", 3, WARNING if view.swarm.lenient else None)


@check(
    "F05",
    "clock-forward",
    WARNING,
    clause="8.1",
    rule="Times don't fall from one line to the next.",
    order="L",
    needs="one log",
    example="a line of 10:00:05 comes before one of 10:00:04.",
    scope=Scope.LOG,
)
def clock_forward(view: View, tally: Tally) -> None:
    """Falls show a stepped clock, or lines written out of order."""
    tally.saw(max(0, view.columns.line_count - 1))
    for line, seconds in view.columns.form.clock_back.first:
        tally.report(
            f"the time falls by {seconds} s",
            Witness(view.life.index, line - 1),
            Witness(view.life.index, line),
        )
    beyond = view.columns.form.clock_back.count - len(view.columns.form.clock_back.first)
    if beyond > 0:
        tally.report("further falls", times=beyond)


@check(
    "F06",
    "piece-range",
    ERROR,
    clause="1.4",
    rule="A piece's index is between 0 and the number of pieces minus one.",
    order="-",
    needs="one log",
    example="piece 306 of a file of 306 pieces.",
    scope=Scope.LOG,
)
def piece_range(view: View, tally: Tally) -> None:
    """Indices beyond the file."""
    tally.saw(view.columns.have_count + len(view.life.seq))
    seen = view.columns.form.out_of_range
    _once(view, tally, seen, f"no such piece: there are {view.config.pieces}", 3)


@check(
    "F07",
    "list-form",
    ERROR,
    lenient=WARNING,
    clause="8.1",
    rule="A choice names each neighbor once, and nothing that isn't a neighbor.",
    order="-",
    needs="one log",
    example="`has the preferred neighbors 1002,1002.`",
    scope=Scope.LOG,
)
def list_form(view: View, tally: Tally) -> None:
    """Repeated ids, and placeholders such as 0 (spec 1.3); an empty list is allowed."""
    tally.saw(len(view.columns.events.lists))
    form = view.columns.form
    _once(view, tally, form.bad_list, "an id is listed twice", 3)
    _once(view, tally, form.placeholder, "a placeholder is chosen where no neighbor is", 3)


@check(
    "F08",
    "one-run-per-file",
    ERROR,
    lenient=WARNING,
    clause="8.1",
    rule="A log holds one run only.",
    order="L",
    needs="one log",
    example="the count of pieces begins again at 1 below a second line of the same connection.",
)
def one_run_per_file(case: Case, tally: Tally) -> None:
    """Files to which several runs were appended."""
    for life in case.lives:
        tally.saw()
        starts = case.swarm.runs.get(life.file.label, [])
        if starts:
            tally.report(
                f"{len(starts) + 1} runs stand in {life.file.label}",
                *(case.at(life, line) for line in starts[:5]),
            )


@check(
    "F09",
    "not-truncated",
    WARNING,
    clause="8.2",
    rule="The last line ends with a newline.",
    order="-",
    needs="one log",
    example="the file ends in the middle of a sentence.",
    scope=Scope.LOG,
)
def not_truncated(view: View, tally: Tally) -> None:
    """A file that was cut, or copied while it was written."""
    tally.saw()
    if view.columns.form.truncated:
        tally.report("the last line has no end", Witness(view.life.index, view.columns.line_count))


@check(
    "F10",
    "config-sane",
    ERROR,
    clause="1.5",
    rule="Counts, intervals and sizes are within their limits, ids and addresses are unique, and at least one peer has the file.",
    order="-",
    needs="Common.cfg and PeerInfo.cfg",
    example="no peer has the file.",
)
def config_sane(case: Case, tally: Tally) -> None:
    """What the configuration itself breaks."""
    tally.saw(6 + len(case.config.peers))
    for problem in case.config.problems:
        tally.report(problem)
