"""Each trace check reports the smallest edit of correct traces that breaks its rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.verifier.traced import TracedRun, good_traces

if TYPE_CHECKING:
    from pathlib import Path

RESTART = ((0.9, "kill", (1003,)), (1.4, "start", (1003,)))
CUTS = ((0.8, "cut", (1001, 1003)), (1.1, "cut", (1002, 1004)))


def test_good_traces_have_no_findings(tmp_path: Path) -> None:
    """W01 to W18 find nothing in correct runs, plain, with cut connections and with a restart."""
    for number, events in enumerate([(), CUTS, RESTART]):
        assert not good_traces(number + 1, events).fired(tmp_path / str(number))


def test_w01_other_piece_received(tmp_path: Path) -> None:
    """W01: a message is received as what it was sent."""
    run = good_traces()
    run.get(1003, dir="in", type_="have", nth=3)["piece"] ^= 1
    assert "W01" in run.fired(tmp_path)


def test_w01_lost_message(tmp_path: Path) -> None:
    """W01: a message in the middle of a connection isn't lost."""
    run = good_traces()
    del run.trace(1003)[run.find(1003, dir="in", type_="have", nth=3)]
    assert "W01" in run.fired(tmp_path)


def test_w01_never_sent(tmp_path: Path) -> None:
    """W01: what is received was sent."""
    run = good_traces()
    last = run.get(1002, dir="out", type_="have", neighbor=1003, nth=-1)
    run.trace(1002).remove(last)
    assert "W01" in run.fired(tmp_path)


def test_w02_wrong_id(tmp_path: Path) -> None:
    """W02: a handshake names the neighbor."""
    run = good_traces()
    run.get(1002, dir="in", type_="handshake")["id"] = 1005
    assert "W02" in run.fired(tmp_path)


def test_w02_no_handshake(tmp_path: Path) -> None:
    """W02: a connection begins with a handshake."""
    run = good_traces()
    del run.trace(1002)[run.find(1002, dir="out", type_="handshake")]
    assert "W02" in run.fired(tmp_path)


def test_w02_wrong_side_dials(tmp_path: Path) -> None:
    """W02: it is the later listed peer that dials."""
    run = good_traces()
    run.get(1002, kind="connection", state="open")["incoming"] ^= True
    assert "W02" in run.fired(tmp_path)


def test_w03_wrong_bitfield(tmp_path: Path) -> None:
    """W03: the bitfield tells just the pieces that the peer has."""
    run = good_traces()
    sent = run.get(1002, dir="out", type_="bitfield", neighbor=1003)
    sent["count"] += 1
    run.get(1003, dir="in", type_="bitfield", neighbor=1002)["count"] += 1
    assert run.fired(tmp_path) >= {"W03"}
    assert "W01" not in run.fired(tmp_path)


def test_w03_other_first_message(tmp_path: Path) -> None:
    """W03: the bitfield comes before all other messages."""
    run = good_traces()
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


def test_w04_two_requests(tmp_path: Path) -> None:
    """W04: a neighbor has one open request."""
    run = good_traces()
    _second_request(run)
    assert "W04" in run.fired(tmp_path)


def test_w05_asked_of_two(tmp_path: Path) -> None:
    """W05: a piece is asked of one neighbor at a time."""
    run = good_traces()
    asked = run.get(1004, dir="out", type_="request", nth=4)["neighbor"]
    _second_request(run, next(peer for peer in (1001, 1002, 1003, 1005) if peer != asked))
    fired = run.fired(tmp_path)
    assert "W05" in fired


def test_w05_freed_without_cause(tmp_path: Path) -> None:
    """W05: a request is given up only for a choke, a loss or 30 s of silence."""
    run = good_traces()
    place = run.find(1004, dir="out", type_="request", nth=4)
    asked = run.trace(1004)[place]
    freed = {key: asked[key] for key in ("v", "peer", "t_wall", "t_mono", "neighbor", "piece")}
    for cause in ("choke", "loss", "overdue"):
        run.trace(1004).insert(place + 1, {**freed, "kind": "freed", "cause": cause})
        assert "W05" in run.fired(tmp_path / cause)
        del run.trace(1004)[place + 1]


def test_w06_piece_that_is_here(tmp_path: Path) -> None:
    """W06: no piece is requested that is here."""
    run = good_traces()
    place = run.find(1004, dir="out", type_="request", nth=6)
    run.trace(1004)[place]["piece"] = run.get(1004, event="downloaded_piece")["piece"]
    assert "W06" in run.fired(tmp_path)


def test_w06_while_choked(tmp_path: Path) -> None:
    """W06: nothing is requested of a neighbor that chokes."""
    run = good_traces()
    unchoke = run.find(1004, dir="in", type_="unchoke")
    request = run.trace(1004).pop(run.find(1004, dir="out", type_="request"))
    run.trace(1004).insert(unchoke, request)
    assert "W06" in run.fired(tmp_path)


