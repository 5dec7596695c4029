"""Holds the sessions: contact first, then all the others, several at once; the findings of all."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from probe.conversation.stage import Cancelled, Stage
from probe.model import Finding, Outcome, Plan, Record
from probe.program.folders import FILE_NAME
from probe.program.program import ProgramError
from probe.program.words import folder_named
from probe.registry import CASES, PLANS, WATCHES
from probe.settings import Settings, SettingsError

CONTACT = ("contact-seed", "contact-leecher")
MOST_LAG = 0.1
"""Seconds that the probe's own loop may be late before timing cases are void (rule 5)."""
SLOW_STARTS = 20.0
"""At most so many programs start at once, times the seconds that one was seen to take."""
STALL = 1.0
"""Seconds that the probe's own loop may be late before nothing at all can be judged: the machine stood still."""
USUAL_PLACES = ("peer_{id}", "{id}", ".")
"""Where programs look for a seed's file, the assignment's place first."""
LESS_PATIENCE = 0.4
"""Factor on the waits where another place for the file is tried."""
_WHY = {
    "time": "The session took too long and was ended.",
    "flood": "The program was ended because it sent more than 20000 messages.",
    "output": "The program was ended because it printed more than 64 MB in a moment.",
}
Progress = Callable[[str, Record | None], None]


@dataclass(slots=True)
class Run:
    """Everything that came of a run."""

    records: list[Record] = field(default_factory=list)
    diagnosis: Finding | None = None
    seconds: float = 0.0
    place: str = "peer_{id}"
    notes: list[str] = field(default_factory=list)

    def findings(self) -> list[Finding]:
        """All findings, session by session."""
        return [one for record in self.records for one in record.findings]


class Engine:
    """One run over some sessions."""

    def __init__(
        self, settings: Settings, out: Path, progress: Progress, flag: threading.Event | None = None
    ) -> None:
        self.settings = settings
        self.out = out
        self.progress = progress
        self.flag = flag or threading.Event()
        self.start_seconds = 0.0

    def run(self, plans: Iterable[str]) -> Run:
        """Contact, then the sessions; ends early where contact ends in a diagnosis (rule 3)."""
        began = time.monotonic()
        run = Run()
        wanted = [PLANS[name] for name in plans]
        self._contact(run)
        jobs = self._jobs(run)
        rest = [plan for plan in wanted if plan.name not in CONTACT]
        if not run.diagnosis:
            rest.sort(key=lambda plan: -plan.seconds)
            blocked = [plan for plan in rest if _hopeless(plan, run.records)]
            rest = [plan for plan in rest if plan not in blocked]
            run.records += self._hold(rest, jobs)
            run.records += [_not_held(plan, run.records) for plan in blocked]
            self._repeat_alone(run)
        run.seconds = time.monotonic() - began
        return run

    def _jobs(self, run: Run) -> int:
        """How many sessions are held at once: fewer of a program that starts slowly, for they slow each other."""
        first = [
            next((e.at for e in one.events if e.kind == "connection"), 0.0) for one in run.records
        ]
        self.start_seconds = max(first, default=0.0)
        jobs = min(self.settings.jobs, max(1, int(SLOW_STARTS / max(self.start_seconds, 0.1))))
        if jobs < self.settings.jobs:
            run.notes.append(f"Your program takes {self.start_seconds:.1f} s to start, so fewer conversations are held at a time ({jobs}).")  # fmt: skip
        return jobs

    def _contact(self, run: Run) -> None:
        """Both contact sessions; where the seed doesn't work, with the file in other places."""
        places = [self.settings.data]
        if self.settings.data == "auto":
            places = list(USUAL_PLACES)
        first: list[Record] | None = None
        for place in places:
            settings = dataclasses.replace(self.settings, data=place)
            if first is not None:
                settings.patience *= LESS_PATIENCE
            names = CONTACT if first is None else CONTACT[:1]
            records = self._hold([PLANS[name] for name in names], 2, settings)
            if first is None:
                first = records
                places[1:1] = named_place(records[0]) if self.settings.data == "auto" else []
            if not self._lacks_file(records[0]):
                records = [*records, *first[1:]] if records is not first else records
                run.place = place
                self.settings = dataclasses.replace(self.settings, data=place)
                break
        else:
            records = first or []
            self.settings = dataclasses.replace(self.settings, data=places[0])
        run.records += records
        run.diagnosis = next(filter(None, map(_diagnosis, records)), None)

    @staticmethod
    def _lacks_file(record: Record) -> bool:
        """Whether the seed may not have found its file: it ended, or told no pieces."""
        broken = {one.case for one in record.findings if one.outcome is Outcome.BROKEN}
        told = any(
            event.kind == "bitfield" and not event.sent and any(event.data)
            for event in record.events
        )
        return bool(broken & {"ST-01", "BF-01", "HS-01"}) and not told and not _spoke(record)

    def _hold(self, plans: list[Plan], jobs: int, settings: Settings | None = None) -> list[Record]:
        found: dict[str, Record] = {}
        with concurrent.futures.ThreadPoolExecutor(max_workers=jobs) as pool:
            tasks = {
                pool.submit(self._one, plan, settings or self.settings): plan for plan in plans
            }
            try:
                for task in concurrent.futures.as_completed(tasks):
                    found[tasks[task].name] = task.result()
            except BaseException:
                self.flag.set()
                for task in tasks:
                    task.cancel()
                raise
        return [found[plan.name] for plan in plans]

    def _one(self, plan: Plan, settings: Settings, *, alone: bool = False) -> Record:
        """One session, held and looked at."""
        if self.flag.is_set():
            raise Cancelled
        self.progress(plan.name, None)
        folder = self.out / (f"{plan.name}-alone" if alone else plan.name)
        for _ in range(2):  # once more where the machine stood still
            stage = Stage(plan, settings, folder, self.flag, self.start_seconds)
            record = stage.hold()
            if record.lag <= STALL:
                break
        record.alone = alone
        look_at(record, stage.stuck_at)
        self.progress(plan.name, record)
        return record

    def _repeat_alone(self, run: Run) -> None:
        """Sessions with timing cases in which the probe itself was late are held once more, alone (rule 5)."""
        for at, record in enumerate(run.records):
            timing = [
                one
                for one in record.findings
                if CASES[one.case].timing and one.outcome is Outcome.UNDECIDED
            ]
            if record.lag > MOST_LAG and timing and not record.alone:
                run.records[at] = self._one(record.plan, self.settings, alone=True)


