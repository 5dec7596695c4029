"""The forms in which real programs write the eleven sentences."""

from __future__ import annotations

import gzip
import re
import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.histories.book import HISTORIES
from tests.kit.verifier.corpus import CORPUS
from verifier.reading.dialects import (
    CUT_OFF,
    NOT_ELEVEN,
    NUMBER_TOO_LONG,
    TOO_LONG,
    Reading,
    read_line,
)
from verifier.reading.encodings import decode_file
from verifier.reading.sentences import Kind, Sentence, prescribed

NOW = "2024-02-03 10:20:30: "

MAKES = Sentence(Kind.MAKES, 1002, 1001)
FROM = Sentence(Kind.CONNECTED_FROM, 1001, 1002)
PREFERRED = Sentence(Kind.PREFERRED, 1001, ids=(1003, 1002))
NOBODY = Sentence(Kind.PREFERRED, 1001)
OPTIMISTIC = Sentence(Kind.OPTIMISTIC, 1001, 1004)
NO_OPTIMIST = Sentence(Kind.OPTIMISTIC, 1001)
UNCHOKED = Sentence(Kind.UNCHOKED, 1001, 1002)
CHOKED = Sentence(Kind.CHOKED, 1001, 1002)
HAVE = Sentence(Kind.HAVE, 1001, 1002, 7)
WANTS = Sentence(Kind.INTERESTED, 1001, 1002)
NOT = Sentence(Kind.NOT_INTERESTED, 1001, 1002)
PIECE = Sentence(Kind.DOWNLOADED, 1001, 1002, 7, 3)
UNCOUNTED = Sentence(Kind.DOWNLOADED, 1001, 1002, 7)
DONE = Sentence(Kind.COMPLETE, 1001)

