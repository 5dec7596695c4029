"""Every command that the documents show exists, with the options that they show."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path

import pytest
from invoke.collection import Collection
from invoke.exceptions import Exit
from invoke.parser.context import ParserContext
from invoke.parser.parser import Parser

import peerProcess
import tasks
from harness import program as swarmproof
from peerio.program import arguments as peer
from probe.settings import parser as probe_options
from tests.kit.markdown import ROOT, blocks, code_spans, documents, name_of
from verifier import cli as verifier
from verifier.grading import cli as grading

# A copy, made before any test runs: invoke takes the help texts out of a task that it looks through.
NAMESPACE = deepcopy(Collection.from_module(tasks))
CONTEXTS = NAMESPACE.to_contexts()
HELP = {context.name: context for context in CONTEXTS}
ENVIRONMENT = {
    "cat",
    "cd",
    "cp",
    "git",
    "grep",
    "ip",
    "ls",
    "mkdir",
    "pip",
    "pipx",
    "python3",
    "scp",
    "sha256sum",
    "source",
    "ssh",
    "sudo",
    "tail",
    "uv",
}
"""Commands of others that documents may show; `uv run` and `.venv/bin/` are looked behind."""
STANDS_FOR = {
    "ID": "1001",
    "DIR": "logs",
    "SECONDS": "5",
    "TIME": "5s",
    "N": "3",
    "NAME": "swarm",
    "FILE": "x",
}


def commands(path: Path) -> Iterator[str]:
    """Each command in a document: of `sh` blocks, of `$ ` lines, and of code in a sentence."""
    text = path.read_text(encoding="utf-8")
    for block in blocks(text):
        for line in block.text.replace("\\\n", " ").splitlines():
            if block.language == "sh":
                yield from (part.strip() for part in line.partition("#")[0].split("&&"))
            elif line.startswith("$ "):
                yield line[2:]
    for code in code_spans(text):
        if re.match(r"(\.venv/bin/)?(invoke|swarmproof|uv run|python\S*) ", code):
            yield code


def check(command: str) -> None:
    """Parse a command by the parser of the program that it names; AssertionError if it is refused."""
    command = re.sub(r"\[(-[^\]]*)\]", r"\1", command)  # what may be left out
    words = [STANDS_FOR.get(word, word) for word in shlex.split(command)]
    if words[:2] == ["uv", "run"]:
        words = words[4:] if words[2] == "--group" else words[2:]
    if words[1:2] in (["swarmproof.pyz"], ["dist/swarmproof.pyz"]):
        words = ["swarmproof", *words[2:]]
    program, *arguments = [words[0].removeprefix(".venv/bin/"), *words[1:]]
    if program == "python3" and arguments[:2] in (["-m", "probe"], ["-m", "verifier"]):
        program = "python"
    if program == "invoke":
        check_invoke(arguments)
    elif program == "swarmproof":
        check_swarmproof(arguments)
    elif program == "python" and arguments[0].endswith("peerProcess.py"):
        parse(peer.parse_arguments, arguments[1:])
    elif program == "python" and arguments[:3] == ["-m", "verifier", "grade"]:
        parse(grading.parser().parse_args, [one for one in arguments[3:] if one != ">"])
    elif program == "python" and arguments[:2] == ["-m", "verifier"]:
        parse(verifier.parser().parse_args, arguments[2:])
    elif program == "python" and arguments[:2] == ["-m", "probe"]:
        parse(probe_options().parse_intermixed_args, arguments[2:])
    elif program == "python":
        assert arguments[0] == "-m", command
        module = ROOT / arguments[1].replace(".", "/")
        assert module.with_suffix(".py").exists() or (module / "__main__.py").exists(), command
    else:
        assert program in ENVIRONMENT, f"{command}: neither ours nor one of ENVIRONMENT above"


def check_invoke(arguments: list[str]) -> None:
    if arguments in (["--list"], ["--version"]):
        return
    if arguments[0] in HELP and arguments[1:] == ["--help"]:
        return
    parsed = Parser(contexts=CONTEXTS, initial=ParserContext()).parse_argv(arguments)
    assert len(parsed) > 1, arguments


def check_swarmproof(words: list[str]) -> None:
    if words[0] in {"--help", "--version", "completion", "COMMAND"}:
        return
    length = 1 + (words[0] == "remote")
    parser = swarmproof.parser_of(" ".join(words[:length]))
    assert parser, words
    assert not swarmproof.misspelt(words[length:], parser)
    parse(parser.parse_intermixed_args, words[length:])


def parse(parser, arguments: list[str]) -> None:
    """An argparse program: only --help may end it, and with 0."""
    try:
        parser(arguments)
    except SystemExit as end:
        assert end.code == 0, arguments  # noqa: PT017 -- --help ends so


@pytest.mark.parametrize("path", documents(), ids=name_of)
def test_commands_exist(path: Path) -> None:
    """Each command that a document shows is taken by the parser of the program that it names."""
    for command in commands(path):
        if command:
            check(command)


@pytest.mark.parametrize(
    "command",
    [
        "invoke fly",
        "invoke swarm --wings 2",
        "invoke swarm --peers",
        "swarmproof fly",
        "swarmproof swarm --wings 2",
        "swarmproof remote fly",
        "python3 swarmproof.pyz peer 1001 --fly",
        "python peerProcess.py 1001 --fly",
        "python peerProcess.py",
        "python -m verifier --fly logs/",
        "python -m verifier grade --fly submissions/",
        "python -m fly",
        "fly",
    ],
)
def test_what_does_not_exist_is_found(command: str) -> None:
    """A task, option or program that doesn't exist is noticed in a document."""
    with pytest.raises((AssertionError, Exit)):
        check(command)


def test_commands_are_found_wherever_they_stand(tmp_path: Path) -> None:
    """Commands are looked for in blocks, in terminal output and in sentences."""
    path = tmp_path / "a.md"
    path.write_text(
        "```sh\ncd x && invoke a  # why\n```\n```text\n$ invoke b\nit says\n```\nSay `invoke c`.\n"
    )
    assert list(commands(path)) == ["cd x", "invoke a", "invoke b", "invoke c"]


@pytest.mark.parametrize("task", list(NAMESPACE.task_names))
def test_every_task_explains_itself(task: str) -> None:
    """Each task's --help has a sentence, its options' meanings, an example that works, exit statuses."""
    text = NAMESPACE[task].__doc__ or ""
    first, _, rest = text.partition("\n")
    assert first.endswith(".")
    (example,) = re.findall(r"Example: (.*)\.\n", rest)
    assert example.startswith(f"invoke {task}")
    check(example)
    assert "Exit status: 0" in rest
    assert all(argument.help for argument in HELP[task].args.values())


@pytest.mark.parametrize("program", ["peerProcess", "verifier", "grading"])
def test_every_program_explains_itself(program: str, capsys: pytest.CaptureFixture[str]) -> None:
    """--help of the other programs has a sentence, options, examples that work, exit statuses."""
    mains: dict[str, Callable[[list[str]], int]] = {
        "peerProcess": peerProcess.main,
        "verifier": verifier.main,
        "grading": grading.main,
    }
    with pytest.raises(SystemExit):
        mains[program](["--help"])
    text = capsys.readouterr().out
    assert "exit statuses:\n" in text
    examples = re.findall(r"(?m)^  (python .*?)(?:  |$)", text)
    assert examples
    for example in examples:
        check(example)
