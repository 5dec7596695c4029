"""How programs word the eleven sentences: one pattern a kind, over normalised words.

The text that the patterns read is a sentence's words in lower case without quotes, brackets and
final period, each followed by one blank; `#` stands for a number (see `verifier.reading.dialects`). A
group of a pattern is either a field of `Sentence`, or, where its name is none of `FIELDS`, the
name of a deviation from the prescribed form (with `_` for `-`; digits at its end don't count).
The patterns have no nested repetition, so matching takes time linear in the text.
"""

from __future__ import annotations

import re

from verifier.reading.sentences import Kind

FIELDS = ("subject", "subject_again", "other", "piece", "count", "ids")
"""Groups that hold numbers; `subject_again` must repeat the subject."""

_WHO = (
    r"(?:(?:peer |(?P<no_peer_before_subject>))(?P<id_label>id )?(?P<mark_before_subject>: )?"
    r"(?P<subject># )(?P<mark_after_subject>[:-] )?"
    r"(?P<subject_twice>peer (?:(?P<subject_again># ))?)?"
    r"|(?P<no_subject>))"
)
_OTHER = r"(?P<peer_before_id>peer (?:id )?(?:: )?)?(?P<other># )"
_PEER_OTHER = (
    r"(?:peer |(?P<no_peer_before_id>))(?P<id_label_2>id )?(?P<mark_before_id>: )?(?P<other># )"
)
_NONE = r"(?P<placeholder_for_none>(?:none|null|nil|nobody|nothing|empty) )"
_GOT = (
    r"(?:received the |(?P<missing_the>received )|(?P<article>received an? )"
    r"|(?P<reworded>has received (?:the |an? )?))"
)
_PIECE = (
    r"(?:for the |(?P<missing_the_2>for )|(?P<reworded_3>with (?:the )?))"
    r"piece (?P<index_label>(?:with )?index )?(?P<mark_before_piece>: )?"
    r"(?:(?P<piece># )|(?P<placeholder_for_piece>piece index ))"
)
_COUNT = (
    r"(?:now the number of pieces it has is |(?P<reworded_count>"
    r"(?:the |total )?number of pieces (?:it has )?is |now the number of pieces (?:it has are|is) "
    r"|total pieces it possess(?:es)? |current piece count |now (?:it )?has ))"
    r"(?P<mark_before_count>: )?(?P<count># )"
    r"(?P<reworded_count_2>(?:/ # )?pieces (?:# \. # % )?|/ # )?"
)


def message(name: str) -> str:
    """The receipt of one message, in the prescribed words or in those of terse programs."""
    return (
        rf"{_WHO}(?:{_GOT}{name} (?:message |(?P<missing_message>))from {_OTHER}"
        rf"|(?P<reworded_2>from (?P<other_2># ){name} ))"
    )


