"""What a report shows of a trace's records."""

from __future__ import annotations

import re
from pathlib import Path

from verifier.reading.files import blocks, texts

_STAMP = re.compile(rb'"t_wall":\s*"[^"\n]*"')


def records(path: Path, wanted: set[int]) -> dict[int, str]:
    """The text of some records, each with its time, which only the first record of a turn has in the file."""
    found = texts(path, wanted)
    bare = {line for line, text in found.items() if text.startswith("{") and "t_wall" not in text}
    for line, stamp in _stamps(path, bare).items():
        found[line] = f"{{{stamp},{found[line][1:]}"
    return found


def _stamps(path: Path, wanted: set[int]) -> dict[int, str]:
    """The last time that a trace tells above each of these lines."""
    found: dict[int, str] = {}
    last, before = "", 0
    for block in blocks(path) if wanted else ():
        count = block.data.count(b"\n")
        most = max((line for line in wanted if line <= before + count), default=0)
        lines = block.data.split(b"\n", max(0, most - before))[:-1]
        for line, text in enumerate(lines, before + 1):
            last = _last_stamp(text) or last
            if line in wanted:
                found[line] = last
        last = _last_stamp(block.data) or last
        before += count
    return {line: stamp for line, stamp in found.items() if stamp}


def _last_stamp(data: bytes) -> str:
    at = data.rfind(b'"t_wall"')
    stamp = _STAMP.match(data, at) if at >= 0 else None
    return stamp[0].decode("utf-8", "replace") if stamp else ""
