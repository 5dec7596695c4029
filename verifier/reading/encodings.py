"""Text in the encodings that programs and shells write: UTF-8, UTF-16 with or without a mark, Windows-1252.

PowerShell's `>` writes UTF-16; Java on Windows writes the quotes of the assignment's text in Windows-1252.
"""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAMPLE = 1024
_CP1252 = "".join(
    chr(byte) if byte in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else bytes([byte]).decode("cp1252")
    for byte in range(256)
)
"""Windows-1252; the bytes that it leaves open stand for themselves, so that nothing can fail."""


def guess(beginning: bytes) -> tuple[str, int]:
    """The encoding of a text that begins so, and the length of its mark; UTF-8 where nothing tells.

    Without a mark UTF-16 shows itself by zeros in every other byte.
    """
    for mark, name in _MARKS:
        if beginning.startswith(mark):
            return name, len(mark)
    sample = beginning[:_SAMPLE]
    pairs = len(sample) // 2
    if pairs >= 2:
        even, odd = sample[0 : 2 * pairs : 2].count(0), sample[1 : 2 * pairs : 2].count(0)
        if odd > 0.7 * pairs and even < 0.1 * pairs:
            return "utf-16-le", 0
        if even > 0.7 * pairs and odd < 0.1 * pairs:
            return "utf-16-be", 0
    return "utf-8", 0


def decode(data: bytes) -> str:
    """A piece of text that is UTF-8, or else Windows-1252; never raises."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return codecs.charmap_decode(data, "strict", _CP1252)[0]


def decode_file(data: bytes) -> str:
    """A whole small file in whatever encoding; never raises."""
    name, mark = guess(data)
    if name == "utf-8":
        return decode(data[mark:])
    return data[mark:].decode(name, "replace")


def as_utf8(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, str]]:
    """The chunks of a file without its mark, UTF-16 turned into UTF-8, and what was unusual about each."""
    decoder: codecs.IncrementalDecoder | None = None
    unusual = ""
    for number, chunk in enumerate(chunks):
        data = chunk
        if number == 0:
            name, mark = guess(chunk)
            data = chunk[mark:]
            if name != "utf-8":
                decoder = codecs.getincrementaldecoder(name)("replace")
                unusual = "UTF-16 text"
            elif mark:
                unusual = "byte-order mark"
        if decoder is not None:
            data = decoder.decode(data).encode("utf-8", "replace")
        yield data, unusual
        if decoder is None:
            unusual = ""
