"""Brings a sentence's words to one form, and names every difference it takes away; and what an unread
line mentions, so that no check concludes from its absence.

Shapes are lines whose numbers are replaced by NUL (see `verifier.reading.dialects`); the result is the
text that the patterns of `verifier.reading.patterns` read.
"""

from __future__ import annotations

import re
from functools import lru_cache

from verifier.reading.patterns import ALIASES, VOCABULARY
from verifier.reading.sentences import Kind

NUMBER = "\0"
"""Stands for a number in a shape: it cannot occur, since NULs are taken out of a line first."""

_TOKEN = re.compile(r"[A-Za-z_]+|[^\sA-Za-z_]")
_CAPITALISED = ("peer", "now")
_QUOTES = frozenset("'\"`\xb4\u2018\u2019\u201a\u201c\u201d\u201e\xab\xbb")
STRAIGHT_QUOTES = {0x2018: "'", 0x2019: "'"}
"""For `str.translate`: the curly quotes of the assignment's text are no deviation."""
_BRACKETS = frozenset("[](){}")
_DASHES = {0x2013: "-", 0x2014: "-", 0x2212: "-"}
_MESSAGES = (Kind.HAVE, Kind.INTERESTED, Kind.NOT_INTERESTED)
_QUOTED = re.compile(r"'(?:have|(?:not )?interested)'|\u2018(?:have|(?:not )?interested)\u2019")
_BRACKETED_NUMBER = re.compile(r"\[[ ]?\0[ ]?\]|\([ ]?\0[ ]?\)|\{[ ]?\0[ ]?\}")
_BRACKETED = re.compile(r"\[[^\[\](){}]*\]|\([^\[\](){}]*\)|\{[^\[\](){}]*\}")
_CHOICE = re.compile(r"neighbou?rs?\b", re.IGNORECASE)
_NOBODY = re.compile(
    r"(?<![\w.-])(?:-1(?!\d)|(?:null|none|nil)(?=\s*[,;]))|(?<=[,;])\s*(?:null|none|nil)\b",
    re.IGNORECASE,
)
_FILLERS = {
    "ellipsis": re.compile(r"\.{2,}|\u2026"),
    "bars": re.compile(r"\|(?=\s*(?:[A-Za-z]|$))|(?<=[A-Za-z])\s*\|"),
    "possessive": re.compile(r"(?<=\0)['\u2019]s\b"),
}
"""What stands between words and means nothing."""
_MISSING_BLANK = re.compile(r"[A-Za-z]\0|\0[A-Za-z]|[.,:;][A-Za-z]")
_EXTRA_BLANK = re.compile(r"\s\s|[^\S ]")


def nobody_as_zero(text: str) -> str:
    """A choice of neighbors with 0, which is nobody's id (spec 1.3), for what else stands for nobody.

    A word that stands alone is read as an empty choice elsewhere; `-1` is one however it stands.
    """
    choice = _CHOICE.search(text)
    if choice is None:
        return text
    return text[: choice.end()] + _NOBODY.sub("0", text[choice.end() :])


def normalise(shape: str) -> tuple[str, list[str]]:
    """Words in one form, each with a blank after it, and the deviations in their spelling."""
    notes: list[str] = []
    text = shape.strip()
    if shape != text:
        notes.append("blanks-around-sentence")
    body = text.rstrip(".!").rstrip()
    ending = text[len(body) :]
    if ending != ".":
        names = {"": "no-full-stop", " .": "blank-before-full-stop"}
        notes.append(names.get(ending, "odd-full-stop"))
    for name, pattern in _FILLERS.items():
        body, found = pattern.subn(" ", body)
        notes += [name] * bool(found)
    words: list[str] = []
    for part in _TOKEN.findall(body.translate(_DASHES)):
        if part == NUMBER:
            words.append("#")
        elif part[0].isascii() and (part[0].isalpha() or part[0] == "_"):
            word, note = _spelled(part)
            words.append(word)
            if note:
                notes.append(note)
            plain = part.strip("_").lower()
            if part.strip("_") != (plain.capitalize() if plain in _CAPITALISED else plain):
                notes.append("letter-case")
        elif part not in _QUOTES and part not in _BRACKETS:
            words.append("\ufffd" if part == "#" else part)
    joined = "".join(word + " " for word in words)
    plain = joined.replace("not - interested", "not interested")
    plain = plain.replace("optimistically - unchoked", "optimistically unchoked")
    return plain, notes if plain == joined else [*notes, "hyphen"]


@lru_cache(maxsize=4096)
def _spelled(part: str) -> tuple[str, str]:
    """The word(s) a part stands for, and the name of the misspelling, empty if there is none."""
    word = part.lower()
    if word in ("peer_id", "peerid"):
        return "id", ""
    if word.startswith("event_"):
        return _spelled(word[len("event_") :])[0], "enum-name"
    if "" != word.strip("_") != word:
        return _spelled(word.strip("_"))[0], "underscores"
    if word in ("not_interested", "notinterested", "uninterested"):
        return "not interested", "joined-words"
    if word in VOCABULARY or len(word) > 20:
        return word, ""
    target = ALIASES.get(word) or next(
        (right for right in _LONG_WORDS if _one_slip(word, right)), word
    )
    return target, "" if target == word else f"misspelled-{target}"


