"""`invoke package`: makes `swarmproof.pyz`, the same bytes from the same files."""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError
from harness.local.runfolder import ROOT
from harness.options import format_bytes, option, path
from harness.packing import libraries

LIBRARIES = ("rich", "six", "structlog", "transitions")
"""What runs a swarm. Rich's own requirements are left out: it imports them only to highlight source code
and to show Markdown, which nothing here does."""
INSIDE = "swarmproof/inside"
FRONT = ("swarmproof",)
TREE = ("core", "io/peerio", "harness", "verifier", "probe", "peerProcess.py", "configs")
"""What the wheel has, too; see pyproject.toml."""
_FIRST = Path(__file__).with_name("first.py")
_SHEBANG = b"#!/usr/bin/env python3\n"


@dataclass(frozen=True, slots=True)
class Options:
    """Where the file goes."""

    output: Path = option(
        "File to write (default: dist/swarmproof.pyz in the project).",
        path,
        default=ROOT / "dist" / "swarmproof.pyz",
    )


def package(options: Options) -> int:
    """Write the file and tell what is in it; 0. HarnessError where a library is missing."""
    content = archive(files())
    try:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_bytes(content)
    except OSError as error:
        raise HarnessError(f"{options.output}: can't be written: {error.strerror}") from error
    versions = (libraries.distribution(name, extra="run") for name in LIBRARIES)
    print(
        f"{options.output}: {format_bytes(len(content))}, "
        f"with {', '.join(f'{one.name} {one.version}' for one in versions)}\n"
        f"SHA-256 {hashlib.sha256(content).hexdigest()}\n"
        f"It needs Python 3.11 or newer and nothing else: python3 {options.output.name} --help"
    )
    return 0


def files() -> dict[str, bytes]:
    """Everything that goes in, by its path there."""
    found = {"__main__.py": _FIRST.read_bytes()}
    found |= {name: path.read_bytes() for name, path in _sources(FRONT)}
    found |= {f"{INSIDE}/{name}": path.read_bytes() for name, path in _sources(TREE)}
    for name in LIBRARIES:
        library = libraries.distribution(name, extra="run")
        found |= {f"{INSIDE}/{file}": text for file, text in libraries.modules(library).items()}
        legal = libraries.licences(library)
        found |= {f"{INSIDE}/licences/{name}/{file}": text for file, text in legal.items()}
    found[f"{INSIDE}/licences/swarmproof/LICENSE"] = (ROOT / "LICENSE").read_bytes()
    return found


def _sources(names: tuple[str, ...]) -> list[tuple[str, Path]]:
    """Return the project's own files in these folders, and these files."""
    tops = [ROOT / name for name in names]
    found = (file for top in tops for file in ([top] if top.is_file() else top.rglob("*")))
    return [
        (file.relative_to(ROOT).as_posix(), file)
        for file in found
        if file.is_file() and "__pycache__" not in file.parts and not file.name.startswith(".")
    ]


def archive(files: dict[str, bytes]) -> bytes:
    """Return the files as a program that Python starts, without anything of when or where it was made."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name)  # of 1980, in every time zone
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            made.writestr(entry, content, zipfile.ZIP_DEFLATED, 9)
    return _SHEBANG + packed.getvalue()
