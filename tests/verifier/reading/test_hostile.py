"""Whatever lies in a folder gets an answer: a documented status, no traceback, nothing that steers a terminal."""

from __future__ import annotations

import gzip
import os
import random
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kit.verifier.judging import good_run
from verifier.api import Report, verify
from verifier.cli import main
from verifier.judge import Options
from verifier.report import html, json, junit

LOG = "log_peer_1003.log"
ESCAPE = "\x1b[31m\x9b2J"
BLOCK = 1 << 20


def answer(folder: Path, text: str = "", run: str = "last") -> Report:
    """What is said of a folder: a documented status, and no check that crashed."""
    report = verify([folder], Options(lenient=True, run=run))
    assert report.status in {0, 1, 2, 3}
    for verdict in report.verdicts:
        reasons = [reason for one in verdict.results for reason in one.tally.reasons]
        assert not any("the check failed" in reason for reason in reasons)
    assert text in " ".join(report.problems) + report.text
    return report


def pipe(path: Path) -> None:
    os.mkfifo(path)


def door(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(path))


KINDS: dict[str, Callable[[Path], None]] = {
    "a pipe": pipe,
    "a socket": door,
    "a folder": Path.mkdir,
    "a link that leads nowhere": lambda path: path.symlink_to("nowhere"),
    "a link that leads nowhere ": lambda path: path.symlink_to(path.name),
    "a device": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [LOG, "Common.cfg"])
def test_what_is_no_file_is_called_what_it_is(
    name: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe, socket, device, folder or broken link named like a file is named, never waited for."""
    monkeypatch.chdir(tmp_path)
    folder = good_run().write(tmp_path)
    (folder / name).unlink()
    KINDS[kind](folder / name)
    report = answer(folder, f"{name} is {kind.strip()}, no file")
    assert "there is no log_peer" not in report.text


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    """It is refused by name."""
    folder = good_run().write(tmp_path)
    (folder / LOG).chmod(0)
    assert answer(folder, f"{LOG}: can't be read").status == 2


def test_links_to_one_file_are_read_once(tmp_path: Path) -> None:
    """Thousands of names of one log cost no more than the log, and are told."""
    folder = good_run().write(tmp_path)
    for number in range(1, 2000):
        (folder / f"{LOG}.{number}").symlink_to(LOG)
    report = answer(folder, f"{LOG}.1 is left out: it is {LOG} by another name")
    assert report.status == 0
    assert len(report.verdicts[0].case.lives) == 5


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    """A gzip file that expands beyond all measure isn't read."""
    folder = good_run().write(tmp_path)
    (folder / LOG).unlink()
    with gzip.open(folder / f"{LOG}.gz", "wb") as file:
        for _ in range(40):
            file.write(bytes(BLOCK))
    assert answer(folder, "expands to more than").status == 2


STAMP = "2026-11-22T10:00:00.000000+00:00: Peer 1003 "
FLOODS = {
    "choked": "is choked by 1001.\n",
    "unchoked": "is unchoked by 1001.\n",
    "interested": "received the 'interested' message from 1001.\n",
    "preferred": "has the preferred neighbors 1001.\n",
    "connected": "makes a connection to Peer 1001.\n",
    "downloads": "has downloaded the piece 1 from 1001. Now the number of pieces it has is 1.\n",
    "complete": "has downloaded the complete file.\n",
}


@pytest.mark.parametrize("kind", FLOODS)
def test_a_flood_ends_the_reading(kind: str, tmp_path: Path) -> None:
    """An event that is repeated beyond all measure ends the reading; the log then lacks its end."""
    folder = good_run().write(tmp_path)
    with (folder / LOG).open("a") as file:
        file.write((STAMP + FLOODS[kind]) * 12_000)
    report = answer(folder, f"note: {LOG} is read up to line")
    (life,) = (one for one in report.verdicts[0].case.lives if one.file.label == LOG)
    assert report.verdicts[0].case.ends.lost(life)


@pytest.mark.parametrize("choice", ["last", "all"])
def test_connections_that_begin_anew_without_end(choice: str, tmp_path: Path) -> None:
    """Logs that look like thousands of runs, with another number of connections at each end, are one run."""
    folder = good_run().write(tmp_path)
    for peer in (1001, 1002, 1003, 1004):
        rng, lines = random.Random(peer), []
        for number in range(4000 - 500 * (peer - 1001)):
            other = rng.choice([one for one in (1001, 1002, 1003, 1004) if one != peer])
            way = "makes a connection to" if other < peer else "is connected from"
            stamp = f"2026-11-22 {number // 3600 + 10}:{number // 60 % 60:02d}:{number % 60:02d}"
            texts = [
                f"{way} Peer {other}.",
                f"received the 'have' message from {other} for the piece 1.",
            ]
            if number % 7 == 0:
                count = f"Now the number of pieces it has is {number % 9 + 1}."
                texts.append(f"has downloaded the piece {number % 9} from {other}. {count}")
            lines += [f"{stamp}: Peer {peer} {text}\n" for text in texts]
        (folder / f"log_peer_{peer}.log").write_text("".join(lines))
    report = answer(folder, run=choice)
    assert len(report.verdicts) == 1


@pytest.mark.parametrize("seed", range(3))
def test_garbage_is_cheap(seed: int, tmp_path: Path) -> None:
    """Thousands of different lines that state nothing, prefixes without end, and noise are read over."""
    folder = good_run().write(tmp_path)
    rng = random.Random(seed)
    words = ("Peer", "1003", "received", "[", "]", "10:00:00", ":", "choked", "INFO", "neighbors")
    lines = [
        " ".join(rng.choices(words, k=rng.randint(3, 25))).encode() + b"\n" for _ in range(3000)
    ]
    lines += [b"[a] " * 400 + b"Peer 1003 is choked by 1002 x%d\n" % n for n in range(300)]
    lines += [b"x" * (3 * BLOCK) + b"\n", b"\0" * BLOCK, b"\n" * BLOCK, rng.randbytes(BLOCK)]
    with (folder / LOG).open("ab") as file:
        file.writelines(lines)
    answer(folder)


def test_steering_characters_stay_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Control characters in names of folders and files, and in the configuration, are shown as escapes."""
    run = good_run()
    run.log(1003)[40:41] = [f"{ESCAPE}what\n"]
    run.files["Common.cfg"] = [
        line.replace("TheFile.dat", f"a{ESCAPE}.dat") for line in run.files["Common.cfg"]
    ]
    folder = run.write(tmp_path / f"run{ESCAPE}" / "deep")
    (folder.parent / f"log_peer_1003{ESCAPE}").mkdir()
    (folder / f"log_peer_1009{ESCAPE}.log").write_text("")
    for target in (folder, folder.parent):
        report = verify([target], Options())
        assert report.verdicts, report.problems
        pages = [
            report.text,
            json.render(report.verdicts, report.problems, report.status),
            junit.render(report.verdicts, report.problems),
            html.render(report.verdicts, report.problems),
        ]
        for page in pages:
            assert "\x1b" not in page
            assert "\x9b" not in page
        main([str(target), "-o", str(tmp_path / "report.txt")])
    (folder / "PeerInfo.cfg").write_text(f"{ESCAPE} 1\n")
    main([str(folder)])
    main([str(tmp_path / f"nowhere{ESCAPE}")])
    told = capsys.readouterr()
    assert "\x1b" not in told.out + told.err
    assert "\x9b" not in told.out + told.err


def test_a_name_that_is_no_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder whose name isn't valid text is judged, and shown with escapes."""
    folder = good_run().write(Path(os.fsdecode(os.fsencode(tmp_path) + b"/a\xff\n")))
    assert main([str(folder)]) == 0
    assert "a\\udcff\\x0a" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["/dev/zero", "../../../../etc/passwd", "a/b", "..", "."])
