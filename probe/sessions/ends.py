"""What is looked at when a session's swarm is complete: the end, the file, the log."""

from __future__ import annotations

from pathlib import Path

from probe.cases import logs
from probe.conversation.stage import Stage, how_ended
from probe.logs import read_log
from probe.model import Finding, Outcome
from probe.sessions.steps import MESSAGE_SECONDS

END_SECONDS = 8.0
LATE_SECONDS = 22.0
"""Some look every ten seconds whether all are complete, and wait ten more before they end."""
AT_ONCE_SECONDS = 1.0
"""Who ends later than that after the others closed didn't wait for that, but for a time of its own."""


def ends(stage: Stage, case: str) -> None:
    """The program ends by itself: without the others closing, or else after they did (EN-02, EN-04, EN-09)."""
    began = stage.mark("all complete")
    patience = END_SECONDS + stage.plan.pieces * MESSAGE_SECONDS / 2
    by_itself = stage.wait(patience, lambda: not stage.running)
    closed = stage.now()
    if not by_itself:
        for one in stage.neighbors.values():
            for link in one.links:
                link.finish()
        stage.wait(LATE_SECONDS - END_SECONDS, lambda: not stage.running)
    if stage.running:
        seconds = (patience + LATE_SECONDS - END_SECONDS) * stage.patience
        stage.blame(
            case,
            f"All peers had told you all pieces, and all connections were closed, but your program was still running {seconds:.0f} s later.",
        )
        for name in ("EN-07", "EN-08", "EN-09"):
            _block(stage, name, case)
        return
    stage.keep(case)
    ended = stage.record.ended_at or 0.0
    stage.check(
        "EN-09",
        kept=by_itself or ended - closed > AT_ONCE_SECONDS,
        because=f"You ended only after all others had closed their connections; for {patience:.0f} s after all were complete you waited.",
    )
    assert stage.program
    status = stage.program.status
    stage.check(
        "EN-07",
        kept=status == 0,
        because=f"Your program ended {how_ended(status)}; it should be 0.",
    )
    stage.tell("EN-08", f"It ended {ended - began:.1f} s after all were complete.", Outcome.TOLD)


def _block(stage: Stage, prefix: str, by: str) -> None:
    """Cases of this session that can't be asked, since the program doesn't end."""
    stage.record.findings += [
        Finding(one, stage.plan.name, Outcome.BLOCKED, blocked_by=by)
        for one in stage.plan.answers
        if one.startswith(prefix) and one != by
    ]


def drained(stage: Stage) -> None:
    """Read what is still on its way after the program has ended."""
    stage.run(
        0.3, lambda: all(one.eof or one.closed for n in stage.neighbors.values() for one in n.links)
    )


def lives(stage: Stage, case: str, seconds: float, lacking: str) -> None:
    """The program doesn't end while somebody lacks pieces (EN-01, EN-03)."""
    stage.run(seconds, lambda: not stage.running)
    stage.require(case, stage.running, f"Your program ended though {lacking} still lacks pieces.")


def file_came(stage: Stage) -> bool:
    """Whether the finished file is in its place in time."""
    return stage.wait(4.0, lambda: _is_whole(stage))


def file_is_right(stage: Stage, case: str, *, in_time: bool | None = None) -> None:
    """The finished file, byte for byte, in its place (FI-01, FI-02).

    `in_time`: what `file_came` said, where the program has ended since. Otherwise all are complete,
    and it will end by itself.
    """
    if in_time is None:
        in_time = file_came(stage)
        if not in_time:
            stage.wait(END_SECONDS, lambda: _is_whole(stage) or not stage.running)
    if in_time:
        stage.keep(case)
    elif _is_whole(stage):
        because = "The file was not there 4 s after the last piece, but it is at the end. Who looks earlier, or ends you, finds nothing."
        _warn_of_file(stage, case, because)
    else:
        _file_is_wrong(stage, case)


def _warn_of_file(stage: Stage, case: str, because: str) -> None:
    """A right file that comes late or lies elsewhere: only a case on files (FI) is about that."""
    if case.startswith("FI-"):
        stage.tell(case, because, Outcome.WARNED)
    else:
        stage.keep(case)


def _is_whole(stage: Stage) -> bool:
    return any(_same(path, stage) for path in stage.folder.finished_files())


def _same(path: Path, stage: Stage) -> bool:
    return path.is_file() and path.read_bytes() == stage.content


def _file_is_wrong(stage: Stage, case: str) -> None:
    places = stage.folder.finished_files()
    path = next((one for one in places if one.is_file()), places[0])
    where = path.relative_to(stage.folder.work)
    if path.is_file():
        data = path.read_bytes()
        if len(data) != len(stage.content):
            because = f"{where} has {len(data)} bytes, it must have {len(stage.content)}."
        else:
            at = next(i for i, (a, b) in enumerate(zip(data, stage.content, strict=True)) if a != b)
            because = f"{where} differs from the seed's file from byte {at} on (piece {at // stage.plan.piece_size})."
    else:
        others = [one for one in stage.folder.found_copies() if _same(one, stage)]
        if others:
            found = others[0].relative_to(stage.folder.root / "run")
            _warn_of_file(stage, case, f"The file is {found}; it should be {where}.")
            return
        because = f"There is no {where} 4 s after the last piece."
    stage.blame(case, because)


def file_is_untouched(stage: Stage) -> None:
    """A seed's own file (FI-04)."""
    stage.check(
        "FI-04",
        kept=_same(stage.folder.data_file(), stage),
        because="The seed's own file was changed, or is gone.",
    )


def log_is_right(stage: Stage, *, exact: bool = True, answers: tuple[str, ...] = ()) -> None:
    """The program's log after its end (LG-01 to LG-07)."""
    plan = stage.plan
    if stage.running:
        if plan.ends:
            _block(stage, "LG-", "EN-02" if plan.seed else "EN-04")
        return
    path = stage.folder.find_log()
    if path:
        stage.record.log = tuple(read_log(path))
        stage.record.log_place = str(path.relative_to(stage.folder.root / "run"))
        if path.parent in stage.folder.config_folders():
            stage.record.marks["log at home"] = 0.0001
    ended = stage.record.ended_at or 0.0
    until = min(stage.record.marks.get("all complete", ended), ended) - 0.3
    found = logs.judge(stage.record, until=until, exact=exact)
    if not plan.seed and stage.record.log_place:
        found.append(logs.counts(stage.record))
    if stage.record.log_place:
        found.append(logs.choices(stage.record, ended=True))
    wanted = answers or plan.answers
    stage.record.findings += [one for one in found if one.case in wanted]
