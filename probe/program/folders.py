"""The folder of a session: configuration, the seed's file, the project's entries."""

from __future__ import annotations

import os
import random
import re
import shutil
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from probe.model import Plan
from probe.settings import Settings, SettingsError

FILE_NAME = "TheFile.dat"
_OWN = re.compile(
    r"Common\.cfg|PeerInfo\.cfg|(peer_)?\d+|.*\.log|\.git|\.venv|venv|node_modules|__pycache__"
    r"|probe-runs|probe\.toml|build-cache|\.(hypothesis|idea|vscode|gradle|mypy|ruff|pytest)_cache",
    re.IGNORECASE,
)
"""Entries of a project that a session has itself, or that no program needs."""
_LARGEST_COPIED = 20 << 20
_LARGEST_WRITTEN = 1 << 20
_CODE = frozenset([".class", ".jar", ".py", ".pyc", ".java", ".kt", ".c", ".cc", ".cpp", ".h", ".hpp", ".o", ".so", ".go", ".rs", ".js", ".ts", ".md", ".html", ".png"])  # fmt: skip
"""Endings of files that a program reads, or doesn't know; all others are copied, so that none is written to."""
_LARGEST_KEPT = 16 << 20
_MOST_FILES = 5000


def _may_be_written(name: str) -> bool:
    """Whether a program might write to this file of its project: it is small, and no part of a program."""
    path = Path(name)
    try:
        found = path.stat()
    except OSError:
        return False
    return (
        path.suffix.lower() not in _CODE
        and not found.st_mode & 0o111
        and stat.S_ISREG(found.st_mode)
        and found.st_size <= _LARGEST_WRITTEN
    )


def content(plan: Plan) -> bytes:
    """The file that the swarm shares: the same in every run."""
    return random.Random(f"probe {plan.name}").randbytes(plan.file_size)


class Folder:
    """Where one session lies."""

    def __init__(self, root: Path, plan: Plan, settings: Settings) -> None:
        self.root = root
        self.plan = plan
        self.settings = settings
        self.work = root / "run" / settings.workdir
        self.output = root / "output.txt"
        self.data_place = "peer_{id}" if settings.data == "auto" else settings.data

    def fill(self, ports: Mapping[int, int]) -> None:
        """Write everything that the program needs before it starts."""
        shutil.rmtree(self.root, ignore_errors=True)
        base = self.root / "run"
        base.mkdir(parents=True)
        self._bring_project(base)
        self.work.mkdir(parents=True, exist_ok=True)
        common, peers = _texts(self.plan, ports, self.settings.host)
        for place in self.config_folders():
            place.mkdir(parents=True, exist_ok=True)
            (place / "Common.cfg").write_bytes(common)
            (place / "PeerInfo.cfg").write_bytes(peers)
        for peer_id, _ in self.plan.peers:
            self.data_folder(peer_id).mkdir(parents=True, exist_ok=True)
        if self.plan.seed:
            self.data_file().write_bytes(content(self.plan))

    def config_folders(self) -> list[Path]:
        """The folders with the configuration, the working directory first."""
        return [self.work, *(self.root / "run" / one for one in self.settings.configs)]

    def data_folder(self, peer_id: int) -> Path:
        """Where the file of a peer lies."""
        return self.work / self.data_place.replace("{id}", str(peer_id))

    def data_file(self) -> Path:
        """The program's own file."""
        return self.data_folder(self.plan.you) / FILE_NAME

    def finished_files(self) -> list[Path]:
        """Where a leecher may put the file: the assignment's place, and the one where a seed's file was found."""
        return [self.work / f"peer_{self.plan.you}" / FILE_NAME, self.data_file()]

    def found_copies(self) -> list[Path]:
        """Every file below the session's folder with the file's name or size, but no link."""
        found = []
        for path in (self.root / "run").rglob("*"):
            with suppress(OSError):
                if path.is_file() and not path.is_symlink() and path.name == FILE_NAME:
                    found.append(path)
        return found

    def shrink(self) -> None:
        """When the session is over: cut what is far larger than anything that it needed."""
        for place, _, names in os.walk(self.root):
            for name in names:
                path = Path(place, name)
                with suppress(OSError):
                    if not path.is_symlink() and path.stat().st_size > _LARGEST_KEPT:
                        os.truncate(path, _LARGEST_KEPT)

    def command(self) -> str:
        """The command for this session."""
        text = self.settings.command.replace("{id}", str(self.plan.you))
        return text.replace("{dir}", str(self.work)).replace("{project}", self.settings.project)

    def find_log(self) -> Path | None:
        """The program's log, in its working directory or elsewhere below the session's folder."""
        name = f"log_peer_{self.plan.you}.log"
        if (self.work / name).is_file():
            return self.work / name
        near = sorted((self.root / "run").rglob(f"*{self.plan.you}*.log"))
        return next((path for path in near if path.is_file() and path.stat().st_size), None)

    def _bring_project(self, base: Path) -> None:
        """The project's entries: every folder anew, every file a link or a copy.

        What the program writes so stays in the session's folder, and never touches the project.
        """
        project = Path(self.settings.project)
        if self.settings.copy == "none":
            return
        count = 0
        for place, folders, files in os.walk(project):
            folders[:] = [
                one
                for one in folders
                if not _OWN.fullmatch(one) and not self.root.is_relative_to(Path(place, one))
            ]
            target = base / Path(place).relative_to(project)
            target.mkdir(parents=True, exist_ok=True)
            for name in files:
                if not _OWN.fullmatch(name):
                    count += 1
                    self._bring(f"{place}/{name}", f"{target}/{name}")
            if count > _MOST_FILES:
                raise SettingsError(
                    f"{project}: more than {_MOST_FILES} files; name the program's own folder with --project"
                )

    def _bring(self, source: str, target: str) -> None:
        if self.settings.copy == "link" and not _may_be_written(source):
            try:
                os.symlink(source, target)  # noqa: PTH211 -- hundreds of them, for each session
            except OSError:  # a system that lets not every user make one
                shutil.copy2(source, target)
        elif Path(source).is_file() and Path(source).stat().st_size <= _LARGEST_COPIED:
            shutil.copy2(source, target)


def _texts(plan: Plan, ports: Mapping[int, int], host: str) -> tuple[bytes, bytes]:
    """`Common.cfg` and `PeerInfo.cfg`, in the plan's form (spec 1.2, 1.3, 1.5)."""
    form = plan.form.split()
    common = [
        ("NumberOfPreferredNeighbors", plan.k),
        ("UnchokingInterval", f"{plan.p:g}"),
        ("OptimisticUnchokingInterval", f"{plan.m:g}"),
        ("FileName", FILE_NAME),
        ("FileSize", plan.file_size),
        ("PieceSize", plan.piece_size),
    ]
    if "order" in form:
        common.reverse()
    blank = "  " if "blanks" in form else " "
    lines = [f"{key}{blank}{value}" for key, value in common]
    rows = [blank.join([str(one), host, str(ports[one]), str(int(has))]) for one, has in plan.peers]
    if "comment" in form:
        lines.insert(0, "# swarm")
    if "blank-line" in form:
        lines.insert(3, "")
        rows.append("")
    end = "\r\n" if "crlf" in form else "\n"
    last = "" if "nonl" in form else end
    return (end.join(lines) + last).encode(), (end.join(rows) + last).encode()
