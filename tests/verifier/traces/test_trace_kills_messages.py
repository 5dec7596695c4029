"""Each of W01 to W09 reports the smallest edit of correct traces that breaks its rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.verifier.traced import TracedRun, good_traces

RESTART = ((0.9, "kill", (1003,)), (1.4, "start", (1003,)))
CUTS = ((0.8, "cut", (1001, 1003)), (1.1, "cut", (1002, 1004)))


def test_good_traces_have_no_findings(tmp_path: Path) -> None:
    """W01 to W18 find nothing in correct runs, plain, with cut connections and with a restart."""
    for number, events in enumerate([(), CUTS, RESTART]):
        assert not good_traces(number + 1, events).fired(tmp_path / str(number))


def test_w01_other_piece_received(run: TracedRun, tmp_path: Path) -> None:
    """W01: a message is received as what it was sent."""
    run.get(1003, dir="in", type_="have", nth=3)["piece"] ^= 1
    assert "W01" in run.fired(tmp_path)


def test_w01_lost_message(run: TracedRun, tmp_path: Path) -> None:
    """W01: a message in the middle of a connection isn't lost."""
    del run.trace(1003)[run.find(1003, dir="in", type_="have", nth=3)]
    assert "W01" in run.fired(tmp_path)


def test_w01_never_sent(run: TracedRun, tmp_path: Path) -> None:
    """W01: what is received was sent."""
    last = run.get(1002, dir="out", type_="have", neighbor=1003, nth=-1)
    run.trace(1002).remove(last)
    assert "W01" in run.fired(tmp_path)


def test_w02_wrong_id(run: TracedRun, tmp_path: Path) -> None:
    """W02: a handshake names the neighbor."""
    run.get(1002, dir="in", type_="handshake")["id"] = 1005
    assert "W02" in run.fired(tmp_path)


def test_w02_no_handshake(run: TracedRun, tmp_path: Path) -> None:
    """W02: a connection begins with a handshake."""
    del run.trace(1002)[run.find(1002, dir="out", type_="handshake")]
    assert "W02" in run.fired(tmp_path)


def test_w02_wrong_side_dials(run: TracedRun, tmp_path: Path) -> None:
    """W02: it is the later listed peer that dials."""
    run.get(1002, kind="connection", state="open")["incoming"] ^= True
    assert "W02" in run.fired(tmp_path)


def test_w03_wrong_bitfield(run: TracedRun, tmp_path: Path) -> None:
    """W03: the bitfield tells just the pieces that the peer has."""
    sent = run.get(1002, dir="out", type_="bitfield", neighbor=1003)
    sent["count"] += 1
    run.get(1003, dir="in", type_="bitfield", neighbor=1002)["count"] += 1
    assert run.fired(tmp_path) >= {"W03"}
    assert "W01" not in run.fired(tmp_path)


def test_w03_other_first_message(run: TracedRun, tmp_path: Path) -> None:
    """W03: the bitfield comes before all other messages."""
    records = run.trace(1002)
    bitfield = run.find(1002, dir="out", type_="bitfield", neighbor=1001)
    following = run.find(1002, dir="out", neighbor=1001, mseq=2)
    records[bitfield], records[following] = records[following], records[bitfield]
    assert "W03" in run.fired(tmp_path)


def _second_request(run: TracedRun, neighbor: int | None = None) -> None:
    """Repeat a request, to the same neighbor or to another one."""
    place = run.find(1004, dir="out", type_="request", nth=4)
    again = dict(run.trace(1004)[place])
    if neighbor is not None:
        other = run.get(1004, dir="out", type_="request", neighbor=neighbor)
        again.update(conn=other["conn"], neighbor=neighbor)
    run.trace(1004).insert(place + 1, again)


def test_w04_two_requests(run: TracedRun, tmp_path: Path) -> None:
    """W04: a neighbor has one open request."""
    _second_request(run)
    assert "W04" in run.fired(tmp_path)


def test_w05_asked_of_two(run: TracedRun, tmp_path: Path) -> None:
    """W05: a piece is asked of one neighbor at a time."""
    asked = run.get(1004, dir="out", type_="request", nth=4)["neighbor"]
    _second_request(run, next(peer for peer in (1001, 1002, 1003, 1005) if peer != asked))
    fired = run.fired(tmp_path)
    assert "W05" in fired


def test_w05_freed_without_cause(run: TracedRun, tmp_path: Path) -> None:
    """W05: a request is given up only for a choke, a loss or 10 s without an answer."""
    place = run.find(1004, dir="out", type_="request", nth=4)
    asked = run.trace(1004)[place]
    freed = {key: asked[key] for key in ("v", "peer", "t_wall", "t_mono", "neighbor", "piece")}
    for cause in ("choke", "loss", "overdue"):
        run.trace(1004).insert(place + 1, {**freed, "kind": "freed", "cause": cause})
        assert "W05" in run.fired(tmp_path / cause)
        del run.trace(1004)[place + 1]


def _given_up(waits: tuple[float, ...]) -> TracedRun:
    """A request that is made again and again, and given up after these waits (seconds)."""
    run = good_traces()
    place = run.find(1004, dir="out", type_="request", nth=4)
    asked = run.trace(1004)[place]
    freed = {key: asked[key] for key in ("v", "peer", "t_wall", "t_mono", "neighbor", "piece")}
    records = [
        record
        for wait in waits
        for record in (
            {**asked, "t_mono": asked["t_mono"] - wait},
            {**freed, "kind": "freed", "cause": "overdue"},
        )
    ]
    run.trace(1004)[place:place] = records
    return run