# Sentence as a program may write it; the event; the deviations, blank-separated.
BODIES = [
    ("Peer 1001 has the preferred neighbors 1003, 1002.", PREFERRED, ""),
    ("Peer 1001 received the \u2018have\u2019 message from 1002 for the piece 7.", HAVE, ""),
    ("Peer 1002 makes a connection to Peer 1001", MAKES, "no-full-stop"),
    ("[1002] makes a connection to [1001].", MAKES,
     "no-peer-before-subject no-peer-before-id brackets-around-ids"),
    ("Peer 1002 makes a TCP Connection to Peer 1001.", MAKES, "letter-case reworded"),
    ("Peer 1002 established a connection to 1001.", MAKES, "reworded no-peer-before-id"),
    ("Peer: 1001 is connected from Peer: 1002.", FROM, "mark-before-subject mark-before-id"),
    ("peer 1001 is connected from Peer 1002.", FROM, "letter-case"),
    ("Peer_1001 is connected from Peer_1002.", FROM, "underscores"),
    ("[1001] accepted connection from 1002.", FROM,
     "no-peer-before-subject reworded no-peer-before-id brackets-around-ids"),
    ("Peer [1001] Handshake message is processed. Peer 1001 is connected from Peer 1002.", FROM,
     "letter-case extra-words brackets-around-ids"),
    ("Peer 1001 has the preferred neighbors [1003, 1002].", PREFERRED, "brackets-around-list"),
    ("Peer 1001 has the preferred neighbors [1003,1002,].", PREFERRED,
     "brackets-around-list trailing-comma"),
    ("Peer 1001 has the preferred neighbors 1003 1002.", PREFERRED, "list-separators"),
    ("Peer 1001 has the preferred neighbors 1003,1002,", PREFERRED, "no-full-stop trailing-comma"),
    ("Peer 1001: has the preferred neighbours 1003, 1002.", PREFERRED,
     "misspelled-neighbors mark-after-subject"),
    ("Peer 1001 has preferred neighbors 1003,1002.", PREFERRED, "missing-the"),
    ("Peer 1001 has selected the preferred neighbors - 1003, 1002.", PREFERRED,
     "reworded mark-before-list"),
    ("Peer 1001 has the preferred neighbors Peer 1003, Peer 1002.", PREFERRED, "peer-before-id"),
    ("Peer 1001 has the preferred neighbors [].", NOBODY, "brackets-around-list"),
    ("Peer 1001 has the preferred neighbors [,,].", NOBODY,
     "brackets-around-list trailing-comma empty-list-items"),
    ("Peer 1001 has the preferred neighbors", NOBODY, "no-full-stop"),
    ("Peer 1001 has the preferred neighbors none.", NOBODY, "placeholder-for-none"),
    ("Peer 1001 has  the optimistically unchocked neighbor 1004.", OPTIMISTIC,
     "misspelled-unchoked extra-blanks"),
    ("Peer 1001 has the optimistically neighbor 1004.", OPTIMISTIC, "missing-unchoked"),
    ("Peer 1001 has the optimistically-unchoked neighbor 1004.", OPTIMISTIC, "hyphen"),
    ("Peer 1001 has the optimistically unchoked neighbor null.", NO_OPTIMIST,
     "placeholder-for-none"),
    ("Peer 1001 has the optimistically unchoked neighbor .", NO_OPTIMIST,
     "blank-before-full-stop missing-id"),
    ("Peer 1001 no optimistically unchoked neighbor.", NO_OPTIMIST, "reworded-none"),
    ("Peer 1001 is unchocked by Peer 1002.", UNCHOKED, "misspelled-unchoked peer-before-id"),
    ("Peer 1001 is UNCHOKED by 1002.", UNCHOKED, "letter-case"),
    ("is unchoked by 1002.", UNCHOKED._replace(subject=None), "no-subject"),
    ("Peer [peer_ID 1001] Peer is choked by 1002.", CHOKED,
     "letter-case id-label subject-twice brackets"),
    ("Peer 1001 is chocked by 1002 .", CHOKED, "blank-before-full-stop misspelled-choked"),
    ('Peer 1001 received the "have" message from 1002 for the piece 7.', HAVE, "double-quotes"),
    ("Peer 1001 recieved the have message from 1002 for the piece7.", HAVE,
     "misspelled-received no-quotes missing-blank"),
    ("Peer 1001 received a 'have' message from 1002 for piece 7.", HAVE, "article missing-the"),
    ("Peer 1001 received the 'have' message for the piece 7 from 1002.", HAVE,
     "piece-before-source"),
    ("Peer 1001 received the 'have' message from 1002.", HAVE._replace(piece=None),
     "missing-piece"),
    ("Peer 1001 received the 'have' message from 1002 for the piece [piece index].",
     HAVE._replace(piece=None), "placeholder-for-piece brackets"),
    ("[1001] from 1002 have 7.", HAVE,
     "no-peer-before-subject reworded no-quotes brackets-around-ids"),
    ("Peer 1001 received the 'event_have' message from 1002 for the piece 7.", HAVE,
     "enum-name odd-quotes"),
    ("Peer 1001 received an INTERESTED message from Peer 1002.", WANTS,
     "letter-case article peer-before-id no-quotes"),
    ("Peer 1002 is interested in Peer 1001.", WANTS, "told-from-other-side no-quotes"),
    ("Peer 1001 received the NOT_INTERESTED message from 1002.", NOT,
     "joined-words letter-case no-quotes"),
    ("Peer 1001 received the 'not-interested' message from 1002.", NOT, "hyphen odd-quotes"),
    ("Peer 1001 has downloaded the piece 7 from 1002.", UNCOUNTED, "missing-count"),
    ("Peer 1001 has downloaded the 'PIECE' 7 from 1002.Now the number of pieces it has is 3.",
     PIECE, "letter-case extra-quotes missing-blank"),
    ("Peer 1001 has downloaded the piece 07 from 1002. Now the number of pieces it has is 3.",
     PIECE, "leading-zeros"),
    ("Peer 1001 has downloaded the piece 7 from 1002, Now the number of pieces it has is: 3.",
     PIECE, "no-stop-between mark-before-count"),
    ("Peer 1001 has downloaded piece 7 from Peer 1002. Now has 3/300 pieces (1.09%).", PIECE,
     "missing-the peer-before-id reworded-count reworded-count brackets"),
    ("[1001] downloaded 7 from 1002 (3/300)", PIECE,
     "no-full-stop no-peer-before-subject reworded brackets-around-ids brackets"),
    ("Peer 1001... is unchoked by ... 1002.", UNCHOKED, "ellipsis"),
    ("Peer 1001 | is unchoked by | 1002.", UNCHOKED, "bars"),
    ("Peer 1001 received the unchoking message from 1002.", UNCHOKED, "reworded"),
    ("Peer 1001 has DOWNLOADED the complete file.", DONE, "letter-case"),
    ("Peer 1001 has downloaded complete file ", DONE,
     "blanks-around-sentence no-full-stop missing-the"),
    ("Peer 1001 finished downloading the entire file.", DONE, "reworded"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "event", "deviations"), BODIES)