_LONG_WORDS = sorted(word for word in VOCABULARY if len(word) >= 6)
"""Short words are one slip away from too many others."""


def _one_slip(word: str, right: str) -> bool:
    """Whether one letter is missing, added, wrong, or swapped with the next."""
    same = 0
    while same < min(len(word), len(right)) and word[same] == right[same]:
        same += 1
    rest, tail = word[same:], right[same:]
    return (
        rest[1:] == tail[1:]
        or rest == tail[1:]
        or rest[1:] == tail
        or (rest[1::-1] == tail[:2] and rest[2:] == tail[2:])
    )


def form_deviations(kind: Kind, shape: str, items: str) -> list[str]:
    """The deviations in a sentence's quotes, brackets, blanks and list."""
    notes = [*_quote_deviations(kind, shape), *_bracket_deviations(kind, shape)]
    bare = "".join(char for char in shape if char not in _QUOTES and char not in _BRACKETS)
    if _MISSING_BLANK.search(bare):
        notes.append("missing-blank")
    if _EXTRA_BLANK.search(shape.strip()):
        notes.append("extra-blanks")
    listed = items.split()
    if listed and listed[-1] == ",":
        notes.append("trailing-comma")
    if ", , " in items or listed[:1] == [","]:
        notes.append("empty-list-items")
    if "# # " in items or "; " in items or "and " in items:
        notes.append("list-separators")
    if "peer " in items:
        notes.append("peer-before-id")
    return notes


def _quote_deviations(kind: Kind, shape: str) -> list[str]:
    quotes = [char for char in shape if char in _QUOTES]
    if kind not in _MESSAGES:
        return ["extra-quotes"] if quotes else []
    if not quotes:
        return ["no-quotes"]
    if len(quotes) == 2 and _QUOTED.search(shape.lower()):
        return []
    return ["double-quotes"] if set(quotes) <= set('"“”') else ["odd-quotes"]


def _bracket_deviations(kind: Kind, shape: str) -> list[str]:
    notes = []
    rest = _BRACKETED_NUMBER.sub("", shape)
    if rest != shape:
        notes.append("brackets-around-ids")
    left = _BRACKETED.sub("", rest)
    if left != rest:
        notes.append("brackets-around-list" if kind is Kind.PREFERRED else "brackets")
    if not _BRACKETS.isdisjoint(left):
        notes.append("unbalanced-brackets")
    return notes


TOPICS = {
    "download": "a download",
    "have": "a have",
    "choke": "a choke",
    "interest": "interest",
    "choice": "a choice of neighbors",
    "connection": "a connection",
}
"""What a line may mention, as it is called in messages."""

_LONGEST_LOOK = 300
"""Characters of a line that are looked at."""
_NEAR = 30
"""Characters before a line's last words in which a number may stand."""
_MENTIONS = {
    "download": r"download(?!ing)\w*|\b(?:got|gets|received|receives|completed?)\b.{0,40}\bpieces?\b",
    "have": r"\bhaves?\b",
    "choke": r"chok(?:ed|es|e)\b(?! neighbou?r)",
    "interest": r"interest(?!ing)\w*",
    "choice": r"\b(?:preferred|optimistic)\w*",
    "connection": r"\bconnect(?:s|ed|ions?)\b",
}
_MENTIONED = {topic: re.compile(text, re.IGNORECASE) for topic, text in _MENTIONS.items()}
_ANY = re.compile("|".join(_MENTIONS.values()), re.IGNORECASE)
_NUMBERS = re.compile(r"\d+")
_ONESELF = re.compile(r"\b(?:us|me|messages?|msg)\b", re.IGNORECASE)
"""Words behind the one that matters which may end a sentence that names its neighbor first."""
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
    return _topics(_NUMBERS.sub("0", line[:_LONGEST_LOOK]))


@lru_cache(maxsize=1024)
def _topics(text: str) -> tuple[str, ...]:
    if not _ANY.search(text) or _OWN_ACT.search(text):
        return ()
    return tuple(
        topic
        for topic, pattern in _MENTIONED.items()
        if any(_names_something(text, found) for found in pattern.finditer(text))
    )


def _names_something(text: str, found: re.Match[str]) -> bool:
    """Whether a number stands by a word: an event names a peer or a piece, mostly behind the word."""
    rest = text[found.end() :]
    before = text[max(0, found.start() - _NEAR) : found.start()]
    ends = not any(map(str.isalpha, _ONESELF.sub("", rest)))
    return "0" in rest or ("0" in before and ends)