def test_the_file_is_looked_for_in_its_folder_only(name: str, tmp_path: Path) -> None:
    """A FileName that is no plain name is never opened."""
    run = good_run()
    run.files["Common.cfg"] = [
        line.replace("TheFile.dat", name) for line in run.files["Common.cfg"]
    ]
    answer(run.write(tmp_path), "no plain name")


def litter(folder: Path, rng: random.Random) -> None:
    """Put something of any name, kind and content into a folder, or in the place of what is there."""
    names = ["log_peer_{}.log", "log_peer_{}.log.1", "peer_{}.log", "trace_peer_{}.jsonl"]
    names += ["log_peer_{}.log.gz", "Common.cfg", "PeerInfo.cfg", "x{}", "peer_{}", "{}\x1b.LOG"]
    path = folder / rng.choice(names).format(rng.choice([1001, 1003, 7, 10**17, 10**19]))
    if rng.random() < 0.6 and path.exists() and not path.is_dir():
        path.unlink()
    if path.exists() or path.is_symlink():
        return
    kind = rng.randrange(8)
    good = sorted(folder.glob("log_peer_*.log"))
    if kind == 0:
        os.mkfifo(path)
    elif kind == 1:
        path.mkdir()
        litter(path, rng)
    elif kind == 2:
        path.symlink_to(rng.choice(["nowhere", path.name, ".", "/dev/null", "Common.cfg"]))
    elif kind == 3:
        path.write_bytes(rng.randbytes(rng.randrange(3000)))
    elif kind == 4:
        path.write_bytes(gzip.compress(rng.randbytes(300))[: rng.randrange(400)])
    elif kind == 5 and good and good[0].is_file():
        data = good[0].read_bytes()
        path.write_bytes(data[rng.randrange(len(data) + 1) :][: rng.randrange(9000)])
    elif kind == 6:
        path.write_text("1001 a 1 1\n1002 b 2 0\n" * rng.randrange(4), encoding="utf-16")
    else:
        path.write_text(rng.choice(['{"t": 1}\n', "", "[" * 5000, "FileSize 9\n", "\n\n", "\r"]))


def fuzz(folder: Path, seed: int) -> None:
    """Judge a good run into which several things were put."""
    rng = random.Random(seed)
    good_run().write(folder)
    for _ in range(rng.randint(1, 6)):
        litter(folder, rng)
    for lenient in (False, True):
        report = verify([folder], Options(lenient=lenient, run=rng.choice(["last", "all"])))
        assert report.status in {0, 1, 2, 3}
        reasons = [why for v in report.verdicts for one in v.results for why in one.tally.reasons]
        assert not any("the check failed" in why for why in reasons), reasons
        assert "\x1b" not in report.text + "".join(report.problems)


@pytest.mark.parametrize("seed", range(12))
def test_any_folder(seed: int, tmp_path: Path) -> None:
    """Folders of any names, kinds of files and contents get a documented status."""
    fuzz(tmp_path, seed)


@pytest.mark.thorough
@pytest.mark.timeout(1800)
def test_any_of_many_folders(tmp_path: Path) -> None:
    """The same over a thousand folders."""
    for seed in range(1000, 2000):
        fuzz(tmp_path / str(seed), seed)
