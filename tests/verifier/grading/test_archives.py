"""Unpacking: nothing outside the work folder is written or read, and what is left out is told."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tests.kit.archives import HOSTILE, tar_folder, zip_folder
from tests.kit.grading import grade
from tests.kit.verifier.judging import good_run
from verifier.grading import archives, members
from verifier.grading.archives import unpack
from verifier.grading.members import Budget, Member, MemberKind, Refused, parts_of, plan

TOLD = {
    "climbs.zip": "left out (names that lead outside, or too long): ../owned.log",
    "absolute.tar.gz": "left out (names that lead outside, or too long): ",
    "links.tar.gz": "left out (a link): out, log_peer_1006.log, log_peer_1007.log",
    "zip-link.zip": "left out (a link): log_peer_1006.log",
    "devices.tar": "left out (a device or pipe): log_peer_1006.log, log_peer_1007.log",
    "case.zip": "left out (there already, at most in other case): LOG_PEER_1001.log",
    "lies.zip": "left out (Bad CRC-32",
    "locked.zip": "left out (encrypted): secret.log",
    "nested.zip": "isn't unpacked: it lies in an archive in an archive",
    "names.tar.gz": "left out (names that lead outside, or too long): xxx",
    "cut.tar.gz": "the archive is cut: what lies behind the cut is missing",
}
"""Archives of which the rest is taken, and what is said of what isn't."""
REFUSED = {
    "million.zip": "its list of members, or the head of one, is larger than 16 MiB",
    "million.tar.gz": "more than 50,000 members",
    "bomb.zip": "expands to 512 MiB, where at most 256 MiB are unpacked",
    "bomb.tar.gz": "expands to more than 4,096 MiB",
    "header.tar.gz": "its list of members, or the head of one, is larger than 16 MiB",
    "no-archive.zip": "it is no zip, tar, tar.gz or tgz",
    "cut.zip": "the list of members at its end is missing: it is cut, or no zip",
    "sparse.tar.gz": "a member's size is negative",
}
"""Archives of which nothing is taken, and why."""
MILLIONS = {"million.zip", "million.tar.gz", "bomb.zip"}
"""Those that take seconds to make."""


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A good run to be put into archives."""
    return good_run().write(tmp_path / "run")


def everything(folder: Path) -> set[str]:
    """All that is below a folder, links too."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


@pytest.mark.parametrize(
    "name",
    [pytest.param(one, marks=pytest.mark.thorough if one in MILLIONS else ()) for one in HOSTILE],
)
def test_nothing_outside_is_touched(name: str, tmp_path: Path, run: Path) -> None:
    """Whatever an archive holds, only regular files below its own folder are made, and the reason is told where something is left out."""
    (tmp_path / "in").mkdir()
    HOSTILE[name](tmp_path / "in" / name, run)
    before = everything(tmp_path)
    target = tmp_path / "work" / "files"
    told, refused = [], ""
    try:
        told = unpack(tmp_path / "in" / name, target, Budget())
    except Refused as error:
        refused = str(error)
    made = everything(tmp_path) - before
    assert all(one == "work" or one.startswith("work/files") for one in made)
    for path in target.rglob("*"):
        mode = os.lstat(path).st_mode
        assert stat.S_ISREG(mode) or stat.S_ISDIR(mode)
        assert b"root:" not in (path.read_bytes() if path.is_file() else b"")
    assert refused.startswith(f"{name}: ") == (name in REFUSED)
    assert REFUSED.get(name, "") in refused
    assert TOLD.get(name, "") in " ".join(told)
    assert name in {*TOLD, *REFUSED, "empty.zip"}


def test_hostile_submissions_cost_only_themselves(tmp_path: Path, run: Path) -> None:
    """Among hostile archives each is judged or its reason told, and the good one earns all points."""
    (tmp_path / "in").mkdir()
    for name, maker in HOSTILE.items():
        if name not in MILLIONS:
            maker(tmp_path / "in" / name, run)
    zip_folder(tmp_path / "in" / "good.zip", run)
    graded = grade(tmp_path / "out", tmp_path / "in")
    assert graded.status == 3
    rows = {row["name"]: row for row in graded.overview["submissions"]}
    for name, reason in REFUSED.items():
        if name in rows:
            assert rows[name]["verdict"] == "NOT JUDGED"
            assert reason in rows[name]["remarks"][0]
    for name in TOLD.keys() - {"cut.tar.gz"} | {"good.zip"}:
        assert (rows[name]["verdict"], rows[name]["score"]) == ("PASS", 100.0), name
    assert rows["cut.tar.gz"]["remarks"][0] == archives.CUT
    assert rows["empty.zip"]["remarks"][0].startswith("no logs: ")


