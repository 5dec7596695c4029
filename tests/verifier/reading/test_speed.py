"""How fast logs are judged, as a ratio to reading them with grep, and with how little memory."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.kit.verifier.judging import faults, judge
from tests.kit.verifier.synthetic import write

ROOT = Path(__file__).parents[3]


@pytest.mark.thorough
@pytest.mark.timeout(300)
def test_ratio_to_grep(tmp_path: Path) -> None:
    """Five million lines are judged at no less than a fiftieth of grep's line rate."""
    lines = write(tmp_path, 50, 2000)
    logs = sorted(map(str, tmp_path.glob("*.log")))
    begun = time.perf_counter()
    # Into a pipe: what goes to /dev/null is as good as unasked for, and grep stops at one match.
    subprocess.run(["grep", "-c", "received the 'have'", *logs], stdout=subprocess.PIPE, check=True)
    grep = time.perf_counter() - begun
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "verifier", str(tmp_path)], cwd=ROOT, check=False)
    took = time.perf_counter() - begun
    print(
        f"{lines} lines: {lines / took:.0f} a second, grep {lines / grep:.0f}, ratio 1/{took / grep:.0f}"
    )
    assert done.returncode == 0
    assert took < 50 * grep


@pytest.mark.parametrize("whole_seconds", [False, True])
def test_synthetic_logs_are_good(whole_seconds: bool, tmp_path: Path) -> None:
    """The logs that speed is measured with break no rule, so that nothing is cut short; with whole
    seconds the circles of G01 are looked for by replaying, not by the clocks.
    """
    write(tmp_path, 8, 60, whole_seconds=whole_seconds)
    verdict = judge(tmp_path)
    assert faults(verdict) == []
    assert verdict.case.clocks.certain() is not whole_seconds


def test_repeats_take_no_memory(tmp_path: Path) -> None:
    """A log that repeats its haves without end keeps one of each (memory grows with peers and pieces)."""
    write(tmp_path, 3, 20)
    path = tmp_path / "log_peer_1001.log"
    text = path.read_text()
    have = next(line for line in text.splitlines(keepends=True) if "'have'" in line)
    path.write_text(text + have * 30_000)
    verdict = judge(tmp_path)
    conn = verdict.case.lives[0].columns.conns
    assert sum(one.haves for one in conn) == 40
    assert verdict.case.lives[0].columns.have_count == 30_040
