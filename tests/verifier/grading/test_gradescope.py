"""An autograder for Gradescope: the file that it reads, in a folder laid out as theirs, by the scripts of the document."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.archives import zip_folder
from tests.kit.gradescope import problems
from tests.kit.verifier.judging import good_run
from tests.kit.verifier.pages import broken_run, hostile_run
from verifier.cli import main

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "grading.md"


def script(name: str) -> str:
    """A script as the document shows it."""
    text = PAGE.read_text(encoding="utf-8")
    found = re.search(rf"`{re.escape(name)}`[^\n]*\n+```bash\n(.*?)```", text, re.DOTALL)
    assert found, name
    return found[1]


@pytest.mark.parametrize("name", ["good", "broken", "hostile", "empty", "zipped", "damaged"])
def test_results_are_as_gradescope_reads_them(name: str, tmp_path: Path) -> None:
    """Whatever is handed in, results.json fits Gradescope's schema, and its tests add up to the score."""
    folder = tmp_path / "submission"
    folder.mkdir()
    if name == "good":
        good_run().write(folder)
    elif name == "broken":
        broken_run(folder)
    elif name == "hostile":
        hostile_run(folder)
    elif name == "zipped":
        zip_folder(folder / "mine.zip", good_run().write(tmp_path / "run"))
    elif name == "damaged":
        folder = tmp_path / "mine.zip"
        folder.write_bytes(b"PK\3\4")
    status = main(["grade", "--format", "gradescope", str(folder), "--out", str(tmp_path / "out")])
    assert status == (3 if name in ("empty", "damaged") else 0)
    assert [one.name for one in (tmp_path / "out").iterdir()] == ["results.json"]
    document = json.loads((tmp_path / "out" / "results.json").read_text())
    assert problems(document) == []
    tests = document["tests"]
    assert len(tests) == 8
    assert document["score"] == pytest.approx(sum(test["score"] for test in tests), abs=0.01)
    assert sum(test["max_score"] for test in tests) == 100
    for test in tests:
        assert (test["status"] == "passed") == (test["score"] == test["max_score"])
        assert test["output"].isprintable() or "\n" in test["output"]
    assert (document["score"] == 100) == (name in ("good", "zipped"))
    if name == "broken":
        (haves,) = (test for test in tests if test["name"] == "Pieces and haves")
        assert "H01 announced-to-all: fail, 0 of " in haves["output"]
        assert re.search(r"log_peer_1004\.log:\d+  .*has downloaded the piece", haves["output"])


def test_wrong_files_are_seen() -> None:
    """The schema that results are held against refuses what Gradescope does."""
    assert problems({"tests": [{"name": "x"}]}) == ["neither a score nor one of each test"]
    wrong = {"score": "1", "visibility": "all", "extra": 1, "tests": [{"score": 1, "status": "ok"}]}
    assert problems(wrong) == [
        "extra: unknown", "score: '1'", "visibility: 'all'", "tests/0/status: 'ok'",
    ]  # fmt: skip


def test_one_submission_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two submissions, or none, are wrong use for Gradescope."""
    with pytest.raises(SystemExit, match="2"):
        main(["grade", "--format", "gradescope", str(tmp_path), str(tmp_path)])
    assert main(["grade", "--format", "gradescope", str(tmp_path / "x")]) == 2
    assert "x is missing; name the folder or archive" in capsys.readouterr().err


def test_the_documents_scripts_make_an_autograder(tmp_path: Path) -> None:
    """The scripts of the document, in folders laid out as Gradescope's, write the results of what was handed in."""
    place = tmp_path / "autograder"
    source = place / "source"
    source.mkdir(parents=True)
    shutil.copytree(
        ROOT / "verifier", source / "verifier", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copytree(ROOT / "configs" / "small", source / "config")
    (place / "results").mkdir()
    good_run().write(place / "submission")
    text = script("run_autograder").replace("/autograder/", f"{place}/")
    (place / "run_autograder").write_text(text)
    assert "apt-get install -y python3.11" in script("setup.sh")
    done = subprocess.run(
        ["bash", str(place / "run_autograder")],
        env={"PATH": os.environ["PATH"], "PYTHON": sys.executable},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    document = json.loads((place / "results" / "results.json").read_text())
    assert problems(document) == []
    assert document["score"] == 100
