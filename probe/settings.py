"""All options, each stated once: the command line, `probe.toml` and the tasks are made from here."""

from __future__ import annotations

import argparse
import re
import tomllib
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any


class SettingsError(Exception):
    """An option or a line of `probe.toml` is unusable: what to tell the user."""


def option(
    help_text: str, default: Any = MISSING, *, flag: str = "", toml: bool = False, **more: Any
) -> Any:
    """A field that is an option: `flag` only where it differs from the name."""
    meta = {"help": help_text, "flag": flag, "toml": toml, **more}
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=meta)
    return field(default=default, metadata=meta)


PROGRAM = "python -m probe"
"""What people call it by, unless `swarmproof probe` was what they called."""
FORMATS = ("text", "json", "junit", "gradescope")


@dataclass
class Settings:
    """How to start the program, what to ask it, how to report."""

    command: str = option(
        "command that starts the program, with {id} for the peer's id and, if it wants it, {dir} for its working directory",
        "",
        toml=True,
        positional=True,
    )
    selection: list[str] = option(  # noqa: RUF009 -- it makes a field
        "only these cases, families, sessions or clauses, such as RQ SV-01 serve 4.2",
        [],
        positional=True,
    )
    build: str = option(
        "command that builds the program, run once in the project's folder",
        "",
        toml=True,
        metavar="COMMAND",
    )
    project: str = option(
        "folder of the program (default: here); each session's folder gets its files",
        ".",
        toml=True,
        metavar="DIR",
    )
    copy: str = option(
        "how the project gets into each session's folder: as links, as a copy, or not at all",
        "link",
        toml=True,
        choices=["link", "copy", "none"],
    )
    workdir: str = option(
        "where below the session's folder the program is started",
        "",
        toml=True,
        metavar="DIR",
    )
    configs: list[str] = option(  # noqa: RUF009 -- it makes a field
        "further folder below the session's folder that gets the configuration (may be repeated)",
        [],
        toml=True,
        flag="--config-place",
        metavar="DIR",
    )
    data: str = option(
        "folder of a seed's file: peer_{id} as in the assignment, another one, or auto to try the usual ones",
        "auto",
        toml=True,
        metavar="DIR",
    )
    host: str = option(
        "host name in PeerInfo.cfg (a name or address of this machine's loopback)",
        "localhost",
        toml=True,
        metavar="NAME",
    )
    settings: str = option(
        "file with settings (default: probe.toml, where there is one)",
        "",
        flag="--settings",
        metavar="FILE",
    )
    ignore: list[str] = option(  # noqa: RUF009 -- it makes a field
        "without these cases, families, sessions or clauses (may be repeated, or with commas)",
        [],
        toml=True,
        metavar="IDS",
    )
    quick: bool = option(
        "only the sessions that find most, without the long choking ones (about 8 s)",
        default=False,
        toml=True,
    )
    jobs: int = option("sessions that run at once", 8, toml=True, metavar="N")
    patience: float = option(
        "factor on all waits, for slow machines", 1.0, toml=True, metavar="FACTOR"
    )
    repeat: int = option(
        "run all sessions N times, and say in how many of them each finding was seen",
        1,
        metavar="N",
    )
    strict: bool = option("warnings count as broken in the exit status", default=False, toml=True)
    expect: str = option(
        "file with the ids of known findings, one a line: only others count, and those that no longer occur are reported",
        "",
        toml=True,
        metavar="FILE",
    )
    format: str = option("form of the report", "text", choices=list(FORMATS))
    output: str = option(
        "write the report to this file; the terminal gets the text form",
        "",
        short="-o",
        metavar="FILE",
    )
    out: str = option(
        "folder for each session's configuration, logs, output and conversation (default: probe-runs/TIME)",
        "",
        metavar="DIR",
    )
    isolate: bool = option("run in a network of its own, where the system allows it", default=False)
    swarm: bool = option(
        "last, put the program and a reference peer into swarms of five, judged by the verifier",
        default=False,
    )
    partner: str = option(
        "command of the other peer for --swarm (default: this project's peerProcess.py)",
        "",
        toml=True,
        metavar="COMMAND",
    )
    init: bool = option(
        "find out where the program expects its files, and write probe.toml", default=False
    )
    list: bool = option("list the cases and sessions", default=False)
    explain: str = option("explain a case", "", metavar="ID")
    full: bool = option("all findings with their conversations, not just a screen", default=False)
    quiet: bool = option("no progress", default=False)