def test_w06_unknown_there(tmp_path: Path) -> None:
    """W06: only what the neighbor announced is requested, and drawn from all of that."""
    run = good_traces()
    asked = run.get(1004, dir="out", type_="request", neighbor=1003)
    told = run.find(1004, dir="in", type_="have", neighbor=1003, piece=asked["piece"])
    del run.trace(1004)[told]
    assert "W06" in run.fired(tmp_path)


def test_w06_wrong_draw(tmp_path: Path) -> None:
    """W06: a piece is drawn from all those that may be asked for."""
    run = good_traces()
    run.get(1004, kind="request", nth=3)["candidates"] -= 1
    assert "W06" in run.fired(tmp_path)


def test_w07_other_piece_sent(tmp_path: Path) -> None:
    """W07: a piece answers a request."""
    run = good_traces()
    sent = run.get(1002, dir="out", type_="piece")
    sent["piece"] = (sent["piece"] + 1) % 39
    assert "W07" in run.fired(tmp_path)


def test_w07_request_ignored(tmp_path: Path) -> None:
    """W07: a request is answered when nothing keeps it from that."""
    run = good_traces()
    del run.trace(1001)[run.find(1001, dir="out", type_="piece")]
    assert "W07" in run.fired(tmp_path)


def test_w07_dropped_without_cause(tmp_path: Path) -> None:
    """W07: a request is dropped only for a cause that holds."""
    run = good_traces()
    place = run.find(1001, dir="out", type_="piece")
    sent = run.trace(1001)[place]
    kept = {key: sent[key] for key in ("v", "peer", "t_wall", "t_mono", "neighbor", "piece")}
    for cause in ("choked", "lacking", "loss", "repeated"):
        run.trace(1001)[place] = {**kept, "kind": "dropped", "cause": cause}
        assert "W07" in run.fired(tmp_path / cause)


def test_w08_other_content(tmp_path: Path) -> None:
    """W08: all who keep a piece get the same content."""
    run = good_traces()
    run.get(1003, type_="piece", kept=True)["sha"] = "0123456789abcdef"
    assert run.fired(tmp_path) == {"W08"}


def test_w08_other_than_the_file(tmp_path: Path) -> None:
    """W08: the content is that of the seed's file."""
    run = good_traces()
    run.data = run.data[:-1] + bytes([run.data[-1] ^ 1])
    assert run.fired(tmp_path) == {"W08"}


def test_w08_wrong_length(tmp_path: Path) -> None:
    """W08: a piece message has its piece's length."""
    run = good_traces()
    piece = run.get(1003, type_="piece", kept=True)
    piece["len"] += 1
    run.get(piece["neighbor"], type_="piece", conn=piece["conn"], mseq=piece["mseq"])["len"] += 1
    assert run.fired(tmp_path) == {"W08"}


def test_w09_piece_after_choke(tmp_path: Path) -> None:
    """W09: no piece is begun after a choke."""
    run = good_traces()
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


def test_w10_wrong_rate(tmp_path: Path) -> None:
    """W10: rates are the bytes that counted since the last reselection."""
    run = good_traces()
    decision = next(r for r in run.trace(1003) if r["kind"] == "preferred" and any(r["rates"]))
    decision["rates"][decision["rates"].index(max(decision["rates"]))] += 1000
    assert run.fired(tmp_path) == {"W10"}


def test_w11_other_choice(tmp_path: Path) -> None:
    """W11: the choice follows from candidates, rates and draw."""
    run = good_traces()
    decision = next(r for r in run.trace(1001) if len(r.get("draw") or []) > 2)
    decision["chosen"] = sorted(decision["draw"][-2:])
    assert "W11" in run.fired(tmp_path)


def test_w11_candidate_left_out(tmp_path: Path) -> None:
    """W11: all who are interested are candidates."""
    run = good_traces()
    decision = next(r for r in run.trace(1001) if len(r.get("draw") or []) > 2)
    left_out = decision["draw"].pop()
    place = decision["candidates"].index(left_out)
    del decision["candidates"][place], decision["rates"][place]
    assert run.fired(tmp_path) == {"W11"}


def test_w11_other_optimistic(tmp_path: Path) -> None:
    """W11: the optimistically unchoked neighbor is the one that was drawn."""
    run = good_traces()
    decision = next(r for r in run.trace(1001) if r["kind"] == "optimistic" and r["candidates"])
    decision["draw"] += 1
    assert run.fired(tmp_path) == {"W11"}


def test_w11_change_not_logged(tmp_path: Path) -> None:
    """W11: a choice that changes the set is logged, one that doesn't isn't."""
    run = good_traces()
    place = run.find(1001, event="preferred_neighbors")
    run.trace(1001).insert(place - 1, run.trace(1001).pop(place))
    assert "W11" in run.fired(tmp_path)


