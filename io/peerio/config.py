"""Reads and writes `Common.cfg` and `PeerInfo.cfg` (spec 1.2, 1.3, 1.5).

Reading goes through both files in one pass and tells everything that is wrong with them at once,
so that nobody has to start a swarm five times to find five mistakes.

A separator is any run of white space; only the characters 0 to 9 count as digits.
No file is larger than a signed 64-bit offset can address; the other limits are those of spec 1.5.
"""

from __future__ import annotations

import math
import re
from codecs import BOM_UTF8
from dataclasses import replace
from typing import TYPE_CHECKING, Generic, TypeVar

from core.config import PeerInfo, SwarmConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

COMMON = "Common.cfg"
PEER_INFO = "PeerInfo.cfg"
PIECE_HASHES = "pieces.sha256"
"""What `peerio.hashes` reads, where it is there (spec 9.3)."""

_SHOWN_PROBLEMS = 20  # a file of another kind has as many as it has lines
_SHOWN_CHARACTERS = 60
_MOST_PIECES = 2**24
_PIECE_COST = "about 50 bytes of memory at each peer, and 10 more for each neighbor"
_LEAST_INTERVAL = 0.001

_NOT_IN_NAMES = ("/", "\\", "\0", "\r", "\n", "..")
_NUMBER = frozenset("0123456789.eE+-")

Line = tuple[int, str]  # its number, and its text without white space at the ends
T = TypeVar("T")


