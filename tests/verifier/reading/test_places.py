"""Logs and configurations are found in the encodings, under the names and in the places that programs use."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from tests.kit.verifier.judging import fired, good_run, judge
from verifier.api import verify

CONFIGS = ("Common.cfg", "PeerInfo.cfg")


def refusal(folder: Path) -> str:
    """The one message about a folder that can't be judged."""
    (problem,) = verify([folder]).problems
    return problem


def curly(text: str) -> str:
    """The quotes of the assignment's text, which Windows-1252 has."""
    return text.replace(" '", " \u2018").replace("' ", "\u2019 ")


ENCODINGS = {
    "utf-16 little with mark": lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
    "utf-16 big with mark": lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
    "utf-16 little": lambda text: text.encode("utf-16-le"),
    "utf-16 big": lambda text: text.encode("utf-16-be"),
    "utf-16 crlf": lambda text: text.replace("\n", "\r\n").encode("utf-16"),
    "utf-8 with mark": lambda text: codecs.BOM_UTF8 + text.encode(),
    "windows-1252": lambda text: curly(text).encode("cp1252"),
    "windows-1252 crlf": lambda text: curly(text).replace("\n", "\r\n").encode("cp1252"),
    "old mac": lambda text: text.replace("\n", "\r").encode(),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_encodings(encoding: str, tmp_path: Path) -> None:
    """Logs and configuration in any of them are read, and only their form is told."""
    folder = good_run().write(tmp_path)
    for path in folder.iterdir():
        path.write_bytes(ENCODINGS[encoding](path.read_text()))
    assert fired(judge(folder, lenient=True)) <= {"F02"}


def test_windows_quotes_are_no_fault(tmp_path: Path) -> None:
    """Curly quotes in Windows-1252 are those of the assignment's text."""
    folder = good_run().write(tmp_path)
    for path in folder.glob("log*"):
        path.write_bytes(curly(path.read_text()).encode("cp1252"))
    assert fired(judge(folder)) == set()


@pytest.mark.parametrize(
    "name",
    [
        "peer_{}.log",
        "log_peer_[{}].log",
        "log_peer_{}.log.txt",
        "log_peer_{}.LOG",
        "LOG_PEER_{}.LOG",
        "log_peer_{}",
        "log_peer{}.log",
        "log-peer-{}.log",
        "logPeer{}.txt",
        "Log_{}.txt",
        "{}.log",
        "peer_{}_log.txt",
        "log_peer_{}.log.log",
        "log_peer_({}).log",
        "log_peer_{}_2026-11-22.log",
        "log_peer_{}-2026-11-22T10-00-00.log",
        "log_peer_{}.log.2026-11-22",
        "2026-11-22_log_peer_{}.log",
        "log_peer_{}_11-22-2026.log",
        "log_peer_{} (1).log",
        "log_peer_{} - Copy.log",
        "log_file_peer_{}.log",
        "peerProcess_{}.log",
    ],
)
def test_names(name: str, tmp_path: Path) -> None:
    """A log under a name of its own is read, and said to be."""
    folder = good_run().write(tmp_path)
    for path in folder.glob("log_peer_*"):
        path.rename(folder / name.format(path.stem.removeprefix("log_peer_")))
    verdict = judge(folder)
    assert fired(verdict) == set()
    assert any("named otherwise" in note for note in verdict.notes)


@pytest.mark.parametrize("name", ["server.log", "10.log", "peer_7.log", "output_1003.txt"])
def test_other_files_are_no_logs(name: str, tmp_path: Path) -> None:
    """What else lies beside the logs makes no error, even if its name has a number in it."""
    folder = good_run().write(tmp_path)
    (folder / name).write_text("anything\n")
    assert fired(judge(folder)) == set()


def test_the_newest_of_dated_logs(tmp_path: Path) -> None:
    """Of several logs with dates the newest is the run's."""
    folder = good_run().write(tmp_path)
    for path in folder.glob("log_peer_*"):
        ident = path.stem.removeprefix("log_peer_")
        (folder / f"log_peer_{ident}_12-01-2025.log").write_text("2025-12-01: an older run\n")
        path.rename(folder / f"log_peer_{ident}_11-22-2026.log")
    assert fired(judge(folder)) == set()


@pytest.mark.parametrize(
    "names",
    [
        ("common.cfg", "peerinfo.cfg"),
        ("COMMON.CFG", "PEERINFO.CFG"),
        ("Common.cfg.txt", "PeerInfo.cfg.txt"),
        ("common.txt", "Peer_Info.txt"),
        ("Common", "PeerInfo"),
    ],
)
def test_configuration_in_another_case(names: tuple[str, str], tmp_path: Path) -> None:
    """Both files are found whatever their case and ending."""
    folder = good_run().write(tmp_path)
    for old, new in zip(CONFIGS, names, strict=True):
        (folder / old).rename(folder / new)
    assert fired(judge(folder)) == set()


PLACES = ["..", "../src", "../resources", "../src/main/resources", "../Config", "cfg/deep", "src"]


@pytest.mark.parametrize("place", PLACES)
def test_configuration_in_another_folder(place: str, tmp_path: Path) -> None:
    """It is found one above, in the usual places there, and below; and it is said where."""
    folder = good_run().write(tmp_path / "project" / "logs")
    (folder / place).mkdir(parents=True, exist_ok=True)
    for name in CONFIGS:
        (folder / name).rename(folder / place / name)
    verdict = judge(folder)
    assert fired(verdict) == set()
    where = (folder / place).resolve().name
    assert any(note.endswith(where) and "PeerInfo.cfg" in note for note in verdict.notes)


def test_the_nearest_configuration(tmp_path: Path) -> None:
    """Of several the one nearest to the logs is used."""
    folder = good_run().write(tmp_path / "b" / "logs")
    other = tmp_path / "a"
    other.mkdir()
    (tmp_path / "b" / "src").mkdir()
    for name in CONFIGS:
        (other / name).write_text("nonsense\n")
        (folder / name).rename(tmp_path / "b" / "src" / name)
    assert fired(judge(tmp_path)) == set()


def test_configuration_files_apart(tmp_path: Path) -> None:
    """Each of the two may lie in a folder of its own."""
    folder = good_run().write(tmp_path)
    (folder / "x").mkdir()
    (folder / "Common.cfg").rename(folder / "x" / "Common.cfg")
    verdict = judge(folder)
    assert fired(verdict) == set()
    assert len([note for note in verdict.notes if "that of" in note]) == 2


@pytest.mark.parametrize("name", CONFIGS)
def test_only_one_is_missing(name: str, tmp_path: Path) -> None:
    """It is named, with the nearest thing to it."""
    folder = good_run().write(tmp_path / "a" / "b")
    assert (folder / name).exists()
    (folder / name).unlink()
    assert f"{name} is missing beside" in refusal(folder)
    (folder / f"{name[:-5]}.cgf").write_text("")
    assert f"the nearest thing there is {name[:-5]}.cgf" in refusal(folder)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("logs_of_1001.7z", "unpacked first"),
        ("output.txt", "output.txt"),
        ("server_log_1001.dat", "server_log_1001.dat"),
    ],
)
def test_nothing_fits(name: str, said: str, tmp_path: Path) -> None:
    """The nearest thing that is there is named, beside what was expected."""
    (tmp_path / "notes.md").write_text("")
    (tmp_path / name).write_text("")
    assert said in refusal(tmp_path)
    assert "log_peer_[id].log" in refusal(tmp_path)
