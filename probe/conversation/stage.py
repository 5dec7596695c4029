"""One session: the program, the peers that are played beside it, and one loop over all sockets."""

from __future__ import annotations

import heapq
import itertools
import selectors
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event as Flag

from probe.conversation.link import Link
from probe.conversation.neighbor import Neighbor
from probe.logs import read_log
from probe.model import Event, Finding, Outcome, Plan, Record
from probe.program import ports
from probe.program.folders import Folder, content
from probe.program.program import Order, Program, ProgramError
from probe.program.words import meaning
from probe.settings import Settings, SettingsError

UP_SECONDS = 15.0
"""So long a program may take until it is up, or longer where it was seen to start slowly."""
LONGEST_SECONDS = 50.0
"""No session is held longer; ending the program comes on top."""
_TURN = 0.05
_LONGEST_STORY = 20000
"""Events that one session remembers: a program that floods is ended there."""


class Stuck(Exception):  # noqa: N818 -- the program's fault, not this one's
    """The conversation can't go on: the case of this step is broken or blocked."""

    def __init__(self, case: str) -> None:
        super().__init__(case)
        self.case = case


class Cancelled(Exception):  # noqa: N818
    """The whole run is being ended."""


class Stage:
    """A session while it is held."""

    def __init__(
        self,
        plan: Plan,
        settings: Settings,
        root: Path,
        flag: Flag | None = None,
        start_seconds: float = 0.0,
    ) -> None:
        """`start_seconds`: how long the program was seen to take until it was up."""
        self.plan = plan
        self.settings = settings
        self.flag = flag or Flag()
        self.folder = Folder(root, plan, settings)
        self.content = content(plan)
        self.record = Record(plan)
        self.patience = settings.patience
        self.up_seconds = max(UP_SECONDS, 4 * start_seconds)
        self.longest = LONGEST_SECONDS + 2 * start_seconds
        self.selector: selectors.BaseSelector = selectors.DefaultSelector()
        self.timers: list[tuple[float, int, Callable[[], None]]] = []
        self.counter = itertools.count()
        self.links: Iterator[int] = itertools.count(1)
        self.neighbors: dict[int, Neighbor] = {}
        self.program: Program | None = None
        self.begin = time.monotonic()
        self.port = 0
        self.stuck_at = ""
        self._ports: list[int] = []
        self._looked = 0.0
        for peer_id, has in plan.peers:
            port, held = ports.take()
            self._ports.append(port)
            if peer_id == plan.you:
                self.port = port
                for one in held:
                    one.close()
            else:
                self.neighbors[peer_id] = Neighbor(self, peer_id, port, held, has=has)

    # -- the course of a session ---------------------------------------------------------------

    def hold(self) -> Record:
        """Fill the folder, start the program, hold the conversation, end everything."""
        record = self.record
        try:
            numbers = {one: other.port for one, other in self.neighbors.items()}
            self.folder.fill(numbers | {self.plan.you: self.port})
            self.plan.script(self)
        except Stuck as stuck:
            self.stuck_at = stuck.case
        except (Cancelled, SettingsError, ProgramError):
            raise
        except OSError as error:
            record.problem = f"the system doesn't let it: {error}"
        except Exception as error:  # noqa: BLE001 -- a fault of ours costs one session, not the run
            where = traceback.extract_tb(error.__traceback__)[-1]
            record.problem = f"internal error of the probe, please report it: {error!r} in {where.filename}:{where.lineno}"
        finally:
            self.close()
        record.seconds = self.now()
        return record

    def start(self) -> None:
        """Start the program; listen as its predecessors, dial as its successors."""
        for one in self.neighbors.values():
            if one.listens:
                one.listen()
        order = Order(self.folder.command(), self.folder.work.resolve(), self.folder.output)
        self.program = Program(order)
        self.begin = time.monotonic()
        self.selector.register(self.program, selectors.EVENT_READ, self)
        self.dial_all()

    def dial_all(self) -> None:
        """Successors dial one after the other, each when the one before it is connected."""
        waiting = [self.neighbors[one] for one in self.plan.successors if self.neighbors[one].dials]
        for one, following in itertools.pairwise(waiting):
            one.then_dial = following
        if waiting:
            waiting[0].dial()

    def close(self) -> None:
        """End the program, close all sockets, read what it left."""
        record = self.record
        if self.program:
            self.program.stop()
            record.status = self.program.status
            record.output = tuple(self.program.last_words())
            record.trace = tuple(self.program.traceback())
        for one in self.neighbors.values():
            one.close()
        self.selector.close()
        for port in self._ports:
            ports.give_back(port)
        path = self.folder.find_log()
        if path:
            record.log = tuple(read_log(path))
            record.log_place = str(path.relative_to(self.folder.root / "run"))
        record.folder = str(self.folder.root)
        self.folder.shrink()

    # -- time ------------------------------------------------------------------------------------

    def now(self) -> float:
        """Seconds since the program was started."""
        return time.monotonic() - self.begin

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        """Call something later, while the loop runs."""
        heapq.heappush(self.timers, (time.monotonic() + seconds, next(self.counter), call))

    def mark(self, name: str) -> float:
        """Remember this moment under a name for the cases."""
        self.record.marks[name] = self.now()
        return self.record.marks[name]

    def run(self, seconds: float, until: Callable[[], bool] | None = None) -> bool:
        """Turn the loop until something is so, or for some seconds; whether it became so."""
        end = time.monotonic() + seconds
        while True:
            if until and until():
                return True
            now = time.monotonic()
            if now >= end:
                return False
            if self.now() > self.longest:
                raise Stuck("time")
            self._turn(end)

    def wait(self, seconds: float, until: Callable[[], bool]) -> bool:
        """Wait for what must come: `seconds` times the patience."""
        return self.run(seconds * self.patience, until)

    def _turn(self, end: float) -> None:
        before = time.monotonic()
        due = min(end, before + _TURN, self.timers[0][0] if self.timers else end)
        ready = self.selector.select(max(0.0, due - before))
        woken = time.monotonic()
        late = max(0.0, woken - due)
        for key, mask in ready:
            if key.data is not None:
                key.data.ready(mask)
        while self.timers and self.timers[0][0] <= time.monotonic():
            heapq.heappop(self.timers)[2]()
        late = max(late, time.monotonic() - woken)
        self.record.lag = max(self.record.lag, late)
        if before - self._looked > 0.2:
            self._looked = before
            self._look_after(self.program)

    def _look_after(self, program: Program | None) -> None:
        """Limits on the program, and the user's wish to end."""
        if self.flag.is_set():
            raise Cancelled
        if program and program.printed_too_much():
            raise Stuck("output")

    def ready(self, _mask: int) -> None:
        """News of the program: it ended."""
        assert self.program
        if self.program.poll() is not None and self.record.ended_at is None:
            self.record.ended_at = self.now()
            with suppress(KeyError):
                self.selector.unregister(self.program)

    @property
    def running(self) -> bool:
        """Whether the program still runs."""
        return self.record.ended_at is None

    # -- what happened -----------------------------------------------------------------------------

    def note(self, event: Event) -> None:
        """Remember what happened on a connection."""
        self.record.events.append(event)
        if len(self.record.events) > _LONGEST_STORY:
            raise Stuck("flood")

    def seen(
        self, kind: str, who: int | None = None, *, since: float = -1.0, index: int | None = None
    ) -> list[Event]:
        """What the program sent: messages of a kind since a moment."""
        return [
            event
            for event in self.record.events
            if not event.sent
            and event.kind == kind
            and event.at >= since
            and (who is None or event.who == who)
            and (index is None or event.index == index)
        ]

    def last(self, who: int, count: int = 4) -> tuple[Event, ...]:
        """The last events with a neighbor, as witnesses."""
        return tuple([event for event in self.record.events if event.who == who][-count:])

    # -- verdicts ------------------------------------------------------------------------------------

    def keep(self, case: str) -> None:
        """A case was kept."""
        self.record.findings.append(Finding(case, self.plan.name, Outcome.KEPT))

    def blame(
        self,
        case: str,
        because: str,
        *events: Event,
        lines: tuple[str, ...] = (),
        spine: bool = False,
    ) -> None:
        """A case was broken."""
        self.record.findings.append(
            Finding(case, self.plan.name, Outcome.BROKEN, because, events, lines, spine=spine)
        )

    def check(self, case: str, *events: Event, kept: bool, because: str) -> bool:
        """Keep or blame, and go on."""
        if kept:
            self.keep(case)
        else:
            self.blame(case, because, *events)
        return kept

    def tell(self, case: str, text: str, outcome: Outcome = Outcome.TOLD) -> None:
        """Information, or a case that can't be decided here."""
        self.record.findings.append(Finding(case, self.plan.name, outcome, text))

    def expect(
        self, case: str, seconds: float, until: Callable[[], bool], because: str, who: int = 0
    ) -> None:
        """A step of the conversation: wait for what must come, or be stuck at this case."""
        self.require(
            case, self.wait(seconds, lambda: until() or not self.running) and until(), because, who
        )

    def require(self, case: str, kept: bool, because: str, who: int = 0) -> None:  # noqa: FBT001 -- the verdict
        """A step that must have been made, or the conversation is stuck at this case."""
        if kept:
            if case in self.plan.answers:
                self.keep(case)
            return
        assert self.program
        lines = tuple(self.program.traceback())
        links = self.neighbors[who].links if who else []
        if case == self.plan.special:
            because = f"{self.plan.about.rstrip('.')}: {because}"
        if self.running and links and links[-1].eof and "closed" not in because:
            because += f" You had closed the connection with {who}."
        if not self.running:
            because += f" The program had ended {how_ended(self.program.status)}."
            lines = lines or tuple(self.program.last_words())
        elif lines:
            because += (
                " It printed a stack trace; the thread that had to do this may have died of it."
            )
        if said := meaning(lines):
            because += f" {said}"
        self.blame(case, because, *(self.last(who) if who else ()), lines=lines, spine=True)
        raise Stuck(case)

    def content_of(self, index: int) -> bytes:
        """The content of a piece; empty for an index that there isn't."""
        if index >= self.plan.pieces:
            return b""
        start = index * self.plan.piece_size
        return self.content[start : start + self.plan.piece_length(index)]

    # -- steps that many sessions make ---------------------------------------------------------------

    def link(self, who: int) -> Link:
        """The last connection of a played peer; it may be over, which is no fault by itself."""
        one = self.neighbors[who]
        if not one.links:
            raise Stuck("ST-02" if one.is_successor else "CN-01")
        return one.link or one.links[-1]


def how_ended(status: int | None) -> str:
    """An exit status in words."""
    if status is None:
        return "(how isn't known)"
    if status < 0:
        return f"by signal {-status}"
    return f"with exit status {status}"
