"""Finding: what is a submission, which logs belong together, and which configuration is theirs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.kit.archives import tar_folder, zip_folder
from tests.kit.grading import grade
from tests.kit.verifier.judging import good_run
from verifier.grading.runsets import find_sets, label_of
from verifier.grading.submissions import find_submissions, slug_of
from verifier.reading.config import InputError


def lay(root: Path, *names: str) -> Path:
    """Files that hold their own name."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return root


def sets(root: Path) -> dict[str, list[int]]:
    """The sets that are found, by label, with the peers whose logs they hold."""
    found, _ = find_sets(root)
    return {label_of(root, one): sorted(one.peers) for one in found}


def test_folders_and_archives_are_submissions(tmp_path: Path) -> None:
    """Each folder and archive directly below a folder is a submission, and the rest is told or of no interest."""
    lay(tmp_path, "alice/x", "Bob.ZIP", "carol.tar.gz", "dora.tgz", "erin.tar", "notes.txt",
        "frank.rar", "log_peer_1001.log", "__MACOSX/x", ".git/x", "grades/index.html")  # fmt: skip
    (tmp_path / "gina").symlink_to(tmp_path / "alice")
    found = find_submissions([tmp_path], tmp_path / "grades")
    assert [one.name for one in found.submissions] == [
        "alice", "Bob.ZIP", "carol.tar.gz", "dora.tgz", "erin.tar",
    ]  # fmt: skip
    assert [remark.split(" ")[0] for remark in found.remarks] == [
        "frank.rar", "gina", "log_peer_1001.log",
    ]  # fmt: skip


def test_several_paths_are_told_apart(tmp_path: Path) -> None:
    """Submissions of the same name below two paths have both paths' names, and files of their own."""
    lay(tmp_path, "monday/alice/x", "friday/alice/x", "friday/ALICE/x")
    found = find_submissions([tmp_path / "monday", tmp_path / "friday"])
    assert [one.name for one in found.submissions] == [
        "monday/alice", "friday/ALICE", "friday/alice",
    ]  # fmt: skip
    assert len({one.slug.casefold() for one in found.submissions}) == 3


def test_names_of_files_are_harmless() -> None:
    """A submission's files have names of plain characters, whatever its own is, and no two the same."""
    taken: set[str] = set()
    slugs = [slug_of(name, taken) for name in ("../x", "..", "a b/<c>", "A B/<c>", "ü" * 99, "")]
    assert slugs == ["_x", "submission", "a_b_c_", "A_B_c_-2", "_", "submission-2"]


@pytest.mark.parametrize(
    ("names", "problem"),
    [((), "no folder or archive directly below it"), (("log_peer_1001.log",), "a submission itself?")],
)  # fmt: skip
def test_nothing_to_grade_is_told(names: tuple[str, ...], problem: str, tmp_path: Path) -> None:
    """A folder without submissions is one message, which knows when it is a submission itself."""
    lay(tmp_path, *names)
    with pytest.raises(InputError, match=problem.replace("?", r"\?")):
        find_submissions([tmp_path])
    with pytest.raises(InputError, match="nowhere is missing"):
        find_submissions([tmp_path / "nowhere"])


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["log_peer_1.log", "log_peer_2.log"], {"the top folder": [1, 2]}),
        (["p/logs/log_peer_1.log", "p/logs/LOG_PEER_2.LOG"], {"p/logs": [1, 2]}),
        (["peer_1/log_peer_1.log", "peer_2/log_peer_2.log"], {"the top folder": [1, 2]}),
        (["a/log_peer_1.log", "b/log_peer_2.log"], {"the top folder": [1, 2]}),
        (["a/log_peer_1.log", "a/log_peer_2.log", "b/log_peer_3.log"], {"the top folder": [1, 2, 3]}),
        (
            ["run1/log_peer_1.log", "run1/log_peer_2.log", "run2/log_peer_1.log", "run2/log_peer_2.log"],
            {"run1": [1, 2], "run2": [1, 2]},
        ),
        (
            ["r/1/peer_1/log_peer_1.log", "r/1/peer_2/log_peer_2.log",
             "r/2/peer_1/log_peer_1.log", "r/2/peer_2/log_peer_2.log"],
            {"r/1": [1, 2], "r/2": [1, 2]},
        ),
        (
            ["peer_1/log_peer_1.log", "peer_2/log_peer_2.log", "old/log_peer_1.log"],
            {"the top folder": [1, 2], "old": [1]},
        ),
        (
            ["s/log_peer_1.log", "s/log_peer_2.log", "s/Common.cfg", "s/PeerInfo.cfg",
             "t/log_peer_3.log", "t/log_peer_4.log", "t/Common.cfg", "t/PeerInfo.cfg"],
            {"s": [1, 2], "t": [3, 4]},
        ),
        (["/".join("abcdefghijkl") + "/log_peer_1.log"], {"a/b/c/d/e/f/g/h/i/j/k/l": [1]}),
        (["readme.txt"], {}),
    ],
)  # fmt: skip
def test_logs_that_belong_together(
    names: list[str], expected: dict[str, list[int]], tmp_path: Path
) -> None:
    """Logs of one run are found together wherever they lie, and runs in folders beside each other apart."""
    assert sets(lay(tmp_path, *names)) == expected