@pytest.mark.parametrize(
    ("waits", "wrong"),
    [((10.0,), False), ((9.9,), True), ((10.0, 20.0, 40.0), False), ((10.0, 20.0, 39.0), True)],
)
def test_w05_the_wait_doubles(waits: tuple[float, ...], wrong: bool, tmp_path: Path) -> None:
    """W05: each request in a row that a neighbor doesn't answer waits twice as long (spec 6.6)."""
    fired = _given_up(waits).fired(tmp_path)
    assert ("W05" in fired) == wrong
    assert "W04" not in fired


def test_w06_piece_that_is_here(run: TracedRun, tmp_path: Path) -> None:
    """W06: no piece is requested that is here."""
    place = run.find(1004, dir="out", type_="request", nth=6)
    run.trace(1004)[place]["piece"] = run.get(1004, event="downloaded_piece")["piece"]
    assert "W06" in run.fired(tmp_path)


def test_w06_while_choked(run: TracedRun, tmp_path: Path) -> None:
    """W06: nothing is requested of a neighbor that chokes."""
    unchoke = run.find(1004, dir="in", type_="unchoke")
    request = run.trace(1004).pop(run.find(1004, dir="out", type_="request"))
    run.trace(1004).insert(unchoke, request)
    assert "W06" in run.fired(tmp_path)


def test_w06_unknown_there(run: TracedRun, tmp_path: Path) -> None:
    """W06: only what the neighbor announced is requested, and drawn from all of that."""
    asked = run.get(1004, dir="out", type_="request", neighbor=1003)
    told = run.find(1004, dir="in", type_="have", neighbor=1003, piece=asked["piece"])
    del run.trace(1004)[told]
    assert "W06" in run.fired(tmp_path)


def test_w06_wrong_draw(run: TracedRun, tmp_path: Path) -> None:
    """W06: a piece is drawn from all those that may be asked for."""
    run.get(1004, kind="request", nth=3)["candidates"] -= 1
    assert "W06" in run.fired(tmp_path)


def test_w07_other_piece_sent(run: TracedRun, tmp_path: Path) -> None:
    """W07: a piece answers a request."""
    sent = run.get(1002, dir="out", type_="piece")
    sent["piece"] = (sent["piece"] + 1) % 39
    assert "W07" in run.fired(tmp_path)


def test_w07_request_ignored(run: TracedRun, tmp_path: Path) -> None:
    """W07: a request is answered when nothing keeps it from that."""
    del run.trace(1001)[run.find(1001, dir="out", type_="piece")]
    assert "W07" in run.fired(tmp_path)


def test_w07_dropped_without_cause(run: TracedRun, tmp_path: Path) -> None:
    """W07: a request is dropped only for a cause that holds."""
    place = run.find(1001, dir="out", type_="piece")
    sent = run.trace(1001)[place]
    kept = {key: sent[key] for key in ("v", "peer", "t_wall", "t_mono", "neighbor", "piece")}
    for cause in ("choked", "lacking", "loss", "repeated"):
        run.trace(1001)[place] = {**kept, "kind": "dropped", "cause": cause}
        assert "W07" in run.fired(tmp_path / cause)


def test_w08_other_content(run: TracedRun, tmp_path: Path) -> None:
    """W08: all who keep a piece get the same content."""
    run.get(1003, type_="piece", kept=True)["sha"] = "0123456789abcdef"
    assert run.fired(tmp_path) == {"W08"}


def test_w08_other_than_the_file(run: TracedRun, tmp_path: Path) -> None:
    """W08: the content is that of the seed's file."""
    run.data = run.data[:-1] + bytes([run.data[-1] ^ 1])
    assert run.fired(tmp_path) == {"W08"}


def test_w08_wrong_length(run: TracedRun, tmp_path: Path) -> None:
    """W08: a piece message has its piece's length."""
    piece = run.get(1003, type_="piece", kept=True)
    piece["len"] += 1
    run.get(piece["neighbor"], type_="piece", conn=piece["conn"], mseq=piece["mseq"])["len"] += 1
    assert run.fired(tmp_path) == {"W08"}


def test_w09_piece_after_choke(run: TracedRun, tmp_path: Path) -> None:
    """W09: no piece is begun after a choke."""
    records = run.trace(1001)
    choke = run.find(1001, dir="out", type_="choke")
    conn = records[choke]["conn"]
    piece = max(
        n
        for n in range(choke)
        if records[n].get("conn") == conn and records[n].get("type") == "piece"
    )
    records.insert(piece, records.pop(choke))
    assert "W09" in run.fired(tmp_path)


def test_w01_unknown_connection(run: TracedRun, tmp_path: Path) -> None:
    """W01: nothing comes over a connection that the neighbor's trace doesn't know."""
    conn = run.get(1004, neighbor=1003, type_="handshake")["conn"]
    run.traces["trace_peer_1003.jsonl"] = [
        record for record in run.trace(1003) if record.get("conn") != conn
    ]
    assert "W01" in run.fired(tmp_path)


def test_w01_relayed_connection(run: TracedRun, tmp_path: Path) -> None:
    """W01: a connection whose ends see different ports, as behind a relay, isn't blamed."""
    conn = run.get(1004, neighbor=1003, type_="handshake")["conn"]
    for record in run.trace(1003):
        if record.get("conn") == conn:
            record["conn"] = "1004:5>1003"
    assert not run.fired(tmp_path)