def test_w12_wrong_number(tmp_path: Path) -> None:
    """W12: ticks are numbered without gaps but those that are told."""
    run = good_traces()
    run.get(1001, kind="preferred", nth=1)["skipped"] += 1
    assert run.fired(tmp_path) == {"W12"}


def test_w12_drifting_schedule(tmp_path: Path) -> None:
    """W12: ticks are due at the start and whole intervals."""
    run = good_traces()
    run.get(1001, kind="optimistic", nth=1)["due"] -= 0.001
    assert run.fired(tmp_path) == {"W12"}


def test_w12_late_tick(tmp_path: Path) -> None:
    """W12: a tick that comes an interval late would be the next one."""
    run = good_traces()
    for number, record in enumerate(run.trace(1001)):
        if number >= run.find(1001, kind="preferred", tick=2):
            record["t_mono"] += 0.6
    assert "W12" in run.fired(tmp_path)


def test_w12_no_more_ticks(tmp_path: Path) -> None:
    """W12: reselections don't stop while the peer is active."""
    run = good_traces()
    run.traces["trace_peer_1001.jsonl"] = [
        record for record in run.trace(1001) if record["kind"] != "optimistic"
    ]
    assert "W12" in run.fired(tmp_path)


def test_w12_clock_backwards(tmp_path: Path) -> None:
    """W12: the monotonic clock doesn't fall."""
    run = good_traces()
    run.get(1001, dir="in", type_="have")["t_mono"] -= 0.2
    assert run.fired(tmp_path) == {"W12"}


def test_w13_lost_transition(tmp_path: Path) -> None:
    """W13: each transition begins where the last one ended."""
    for machine in ("upload", "download", "our_interest", "its_interest"):
        run = good_traces()
        del run.trace(1003)[run.find(1003, machine=machine)]
        assert "W13" in run.fired(tmp_path / machine)


def test_w13_no_such_way(tmp_path: Path) -> None:
    """W13: a machine changes only as its table says."""
    run = good_traces()
    run.get(1003, machine="download", trigger="ask")["to"] = "overdue"
    assert "W13" in run.fired(tmp_path)


def test_w14_have_before_line(tmp_path: Path) -> None:
    """W14: a have is queued behind the line of the download."""
    run = good_traces()
    line = run.find(1003, event="downloaded_piece")
    have = run.find(1003, dir="out", type_="have")
    run.trace(1003).insert(line, run.trace(1003).pop(have))
    assert run.fired(tmp_path) == {"W14"}


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two records are of the same neighbor."""
    return bool(one["neighbor"] == other["neighbor"])


def test_w14_every_effect(tmp_path: Path) -> None:
    """W14: bitfield, interest, unchoke, choke and request stand behind the lines that cause them."""
    causes = {
        "bitfield": {"event": "made_connection"},
        "interested": {"event": "received_have"},
        "not interested": {"event": "downloaded_piece"},
        "unchoke": {"kind": "event"},
        "choke": {"kind": "event"},
        "request": {"event": "unchoked"},
    }
    for effect, cause in causes.items():
        run = good_traces()
        records = run.trace(1004)
        sent = run.find(1004, dir="out", type_=effect, nth=-1)
        above = max(
            n
            for n in range(sent)
            if all(records[n].get(key) == value for key, value in cause.items())
            and (effect not in {"interested", "request"} or _same(records[n], records[sent]))
        )
        records.insert(above, records.pop(sent))
        assert "W14" in run.fired(tmp_path / effect), effect


def test_w15_other_sentence(tmp_path: Path) -> None:
    """W15: an event's sentence is the log's line."""
    run = good_traces()
    name = "log_peer_1003.log"
    run.files[name] = run.files[name].replace("choked by 1001", "choked by 1002", 1)
    assert run.fired(tmp_path) == {"W15"}


def test_w15_line_missing(tmp_path: Path) -> None:
    """W15: log and trace have the same lines, in the same places."""
    for place in (10, -1):
        run = good_traces()
        lines = run.files["log_peer_1003.log"].splitlines(keepends=True)
        del lines[place]
        run.files["log_peer_1003.log"] = "".join(lines)
        assert run.fired(tmp_path / str(place)) == {"W15"}


def test_w15_event_missing(tmp_path: Path) -> None:
    """W15: each message that must be logged has its event."""
    run = good_traces()
    del run.trace(1003)[run.find(1003, event="received_have", nth=5)]
    assert "W15" in run.fired(tmp_path)


def test_w15_gap(tmp_path: Path) -> None:
    """W15: a record that is missing shows by the numbers of the others."""
    run = good_traces()
    del run.trace(1003)[500]
    assert run.fired(tmp_path, renumber=False) == {"W15"}


def test_w15_fields_against_sentence(tmp_path: Path) -> None:
    """W15: an event's fields make its sentence."""
    run = good_traces()
    run.get(1003, event="downloaded_piece", nth=2)["count"] += 1
    assert run.fired(tmp_path) == {"W15"}


