"""Options, `probe.toml`, selections: each stated once, and each mistake one message."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

import probe.cases
import probe.sessions  # noqa: F401 -- registers the sessions
from probe import cli
from probe.initial import attempts
from probe.registry import CASES, PLANS, SelectionError, select
from probe.settings import Settings, SettingsError, as_toml, parser, read


def test_every_field_is_an_option() -> None:
    """Each setting is an option of the command line, but for the two that are words."""
    known = {action.dest for action in parser()._actions}
    words = {one.name for one in fields(Settings) if one.metadata.get("positional")}
    assert {one.name for one in fields(Settings)} - known == words == {"command", "selection"}


def test_command_line_over_file(tmp_path: Path) -> None:
    """What the command line says counts more than what the file says."""
    (tmp_path / "probe.toml").write_text('command = "./a {id}"\njobs = 2\npatience = 2\n')
    made = read(["--jobs", "3", "RQ"], tmp_path)
    assert (made.command, made.jobs, made.patience, made.selection) == ("./a {id}", 3, 2, ["RQ"])
    assert read(["./b {id}", "RQ-01"], tmp_path).command == "./b {id}"


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    """The file that --init writes says what was found, and nothing that is the default anyway."""
    made = Settings(command='x "{id}" \\', configs=["cfg"], data="{id}", copy="copy")
    (tmp_path / "probe.toml").write_text(as_toml(made))
    again = read([], tmp_path)
    assert (again.command, again.configs, again.data, again.copy) == (made.command, ["cfg"], "{id}", "copy")  # fmt: skip
    assert "jobs" not in as_toml(made)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colour = 1", "colour: no such setting"),
        ("jobs = 'many'", "expected a int"),
        ("quick = 1", "expected a bool"),
        ("configs = 'a'", "expected a list"),
        ("jobs = 0", "expected a number from 1"),
        ("patience = 0", "expected a factor"),
        ("workdir = '../x'", "below the session's folder"),
        ("copy = 'maybe'", "expected link, copy, none"),
        ("= 1", "probe.toml"),
    ],
)
def test_unusable_settings(text: str, said: str, tmp_path: Path) -> None:
    """An unusable line of the file is told with what was expected."""
    (tmp_path / "probe.toml").write_text(text)
    with pytest.raises(SettingsError, match=said):
        read([], tmp_path)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "say how your program is started"),
        (["./a {id}", "XX-99"], "no such case"),
        (["./a {id}", "--explain", "XX"], "no such case"),
        (["./a {id}", "--settings", "none.toml"], "there is no such file"),
        (["./a {id}", "--expect", "none.txt"], "none.txt"),
        (["./a {id}", "--build", "exit 3"], "ends with status 3"),
        (["./a '{id}", "RQ"], "can't be read"),
    ],
)
def test_mistakes_are_one_message(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Wrong use is one message on stderr and exit status 2, never a traceback."""
    monkeypatch.chdir(tmp_path)
    assert cli.main([*arguments, "--quiet"]) == 2
    said_now = capsys.readouterr().err
    assert said in said_now
    assert "Traceback" not in said_now


def test_no_folder_of_others_is_emptied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """--out takes no folder that has something else in it, since sessions' folders are emptied."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "serve").touch()
    assert cli.main(["./a {id}", "--out", "mine"]) == 2
    assert "expected a new or empty folder" in capsys.readouterr().err
    assert (tmp_path / "mine" / "serve").exists()


def test_selections() -> None:
    """Cases, families, sessions and clauses can be chosen and left out."""
    assert select(["RQ-09"], []) == ({"RQ-09"}, {"pair"})
    assert select(["SV"], ["SV-01"])[0] == {"SV-02", "SV-03", "SV-04", "SV-05", "SV-06"}
    assert select(["slots"], [])[1] == {"slots"}
    assert "SV-01" in select(["4.8"], [])[0]
    assert select([], []) == (set(CASES), set(PLANS))
    assert not any(name.startswith("ch") for name in select([], ["CH"])[0])
    with pytest.raises(SelectionError):
        select(["9.9"], [])


@pytest.mark.parametrize(
    ("command", "workdir", "rest"),
    [
        ("cd src && java peerProcess {id}", "src", "java peerProcess {id}"),
        ("cd ./a/b/ && make -s && ./p {id}", "a/b", "make -s && ./p {id}"),
        ("cd ../x && ./p {id}", "", "cd ../x && ./p {id}"),
        ("cd /opt/x && ./p {id}", "", "cd /opt/x && ./p {id}"),
    ],
)
def test_a_command_may_change_its_folder(
    command: str, workdir: str, rest: str, tmp_path: Path
) -> None:
    """A command that first goes into a folder of the project is started there, where the configuration then lies."""
    made = read([command], tmp_path)
    assert (made.workdir, made.command) == (workdir, rest)


def test_init_tries_the_folders_of_start_scripts(tmp_path: Path) -> None:
    """Where a script goes into src by itself, the configuration is put there too."""
    (tmp_path / "src").mkdir()
    tried = list(attempts(Settings(command="./run.sh {id}", project=str(tmp_path))))
    assert any(one.configs == ["src"] and one.data == "src/peer_{id}" for one in tried)
