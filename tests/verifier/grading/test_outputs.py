"""The outputs of a grading agree: lines on the terminal, CSV, pages and JSON, number by number."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.kit.archives import HOSTILE
from tests.kit.grading import Graded, grade
from tests.kit.verifier.judging import good_run
from tests.kit.verifier.pages import HOSTILE as MARKUP
from tests.kit.verifier.pages import Page, broken_run, hostile_run
from verifier.cli import main
from verifier.grading.csv import harmless


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Graded:
    """Submissions of many kinds, graded once."""
    place = tmp_path_factory.mktemp("grading")
    work = place / "in"
    good_run().write(work / "good")
    good_run().write(work / "=1+2")
    good_run().write(work / "ünï")
    broken_run(work / "broken")
    hostile_run(work / "hostile")
    (work / "absent").mkdir()
    HOSTILE["cut.tar.gz"](work / "cut.tar.gz", work / "good")
    run = good_run()
    del run.files["log_peer_1005.log"]
    run.log(1004)[-1] = run.log(1004)[-1][:-9]
    run.write(work / "several" / "one")
    good_run(2).write(work / "several" / "two")
    return grade(place / "out", work)


def resolved(document: Any, pointer: str) -> Any:
    """What stands at a JSON pointer."""
    for key in pointer.split("/")[1:]:
        document = document[int(key) if isinstance(document, list) else key]
    return document


def check_numbers(page: Page, document: Any) -> int:
    """Hold each number of a page against the document that it names; how many there are."""
    numbers = page.all("data")
    for one in numbers:
        value = resolved(document, one.attributes["data-json"])
        assert float(one.attributes["value"]) == value
        assert float(one.text) == pytest.approx(value, abs=0.0051)
    return len(numbers)


def test_all_outputs_agree(graded: Graded) -> None:
    """Each submission has the same verdict, score, points, peers, rules and remarks in all that is written."""
    index = Page((graded.out / "index.html").read_text(encoding="utf-8"))
    cells = {one["submission"].removeprefix("'"): one for one in graded.cells()}
    rows = graded.overview["submissions"]
    assert [row["name"] for row in rows] == sorted(cells, key=str.casefold)
    parts = [one["name"] for one in graded.overview["parts"]]
    for row in rows:
        cell, document = cells[row["name"]], graded.document(row["name"])
        for key in (
            "verdict",
            "score",
            "most",
            "complete",
            "peers",
            "rules",
            "warnings",
            "remarks",
        ):
            assert document[key] == row[key]
        assert [one["points"] for one in document["parts"]] == row["parts"]
        assert row["score"] == pytest.approx(
            min(sum(row["parts"]), row["score"] if document["capped"] else 100), abs=0.005
        )
        assert cell["verdict"] == row["verdict"]
        assert [float(cell[name]) for name in ("score", "of", *parts)] == [
            row["score"], row["most"], *row["parts"],
        ]  # fmt: skip
        assert (int(cell["peers complete"]), int(cell["peers"])) == (row["complete"], row["peers"])
        assert int(cell["runs"]) == row["run_count"] == len(document["runs"])
        assert cell["violated rules"].split() == row["rules"]
        assert cell["warnings"].split() == row["warnings"]
        assert cell["remarks"] == harmless("; ".join(row["remarks"]))
        line = graded.line(row["name"])
        assert re.search(rf" {row['verdict']} +{row['score']:.2f}/100 ", line)
        if row["peers"]:
            assert f" {row['complete']}/{row['peers']} peers " in line
        assert set(row["rules"]) == set(re.findall(r"\b[FCIKDHTGW]\d\d\b", line))
        assert not row["remarks"] or row["remarks"][0][:90] in line
    assert check_numbers(index, graded.overview) >= len(rows) * 9


def test_pages_agree_with_their_documents(graded: Graded) -> None:
    """Each number of a submission's page is the one in its JSON, and each broken rule comes with lines and explanation."""
    for row in graded.overview["submissions"]:
        document = graded.document(row["name"])
        source = (graded.out / "submissions" / f"{row['slug']}.html").read_text(encoding="utf-8")
        page = Page(source)
        assert check_numbers(page, document) >= 10
        titles = " ".join(one.text for one in page.all("h3"))
        pres = " ".join(one.text for one in page.all("pre"))
        for rule in row["rules"]:
            assert f" {rule} " in titles
            assert f"{rule} " in pres
        for run in document["runs"]:
            for check in run["checks"]:
                for finding in check["findings"] if check["errors"] else []:
                    assert all(
                        f"{one['log']}:{one['line']}" in source for one in finding["witnesses"]
                    )


