"""With --lenient, recorded runs of programs that broke no rule blame nobody when their logs are cut."""

from __future__ import annotations

import random
import shutil
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from typing import TYPE_CHECKING

import pytest

from tests.kit.histories.book import HISTORIES
from tests.kit.verifier.blemishes import CUTS, empty, missing, written
from tests.kit.verifier.judging import fired
from tests.verifier.test_corpus import CLEAN
from verifier.api import verify
from verifier.findings import Severity
from verifier.judge import Options
from verifier.reading.encodings import decode

if TYPE_CHECKING:
    from pathlib import Path

KINDS = (*CUTS, missing, empty)
HIDING = {"counts-too-early"}
"""Whose counts hide that the first download is missing, so that nothing shows that a log was cut."""
NAMES = [name for name in CLEAN[HISTORIES] if name not in HIDING]


def _text(data: bytes) -> str:
    return data.decode("utf-16") if data[:2] in {BOM_UTF16_LE, BOM_UTF16_BE} else decode(data)


def blamed(name: str, seed: int, folder: Path) -> set[str]:
    """What is called an error once some logs of a recorded run were cut, but for the missing log itself."""
    shutil.copytree(HISTORIES / name, folder)
    paths = {path.name: path for path in folder.rglob("log_peer_*")}
    texts = {one: _text(path.read_bytes()) for one, path in paths.items()}
    logs = {one: text.splitlines() for one, text in texts.items() if text}
    rng = random.Random(f"{name} {seed}")
    rng.choice(KINDS)(rng, logs)
    for one, path in paths.items():
        path.unlink()
        if one in logs:
            path.write_text(written(logs[one]), encoding="utf-8", newline="\n")
    report = verify([folder], Options(lenient=True))
    return set().union(*(fired(one, Severity.ERROR) for one in report.verdicts)) - {"F01"}


@pytest.mark.parametrize("name", NAMES)
def test_cut_logs_of_real_programs_blame_nobody(name: str, tmp_path: Path) -> None:
    """Whatever a log lost, at its beginning, at its end, or all of it, proves nothing."""
    found = {seed: blamed(name, seed, tmp_path / str(seed)) for seed in range(5)}
    assert {seed: ids for seed, ids in found.items() if ids} == {}


@pytest.mark.thorough
@pytest.mark.parametrize("name", NAMES)
def test_many_cut_logs_of_real_programs_blame_nobody(name: str, tmp_path: Path) -> None:
    """The same with many cuts."""
    found = {seed: blamed(name, seed, tmp_path / str(seed)) for seed in range(5, 45)}
    assert {seed: ids for seed, ids in found.items() if ids} == {}