class ConfigError(Exception):
    """The configuration can't be used.

    `problems` holds one message for each thing that is wrong; `str()` gives them one a line,
    the first 20 of them.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        shown = self.problems[:_SHOWN_PROBLEMS]
        if more := len(self.problems) - len(shown):
            shown += (f"and {more} more problems",)
        super().__init__("\n".join(shown))


class _Rule(Generic[T]):
    """What a value must be.

    `parse` raises ValueError. `stand_in` goes on in place of an unusable value; the error is raised
    before it is used.
    """

    def __init__(self, parse: Callable[[str], T], expected: str, stand_in: T) -> None:
        self.parse = parse
        self.expected = expected
        self.stand_in = stand_in


def _whole(what: str, least: int, most: int) -> _Rule[int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit()):
            raise ValueError(text)
        value = int(text)  # ValueError beyond some thousand digits
        if not least <= value <= most:
            raise ValueError(text)
        return value

    return _Rule(parse, f"{what} from {least} to {most}", least)


def _parse_interval(text: str) -> float:
    if text.startswith(("+", "-")) or not _NUMBER.issuperset(
        text
    ):  # float() takes signs, `1_0`, `inf` too
        raise ValueError(text)
    value = float(text)
    if value < _LEAST_INTERVAL or not math.isfinite(value):
        raise ValueError(text)
    return value


def _parse_file_name(text: str) -> str:
    if text in ("", ".") or text != text.strip() or any(part in text for part in _NOT_IN_NAMES):
        raise ValueError(text)
    text.encode()  # UnicodeEncodeError, a ValueError: a real file's name may be no text at all
    return text


def _parse_flag(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError(text)
    return text == "1"


_INTERVAL = _Rule(
    _parse_interval,
    f"seconds: a finite number of at least {_LEAST_INTERVAL}, such as 5 or 0.5",
    1.0,
)
_FILE_NAME = _Rule(_parse_file_name, "a plain file name without '/', '\\', '..' or NUL", "stand-in")
_PREFERRED = _whole("a whole number", 1, 2**32 - 1)
_FILE_SIZE = _whole("bytes: a whole number", 1, 2**63 - 1)
_PIECE_SIZE = _whole("bytes: a whole number", 1, 2**31)
_PEER_ID = _whole("a whole number", 1, 2**32 - 1)
_PORT = _whole("a number", 1, 65535)
_HAS_FILE = _Rule(_parse_flag, "1 (has the file) or 0 (has not)", stand_in=False)

_COMMON_KEYS = (
    "NumberOfPreferredNeighbors",
    "UnchokingInterval",
    "OptimisticUnchokingInterval",
    "FileName",
    "FileSize",
    "PieceSize",
)


def load_config(workdir: Path, *, warn: Callable[[str], None]) -> SwarmConfig:
    """Reads both files in `workdir`; unknown keys go to `warn`, one message each (spec 1.5).

    Raises ConfigError with everything that is wrong in either file.
    """
    problems: list[str] = []
    common_lines = _read(workdir, COMMON, problems)
    peer_lines = _read(workdir, PEER_INFO, problems)
    common = None if common_lines is None else _parse_common(common_lines, problems, warn)
    peers = () if peer_lines is None else _parse_peers(peer_lines, problems)
    if problems or common is None:
        raise ConfigError(problems)
    return replace(common, peers=peers)


def format_common(config: SwarmConfig) -> str:
    """The text of `Common.cfg` (spec 1.2), to be written as UTF-8.

    Whole intervals are written without a point, since other teams' programs read whole numbers.
    Raises ConfigError when the file name can't stand in that file.
    """
    problems: list[str] = []
    values = (
        config.preferred_neighbors,
        _format_interval(config.unchoking_interval),
        _format_interval(config.optimistic_interval),
        _value(_FILE_NAME, config.file_name, "FileName", problems),
        config.file_size,
        config.piece_size,
    )
    if problems:
        raise ConfigError(problems)
    return "".join(f"{key} {value}\n" for key, value in zip(_COMMON_KEYS, values, strict=True))


def format_peers(config: SwarmConfig) -> str:
    """The text of `PeerInfo.cfg` (spec 1.3), to be written as UTF-8."""
    return "".join(
        f"{peer.peer_id} {peer.host} {peer.port} {peer.has_file:d}\n" for peer in config.peers
    )


def _format_interval(seconds: float) -> str:
    seconds = float(seconds)
    return str(int(seconds)) if seconds.is_integer() else repr(seconds)


def _read(workdir: Path, name: str, problems: list[str]) -> list[Line] | None:
    """The lines that say something: not blank, not a comment. None when there is no text."""
    try:
        text = (workdir / name).read_bytes().removeprefix(BOM_UTF8).decode()
    except FileNotFoundError:
        problems.append(
            f"{name}: not found in {workdir.absolute()}: expected both {COMMON} and {PEER_INFO} "
            "there; start in the folder that holds them, or name it with --workdir"
        )
        return None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        problems.append(
            f"{name}:{line}: byte 0x{error.object[error.start]:02x}: "
            "expected text in UTF-8; save the file in that encoding"
        )
        return None
    except OSError as error:
        problems.append(f"{name}: can't be read in {workdir.absolute()}: {error.strerror}")
        return None
    # Not by splitlines(), which knows ten more ends of lines.
    ends = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    lines = ((number, line.strip()) for number, line in enumerate(ends, 1))
    return [(number, line) for number, line in lines if line and not line.startswith("#")]


def _parse_common(
    lines: list[Line], problems: list[str], warn: Callable[[str], None]
) -> SwarmConfig:
    """Everything but the peers."""
    before = len(problems)
    entries = _entries(lines, problems, warn)

    def take(key: str, rule: _Rule[T]) -> T:
        if key in entries:
            number, text = entries[key]
            return _value(rule, text, f"{COMMON}:{number}: {key}", problems)
        problems.append(f"{COMMON}: {key} is missing: expected a line '{key} [{rule.expected}]'")
        return rule.stand_in

    common = SwarmConfig(
        preferred_neighbors=take("NumberOfPreferredNeighbors", _PREFERRED),
        unchoking_interval=take("UnchokingInterval", _INTERVAL),
        optimistic_interval=take("OptimisticUnchokingInterval", _INTERVAL),
        file_name=take("FileName", _FILE_NAME),
        file_size=take("FileSize", _FILE_SIZE),
        piece_size=take("PieceSize", _PIECE_SIZE),
        peers=(),
    )
    if len(problems) == before and common.piece_count > _MOST_PIECES:
        number, text = entries["PieceSize"]
        problems.append(
            f"{COMMON}:{number}: PieceSize {_shown(text)}: cuts the file into "
            f"{common.piece_count} pieces: expected at most {_MOST_PIECES}, since each costs "
            f"{_PIECE_COST}; use larger pieces"
        )
    return common


def _entries(
    lines: list[Line], problems: list[str], warn: Callable[[str], None]
) -> dict[str, Line]:
    """The known keys with the number of their line and their text."""
    entries: dict[str, Line] = {}
    for number, line in lines:
        key, *rest = line.split(maxsplit=1)
        text = "".join(rest)
        if key not in _COMMON_KEYS:
            warn(f"{COMMON}:{number}: unknown key {_shown(key)} is ignored{_similar_key(key)}")
        elif key in entries:
            problems.append(
                f"{COMMON}:{number}: {key} {_shown(text)}: expected {key} once, "
                f"but line {entries[key][0]} has it too; remove one of the two"
            )
        else:
            entries[key] = (number, text)
    return entries


def _similar_key(unknown: str) -> str:
    import difflib  # noqa: PLC0415 -- needed where a key is misspelt

    keys = {key.lower(): key for key in _COMMON_KEYS}
    similar = difflib.get_close_matches(unknown.lower(), keys, n=1)
    return f"; did you mean {keys[similar[0]]}?" if similar else ""


def _parse_peers(lines: list[Line], problems: list[str]) -> tuple[PeerInfo, ...]:
    """The peers in start order."""
    before = len(problems)
    peers: list[PeerInfo] = []
    ids: dict[int, int] = {}
    addresses: dict[tuple[str, int], int] = {}
    for number, line in lines:
        if (peer := _parse_peer(number, line, problems)) is None:
            continue
        peers.append(peer)
        where = f"{PEER_INFO}:{number}:"
        if (first := ids.setdefault(peer.peer_id, number)) != number:
            problems.append(
                f"{where} peer id '{peer.peer_id}': expected each id once, "
                f"but line {first} has it too; give one of the two another id"
            )
        # Names of hosts don't distinguish upper and lower case.
        address = (peer.host.casefold(), peer.port)
        if (first := addresses.setdefault(address, number)) != number:
            problems.append(
                f"{where} host and port '{peer.host} {peer.port}': expected each pair once, "
                f"but line {first} has it too; give one of the two another port"
            )
    if len(problems) == before and not any(peer.has_file for peer in peers):
        found = f"none of the {len(peers)} peers has the file" if peers else "lists no peer"
        problems.append(
            f"{PEER_INFO}: {found}: expected at least one line '[peer id] [host] [port] 1'"
        )
    return tuple(peers)


def _parse_peer(number: int, line: str, problems: list[str]) -> PeerInfo | None:
    """One line of `PeerInfo.cfg`; None when something is wrong with it."""
    before = len(problems)
    where = f"{PEER_INFO}:{number}:"
    fields = line.split()
    if len(fields) != 4:
        problems.append(
            f"{where} {_shown(line)}: expected four fields, "
            f"'[peer id] [host] [port] [has file: 1 or 0]', found {len(fields)}{_hint(line)}"
        )
        return None
    peer = PeerInfo(
        peer_id=_value(_PEER_ID, fields[0], f"{where} peer id", problems),
        host=fields[1],
        port=_value(_PORT, fields[2], f"{where} port", problems),
        has_file=_value(_HAS_FILE, fields[3], f"{where} has file", problems),
    )
    return peer if len(problems) == before else None


def _value(rule: _Rule[T], text: str, where: str, problems: list[str]) -> T:
    try:
        return rule.parse(text)
    except ValueError:
        problems.append(f"{where} {_shown(text)}: expected {rule.expected}{_hint(text)}")
        return rule.stand_in


def _shown(text: str) -> str:
    if not text:
        return "(no value)"
    cut = len(text) > _SHOWN_CHARACTERS
    return f"{text[:_SHOWN_CHARACTERS]!r}{'...' if cut else ''}"


def _hint(text: str) -> str:
    """What to do about the mistakes that are made most."""
    if "#" in text:
        return "; a comment needs a line of its own"
    if re.fullmatch(r"[0-9.]+[_,'][0-9_.,']*", text):
        return "; digits aren't grouped, and fractions have a point"
    return ""