def _diagnosis(record: Record) -> Finding | None:
    """The finding of a contact session after which nothing else makes sense (rule 3)."""
    if "diagnosis" in record.marks:
        return next((one for one in record.findings if one.outcome is Outcome.BROKEN), None)
    if record.stuck in _WHY:
        return Finding(record.plan.answers[0], record.plan.name, Outcome.BROKEN, _WHY[record.stuck], lines=record.output)  # fmt: skip
    return None


def named_place(record: Record) -> list[str]:
    """The folder in which a seed says that it didn't find its file, below the working directory, if it says so."""
    said = folder_named((*record.trace, *record.output), FILE_NAME)
    if said is None:
        return []
    path = Path(said)
    if path.is_absolute():
        run = Path(record.folder).resolve() / "run"
        if not path.resolve().is_relative_to(run):
            return []
        path = path.resolve().relative_to(run)
    place = path.as_posix().replace(str(record.plan.you), "{id}")
    return [] if ".." in path.parts or place in USUAL_PLACES else [place]


def _hopeless(plan: Plan, contact: list[Record]) -> bool:
    """Whether the program must dial for this session, and was seen not to."""
    return bool(plan.predecessors) and any(
        one.stuck in CASES and one.plan.name == "contact-leecher" for one in contact
    )


def _not_held(plan: Plan, contact: list[Record]) -> Record:
    """A session that isn't held, since contact has shown that it can't be."""
    record = Record(plan)
    look_at(record, next(one.stuck for one in contact if one.stuck in CASES))
    return record


def _spoke(record: Record) -> bool:
    """Whether it is up, wherever its file is: a diagnosis of its bytes was made, or it listens elsewhere."""
    return "up" in record.marks or any(
        line.startswith("you sent") for one in record.findings if one.spine for line in one.lines
    )


def look_at(record: Record, stuck: str) -> None:
    """The passive cases, what is blocked, what a warning can at most be (rules 1, 2, 5)."""
    plan = record.plan
    record.stuck = stuck
    if plan.lawful and plan.watched and not record.problem:
        for _, look in WATCHES:
            found = look(record)
            if found:
                record.findings.append(found)
    if not plan.lawful or plan.cap:
        record.findings = [
            dataclasses.replace(one, outcome=Outcome.WARNED)
            if one.outcome is Outcome.BROKEN
            else one
            for one in record.findings
        ]
    record.findings = [_void(record, one) for one in record.findings]
    answered = {one.case for one in record.findings}
    for case in plan.answers:
        if case not in answered:
            if stuck in CASES:
                made = Finding(case, plan.name, Outcome.BLOCKED, blocked_by=stuck)
            elif stuck or record.problem:
                why = record.problem or _WHY[stuck]
                made = Finding(case, plan.name, Outcome.UNDECIDED, why)
            else:
                made = Finding(case, plan.name, Outcome.UNTRIED)
            record.findings.append(made)


def _void(record: Record, one: Finding) -> Finding:
    """A timing case that was judged while the probe itself was late."""
    late = record.lag > (MOST_LAG if CASES[one.case].timing else STALL)
    if late and one.outcome in {Outcome.BROKEN, Outcome.WARNED}:
        text = f"The probe's own loop was late by {record.lag:.2f} s; the machine is too busy to judge this."
        return Finding(one.case, one.session, Outcome.UNDECIDED, text)
    return one


__all__ = ["CONTACT", "Engine", "ProgramError", "Run", "SettingsError", "look_at"]
