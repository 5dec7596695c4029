"""The command `swarmproof`: finds what its first word means, and hands over to it.

Some commands are programs with a command line of their own, which is taken as it is. All others come from
the table in cli.py, as the tasks of `invoke` do. Each loads only what it needs.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from core.exits import ExitStatus
from harness import completion, options
from harness.local import runfolder
from harness.output import outcome
from swarmproof import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.cli import Command

NAME = "swarmproof"
REMOTE = "remote"
_DIR, _ON = "--dir", "--on"
_HELP = {"-h", "--help", "help"}


@dataclass(frozen=True, slots=True)
class Program:
    """A command with a command line of its own.

    `run` takes the words that follow and what the program is called by, and returns the exit status.
    """

    meaning: str
    parser: Callable[[str], argparse.ArgumentParser]
    run: Callable[[list[str], str], int]


def _peer_parser(program: str) -> argparse.ArgumentParser:
    from peerio.program.arguments import parser  # noqa: PLC0415 -- only this command needs it

    return parser(program)


def _peer(words: list[str], program: str) -> int:
    import peerProcess  # noqa: PLC0415 -- likewise

    return peerProcess.run(words, program)


def _verify_parser(program: str) -> argparse.ArgumentParser:
    """The verifier's own, and `--dir` as the task has it."""
    from verifier.cli import parser  # noqa: PLC0415 -- likewise

    made = parser(program)
    made.add_argument(
        _DIR, metavar="DIR", help="a folder, as without --dir (default: the latest run)"
    )
    return made


def _verify(words: list[str], program: str) -> int:
    """Without a folder the latest run is judged, as by `invoke verify`."""
    from harness.local.reports import to_judge  # noqa: PLC0415 -- likewise
    from verifier.cli import main  # noqa: PLC0415 -- likewise

    words = [word.removeprefix(f"{_DIR}=") for word in words if word != _DIR]
    given = _verify_parser(program).parse_args(words)
    if not given.folders and given.explain is None:
        words = [*words, str(to_judge(None))]
    for folder in given.folders:
        to_judge(folder)  # which notes where a run is incomplete
    return main(words, program)


def _grade_parser(program: str) -> argparse.ArgumentParser:
    """The grader's own, and `--dir` as the task has it."""
    from verifier.grading.cli import parser  # noqa: PLC0415 -- likewise

    made = parser()
    made.epilog = (made.epilog or "").replace(made.prog, program)
    made.prog = program
    made.add_argument(_DIR, metavar="DIR", help="a folder of submissions, as without --dir")
    made.add_argument(_ON, metavar="ADDRESS", help="the Dask scheduler whose workers judge")
    return made


def _grade(words: list[str], program: str) -> int:
    from verifier.grading.cli import main  # noqa: PLC0415 -- likewise

    words = [word.removeprefix(f"{_DIR}=") for word in words if word != _DIR]
    if _HELP & set(words):
        _grade_parser(program).parse_args(words)
    words, on = _taken(_in_seconds(words, "--timeout"), _ON)
    if not on:
        return main(words)
    from harness.cluster.scheduler import connect  # noqa: PLC0415 -- likewise

    with closing(connect(options.Option("on", "", "", options.address, "").value(on))) as workers:
        return main(words, workers)


def _taken(words: list[str], name: str) -> tuple[list[str], str]:
    """The words without an option, and its value; empty where it isn't among them."""
    value = ""
    rest: list[str] = []
    following = iter(words)
    for word in following:
        if word == name:
            value = next(following, "")
        elif word.startswith(f"{name}="):
            value = word.partition("=")[2]
        else:
            rest.append(word)
    return rest, value


def _in_seconds(words: list[str], name: str) -> list[str]:
    """An option's time as people write it, in the seconds that a program takes which shares nothing with us."""
    found: list[str] = []
    for word in words:
        option, equals, value = word.rpartition("=")
        if (option if equals else found[-1] if found else "") == name:
            seconds = options.Option(name.removeprefix("--"), "", "", options.seconds, "")
            word = f"{option}{equals}{seconds.value(value):g}"  # noqa: PLW2901 -- the same, read
        found.append(word)
    return found


def _probe_parser(program: str) -> argparse.ArgumentParser:
    from probe.settings import parser  # noqa: PLC0415 -- likewise

    return parser(program)


def _probe(words: list[str], program: str) -> int:
    from probe.cli import main  # noqa: PLC0415 -- likewise

    return main(words, program)


