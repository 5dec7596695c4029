"""Bad input ends with one clear message and status 2, never with a traceback."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.kit.verifier.judging import fired, good_run, judge
from verifier.api import verify
from verifier.judge import Options
from verifier.reading.files import BLOCK, LONGEST, blocks

ROOT = Path(__file__).parents[3]


def message(folder: Path, **options: Any) -> str:
    """The one problem told about a folder."""
    report = verify([folder], Options(**options))
    assert report.status == 2
    assert report.verdicts == []
    assert len(report.problems) == 1
    assert "\n" not in report.problems[0]
    return report.problems[0]


def test_missing_folder(tmp_path: Path) -> None:
    """A folder that isn't there is named."""
    assert "no such folder" in message(tmp_path / "nowhere")


def test_file_for_folder(tmp_path: Path) -> None:
    """A file given for a folder is named."""
    (tmp_path / "x").write_text("")
    assert "not a folder" in message(tmp_path / "x")


def test_no_logs(tmp_path: Path) -> None:
    """A folder without logs says what is looked for."""
    assert "log_peer_[id].log" in message(tmp_path)


def test_missing_configuration(tmp_path: Path) -> None:
    """Logs without a configuration point to --config."""
    run = good_run()
    run.files.pop("Common.cfg")
    assert "--config" in message(run.write(tmp_path / "a" / "b"))


def test_configuration_of_another_run(tmp_path: Path) -> None:
    """A configuration that lists none of the logs' peers is told."""
    run = good_run()
    run.files["PeerInfo.cfg"] = ["7 localhost 6000 1\n"]
    assert "another run" in message(run.write(tmp_path))


@pytest.mark.parametrize(
    ("name", "line", "word"),
    [
        ("Common.cfg", "FileSize many\n", "expected a number"),
        ("Common.cfg", "FileSize 0\n", "at least 1 byte"),
        ("Common.cfg", "PieceSize 1\nFileSize 99999999999\n", "at most"),
        ("Common.cfg", "PieceSize 1\nFileSize 33000000\n", "for all together"),
        ("Common.cfg", "PieceSize 10\nPieceSize 10\n", "twice"),
        ("Common.cfg", "", "missing"),
        ("PeerInfo.cfg", "1001 localhost\n", "expected `[peer id]"),
        ("PeerInfo.cfg", "", "no peer"),
    ],
)
def test_unusable_configuration(name: str, line: str, word: str, tmp_path: Path) -> None:
    """A value that can't be used is told with its file."""
    run = good_run()
    keys = {part.split()[0] for part in line.splitlines()}
    kept = (
        [old for old in run.files[name] if old.split()[0] not in keys]
        if line and name[0] == "C"
        else []
    )
    run.files[name] = [*kept, line]
    assert word in message(run.write(tmp_path))
    assert name in message(tmp_path)


def test_misspelt_key(tmp_path: Path) -> None:
    """A misspelt key is read, and noted; an unknown one is left out."""
    run = good_run()
    run.files["Common.cfg"] = [
        line.replace("Neighbors", "Neighbours") for line in run.files["Common.cfg"]
    ] + ["Colour blue\n"]
    verdict = judge(run.write(tmp_path))
    assert verdict.notes == [
        "Common.cfg:1: 'NumberOfPreferredNeighbours' is read as NumberOfPreferredNeighbors"
    ]
    assert fired(verdict) == set()


def test_unreadable_file(tmp_path: Path) -> None:
    """A log that is no valid gzip file is told."""
    run = good_run()
    run.files.pop("log_peer_1003.log")
    run.write(tmp_path)
    (tmp_path / "log_peer_1003.log.gz").write_bytes(b"\x1f\x8bgarbage")
    assert "log_peer_1003.log.gz: can't be read" in message(tmp_path)


def test_binary_garbage(tmp_path: Path) -> None:
    """Logs without any sentence can't be judged."""
    run = good_run().write(tmp_path)
    for peer in range(1001, 1006):
        (run / f"log_peer_{peer}.log").write_bytes(bytes(range(256)) * 500)
    assert "eleven sentences" in message(run)


def test_two_runs_in_subfolders(tmp_path: Path) -> None:
    """Two logs of one peer in different subfolders ask for the folder of one run."""
    good_run().write(tmp_path / "a")
    good_run().write(tmp_path / "b")
    assert "one run" in message(tmp_path, config=tmp_path / "a")


def test_run_number_too_high(tmp_path: Path) -> None:
    """A run that the logs don't hold is told."""
    assert "--run 3" in message(good_run().write(tmp_path), run="3")


def test_traces_required(tmp_path: Path) -> None:
    """--trace require without traces is told."""
    assert "trace_peer" in message(good_run().write(tmp_path), trace="require")


def test_gzip_subfolders_and_parent_configuration(tmp_path: Path) -> None:
    """Logs may be gzip'd, lie in subfolders, and have their configuration one folder up."""
    run = good_run()
    logs = {name: run.files.pop(name) for name in list(run.files) if name.startswith("log")}
    run.write(tmp_path)
    for name, lines in logs.items():
        place = tmp_path / "logs" / name.removesuffix(".log").removeprefix("log_")
        place.mkdir(parents=True)
        (place / f"{name}.gz").write_bytes(gzip.compress("".join(lines).encode()))
    assert fired(judge(tmp_path / "logs")) == set()


