"""Runs on each host for as long as the controller's connection lasts, and carries out its orders.

Orders and messages are JSON, one a line, over stdin and stdout: an order `{"do": "look", ...}` is
answered by `{"answer": "look", ...}` or `{"answer": "refused", "why": ...}`; in between come events of
the peers, `{"event": "started", ...}` and others, and `alive` every few seconds. The messages are those
of harness/remote/host/messages.py.

No peer outlives its agent (harness/local/children.py), and no agent its controller: it ends the peers and
itself when its stdin ends, since the connection or the controller is gone, and when it has heard
nothing for `limit` seconds, since a host may sleep or vanish without a word. A cable that is
unplugged for less than that does no harm.

Nothing but the standard library is imported: this file runs on the hosts. It is sent over stdin,
before the first order.
"""

from __future__ import annotations

import json
import os
import platform
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness.local.children import GRACE, Children, whole_lines
from harness.remote.host import messages, place
from harness.remote.host.messages import Answer, Message
from harness.remote.host.place import Place, PlaceError
from harness.remote.host.processes import LAUNCHER, Records

STDIN, STDOUT = 0, 1
ALIVE_EVERY = 5.0
"""Seconds between two signs of life."""
_LONGEST = 1 << 16
"""Bytes of a peer's line that is passed on; of a longer one the rest is left out."""
_BACKLOG = 1 << 18
"""Bytes waiting for a stalled connection beyond which status lines are dropped: the next tell more."""


class Voice:
    """Writes lines to stdout and never waits for it."""

    def __init__(self) -> None:
        self._waiting = bytearray(b"\n")  # ends what a login has printed
        self.broken = False
        os.set_blocking(STDOUT, False)

    def say(self, message: Message, *, may_be_lost: bool = False) -> None:
        """Send a message, or keep it until it can be."""
        if not (may_be_lost and len(self._waiting) > _BACKLOG):
            # A name that isn't Unicode on this disk has question marks in it then.
            text = json.dumps(message.record(), ensure_ascii=False)
            self._waiting += text.encode(errors="replace") + b"\n"
        self.flush()

    def flush(self) -> None:
        """Send what waits, as far as it goes now."""
        try:
            while self._waiting:
                del self._waiting[: os.write(STDOUT, self._waiting)]
        except BlockingIOError:
            pass
        except OSError:
            self.broken = True


