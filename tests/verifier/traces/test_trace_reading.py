"""Traces are read as they are found: zipped, damaged, partly missing, of killed peers."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.kit.verifier.traced import TracedRun, good_traces, judge_traces, traced_swarm
from verifier.api import verify
from verifier.findings import Outcome, Severity
from verifier.judge import Options, Verdict
from verifier.reading.finding import LogFile
from verifier.traces.columns import Code
from verifier.traces.reader import read_trace
from verifier.traces.rows import SENTENCES

RESTART = ((0.9, "kill", (1003,)), (1.4, "start", (1003,)))


def _found(verdict: Verdict) -> dict[str, str]:
    """The first reason of each check with errors."""
    return {
        result.check.id: result.tally.findings[0].because
        for result in verdict.results
        if result.tally.counts[Severity.ERROR]
    }


@pytest.mark.parametrize("seed", range(12))
def test_correct_swarms(seed: int, tmp_path: Path) -> None:
    """W01 to W18 find nothing in correct swarms of different shapes, cuts and restarts included."""
    kinds: list[tuple[tuple[float, str, tuple[int, ...]], ...]] = [
        (),
        ((0.6, "kill", (1003,)), (1.1, "start", (1003,))),
        ((0.5, "cut", (1001, 1003)), (0.7, "cut", (1002, 1003)), (0.9, "cut", (1001, 1003))),
        ((1.5, "start", (1003,)),),
    ]
    traced_swarm(
        tmp_path,
        seed,
        seeds=1 + seed % 2,
        leechers=2 + seed % 3,
        k=1 + seed % 3,
        upload=(6_000, 20_000, 90_000)[seed % 3],
        events=kinds[seed % 4],
    )
    verdict = judge_traces(tmp_path)
    assert not _found(verdict)
    assert all(result.tally.outcome is not Outcome.UNKNOWN for result in verdict.results)


def test_everything_is_exercised(tmp_path: Path) -> None:
    """W01 to W18 are all exercised by one ordinary swarm."""
    verdict = judge_traces(good_traces().write(tmp_path))
    assert [r.check.id for r in verdict.results if r.tally.outcome is not Outcome.OK] == []


def test_gzip(tmp_path: Path) -> None:
    """W01 to W18 read a zipped trace like a plain one."""
    run = good_traces()
    run.get(1003, kind="end")["status"] = None
    run.write(tmp_path)
    path = tmp_path / "trace_peer_1003.jsonl"
    (tmp_path / "trace_peer_1003.jsonl.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    verdict = judge_traces(tmp_path)
    assert set(_found(verdict)) == {"W17"}


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"[]",
        b"17",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"v":1}',
        b'{"v":3,"peer":1003,"seq":99,"t_mono":1.0,"kind":"end"}',
        b'{"v":2,"peer":1004,"seq":99,"t_mono":1.0,"kind":"end"}',
        b'{"v":1,"peer":1003,"seq":99,"t_mono":1.0,"kind":"unheard of"}',
        b'{"v":1,"peer":1003,"seq":99,"t_mono":1.0,"kind":["end"]}',
        b'{"v":1,"peer":1003,"seq":99,"t_mono":null,"kind":"end","status":0}',
        (
            b'{"v":1,"peer":1003,"seq":99,"t_mono":1.0,"kind":"message","dir":"in","conn":"x","mseq":0,'
            b'"neighbor":1001,"type":"have","len":9,"piece":"3"}'
        ),
        (
            b'{"v":1,"peer":1003,"seq":99,"t_mono":1.0,"kind":"message","dir":"in","conn":[],"mseq":0,'
            b'"neighbor":1001,"type":"have","len":9,"piece":3}'
        ),
        (
            b'{"v":1,"peer":1003,"seq":99,"t_mono":1.0,"kind":"message","dir":"in","conn":"x",'
            b'"mseq":99999999999999999999999,"neighbor":1001,"type":"have","len":9,"piece":3}'
        ),
        (
            b'{"v":1,"peer":1003,"seq":99,"t_mono":1.0,"kind":"transition","neighbor":1001,'
            b'"machine":[],"from":1,"trigger":2,"to":3}'
        ),
    ],
)
def test_damaged_line(line: bytes, tmp_path: Path) -> None:
    """W15 reports a line that is no record, and nothing is made of what follows."""
    path = good_traces().write(tmp_path) / "trace_peer_1003.jsonl"
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([*lines[:99], line, *lines[100:]]))
    verdict = judge_traces(tmp_path)
    assert set(_found(verdict)) == {"W15"}
    finding = next(r for r in verdict.results if r.check.id == "W15").tally.findings[0]
    assert verdict.case.source(finding.witnesses[0].log).label == "trace_peer_1003.jsonl"
    assert finding.witnesses[0].line == 100


def _together(folder: Path) -> tuple[Path, list[dict[str, Any]], int]:
    """A trace as it is written, and the place of its first record on several haves that came."""
    traced_swarm(folder, 1)
    path = folder / "trace_peer_1003.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()]
    place = next(
        number
        for number, record in enumerate(records)
        if record["kind"] == "in have" and len(record["pieces"]) > 1
    )
    return path, records, place


def test_one_of_several_haves(tmp_path: Path) -> None:
    """W01 and W15 judge each of the haves that share a record, and name its line."""
    path, records, place = _together(tmp_path)
    records[place]["pieces"][1] ^= 1
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    verdict = judge_traces(tmp_path)
    assert _found(verdict).keys() >= {"W01", "W15"}
    check = next(result for result in verdict.results if result.check.id == "W01")
    witnesses = check.tally.findings[0].witnesses
    assert place + 1 in {
        witness.line for witness in witnesses if verdict.case.source(witness.log).label == path.name
    }


@pytest.mark.parametrize(
    "pieces", [None, 7, [], [1, "2"], [1, -2], [1, 2.0], [1, 2**50], [True, 1]]
)
def test_damaged_list_of_haves(pieces: object, tmp_path: Path) -> None:
    """W15 reports a record whose haves are no list of pieces."""
    path, records, place = _together(tmp_path)
    records[place]["pieces"] = pieces
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    verdict = judge_traces(tmp_path)
    assert set(_found(verdict)) == {"W15"}
    assert verdict.results[-4].check.id == "W15"
    assert verdict.results[-4].tally.findings[0].witnesses[0].line == place + 1


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("out have", {"conns": ["1003:1>1001"]}),
        ("out have", {"conns": 7}),
        ("out have", {"mseqs": [1, 2, 3, 4, 5]}),
        ("out have", {"mseqs": ["1"]}),
        ("out request", {"candidates": None}),
        ("out request", {"draw": -1}),
        ("in request", {"conn": "somewhere"}),
        ("in request", {"line": 7}),
        ("in have", {"line": None}),
        ("in piece", {"line": "7"}),
        ("in piece", {"sha": 7}),
        ("in piece", {"piece": 2.5}),
        ("in piece", {"len": "32"}),
        ("in piece", {"mseq": 1.5}),
    ],
)
def test_damaged_record_of_several_things(
    kind: str, change: dict[str, object], tmp_path: Path
) -> None:
    """W15 reports a record of which one part can't be, and nothing is made of its other parts."""
    path, records, _ = _together(tmp_path)
    place = [n for n, record in enumerate(records) if record["kind"] == kind][2]
    records[place] |= change
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    verdict = judge_traces(tmp_path)
    assert set(_found(verdict)) == {"W15"}
    check = next(result for result in verdict.results if result.check.id == "W15")
    assert check.tally.findings[0].witnesses[0].line == place + 1
    assert not check.tally.findings[1:]


