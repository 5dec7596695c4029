"""Variations of each kind of sentence are read right, and near misses aren't read at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verifier.reading.dialects import read_line
from verifier.reading.expressions import Readings
from verifier.reading.scan import Scanner
from verifier.reading.sentences import Kind

if TYPE_CHECKING:
    from pathlib import Path

TIMES = (
    "2026-11-22 11:24:05",
    "[2026-11-22 11:24:05.123]",
    "[12/03/23|15.53.31]",
    "12/2/2017 3:29:7",
    "At 15:39:39:501 ",
    "1745257218.79",
    "[1745257218]",
    "Sat Dec 02 17:34:33 EST 2023 ",
    "[Fri Apr 23 00:56:25 CST 2021]",
    "2017-12-05 13:07:53,039",
    "Apr 11, 2019 8:30:12 PM",
    "18:49:41",
    "2020-12-07T03:10:08.738121700",
    "22-Nov-2026 11:24:05",
)
PREFIXES = (
    "",
    "INFO: ",
    "[INFO] ",
    "[main] INFO ",
    "MSG IN: ",
    "[INFO] [utils.LogHandler] ",
    "DEBUG - ",
)
PEERS = (
    "Peer {}",
    "Peer {} |",
    "Peer {}...",
    "Peer [{}]",
    "peer {}",
    "[{}]",
    "Peer: {}",
    "PEER {}",
    "Peer ID {}",
)
FROM = ("from {}", "from Peer {}", "from peer [{}]", "by {}", "from Peer: {}")
QUOTES = ("'{}'", '"{}"', "\u2018{}\u2019", "{}", "`{}`")
ENDS = (".", "", " .", "!", "..")
GOT = (
    "received the ",
    "received a ",
    "has received the ",
    "got the ",
    "receives the ",
    "recieved ",
)
MESSAGE = (" message ", " ", " msg ", " messaging ")
EVENTS: dict[Kind, tuple[str, dict[str, object]]] = {
    Kind.HAVE: ("{got}{have}{message}{source} for the piece {piece}", {"other": 1002, "piece": 7}),
    Kind.INTERESTED: ("{got}{interested}{message}{source}", {"other": 1002}),
    Kind.NOT_INTERESTED: ("{got}{not_interested}{message}{source}", {"other": 1002}),
    Kind.UNCHOKED: ("{was}unchoked {by}", {"other": 1002}),
    Kind.CHOKED: ("{was}choked {by}", {"other": 1002}),
    Kind.MAKES: ("{makes} connection to {who}", {"other": 1002}),
    Kind.CONNECTED_FROM: ("{linked} from {who}", {"other": 1002}),
    Kind.DOWNLOADED: (
        "{fetched} {source}{stop}{count}",
        {"other": 1002, "piece": 7, "count": 12},
    ),
    Kind.COMPLETE: ("has {done} the complete file", {}),
    Kind.PREFERRED: ("has the preferred {neighbors} {list}", {"ids": (1002, 1004)}),
    Kind.OPTIMISTIC: ("has the optimistically unchoked neighbor {who}", {"other": 1002}),
}
PARTS = {
    "got": GOT,
    "message": MESSAGE,
    "was": ("is ", "was ", "has been ", "got "),
    "by": ("by {}", "by Peer {}", "by [{}]", "by peer: {}"),
    "makes": ("makes a", "made a", "establishes a TCP", "creates a", "makes the"),
    "linked": ("is connected", "was connected", "accepted a connection", "has been connected"),
    "fetched": (
        "has downloaded the piece 7",
        "downloaded piece 7",
        "has downloaded piece [7]",
        "finished downloading piece #7",
        "fully downloaded the piece 7",
    ),
    "stop": (". ", ", ", "; ", " "),
    "count": (
        "Now the number of pieces it has is 12",
        "Now has 12/184 pieces",
        "Total pieces: 12",
        "now it has 12 pieces",
        "Number of pieces is 12",
    ),
    "done": ("downloaded", "finished downloading", "received", "completed downloading of"),
    "neighbors": ("neighbors", "neighbours", "neighbor", "neighbors:"),
    "list": ("1002,1004", "1002, 1004", "[1002, 1004]", "1002 1004", "1002.1004", "1002 and 1004"),
}
NEAR_MISSES = (
    "is sending the 'have' message to 1002 for the piece 7",
    "will be choked by 1002",
    "has not downloaded the piece 7 from 1002",
    "is not choked by 1002",
    "requested piece 7 from 1002",
    "sent the 'interested' message to 1002",
    "failed to make a connection to Peer 1002",
    "is downloading the piece 7 from 1002",
    "already has piece 7 from 1002",
    "expects the 'have' message from 1002 for the piece 7",
    "received the 'request' message from 1002 for the piece 7",
    "received the 'bitfield' message from 1002",
    "received the handshake from 1002",
    "has closed the connection to Peer 1002",
    "was never unchoked by 1002",
    "ignored the 'have' message from 1002 for the piece 7",
    "waits until it is unchoked by 1002",
    "would have the preferred neighbors 1002",
    "dropped the piece 7 from 1002",
)


@st.composite
def lines(draw: st.DrawFn) -> tuple[str, Kind]:
    """One sentence in some wording, and its kind."""
    kind = draw(st.sampled_from(sorted(EVENTS)))
    parts = {name: draw(st.sampled_from(choices)) for name, choices in PARTS.items()}
    parts = {name: part.format(1002) for name, part in parts.items()}
    parts["who"] = draw(st.sampled_from(PEERS)).format(1002)
    parts["source"] = draw(st.sampled_from(FROM)).format(1002)
    quotes = draw(st.sampled_from(QUOTES))
    parts["have"] = quotes.format("have")
    parts["interested"] = quotes.format("interested")
    parts["not_interested"] = quotes.format("not interested")
    parts["piece"] = draw(st.sampled_from(["7", "[7]", "index 7"]))
    who = draw(st.sampled_from(PEERS)).format(1003)
    words = EVENTS[kind][0].format(**parts)
    time, prefix = draw(st.sampled_from(TIMES)), draw(st.sampled_from(PREFIXES))
    mark = draw(st.sampled_from([": ", " ", " - ", ":  "]))
    text = f"{time}{mark}{prefix}{who} {words}{draw(st.sampled_from(ENDS))}"
    return (prefix + text if draw(st.booleans()) and prefix[:4] == "INFO" else text), kind


@given(lines())
@settings(max_examples=150, deadline=None)
def test_any_wording_is_read(line: tuple[str, Kind]) -> None:
    """A sentence of each kind is read with its fields, and a time, in any combination of known words."""
    text, kind = line
    reading = read_line(text)
    assert reading.problem is None, text
    (event,) = reading.events
    assert (event.kind, event.subject, reading.stamp is None) == (kind, 1003, False), text
    for field, value in EVENTS[kind][1].items():
        assert getattr(event, field) == value, text


@given(
    st.sampled_from(NEAR_MISSES),
    st.sampled_from(TIMES),
    st.sampled_from(PREFIXES),
    st.sampled_from(PEERS),
)
@settings(max_examples=100, deadline=None)
def test_near_misses_are_no_events(words: str, time: str, prefix: str, who: str) -> None:
    """What a peer sends, awaits, refuses or lacks is none of the eleven events."""
    text = f"{time}: {prefix}{who.format(1003)} {words}."
    assert read_line(text).events == (), text


@given(st.lists(lines(), min_size=1, max_size=4), st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_lines_of_one_shape_are_read_alike(drawn: list[tuple[str, Kind]], number: int) -> None:
    """Reading a line by another one of its shape gives what reading it by itself does."""
    readings = Readings()
    for text, _ in drawn:
        for line in (text, text.replace("1002", "1009").replace("7", "8"), f"{text}{number}"):
            for data in (line.encode(), line.replace("1", "0").encode(), line.encode()):
                assert readings.read(data).reading[:5] == read_line(data.decode())[:5]


CONNECTED = (
    "Peer 1003 connected to Peer 1002",
    "Successfully connected to peer 1002",
    "TCP connection established with Peer 1002",
    "TCP CONNECTION BUILT: Peer [1003] connected to Peer [1002] at localhost:6002.",
)


@pytest.mark.parametrize("words", CONNECTED)
@pytest.mark.parametrize("place", ["alone", "above", "below"])
def test_a_connection_told_in_other_words(words: str, place: str, tmp_path: Path) -> None:
    """Words that don't say who connects tell of a connection, and of no second one beside the prescribed
    sentence.
    """
    stamp = "[2026-11-22 11:24:05] "
    lines = [stamp + words, f"{stamp}Peer 1003 is connected from Peer 1002."]
    log = tmp_path / "log_peer_1003.log"
    log.write_text(
        "\n".join({"alone": lines[:1], "above": lines, "below": lines[::-1]}[place]) + "\n"
    )
    (conn,) = Scanner(1003, (1001, 1002, 1003), 3).read(log).conns
    assert (conn.other, conn.kind) == (1, Kind.MAKES if place == "alone" else Kind.CONNECTED_FROM)