PROGRAMS = {
    "peer": Program("Run one peer by hand, as `python peerProcess.py`.", _peer_parser, _peer),
    "verify": Program(
        "Replay the logs of a run and show every broken rule.", _verify_parser, _verify
    ),
    "grade": Program("Judge and score many submissions.", _grade_parser, _grade),
    "probe": Program("Test any team's program: play all its neighbors.", _probe_parser, _probe),
}


def command(words: list[str]) -> Callable[[], int]:
    """What the command line asks for, ready to be done; all that it needs is imported."""
    name, *rest = words or [""]
    if name in _HELP and rest and not rest[0].startswith("-"):
        return command([*rest, "--help"])
    if not name or name in _HELP:
        return partial(_say, overview(), ExitStatus.COMPLETE if name else ExitStatus.USAGE)
    if name == "--version":
        return partial(_say, f"{NAME} {__version__}", ExitStatus.COMPLETE)
    if name == "completion":
        return lambda: _ended(NAME, *outcome(lambda: completion.script(rest)))
    if name == "--complete":
        return lambda: outcome(lambda: completion.tell(rest, words_after))[0]
    if name in PROGRAMS:
        return _from_programs(name, rest)
    return _from_table(words)


def _from_programs(name: str, words: list[str]) -> Callable[[], int]:
    one, called = PROGRAMS[name], f"{NAME} {name}"
    if wrong := misspelt(words, one.parser(called)):
        return partial(_refuse, called, wrong)
    if name == "peer":  # its first moment has signals in hand, and its last
        return partial(one.run, words, called)
    return lambda: _ended(called, *outcome(lambda: one.run(words, called)))


def _from_table(words: list[str]) -> Callable[[], int]:
    """A command of the table; those of `remote` are two words, or one with a dot as for `invoke`."""
    found = commands()
    if words[0] == REMOTE and len(words) > 1:
        words = [f"{REMOTE}.{words[1]}", *words[2:]]
    name, *rest = words
    called = f"{NAME} {name.replace('.', ' ')}"
    if name == REMOTE or name in {f"{REMOTE}.{word}" for word in _HELP}:
        return partial(_say, remote_overview(), ExitStatus.USAGE)
    if name in _in_project():
        told = f"{name!r} is for work on the project itself: run `invoke {name}` in its folder"
        return partial(_refuse, NAME, told)
    if name not in found:
        known = [one.replace(".", " ") for one in (*found, *PROGRAMS, "completion")]
        return partial(_refuse, NAME, options.unknown("command", name.replace(".", " "), known))
    made = _parser(found[name], called)
    if wrong := misspelt(rest, made):
        return partial(_refuse, called, wrong)
    return lambda: _ended(called, *outcome(lambda: _run(found[name], made, rest)))


def _run(one: Command, made: argparse.ArgumentParser, words: list[str]) -> int:
    given, others = made.parse_known_args(words)
    if others:
        made.error(runfolder.no_option(others[0], vars(given)))
    return one.run(options.read(one.options, vars(given), one.only))


