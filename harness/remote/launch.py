"""`invoke remote.launch`: starts the peers, watches them, and sees to their end."""

from __future__ import annotations

import math
import queue
import signal
import threading
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from functools import partial

from rich.console import Console

from core.config import PeerInfo
from core.exits import ExitStatus
from harness.errors import HostError
from harness.local.children import GRACE, TICK
from harness.local.hashing import is_traced
from harness.local.launcher import Observer, Outcome
from harness.local.shutdown import Shutdown
from harness.local.swarm import headline, peer_options
from harness.remote.bundle import bundle
from harness.remote.decoder import Progress
from harness.remote.fleet import Fleet
from harness.remote.host.messages import Diagnostic, Ended, Prepared, Started
from harness.remote.plan import Plan
from harness.remote.session import Event, Lost, Session
from harness.watch.board import Board
from harness.watch.console import say
from harness.watch.live import make_display

MOST_WAITING = 1000
"""Status lines and diagnostics of a host that wait to be shown; more are left out."""


def launch(plan: Plan, fleet: Fleet, console: Console) -> tuple[Outcome, Board | None]:
    """Run the swarm; how it ended, and what was seen of its peers.

    Nothing starts unless every host is ready; then there is nothing to see.
    """
    program = bundle().name
    run = datetime.now().astimezone().strftime("%Y-%m-%dT%H-%M-%S")
    note = {"random_seed": plan.random_seed}
    ready = fleet.each(
        lambda session: session.ask(Prepared, run=run, program=program, files=plan.files, note=note)
    )
    if ready.errors:
        for problem in ready.problems:
            say(console, problem, style="red")
        say(console, "nothing was started: it takes all hosts")
        return Outcome(ExitStatus.HOSTS_FAILED, {}), None
    say(console, headline(plan.config, plan.random_seed))
    starts = []
    trace = is_traced(plan.options.trace, plan.config.file_size)
    for peer in plan.config.peers:
        session = fleet.sessions[peer.host]
        starts.append(
            (session, peer.peer_id, _command(plan, session, peer, program, run, trace=trace))
        )
    board = Board(plan.config)
    with make_display(board, console, plain=plan.options.plain) as display:
        launcher = RemoteLauncher(starts, display, timeout=plan.limits.timeout)
        return launcher.run(), board


def _command(
    plan: Plan, session: Session, peer: PeerInfo, program: str, run: str, *, trace: bool
) -> list[str]:
    """The command line of a peer on its host."""
    home = session.about.home
    command = [session.about.executable, f"{home}/programs/{program}/peerProcess.py"]
    command += [str(peer.peer_id), "--workdir", f"{home}/swarm"]
    command += ["--trace"] if trace else []
    resumes = plan.options.resume or peer.peer_id in plan.kept
    command += ["--resume"] if resumes else []
    return command + peer_options(peer.peer_id, run, plan.limits, plan.random_seed)


class RemoteLauncher:
    """Runs one command per peer, each by the agent of its host, until all have ended.

    `starts` holds a session, a peer's id and its command line, in start order.
    """

    def __init__(
        self,
        starts: Iterable[tuple[Session, int, list[str]]],
        observer: Observer,
        *,
        timeout: float = math.inf,
        grace: float = GRACE,
    ) -> None:
        self._to_start = deque(starts)
        self._sessions = {start[0].host.name: start[0] for start in self._to_start}
        self._observer = observer
        self._events: queue.SimpleQueue[tuple[Session, Event]] = queue.SimpleQueue()
        self._room = {
            session: threading.BoundedSemaphore(MOST_WAITING) for session in self._sessions.values()
        }
        self._starting: int | None = None
        self._lost: dict[Session, str] = {}
        self._running: dict[int, Session] = {}
        self._statuses: dict[int, int] = {}
        self._ending = Shutdown(
            self._signal_all, observer.on_diagnostic, timeout=timeout, grace=grace
        )

    def run(self) -> Outcome:
        """Start all, wait for all; call from the main thread, which alone may handle signals.

        The exit status is that of a swarm on one machine (harness/local/launcher.py), and 8 when a host
        was lost. Its peers count as failed; the others aren't ended for it, but go on for as long as
        the protocol has it (spec 7.3).
        """
        for session in self._sessions.values():
            session.listen(partial(self._note, session))
        with self._ending.noting_signals():
            self._start_next()
            next_tick = time.monotonic()
            while self._running and not self._ending.is_overdue:
                with suppress(queue.Empty):
                    self._take(*self._events.get(timeout=max(0.0, next_tick - time.monotonic())))
                self._ending.heed()
                if time.monotonic() >= next_tick:
                    next_tick = time.monotonic() + TICK
                    self._observer.on_tick()
        for peer_id, session in self._running.items():
            self._observer.on_diagnostic(
                f"{session.host.name}: peer {peer_id} didn't tell its end: run `invoke remote.stop`"
            )
        return Outcome(self._ending.status or 0, self._statuses, self._ending.interrupted)

    def _note(self, session: Session, event: Event) -> None:
        """On the session's thread: a host that tells more than can be shown fills no memory."""
        if _may_be_lost(event) and not self._room[session].acquire(blocking=False):
            return
        self._events.put((session, event))

    def _start_next_after(self, peer_id: int) -> None:
        if peer_id == self._starting:
            self._start_next()

    def _start_next(self) -> None:
        """In start order: the next one when this one runs; none once the swarm is ending."""
        self._starting = None
        if not self._to_start or self._ending.status is not None:
            return
        session, peer_id, command = self._to_start.popleft()
        self._starting = peer_id
        self._running[peer_id] = session
        if session in self._lost:
            self._lose(session)
            return
        with suppress(HostError):  # that it is lost comes as an event
            session.start(peer_id, command)

    def _take(self, session: Session, event: Event) -> None:
        if _may_be_lost(event):
            self._room[session].release()
        match event:
            case Started():
                self._observer.on_start(event.peer, event.pid)
                self._start_next_after(event.peer)
            case Progress():
                self._observer.on_status(event.status)
            case Diagnostic():
                self._observer.on_diagnostic(f"{session.host.name}: {event.line}")
            case Ended():
                self._end(event.peer, event.status)
                self._ending.on_end(event.peer, event.status)
                self._start_next_after(event.peer)
            case Lost():
                self._lost[session] = event.why
                self._lose(session)

    def _end(self, peer_id: int, exit_status: int) -> None:
        del self._running[peer_id]
        self._statuses[peer_id] = exit_status
        self._observer.on_end(peer_id, exit_status)

    def _lose(self, session: Session) -> None:
        lost = [peer_id for peer_id, where in self._running.items() if where is session]
        if not lost:
            return
        names = ", ".join(map(str, lost))
        self._observer.on_diagnostic(
            f"{session.host.name} is lost: {self._lost[session]}: peer {names} counts as failed"
        )
        if self._starting in lost or self._to_start:
            self._ending.begin(
                ExitStatus.HOSTS_FAILED, signal.SIGTERM
            )  # the others would wait in vain
        self._ending.status = self._ending.status or ExitStatus.HOSTS_FAILED
        for peer_id in lost:
            self._end(peer_id, ExitStatus.HOSTS_FAILED)

    def _signal_all(self, number: int) -> None:
        for session in set(self._running.values()):
            with suppress(HostError):
                session.order("signal", number=int(number))


def _may_be_lost(event: Event) -> bool:
    return isinstance(event, Progress | Diagnostic)