def test_empty_log(tmp_path: Path) -> None:
    """An empty log is named as the cause (F01), and nobody is blamed for what it doesn't show."""
    run = good_run()
    run.files["log_peer_1003.log"] = []
    verdict = judge(run.write(tmp_path))
    assert fired(verdict) == {"F01"}
    assert {"C02", "D05", "D10", "T01"} <= {one.check.id for one in verdict.unknown}


def test_damaged_lines(tmp_path: Path) -> None:
    """NUL blocks, CRLF, undecodable bytes, blank and very long lines are told and lost on nothing else."""
    folder = good_run().write(tmp_path)
    path = folder / "log_peer_1003.log"
    data = path.read_bytes().splitlines(keepends=True)
    data[5] = data[5].replace(b"\n", b"\r\n")
    data.insert(9, b"\0" * 5000 + b"\n")
    data.insert(10, b"\0" * (3 * BLOCK) + b"\n")
    data.insert(12, b"\xff\xfe\n")
    data.insert(30, b"x" * (3 * BLOCK) + b"\n")
    path.write_bytes(b"".join(data))
    verdict = judge(folder)
    assert fired(verdict) == {"F02"}


def test_a_count_on_its_own_line(tmp_path: Path) -> None:
    """D09: the count of the last piece on a line of its own doesn't part it from the line of completion."""
    run = good_run()
    lines = [line.replace(". Now", ".\nNow") for line in run.log(1003)]
    run.files["log_peer_1003.log"] = lines
    assert "D09" not in fired(judge(run.write(tmp_path / "apart")))
    place = run.find(1003, "complete file")
    stamp = lines[place].split(": ")[0]
    lines.insert(place, f"{stamp}: Peer 1003 is choked by 1001.\n")
    assert "D09" in fired(judge(run.write(tmp_path / "between")))


def test_long_lines_keep_memory_bounded(tmp_path: Path) -> None:
    """A line of many blocks is cut, and the lines after it are whole."""
    path = tmp_path / "log"
    path.write_bytes(b"a\n" + b"x" * (5 * BLOCK) + b"\nlast\nhalf")
    found = list(blocks(path))
    lines = b"".join(block.data for block in found).split(b"\n")
    assert [lines[0], lines[2], lines[3]] == [b"a", b"last", b"half"]
    assert len(lines[1]) == LONGEST
    assert found[-1].truncated


def test_appended_runs(tmp_path: Path) -> None:
    """Several runs in one file are judged run by run, the last one by default."""
    first, second = good_run(1), good_run(2)
    for peer in range(1001, 1006):
        log = second.log(peer)
        first.log(peer).extend(line.replace("2026-11-22", "2026-11-23") for line in log)
    del first.log(1003)[first.find(1003, "'have' message from 1004", 3)]
    folder = first.write(tmp_path)
    assert fired(judge(folder)) == {"F08"}
    both = verify([folder], Options(run="all")).verdicts
    assert [verdict.run for verdict in both] == ["run 1 of 2", "run 2 of 2"]
    assert "H01" in fired(both[0])
    assert fired(both[1]) == {"F08"}
    assert "H01" in fired(verify([folder], Options(run="1")).verdicts[0])


@given(st.lists(st.tuples(st.integers(0, 2000), st.binary(max_size=60)), max_size=12))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_bytes(tmp_path: Path, patches: list[tuple[int, bytes]]) -> None:
    """Whatever bytes stand in a log, the verifier ends with a status and no check crashes."""
    folder = good_run().write(tmp_path)
    data = bytearray((folder / "log_peer_1003.log").read_bytes())
    for place, patch in patches:
        data[place : place + len(patch) // 2] = patch
    (folder / "log_peer_1003.log").write_bytes(data)
    verdict = judge(folder)
    reasons = [reason for result in verdict.results for reason in result.tally.reasons]
    assert not any("failed" in reason for reason in reasons)


@given(st.data())
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_lines(tmp_path: Path, data: st.DataObject) -> None:
    """Logs of shuffled, repeated and foreign sentences crash no check either."""
    run = good_run()
    pool = [line for peer in (1001, 1003, 1004) for line in run.log(peer)]
    for peer in (1002, 1003, 1005):
        run.log(peer)[:] = [
            line.replace(": Peer 1004", f": Peer {peer}")
            for line in data.draw(st.lists(st.sampled_from(pool), max_size=60))
        ]
    for lenient in (False, True):
        verdict = judge(run.write(tmp_path), lenient=lenient)
        reasons = [reason for result in verdict.results for reason in result.tally.reasons]
        assert not any("failed" in reason for reason in reasons)


@given(st.binary(max_size=300), st.binary(max_size=300))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_configuration(tmp_path: Path, common: bytes, peers: bytes) -> None:
    """Arbitrary configuration files give a message, not a traceback."""
    folder = good_run().write(tmp_path)
    (folder / "Common.cfg").write_bytes(common)
    assert verify([folder]).status == 2
    good_run().write(tmp_path)
    (folder / "PeerInfo.cfg").write_bytes(peers)
    assert verify([folder]).status in {1, 2, 3}


def test_bare_clone(tmp_path: Path) -> None:
    """`python -m verifier` runs uninstalled, with the standard library alone."""
    folder = good_run().write(tmp_path)
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); from verifier.cli import main; sys.exit(main([{str(folder)!r}]))"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].startswith("PASS: ")
