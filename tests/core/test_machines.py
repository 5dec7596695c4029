"""Every machine, in every state, with every trigger: allowed as written here, or refused (design 5.3).

The tables below are written from the specification, not from the code: what they don't name is
forbidden. The states are told by the way that leads to them from the first one.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from transitions import MachineError

from core.machines import Connection, Download, ItsInterest, Machines, OurInterest, Upload
from core.machines.base import NeighborMachine

Step = tuple[str, str]

# kind: {(state, trigger): (next state, what is sent)}
UPLOAD: dict[Step, Step] = {
    ("choked", "prefer"): ("preferred", "unchoke"),  # 4.4
    ("optimistic", "prefer"): ("preferred_optimistic", ""),  # 4.4, 4.6: unchoked already
    ("preferred", "unprefer"): ("choked", "choke"),  # 4.4
    ("preferred_optimistic", "unprefer"): ("optimistic", ""),  # 4.4: unless it is optimistic
    ("choked", "pick_optimistic"): ("optimistic", "unchoke"),  # 4.5
    ("optimistic", "drop_optimistic"): ("choked", "choke"),  # 4.5
    ("preferred_optimistic", "drop_optimistic"): ("preferred", ""),  # 4.5: unless it is preferred
}
DOWNLOAD: dict[Step, Step] = {
    ("choked", "unchoked"): ("idle", ""),  # 6.1
    ("idle", "choked"): ("choked", ""),  # 6.3
    ("idle", "ask"): ("requesting", ""),  # 6.1
    ("requesting", "answered"): ("idle", ""),  # 6.2
    ("requesting", "choked"): ("choked", ""),  # 6.4
    ("requesting", "expire"): ("idle", ""),  # 6.6: it may be asked again
}
OUR_INTEREST: dict[Step, Step] = {
    ("unknown", "gain"): ("interested", "interested"),  # 5.1
    ("unknown", "lose"): ("not_interested", "not interested"),  # 5.1
    ("interested", "lose"): ("not_interested", "not interested"),  # 5.3
    ("not_interested", "gain"): ("interested", "interested"),  # 5.1
}
ITS_INTEREST: dict[Step, Step] = {
    ("unknown", "told_interested"): ("interested", ""),
    ("unknown", "told_not_interested"): ("not_interested", ""),
    ("interested", "told_not_interested"): ("not_interested", ""),
    ("not_interested", "told_interested"): ("interested", ""),
}
CONNECTION: dict[Step, Step] = {
    ("connecting", "connected"): ("handshaking", ""),  # 2.2
    ("connecting", "lost"): ("closed", ""),  # 2.5
    ("handshaking", "accepted"): ("open", ""),  # 2.3
    ("handshaking", "lost"): ("closed", ""),  # 2.4
    ("open", "wind_down"): ("closing", ""),  # 7.2
    ("open", "lost"): ("closed", ""),  # 2.8
    ("closing", "lost"): ("closed", ""),  # 7.2
}
TABLES: dict[type[NeighborMachine], dict[Step, Step]] = {
    Upload: UPLOAD,
    Download: DOWNLOAD,
    OurInterest: OUR_INTEREST,
    ItsInterest: ITS_INTEREST,
    Connection: CONNECTION,
}
FIRST = {
    Upload: "choked",
    Download: "choked",
    OurInterest: "unknown",
    ItsInterest: "unknown",
    Connection: "connecting",
}
NEIGHBOR = 1002


def states_of(table: dict[Step, Step]) -> list[str]:
    return sorted({state for state, _ in table} | {target for target, _ in table.values()})


def triggers_of(table: dict[Step, Step]) -> list[str]:
    return sorted({trigger for _, trigger in table})


CASES = [
    pytest.param(kind, state, trigger, id=f"{kind.KIND}-{state}-{trigger}")
    for kind, table in TABLES.items()
    for state in states_of(table)
    for trigger in triggers_of(table)
]


def way_to(kind: type[NeighborMachine], state: str) -> list[str]:
    """The triggers that lead from the first state to this one, by the table above."""
    ways: dict[str, list[str]] = {FIRST[kind]: []}
    while state not in ways:
        for (source, trigger), (target, _) in TABLES[kind].items():
            if source in ways:
                ways.setdefault(target, [*ways[source], trigger])
    return ways[state]


class Bench:
    """A model of a kind, and what it sends."""

    def __init__(self, kind: type[NeighborMachine]) -> None:
        self.sent: list[str] = []
        self.model = self._make(kind)
        self.seen: list[Step] = []
        self.machines = Machines(self._observe)
        self.machines.add(self.model)

    def _make(self, kind: type[NeighborMachine]) -> NeighborMachine:
        if kind is Upload:
            return Upload(
                NEIGHBOR, on_choke=self._sends("choke"), on_unchoke=self._sends("unchoke")
            )
        if kind is OurInterest:
            return OurInterest(
                NEIGHBOR, on_gain=self._sends("interested"), on_lose=self._sends("not interested")
            )
        return kind(NEIGHBOR)

    def _sends(self, message: str) -> Callable[[int], None]:
        def send(neighbor: int) -> None:
            assert neighbor == NEIGHBOR
            self.sent.append(message)

        return send

    def _observe(self, model: NeighborMachine, source: str, trigger: str, dest: str) -> None:
        assert model is self.model
        self.seen.append((source, trigger))
        assert TABLES[type(model)][source, trigger][0] == dest

    def pull(self, trigger: str) -> None:
        assert getattr(self.model, trigger)() is True

    def bring_to(self, state: str) -> None:
        for trigger in way_to(type(self.model), state):
            self.pull(trigger)
        assert self.model.state == state
        self.sent.clear()
        self.seen.clear()


@pytest.mark.parametrize(("kind", "state", "trigger"), CASES)
def test_every_state_with_every_trigger(
    kind: type[NeighborMachine], state: str, trigger: str
) -> None:
    """A trigger leads where the specification says and sends what it says, or raises and changes nothing (spec 2, 4 to 6)."""
    bench = Bench(kind)
    bench.bring_to(state)
    if (state, trigger) in TABLES[kind]:
        target, message = TABLES[kind][state, trigger]
        bench.pull(trigger)
        assert bench.model.state == target
        assert bench.sent == ([message] if message else [])
        assert bench.seen == [(state, trigger)]
    else:
        with pytest.raises(MachineError):
            bench.pull(trigger)
        assert bench.model.state == state
        assert bench.sent == []
        assert bench.seen == []


@pytest.mark.parametrize("kind", TABLES, ids=lambda kind: str(kind.KIND))
def test_the_code_has_no_other_states_or_triggers(kind: type[NeighborMachine]) -> None:
    """A machine has the states and triggers of the specification and no more, and starts afresh (spec 2.7)."""
    table = TABLES[kind]
    assert sorted(kind.STATES) == states_of(table)
    assert sorted({row["trigger"] for row in kind.TABLE}) == triggers_of(table)
    assert Bench(kind).model.state == FIRST[kind]


@pytest.mark.parametrize("kind", TABLES, ids=lambda kind: str(kind.KIND))
def test_a_trigger_needs_a_running_machine(kind: type[NeighborMachine]) -> None:
    """A model that no machine runs, or whose neighbor is gone, refuses its triggers (spec 2.8)."""
    bench = Bench(kind)
    outside = Bench(kind)._make(kind)
    for trigger in triggers_of(TABLES[kind]):
        with pytest.raises(NotImplementedError):
            getattr(outside, trigger)()
    bench.machines.remove(bench.model)
    assert bench.model not in bench.machines._machines[kind].models


def test_machines_of_neighbors_are_independent() -> None:
    """Two neighbors share a machine but not a state (spec 2.7)."""
    machines = Machines()
    one, other = Download(1), Download(2)
    machines.add(one)
    machines.add(other)
    one.unchoked()
    assert (one.state, other.state) == ("idle", "choked")


def test_download_knows_its_request() -> None:
    """The next request changes the piece without a change of state; forgetting it returns it (spec 6.2)."""
    machines, download = Machines(), Download(NEIGHBOR)
    machines.add(download)
    download.unchoked()
    download.ask_next(3, 1.0)
    assert (download.state, download.piece, download.waits_since) == ("requesting", 3, 1.0)
    download.ask_next(5, 2.0)
    assert (download.state, download.piece, download.waits_since) == ("requesting", 5, 2.0)
    assert download.clear() == 5
    assert download.piece is None