def test_bodies(body: str, event: Sentence, deviations: str) -> None:
    """A sentence in another program's form is the same event, with each difference named."""
    reading = read_line(NOW + body)
    assert reading.problem is None
    assert reading.events == (event,)
    assert sorted(reading.deviations) == sorted(set(deviations.split()))


BODY = "Peer 1001 has downloaded the complete file."
HEADS = [
    ("[2024-02-03 10:20:30]: ", "", True),
    ("2024-02-03T10:20:30.123456+01:00: ", "", True),
    ("[Sat Feb 03 10:20:30 EST 2024]: ", "", True),
    ("2024-02-03 10:20:30 ", "no-colon-after-time", True),
    ("Feb 3,24 10:20:30\t", "no-colon-after-time", True),
    ("2024-02-03 10:20:30 : ", "blanks-around-colon-after-time", True),
    ("2024-02-03 10:20:30 - ", "other-mark-after-time", True),
    ("[10:20:30]: ", "time-without-date", True),
    ("[2024-02-30 10:20:30]: ", "impossible-time", False),
    ("024-02-03 10:20:30]: ", "impossible-time unbalanced-brackets-around-time", False),
    ("4-02-03 10:20:30]: ", "unbalanced-brackets-around-time", False),
    ("2024-02-03 10:20:30,123 - root - INFO - ", "other-mark-after-time logger-prefix", True),
    ("[2024-02-03 10:20:30] [INFO   ] ", "no-colon-after-time logger-prefix", True),
    ("INFO: ", "logger-prefix no-time", False),
    ("INFO:root:2024-02-03 10:20:30: ", "logger-prefix", True),
    ("T+12.5: ", "unreadable-time", False),
    ("", "no-time", False),
]


@pytest.mark.parametrize(("head", "deviations", "stamped"), HEADS)
def test_heads(head: str, deviations: str, stamped: bool) -> None:
    """What stands before a sentence never hides it, and is named where it deviates."""
    reading = read_line(head + BODY)
    assert reading.events == (DONE,)
    assert sorted(reading.deviations) == sorted(deviations.split())
    assert (reading.stamp is not None) == stamped


@pytest.mark.parametrize(
    "body",
    [
        "",
        "1",
        "Peer 1001 ",
        "Peer 1001 sent the 'have' message to 1002 for the piece 7.",
        "Peer 1001 sending HAVE message to Peer 1002",
        "Peer 1001 sends not 'interested' to peer 1002",
        "Peer 1001 has received 'request' message for the piece 7 from 1002.",
        "Peer 1001 received the 'bitfield' message from 1002.",
        "Peer 1001 received the 'piece' message from Peer 1002 for the piece 7.",
        "Peer 1001 requested piece 7 from 1002.",
        "Peer 1001 confirms Peer 1002 has downloaded the complete file.",
        "Received DONE. Peer 1002 has downloaded the complete file.",
        "Peer 1001 has downloaded the complete file and all peers have completed.",
        "Peer 1001 has the complete file.",
        "Peer 1001 is already connected from Peer 1002.",
        "Peer 1001 is connected to Peer 1002.",
        "Peer 1001 will make a connection to Peer 1002.",
        "Peer 1001 disconnected from Peer 1002.",
        "Peer 1001 UNCHOKES Peer 1002.",
        "Peer 1001 is not choked by 1002.",
        "Peer 1001 contains interesting pieces from Peer 1002",
        "Peer 1001 has downloaded the piece -7 from 1002.",
        "Peer 1001 has downloaded the piece 7.5 from 1002.",
        "Peer 1001 has downloaded the piece 7 from 1002 [TESTING]",
        "Peer [1001] Peer 1003 is choked by 1002.",
        "Preferred neighbors: 3",
    ],
)
def test_lines_that_state_no_event(body: str) -> None:
    """A line that only nearly states an event is not read as it."""
    reading = read_line(NOW + body)
    assert reading.events == ()
    assert reading.problem == NOT_ELEVEN
    assert reading.stamp is not None


