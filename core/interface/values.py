"""Values: events, effects and messages are made in thousands a second, so making one must be cheap.

So must be making their classes: a peer starts with 45 of them, and `dataclasses` takes 0.6 ms for each.
"""

from __future__ import annotations

from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")


class Value:
    """Compared, hashed and shown by its fields, which `__match_args__` names."""

    __slots__ = ()
    __match_args__: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__match_args__)

    def __hash__(self) -> int:
        return hash((type(self), *(getattr(self, name) for name in self.__match_args__)))

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__match_args__)
        return f"{type(self).__qualname__}({fields})"


@dataclass_transform(frozen_default=True)
def value(kind: type[T]) -> type[T]:
    """Make a class with slots for the fields that it annotates, which nobody changes.

    Type checkers see to that. At run time it isn't enforced: it would double the cost of making one.
    """
    return _made(kind)


@dataclass_transform()
def record(kind: type[T]) -> type[T]:
    """Make the same of a class whose fields do change."""
    made: Any = _made(kind)
    made.__hash__ = None
    return made  # type: ignore[no-any-return]  # it stands for `kind`


def _made(kind: type[T]) -> type[T]:
    names = tuple(kind.__annotations__)
    members = {name: vars(kind)[name] for name in vars(kind) if name not in _NOT_COPIED}
    defaults = {name: members.pop(name) for name in names if name in members}
    members |= {"__slots__": names, "__match_args__": names}
    if names:
        members["__init__"] = _initializer(names, defaults)
    made: Any = type(kind.__name__, (Value,), members)
    return made  # type: ignore[no-any-return]  # it stands for `kind`


_NOT_COPIED = frozenset({"__dict__", "__weakref__"})


def _initializer(names: tuple[str, ...], defaults: dict[str, Any]) -> Any:
    """Make a constructor with these parameters, as fast as one that is written by hand."""
    parameters = [f"{name}=defaults[{name!r}]" if name in defaults else name for name in names]
    body = [f"    self.{name} = {name}" for name in names]
    space: dict[str, Any] = {"defaults": defaults}
    exec("\n".join([f"def __init__(self, {', '.join(parameters)}):", *body]), space)  # noqa: S102 -- of names in our source
    return space["__init__"]
