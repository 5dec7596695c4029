"""The data behind the report's charts, computed without Plotly and compared with what was simulated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.kit.verifier.judging import Run, good_run, judge
from tests.kit.verifier.simulator import Shape, Swarm
from verifier.judge import Verdict
from verifier.reading.sentences import Kind
from verifier.report.page import charts, thinning
from verifier.report.page import run as page
from verifier.report.page.axis import Axis, correction
from verifier.report.page.charts import chart_data
from verifier.report.page.intervals import KINDS, Interval, Lane, lanes, overlap
from verifier.report.page.places import place
from verifier.report.page.thinning import Detail, Download, joined

CONFIG = {
    "Common.cfg": [
        "NumberOfPreferredNeighbors 1\nUnchokingInterval 5\nOptimisticUnchokingInterval 5\n",
        "FileName f\nFileSize 4\nPieceSize 1\n",
    ],
    "PeerInfo.cfg": ["1001 localhost 6001 1\n1002 localhost 6002 0\n1003 localhost 6003 0\n"],
}


def small_run(*, times: bool = True, whole: bool = False) -> Run:
    """Three peers, of which the first one chooses; one line a second."""

    def log(peer: int, begin: int, *sentences: str) -> list[str]:
        lines = []
        for number, text in enumerate(sentences):
            second = begin if whole else begin + number
            stamp = f"2026-11-22T10:00:{second:02d}" + ("" if whole else ".000000")
            lines.append((f"{stamp}: " if times else "") + f"Peer {peer} {text}\n")
        return lines

    logs = {
        "log_peer_1001.log": log(
            1001,
            0,
            "is connected from Peer 1002.",
            "received the 'interested' message from 1002.",
            "has the preferred neighbors 1002.",
            "is connected from Peer 1003.",
            "received the 'interested' message from 1003.",
            "has the optimistically unchoked neighbor 1003.",
            "has the preferred neighbors 1003.",
            "received the 'not interested' message from 1003.",
            "has the preferred neighbors .",
        ),
        "log_peer_1002.log": log(
            1002,
            2,
            "makes a connection to Peer 1001.",
            "is unchoked by 1001.",
            "has downloaded the piece 3 from 1001. Now the number of pieces it has is 1.",
            "has downloaded the piece 0 from 1001. Now the number of pieces it has is 2.",
            "has downloaded the piece 3 from 1001. Now the number of pieces it has is 3.",
            "is choked by 1001.",
        ),
        "log_peer_1003.log": log(1003, 4, "makes a connection to Peer 1001."),
    }
    return Run(CONFIG | logs)


def data_of(verdict: Verdict) -> dict[str, Any]:
    """What the charts of its page are drawn from."""
    return page.Run(verdict, 0).data


@pytest.fixture
def verdict(tmp_path: Path) -> Verdict:
    """The small run, judged."""
    return judge(small_run().write(tmp_path))


def test_spells_follow_the_lines(verdict: Verdict) -> None:
    """Each interval lasts from the line that begins it to the line that ends it; who is preferred and optimistic is preferred."""
    first, second, third = lanes(verdict.case, Axis(verdict.case))
    assert first.connections == [Interval(0, 8, 1), Interval(3, 8, 2)]
    assert first.preferred == [Interval(2, 6, 1), Interval(6, 8, 2)]
    assert first.optimistic == [Interval(5, 6, 2), Interval(8, 8, 2)]
    assert first.interested == [Interval(1, 8, 1), Interval(4, 7, 2)]
    assert second.unchoked == [Interval(3, 7, 0)]
    assert list(second.times) == [4, 5, 6]
    assert (list(second.pieces), list(second.fresh)) == ([3, 0, 3], [1, 1, 0])
    assert third.lives == [(4, 4)]


def test_steps_count_pieces_once(verdict: Verdict) -> None:
    """Pieces over time count each piece once, however often it is downloaded."""
    data = data_of(verdict)
    assert data["peers"][1]["steps"]["count"] == [0, 1, 2, 2]


def test_fairness_is_time_served_of_time_interested(verdict: Verdict) -> None:
    """A neighbor's share is how long it was unchoked while it was interested; short interest is left out."""
    drawn = lanes(verdict.case, Axis(verdict.case))
    assert charts.fairness(drawn, 0.0) == [[0, 1, 7.0, 4.0], [0, 2, 3.0, 2.0]]
    assert charts.fairness(drawn, 5.0) == [[0, 1, 7.0, 4.0]]