def parser(program: str = PROGRAM) -> argparse.ArgumentParser:
    """The command line, made from the fields; `program` is what it is called by."""
    made = argparse.ArgumentParser(
        prog=program,
        usage=f"{program} 'COMMAND {{id}}' [options] [CASE ...]",
        description="Starts your program, plays all the other peers, and says which rules it keeps and which it breaks.",
        epilog=EPILOG.replace(PROGRAM, program),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument(
        "words",
        nargs="*",
        metavar="COMMAND, CASE",
        help="the command in quotes, with {id}; then cases, families, sessions or clauses to select",
    )
    for one in fields(Settings):
        meta = one.metadata
        if not meta.get("positional"):
            made.add_argument(*_names(one.name, meta), dest=one.name, **_details(one))
    return made


def _names(name: str, meta: Any) -> list[str]:
    short = [meta["short"]] if meta.get("short") else []
    return [*short, meta["flag"] or "--" + name.replace("_", "-")]


def _details(one: Any) -> dict[str, Any]:
    """What argparse wants to know; defaults stay out so that a given option can be told apart."""
    meta = one.metadata
    details: dict[str, Any] = {"help": meta["help"].replace("%", "%%"), "default": None}
    if one.type == "bool":
        return details | {"action": "store_true"}
    if one.type == "list[str]":
        details |= {"action": "append"}
    elif one.type in {"int", "float"}:
        details |= {"type": {"int": int, "float": float}[one.type]}
    if meta.get("choices"):
        return details | {"choices": meta["choices"]}
    return details | {"metavar": meta.get("metavar", "TEXT")}


def read(
    arguments: list[str] | None, folder: Path | None = None, program: str = PROGRAM
) -> Settings:
    """Settings from the command line over those of `probe.toml`; SettingsError where unusable."""
    folder = folder or Path.cwd()
    given = parser(program).parse_intermixed_args(arguments)
    made = Settings()
    for name, value in _from_file(given.settings or "", folder).items():
        setattr(made, name, value)
    for one in fields(Settings):
        if not one.metadata.get("positional") and getattr(given, one.name) is not None:
            setattr(made, one.name, getattr(given, one.name))
    words = list(given.words)
    if words and ("{id}" in words[0] or " " in words[0]):
        made.command = words.pop(0)
    made.selection = words
    _take_cd(made)
    _check(made)
    made.project = str((folder / Path(made.project).expanduser()).resolve())
    return made


def _take_cd(made: Settings) -> None:
    """`cd src && java ...` is `java ...`, started in src."""
    found = re.match(r"\s*cd\s+(?:\./)?([\w][\w./-]*)\s*&&\s*(.+)", made.command, re.DOTALL)
    if found and not made.workdir and ".." not in found[1]:
        made.workdir, made.command = found[1].rstrip("/"), found[2]


def _from_file(name: str, folder: Path) -> dict[str, Any]:
    path = folder / (name or "probe.toml")
    if not path.exists():
        if name:
            raise SettingsError(f"{path}: there is no such file; --init writes a probe.toml")
        return {}
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from None
    known = {one.name: one for one in fields(Settings) if one.metadata["toml"]}
    for key, value in found.items():
        if key not in known:
            raise SettingsError(
                f"{path}: {key}: no such setting; there are {', '.join(sorted(known))}"
            )
        if not _is_a(value, str(known[key].type)):
            raise SettingsError(f"{path}: {key} = {value!r}: expected a {known[key].type}")
        if known[key].type == "list[str]" and not all(isinstance(item, str) for item in value):
            raise SettingsError(f"{path}: {key}: expected a list of texts")
    if "project" in found:
        found["project"] = str((path.parent / Path(found["project"]).expanduser()).resolve())
    return found


def _is_a(value: object, kind: str) -> bool:
    """Whether a value of `probe.toml` is of a field's type."""
    if isinstance(value, bool) or kind == "bool":
        return isinstance(value, bool) and kind == "bool"
    if kind == "float":
        return isinstance(value, int | float)
    return isinstance(value, {"str": str, "int": int}.get(kind, list))


def _check(made: Settings) -> None:
    """Values that make no sense, with what would."""
    if made.jobs < 1:
        raise SettingsError(f"--jobs {made.jobs}: expected a number from 1")
    if not 0.1 <= made.patience <= 20:
        raise SettingsError(f"--patience {made.patience}: expected a factor from 0.1 to 20")
    if not 1 <= made.repeat <= 100:
        raise SettingsError(f"--repeat {made.repeat}: expected a number from 1 to 100")
    for name, allowed in (("format", FORMATS), ("copy", ("link", "copy", "none"))):
        if getattr(made, name) not in allowed:
            raise SettingsError(f"{name} = {getattr(made, name)!r}: expected {', '.join(allowed)}")
    for place in [made.workdir, *made.configs]:
        if Path(place).is_absolute() or ".." in Path(place).parts:
            raise SettingsError(f"{place!r}: expected a folder below the session's folder")


EPILOG = """\
exit statuses:
  0    nothing is broken
  1    a rule is broken
  2    the program can't be judged (it doesn't start, or speaks another protocol), or wrong use
  3    nothing is broken, but something is undecided
  130  interrupted, 143 terminated

examples:
  python -m probe 'java -cp out peerProcess {id}' --build 'javac -d out src/*.java' --project ~/p2p
  python -m probe --init 'python3 peerProcess.py {id}'   write probe.toml from what works
  python -m probe                                        with the settings of probe.toml
  python -m probe RQ SV-01 4.2                           only these
  python -m probe --explain RQ-09                        what a case asks, and the usual mistake
"""


def as_toml(made: Settings) -> str:
    """The settings that differ from the defaults, as `probe.toml` has them."""
    lines = []
    for one in fields(Settings):
        default = Settings.__dataclass_fields__[one.name].default
        value = getattr(made, one.name)
        if one.metadata["toml"] and value not in (default, [], ""):
            lines.append(f"{one.name} = {_literal(value)}")
    return "\n".join(lines) + "\n"


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(_literal(one) for one in value) + "]"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value)
