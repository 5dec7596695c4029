"""The command `swarmproof`: what its words mean, and what it says to those that mean nothing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness import cli, completion, program
from harness.options import options_of
from swarmproof import __version__
from tests.kit import tiny
from tests.kit.pythons import ROOT


def swarmproof(*words: str) -> int:
    """Do what a command line says, in this process."""
    return program.command(list(words))()


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit status, stdout and stderr; argparse's own endings count as well."""
    try:
        status = swarmproof(*words)
    except SystemExit as end:
        status = int(end.code or 0)
    out, err = capsys.readouterr()
    return status, out, err


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` tells name and version."""
    assert said(capsys, "--version") == (0, f"swarmproof {__version__}\n", "")


def test_all_commands_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` names every command that isn't for work on the project; without a word it is wrong use."""
    status, text, _ = said(capsys, "--help")
    assert status == 0
    named = set(re.findall(r"(?m)^  (\w+(?: \w+)?)  ", text))
    usual = {one.name for one in cli.COMMANDS if not one.in_project}
    remote = {f"remote {one.name}" for one in cli.REMOTE}
    assert named == usual | remote | {*program.PROGRAMS, "completion SHELL"}
    assert said(capsys)[:2] == (2, text)


@pytest.mark.parametrize("one", [one for one in cli.COMMANDS if one.name not in program.PROGRAMS])
def test_options_are_the_tasks(one: cli.Command) -> None:
    """A command of the table has the same options as the task of `invoke`, and the same values."""
    if one.in_project:
        assert program.parser_of(one.name) is None
        return
    made = program.parser_of(one.name)
    assert made is not None
    offered = {name for name in program.options_of(made) if name != "--help"}
    expected = {
        f"--{'no-' if each.default is True else ''}{each.name}"
        for each in options_of(one.options, one.only)
    }
    switches = (each for each in options_of(one.options, one.only) if each.is_switch)
    assert offered == expected | {f"--no-{each.name}" for each in switches}


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (["swrm"], "did you mean swarm?"),
        (["verfy"], "did you mean verify?"),
        (["remote", "colect"], "did you mean remote collect?"),
        (["remote.luanch"], "did you mean remote launch?"),
        (["swarm", "--piecesize", "3"], "did you mean --piece-size?"),
        (["verify", "--leniant", "logs"], "did you mean --lenient?"),
        (["probe", "x {id}", "--quik"], "did you mean --quick?"),
        (["peer", "1001", "--wrkdir", "x"], "did you mean --workdir?"),
        (["remote", "check", "--sshconfig=x"], "did you mean --ssh-config?"),
        (["zzzzzz"], "there are swarm, "),
        (["swarm", "--zzzzzz"], "there are --help, --config, "),
    ],
)
def test_misspelt_words(words: list[str], advice: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A word that means nothing is answered with the nearest right one, or with all; status 2."""
    status, out, err = said(capsys, *words)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert advice in err
    assert "--help` explains)" in err


def test_commands_of_the_project(capsys: pytest.CaptureFixture[str]) -> None:
    """A command that works on the project itself is refused with the one that does it."""
    for name in ("test", "check", "package"):
        status, out, err = said(capsys, name)
        assert (status, out) == (2, "")
        assert f"run `invoke {name}` in its folder" in err


def test_a_closed_pipe_changes_nothing() -> None:
    """Whoever reads only the first line of the help gets no traceback from the rest."""
    code = "import sys; from harness import program; sys.exit(program.command(['--help'])())"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'io'}"},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert (process.stderr.read(), process.wait(30)) == (b"", 0)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["sw"], ["swarm"]),
        (["remote", "l"], ["launch"]),
        (["swarm", "--p"], ["--peers", "--piece-size", "--plain"]),
        (["verify", "--le"], ["--lenient"]),
        (["peer", "1001", "--wo"], ["--workdir"]),
        (["swarm", "--config", ""], ["assignment", "small", "three-laptops", "two-seeds"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
        (["swarm", "--config=s"], ["--config=small"]),
        (["swarm", "--config", "=", "s"], ["small"]),
        (["swarm", "--config", "="], ["assignment", "small", "three-laptops", "two-seeds"]),
        (["remote", "check", "--config", "two"], ["two-seeds"]),
        (["verify", "--format", "j"], ["json", "junit"]),
        (["verify", "logs", "--trace", ""], ["auto", "require", "ignore"]),
        (["verify", "--explain", "K0"], [f"K0{number}" for number in range(1, 10)]),
        (["probe", "--explain", "ST"], ["ST-01", "ST-02", "ST-03", "ST-04"]),
        (["hash", ""], ["--help", "--file", "--piece-size", "--output"]),
        (["verify", ""], []),
        (["verify", "--config", ""], []),
        (["remote", "fly", ""], []),
        (["swarm", "--file", ""], []),
        (["fly", "--"], []),
    ],
)
def test_completion(
    words: list[str], expected: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """What a word can become is told; nothing where a file is wanted, which the shell knows itself."""
    assert said(capsys, "--complete", *words) == (0, "".join(f"{one}\n" for one in expected), "")


SHELLS = {
    "bash": 'COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _swarmproof; printf "%s\\n" "${{COMPREPLY[@]}}"',
    "zsh": """words=({words}); CURRENT=$#words; _swarmproof""",
    "fish": "complete -C '{words}'",
}
"""How each shell is asked what it would offer behind these words."""
STUBS = """
compdef() {{ : }}
compset() {{ : }}
compadd() {{ shift; print -l -- "$@" }}
_files() {{ print -l -- *(N) }}
"""
"""What zsh has in an interactive shell only."""


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("swarmproof remote col", ["collect"]),
        ("swarmproof swarm --piece", ["--piece-size"]),
        ("swarmproof swarm --config two", ["two-seeds"]),
        ("swarmproof verify --format js", ["json"]),
    ],
)
def test_shells_complete(shell: str, words: str, offered: list[str], tmp_path: Path) -> None:
    """Each shell understands its script, and offers commands, options and values that the command itself tells."""
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell}")
    command = tmp_path / "swarmproof"
    command.write_text(f"#!/bin/sh\nexec '{sys.executable}' -m swarmproof \"$@\"\n")
    command.chmod(0o755)
    stubs = STUBS.format() if shell == "zsh" else ""
    script = "\n".join([stubs, completion.SCRIPTS[shell], SHELLS[shell].format(words=words)])
    told = subprocess.run(
        [shell, "-c", script],
        cwd=tmp_path,
        env={
            **os.environ,
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "HOME": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.stdout.split("\n")[:-1], told.stderr) == (offered, "")


def test_a_shell_that_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    """Completion for another shell, or for none, is refused with those that there are."""
    for words in ([], ["csh"], ["bash", "zsh"]):
        status, out, err = said(capsys, "completion", *words)
        assert (status, out) == (2, "")
        assert "bash, zsh or fish" in err


def test_the_latest_run_is_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`verify` without a folder takes the latest run here, says what to do where there is none, and takes `--dir` as the task does."""
    monkeypatch.chdir(tmp_path)
    status, _, err = said(capsys, "verify")
    assert (status, err.count("\n")) == (2, 1)
    assert f"no run in {tmp_path / 'runs'}: make one with `swarmproof swarm`" in err
    run = tiny.write(tmp_path / "runs" / "2026")
    (run / "log_peer_1001.log").write_text("nothing that a peer says\n")
    (run / "result.json").write_text("{}")  # it has ended
    for words in ([], ["--dir", str(run)], [f"--dir={run}"], [str(run)]):
        status, _, err = said(capsys, "verify", *words)
        assert status == 2
        assert str(run) in err


@pytest.mark.parametrize("words", [["--timeout", "2m"], ["--timeout=2m"], ["--timeout", "120"]])
def test_grading_takes_times_as_people_write_them(
    words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time that a submission gets may have a unit, though the verifier itself takes seconds."""
    given: list[list[str]] = []

    def grade(words: list[str]) -> int:
        given.append(words)
        return 0

    monkeypatch.setattr("verifier.grading.cli.main", grade)
    assert swarmproof("grade", "submissions", *words) == 0
    assert given[0][0] == "submissions"
    assert given[0][-1].rpartition("=")[2] == "120"


def test_a_time_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    """What isn't a time is refused with the forms that there are."""
    status, _, err = said(capsys, "grade", "submissions", "--timeout", "soon")
    assert status == 2
    assert "--timeout 'soon': expected a time in seconds, or such as 30, 30s" in err


@pytest.mark.swarm
def test_a_peer_by_hand(tmp_path: Path) -> None:
    """`swarmproof peer` is a peer: it ends with 0 when all have the file, and with its own messages else."""
    tiny.write(tmp_path, peers=1)
    command = [sys.executable, "-m", "swarmproof", "peer"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [*command, "1001"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "log_peer_1001.log").is_file()
    ended = subprocess.run(
        [*command, "1009"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "peer 1009 isn't listed" in ended.stderr