def test_overlap() -> None:
    """What two rows of intervals share is counted once, whatever their order and lengths."""
    one = [Interval(0, 2, 1), Interval(3, 8, 1)]
    other = [Interval(1, 4, 1), Interval(5, 6, 1), Interval(7, 20, 1)]
    assert overlap(one, other) == overlap(other, one) == 1 + 1 + 1 + 1
    assert overlap(one, []) == 0


@pytest.mark.parametrize(
    ("least", "most", "moved"),
    [
        (-0.2, 0.3, 0.0),
        (9.0, 11.0, 10.0),
        (-3.0, -2.0, -2.5),
        (4.0, float("inf"), 4.0),
        (float("-inf"), -4.0, -4.0),
        (float("-inf"), float("inf"), 0.0),
    ],
)
def test_clocks_are_moved_no_further_than_needed(least: float, most: float, moved: float) -> None:
    """A clock that may be right stays; another is moved to the middle of what is possible, or to its end."""
    assert correction(least, most) == moved


def test_offsets_are_taken_out(tmp_path: Path) -> None:
    """With clocks that are wrong by many seconds, each download is drawn after the unchoke that allows it."""
    swarm = Swarm(Shape(leechers=3, pieces=30, rate=10_000, clock=60), 3).run()
    verdict = judge(swarm.write(tmp_path))
    axis = Axis(verdict.case)
    assert any(axis.corrections)
    drawn = lanes(verdict.case, axis)
    for lane in drawn:
        for time, source in zip(lane.times, lane.sources, strict=True):
            granted = [
                interval
                for interval in drawn[source].preferred + drawn[source].optimistic
                if interval.other == drawn.index(lane)
            ]
            assert any(interval.begin - 0.3 <= time <= interval.end + 0.3 for interval in granted)


def test_whole_seconds_are_spread(tmp_path: Path) -> None:
    """Lines that tell the same whole second are drawn within it, in their order, and nothing else moves."""
    verdict = judge(small_run(whole=True).write(tmp_path))
    axis = Axis(verdict.case)
    life = verdict.case.lives[1]
    assert axis.spread(life)
    times = list(lanes(verdict.case, axis)[1].times)
    assert times == sorted(set(times))
    assert all(2 <= time < 3 for time in times)


def test_without_times_lines_count(tmp_path: Path) -> None:
    """Logs without any times are drawn by line; one without among others with times isn't drawn."""
    axis = Axis(judge(small_run(times=False).write(tmp_path / "none")).case)
    assert (axis.unit, axis.span) == ("lines", 9)
    run = small_run()
    lines = run.files["log_peer_1002.log"]
    lines[:] = [line.partition(": ")[2] for line in lines]
    case = judge(run.write(tmp_path / "one")).case
    axis = Axis(case)
    assert [axis.placed(life) for life in case.lives] == [True, False, True]
    assert lanes(case, axis)[1] == Lane()


def test_restarted_peer_begins_anew(tmp_path: Path) -> None:
    """A peer that was killed and started again has no pieces, and its copies are gone, from its new beginning on."""
    shape = Shape(leechers=3, pieces=20, rate=8_000, kills=[(2.5, 1004, 1.0)])
    verdict = judge(Swarm(shape, 5).run().write(tmp_path))
    axis = Axis(verdict.case)
    lane = lanes(verdict.case, axis)[3]
    assert len(lane.lives) == 2
    data = data_of(verdict)
    counts = data["peers"][3]["steps"]["count"]
    assert counts.count(0) == 2
    assert counts[-1] == 20
    assert (data["copies"]["min"][-1], data["copies"]["max"][-1]) == (4, 4)


def test_a_seed_that_downloads_has_no_more(tmp_path: Path) -> None:
    """A seed that logs downloads against the rules (D04) is no second copy."""
    run = small_run()
    line = "2026-11-22T10:00:05.000000: Peer 1001 has downloaded the piece 2 from 1002. Now the number of pieces it has is 1.\n"
    run.log(1001).insert(6, line)
    verdict = judge(run.write(tmp_path))
    copies = data_of(verdict)["copies"]
    assert (copies["min"][-1], copies["max"][-1]) == (1, 2)


def test_much_is_joined_and_told(verdict: Verdict) -> None:
    """What would be too much for a page becomes less by joining, with no time or download lost, and the page says so."""
    axis = Axis(verdict.case)
    detail = Detail(downloads=2, intervals=1, points=1)
    data = chart_data(verdict, axis, lanes(verdict.case, axis), detail)
    assert sum(data["peers"][1]["downloads"]["count"]) == 3
    assert len(data["peers"][1]["downloads"]["time"]) == 2
    assert len(data["peers"][1]["steps"]["count"]) <= 2
    assert data["peers"][1]["steps"]["count"][-1] == 2
    told = "; ".join(data["aggregated"])
    assert all(word in told for word in ("downloads in a row", "are one bar", "points", "copies"))