def _parser(one: Command, called: str) -> argparse.ArgumentParser:
    """The command line of a command of the table."""
    meaning, _, rest = one.explanation(NAME).partition("\n\n")
    made = _Parser(
        prog=called,
        description=meaning,
        epilog=rest.replace(f"{REMOTE}.", f"{REMOTE} "),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    for each in options.options_of(one.options, one.only):
        given: dict[str, Any] = {"dest": each.keyword, "help": each.help.replace("%", "%%")}
        if each.is_switch:
            made.add_argument(f"--{each.name}", action="store_true", **given)
            off: dict[str, Any] = {"dest": f"no_{each.keyword}", "help": f"not --{each.name}"}
            made.add_argument(f"--no-{each.name}", action="store_true", **off)
        elif each.is_flag and each.default:
            made.add_argument(f"--no-{each.name}", action="store_false", **given)
        elif each.is_flag:
            made.add_argument(f"--{each.name}", action="store_true", **given)
        else:
            made.add_argument(f"--{each.name}", default="", metavar=each.shown, **given)
    return made


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        """End with status 2."""
        sys.exit(_refuse(self.prog, message))


def commands() -> dict[str, Command]:
    """The table's commands, by name; those for work on the project itself are left to `invoke`."""
    from harness import cli  # noqa: PLC0415 -- it imports nearly everything

    usual = {one.name: one for one in cli.COMMANDS if not one.in_project}
    remote = {f"{REMOTE}.{one.name}": one for one in cli.REMOTE}
    return {name: one for name, one in (usual | remote).items() if name not in PROGRAMS}


def _in_project() -> set[str]:
    """The names of the commands that are left to `invoke`."""
    from harness import cli  # noqa: PLC0415 -- see `commands`

    return {one.name for one in cli.COMMANDS if one.in_project}


def words_after(words: Sequence[str], begun: str) -> list[str]:
    """What may follow these words: commands first, then a command's options, and an option's values.

    Where a file may stand, options are only told once one is `begun`.
    """
    if not words:
        names = [*PROGRAMS, *commands(), "completion", *(["--version", "--help"] if begun else [])]
        return list(dict.fromkeys(name.partition(".")[0] for name in names))
    if words == [REMOTE]:
        return [name.partition(".")[2] for name in commands() if name.startswith(f"{REMOTE}.")]
    if words == ["completion"]:
        return list(completion.SCRIPTS)
    length = 1 + (words[0] == REMOTE)
    made = parser_of(" ".join(words[:length]))
    if made is None or len(words) < length:
        return []
    asked = made._option_string_actions.get(words[-1])  # noqa: SLF001 -- see `options_of`
    if asked is not None and asked.nargs != 0:
        return _values(words[0], asked)
    has_files = any(not one.option_strings for one in made._actions)  # noqa: SLF001 -- likewise
    return [] if has_files and not begun else options_of(made)


def _values(name: str, asked: argparse.Action) -> list[str]:
    """What may be written behind an option; nothing where that is a file or a number."""
    if asked.dest == "explain":
        return _explained(name)
    if asked.choices is not None:
        return list(map(str, asked.choices))
    return runfolder.configurations() if asked.dest == "config" and name not in PROGRAMS else []


def _explained(name: str) -> list[str]:
    """The ids that a program explains."""
    if name == "probe":
        import probe.cases  # noqa: F401, PLC0415 -- only this command needs it; registers them
        from probe.registry import CASES  # noqa: PLC0415 -- likewise

        return list(CASES)
    from verifier.rules import CHECKS  # noqa: PLC0415 -- likewise

    return list(CHECKS)


def parser_of(name: str) -> argparse.ArgumentParser | None:
    """The command line of a command, `remote check` being one; None where there is none of this name."""
    if name in PROGRAMS:
        return PROGRAMS[name].parser(f"{NAME} {name}")
    found = commands().get(name.replace(" ", "."))
    return _parser(found, f"{NAME} {name}") if found else None


def options_of(made: argparse.ArgumentParser) -> list[str]:
    """The long options of a parser."""
    found = made._option_string_actions  # noqa: SLF001 -- it has no public list of them
    return [name for name in found if name.startswith("--")]


def overview() -> str:
    """All commands, with a sentence each."""
    others = _meanings()
    meanings = {"swarm": others["swarm"]} | {name: one.meaning for name, one in PROGRAMS.items()}
    meanings |= others
    meanings["completion SHELL"] = f"Print what completes words in {completion.SHELLS}."
    return "\n".join(
        [
            f"usage: {NAME} COMMAND [options]",
            f"       {NAME} COMMAND --help",
            f"       {NAME} --version",
            "",
            "Share a file among peers, and check from their logs that the protocol was followed.",
            "",
            *_table(meanings),
        ]
    )


def remote_overview() -> str:
    """The commands of `remote`, with a sentence each."""
    meanings = {name: one for name, one in _meanings().items() if name.startswith(REMOTE)}
    return "\n".join([f"usage: {NAME} {REMOTE} COMMAND [options]", "", *_table(meanings)])


def _meanings() -> dict[str, str]:
    return {
        name.replace(".", " "): one.meaning.partition("\n")[0] for name, one in commands().items()
    }


def _table(meanings: dict[str, str]) -> list[str]:
    width = max(map(len, meanings))
    return [f"  {name:{width}}  {meaning}" for name, meaning in meanings.items()]


def _say(text: str, status: int) -> int:
    outcome(lambda: print(text) or 0)  # a closed pipe ends nothing
    return status


def misspelt(words: Sequence[str], made: argparse.ArgumentParser) -> str:
    """What is wrong with the first long option that the parser doesn't have; empty if it has all."""
    known = options_of(made)
    for word in words:
        if word == "--":
            break
        name = word.partition("=")[0]
        is_known = any(one == name or (made.allow_abbrev and one.startswith(name)) for one in known)
        if name.startswith("--") and not is_known:
            return options.unknown("option", name, known)
    return ""


def _refuse(called: str, message: str) -> int:
    """Say what is wrong; the exit status of wrong use."""
    return _ended(called, ExitStatus.USAGE, f"{message} (`{called} --help` explains)")


def _ended(called: str, status: int, message: str) -> int:
    if message:
        print(f"{called}: {message}", file=sys.stderr)
    return status