@pytest.mark.parametrize(
    "name",
    ["../x", "a/../../x", "/x", "//x", "C:/x", "c:x", "..\\x", "a\\..\\..\\x", "..", "a/" * 50 + "x",
     "x" * 201],
)  # fmt: skip
def test_names_stay_inside(name: str) -> None:
    """No name leads outside, whatever the system that wrote it, or is longer than names can be."""
    assert parts_of(name) is None


def test_names_are_shown_as_they_are() -> None:
    """A name keeps its parts, with its system's separators made ours and what can't be shown replaced."""
    assert parts_of("./a\\b//c d.log") == ("a", "b", "c d.log")
    assert parts_of("a\x1b[2J\n\udcff.log") == ("a_[2J__.log",)


def test_a_folder_is_taken_without_its_links(tmp_path: Path, run: Path) -> None:
    """Of a folder links, pipes and hidden folders are left where they are, also such that lead inside."""
    outside = tmp_path / "secret.log"
    outside.write_text("root:\n")
    (run / "log_peer_1006.log").symlink_to(outside)
    (run / "more").symlink_to(tmp_path)
    os.mkfifo(run / "log_peer_1007.log")
    (run / ".git").mkdir()
    (run / ".git" / "x.log").write_text("hidden\n")
    told = unpack(run, tmp_path / "work", Budget())
    assert sorted(told) == [
        "left out (a device or pipe): log_peer_1007.log",
        "left out (a link): log_peer_1006.log, more",
    ]
    assert everything(tmp_path / "work") == {path.name for path in run.glob("*_*.log")} - {
        "log_peer_1006.log", "log_peer_1007.log",
    } | {"Common.cfg", "PeerInfo.cfg"}  # fmt: skip


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.tgz", "really-a-tar.zip"])
def test_archives_are_known_by_their_content(name: str, tmp_path: Path, run: Path) -> None:
    """Each kind of archive is unpacked, also under the name of another kind."""
    path = tmp_path / name
    if name == "a.zip":
        zip_folder(path, run)
    else:
        tar_folder(path, run, mode="w" if name == "a.tar" else "w:gz")
    assert unpack(path, tmp_path / "work", Budget()) == []
    assert everything(tmp_path / "work") == everything(run)


def test_what_is_not_read_is_not_unpacked(tmp_path: Path) -> None:
    """Logs, traces, configurations and peers' copies are taken, and nothing of a project's thousands of files."""
    names = ["src/Main.java", "node_modules/x/index.js", "src/Common.cfg", "log_peer_1001.log.1",
             "peer_1001/tree.jpg", "trace_peer_1001.jsonl", "Peer1001.log.txt"]  # fmt: skip
    made = plan([Member(name, 5, MemberKind.FILE) for name in names], None, Budget())
    assert list(made.taken) == names[2:]
    assert made.remarks == []


def test_copies_are_taken_all_or_none() -> None:
    """Copies of the file that are too large are left out together, so that none seems to be missing."""
    huge = [Member(f"peer_{n}/x.iso", members.LARGEST + n, MemberKind.FILE) for n in (0, 1)]
    small = [
        Member("peer_3/x.iso", 5, MemberKind.FILE),
        Member("log_peer_1.log", 5, MemberKind.FILE),
    ]
    made = plan([*huge, *small], None, Budget())
    assert list(made.taken) == ["log_peer_1.log"]
    names = "peer_0/x.iso, peer_1/x.iso, peer_3/x.iso"
    assert made.remarks == [f"left out (copies of the file, too large to be compared): {names}"]


def test_a_submissions_archives_share_one_budget() -> None:
    """Many archives in one submission have together what one may have."""
    budget = Budget()
    log = Member("a.log", members.LARGEST, MemberKind.FILE)
    for _ in range(members.MOST_BYTES // members.LARGEST):
        plan([log], None, budget)
    with pytest.raises(Refused, match="at most 0 MiB are unpacked"):
        plan([log], None, budget)
    with pytest.raises(Refused, match="more than 50,000 members"):
        plan([Member("b.log", 0, MemberKind.FILE)] * members.MOST_MEMBERS, None, budget)
