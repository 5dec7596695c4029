"""Swarms of real peers that are killed, stopped, signalled and started again at random moments.

A seed decides the swarm's shape and what befalls whom, and when. What really happened is noted as it
happens, and what each process and the verifier say is judged by that. `python -m tests.kit.swarm.chaos`
prints a table of many such swarms.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from core.exits import ExitStatus
from tests.kit.swarm.plans import HARMLESS, KINDS, WAIT, Plan, plan
from tests.kit.swarm.swarms import Swarm, end_process
from verifier.api import verify
from verifier.findings import Severity
from verifier.judge import Options

QUICK = WAIT / 2
"""Seconds of absence at most after which a peer certainly isn't given up."""
DEADLINE = 60.0
"""Seconds after the last fault within which all have ended."""
SIGNALS = {
    "killed": signal.SIGKILL,
    "interrupted": signal.SIGINT,
    "terminated": signal.SIGTERM,
}
PREFIX = r"(peer \d+|peerProcess\.py): "
"""How each line on stderr begins."""
LEFT_OPEN = {
    "every-peer-logged",
    "full-mesh",
    "conservation",
    "all-complete",
    "knew-before-leaving",
    "announced-to-all",
    "no-sudden-loss",
    "finally-uninterested",
}
"""Checks that rightly blame a log which ends before the swarm is done."""
STATUSES = {signal.SIGKILL: -9, signal.SIGINT: 130, signal.SIGTERM: 143}


@dataclass
class Life:
    """One process of a peer, and what befell it."""

    peer_id: int
    process: subprocess.Popen[bytes]
    stderr: Path
    twin: bool = False
    """It was started while another process was this peer."""
    signals: list[signal.Signals] = field(default_factory=list)
    """What it was sent that ends it, while it ran."""
    started: float = field(default_factory=time.time)

    @property
    def status(self) -> int | None:
        """Its exit status, if it has ended."""
        return self.process.poll()

    @property
    def told(self) -> str:
        """What it said on stderr."""
        return self.stderr.read_text()


def was_starting(life: Life) -> bool:
    """Whether a signal ended Python itself, before the first line of our program."""
    if not life.told:
        return life.status in {-signal.SIGINT, -signal.SIGTERM} and -life.status in life.signals
    return "init_import_site" in life.told and signal.SIGINT in life.signals and life.status == 1