@pytest.mark.parametrize(
    ("line", "deviations"),
    [
        ("Now the number of pieces it has is 12.", ("count-on-own-line",)),
        ("Now the number of pieces it has is: 12.", ("count-on-own-line", "mark-before-count")),
        ("12.", ("count-on-own-line", "bare-count")),
    ],
)
def test_count_on_its_own_line(line: str, deviations: tuple[str, ...]) -> None:
    """The second sentence of a download can be joined with the line before."""
    reading = read_line(line)
    assert (reading.events, reading.problem, reading.continued) == ((), None, 12)
    assert reading.deviations == deviations


def test_two_events_on_a_line() -> None:
    """A line break that got lost loses no event."""
    reading = read_line(f"{NOW}{prescribed(CHOKED)}[2024-02-03 10:20:31]: {prescribed(UNCHOKED)}")
    assert reading.events == (CHOKED, UNCHOKED)
    assert reading.deviations == ("several-on-a-line",)
    assert reading.problem is None


def test_a_torn_sentence_is_not_believed() -> None:
    """A number that the next line's start may have cut short is no event."""
    reading = read_line(f"{NOW}Peer 1001 is choked by 10[2024-02-03 10:20:31]: {BODY}")
    assert reading.events == (DONE,)
    assert reading.problem == CUT_OFF


def test_what_is_no_text() -> None:
    """NUL blocks and byte order marks are taken off and named; sizes have a limit."""
    assert read_line("\0" * 1_000_000 + NOW + BODY).deviations == ("nul-bytes",)
    assert read_line("\ufeff" + NOW + BODY + "\r\n").deviations == ("byte-order-mark",)
    assert read_line("x" * 20_000).problem == TOO_LONG
    assert read_line(NOW + "Peer 1 is choked by " + "9" * 5000 + ".").problem == NUMBER_TOO_LONG


@pytest.mark.parametrize(
    "unit", ["[", "[ ", "\0 ", "Peer 1 ", "peer ", "1.", "12:", " ", "1, ", "and ", "x" * 9 + " "]
)
def test_time_is_bounded(unit: str) -> None:
    """No input makes the patterns backtrack without end."""
    start = time.process_time()
    for head in ("", NOW, NOW + "Peer 1001 has the preferred neighbors "):
        read_line((head + unit * 16_384)[:16_384])
    assert time.process_time() - start < 5.0


IDS = st.integers(0, 10**9)
PAIRS = (MAKES, FROM, OPTIMISTIC, UNCHOKED, CHOKED, WANTS, NOT)
SENTENCES = st.one_of(
    st.tuples(st.sampled_from(PAIRS), IDS, IDS).map(
        lambda drawn: Sentence(drawn[0].kind, drawn[1], drawn[2])
    ),
    st.tuples(IDS, st.lists(IDS, max_size=6)).map(
        lambda drawn: Sentence(Kind.PREFERRED, drawn[0], ids=tuple(drawn[1]))
    ),
    st.tuples(IDS, IDS, IDS).map(lambda drawn: Sentence(Kind.HAVE, *drawn)),
    st.tuples(IDS, IDS, IDS, IDS).map(lambda drawn: Sentence(Kind.DOWNLOADED, *drawn)),
    IDS.map(lambda drawn: Sentence(Kind.COMPLETE, drawn)),
)


