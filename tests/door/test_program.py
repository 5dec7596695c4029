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
    assert offered == expected


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
        (["swarm", "--file", ""], []),
        (["fly", "--"], []),
    ],
)
def test_completion(
    words: list[str], expected: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """What a word can become is told; nothing where a file is wanted, which the shell knows itself."""
    assert said(capsys, "--complete", *words) == (0, "".join(f"{one}\n" for one in expected), "")


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_bash_completes(tmp_path: Path) -> None:
    """The script for bash is understood by bash, and completes by asking the command itself."""
    command = tmp_path / "swarmproof"
    command.write_text(f"#!/bin/sh\nexec '{sys.executable}' -m swarmproof \"$@\"\n")
    command.chmod(0o755)
    script = completion.SCRIPTS["bash"] + (
        'COMP_WORDS=(swarmproof remote col); COMP_CWORD=2; _swarmproof; echo "${COMPREPLY[@]}"\n'
    )
    told = subprocess.run(
        ["bash", "-euc", script],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.stdout, told.stderr) == ("collect\n", "")


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
    for words in ([], ["--dir", str(run)], [f"--dir={run}"], [str(run)]):
        status, _, err = said(capsys, "verify", *words)
        assert status == 2
        assert str(run) in err


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
