"""`invoke probe`: tests a program of any team's with the probe, whose own command line has more options."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from harness.options import option
from probe import cli


@dataclass(frozen=True, slots=True)
class Options:
    """What is tested, and how."""

    command: str = option(
        "Command that starts the program, with {id} for the peer's id (default: that of probe.toml).",
        default="",
    )
    project: str = option("Folder of the program.", default="")
    build: str = option("Command that builds it.", default="")
    quick: bool = option("Only the sessions that find most, about 8 s.", default=False)
    more: str = option(
        "Further options and cases, as `python -m probe --help` has them.",
        default="",
        name="options",
    )


def run_probe(options: Options) -> int:
    """Test a program; the probe's exit status."""
    given = [options.command] if options.command else []
    given += [f"--project={options.project}"] if options.project else []
    given += [f"--build={options.build}"] if options.build else []
    given += ["--quick"] if options.quick else []
    return cli.main([*given, *shlex.split(options.more)])