@given(SENTENCES, st.sampled_from([head for head, deviations, _ in HEADS if not deviations]))
def test_prescribed_sentences_round_trip(sentence: Sentence, head: str) -> None:
    """A prescribed sentence is read as what it was made from, without a deviation (spec 8.1)."""
    reading = read_line(head + prescribed(sentence))
    assert reading.events == (sentence,)
    assert (reading.deviations, reading.problem) == ((), None)
    assert reading.stamp is not None


@given(SENTENCES, st.integers(0, 120), st.characters(codec="utf-8"))
def test_no_deviation_only_for_the_prescribed_text(sentence: Sentence, at: int, char: str) -> None:
    """Whatever one changed character does, a line read without deviations is the prescribed one."""
    text = prescribed(sentence)
    at %= len(text)
    reading = read_line(NOW + text[:at] + char + text[at + 1 :])
    if reading.events and not reading.deviations:
        plain = (text[:at] + char + text[at + 1 :]).translate({0x2018: "'", 0x2019: "'"})
        assert plain.replace(", ", ",") == prescribed(reading.events[0])


WORDS = st.sampled_from(
    re.findall(
        r"\S+",
        "Peer 1001 [1002] has is the received 'have' message from for piece choked unchoked by "
        "interested not downloaded complete file preferred neighbors , . : [ ] Now number INFO "
        "10:20:30 2024-02-03 - ' \" \0",
    )
)


@given(st.one_of(st.text(max_size=200), st.lists(WORDS, max_size=25).map(" ".join)))
def test_never_raises(text: str) -> None:
    """Whatever a file holds, a line of it is read or refused with a reason."""
    reading = read_line(text)
    assert isinstance(reading, Reading)
    assert reading.events or reading.continued is not None or reading.problem


ZEROS = str.maketrans("123456789", "000000000")
STATES = re.compile(
    r"\bconnected from|mak\w+ a (?:tcp )?connection|establish\w+ (?:a )?connection (?:to|with)"
    r"|accepted connection|connected to (?:peer )?\[?\d|preferred neighbo|optimistically"
    r"|\w*cho?c?ked\w* by|(?:rec\w*ve[ds]?|from \d+) .*(?:have|interested)|interested in peer"
    r"|from \d+ have|downloaded|(?:rec\w*ve[ds]?) the piece|download complete|entire file",
    re.IGNORECASE,
)
"""Keywords of lines that may state one of the eleven events; deliberately not the reader's."""
OTHERWISE = re.compile(
    r"send|sent|confirms|will make|request|bitfield|handshake message \(|recalculates|set to"
    r"|interesting|and all peers|BUILT:|Successfully",
    re.IGNORECASE,
)
"""Words of lines that state something else: own messages, settings, other peers' completion."""


def test_share_of_foreign_logs_that_is_read() -> None:
    """At least 99 % of the lines in which other programs state an event are read as one: those of the
    recorded histories, and of real programs where their logs are at hand.
    """
    stated: Counter[str] = Counter()
    unread: Counter[str] = Counter()
    for folder in sorted([*HISTORIES.glob("*/"), *CORPUS.glob("*/*")]):
        # Lines that differ in digits only are read alike, so one of each shape is read.
        shapes: Counter[str] = Counter()
        examples: dict[str, str] = {}
        for path in folder.rglob("log_peer_*"):
            data = path.read_bytes()
            text = gzip.decompress(data) if path.suffix == ".gz" else data
            for line in decode_file(text).splitlines():
                shape = line.translate(ZEROS)
                shapes[shape] += 1
                examples.setdefault(shape, line)
        for shape, lines in shapes.items():
            if STATES.search(shape) and not OTHERWISE.search(shape):
                stated[folder.name] += lines
                unread[folder.name] += 0 if read_line(examples[shape]).events else lines
    assert stated.total() > 0
    assert unread.total() <= 0.01 * stated.total()
    assert {p: unread[p] / stated[p] for p in stated if unread[p] > 0.03 * stated[p]} == {}