def test_together_or_apart(tmp_path: Path) -> None:
    """What shares a record, and what has one of its own, is read alike, in versions 1 and 2."""
    traced_swarm(tmp_path / "together", 1)
    good_traces().write(tmp_path / "apart")
    first = good_traces()
    _as_version_1(first)
    first.write(tmp_path / "1")
    together, apart, old = (_contents(tmp_path / name) for name in ("together", "apart", "1"))
    assert together == apart == old


def _contents(folder: Path) -> list[object]:
    """What the traces of a folder say, whatever their records are, and what the checks saw of it."""
    verdict = judge_traces(folder)
    found: list[object] = [(r.check.id, r.tally.exercised) for r in verdict.results]
    for path in sorted(folder.glob("trace_*")):
        peer = int(path.stem.rpartition("_")[2])
        file = LogFile(path, path.name, peer, 0, 0)
        trace = read_trace(file, verdict.case.lives[0], 0)
        ends = [
            (
                link.name,
                link.neighbor,
                link.cause,
                link.had,
                *map(list, (link.outs.keys, link.ins.keys)),
            )
            for link in trace.ends
        ]
        draws = [
            (trace.numbers[r], trace.values[r], trace.mseqs[r]) for r in trace.rows({Code.REQUEST})
        ]
        found += [ends, draws, list(trace.downloads), trace.decisions, trace.end]
    return found


def test_traces_of_version_1(tmp_path: Path) -> None:
    """W01 to W18 read traces of version 1, whose every record says everything, and find faults in them."""
    run = good_traces()
    _as_version_1(run)
    verdict = judge_traces(run.write(tmp_path / "good"))
    assert not _found(verdict)
    assert all(result.tally.outcome is Outcome.OK for result in verdict.results)
    run.get(1003, event="downloaded_piece")["sentence"] += "!"
    assert run.fired(tmp_path / "bad") == {"W15"}
    del run.get(1004, dir="in")["t_mono"]
    assert run.fired(tmp_path / "worse") == {"W15"}


