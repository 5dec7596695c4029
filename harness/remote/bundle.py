"""What is sent to hosts: the agent with each connection, the project once for each version."""

from __future__ import annotations

import hashlib
import io
import re
import shlex
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from itertools import accumulate, chain
from pathlib import Path

from harness.errors import HarnessError
from harness.local.runfolder import ROOT
from harness.packing import libraries

AGENT = (
    "peerio.net.addresses",
    "harness.local.channels",
    "harness.local.children",
    "harness.local.listening",
    "harness.remote.host.messages",
    "harness.remote.host.processes",
    "harness.remote.host.place",
    "harness.remote.host.agent",
)
"""The agent's modules, each after those that it imports."""
_LOADER = """\
import sys, types
for name, text in {sources!r}.items():
    module = sys.modules[name] = types.ModuleType(name)
    module.__path__ = []
    exec(compile(text, name, "exec"), module.__dict__)
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, module)
sys.modules[{main!r}].main()
"""
_BOOTSTRAP = (
    "import sys; "
    "sys.platform == 'win32' and sys.exit('this is Windows: start the peer by hand there'); "
    "sys.version_info < (3, 11) and sys.exit('Python ' + sys.version.split()[0] + "
    "' is too old: 3.11 or newer is needed; name another one with --python'); "
    "exec(sys.stdin.buffer.read({size}))"
)
"""Also older Pythons understand this, so that they can say that they are too old."""
_PEER = ("core", "io/peerio", "peerProcess.py")
"""What a peer consists of: all that runs on a host but its dependencies."""
_LIBRARIES = ("structlog", "transitions")
"""The distributions that a peer imports."""


def source_of(module: str) -> Path:
    """The file of one of ours."""
    root = ROOT / "io" if module.startswith("peerio.") else ROOT
    return (root / module.replace(".", "/")).with_suffix(".py")


@cache
def agent_source() -> bytes:
    """The agent as one program, to be sent to `agent_command`."""
    packages = (accumulate(name.split(".")[:-1], "{}.{}".format) for name in AGENT)
    sources = dict.fromkeys(chain.from_iterable(packages), "")
    for name in AGENT:
        sources[name] = source_of(name).read_text(encoding="utf-8")
    return _LOADER.format(sources=sources, main=AGENT[-1]).encode()


def agent_command(python: str) -> str:
    """The shell command that runs the agent, by a host's interpreter, from its stdin."""
    return shlex.join([python, "-c", _BOOTSTRAP.format(size=len(agent_source()))])


@dataclass(frozen=True, slots=True)
class Bundle:
    """The project and its dependencies as an archive; `name` is a hash of the files in it."""

    name: str
    archive: bytes

    @property
    def sha256(self) -> str:
        """The archive's own, to find out damage on the way."""
        return hashlib.sha256(self.archive).hexdigest()


def bundle(parts: Sequence[str] = ()) -> Bundle:
    """These parts of the project, else a peer's, and all that they need besides Python, as it is installed here.

    HarnessError when a dependency isn't installed or isn't pure Python.
    """
    files = {**_sources(parts or _PEER), **_dependencies()}
    digest = hashlib.sha256()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return Bundle(digest.hexdigest()[:16], packed.getvalue())


def _sources(parts: Sequence[str]) -> dict[str, bytes]:
    found = {}
    for name in parts:
        path = ROOT / name
        for file in [path] if path.is_file() else path.rglob("*"):
            if file.is_file() and file.parent.name != "__pycache__":
                found[file.relative_to(ROOT).as_posix()] = file.read_bytes()
    return found


def _dependencies() -> dict[str, bytes]:
    """The modules of the distributions that a peer imports, and of those that they require."""
    files: dict[str, bytes] = {}
    known: set[str] = set()
    wanted = [(name, True) for name in _LIBRARIES]
    while wanted:
        name, is_certain = wanted.pop()
        if name in known:
            continue
        known.add(name)
        try:
            library = libraries.distribution(name, extra="remote")
        except HarnessError:
            if is_certain:
                raise
            continue
        files |= libraries.modules(library)
        wanted += _required(library)
    return files


def _required(distribution: metadata.Distribution) -> list[tuple[str, bool]]:
    """What it requires without extras, and whether always; else it counts where it is installed."""
    found = []
    for requirement in distribution.requires or ():
        text, _, marker = requirement.partition(";")
        name = re.match(r"[\w.-]+", text)
        if name and "extra" not in marker:
            found.append((name[0], not marker))
    return found
