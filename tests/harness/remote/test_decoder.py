"""What hosts say, byte by byte: right messages come through, and all else is one error."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.errors import HostError
from harness.remote.decoder import LONGEST_BANNER, LONGEST_LINE, Decoder, PeerStatus
from harness.remote.host.messages import (
    KINDS,
    Diagnostic,
    Ended,
    Look,
    Opened,
    Results,
    Started,
    Sum,
    Sums,
)
from tests.kit.liar import OPENED, line

PEERS = {1001, 1003}
STATUS = {
    "peer": 1001, "state": "running", "pieces": 1, "of": 2, "up": 0, "down": 9, "messages": 4, "neighbors": {"7": "D"},
}  # fmt: skip
RIGHT: list[dict[str, Any]] = [
    {"answer": "time", "time": 1.5},
    {
        "answer": "look",
        "ports": {"1001": None, "1003": "is in use"},
        "unresolved": [],
        "free": 10,
        "sizes": {"peer_1001/f": None},
        "running": [["launcher", 7]],
    },
    {"answer": "sums", "sums": {"a": {"sha256": "0" * 64, "problem": None}}},
    {"answer": "results", "results": {"log": 3}, "note": {}},
    {"answer": "adopt", "aside": None},
    {"answer": "stop", "ended": [["peer 1001", 7, "ended"]]},
    {"answer": "has_program", "there": True},
    {"answer": "refused", "why": "it is full"},
    {"event": "alive"},
    {"event": "started", "peer": 1003, "pid": 9},
    {"event": "line", "peer": 1001, "line": json.dumps(STATUS)},
    {"event": "diagnostic", "line": "peer 1001: a warning"},
    {"event": "ended", "peer": 1001, "status": 143},
]


def decode(*said: bytes) -> list[Any]:
    """What an open session makes of these bytes, which come one after the other."""
    decoder = Decoder(PEERS)
    (opened,) = decoder.feed(line(OPENED))
    assert isinstance(opened, Opened)
    return [message for data in said for message in decoder.feed(data)]


def test_all_messages_come_through() -> None:
    """What an agent says comes as its types, wherever the bytes are split."""
    text = b"".join(map(line, RIGHT))
    whole = decode(text)
    assert len(whole) == len(RIGHT)
    assert whole == decode(*(text[i : i + 1] for i in range(len(text))))
    assert (
        Look({1001: None, 1003: "is in use"}, [], 10, {"peer_1001/f": None}, [("launcher", 7)])
        in whole
    )
    assert Sums({"a": Sum("0" * 64)}) in whole
    assert Results({"log": 3}, {}) in whole
    assert [whole[-4], whole[-1]] == [Started(1003, 9), Ended(1001, 143)]
    assert isinstance(whole[-3], PeerStatus)
    assert whole[-3].status.neighbors == {7: "D"}


@pytest.mark.parametrize(
    "said",
    [
        {"event": "ended", "peer": 1002, "status": 0},
        {"event": "ended", "peer": "1001", "status": 0},
        {"event": "ended", "peer": 1001},
        {"event": "ended", "peer": 1001, "status": "0"},
        {"event": "ended", "peer": 1001, "status": 256},
        {"event": "ended", "peer": 1001, "status": -1},
        {"event": "ended", "peer": 1001, "status": 0.0},
        {"event": "ended", "peer": 1001, "status": False},
        {"event": "started", "peer": 4711, "pid": 7},
        {"event": "started", "peer": 1001, "pid": "7"},
        {"event": "line", "peer": 1002, "line": json.dumps(STATUS)},
        {"event": "line", "peer": 1003, "line": json.dumps(STATUS)},
        {"event": "line", "peer": 1001, "line": 7},
        {"event": "diagnostic", "line": "\ud800"},
        {"event": "diagnostic"},
        {"event": "lost", "error": "I made it up"},
        {"event": ["ended"], "peer": 1001},
        {"answer": "look", "ports": {"1002": None}},
        {"answer": "look", "ports": {"\u0661\u0660\u0660\u0661": None}, "unresolved": [], "free": 1, "sizes": {}, "running": []},
        {"answer": "look", "ports": {}, "unresolved": [], "free": 1, "sizes": {}, "running": [["x"]]},
        {"answer": "time", "time": "now"},
        {"answer": "sums", "sums": {"a": {"sha256": "0" * 63 + "G", "problem": None}}},
        {"answer": "stop", "ended": [["peer 1001", 7]]},
        {"answer": "fly"},
        {"answer": None},
        {"error": "as older agents said it"},
        b"[]\n",
        b"7\n",
        b"{\n",
        b"\n",
        b'{"event": "alive", "x": NaN}\n',
        b"\xff\xfe\n",
        b"[" * 100_000 + b"\n",
        b'{"answer": "time", "time": ' + b"9" * 5000 + b"}\n",
        b"x" * (LONGEST_LINE + 1),
    ],
    ids=lambda said: repr(said)[:60],
)  # fmt: skip
def test_what_no_agent_says(said: bytes | dict[str, Any]) -> None:
    """Another's peers, unknown ids, missing keys, wrong types, digits and text of other kinds: one error, for people to read."""
    with pytest.raises(HostError) as caught:
        decode(line(said))
    assert str(caught.value).isprintable()


