"""Grades one submission, in a process of its own: unpack, find, judge, score, write."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from verifier.findings import Standing
from verifier.grading import gradescope, pages
from verifier.grading.archives import CUT, unpack
from verifier.grading.grade import (
    NOT_JUDGED,
    Found,
    Grade,
    cut,
    document,
    parts_document,
    run_entry,
    standings,
)
from verifier.grading.members import Budget
from verifier.grading.rubric import Rubric
from verifier.grading.runsets import Judged, find_sets, judge_set
from verifier.grading.scoring import Peers, Score, count_peers, nothing, score
from verifier.grading.submissions import Submission
from verifier.judge import Verdict
from verifier.reading.config import InputError
from verifier.report import output
from verifier.showing import shown


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for all submissions; `out` is where results go, `form` is `pages` or `gradescope`."""

    rubric: Rubric
    out: Path
    strict: bool = False
    config: Path | None = None
    form: str = "pages"


@dataclass(slots=True)
class Run:
    """One run that was judged and scored."""

    label: str
    score: Score
    peers: Peers
    verdict: str
    entry: dict[str, Any]
    rules: list[str]
    warnings: list[str]
    remarks: list[str]


def grade(submission: Submission, work: Path, settings: Settings) -> Grade:
    """Grade a submission in an empty folder `work`, and write what came of it; the small result.

    This process's working folder becomes what was unpacked, so that messages name places in it.
    """
    begun = time.perf_counter()
    root = Path()
    remarks: list[str] = []
    sets: list[Judged] = []
    runs: list[Run] = []
    try:
        remarks += unpack(submission.path, work / "files", Budget())
        os.chdir(work / "files")
        found, more = find_sets(root)
        remarks += more
        for one in found:
            judged = judge_set(root, one, settings.config, lenient=not settings.strict)
            sets.append(judged)
            runs += [_run(judged, verdict, settings.rubric) for verdict in judged.verdicts]
            judged.verdicts = []
        if not found:
            remarks.insert(0, _no_logs(root))
    except InputError as error:
        remarks.insert(0, str(error))
    return _finish(submission, settings, sets, runs, remarks, begun)


def failed(submission: Submission, settings: Settings, why: str) -> Grade:
    """The grade of a submission whose process came to nothing; written, too."""
    return _finish(submission, settings, [], [], [why], time.perf_counter())


def _no_logs(root: Path) -> str:
    """That there are no logs, and what is there instead."""
    names = [shown(path.as_posix()) for path in sorted(root.rglob("*")) if path.is_file()]
    there = f"there is {', '.join(names[:3])}" if names else "nothing is there that could be one"
    return f"no logs: expected files named log_peer_[id].log; {there}"


def _run(judged: Judged, verdict: Verdict, rubric: Rubric) -> Run:
    """Score a run and make its part of the document."""
    label = f"{judged.label}, {verdict.run}" if verdict.run else judged.label
    made, peers = score(verdict, rubric), count_peers(verdict)
    entry = run_entry(verdict, label, made, peers)
    return Run(
        label,
        made,
        peers,
        entry["verdict"],
        entry,
        standings(verdict, Standing.FAIL),
        standings(verdict, Standing.WARNING),
        _remarks(verdict, peers),
    )


def _remarks(verdict: Verdict, peers: Peers) -> list[str]:
    """What a grader should know of a run before its score."""
    case = verdict.case
    told = [f"no log of {case.swarm.peer_id(peer)}" for peer in case.swarm.missing]
    for peer in range(peers.all):
        life = case.swarm.final(peer)
        if life is None:
            continue
        name = case.swarm.peer_id(peer)
        if life.empty:
            told.append(f"log of {name} is empty")
        elif life.columns.form.truncated or case.ends.lost(life):
            told.append(f"log of {name} is cut")
    return told + verdict.notes


def _finish(
    submission: Submission,
    settings: Settings,
    sets: list[Judged],
    runs: list[Run],
    remarks: list[str],
    begun: float,
) -> Grade:
    """Put together what is known, and write it."""
    rubric = settings.rubric
    problems = [_problem(one, several=len(sets) > 1) for one in sets if one.problem]
    counted = _counted(runs, rubric.runs)
    if counted is None:
        made = nothing(rubric, "it couldn't be judged")
        result = Grade(submission.name, submission.slug, NOT_JUDGED, 0.0, made.most, [])
    else:
        run = runs[counted]
        made = run.score
        result = Grade(submission.name, submission.slug, run.verdict, made.points, made.most, [])
        result.complete, result.peers = run.peers.complete, run.peers.all
        result.rules, result.warnings = run.rules, run.warnings
        which = f"{len(runs)} runs, the {rubric.runs} counts: {run.label}"
        problems += [which] * (len(runs) > 1) + [made.capped] * bool(made.capped) + run.remarks
    result.parts = [one.points for one in made.parts]
    result.run_count = len(runs)
    first = [one for one in remarks if one == CUT]
    result.remarks = cut(first + problems + remarks)
    result.seconds = round(time.perf_counter() - begun, 3)
    found = Found(settings.strict, rubric.name, counted=counted)
    found.sets = [_set_entry(one) for one in sets]
    found.runs = [run.entry for run in runs]
    _write(result, settings, document(result, made.capped, parts_document(made), found))
    return result


def _problem(one: Judged, *, several: bool) -> str:
    """Why a set couldn't be judged, and which one where there are more."""
    told = one.problem.removeprefix(".: ")
    return told if not several or told.startswith(one.label) else f"{one.label}: {told}"


def _set_entry(one: Judged) -> dict[str, Any]:
    """What is said of a set of logs."""
    return {
        "label": one.label,
        "logs": one.logs,
        "configuration": one.configuration,
        "problem": one.problem,
    }


def _counted(runs: list[Run], which: str) -> int | None:
    """The run that counts: of equals the last."""
    if not runs:
        return None
    numbers = range(len(runs))
    if which == "last":
        return numbers[-1]
    sign = 1 if which == "best" else -1
    return max(numbers, key=lambda number: (sign * runs[number].score.points, number))


def _write(result: Grade, settings: Settings, whole: dict[str, Any]) -> None:
    """Write the JSON and the page of a submission, or what Gradescope reads."""
    if settings.form == "gradescope":
        output.write(settings.out / "results.json", gradescope.render(whole))
        return
    place = settings.out / "submissions"
    text = json.dumps(whole, indent=1) + "\n"
    output.write(place / f"{result.slug}.json", text)
    output.write(place / f"{result.slug}.html", pages.submission(whole))
