"""The matrix of variants and cases: what the probe says of each.

    python -m tests.kit.probe.variants.matrix [--jobs N] [--repeat N] [--write] [VARIANT ...]

`matrix.txt` has a line a variant: its name, the case made for it, and the cases that aren't kept.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.kit.probe.variants.kit import VARIANTS
from tests.kit.probe.variants.program import RIGHT

ROOT = Path(__file__).parents[4]
PAGE = Path(__file__).with_name("matrix.txt")
BAD = ("broken", "warning")
OTHERS = ("blocked", "undecided", "not exercised")
SECONDS = 200


@dataclass(frozen=True)
class Row:
    """What came of the cases with one variant; cases that were kept aren't in it."""

    name: str
    case: str
    cells: dict[str, str]

    @property
    def bad(self) -> set[str]:
        """The cases that report it."""
        return {case for case, outcome in self.cells.items() if outcome in BAD}

    @property
    def alone(self) -> bool:
        """Whether its own case reports it, and no other."""
        return self.bad == {self.case}

    def __str__(self) -> str:
        parts = [f"{self.name} {self.case}"]
        for outcome in (*BAD, *OTHERS):
            cases = sorted(case for case, one in self.cells.items() if one == outcome)
            if cases:
                parts.append(f"{outcome}: {' '.join(cases)}")
        return "; ".join(parts)


def parse(line: str) -> Row:
    """A line of `matrix.txt`."""
    head, *parts = line.split("; ")
    name, case = head.split()
    cells: dict[str, str] = {}
    for part in parts:
        outcome, _, cases = part.partition(": ")
        cells |= dict.fromkeys(cases.split(), outcome)
    return Row(name, case, cells)


def committed() -> dict[str, Row]:
    """The matrix as it is kept."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    return {row.name: row for row in map(parse, lines)}


def command_of(name: str) -> str:
    """Starts one peer of a variant."""
    return f"{sys.executable} -m tests.kit.probe.variants.program {name} {{id}} --workdir {{dir}}"


def case_of(name: str) -> str:
    """The case made for a variant; `-` for the right peer."""
    return VARIANTS[name].case if name != RIGHT else "-"


def hold(name: str, *words: str, jobs: int = 8) -> Row:
    """Probe one variant, all cases or those that are named."""
    with tempfile.TemporaryDirectory(prefix="matrix-") as folder:
        report = Path(folder, "report.json")
        command = [
            sys.executable, "-m", "probe", command_of(name), *words, "--copy", "none", "--quiet",
            "--jobs", str(jobs), "--format", "json", "-o", str(report), "--out", f"{folder}/out",
        ]  # fmt: skip
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            text=True,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
        assert report.exists(), done.stdout + done.stderr
        found = json.loads(report.read_text(encoding="utf-8"))
    if found["diagnosis"]:
        return Row(name, case_of(name), {found["diagnosis"]["case"]: "broken"})
    kept = {"kept", "info"}
    cells = {one["id"]: one["outcome"] for one in found["cases"] if one["outcome"] not in kept}
    return Row(name, case_of(name), cells)


def unlike(first: Row, second: Row) -> list[str]:
    """The cells in which two rows differ."""
    cases = sorted(first.cells.keys() | second.cells.keys())
    return [
        f"{first.name} {case}: {first.cells.get(case, 'kept')} -> {second.cells.get(case, 'kept')}"
        for case in cases
        if first.cells.get(case) != second.cells.get(case)
    ]


def summary(rows: list[Row]) -> str:
    """How many variants are reported, and by what."""
    wrong = [row for row in rows if row.name != RIGHT]
    own = [row for row in wrong if row.case in row.bad]
    alone = [row for row in wrong if row.alone]
    lines = [
        f"{len(wrong)} variants: {sum(bool(row.bad) for row in wrong)} reported, {len(own)} by the case made for them, {len(alone)} by that case alone"
    ]
    lines += [f"not by its own case: {row}" for row in wrong if row not in own]
    lines += [f"the right one is blamed: {row}" for row in rows if row.name == RIGHT and row.bad]
    return "\n".join(lines)


def main() -> int:
    """Hold them, several at once; compare with what is kept, or write that anew."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("names", nargs="*", metavar="VARIANT")
    parser.add_argument("--at-once", type=int, default=2, help="variants probed at once")
    parser.add_argument("--jobs", type=int, default=8, help="sessions at once for each")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="keep what came of it")
    options = parser.parse_args()
    names = options.names or [RIGHT, *sorted(VARIANTS)]
    kept = committed() if PAGE.exists() else {}
    rows: dict[str, Row] = {}
    differing: list[str] = []
    with concurrent.futures.ThreadPoolExecutor(options.at_once) as pool:
        for _ in range(options.repeat):
            for row in pool.map(lambda name: hold(name, jobs=options.jobs), names):
                print(row, flush=True)
                before = rows.get(row.name) or kept.get(row.name)
                if before:
                    differing += unlike(before, row)
                rows.setdefault(row.name, row)
    print(summary(list(rows.values())))
    print(f"{len(differing)} cells differ from before:", *differing, sep="\n  ")
    if options.write:
        lines = [f"{row}\n" for _, row in sorted((kept | rows).items())]
        PAGE.write_text("".join(lines), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