class Chaos:
    """Carries a plan out; as a context manager it ends whatever it started."""

    def __init__(self, folder: Path, what: Plan) -> None:
        self.plan = what
        self.swarm = Swarm(folder, *what.members, **what.shape)  # type: ignore[arg-type]  # by name
        self.lives: list[Life] = []
        self.away: dict[int, float] = {}
        """Since when a peer is away: dead, not started yet, or stopped where that may cost a connection."""
        self.longest_away: dict[int, float] = {}
        """Seconds of each peer's longest absence; without end if it never came back."""
        self._begin = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for life in self.lives:
            end_process(life.process)
        self.swarm.__exit__()

    # What happens.

    def run(self) -> None:
        """Start all, let happen what is planned, and wait until everybody has ended."""
        late = {f.victim: f.lasts for f in self.plan.faults if f.kind == "started late"}
        steps = [(late.get(peer_id, 0.0), "start", peer_id) for peer_id in self.swarm.members]
        for fault in self.plan.faults:
            if fault.kind == "stopped":
                steps += [(fault.at, "stop", fault.victim)]
                steps += [(fault.at + fault.lasts, "continue", fault.victim)]
            elif fault.kind == "started twice":
                steps += [(fault.at, "start twice", fault.victim)]
            elif fault.kind != "started late":
                word, _, again = fault.kind.partition(", ")
                steps += [(fault.at, word, fault.victim)]
                steps += [(fault.at + fault.lasts, "start again", fault.victim)] * bool(again)
        self._begin = time.monotonic()
        self.away = dict.fromkeys(self.swarm.members, 0.0)
        for at, what, peer_id in sorted(steps, key=lambda step: step[0]):
            time.sleep(max(0.0, self._begin + at - time.monotonic()))
            self._do(what, peer_id)
        self._await_end()

    def _do(self, what: str, peer_id: int) -> None:
        life = self._latest(peer_id)
        if what == "start":
            self._start(peer_id)
        elif life is None:
            return  # it comes late, and wasn't there yet
        elif what == "start again":
            with contextlib.suppress(subprocess.TimeoutExpired):
                life.process.wait(10)  # a signal ends it in order
            if life.signals and life.status is not None:
                self._start(peer_id)
        elif life.status is not None:
            return
        elif what == "start twice":
            if self._listens(life):
                self._start(peer_id, twin=True)
        elif what == "stop":
            life.process.send_signal(signal.SIGSTOP)
            if not (self._knows_all(life) and self.plan.kinds <= HARMLESS):
                self.away.setdefault(peer_id, self._now())
        elif what == "continue":
            life.process.send_signal(signal.SIGCONT)
            self._is_back(peer_id)
        else:
            number = SIGNALS[what]
            life.signals.append(number)
            life.process.send_signal(number)
            self.away.setdefault(peer_id, self._now())

    def _start(self, peer_id: int, *, twin: bool = False) -> None:
        """Start a process of this peer, whose stderr is its own."""
        self.swarm.start(peer_id)
        path = self.swarm.diagnostics_path(peer_id)
        stderr = path.with_name(f"{path.stem}_{len(self.lives)}.txt")
        path.rename(stderr)
        self.lives.append(Life(peer_id, self.swarm.processes.pop(peer_id), stderr, twin))
        if not twin:
            self._is_back(peer_id)

    def _listens(self, life: Life) -> bool:
        """Whether this process has the port: it makes its log after that."""
        log = self.swarm.folder / f"log_peer_{life.peer_id}.log"
        return log.exists() and log.stat().st_ctime >= life.started

    def _knows_all(self, life: Life) -> bool:
        """Whether it was connected with everybody: then a stop alone costs nobody a connection."""
        lines = self.swarm.log(life.peer_id) if self._listens(life) else []
        made = [line for line in lines if re.search("makes a connection|is connected from", line)]
        return len(made) >= len(self.swarm.members) - 1

    def _is_back(self, peer_id: int) -> None:
        since = self.away.pop(peer_id, None)
        if since is not None:
            absence = self._now() - since
            self.longest_away[peer_id] = max(absence, self.longest_away.get(peer_id, 0))

    def _await_end(self) -> None:
        deadline = time.monotonic() + DEADLINE
        for life in self.lives:
            with contextlib.suppress(subprocess.TimeoutExpired):
                life.process.wait(max(0.0, deadline - time.monotonic()))

    def _latest(self, peer_id: int) -> Life | None:
        """Its last process; a twin counts if it came when the first was gone, and so wasn't refused."""
        refused = ExitStatus.UNUSABLE
        lives = [
            life
            for life in self.lives
            if life.peer_id == peer_id and not (life.twin and life.status == refused)
        ]
        return lives[-1] if lives else None

    def _now(self) -> float:
        return time.monotonic() - self._begin

    # What is judged.

    def faults_found(self) -> list[str]:
        """Everything that what happened doesn't explain."""
        found = [f"{life.peer_id}: {text}" for life in self.lives for text in self._judge(life)]
        found += list(self._judge_copies())
        return found + list(self._judge_verdict())

    @property
    def harmed(self) -> set[int]:
        """Peers a life of which was ended by somebody."""
        return {life.peer_id for life in self.lives if life.signals}

    @property
    def given_up(self) -> bool:
        """Whether anybody was away for so long that others may have given him up."""
        for_ever = any(
            life.signals for peer_id in self.swarm.members if (life := self._latest(peer_id))
        )
        return for_ever or any(absence > QUICK for absence in self.longest_away.values())

    def _judge(self, life: Life) -> Iterable[str]:
        """One process: its status, and what it said."""
        status, told = life.status, life.told
        if status is None:
            if "no progress for" not in told:
                yield f"waits in silence\n{told}"
            return
        if was_starting(life):
            return
        if strange := [line for line in told.splitlines() if not re.match(PREFIX, line)]:
            yield f"strange words on stderr: {strange}"
        if status not in self._allowed(life):
            yield f"status {status}, allowed {self._allowed(life)}\n{told}"
        at_once = len(life.signals) > len(set(life.signals))  # the same signal twice
        if status > 0 and not life.twin and not at_once and f"with status {status}: " not in told:
            yield f"status {status} without a word\n{told}"
        if status == 0:
            yield from self._judge_success(life)
        if status == 3:
            yield from self._judge_missing(told)

    def _allowed(self, life: Life) -> set[int]:
        """The statuses that what befell this process explains."""
        if life.twin:
            # It may come when the first is gone: then it's the peer, and may find others gone too.
            return {1} if not self._first_ended(life) else {0, 1, 3}
        allowed = {0} | {STATUSES[number] for number in life.signals}
        if self.given_up or life.peer_id in self.harmed:
            allowed.add(3)
        return allowed

    def _first_ended(self, twin: Life) -> bool:
        return any(one.status is not None for one in self._before(twin))

    def _before(self, twin: Life) -> list[Life]:
        number = self.lives.index(twin)
        return [one for one in self.lives[:number] if one.peer_id == twin.peer_id]

    def _judge_success(self, life: Life) -> Iterable[str]:
        """Status 0: everybody has once had the complete file, and said so in a log."""
        for peer_id, member in self.swarm.members.items():
            if not member.has_file and not self._completed(peer_id):
                yield f"ended with 0, but {peer_id} never completed\n{life.told}"

    def _completed(self, peer_id: int) -> bool:
        logs = self.swarm.folder.glob(f"log_peer_{peer_id}.log*")
        return any("has downloaded the complete file" in log.read_text() for log in logs)

    def _judge_missing(self, told: str) -> Iterable[str]:
        """Status 3: whoever is named as missing has ended, or was away."""
        words = told.rpartition("missing: ")[2]
        named = [int(number) for number in re.findall(r"(\d+) \((?:it told|never)", words)]
        if not named:
            yield f"names nobody\n{told}"
        for peer_id in named:
            life = self._latest(peer_id)
            gone = life is None or life.status is not None
            if not gone and self.longest_away.get(peer_id, 0) < QUICK:
                yield f"misses {peer_id}, who is there\n{told}"

    def _judge_copies(self) -> Iterable[str]:
        """A file under its real name is the seed's (spec 9.2)."""
        for peer_id in self.swarm.members:
            copy = self.swarm.copy_of(peer_id)
            for path in copy.parent.glob(f"{copy.name}*"):
                if path.suffix != ".part" and path.read_bytes() != self.swarm.content:
                    yield f"{path} differs from the seed's"
            life = self._latest(peer_id)
            if life is not None and life.status == 0 and not copy.exists():
                yield f"{peer_id} ended with 0 and has no file"

    def _judge_verdict(self) -> Iterable[str]:
        """Errors are explained where a peer is gone that never ended with 0; warnings, by less."""
        if not any(log.stat().st_size for log in self.swarm.folder.glob("log_peer_*")):
            return  # all were gone before any two met: there is nothing to judge
        report = verify([self.swarm.folder], Options())
        yield from report.problems
        for verdict in report.verdicts:
            peers = verdict.case.config.peers
            owners = [peers[life.owner].peer_id for life in verdict.case.lives]
            for result in verdict.results:
                for finding in result.tally.findings:
                    named = {
                        int(number) for number in re.findall(r"peer[_ ](\d+)", finding.because)
                    }
                    logs = [x.log for x in finding.witnesses if x.log < len(owners)]
                    named |= {owners[log] for log in logs}  # beyond them are traces
                    explained = result.check.name in LEFT_OPEN and named & self.short
                    if finding.severity >= Severity.WARNING and not explained:
                        yield f"{result.check.id} {result.check.name}: {finding}"

    @property
    def short(self) -> set[int]:
        """Peers whose last process ended before everybody was complete."""
        latest = {peer_id: self._latest(peer_id) for peer_id in self.swarm.members}
        return {peer_id for peer_id, life in latest.items() if life is None or life.status}