def test_the_same_logs_count_once(tmp_path: Path) -> None:
    """A set of logs that lies in a submission twice, as in a build's folder, is one run, and that is told."""
    lay(tmp_path / "src", "log_peer_1.log", "log_peer_2.log")
    shutil.copytree(tmp_path / "src", tmp_path / "out" / "classes")
    found, remarks = find_sets(tmp_path)
    assert [label_of(tmp_path, one) for one in found] == ["src"]
    assert remarks == ["out/classes holds the logs of src again"]


def test_configurations_are_found(tmp_path: Path) -> None:
    """The configuration is found in `src`, under other names, beside a wrong one, and named for those without."""
    run = good_run().write(tmp_path / "run")
    work = tmp_path / "in"
    for name, folder in (
        ("src", "src"),
        ("lower", "project/cfg"),
        ("wrong", "right"),
        ("none", ""),
    ):
        shutil.copytree(run, work / name / "logs")
        for file in ("Common.cfg", "PeerInfo.cfg"):
            source = work / name / "logs" / file
            if folder:
                target = work / name / folder / (file.lower() if name == "lower" else file)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target)
            source.unlink()
    wrong = work / "wrong" / "another"
    shutil.copytree(work / "wrong" / "right", wrong)
    (wrong / "PeerInfo.cfg").write_text("7 localhost 6001 1\n8 localhost 6002 0\n")
    graded = grade(tmp_path / "out", work)
    assert graded.status == 3
    assert {row["name"]: row["score"] for row in graded.overview["submissions"]} == {
        "lower": 100.0, "none": 0.0, "src": 100.0, "wrong": 100.0,
    }  # fmt: skip
    assert "name the configuration with --config DIR" in graded.line("none")
    (found,) = graded.document("lower")["sets"]
    assert found["configuration"] == "project/cfg/common.cfg, project/cfg/peerinfo.cfg"
    again = grade(tmp_path / "out", work, "--config", run)
    assert again.status == 0
    assert again.row("none")["score"] == 100.0


def test_several_runs_are_each_judged(tmp_path: Path) -> None:
    """Runs in folders of their own, in archives inside, and appended to the same files are told apart and all judged."""
    work = tmp_path / "in" / "alice"
    work.mkdir(parents=True)
    one, two = (good_run(seed).write(tmp_path / f"run{seed}") for seed in (1, 2))
    shutil.copytree(one, work / "first")
    zip_folder(work / "second.zip", two)
    (tmp_path / "both").mkdir()
    for path in one.iterdir():
        later = (two / path.name).read_text().replace("2026-11-22", "2026-11-23")
        text = path.read_text() + (later if path.suffix == ".log" else "")
        (tmp_path / "both" / path.name).write_text(text)
    tar_folder(work / "appended.tgz", tmp_path / "both")
    graded = grade(tmp_path / "out", tmp_path / "in")
    document = graded.document("alice")
    assert [run["label"] for run in document["runs"]] == [
        "appended.tgz.unpacked, run 1 of 2",
        "appended.tgz.unpacked, run 2 of 2",
        "first",
        "second.zip.unpacked",
    ]
    assert [run["verdict"] for run in document["runs"]] == ["PASS", "PASS", "PASS", "PASS"]
    assert document["counted"] == 3
    assert graded.row("alice")["run_count"] == 4
    assert graded.row("alice")["remarks"][0] == "4 runs, the best counts: second.zip.unpacked"
