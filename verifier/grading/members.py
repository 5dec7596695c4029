"""What of a submission is taken: names that stay inside, files that the verifier reads, within limits.

Everything is decided on a list of members before a byte is written. So it is the same for a folder, a
zip and a tar, and whatever a submission holds, what becomes of it can be told.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from verifier.reading.config import InputError
from verifier.reading.finding import TRACE, log_name
from verifier.showing import shown

MOST_MEMBERS = 50_000
"""Members that an archive or a folder may have: ten times what large projects have."""
LARGEST = 1 << 28
"""Bytes of one file: 256 MiB."""
MOST_BYTES = 1 << 30
"""Bytes of all files of a submission: 1 GiB."""
FREE = 1 << 28
"""Bytes that an archive may expand to whatever its own size."""
MOST_RATIO = 100
"""How many times its own size an archive may expand to beyond that."""
MOST_PARTS = 40
"""Folders in each other."""
LONGEST_PART = 200
"""Bytes of one part of a name."""
NAMED = 3
"""Members that a remark names."""
LAYERS = 2
"""Archives in each other that are unpacked."""
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
FOREIGN = (".rar", ".7z", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst")
"""Archives that the standard library can't read, or not within limits."""
READ = (".log", ".txt", ".cfg", ".config", ".conf", ".gz", *ARCHIVES, *FOREIGN)
COPIES = re.compile(r"peer_\d{1,18}")
"""A peer's folder: what is in it may be its copy of the file."""
SKIPPED = re.compile(r"__MACOSX|\..*")
"""Folders that hold nothing of a run: those of version control, and what a Mac adds."""


class MemberKind(Enum):
    """What a member is, as the archive or the file system says."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "a link"
    SPECIAL = "a device or pipe"
    LOCKED = "encrypted"
    UNREADABLE = "compressed in a way that isn't read"
    CLOSED = "may not be read"


@dataclass(frozen=True, slots=True)
class Member:
    """One entry: its name as written, its size in bytes, and how it is found again."""

    name: str
    size: int
    kind: MemberKind
    key: object = None


class Refused(InputError):  # noqa: N818  # it says what is done
    """An archive isn't unpacked; the message says why."""


@dataclass(slots=True)
class Budget:
    """What a submission has used up of its limits, over all its archives."""

    members: int = 0
    bytes: int = 0


@dataclass(slots=True)
class Plan:
    """What is taken from an archive or folder, by the name that it gets, and what is said of the rest."""

    taken: dict[str, Member] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


def is_archive(name: str) -> bool:
    """Whether a file's name is that of an archive that is unpacked."""
    return name.lower().endswith(ARCHIVES)


def is_foreign(name: str) -> bool:
    """Whether a file's name is that of an archive of another kind."""
    return name.lower().endswith(FOREIGN)


def is_read(parts: tuple[str, ...]) -> bool:
    """Whether the verifier reads a file: logs, traces, configurations, and peers' copies of the file."""
    name = parts[-1]
    if any(SKIPPED.fullmatch(part) for part in parts):
        return False
    if name.lower().endswith(READ) or log_name(name) or TRACE.fullmatch(name):
        return True
    return is_copy(parts)


def is_copy(parts: tuple[str, ...]) -> bool:
    """Whether a file lies in a peer's folder and is no log: that peer's copy of what is handed out."""
    return is_peers(parts) and not (log_name(parts[-1]) or TRACE.fullmatch(parts[-1]))


def is_peers(parts: tuple[str, ...]) -> bool:
    """Whether a file lies in a peer's folder."""
    return any(COPIES.fullmatch(part) for part in parts[:-1])


def parts_of(name: str) -> tuple[str, ...] | None:
    """The parts of a member's name; None where it leads outside or can't be a name here.

    What can't be shown in it, such as a byte that is no text, becomes a `_`.
    """
    name = "".join(one if one.isprintable() else "_" for one in name.replace("\\", "/"))
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        return None
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if not parts or len(parts) > MOST_PARTS or ".." in parts:
        return None
    sizes = [len(part.encode()) for part in parts]
    if max(sizes) > LONGEST_PART or sum(sizes) > 10 * LONGEST_PART:
        return None
    return parts


def folded(parts: tuple[str, ...]) -> str:
    """A name as file systems compare it that don't tell case or the forms of an accent apart."""
    return unicodedata.normalize("NFC", "/".join(parts)).casefold()


def plan(members: list[Member], packed: int | None, budget: Budget) -> Plan:
    """Decide what is taken; Refused when it is too many or too much.

    `packed` is the archive's own size in bytes, None for a folder. The budget is charged.
    """
    made = Plan()
    left: dict[str, list[str]] = {}

    def leave(why: str, name: str) -> None:
        left.setdefault(why, []).append(name)

    budget.members += len(members)
    if budget.members > MOST_MEMBERS:
        raise Refused(f"more than {MOST_MEMBERS:,} members: nothing of it is unpacked")
    seen: set[str] = set()
    for member in members:
        parts = parts_of(member.name)
        if set(member.name.split("/")) <= {"", "."}:
            continue
        if parts is None:
            leave("names that lead outside, or too long", member.name)
        elif member.kind is MemberKind.FOLDER or any(SKIPPED.fullmatch(part) for part in parts):
            continue
        elif member.kind is not MemberKind.FILE:
            leave(member.kind.value, member.name)
        elif is_read(parts) and folded(parts) in seen:
            leave("there already, at most in other case", member.name)
        elif is_read(parts):
            seen.add(folded(parts))
            made.taken["/".join(parts)] = member
    _leave_large(made, packed, budget, leave)
    made.remarks = [_remark(why, names) for why, names in left.items()]
    return made


def _leave_large(
    made: Plan, packed: int | None, budget: Budget, leave: Callable[[str, str], None]
) -> None:
    """Leave out what is too large; peers' copies of the file all together, or they would seem missing."""
    most = MOST_BYTES - budget.bytes
    if packed is not None:
        most = min(most, max(FREE, MOST_RATIO * packed))
    copies = {name for name in made.taken if is_copy(tuple(name.split("/")))}
    texts = sum(member.size for name, member in made.taken.items() if name not in copies)
    large = [name for name in made.taken if made.taken[name].size > LARGEST]
    whole = texts + sum(made.taken[name].size for name in copies)
    if copies and (whole > most or not copies.isdisjoint(large)):
        for name in sorted(copies):
            leave("copies of the file, too large to be compared", made.taken.pop(name).name)
    for name in set(large) - copies:
        texts -= made.taken[name].size
        leave(f"larger than {LARGEST >> 20} MiB", made.taken.pop(name).name)
    if texts > most:
        raise Refused(
            f"expands to {texts >> 20:,} MiB, where at most {most >> 20:,} MiB are unpacked"
            f" ({MOST_BYTES >> 20:,} MiB a submission, {FREE >> 20} MiB or {MOST_RATIO} times"
            " its own size an archive): nothing of it is unpacked"
        )
    budget.bytes += sum(member.size for member in made.taken.values())


def _remark(why: str, names: list[str]) -> str:
    """Left out: how many, which, and why."""
    told = ", ".join(shown(name)[:80] for name in names[:NAMED])
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return f"left out ({why}): {told}{more}"
