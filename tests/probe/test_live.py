"""The probe on real programs: right ones, wrong ones, and some that would hurt the machine."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.kit.markdown import ROOT

pytestmark = pytest.mark.swarm
REFERENCE = f"{sys.executable} -m tests.reference.peer {{id}} --workdir {{dir}}"
SCREENS = Path(__file__).parent / "screens"


def probe(*arguments: str, out: Path) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "probe",
        *arguments,
        "--quiet",
        "--copy",
        "none",
        "--out",
        str(out),
    ]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, env=environment, text=True, capture_output=True, timeout=110, check=False)  # fmt: skip


def wrong(fault: str) -> str:
    return f"{sys.executable} -m tests.kit.probe.variants.program {fault} {{id}} --workdir {{dir}}"


def test_a_right_program_is_not_blamed(tmp_path: Path) -> None:
    """Short sessions find nothing in the reference peer."""
    done = probe(REFERENCE, "segment", "trickle", "odd-type", "exact", out=tmp_path / "o")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASS" in done.stdout


def test_a_dialect_ends_it_at_once(tmp_path: Path) -> None:
    """A program whose lengths leave out the type byte gets that one sentence, within 6 s of a quiet machine."""
    done = probe(wrong("payload-length"), out=tmp_path / "o")
    assert done.returncode == 2
    assert "leaves out the type byte" in done.stdout
    assert "you sent    00 00 00 02 05 ff e0" in done.stdout
    assert {one.name for one in (tmp_path / "o").iterdir()} == {".probe", "contact-seed", "contact-leecher"}  # fmt: skip


def test_a_wrong_program_is_shown_its_conversation(tmp_path: Path) -> None:
    """A fault is told with the case made for it and the messages that show it."""
    done = probe(wrong("double-requests"), "RQ-03", out=tmp_path / "o")
    assert done.returncode == 1
    assert "RQ-03" in done.stdout
    assert re.search(r"1001 <- request \d+", done.stdout)
    assert "1001 -> unchoke" in (tmp_path / "o" / "fetch" / "conversation.txt").read_text()


def test_last_words_are_quoted(tmp_path: Path) -> None:
    """A program that doesn't come up is quoted, with exit status 2."""
    done = probe(f"{sys.executable} -c 'import nothing_here' {{id}}", out=tmp_path / "o")
    assert done.returncode == 2
    assert "No module named 'nothing_here'" in done.stdout


TWO_CONNECTIONS = """
import socket, sys, threading
rows = [line.split() for line in open("PeerInfo.cfg")]
at = [row[0] for row in rows].index(sys.argv[1])
def greet(row):
    far = socket.create_connection((row[1], int(row[2])))
    far.sendall(b"P2PFILESHARINGPROJ" + bytes(10) + int(sys.argv[1]).to_bytes(4, "big"))
    return far
def answer(near):
    who = int.from_bytes(near.recv(32)[28:], "big")
    far = greet(next(row for row in rows if int(row[0]) == who))
    near.recv(1), far.recv(1)
door = socket.create_server(("", int(rows[at][2])))
dialled = [greet(row) for row in rows[:at]]
while True:
    threading.Thread(target=answer, args=(door.accept()[0],)).start()
"""


def test_an_answer_on_another_connection_is_named(tmp_path: Path) -> None:
    """A program that answers on a connection that it makes itself is told so, and nothing else."""
    script = tmp_path / "two.py"
    script.write_text(TWO_CONNECTIONS)
    done = probe(f"{sys.executable} {script} {{id}}", "contact-seed", out=tmp_path / "o")
    assert done.returncode == 2
    assert done.stdout.startswith("CN-02")
    assert "make another one to 1002" in " ".join(done.stdout.split())


NASTY = """
import os, signal, sys, time
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(number, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0: time.sleep(1000)
    os._exit(0)
time.sleep(1000)
"""


def left_of(mark: str) -> list[int]:
    """Processes with a mark on their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_behind(number: int, tmp_path: Path) -> None:
    """However the probe ends, everything that a program started ends within 2 s, though it forks, regroups and ignores signals."""
    script = tmp_path / "nasty-one.py"
    script.write_text(NASTY)
    command = [sys.executable, "-m", "probe", f"{sys.executable} {script} {{id}}", "--quiet", "--copy", "none", "--out", str(tmp_path / "o")]  # fmt: skip
    started = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    mark = f"{script}\0"
    deadline = time.monotonic() + 30
    while len(left_of(mark)) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(left_of(mark)) >= 3
    started.send_signal(number)
    status = started.wait(20)
    assert status == {signal.SIGKILL: -9, signal.SIGINT: 130, signal.SIGTERM: 143}[signal.Signals(number)]  # fmt: skip
    deadline = time.monotonic() + 10
    while left_of(mark) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left_of(mark)


PREPARED = {
    "payload-length": "FR-01",
    "lowest-bit-first": "BF-01",
    "serves-choked": "SV-01",
    "double-requests": "RQ-03",
    "no-have-to-sender": "HV-01",
    "never-ends": "EN-02",
    "no-optimistic": "CH-09",
    "waits-for-bitfield": "CN-03",
}


@pytest.mark.thorough
@pytest.mark.parametrize("fault", PREPARED)
def test_first_screens(fault: str, tmp_path: Path) -> None:
    """The first screen has at most 30 lines, names the root cause first, and says it in the words that are kept here."""
    done = probe(wrong(fault), out=tmp_path / "o")
    diagnosis = fault == "payload-length"
    assert done.returncode == (2 if diagnosis else 1)
    assert len(done.stdout.splitlines()) <= 30
    first = (done.stdout if diagnosis else done.stdout.split("\n\n")[1]).splitlines()
    told = " ".join(" ".join(line for line in first if not re.match(r" {6}", line)).split())
    golden = " ".join((SCREENS / f"{fault}.txt").read_text(encoding="utf-8").split())
    assert PREPARED[fault] in "".join(first[:4])
    assert re.sub(r"\d+", "0", told).startswith(golden)


@pytest.mark.thorough
def test_no_case_blames_a_right_program(tmp_path: Path) -> None:
    """All cases on the reference peer: nothing broken, no warning."""
    done = probe(REFERENCE, "--strict", out=tmp_path / "o")
    assert done.returncode in {0, 3}, done.stdout
    assert "0 broken" in done.stdout
