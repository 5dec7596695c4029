"""Other wordings of the eleven sentences, as a small grammar of the words between those that matter.

`verifier.reading.patterns` knows the prescribed text and its slips. Programs also choose other verbs,
prepositions and orders (`got a HAVE for piece 7 from peer 1002`). Each kind is written here once, from
shared classes of words, so that a new combination of known words needs no pattern of its own. What
changes the meaning is in no class: "sent", "already", "not", "will", "downloading".

The same rules hold as for those patterns: they read normalised words, each followed by one blank; `#`
stands for a number; a group is a field or the name of a deviation. Only single words are repeated, so
matching takes time linear in the text.
"""

from __future__ import annotations

import re
from collections import Counter

from verifier.reading.sentences import Kind

_LABEL = r"(?:(?:peer|neighbor|node|client|server|host) )?(?:id |with id )?(?:[:=] )?"
_SUBJECT = (
    r"(?:(?:(?:peer|node|client|process|host) )?(?:id )?(?:[:=] )?(?:(?P<number_after_peer># )(?=# ))?"
    r"(?P<subject># )(?:[:>|-] )*(?:(?:client|server|leecher|seed|host) )?|(?P<no_subject>))"
)
_HAS = r"(?:(?:has|have|had|as|is|was|been|just|now|successfully|fully|finally|completely) )*"
_THE = r"(?:(?:the|a|an|its|new|following|current|updated|this) )*"
_GOT = rf"{_HAS}(?:received|receives|receive|got|gets|get) "
_MESSAGE = r"(?:(?:message|messages|messaging|msg|notification|signal|packet) )?"
_OTHER = rf"(?:the |remote )?{_LABEL}(?P<other># )"
_FROM = rf"(?:from |by |sent (?:by|from) |coming from ){_OTHER}"
_PIECE = (
    r"(?:the )?piece (?:(?:index|number|no|num|id|with|\.) )*(?:[:=\ufffd] )?(?P<piece># )(?:, )?"
)
_ABOUT = rf"(?:[,:;-] )?(?:(?:for|of|with|about|regarding|on|that|it|has|is) )*{_PIECE}"
_LINK = rf"{_THE}(?:(?:tcp|socket|incoming|outgoing|successful) )*connection "
_ADDRESS = r"(?:[a-z]+ |[.:#-] ){1,12}"
_NOBODY = r"(?P<placeholder_for_none>(?:none|null|nil|nobody|nothing|empty|n / a) )"
_CHOSEN = (
    rf"{_HAS}(?:(?:selected|selects|select|chosen|chose|chooses|picked|picks|set|sets|updated|updates"
    rf"|changed|changes|determined|calculated) )?{_THE}(?:list of |set of )?(?:the )?"
)
_EQUALS = r"(?:(?:list|set|changed|updated|ids|id|are|is|as|to|now|with|peer|peers|[:=>-]) )*"
_COUNT = (
    r"(?:[.,;:-] )*(?:(?P<reworded_count>(?:(?:and|now|then|the|its|it|that|peer|current|currently|total|so"
    r"|far|in|number|count|amount|of|pieces|piece|has|have|holds|owns|possesses|possess|downloaded"
    r"|obtained|is|are|with|at|[:=-]) )+)(?P<count># )(?:(?:/|of|out of) # )?|(?P<count># )(?:/|of|out of) # )"
    r"(?:pieces )?(?:(?:so|far|now|in|total|already|downloaded) )*(?:(?:# \. )?# % )?"
)
_FETCHED = (
    rf"{_HAS}(?:(?:downloaded|downloads|obtained|acquired|fetched|complete|finished)"
    r"|(?:finished|complete) downloading) "
)
_DONE = r"(?:downloaded|finished|complete|received|obtained|got) "
_FILE = r"(?:(?:complete|entire|whole|full) )*file (?:(?:[a-z_]+ )?(?:\. [a-z]+ )?)"


def _receipt(name: str) -> str:
    """One message without a payload, received; the sender may stand before or behind its name."""
    return (
        rf"(?:{_GOT}{_THE}{name} {_MESSAGE}{_FROM}"
        rf"|{_GOT}(?:message |msg )?{_FROM}(?:[:,-] )?{_THE}{name} {_MESSAGE}"
        rf"|{name} (?:message |msg )?(?:(?:was|has been|is) )?(?:received |arrived )?{_FROM})"
    )


