"""Each of W10 to W18 reports the smallest edit of correct traces that breaks its rule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.kit.verifier.traced import TracedRun, good_traces


def test_w10_wrong_rate(run: TracedRun, tmp_path: Path) -> None:
    """W10: rates are the bytes that counted since the last reselection."""
    decision = next(r for r in run.trace(1003) if r["kind"] == "preferred" and any(r["rates"]))
    decision["rates"][decision["rates"].index(max(decision["rates"]))] += 1000
    assert run.fired(tmp_path) == {"W10"}


def test_w11_other_choice(run: TracedRun, tmp_path: Path) -> None:
    """W11: the choice follows from candidates, rates and draw."""
    decision = next(r for r in run.trace(1001) if len(r.get("draw") or []) > 2)
    decision["chosen"] = sorted(decision["draw"][-2:])
    assert "W11" in run.fired(tmp_path)


def test_w11_candidate_left_out(run: TracedRun, tmp_path: Path) -> None:
    """W11: all who are interested are candidates."""
    decision = next(r for r in run.trace(1001) if len(r.get("draw") or []) > 2)
    left_out = decision["draw"].pop()
    place = decision["candidates"].index(left_out)
    del decision["candidates"][place], decision["rates"][place]
    assert run.fired(tmp_path) == {"W11"}


def test_w11_other_optimistic(run: TracedRun, tmp_path: Path) -> None:
    """W11: the optimistically unchoked neighbor is the one that was drawn."""
    decision = next(r for r in run.trace(1001) if r["kind"] == "optimistic" and r["candidates"])
    decision["draw"] += 1
    assert run.fired(tmp_path) == {"W11"}


def test_w11_change_not_logged(run: TracedRun, tmp_path: Path) -> None:
    """W11: a choice that changes the set is logged, one that doesn't isn't."""
    place = run.find(1001, event="preferred_neighbors")
    run.trace(1001).insert(place - 1, run.trace(1001).pop(place))
    assert "W11" in run.fired(tmp_path)


def test_w12_wrong_number(run: TracedRun, tmp_path: Path) -> None:
    """W12: ticks are numbered without gaps but those that are told."""
    run.get(1001, kind="preferred", nth=1)["skipped"] += 1
    assert run.fired(tmp_path) == {"W12"}


def test_w12_drifting_schedule(run: TracedRun, tmp_path: Path) -> None:
    """W12: ticks are due at the start and whole intervals."""
    run.get(1001, kind="optimistic", nth=1)["due"] -= 0.001
    assert run.fired(tmp_path) == {"W12"}


def test_w12_late_tick(run: TracedRun, tmp_path: Path) -> None:
    """W12: a tick that comes an interval late would be the next one."""
    for number, record in enumerate(run.trace(1001)):
        if number >= run.find(1001, kind="preferred", tick=2):
            record["t_mono"] += 0.6
    assert "W12" in run.fired(tmp_path)


def test_w12_no_more_ticks(run: TracedRun, tmp_path: Path) -> None:
    """W12: reselections don't stop while the peer is active."""
    run.traces["trace_peer_1001.jsonl"] = [
        record for record in run.trace(1001) if record["kind"] != "optimistic"
    ]
    assert "W12" in run.fired(tmp_path)


def test_w12_clock_backwards(run: TracedRun, tmp_path: Path) -> None:
    """W12: the monotonic clock doesn't fall."""
    run.get(1001, dir="in", type_="have")["t_mono"] -= 0.2
    assert run.fired(tmp_path) == {"W12"}


def test_w13_lost_transition(tmp_path: Path) -> None:
    """W13: each transition begins where the last one ended."""
    for machine in ("upload", "download", "our_interest", "its_interest"):
        run = good_traces()
        del run.trace(1003)[run.find(1003, machine=machine)]
        assert "W13" in run.fired(tmp_path / machine)


def test_w13_no_such_way(run: TracedRun, tmp_path: Path) -> None:
    """W13: a machine changes only as its table says."""
    run.get(1003, machine="download", trigger="ask")["to"] = "overdue"
    assert "W13" in run.fired(tmp_path)


def test_w14_have_before_line(run: TracedRun, tmp_path: Path) -> None:
    """W14: a have is queued behind the line of the download."""
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
        "bitfield": {"made_connection"},
        "interested": {"received_have"},
        "not interested": {"downloaded_piece"},
        "unchoke": {"preferred_neighbors", "optimistic_neighbor"},
        "choke": {"preferred_neighbors", "optimistic_neighbor"},
        "request": {"unchoked"},
    }
    for effect, events in causes.items():
        run = good_traces()
        records = run.trace(1004)
        sent = run.find(1004, dir="out", type_=effect, nth=-1)
        above = max(
            n
            for n in range(sent)
            if records[n].get("event") in events
            and (effect not in {"interested", "request"} or _same(records[n], records[sent]))
        )
        records.insert(above, records.pop(sent))
        assert "W14" in run.fired(tmp_path / effect), effect


