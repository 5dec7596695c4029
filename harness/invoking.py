"""The commands as tasks of `invoke`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any, NoReturn

from invoke.collection import Collection
from invoke.exceptions import Exit
from invoke.parser import context
from invoke.parser import parser as parsing
from invoke.tasks import Task

from core.exits import ExitStatus
from harness import options
from harness.cli import COMMANDS, REMOTE, Command
from harness.local import runfolder
from harness.output import outcome


def tasks() -> Collection:
    """All commands as tasks of `invoke`."""
    # Its own options are parsed before it asks for tasks; ours have no short flags (`auto_shortflags`).
    context.to_flag = _flag
    setattr(parsing.ParseMachine, "error", _refuse)  # noqa: B010 -- a method, which mypy keeps
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
                inspect.Parameter(name, keyword, default=default)
                for one in found
                for name, default in _parameters(one)
            ),
        ]
    )
    body.__doc__ = command.explanation("invoke")
    meanings = {one.name: one.help for one in found}
    meanings |= {f"no-{one.name}": f"Not --{one.name}." for one in found if one.is_switch}
    return Task(body, name=command.name, auto_shortflags=False, help=meanings)


def _parameters(one: options.Option) -> list[tuple[str, str | bool]]:
    """The parameters of a task that stand for an option, with their defaults."""
    if one.is_switch:
        return [(one.keyword, False), (f"no_{one.keyword}", False)]
    return [(one.keyword, one.default if one.is_flag else "")]


def _flag(name: str) -> str:
    """An option's flag: `--k` too, for which `invoke` by itself has `-k` alone."""
    return f"--{context.translate_underscores(name)}"


def _refuse(machine: parsing.ParseMachine, message: str) -> NoReturn:
    """End with status 2, and say what is wrong with a word as `swarmproof` says it; invoke's is `message`."""
    task, stray = machine.context.name, re.fullmatch("No idea what '(.+)' is!", message)
    if machine.waiting_for_flag_value and machine.flag:
        told = f"{_flag(machine.flag.name)}: expected a value behind it"
    elif stray is None:
        told = message
    elif task is None:
        told = options.unknown("task", stray[1], list(machine.contexts))
    elif stray[1].startswith("-"):
        flags = [*machine.context.flags, *machine.context.inverse_flags]
        told = options.unknown("option", stray[1], flags)
    else:
        told = runfolder.no_option(stray[1], machine.context.args)
    advice = "`invoke --list` names all" if task is None else f"`invoke {task} --help` explains"
    raise Exit(f"invoke: {told} ({advice})", code=ExitStatus.USAGE)


def finish(work: Callable[[], int]) -> None:
    """End with the exit status of `work`; what it can't do is one message on stderr."""
    status, message = outcome(work)
    if message:
        raise Exit(message, code=status)
    if status != 0:
        raise Exit(code=status)