def _as_version_1(run: TracedRun) -> None:
    """Rewrite records of version 2, each have on its own, as those of version 1."""
    size = run.get(1001, kind="start")["piece_size"]
    for records in run.traces.values():
        for record in records:
            record["v"] = 1
            if record["kind"] == "event":
                record["sentence"] = SENTENCES[record["event"]].format(
                    subject=record["peer"],
                    other=record.get("neighbor"),
                    piece=record.get("piece"),
                    count=record.get("count"),
                    ids=",".join(map(str, record.get("neighbors", []))),
                )
            elif "sha" in record:
                content = run.data[record["piece"] * size :][:size]
                record["sha"] = hashlib.blake2b(content, digest_size=8).hexdigest()


def test_killed_peer_leaves_part_of_a_line(tmp_path: Path) -> None:
    """W15 takes a last line without its end for what a kill leaves; W01 and W17 can't judge it."""
    path = good_traces().write(tmp_path) / "trace_peer_1003.jsonl"
    text = path.read_bytes()
    path.write_bytes(text[: len(text) * 3 // 4])
    verdict = judge_traces(tmp_path)
    assert not _found(verdict)
    assert [r.check.id for r in verdict.results if r.tally.outcome is Outcome.UNKNOWN] == [
        "W01",
        "W17",
    ]


def test_garbage_for_a_trace(tmp_path: Path) -> None:
    """W15 reports a file that is no trace at all."""
    path = good_traces().write(tmp_path) / "trace_peer_1003.jsonl"
    path.write_bytes(bytes(range(256)) * 1000)
    assert set(_found(judge_traces(tmp_path))) == {"W15"}
    path.write_bytes(b"\x1f\x8b" + bytes(range(256)))
    assert set(_found(judge_traces(tmp_path))) == {"W15"}


@pytest.mark.parametrize("kept", [(1001,), (1002, 1004), (1003, 1005)])
def test_some_traces_are_missing(kept: tuple[int, ...], tmp_path: Path) -> None:
    """W01 to W18 judge what the traces that are there show, and blame nobody for the others."""
    run = good_traces()
    run.traces = {f"trace_peer_{peer}.jsonl": run.trace(peer) for peer in kept}
    verdict = judge_traces(run.write(tmp_path))
    assert not _found(verdict)
    assert all(result.tally.outcome is not Outcome.UNKNOWN for result in verdict.results)


def test_earlier_life_without_its_trace(tmp_path: Path) -> None:
    """W01 blames nobody for connections with a life whose trace is missing."""
    run = good_traces(3, RESTART)
    del run.traces["trace_peer_1003.jsonl.1"]
    assert not run.fired(tmp_path)


def test_edit_of_an_earlier_life(tmp_path: Path) -> None:
    """W01 reports a fault in the trace of an earlier life, by its own name."""
    run = good_traces(3, RESTART)
    records = run.traces["trace_peer_1003.jsonl.1"]
    have = next(r for r in records if r.get("type") == "have" and r["dir"] == "in")
    have["piece"] ^= 1
    report = verify([run.write(tmp_path)], Options(checks=("W01",)))
    assert "trace_peer_1003.jsonl.1:" in report.text


def test_trace_of_another_configuration(tmp_path: Path) -> None:
    """W01 to W18 leave out a trace that tells of another file, and say so."""
    run = good_traces()
    run.get(1003, kind="start")["piece_size"] = 7
    verdict = judge_traces(run.write(tmp_path))
    assert not _found(verdict)
    assert any("trace_peer_1003.jsonl is left out" in note for note in verdict.notes)


def test_peer_that_was_terminated(tmp_path: Path) -> None:
    """W17 takes every documented status for an orderly end."""
    run = good_traces()
    for status in (3, 4, 130, 143):
        run.get(1003, kind="end")["status"] = status
        assert not run.fired(tmp_path / str(status))


def test_witnesses_name_the_trace(tmp_path: Path) -> None:
    """W08 shows its witnesses as file and line, with the record itself."""
    run = good_traces()
    place = run.find(1003, type_="piece", kept=True)
    run.trace(1003)[place]["sha"] = "0123456789abcdef"
    folder = run.write(tmp_path)
    text = verify([folder], Options(checks=("W08",))).text
    assert f"trace_peer_1003.jsonl:{place + 1}  {{" in text
    found = json.loads(verify([folder], Options(checks=("W08",)), form="json").text)
    witnesses = found["runs"][0]["checks"][0]["findings"][0]["witnesses"]
    assert {"trace_peer_1003.jsonl"} <= {witness["log"] for witness in witnesses}