def test_w15_other_sentence(run: TracedRun, tmp_path: Path) -> None:
    """W15: an event's sentence is the log's line."""
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


def test_w15_event_missing(run: TracedRun, tmp_path: Path) -> None:
    """W15: each message that must be logged has its event."""
    del run.trace(1003)[run.find(1003, event="received_have", nth=5)]
    assert "W15" in run.fired(tmp_path)


def test_w15_gap(run: TracedRun, tmp_path: Path) -> None:
    """W15: a record that is missing shows by the numbers of the others."""
    del run.trace(1003)[500]
    assert run.fired(tmp_path, renumber=False) == {"W15"}


def test_w15_fields_against_sentence(run: TracedRun, tmp_path: Path) -> None:
    """W15: an event's fields make its sentence."""
    run.get(1003, event="downloaded_piece", nth=2)["count"] += 1
    assert run.fired(tmp_path) == {"W15"}


def test_w16_received_before_sent(run: TracedRun, tmp_path: Path) -> None:
    """W16: what answers a message isn't received before that message was sent."""
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


def test_w16_sent_before_downloaded(run: TracedRun, tmp_path: Path) -> None:
    """W16: who sends a piece has it."""
    sent = run.find(1002, dir="out", type_="piece")
    piece = run.trace(1002)[sent]["piece"]
    line = run.trace(1002).pop(run.find(1002, event="downloaded_piece", piece=piece))
    run.trace(1002).insert(sent, line)
    assert "W16" in run.fired(tmp_path)


def test_w17_status(run: TracedRun, tmp_path: Path) -> None:
    """W17: an internal error is no orderly end."""
    run.get(1003, kind="end")["status"] = None
    assert run.fired(tmp_path) == {"W17"}


def test_w17_left_open(run: TracedRun, tmp_path: Path) -> None:
    """W17: each connection is closed before the end."""
    del run.trace(1003)[run.find(1003, state="closed")]
    assert run.fired(tmp_path) == {"W17"}


def test_w17_cut_off(run: TracedRun, tmp_path: Path) -> None:
    """W17: a connection is cut off only after 5 s for flush and drain."""
    run.get(1003, state="closed", nth=-1)["cause"] = "shutdown"
    assert run.fired(tmp_path) == {"W17"}


@pytest.mark.parametrize(("waited", "blamed"), [(1.0, False), (0.9, True)])
def test_w17_cut_off_after_a_signal(
    run: TracedRun, tmp_path: Path, waited: float, blamed: bool
) -> None:
    """W17: after a signal a connection is cut off once 1 s has passed."""
    closed = run.get(1003, state="closed", nth=-1)
    last = max(x["t_mono"] for x in run.trace(1003) if x.get("dir") == "out")
    late = last + waited - closed["t_mono"]
    for record in run.trace(1003)[run.find(1003, state="closed", nth=-1) :]:
        record["t_mono"] += late
    closed["cause"] = "shutdown"
    run.get(1003, kind="end").update(status=130, hurried=True)
    assert ("W17" in run.fired(tmp_path)) == blamed


def test_w17_not_flushed(run: TracedRun, tmp_path: Path) -> None:
    """W17: what is queued comes, where both ends see the end of the stream."""
    last = run.find(1003, dir="in", neighbor=1002, nth=-1)
    del run.trace(1003)[last]
    assert "W17" in run.fired(tmp_path)


def test_w18_counts(tmp_path: Path) -> None:
    """W18: the last record counts the skipped pieces and freed requests that are recorded."""
    for name in ("skipped_pieces", "freed_requests"):
        run = good_traces()
        run.get(1003, kind="end")[name] += 1
        assert run.fired(tmp_path / name) == {"W18"}


def test_w18_dropped_without_a_word(run: TracedRun, tmp_path: Path) -> None:
    """W18: a piece that isn't kept is recorded as skipped."""
    piece = run.get(1003, type_="piece", dir="in")
    piece["kept"] = False
    assert "W18" in run.fired(tmp_path)


def test_w18_wrong_cause(run: TracedRun, tmp_path: Path) -> None:
    """W18: a piece is skipped for the cause that is told."""
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