def test_the_index_leads_to_the_pages(graded: Graded) -> None:
    """Each row of the index leads to a page that is there, and back; nothing else is loaded or linked."""
    index = Page((graded.out / "index.html").read_text(encoding="utf-8"))
    links = [one.attributes["href"] for one in index.all("a")]
    assert len(links) == len(graded.overview["submissions"])
    for link in links:
        page = Page((graded.out / link).read_text(encoding="utf-8"))
        assert page.all("a", href="../index.html")
        assert (graded.out / link).with_suffix(".json").exists()
        assert not [one for one in page.elements if one.tag in {"link", "img", "iframe"}]
        assert not [one for one in page.elements if "src" in one.attributes]


def test_remarks_say_what_to_know(graded: Graded) -> None:
    """Missing and cut logs, several runs, and submissions without logs are remarked."""
    assert graded.row("absent")["remarks"] == [
        "no logs: expected files named log_peer_[id].log; nothing is there that could be one"
    ]
    several = graded.document("several")
    assert [run["label"] for run in several["runs"]] == ["one", "two"]
    assert graded.row("several")["remarks"][0] == "2 runs, the best counts: two"
    assert graded.row("cut.tar.gz")["remarks"][0].startswith("the archive is cut")
    assert "no log of " in " ".join(graded.row("cut.tar.gz")["remarks"])


def test_markup_stays_text(graded: Graded) -> None:
    """Markup in a log and in a folder's name is text on every page."""
    for path in graded.out.rglob("*.html"):
        page = Page(path.read_text(encoding="utf-8"))
        assert not page.all("img")
        assert len(page.all("script")) == 1
    document = graded.document("hostile")
    assert MARKUP in json.dumps(document, ensure_ascii=False).replace('\\"', '"')


def test_no_cell_is_a_formula(graded: Graded) -> None:
    """No cell of the CSV begins with what spreadsheets take for a formula, also where they cut at other signs."""
    text = (graded.out / "grades.csv").read_text(encoding="utf-8-sig")
    assert '"\'=1+2"' in text
    assert not re.search(r"(?:^|[,;\t|\n])\s*\"?\s*[=+@-](?!\d)", text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("=1", "'=1"), ("+1", "'+1"), ("-1", "'-1"), ("@x", "'@x"), (" =1", " '=1"), ("a=1", "a=1"),
        ("a;=1", "a;'=1"), ('a"=1', "a\"'=1"), ("a\t@b", "a\t'@b"), ("\uff1d1", "'\uff1d1"), ("", ""),
    ],
)  # fmt: skip
def test_formulas_are_defused(text: str, expected: str) -> None:
    """An apostrophe stands before whatever begins a formula, and before nothing else."""
    assert harmless(text) == expected


def test_statuses(tmp_path: Path) -> None:
    """The exit status is 0 where all was judged, whatever the scores, 3 where some wasn't, and 2 for wrong use."""
    broken_run(tmp_path / "in" / "alice")
    out = tmp_path / "out"
    assert grade(out, tmp_path / "in").status == 0
    (tmp_path / "in" / "bob").mkdir()
    assert grade(out, tmp_path / "in").status == 3
    nothing = grade(out, tmp_path / "in" / "bob")
    assert (nothing.status, nothing.errors.count("\n")) == (2, 1)
    wrong = grade(out, tmp_path / "in", "--config", tmp_path / "in")
    assert (wrong.status, "no Common.cfg and PeerInfo.cfg" in wrong.errors) == (2, True)
    (tmp_path / "file").write_text("")
    unwritable = grade(tmp_path / "file" / "out", tmp_path / "in")
    assert (unwritable.status, "can't be made" in unwritable.errors) == (2, True)
    for arguments in (["grade"], ["grade", "x", "--jobs", "0"], ["grade", "x", "--timeout", "inf"]):
        with pytest.raises(SystemExit, match="2"):
            main(arguments)


def test_strict_counts_more(tmp_path: Path) -> None:
    """A fault of logging costs a part of its share, and with --strict all of it."""
    run = good_run()
    run.change(1003, r"\.$", "")
    run.write(tmp_path / "in" / "alice")
    lenient = grade(tmp_path / "out", tmp_path / "in").row("alice")
    strict = grade(tmp_path / "out", tmp_path / "in", "--strict").row("alice")
    assert (lenient["verdict"], lenient["rules"], lenient["warnings"]) == ("PASS", [], ["F02"])
    assert (strict["verdict"], strict["rules"], strict["warnings"]) == ("FAIL", ["F02"], [])
    assert strict["score"] < lenient["score"] < 100
