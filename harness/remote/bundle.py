"""What is sent to hosts: the agent with each connection, the project once for each version."""

from __future__ import annotations

import hashlib
import io
import re
import shlex
import zipfile
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from itertools import accumulate, chain
from pathlib import Path, PurePosixPath

from harness.errors import HarnessError
from harness.local.runfolder import ROOT

AGENT = (
    "peerio.net.addresses",
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
_DISTRIBUTION = "swarmproof"


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


def bundle() -> Bundle:
    """All that a peer needs on a host besides Python: the versions that are installed here.

    HarnessError when a dependency isn't installed or isn't pure Python.
    """
    files = {**_sources(), **_dependencies()}
    digest = hashlib.sha256()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return Bundle(digest.hexdigest()[:16], packed.getvalue())


def _sources() -> dict[str, bytes]:
    found = {}
    for name in _PEER:
        path = ROOT / name
        for file in [path] if path.is_file() else path.rglob("*.py"):
            found[file.relative_to(ROOT).as_posix()] = file.read_bytes()
    return found


def _dependencies() -> dict[str, bytes]:
    """The modules of the distributions that ours requires, and of those that they require."""
    files: dict[str, bytes] = {}
    known = {_DISTRIBUTION}
    wanted = _required(metadata.distribution(_DISTRIBUTION))
    while wanted:
        name, is_certain = wanted.pop()
        if name in known:
            continue
        known.add(name)
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            if is_certain:
                raise HarnessError(
                    f"{name} isn't installed here, so that it can't be sent to the hosts: "
                    "install the project with `pip install -e '.[remote]'`"
                ) from None
            continue
        files |= _modules(distribution)
        wanted += _required(distribution)
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


def _modules(distribution: metadata.Distribution) -> dict[str, bytes]:
    found = {}
    for file in distribution.files or ():
        path = PurePosixPath(file.as_posix())
        if path.suffix in {".so", ".pyd"}:
            raise HarnessError(
                f"{distribution.name} isn't pure Python here ({path.name}), so that it can't be sent "
                "to other machines: install its pure variant, or start the peers there by hand"
            )
        if path.suffix == ".py" and ".." not in path.parts:
            found[path.as_posix()] = Path(str(file.locate())).read_bytes()
    return found