OTHERWISE = "connected-otherwise"
"""The deviation of a line that tells of a connection in words that don't say who made it."""
_BY_KIND = {
    Kind.MAKES: (
        rf"(?:{_HAS}(?:(?:makes|made|make|creates|created|establishes|established|initiates|initiated"
        rf"|opens|opened|starts|started|sets up|set up) {_LINK}(?:to|with|towards) |connects to ){_OTHER}"
        # "is connected to" may tell a state.
        r"|(?P<connected_otherwise>(?:(?:has|just|now|successfully) )*connected (?:to|with) "
        r"|(?:tcp )?connection (?:is |was )?(?:established|built|made|opened) (?:with|to) )"
        rf"{_OTHER}(?:(?:at|on) {_ADDRESS})?)"
    ),
    Kind.CONNECTED_FROM: (
        rf"(?:{_HAS}(?:got |gets )?connected (?:from|by) "
        rf"|{_HAS}(?:accepts|accepted|receives|received|gets|got|makes|made|make) {_LINK}(?:from|by) ){_OTHER}"
    ),
    Kind.PREFERRED: (
        rf"{_CHOSEN}preferred (?:neighbors|neighbor|peers) {_EQUALS}"
        rf"(?:(?P<ids># (?:# |peer # |[,;:./|&-] |and )*)|{_NOBODY})"
    ),
    Kind.OPTIMISTIC: (
        rf"(?:{_CHOSEN}optimistically (?:(?:unchoked|unchoking) )?(?:(?:neighbors|neighbor|peer) )?{_EQUALS}"
        rf"(?:{_OTHER}|{_NOBODY})"
        rf"|{_CHOSEN}{_OTHER}(?:as|to be) {_THE}optimistically unchoked (?:neighbor|peer) )"
    ),
    Kind.UNCHOKED: (
        rf"(?:{_HAS}(?:(?:got|gets|being|becomes|became|optimistically) )*unchoked {_FROM}"
        rf"|{_receipt('(?:unchoked|unchoking)')})"
    ),
    Kind.CHOKED: (
        rf"(?:{_HAS}(?:(?:got|gets|being|becomes|became) )*choked {_FROM}|{_receipt('(?:choked|choking)')})"
    ),
    Kind.HAVE: (
        rf"(?:{_GOT}{_THE}have {_MESSAGE}(?:{_FROM}(?:{_ABOUT})?|{_ABOUT}{_FROM}|(?:[:,-] )?(?P<piece># ){_FROM}"
        rf"|(?:for )?piece {_FROM})"
        rf"|{_GOT}(?:message |msg )?{_FROM}(?:[:,-] )?{_THE}have {_MESSAGE}(?:{_ABOUT})?"
        rf"|have (?:message |msg )?(?:(?:was|has been|is) )?(?:received |arrived )?{_FROM}(?:{_ABOUT})?)"
    ),
    Kind.INTERESTED: _receipt("interested"),
    Kind.NOT_INTERESTED: _receipt("not interested"),
    Kind.DOWNLOADED: (
        rf"(?:{_FETCHED}{_THE}{_PIECE}{_FROM}(?:{_COUNT})?"
        rf"|{_FETCHED}{_FROM}(?:[:,-] )?{_THE}{_PIECE}(?:{_COUNT})?"
        rf"|{_THE}{_PIECE}{_HAS}downloaded {_FROM}(?:{_COUNT})?"
        # "received the piece" alone may be the message: only the count makes it a download.
        rf"|{_GOT}{_THE}{_PIECE}{_FROM}{_COUNT})"
    ),
    Kind.COMPLETE: (
        rf"(?:{_HAS}{_DONE}(?:(?:downloading|download|receiving|of|with) )*{_THE}(?:{_DONE}|of )*{_FILE}"
        rf"|{_HAS}(?:finished |complete )(?:with )?{_THE}(?:file )?(?:download|downloading) (?:of {_THE}{_FILE})?"
        rf"|{_THE}(?:file )?(?:download|downloading) (?:of {_THE}{_FILE})?{_HAS}(?:complete|finished|done) "
        rf"|{_THE}{_FILE}{_HAS}(?:downloaded|received) )"
    ),
}
SUBJECT_NEEDED = frozenset({Kind.PREFERRED, Kind.OPTIMISTIC, Kind.COMPLETE})
"""Without a subject these may as well be a setting, or a word to the user."""


def _compiled(pattern: str) -> re.Pattern[str]:
    """The pattern with the further uses of a group's name numbered (`other_2`)."""
    uses: Counter[str] = Counter()

    def numbered(found: re.Match[str]) -> str:
        uses[found[1]] += 1
        count = uses[found[1]]
        return f"(?P<{found[1]}>" if count == 1 else f"(?P<{found[1]}_{count}>"

    return re.compile(re.sub(r"\(\?P<(\w+)>", numbered, pattern))


PHRASES = tuple(
    (kind, _compiled(rf"{_SUBJECT}(?P<reworded>){pattern}")) for kind, pattern in _BY_KIND.items()
)
"""What a sentence's normalised words must match as a whole, kind by kind."""
