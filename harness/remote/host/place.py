"""What lies on a host, and what the host can offer a peer.

    swarmproof/                       the home, `--home`
        programs/0123456789abcdef/    the project, under the hash of its content
        swarm/                        the peers' working directory (spec 1.1)
            launch.json               of the latest launch: its name and how its peers ended
        earlier/RUN/                  logs of earlier launches
        processes/BOOT/               the processes that were launched and haven't ended

Nothing but the standard library is imported: this file runs on the hosts.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import socket
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from harness.local.listening import why_unusable
from harness.remote.host.messages import Sum

LAUNCH = "launch.json"
HASHES = "pieces.sha256"
_RESULT = re.compile(r"(log_peer_|trace_peer_|peer_)([0-9]+)\.(log|jsonl|stderr)(\.[0-9]+)?")
_CHUNK = 1 << 20
DIGITS = 16
"""Hex digits of a piece's SHA-256 that are compared: as many as traces have (docs/trace.md)."""


class PlaceError(Exception):
    """What was asked for can't be done here; `str(e)` says why and what to do."""


class Place:
    """The home folder of swarms on this host."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.swarm = home / "swarm"

    def program(self, name: str) -> Path:
        """Where the project of this hash lies, or would."""
        return self.home / "programs" / name

    # Looking.

    def free_space(self) -> int:
        """Bytes that are free for the home, which needn't be there yet."""
        folder = self.home
        while not folder.exists():
            folder = folder.parent
        return shutil.disk_usage(folder).free

    def sums(self, paths: Iterable[str], alive: Callable[[], None]) -> dict[str, Sum]:
        """SHA-256 of each file in the working directory, or a `problem` instead."""
        return {path: self._sum(self.swarm / path, alive) for path in paths}

    def _sum(self, path: Path, alive: Callable[[], None]) -> Sum:
        digest = hashlib.sha256()
        try:
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
                    alive()
                return Sum(digest.hexdigest())
        except FileNotFoundError:
            return Sum(problem="missing")
        except OSError as error:
            return Sum(problem=f"can't be read: {error.strerror}")

    def size_of(self, path: str) -> int | None:
        """Return the size of a file in the working directory; None when there is none."""
        file = self.swarm / path
        return file.stat().st_size if file.is_file() else None

    # Putting in place.

    def unpack(self, name: str, sha256: str) -> None:
        """Make a program of the archive that lies beside it; it is there whole or not at all."""
        archive = self.program(f"{name}.zip")
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        if digest != sha256:
            archive.unlink()
            raise PlaceError(f"{archive}: the archive was damaged on its way: deploy it again")
        fresh = self.program(f"{name}.{os.getpid()}")
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(fresh)
        if not self.program(name).exists():
            fresh.rename(self.program(name))
        shutil.rmtree(fresh, ignore_errors=True)  # somebody else was faster
        archive.unlink()

    def configure(self, files: dict[str, str], folders: list[str]) -> None:
        """Write the configuration and make the peers' folders."""
        for folder in folders:
            (self.swarm / folder).mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (self.swarm / name).write_text(text, encoding="utf-8")
        if HASHES not in files:  # of another file
            (self.swarm / HASHES).unlink(missing_ok=True)

    def adopt(self, upload: str, path: str) -> str | None:
        """Give an upload its name; a file that had it is moved aside, and its new name returned."""
        target = self.swarm / path
        aside = _make_way(target)
        (self.swarm / upload).rename(target)
        return aside

    def reuse(
        self, path: str, folder: str | None, sha256: str, alive: Callable[[], None]
    ) -> str | None:
        """Make the file with this hash a peer's copy if it lies there or in a folder; where it was."""
        target = self.swarm / path
        places = [target] if folder is None else [target, _folder(folder) / target.name]
        for place in places:
            if self._sum(place, alive).sha256 == sha256:
                if place != target:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    _make_way(target)
                    _link_or_copy(place, target, alive)
                return str(place)
        return None

    def deliver(self, path: str, folder: str, alive: Callable[[], None]) -> tuple[str, str | None]:
        """Put a peer's copy into a folder under its name: where it is, and what was moved aside for it."""
        source = self.swarm / path
        target = _folder(folder) / source.name
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = None
        if target.exists():
            if target.samefile(source) or self._is_same(source, target, alive):
                return str(target), None
            aside = _make_way(target)
        _link_or_copy(source, target, alive)
        return str(target), aside

    def _is_same(self, one: Path, other: Path, alive: Callable[[], None]) -> bool:
        if one.stat().st_size != other.stat().st_size:
            return False
        return self._sum(one, alive).sha256 == self._sum(other, alive).sha256

    # Launching.

    def check_deployed(self, program: str, files: dict[str, str]) -> None:
        """Raise PlaceError unless the program and just this configuration are in place."""
        if not (self.program(program) / "peerProcess.py").exists():
            raise PlaceError("this version of the project isn't there: run `invoke remote.deploy`")
        for name, text in files.items():
            path = self.swarm / name
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                raise PlaceError(
                    f"{path} isn't what --config and --file say: name the same ones as for "
                    "`invoke remote.deploy`, or run it again"
                )

    def begin(self, run: str, note: dict[str, Any]) -> None:
        """Put the results of the launch before this one aside, so that they aren't mistaken."""
        results = self.results()
        if results:
            earlier = str(self.launch_note().get("run", f"before-{run}"))
            folder = self.home / "earlier" / re.sub(r"[^\w.-]", "_", earlier)
            folder.mkdir(parents=True, exist_ok=True)
            for name in results:
                (self.swarm / name).replace(folder / name)
        self.write_launch_note({"run": run, **note})

    def write_launch_note(self, note: dict[str, Any]) -> None:
        """Keep what there is to know of the launch."""
        (self.swarm / LAUNCH).write_text(json.dumps(note) + "\n", encoding="utf-8")

    def launch_note(self) -> dict[str, Any]:
        """Return what was kept of the latest launch; empty when there was none."""
        try:
            note = json.loads((self.swarm / LAUNCH).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return note if isinstance(note, dict) else {}

    def results(self) -> dict[str, int]:
        """Return the logs, traces and diagnostics in the working directory, with their sizes."""
        if not self.swarm.is_dir():
            return {}
        return {
            path.name: path.stat().st_size
            for path in sorted(self.swarm.iterdir())
            if _RESULT.fullmatch(path.name)
        }


def _folder(name: str) -> Path:
    """Return a folder in the user's home, or an absolute one."""
    return Path.home() / Path(name).expanduser()


def _make_way(target: Path) -> str | None:
    """Move aside whatever is there; its new path."""
    aside = target.with_name(f"{target.name}.1")
    while aside.exists():
        aside = target.with_name(f"{target.name}.{int(aside.suffix[1:]) + 1}")
    if not target.exists():
        return None
    target.rename(aside)
    return str(aside)


def _link_or_copy(source: Path, target: Path, alive: Callable[[], None]) -> None:
    """Give a file another name, or copy it where that can't be; it is there whole or not at all."""
    try:
        os.link(source, target)
    except OSError:  # another file system
        fresh = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            with source.open("rb") as content, fresh.open("wb") as copy:
                while chunk := content.read(_CHUNK):
                    copy.write(chunk)
                    alive()
            fresh.replace(target)
        finally:
            fresh.unlink(missing_ok=True)


def why_ports_unusable(peers: dict[str, tuple[str, int]]) -> dict[int, str | None]:
    """For each peer why it couldn't listen here, None where it could."""
    return {int(peer): why_unusable(host, port) for peer, (host, port) in peers.items()}


def unresolved(names: Iterable[str], alive: Callable[[], None]) -> list[str]:
    """Return the hosts that this one doesn't find by their names, which may take a while."""
    found = []
    for name in names:
        try:
            socket.getaddrinfo(name, None)
        except OSError:
            found.append(name)
        alive()
    return found


def piece_sums(path: Path, piece_size: int, tick: Callable[[], object] = str) -> list[str]:
    """Return the hash of each piece in order; OSError if the file can't be read. `tick` is called at each."""
    sums = []
    with path.open("rb") as file:
        while content := file.read(piece_size):
            sums.append(hashlib.sha256(content).hexdigest()[:DIGITS])
            tick()
    return sums