def test_a_large_run_is_thinned_and_keeps_what_stands_out(tmp_path: Path) -> None:
    """Charts that must have fewer bytes have all downloads still, and the last points and deepest falls of lines."""
    shape = Shape(leechers=5, pieces=60, rate=8_000, kills=[(2.5, 1004, 1.0)])
    run = page.Run(judge(Swarm(shape, 5).run().write(tmp_path)), 0)
    before, size = run.data, len(run.script())
    assert not run.thin(size)
    assert run.data is before
    assert run.thin(size // 2)
    assert len(run.script()) <= size // 2
    after = run.data
    assert not before["aggregated"]
    assert after["aggregated"]
    for old, new in zip(before["peers"], after["peers"], strict=True):
        number = len(old["downloads"]["time"])
        assert sum(new["downloads"].get("count", [1] * number)) == number
        assert new["steps"]["count"][-1:] == old["steps"]["count"][-1:]
        assert max(new["steps"]["count"], default=0) == max(old["steps"]["count"], default=0)
        assert new["steps"]["count"].count(0) == old["steps"]["count"].count(0)
    for extreme, name in ((min, "min"), (max, "max")):
        assert extreme(after["copies"][name]) == extreme(before["copies"][name])


def test_what_cannot_be_joined_further_is_left_to_fewer_peers(verdict: Verdict) -> None:
    """Where one bar for each pair is still too much, peers spread over the order of completion keep theirs."""
    axis = Axis(verdict.case)
    drawn = lanes(verdict.case, axis) * 4
    remarks: list[str] = []
    intervals = thinning.few_intervals(drawn, axis, 12, remarks)
    kept = {n for lists in intervals.values() for n, one in enumerate(lists) if one}
    assert 1 <= len(kept) < 8
    assert "the timeline has the bars of" in remarks[-1]
    assert thinning.evenly(range(100), 3) == [0, 50, 99]


def test_shares_keep_their_ends() -> None:
    """Of very many shares of a chooser the smallest, the largest and some evenly between stay."""
    rows = [[0, other, 100.0, float(other % 100)] for other in range(thinning.MOST_PAIRS + 1)]
    remarks: list[str] = []
    assert thinning.few_shares(rows, None, remarks) is rows
    shares = [row[3] for row in thinning.few_shares(rows, 15, remarks)]
    assert (len(shares), shares[0], shares[-1]) == (15, 0.0, 99.0)
    assert remarks


def test_joined_keeps_the_whole() -> None:
    """Joined intervals cover what the single ones did, pair by pair."""
    intervals = [Interval(0, 1, 1), Interval(0.5, 9, 2), Interval(1.1, 2, 1), Interval(5, 6, 1)]
    assert joined(intervals, 0.2) == [Interval(0, 2, 1), Interval(0.5, 9, 2), Interval(5, 6, 1)]
    assert Download(0.0, 1, 2, 1).number == 1


def test_witnesses_have_places(tmp_path: Path) -> None:
    """Any witness has its place: a have, which no table holds, as the process that read it says."""
    run = good_run()
    line = run.find(1003, "'have' message from 1004", 3) + 1
    run.log(1003).insert(line, run.log(1003)[line - 1])
    verdict = judge(run.write(tmp_path))
    case, axis = verdict.case, Axis(verdict.case)
    life = case.lives[2]
    events = life.columns.events
    row = list(events.kinds).index(Kind.UNCHOKED)
    found = place(case, axis, 2, events.lines[row], "")
    assert found is not None
    assert (found.peer, found.other) == (2, events.others[row])
    assert found.moment == pytest.approx(axis.at(life, events.times[row], 0))
    for have in (line, line + 1):
        found = place(case, axis, 2, have, "")
        assert found is not None
        assert found.other == 3
        row = next(i for i, other in enumerate(events.lines) if other > have)
        times = [axis.at(life, time, 0) for time in events.times[row - 1 : row + 1]]
        assert found.moment is not None
        assert times[0] <= found.moment <= times[1]


def test_kinds_are_the_lanes_fields() -> None:
    """Every kind of interval has its list in a lane."""
    assert all(Lane().intervals(kind) == [] for kind in KINDS)
