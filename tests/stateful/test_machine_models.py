"""Each neighbor machine against a model of one or two plain values, under any run of triggers.

`tests/core/test_machines.py` tries each pair of state and trigger; here it is long runs of them, and
the models aren't tables: they say what the states mean.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from transitions import MachineError

from core.machines import Connection, Download, ItsInterest, Machines, OurInterest, Upload
from core.machines.base import NeighborMachine
from tests.kit.effort import examples

NEIGHBOR = 7


class Model(ABC):
    """What a machine stands for. `pull` says what is sent, or None where the trigger is refused."""

    kind: ClassVar[type[NeighborMachine]]

    @abstractmethod
    def pull(self, trigger: str) -> list[str] | None:
        """Take a trigger in."""

    @property
    @abstractmethod
    def state(self) -> str:
        """The machine's state that fits."""


class UploadModel(Model):
    """Two places; whoever holds one is unchoked (spec 4.1, 4.4 to 4.6)."""

    kind = Upload

    def __init__(self) -> None:
        self.places: set[str] = set()

    def pull(self, trigger: str) -> list[str] | None:
        place = "preferred" if trigger.endswith("prefer") else "optimistic"
        taken = trigger in ("prefer", "pick_optimistic")
        if taken == (place in self.places) or (trigger == "pick_optimistic" and self.places):
            return None  # the optimistic one is picked among the choked
        before = bool(self.places)
        self.places ^= {place}
        if before == bool(self.places):
            return []
        return ["unchoke" if self.places else "choke"]

    @property
    def state(self) -> str:
        return "_".join(sorted(self.places, reverse=True)) or "choked"


class DownloadModel(Model):
    """Is there an unchoke, and is there a request (spec 6.1 to 6.6)?"""

    kind = Download

    def __init__(self) -> None:
        self.free = self.asked = False

    def pull(self, trigger: str) -> list[str] | None:
        allowed = {
            "unchoked": not self.free,
            "choked": self.free,
            "ask": self.free and not self.asked,
            "answered": self.asked,
            "expire": self.asked,
        }
        if not allowed[trigger]:
            return None
        self.free = trigger != "choked"
        self.asked = trigger == "ask"
        return []

    @property
    def state(self) -> str:
        if not self.free:
            return "choked"
        return "requesting" if self.asked else "idle"


class InterestModel(Model):
    """The last word, which isn't told twice (spec 5.1)."""

    words: ClassVar[dict[str, str]]

    def __init__(self) -> None:
        self.last = "unknown"

    def pull(self, trigger: str) -> list[str] | None:
        if self.words[trigger] == self.last:
            return None
        self.last = self.words[trigger]
        return [self.last] if self.kind is OurInterest else []

    @property
    def state(self) -> str:
        return self.last.replace(" ", "_")


class OurInterestModel(InterestModel):
    """What we say is sent."""

    kind = OurInterest
    words: ClassVar = {"gain": "interested", "lose": "not interested"}


class ItsInterestModel(InterestModel):
    """What the other says isn't."""

    kind = ItsInterest
    words: ClassVar = {"told_interested": "interested", "told_not_interested": "not interested"}


class ConnectionModel(Model):
    """A way in one direction that can end anywhere (spec 2.2, 2.4, 7.2)."""

    kind = Connection
    way = ("connecting", "handshaking", "open", "closing", "closed")

    def __init__(self) -> None:
        self.at = 0

    def pull(self, trigger: str) -> list[str] | None:
        steps = ("connected", "accepted", "wind_down", "lost")
        if self.at == 4 or (trigger != "lost" and steps.index(trigger) != self.at):
            return None
        self.at = 4 if trigger == "lost" else self.at + 1
        return []

    @property
    def state(self) -> str:
        return self.way[self.at]


def make(kind: type[NeighborMachine], sent: list[str]) -> NeighborMachine:
    """A machine's model that notes what it sends."""
    options: dict[str, Any] = {}
    if kind is Upload:
        options = {
            "on_choke": lambda _: sent.append("choke"),
            "on_unchoke": lambda _: sent.append("unchoke"),
        }
    elif kind is OurInterest:
        options = {
            "on_gain": lambda _: sent.append("interested"),
            "on_lose": lambda _: sent.append("not interested"),
        }
    return kind(NEIGHBOR, **options)


def against(model_of: type[Model]) -> type[RuleBasedStateMachine]:
    """A test of one machine against its model."""
    kind = model_of.kind
    triggers = sorted({row["trigger"] for row in kind.TABLE})
    machines = Machines()  # building one costs a millisecond

    class Against(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.model = model_of()
            self.sent: list[str] = []
            self.machine = make(kind, self.sent)
            machines.add(self.machine)

        @rule(trigger=st.sampled_from(triggers))
        def pull(self, trigger: str) -> None:
            expected = self.model.pull(trigger)
            self.sent.clear()
            if expected is None:
                with pytest.raises(MachineError):
                    getattr(self.machine, trigger)()
            else:
                assert getattr(self.machine, trigger)() is True
            assert self.sent == (expected or [])
            assert self.machine.state == self.model.state

        def teardown(self) -> None:
            machines.remove(self.machine)

    return Against


MODELS = [UploadModel, DownloadModel, OurInterestModel, ItsInterestModel, ConnectionModel]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: str(model.kind.KIND))
def test_machine_against_its_model(model: type[Model]) -> None:
    """Under any run of triggers a machine sends, refuses and is what its model says (spec 2, 4 to 6)."""
    test = against(model).TestCase
    test.settings = settings(max_examples=examples(20), stateful_step_count=30)
    test().runTest()
