"""The rubric: what it gives, and how a wrong one is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.kit.grading import grade
from tests.kit.verifier.judging import good_run, judge
from tests.kit.verifier.pages import broken_run
from verifier.checks.registry import CHECKS
from verifier.cli import main
from verifier.findings import Severity
from verifier.grading.rubric import load
from verifier.grading.scoring import Credit, score
from verifier.reading.config import InputError


def written(folder: Path, text: str) -> Path:
    """A rubric of this text."""
    path = folder / "ours.toml"
    path.write_text(text)
    return path


def part(name: str, points: float, gives: str, more: str = "") -> str:
    """A part's table."""
    return f'[[part]]\nname = "{name}"\npoints = {points}\ngives = {gives}\n{more}'


def test_the_example_is_the_default(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--rubric-example prints the rubric that holds without one, of 100 points, with comments."""
    assert main(["grade", "--rubric-example"]) == 0
    text = capsys.readouterr().out
    assert text.count("#") > 10
    default = load(None)
    assert default.points == 100
    assert load(written(tmp_path, text)) == default
    assert [one.name for one in default.parts] == [
        "Start and connect",
        "Handshake logged",
        "Bitfield and interest",
        "Choking and unchoking",
        "Optimistic unchoking",
        "Pieces and haves",
        "Completion and termination",
        "Log form",
    ]


def test_the_default_counts_every_rule_once() -> None:
    """Each rule that can be an error or a warning stands in exactly one part of the default."""
    named = [rule for one in load(None).parts for rule in (*one.gives, *one.costs)]
    rules = [rule for rule in named if rule in CHECKS]
    assert len(rules) == len(set(rules))
    assert set(rules) == {one.id for one in CHECKS.values() if one.severity > Severity.INFO}


def test_a_clean_run_earns_all(tmp_path: Path) -> None:
    """A run that keeps all rules has all points, strictly and leniently."""
    folder = good_run().write(tmp_path)
    assert [score(judge(folder, lenient=one), load(None)).points for one in (False, True)] == [
        100,
        100,
    ]


def test_rules_count_and_not_lines(tmp_path: Path) -> None:
    """One broken line costs as much as a hundred of the same rule."""
    points = []
    for times in (1, 40):
        run = good_run()
        lines = run.log(1003)
        place = run.find(1003, "'have' message from 1004", 3)
        lines[place + 1 : place + 1] = [lines[place]] * times
        made = score(judge(run.write(tmp_path / str(times))), load(None))
        points.append(made.points)
    assert points[0] == points[1] < 100


def test_points_are_as_written(tmp_path: Path) -> None:
    """Shares, weights, costs and the partial share make exactly the points that the rubric says."""
    text = (
        part("a", 10, '["H01", "H02", "K01", "K18"]', "weights = { K01 = 2 }\n")
        + part("b", 6, '["K01", "K02"]', 'costs = ["H01"]\n')
        + part("c", 4, '["H03"]', "partial = 0.25\n")
    )
    run = good_run()
    lines = run.log(1003)
    place = run.find(1003, "'have' message from 1004", 9)
    lines.insert(place, lines[place])  # H03, a warning
    del lines[run.find(1003, "'have' message from 1004", 3)]  # H01, an error
    made = score(judge(run.write(tmp_path / "run")), load(written(tmp_path, text)))
    a, b, c = made.parts
    assert [(line.criterion, line.points, line.most) for line in a.lines] == [
        ("H01", 0.0, 2.0),
        ("H02", 2.0, 2.0),
        ("K01", 4.0, 4.0),
        ("K18", 0.0, 2.0),
    ]
    assert a.lines[3].fact.note == "never applied in this run: it gives no points"
    assert (a.points, b.points, c.points, made.points) == (6.0, 3.0, 1.0, 10.0)
    assert made.most == 20


def test_families_and_criteria(tmp_path: Path) -> None:
    """A family stands for its rules that no part names; the three other criteria count peers."""
    text = part("a", 1, '["K", "exercised:K"]', 'costs = ["D"]\n') + part(
        "b", 1, '["K01", "D02", "completion", "present", "exercised"]'
    )
    rubric = load(written(tmp_path, text))
    assert set(rubric.parts[0].gives) == {f"K{n:02}" for n in range(2, 20)} | {"exercised:K"}
    assert "D02" not in rubric.parts[0].costs
    run = good_run()
    run.files["log_peer_1004.log"] = [
        line
        for line in run.log(1004)
        if "complete file" not in line and "the piece 7 from" not in line
    ]
    del run.files["log_peer_1005.log"]
    made = score(judge(run.write(tmp_path / "run")), rubric)
    facts = {line.criterion: line.fact for line in made.parts[1].lines}
    assert (facts["present"].credit, facts["present"].note) == (Credit.PARTIAL, "4 of 5 have a log")
    assert facts["completion"].note == "3 of 5 have the complete file"
    assert facts["exercised"].note == "3 of 4 download something"


def test_caps(tmp_path: Path) -> None:
    """A cap limits the score, or one part's, where its criterion earns nothing, or less than all."""
    parts = part("a", 10, '["K01"]') + part("b", 10, '["H02"]')
    total = '[[cap]]\nunless = "H01"\nat_most = 7\nreason = "haves are missing"\n'
    single = '[[cap]]\nwithout = "H01"\nat_most = 3\npart = "b"\n'
    other = '[[cap]]\nwithout = "present"\nat_most = 1\n'
    verdict = judge(broken_run(tmp_path / "run"))
    made = score(verdict, load(written(tmp_path, parts + total + other)))
    assert (made.points, made.capped) == (7, "haves are missing: at most 7 points")
    made = score(verdict, load(written(tmp_path, parts + single)))
    assert [one.points for one in made.parts] == [10, 3]
    assert (made.points, made.capped) == (13, "")
    assert made.parts[1].capped == "H01 doesn't earn any: at most 3 points"


def test_what_follows_costs_nothing(tmp_path: Path) -> None:
    """A rule in costs that is broken only since another one is costs nothing, and says from what it follows."""
    parts = part("a", 10, '["K01"]', 'costs = ["T02"]\n')
    verdict = judge(broken_run(tmp_path / "run"))
    alone = score(verdict, load(written(tmp_path, parts)))
    explained = score(verdict, load(written(tmp_path, parts + '[follows]\nT02 = ["K09", "H"]\n')))
    assert (alone.points, explained.points) == (0, 10)
    assert explained.parts[0].lines[1].fact.note == "it follows from H01: no cost"


def test_a_rubric_changes_scores(tmp_path: Path) -> None:
    """Another rubric gives the same submission the points that it says, in all that is written."""
    broken_run(tmp_path / "in" / "alice")
    plain = grade(tmp_path / "out", tmp_path / "in")
    assert 50 < plain.row("alice")["score"] < 100
    ours = written(tmp_path, part("haves", 5, '["H01"]') + part("rest", 2.5, '["K01"]'))
    graded = grade(tmp_path / "out", tmp_path / "in", "--rubric", ours)
    assert graded.overview["most"] == 7.5
    assert graded.row("alice")["parts"] == [0.0, 2.5]
    assert " 2.50/7.5 " in graded.line("alice")


GOOD = part("a", 1, '["K01"]')
WRONG = {
    "no TOML": ('name = "x\n', 1, "no TOML"),
    "unknown key": (GOOD + "colour = 1\n", 5, "no such key in [[part]]: expected name, points"),
    "unknown top key": ("teh = 1\n" + GOOD, 1, "no such key in the top of a rubric"),
    "no parts": ('name = "x"\n', 1, "no [[part]]: expected one at least"),
    "parts no tables": ("part = 3\n", 1, "expected tables, each begun with [[part]]"),
    "unknown rule": (
        '[[part]]\nname = "a"\npoints = 1\ngives = [\n  "K01",\n  "K99",\n]\n', 6,
        "'K99': expected a rule such as K01, a family (F, C,",
    ),
    "no number": (GOOD.replace("points = 1", 'points = "ten"'), 3, "'ten': expected a number"),
    "no points": (GOOD.replace("points = 1\n", ""), 1, "points: is missing: expected a number"),
    "negative": (GOOD.replace("points = 1", "points = -1"), 3, "-1: expected more than 0"),
    "not a number": (GOOD.replace("points = 1", "points = nan"), 3, "expected a number"),
    "nothing given": (GOOD.replace('["K01"]', "[]"), 4, "expected one criterion at least"),
    "no list": (GOOD.replace('["K01"]', '"K01"'), 4, "expected a list"),
    "twice": (GOOD.replace('["K01"]', '["K01", "K01"]'), 4, "K01 is there twice"),
    "both": (GOOD + 'costs = ["K01"]\n', 5, "K01 is in gives, too"),
    "same name": (GOOD + GOOD, 6, "'a' is an earlier part's, too"),
    "share": (GOOD + "partial = 50\n", 5, "50: expected a share from 0 to 1"),
    "weight": (GOOD + "weights = { K02 = 1 }\n", 5, "'K02' is neither in gives nor in costs"),
    "runs": ('runs = "first"\n' + GOOD, 1, "'first': expected one of best, last, worst"),
    "cap of nothing": (GOOD + "[[cap]]\nat_most = 3\n", 5, "expected either unless or without"),
    "cap of a family": (GOOD + '[[cap]]\nunless = "K"\nat_most = 3\n', 6, "'K': expected a rule"),
    "cap of no part": (
        GOOD + '[[cap]]\nunless = "K01"\nat_most = 3\npart = "z"\n', 8,
        "'z': expected the name of a part: 'a'",
    ),
    "follows": (GOOD + '[follows]\nK02 = ["K"]\n', 6, "expected a rule that some part has in costs"),
    "follows nothing": (
        GOOD + 'costs = ["K02"]\n[follows]\nK02 = ["X"]\n', 7, "'X': expected rules or families",
    ),
    "visibility": (GOOD + 'visibility = "all"\n', 5, "'all': expected one of visible, hidden"),
    "nested": ("x = " + "[" * 100_000, 1, "lists in lists"),
}  # fmt: skip
"""Wrong rubrics, the line of the fault, and what is said of it."""


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_rubric_is_told(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong rubric is one message with file, line, and what was expected, and status 2."""
    text, line, expected = WRONG[name]
    path = written(tmp_path, text)
    (tmp_path / "in" / "alice").mkdir(parents=True)
    assert main(["grade", str(tmp_path / "in"), "--rubric", str(path)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert re.fullmatch(rf"verifier: {re.escape(str(path))}:{line}: .*\n", told.err), told.err
    assert expected in told.err


def test_a_rubric_that_is_no_text(tmp_path: Path) -> None:
    """A missing rubric, one that is no text and one without end are told like any other fault."""
    with pytest.raises(InputError, match=r"nowhere\.toml: can't be read: No such file"):
        load(tmp_path / "nowhere.toml")
    (tmp_path / "x.toml").write_bytes(b'name = "x"\n\xff\xfe')
    with pytest.raises(InputError, match=r"x\.toml:2: no UTF-8 text"):
        load(tmp_path / "x.toml")
    (tmp_path / "y.toml").write_bytes(b"#" * (2 << 20))
    with pytest.raises(InputError, match=r"y\.toml: larger than 1 MiB"):
        load(tmp_path / "y.toml")


def test_the_documents_rubric_is_as_it_says(tmp_path: Path) -> None:
    """The rubric in the document can be read, and its rules are worth what the document says."""
    page = Path(__file__).parents[3] / "docs" / "grading.md"
    found = re.search(r"(?s)```toml\n(.*?)```", page.read_text(encoding="utf-8"))
    assert found
    rubric = load(written(tmp_path, found[1]))
    run = good_run()
    lines = run.log(1003)
    chosen = run.find(1003, "preferred neighbors")
    lines.insert(chosen + 1, lines[chosen])  # K04, which warns
    made = score(judge(run.write(tmp_path / "run")), rubric)
    choking = {line.criterion: (line.points, line.most) for line in made.parts[0].lines}
    assert choking == {
        "K01": (7.5, 7.5),
        "K03": (7.5, 7.5),
        "K09": (15.0, 15.0),
        "K04": (-4.5, 0.0),
    }
    assert made.points == 95.5
    assert (rubric.runs, rubric.name, rubric.points) == ("last", "week 3", 100)