def test_a_torn_status_line_is_a_diagnostic() -> None:
    """A status line that a full pipe has cut is a peer's mishap, not a host's lie."""
    (told,) = decode(line({"event": "line", "peer": 1001, "line": '{"peer": 10\x1b'}))
    assert told == Diagnostic('peer 1001: unreadable status: {"peer": 10\\x1b')


def test_what_people_read_acts_on_no_terminal() -> None:
    """Control characters in a host's texts are escaped, also inside a status line."""
    status = STATUS | {"state": "\x1b[2J", "neighbors": {"7": "\x9b"}}
    progress, diagnostic, refused = decode(
        line({"event": "line", "peer": 1001, "line": json.dumps(status)}),
        line({"event": "diagnostic", "line": "\x1b]0;owned\x07"}),
        line({"answer": "refused", "why": "\r\x1b[1A"}),
    )
    assert (progress.status.state, progress.status.neighbors) == ("\\x1b[2J", {7: "\\x9b"})
    assert diagnostic.line == "\\x1b]0;owned\\x07"
    assert refused.why == "\\r\\x1b[1A"


@pytest.mark.parametrize("path", ["", "/home/\x1b[2J", "/" * 5000, "/home/\ud800"])
def test_where_an_agent_works(path: str) -> None:
    """A home or interpreter that goes into commands has nothing in it that a terminal acts on."""
    decoder = Decoder(PEERS)
    assert list(decoder.feed(line(OPENED | {"home": path}))) == []
    assert list(decoder.feed(line(OPENED | {"executable": path}))) == []
    assert len(list(decoder.feed(line(OPENED)))) == 1


def test_what_a_login_prints_has_an_end() -> None:
    """Words before the agent's own are skipped, whatever they are, but not for ever."""
    decoder = Decoder(PEERS)
    assert list(decoder.feed(b"Welcome!\n{}\n\xff\n" + line(RIGHT[0]))) == []
    with pytest.raises(HostError, match="what does its login run"):
        list(decoder.feed(b"tick\n" * LONGEST_BANNER))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=6,
)
LIKE_A_MESSAGE = st.builds(
    lambda kind, right, changes: {kind[0]: kind[1]} | right | changes,
    st.sampled_from(sorted(KINDS)),
    st.sampled_from(
        [{k: v for k, v in said.items() if k not in {"answer", "event"}} for said in RIGHT]
    ),
    st.dictionaries(
        st.sampled_from(sorted({key for said in RIGHT for key in said})), JSON, max_size=2
    ),
)


@given(
    st.lists(
        (LIKE_A_MESSAGE | JSON).map(lambda value: json.dumps(value).encode())
        | st.binary(max_size=40),
        max_size=4,
    ),
    st.data(),
)
@example([line(said)[:-1] for said in RIGHT], None)
def test_nothing_else_is_ever_raised(lines: list[bytes], data: st.DataObject | None) -> None:
    """Whatever a host says, there come messages of its own peers, or the one error."""
    text = b"".join(one + b"\n" for one in lines)
    cut = data.draw(st.integers(0, len(text))) if data else 0
    found = []
    with suppress(HostError):
        found = decode(text[:cut], text[cut:])
    for message in found:
        assert type(message) in {*KINDS.values(), PeerStatus}
        assert getattr(message, "peer", 1001) in PEERS
        if isinstance(message, PeerStatus):
            assert message.status.peer == message.peer