@dataclass
class Outcome:
    """What came of one swarm."""

    plan: Plan
    lives: list[tuple[int, bool, tuple[str, ...], int | None]]
    faults: list[str]
    seconds: float


def play(seed: int, folder: Path) -> Outcome:
    """One swarm from its plan to what is wrong with it."""
    begin = time.monotonic()
    with Chaos(folder, plan(seed)) as chaos:
        chaos.run()
        faults = chaos.faults_found()
        lives = [
            (x.peer_id, x.twin, tuple(sorted(s.name for s in x.signals)), x.status)
            for x in chaos.lives
        ]
        return Outcome(chaos.plan, lives, faults, time.monotonic() - begin)


def main() -> None:
    """Play many swarms, a few at a time; print what is wrong, and a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.kit.swarm.chaos", description=__doc__)
    parser.add_argument("--first", type=int, default=0, help="first seed (default: 0)")
    parser.add_argument("--swarms", type=int, default=10, help="how many (default: 10)")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time (default: 2)")
    parser.add_argument("--keep", type=Path, help="keep the swarms' folders here")
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        place = arguments.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        seeds = range(arguments.first, arguments.first + arguments.swarms)
        pool = stack.enter_context(ThreadPoolExecutor(arguments.jobs))
        outcomes = []
        for outcome in pool.map(lambda seed: play(seed, place / f"{seed}"), seeds):
            outcomes.append(outcome)
            print(f"{outcome.plan} -> {outcome.lives} {outcome.seconds:.1f} s", flush=True)
            for fault in outcome.faults:
                print(f"    ! {fault}", flush=True)
    print(table(outcomes))


def table(outcomes: list[Outcome]) -> str:
    """By kind of fault: swarms that had it, and how their processes ended."""
    lines = ["| fault | swarms | exit statuses | swarms with faults |", "|---|---|---|---|"]
    for kind in KINDS:
        those = [outcome for outcome in outcomes if kind in outcome.plan.kinds]
        statuses = Counter(status for one in those for *_, status in one.lives)
        told = ", ".join(f"{status}: {number}" for status, number in statuses.most_common())
        lines.append(f"| {kind} | {len(those)} | {told} | {sum(bool(x.faults) for x in those)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
