"""Makes the folder of one run: configuration, a folder for each peer, the seeds' file.

    runs/2026-11-22T10-00-00/
        Common.cfg  PeerInfo.cfg          as the peers read them
        pieces.sha256                     its pieces' hashes, of a real file
        peer_1001/TheFile.dat             each peer's folder (spec 9)
        log_peer_1001.log                 its log (spec 8)
        trace_peer_1001.jsonl             its trace (docs/trace.md)
        peer_1001.stderr                  its diagnostics
        result.json                       how the swarm ended

`runs/latest` points to the newest one that has a log.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from core.config import PeerInfo, SwarmConfig
from core.exits import ExitStatus
from harness.errors import HarnessError
from harness.local.hashing import fitted, write_hashes
from harness.local.ports import NEVER
from peerio.config import ConfigError, format_common, format_peers, load_config

ROOT = Path(__file__).resolve().parents[2]
"""The project's folder; of an installed one, what lies in `swarmproof/inside`."""
CONFIGS = ROOT / "configs"
RUNS = ROOT / "runs"
"""The project's own runs."""
PEER_PROCESS = ROOT / "peerProcess.py"
RUNS_HELP = (
    "Folder in which the run folder is made (default: runs/ of the project, elsewhere runs/ here)."
)
LATEST = "latest"
_CHUNK = 1 << 20


def runs_folder() -> Path:
    """Where runs are kept: in the project for whoever works in it, else in the working folder."""
    here = Path.cwd()
    return RUNS if here.is_relative_to(ROOT) else here / RUNS.name


def module_command(name: str) -> list[str]:
    """What runs one of the project's modules in a process of its own, wherever the project lies."""
    paths = [str(ROOT), str(ROOT / "io")]
    code = (
        f"import runpy, sys; sys.path[:0] = {paths!r}; runpy.run_module({name!r}, None, '__main__')"
    )
    return [sys.executable, "-c", code]


def find_config(name: str) -> Path:
    """The folder that `--config` means: one under `configs/`, else the path itself.

    HarnessError when there is none.
    """
    for folder in (CONFIGS / name, Path(name).expanduser()):
        if (folder / "Common.cfg").is_file():
            return folder
    raise HarnessError(
        f"--config {name!r}: no such configuration: expected one of {', '.join(configurations())}, "
        "or a folder that holds Common.cfg and PeerInfo.cfg"
    )


def configurations() -> list[str]:
    """The names of the ready-made swarms."""
    return sorted(path.name for path in CONFIGS.iterdir() if path.is_dir())


def no_option(word: str, options: Mapping[str, object]) -> str:
    """What is wrong with a word where an option is expected; `options` are those of the command."""
    if "config" in options and word in configurations():
        advice = f"did you mean --config {word}?"
    elif "dir" in options:
        advice = f"did you mean --dir {word}?"
    else:
        advice = "all that it takes are options"
    return f"found {word!r} where an option is expected: {advice}"


def read_config(folder: Path, *, warn: Callable[[str], None]) -> SwarmConfig:
    """The configuration in `folder`; HarnessError when it can't be used."""
    try:
        return load_config(folder, warn=warn)
    except ConfigError as error:
        raise HarnessError(f"{folder}: {error}") from error


def with_peers(config: SwarmConfig, count: int) -> SwarmConfig:
    """The same swarm with its first `count` peers, and more leechers where it has fewer.

    They get the ids and ports that follow the highest ones. HarnessError when no seed is left.
    """
    peers = list(config.peers[:count])
    next_id = max(peer.peer_id for peer in config.peers) + 1
    next_port = max(peer.port for peer in config.peers) + 1
    while len(peers) < count:
        next_port += next_port == NEVER
        peers.append(PeerInfo(next_id, peers[-1].host, next_port, has_file=False))
        next_id, next_port = next_id + 1, next_port + 1
    if not any(peer.has_file for peer in peers):
        raise HarnessError(f"--peers {count}: none of the first {count} peers has the file")
    return replace(config, peers=tuple(peers))


def with_file(config: SwarmConfig, path: Path) -> SwarmConfig:
    """The same swarm for a real file: its name and size; HarnessError when it can't be shared."""
    if not path.is_file():
        raise HarnessError(f"--file {path}: expected a file that is there")
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise HarnessError(f"--file {path}: can't be read: {error.strerror}") from error
    if size == 0:
        raise HarnessError(f"--file {path}: it is empty: a file to share has at least one byte")
    return replace(config, file_name=path.name, file_size=size)


