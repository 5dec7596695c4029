"""The commands as tasks of `invoke`."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from invoke.collection import Collection
from invoke.exceptions import Exit
from invoke.tasks import Task

from harness import options
from harness.cli import COMMANDS, REMOTE, Command
from harness.output import outcome

if TYPE_CHECKING:
    from collections.abc import Callable


def tasks() -> Collection:
    """All commands as tasks of `invoke`."""
    remotes = Collection("remote", *map(task_of, REMOTE))
    return Collection(*map(task_of, COMMANDS), remotes)


def task_of(command: Command) -> Task[Any]:
    """A command as a task of `invoke`, which reads its options off the signature."""
    found = list(options.options_of(command.options, command.only))

    def body(_context: object, **given: str | bool) -> None:
        finish(lambda: command.run(options.read(command.options, given, command.only)))

    keyword = inspect.Parameter.KEYWORD_ONLY
    body.__signature__ = inspect.Signature(  # type: ignore[attr-defined] # any function may have one
        [
            inspect.Parameter("_context", inspect.Parameter.POSITIONAL_OR_KEYWORD),
            *(
                inspect.Parameter(one.keyword, keyword, default=one.default if one.is_flag else "")
                for one in found
            ),
        ]
    )
    body.__doc__ = command.explanation("invoke")
    meanings = {one.name: one.help for one in found}
    return Task(body, name=command.name, auto_shortflags=False, help=meanings)


def finish(work: Callable[[], int]) -> None:
    """End with the exit status of `work`; what it can't do is one message on stderr."""
    status, message = outcome(work)
    if message:
        raise Exit(message, code=status)
    if status != 0:
        raise Exit(code=status)