_BY_KIND = {
    Kind.MAKES: (
        rf"{_WHO}(?:makes a connection to |(?P<misspelled_makes>make a connection to )"
        r"|(?P<reworded>(?:makes|made|establishes|established|has established) (?:an? |the )?(?:tcp )?"
        rf"connection (?:to|with) )){_PEER_OTHER}"
    ),
    Kind.CONNECTED_FROM: (
        rf"{_WHO}(?P<extra_words>handshake message is processed \. peer (?P<subject_again_2># ))?"
        r"(?:is connected from |(?P<reworded>(?:was |has been |got )?connected from "
        rf"|(?:has )?accepted (?:an? |the )?(?:tcp )?connection from )){_PEER_OTHER}"
    ),
    Kind.PREFERRED: (
        rf"{_WHO}(?:has the |(?P<missing_the>has )"
        r"|(?P<reworded>(?:has |have |)(?:selected |chosen |chose |)(?:the )?(?:new )?))"
        r"preferred (?:neighbors |(?P<singular>neighbor ))(?P<mark_before_list>[:-] |are )?"
        rf"(?:(?P<ids>(?:# |peer # |, |; |and (?=# |peer ))*)|{_NONE})"
    ),
    Kind.OPTIMISTIC: (
        rf"{_WHO}(?:(?:has the |(?P<missing_the>has )"
        r"|(?P<reworded>(?:has |have |)(?:selected |chosen |chose |)(?:the )?))"
        r"optimistically (?:unchoked |(?P<missing_unchoked>))"
        r"(?:neighbor |(?P<plural>neighbors ))(?P<mark_before_id>[:-] )?"
        rf"(?:{_OTHER}|{_NONE}|(?P<missing_id>))"
        r"|(?P<reworded_none>(?:has )?no optimistically unchoked neighbor ))"
    ),
    Kind.UNCHOKED: rf"{_WHO}(?:is |(?P<reworded>(?:was |has been |got |)))unchoked by {_OTHER}",
    Kind.CHOKED: rf"{_WHO}(?:is |(?P<reworded>(?:was |has been |got |)))choked by {_OTHER}",
    Kind.HAVE: (
        rf"{_WHO}(?:{_GOT}have (?:message |(?P<missing_message>))(?:from {_OTHER}"
        rf"(?:{_PIECE}|(?P<missing_piece>))|(?P<piece_before_source>for (?:the )?piece "
        r"(?P<piece_3># )from (?:peer )?(?P<other_3># )))"
        r"|(?P<reworded_2>from (?P<other_2># )have (?P<piece_2># )))"
    ),
    Kind.INTERESTED: message("interested"),
    Kind.NOT_INTERESTED: message("not interested"),
    Kind.DOWNLOADED: (
        rf"{_WHO}(?:(?:(?:has downloaded the |(?P<missing_the>has downloaded ))piece "
        rf"(?P<mark_before_piece>: )?(?P<piece># )from {_OTHER}"
        rf"(?:(?:\. |(?P<no_stop_between>(?:[,;-] )?)){_COUNT}|(?P<missing_count>)))"
        r"|(?P<reworded>(?:received the piece (?P<piece_2># )from peer (?P<other_2># )\. "
        r"current piece count : (?P<count_2># )"
        r"|downloaded (?P<piece_3># )from (?P<other_3># )(?P<count_3># )/ # )))"
    ),
    Kind.COMPLETE: (
        rf"{_WHO}(?:has downloaded the complete file |(?P<missing_the>has downloaded complete file )"
        r"|(?P<reworded>(?:has )?finished downloading the (?:complete |entire )?file "
        r"|has downloaded the entire file |complete file has been downloaded "
        r"|download complete ))"
    ),
}
_OTHER_SIDE = {
    Kind.INTERESTED: r"(?P<told_from_other_side>peer (?P<other># )is interested in peer (?P<subject># ))",
    Kind.NOT_INTERESTED: (
        r"(?P<told_from_other_side>peer (?P<other># )is not interested in peer (?P<subject># ))"
    ),
}
PATTERNS = tuple(
    (kind, re.compile(pattern))
    for table in (_BY_KIND, _OTHER_SIDE)
    for kind, pattern in table.items()
)
"""What a sentence's normalised words must match as a whole, kind by kind."""

COUNT_ALONE = re.compile(rf"{_WHO}{_COUNT}")
"""The second sentence of a download, on a line of its own."""

VOCABULARY = frozenset(
    {"choked", "unchoked", "complete", "connected", "connection", "downloaded", "interested"}
    | {"message", "neighbor", "neighbors", "number", "optimistically", "peer", "piece", "pieces"}
    | {"preferred", "received"}
)
"""Words whose misspellings are recognised, if they have six letters or more."""

ALIASES = {
    "optimistic": "optimistically",
    "preffered": "preferred",
    "prefferred": "preferred",
    "unchocke": "unchoked",
    "peice": "piece",
    "peices": "pieces",
}
"""Misspellings that are more than one slip away, and those of short words."""
