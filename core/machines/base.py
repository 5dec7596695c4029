"""How a page of prose and a table become a running machine of the `transitions` library."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from transitions import EventData, Machine

Row = dict[str, str]
Observer = Callable[["NeighborMachine", str, str, str], None]
"""Called as observer(model, source, trigger, target) after each change of state."""


class NeighborMachine:
    """One neighbor's instance of a machine; the tables stand in the subclasses.

    Triggers are declared as ordinary methods, so that type checkers see them; the library puts the
    real ones in their place (`model_override`). A trigger that the table doesn't name for the
    present state raises `transitions.MachineError` and changes nothing.
    """

    KIND: ClassVar[str]
    """The machine's name in traces and diagrams."""
    STATES: ClassVar[tuple[str, ...]]
    """All states; the first is where every connection starts (spec 2.7)."""
    TABLE: ClassVar[tuple[Row, ...]]

    state: str

    def __init__(self, neighbor: int) -> None:
        self.neighbor = neighbor


def row(trigger: str, source: str, dest: str) -> Row:
    """One line of a table."""
    return {"trigger": trigger, "source": source, "dest": dest}


def build(kind: type[NeighborMachine], observer: Observer | None = None) -> Machine:
    """Make a machine without models for one kind; models of that kind can be added to it.

    A model's methods `enter_STATE` and `leave_STATE`, where it has them, are what the machine does.
    """

    def states() -> list[dict[str, Any]]:
        return [
            {
                "name": state,
                "on_enter": [f"enter_{state}"] if hasattr(kind, f"enter_{state}") else [],
                "on_exit": [f"leave_{state}"] if hasattr(kind, f"leave_{state}") else [],
            }
            for state in kind.STATES
        ]

    def observe(change: EventData) -> None:
        transition, event, model = change.transition, change.event, change.model
        assert isinstance(model, NeighborMachine)
        assert observer is not None
        assert event is not None
        assert transition is not None
        assert transition.dest is not None
        observer(model, transition.source, event.name, transition.dest)

    return Machine(
        model=None,
        states=states(),
        initial=kind.STATES[0],
        transitions=list(kind.TABLE),
        auto_transitions=False,
        model_override=True,
        send_event=True,
        # Observed before the new state is entered, so that a record of the change stands before
        # the messages that it causes.
        before_state_change=[observe] if observer else [],
    )


class Machines:
    """One machine a kind, shared by all neighbors of one peer (building one costs a millisecond)."""

    def __init__(self, observer: Observer | None = None) -> None:
        self._observer = observer
        self._machines: dict[type[NeighborMachine], Machine] = {}

    def add(self, model: NeighborMachine) -> None:
        """Let a neighbor's machine run, from its first state on."""
        kind = type(model)
        if kind not in self._machines:
            self._machines[kind] = build(kind, self._observer)
        self._machines[kind].add_model(model)

    def remove(self, model: NeighborMachine) -> None:
        """Forget a machine whose neighbor is gone."""
        self._machines[type(model)].remove_model(model)
