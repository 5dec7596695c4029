"""Other interpreters of this machine, and this one with less in it."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@cache
def old_pythons() -> dict[str, Path]:
    """Interpreters before 3.11 that are installed here, by their version; none on most machines."""
    homes = [Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions", Path("/usr")]
    found = {}
    for home in homes:
        for path in sorted([*home.glob("*/bin/python"), *home.glob("bin/python[23].[0-9]")]):
            version = version_of(path)
            if version and version < (3, 11):
                found[".".join(map(str, version))] = path
    return found


def version_of(python: Path) -> tuple[int, ...]:
    """The first two numbers of an interpreter's version; empty where it can't be started."""
    code = "import sys; print('%d %d' % sys.version_info[:2])"
    try:
        told = subprocess.run([python, "-c", code], capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return tuple(map(int, told.stdout.split()[:2]))