def test_w16_received_before_sent(tmp_path: Path) -> None:
    """W16: what answers a message isn't received before that message was sent."""
    run = good_traces()
    records = run.trace(1001)
    answer = run.find(1001, dir="in", type_="interested", neighbor=1003)
    conn = records[answer]["conn"]
    early = [
        record
        for record in records[:answer]
        if record.get("conn") == conn and record.get("dir") == "out" and record["mseq"]
    ]
    assert early
    later = [record for record in records[answer + 1 :] if record not in early]
    before = [record for record in records[: answer + 1] if record not in early]
    run.traces["trace_peer_1001.jsonl"] = [*before, *early, *later]
    assert "W16" in run.fired(tmp_path)


def test_w16_sent_before_downloaded(tmp_path: Path) -> None:
    """W16: who sends a piece has it."""
    run = good_traces()
    sent = run.find(1002, dir="out", type_="piece")
    piece = run.trace(1002)[sent]["piece"]
    line = run.trace(1002).pop(run.find(1002, event="downloaded_piece", piece=piece))
    run.trace(1002).insert(sent, line)
    assert "W16" in run.fired(tmp_path)


def test_w17_status(tmp_path: Path) -> None:
    """W17: an internal error is no orderly end."""
    run = good_traces()
    run.get(1003, kind="end")["status"] = None
    assert run.fired(tmp_path) == {"W17"}


def test_w17_left_open(tmp_path: Path) -> None:
    """W17: each connection is closed before the end."""
    run = good_traces()
    del run.trace(1003)[run.find(1003, state="closed")]
    assert run.fired(tmp_path) == {"W17"}


def test_w17_cut_off(tmp_path: Path) -> None:
    """W17: a connection is cut off only after 5 s for flush and drain."""
    run = good_traces()
    run.get(1003, state="closed", nth=-1)["cause"] = "shutdown"
    assert run.fired(tmp_path) == {"W17"}


def test_w17_not_flushed(tmp_path: Path) -> None:
    """W17: what is queued comes, where both ends see the end of the stream."""
    run = good_traces()
    last = run.find(1003, dir="in", neighbor=1002, nth=-1)
    del run.trace(1003)[last]
    assert "W17" in run.fired(tmp_path)


def test_w18_counts(tmp_path: Path) -> None:
    """W18: the last record counts the skipped pieces and freed requests that are recorded."""
    for name in ("skipped_pieces", "freed_requests"):
        run = good_traces()
        run.get(1003, kind="end")[name] += 1
        assert run.fired(tmp_path / name) == {"W18"}


def test_w18_dropped_without_a_word(tmp_path: Path) -> None:
    """W18: a piece that isn't kept is recorded as skipped."""
    run = good_traces()
    piece = run.get(1003, type_="piece", dir="in")
    piece["kept"] = False
    assert "W18" in run.fired(tmp_path)


def test_w18_wrong_cause(tmp_path: Path) -> None:
    """W18: a piece is skipped for the cause that is told."""
    run = good_traces()
    place = run.find(1003, type_="piece", dir="in")
    piece = run.trace(1003)[place]
    piece["kept"] = False
    told = {key: piece[key] for key in ("v", "peer", "t_wall", "t_mono", "neighbor", "piece")}
    for cause in ("not asked", "had it"):
        run.trace(1003).insert(place, {**told, "kind": "skipped", "cause": cause})
        run.get(1003, kind="end")["skipped_pieces"] = len(
            [record for record in run.trace(1003) if record["kind"] == "skipped"]
        )
        assert "W18" in run.fired(tmp_path / cause)
        del run.trace(1003)[place]


def test_w01_unknown_connection(tmp_path: Path) -> None:
    """W01: nothing comes over a connection that the neighbor's trace doesn't know."""
    run = good_traces()
    conn = run.get(1004, neighbor=1003, type_="handshake")["conn"]
    run.traces["trace_peer_1003.jsonl"] = [
        record for record in run.trace(1003) if record.get("conn") != conn
    ]
    assert "W01" in run.fired(tmp_path)


def test_w01_relayed_connection(tmp_path: Path) -> None:
    """W01: a connection whose ends see different ports, as behind a relay, isn't blamed."""
    run = good_traces()
    conn = run.get(1004, neighbor=1003, type_="handshake")["conn"]
    for record in run.trace(1003):
        if record.get("conn") == conn:
            record["conn"] = "1004:5>1003"
    assert not run.fired(tmp_path)
