"""Run folders: configuration, peers' folders and the seeds' file."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest

from core.config import PeerInfo, SwarmConfig
from harness.errors import HarnessError
from harness.local import runfolder
from peerio.config import load_config


def swarm(*has_file: bool, port: int = 6006, **changes: Any) -> SwarmConfig:
    peers = tuple(
        PeerInfo(1001 + n, "localhost", port + n, flag) for n, flag in enumerate(has_file)
    )
    values: dict[str, Any] = {
        "file_name": "The File.dat",
        "file_size": 1000,
        "piece_size": 64,
        **changes,
    }
    return SwarmConfig(2, 1.0, 2.0, peers=peers, **values)


def fail_on_warning(text: str) -> None:
    raise AssertionError(text)


def test_new_run_folders_differ(tmp_path: Path) -> None:
    """Two runs within a second get two folders."""
    runs = tmp_path / "runs"
    first, second = runfolder.new_run_folder(runs), runfolder.new_run_folder(runs)
    assert first != second
    assert sorted(runs.iterdir()) == sorted([first, second])


def test_latest_names_a_run_with_logs(tmp_path: Path) -> None:
    """`latest` names the newest run that has a log, and a run without one is nobody's latest."""
    runs = tmp_path / "runs"
    with pytest.raises(HarnessError, match="no run in"):
        runfolder.latest_run(runs)
    first, second = runfolder.new_run_folder(runs), runfolder.new_run_folder(runs)
    (first / "log_peer_1001.log").touch()
    for folder in (first, second):
        runfolder.point_latest_to(folder)
    assert (runs / "latest").resolve() == runfolder.latest_run(runs) == first.resolve()
    (second / "log_peer_1001.log").touch()
    runfolder.point_latest_to(second)
    assert runfolder.latest_run(runs) == second.resolve()
    (second / "log_peer_1001.log").unlink()
    assert runfolder.latest_run(runs) == first


def test_what_is_given_up_early_leaves_nothing(tmp_path: Path) -> None:
    """A run that is given up before there is a log leaves no folder; one with a log stays."""
    for has_log in (False, True):
        folder = runfolder.new_run_folder(tmp_path)
        with pytest.raises(KeyboardInterrupt), runfolder.gone_unless_logged(folder):  # noqa: PT012
            (folder / "Common.cfg").touch()
            if has_log:
                (folder / "log_peer_1001.log").touch()
            raise KeyboardInterrupt
        assert folder.exists() == has_log


def test_fill_writes_what_peers_read(tmp_path: Path) -> None:
    """The folder holds the same configuration and a folder for each peer (spec 1.1)."""
    config = swarm(True, False)
    runfolder.fill(tmp_path, config, source=None, random_seed=1)
    assert load_config(tmp_path, warn=fail_on_warning) == config
    assert list((tmp_path / "peer_1002").iterdir()) == []


def test_seeds_get_the_same_content(tmp_path: Path) -> None:
    """Every seed has the whole file, with content that the random seed decides (spec 9.1)."""
    contents = []
    for name, random_seed in (("a", 1), ("b", 1), ("c", 2)):
        folder = tmp_path / name
        folder.mkdir()
        runfolder.fill(folder, swarm(True, False, True), source=None, random_seed=random_seed)
        first, second = (folder / f"peer_{n}" / "The File.dat" for n in (1001, 1003))
        assert first.read_bytes() == second.read_bytes()
        contents.append(first.read_bytes())
    assert len(contents[0]) == 1000
    assert contents[0] == contents[1] != contents[2]


@pytest.mark.parametrize("across", [False, True])
def test_a_real_file_is_linked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, across: bool
) -> None:
    """A real file is linked, by a symbolic link where a hard one can't be, and never changed."""
    source = tmp_path / "thing.iso"
    source.write_bytes(b"abc" * 100)
    if across:

        def refuse(_self: Path, _target: Path) -> None:
            raise OSError(errno.EXDEV, "Invalid cross-device link")

        monkeypatch.setattr(Path, "hardlink_to", refuse)
    monkeypatch.chdir(tmp_path)
    config = runfolder.with_file(swarm(True, False), Path("thing.iso"))
    assert (config.file_name, config.file_size) == ("thing.iso", 300)
    folder = tmp_path / "run"
    folder.mkdir()
    runfolder.fill(folder, config, source=Path("thing.iso"), random_seed=0)
    copy = folder / "peer_1001" / "thing.iso"
    assert copy.samefile(source)
    assert copy.is_symlink() == across
    assert source.read_bytes() == b"abc" * 100


def test_file_that_is_not_there(tmp_path: Path) -> None:
    """A file that is missing, a folder or empty can't be shared, and the message names it."""
    empty = tmp_path / "empty"
    empty.touch()
    for path, words in (
        (tmp_path / "x", "no such file"),
        (tmp_path, "it is a folder"),
        (empty, "empty"),
    ):
        with pytest.raises(HarnessError, match=words):
            runfolder.with_file(swarm(True), path)


def test_file_name_that_no_peer_could_read(tmp_path: Path) -> None:
    """A name that Common.cfg can't hold is refused before any peer starts (spec 1.5)."""
    with pytest.raises(HarnessError, match="FileName"):
        runfolder.fill(tmp_path, swarm(True, file_name="a..b"), source=None, random_seed=0)


def test_piece_size_that_no_peer_could_read(tmp_path: Path) -> None:
    """What the options made of the configuration is read back and judged by the peers' rules."""
    with pytest.raises(HarnessError, match="PieceSize"):
        runfolder.fill(tmp_path, swarm(True, piece_size=2**31 + 1), source=None, random_seed=0)


def test_fewer_peers() -> None:
    """`--peers` with a smaller number takes the first ones."""
    config = runfolder.with_peers(swarm(True, False, False), 2)
    assert [peer.peer_id for peer in config.peers] == [1001, 1002]


def test_more_peers() -> None:
    """`--peers` with a greater number adds leechers, whose ports leave 6008 out."""
    config = runfolder.with_peers(swarm(True, False), 4)
    assert [(p.peer_id, p.port, p.has_file) for p in config.peers] == [
        (1001, 6006, True),
        (1002, 6007, False),
        (1003, 6009, False),
        (1004, 6010, False),
    ]


def test_peers_without_a_seed() -> None:
    """`--peers` that leaves the seed out is refused."""
    with pytest.raises(HarnessError, match="none of the first 1 peers has the file"):
        runfolder.with_peers(swarm(False, True), 1)


def test_find_config(tmp_path: Path) -> None:
    """`--config` is a name under configs/ or any folder; anything else is told with the names."""
    assert runfolder.find_config("small") == runfolder.CONFIGS / "small"
    (tmp_path / "Common.cfg").touch()
    assert runfolder.find_config(str(tmp_path)) == tmp_path
    with pytest.raises(HarnessError, match=r"'nope'.*assignment, small, three-laptops, two-seeds"):
        runfolder.find_config("nope")


def test_unusable_configuration_is_named(tmp_path: Path) -> None:
    """What is wrong with a configuration is told with its folder."""
    with pytest.raises(HarnessError, match=str(tmp_path)):
        runfolder.read_config(tmp_path, warn=fail_on_warning)
