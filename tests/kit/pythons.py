"""Other interpreters of this machine."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_OLDEST = (3, 11)


def old_pythons() -> dict[str, Path]:
    """Those that are too old for us, by their version; none on most machines."""
    return {name: path for name, path in _pythons().items() if _numbers(name) < _OLDEST}


def new_pythons() -> dict[str, Path]:
    """Those that we run on, by their version."""
    return {name: path for name, path in _pythons().items() if _numbers(name) >= _OLDEST}


@cache
def _pythons() -> dict[str, Path]:
    """What is installed by pyenv, and by the system."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    system = [*Path("/usr/bin").glob("python2.7"), *Path("/usr/bin").glob("python3.[0-9]*[0-9]")]
    own = pyenv.glob("*/bin/python") if os.access(pyenv, os.R_OK | os.X_OK) else ()
    found = {_version(path): path for path in [*system, *own]}
    return {name: path for name, path in found.items() if name}


def _version(python: Path) -> str:
    """An interpreter's version, such as `3.9`; empty where it can't be started."""
    code = "import sys; sys.stdout.write('%d.%d' % sys.version_info[:2])"
    try:
        told = subprocess.run([python, "-c", code], capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return told.stdout.decode()


def _numbers(name: str) -> tuple[int, ...]:
    return tuple(map(int, name.split(".")))