class Agent:
    """Carries out orders until the connection is gone; the listener of the peers' processes."""

    def __init__(self, home: Path, limit: float, voice: Voice) -> None:
        self._place = Place(home)
        self._records = Records(home)
        self._voice = voice
        self._limit = limit
        self._children = Children(self._place.swarm, self)
        self._pids: dict[int, int] = {}
        self._note: dict[str, Any] = {}
        self._rest = bytearray()
        self._over = False
        self._heard = self._spoke = time.monotonic()

    def run(self) -> None:
        """Serve until the end of stdin, a signal, or silence; then end what runs."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._stop)
        os.set_blocking(STDIN, False)
        with self._children as children:
            children.also_watch(STDIN, self._read)
            while not self._over:
                if children.watch():
                    self._look_at_the_time()
            children.signal_all(signal.SIGTERM)
            deadline = time.monotonic() + GRACE
            while children.running and time.monotonic() < deadline:
                children.watch()
        self._records.drop(os.getpid())

    def _stop(self, *_: object) -> None:
        self._over = True

    def _read(self) -> None:
        with suppress(BlockingIOError):
            data = os.read(STDIN, 1 << 16)
            if not data:
                self._children.forget(STDIN)
                self._over = True
            self._heard = time.monotonic()
            for line in whole_lines(self._rest, data):
                if line:  # an empty one is a sign of life
                    self._carry_out(json.loads(line))

    def _look_at_the_time(self) -> None:
        if self._voice.broken or time.monotonic() > self._heard + self._limit:
            self._over = True
        self._say_alive()
        self._voice.flush()

    def _say_alive(self) -> None:
        if time.monotonic() > self._spoke + ALIVE_EVERY:
            self._spoke = time.monotonic()
            self._voice.say(messages.Alive(), may_be_lost=True)

    def _carry_out(self, order: dict[str, Any]) -> None:
        do = order.pop("do")
        work: Callable[..., Answer | None] = getattr(self, f"_do_{do}")
        try:
            answer = work(**order)
        except PlaceError as error:
            self._voice.say(messages.Refused(str(error)))
        except OSError as error:
            self._voice.say(messages.Refused(f"{error.filename or do}: {error.strerror}"))
        else:
            if answer is not None:
                self._voice.say(answer)

    # Orders.

    def _do_time(self) -> Answer:
        return messages.Clock(time.time())

    def _do_look(
        self, peers: dict[str, tuple[str, int]], names: list[str], files: list[str]
    ) -> Answer:
        """Answer what a check wants to know; `files` are paths in the working directory."""
        return messages.Look(
            ports=place.why_ports_unusable(peers),
            unresolved=place.unresolved(names, self._say_alive),
            free=self._place.free_space(),
            sizes={path: self._place.size_of(path) for path in files},
            running=self._running(),
        )

    def _do_has_program(self, program: str) -> Answer:
        """Whether it is there; if not, there is a folder to send it to now."""
        there = self._place.program(program).exists()
        self._place.program(program).parent.mkdir(parents=True, exist_ok=True)
        return messages.HasProgram(there)

    def _do_unpack(self, program: str, sha256: str) -> Answer:
        self._place.unpack(program, sha256)
        return messages.Unpacked()

    def _do_configure(self, files: dict[str, str], folders: list[str]) -> Answer:
        self._refuse_while_running()
        self._place.configure(files, folders)
        return messages.Configured()

    def _do_sums(self, paths: list[str]) -> Answer:
        return messages.Sums(self._place.sums(paths, self._say_alive))

    def _do_piece_sums(self, path: str, piece_size: int) -> Answer:
        file = self._place.swarm / path
        return messages.PieceSums(place.piece_sums(file, piece_size, self._say_alive))

    def _do_adopt(self, upload: str, path: str) -> Answer:
        return messages.Adopted(self._place.adopt(upload, path))

    def _do_reuse(self, path: str, folder: str | None, sha256: str) -> Answer:
        return messages.Reused(self._place.reuse(path, folder, sha256, self._say_alive))

    def _do_deliver(self, path: str, folder: str) -> Answer:
        return messages.Delivered(*self._place.deliver(path, folder, self._say_alive))

    def _do_prepare(
        self, run: str, program: str, files: dict[str, str], note: dict[str, Any]
    ) -> Answer:
        """Get ready to start peers; from here on this agent is a launcher."""
        self._refuse_while_running()
        self._place.check_deployed(program, files)
        self._place.begin(run, note)
        self._note = {**self._place.launch_note(), "peers": {}}
        self._records.keep(LAUNCHER, os.getpid())
        return messages.Prepared()

    def _do_start(self, peer: int, command: list[str]) -> None:
        self._note["peers"][str(peer)] = {}
        try:
            self._children.start(peer, command)
        except OSError as error:
            self.on_diagnostic(f"peer {peer}: can't be started: {error.filename}: {error.strerror}")
            self.on_end(peer, 1)

    def _do_signal(self, number: int) -> None:
        self._children.signal_all(number)

    def _do_results(self) -> Answer:
        self._refuse_while_running()
        return messages.Results(self._place.results(), self._place.launch_note())

    def _do_stop(self, grace: float) -> Answer:
        ended = self._records.end_all(grace)
        return messages.Stopped([(record.name, record.pid, how) for record, how in ended])

    def _running(self) -> list[tuple[str, int]]:
        return [(r.name, r.pid) for r in self._records.living() if r.pid != os.getpid()]

    def _refuse_while_running(self) -> None:
        running = ", ".join(f"{name} (process {pid})" for name, pid in self._running())
        if running:
            raise PlaceError(
                f"an earlier launch still runs: {running}: "
                "wait for its end, or end it with `invoke remote.stop`"
            )

    # What the processes' listener is told.

    def on_start(self, peer_id: int, pid: int) -> None:
        """Write the process down, so that it can be found without us."""
        self._pids[peer_id] = pid
        try:
            self._records.keep(f"peer {peer_id}", pid)
        except OSError as error:
            self.on_diagnostic(
                f"peer {peer_id}: {error.filename}: {error.strerror}: "
                "`invoke remote.stop` won't know of it, but it ends with this connection"
            )
        self._voice.say(messages.Started(peer_id, pid))

    def on_line(self, peer_id: int, line: bytes) -> None:
        """Pass on a status line."""
        text = line[:_LONGEST].decode(errors="replace")
        self._note["peers"][str(peer_id)]["line"] = text
        self._voice.say(messages.Line(peer_id, text), may_be_lost=True)

    def on_diagnostic(self, line: str) -> None:
        """Pass on what a peer wrote to its stderr."""
        self._voice.say(messages.Diagnostic(line[:_LONGEST]))

    def on_end(self, peer_id: int, exit_status: int) -> None:
        """Pass it on, and keep it for `remote.collect`."""
        if pid := self._pids.pop(peer_id, None):
            self._records.drop(pid)
        self._note["peers"][str(peer_id)]["exit_status"] = exit_status
        with suppress(OSError):  # on a full disk, say: the controller hears of it all the same
            self._place.write_launch_note(self._note)
        self._voice.say(messages.Ended(peer_id, exit_status))


def main() -> None:
    """Take the first order, which names the home and the limit of silence, and serve."""
    # By the buffer that the program itself was read through, which may hold this line already. What
    # comes later is read past it: the controller says nothing more before it has its answer.
    opening = sys.stdin.buffer.readline()
    if not opening:
        return
    order = json.loads(opening)
    home = Path.home() / Path(order["home"]).expanduser()
    voice = Voice()
    voice.say(
        messages.Opened(
            home=str(home),
            python=platform.python_version(),
            executable=sys.executable,
            system=platform.system(),
        )
    )
    Agent(home, order["limit"], voice).run()


if __name__ == "__main__":
    main()