def shaped(
    config: SwarmConfig, file: Path | None, piece_size: int | None, k: int | None
) -> SwarmConfig:
    """The same swarm for a file, with what fits it, unless a piece size (bytes) or a k is named."""
    if file is not None:
        config = fitted(with_file(config, file))
    if piece_size is not None:
        config = replace(config, piece_size=piece_size)
    if k is not None:
        config = replace(config, preferred_neighbors=k)
    return config


def new_run_folder(runs: Path | None = None) -> Path:
    """An empty folder in `runs`, named by the time."""
    runs = runs or runs_folder()
    runs.mkdir(parents=True, exist_ok=True)
    stamp = datetime.now().astimezone().strftime("%Y-%m-%dT%H-%M-%S")
    for suffix in ("", *(f".{number}" for number in range(2, 1000))):
        folder = runs / f"{stamp}{suffix}"
        with suppress(FileExistsError):
            folder.mkdir()
            return folder
    raise HarnessError(f"{runs}: there are a thousand runs of this second")


def fill(
    folder: Path,
    config: SwarmConfig,
    *,
    source: Path | None,
    random_seed: int,
    hashes: bool = True,
) -> None:
    """Write the configuration, make each peer's folder and give the seeds the file.

    `source` is linked, never changed, and hashed piece by piece if `hashes`; without it the
    content is pseudo-random. HarnessError when the peers couldn't use this configuration, such as a
    file name with odd blanks.
    """
    try:
        (folder / "Common.cfg").write_text(format_common(config), encoding="utf-8", newline="\n")
        (folder / "PeerInfo.cfg").write_text(format_peers(config), encoding="utf-8", newline="\n")
    except ConfigError as error:
        raise HarnessError(str(error)) from error
    read_config(folder, warn=print)
    if source is not None and hashes:
        write_hashes(folder, source, config.piece_size, config.file_name)
    for peer in config.peers:
        (folder / f"peer_{peer.peer_id}").mkdir()
    for copy in (copy_of(folder, config, peer) for peer in config.peers if peer.has_file):
        if source is None:
            write_random(copy, config.file_size, random_seed)
            source = copy
        else:
            _link(source, copy)


def copy_of(folder: Path, config: SwarmConfig, peer: PeerInfo) -> Path:
    """Where a peer's copy of the file lies (spec 9.1)."""
    return folder / f"peer_{peer.peer_id}" / config.file_name


def write_random(path: Path, size: int, random_seed: int) -> None:
    """Write a file of `size` bytes of pseudo-random content, the same for the same seed."""
    rng = random.Random(random_seed)
    with path.open("wb") as file:
        for start in range(0, size, _CHUNK):
            file.write(rng.randbytes(min(_CHUNK, size - start)))


def has_logs(folder: Path) -> bool:
    """Whether a peer has begun its log there."""
    return any(folder.glob("log_peer_*.log"))


def point_latest_to(folder: Path) -> None:
    """Let `latest` name this run, if there is a log in it."""
    if not has_logs(folder):
        return
    # Replaced in one step, so that two runs at once can't leave it missing. A file system without
    # symbolic links has no `latest`; then the newest folder's name tells.
    fresh = folder.parent / f".{LATEST}-{folder.name}"
    with suppress(OSError):
        fresh.symlink_to(folder.name)
        fresh.replace(folder.parent / LATEST)


def _link(source: Path, copy: Path) -> None:
    source = source.resolve()
    try:
        copy.hardlink_to(source)
    except OSError:  # another file system, or another user's file
        try:
            copy.symlink_to(source)
        except OSError:  # a system that lets not every user make one
            shutil.copyfile(source, copy)


def latest_run(runs: Path | None = None) -> Path:
    """The newest run that has logs, in `runs_folder()` by default; HarnessError where there is none."""
    runs = runs or runs_folder()
    latest = runs / LATEST
    if latest.exists() and has_logs(latest):
        return latest.resolve()
    folders = sorted(path for path in runs.glob("*") if path.is_dir() and has_logs(path))
    if not folders:
        raise HarnessError(
            f"no run in {runs}: make one with `swarmproof swarm`, or name a folder with logs",
            status=ExitStatus.USAGE,
        )
    return folders[-1]


@contextmanager
def gone_unless_logged(folder: Path) -> Iterator[None]:
    """Within, the folder is filled and used; if that is given up before there is a log, it goes."""
    try:
        yield
    except BaseException:
        if not has_logs(folder):
            shutil.rmtree(folder, ignore_errors=True)
        raise
