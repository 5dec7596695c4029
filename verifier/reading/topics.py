"""What an unread line is about, so that no check concludes from its absence."""

from __future__ import annotations

import re

TOPICS = {
    "download": "a download",
    "have": "a have",
    "choke": "a choke",
    "interest": "interest",
    "choice": "a choice of neighbors",
    "connection": "a connection",
}
"""What a line may mention, as it is called in messages."""

LONGEST = 1000
"""Characters of a line that are looked at."""
_MENTIONS = {
    "download": r"download(?!ing)|\b(?:got|gets|received|receives|completed?)\b.{0,40}\bpieces?\b",
    "have": r"\bhaves?\b",
    "choke": r"chok(?:ed|es|e)\b(?! neighbou?r)",
    "interest": r"interest(?!ing)",
    "choice": r"\b(?:preferred|optimistic)",
    "connection": r"\bconnect(?:s|ed|ions?)\b",
}
_PATTERNS = {
    topic: re.compile(rf"(?:{mention}).*?\d|\d.{{0,30}}(?:{mention})[^a-z]*$", re.IGNORECASE)
    for topic, mention in _MENTIONS.items()
}
"""An event names a peer or a piece, so a number stands near the word, mostly behind it."""

_OWN_ACT = re.compile(
    r"\b(?:sen[dt]|sends|sending|upload(?:s|ed|ing)?|serv(?:es|ed|ing)|request(?:s|ed|ing)?"
    r"|broadcast(?:s|ed|ing)?|start(?:s|ed|ing)?|wait(?:s|ed|ing)?|try|tries|trying"
    r"|listen(?:s|ed|ing)?|clos(?:e|es|ed|ing)|disconnect(?:s|ed|ing)?|(?:un)?choking"
    r"|set to|interval)\b",
    re.IGNORECASE,
)
"""Lines on settings, and on what the program itself does: they state none of the eleven events."""


def topics(line: str) -> list[str]:
    """The topics that a line mentions; none where it is on something that isn't logged by rule."""
    text = line[:LONGEST]
    if _OWN_ACT.search(text):
        return []
    return [topic for topic, pattern in _PATTERNS.items() if pattern.search(text)]
