"""What an unread line is about, so that no check concludes from its absence."""

from __future__ import annotations

import re
from functools import lru_cache

TOPICS = {
    "download": "a download",
    "have": "a have",
    "choke": "a choke",
    "interest": "interest",
    "choice": "a choice of neighbors",
    "connection": "a connection",
}
"""What a line may mention, as it is called in messages."""

LONGEST = 300
"""Characters of a line that are looked at."""
NEAR = 30
"""Characters before a line's last words in which a number may stand."""
_MENTIONS = {
    "download": r"download(?!ing)\w*|\b(?:got|gets|received|receives|completed?)\b.{0,40}\bpieces?\b",
    "have": r"\bhaves?\b",
    "choke": r"chok(?:ed|es|e)\b(?! neighbou?r)",
    "interest": r"interest(?!ing)\w*",
    "choice": r"\b(?:preferred|optimistic)\w*",
    "connection": r"\bconnect(?:s|ed|ions?)\b",
}
_PATTERNS = {topic: re.compile(text, re.IGNORECASE) for topic, text in _MENTIONS.items()}
_ANY = re.compile("|".join(_MENTIONS.values()), re.IGNORECASE)
_DIGITS = re.compile(r"\d+")
_OWN_ACT = re.compile(
    r"\b(?:sen[dt]|sends|sending|upload(?:s|ed|ing)?|serv(?:es|ed|ing)|request(?:s|ed|ing)?"
    r"|broadcast(?:s|ed|ing)?|start(?:s|ed|ing)?|wait(?:s|ed|ing)?|try|tries|trying"
    r"|listen(?:s|ed|ing)?|clos(?:e|es|ed|ing)|disconnect(?:s|ed|ing)?|(?:un)?choking"
    r"|set to|interval)\b",
    re.IGNORECASE,
)
"""Lines on settings, and on what the program itself does: they state none of the eleven events."""


def topics(line: str) -> tuple[str, ...]:
    """The topics that a line mentions; none where it is on something that isn't logged by rule."""
    return _topics(_DIGITS.sub("0", line[:LONGEST]))


@lru_cache(maxsize=1024)
def _topics(text: str) -> tuple[str, ...]:
    if not _ANY.search(text) or _OWN_ACT.search(text):
        return ()
    return tuple(
        topic
        for topic, pattern in _PATTERNS.items()
        if any(_names_something(text, found) for found in pattern.finditer(text))
    )


def _names_something(text: str, found: re.Match[str]) -> bool:
    """Whether a number stands by a word: an event names a peer or a piece, mostly behind the word."""
    rest = text[found.end() :]
    before = text[max(0, found.start() - NEAR) : found.start()]
    return "0" in rest or ("0" in before and not any(map(str.isalpha, rest)))
