"""The HTML report without a browser: its numbers, its escaping, and the command line around it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from peerio.simulation.scenario import Scenario
from peerio.simulation.swarm import Swarm
from tests.kit.verifier.judging import good_run
from tests.kit.verifier.pages import HOSTILE, Page, broken_run, hostile_run
from verifier.api import Report, verify
from verifier.cli import main
from verifier.report import html
from verifier.report import json as json_report
from verifier.report.output import ReportError, write
from verifier.report.page.run import PageRun

ROOT = Path(__file__).parents[3]


def page_of(report: Report) -> tuple[Page, dict[str, Any]]:
    """The page of a verdict, and what the JSON report says of the same verdict."""
    document = json.loads(json_report.render(report.verdicts, report.problems, report.status))
    return Page(html.render(report.verdicts, report.problems)), document


def resolved(document: Any, pointer: str) -> Any:
    """What stands at a JSON pointer."""
    for key in pointer.split("/")[1:]:
        document = document[int(key)] if isinstance(document, list) else document[key]
    return document


def traced_run(folder: Path) -> Path:
    """A swarm with traces and with clocks that are off."""
    Swarm(Scenario(peers=4, pieces=30, p=0.5, m=1.0, upload=10_000.0, skew=20.0), 1).run().write(
        folder
    )
    return folder


@pytest.mark.parametrize("make", [broken_run, traced_run])
def test_numbers_are_those_of_json(make, tmp_path: Path) -> None:
    """Every number on the page is the one at its place in the JSON report, rounded at most."""
    page, document = page_of(verify([make(tmp_path)]))
    shown = page.all("data")
    for one in shown:
        value = resolved(document, one.attributes["data-json"])
        assert json.loads(one.attributes["value"]) == value, one
        digits = one.text.rstrip("%")
        near = float(digits) / 100 if one.text.endswith("%") else float(digits)
        step = 10.0 ** -len(digits.partition(".")[2]) / (100 if one.text.endswith("%") else 1)
        assert abs(near - value) <= step / 2 + 1e-9, one
    pointers = {one.attributes["data-json"] for one in shown}
    run = document["runs"][0]
    metrics = run["metrics"]
    wanted = {f"/runs/0/metrics/completion/{peer}" for peer in metrics["completion"]}
    wanted |= {f"/runs/0/metrics/first_piece/{peer}" for peer in metrics["first_piece"]}
    wanted |= {f"/runs/0/metrics/churn/{peer}" for peer in metrics["churn"]}
    wanted |= {f"/runs/0/metrics/copies/{nth}/{which}" for nth in range(4) for which in range(3)}
    wanted |= {f"/runs/0/offsets/{n}/least" for n in range(1, len(run["peers"]))}
    wanted |= {f"/runs/0/metrics/{name}" for name in ("fairness", "longest_wait")}
    assert wanted <= pointers


@pytest.mark.parametrize("make", [broken_run, traced_run])
def test_charts_are_drawn_from_the_same_numbers(make, tmp_path: Path) -> None:
    """Uploads, pieces and copies in the charts come to what the JSON report's metrics say."""
    page, document = page_of(verify([make(tmp_path)]))
    (data,), run = page.data(), document["runs"][0]
    ids = [peer["id"] for peer in run["peers"]]
    assert [peer["id"] for peer in data["peers"]] == ids
    for row, one in enumerate(ids):
        given = run["metrics"]["uploads"].get(str(one), {})
        assert data["uploads"][row] == [
            None if one == other else given.get(str(other), 0) for other in ids
        ]
    for column, peer in enumerate(data["peers"]):
        got = sum(row[column] or 0 for row in data["uploads"])
        assert (peer["steps"]["count"] or [0])[-1] == got == len(peer["downloads"]["time"])
        cells = [one.text for one in page.elements if one.tag in {"th", "td"}]
        begin = cells.index(run["peers"][column]["logs"][-1])
        assert cells[begin + 5 : begin + 7] == [
            str(sum(value or 0 for value in data["uploads"][column])),
            str(got),
        ]
    least, mean, most = run["metrics"]["copies"][-1]
    last = [data["copies"][name][-1] for name in ("min", "mean", "max")]
    assert last == [least, pytest.approx(mean), most]


def test_verdict_and_families(tmp_path: Path) -> None:
    """The page begins with the verdict in one line, and says of each check how it came out, as the JSON report does."""
    page, document = page_of(verify([broken_run(tmp_path)]))
    run = document["runs"][0]
    (line,) = page.all("p", class_="verdict fail")
    assert "FAIL" in line.text
    assert f"{run['errors'] + run['warnings']} lines concerned" in line.text
    cells = [one for one in page.elements if one.tag in {"th", "td"}]
    begin = next(i for i, one in enumerate(cells) if one.text == "H have")
    outcome, ok, failed, warned, unknown, idle = (one.text for one in cells[begin + 1 : begin + 7])
    checks = {check["id"]: check["outcome"] for check in run["checks"] if check["id"][0] == "H"}
    assert outcome == "✗ fail"
    assert "H01 announced-to-all" in failed
    passed = {name for name, told in checks.items() if told == "ok"}
    assert set(re.findall(r"H\d\d", ok)) == passed
    assert ok.startswith(f"{len(passed)} rules")
    violated = {name for name, told in checks.items() if told == "violated"}
    assert set(re.findall(r"H\d\d", failed + warned)) == violated
    names = {name for name, told in checks.items() if told in {"unknown", "not exercised"}}
    assert set(re.findall(r"H\d\d", unknown + idle)) == names


def test_broken_rules_come_first(tmp_path: Path) -> None:
    """Below the verdict come the broken rules, then the families and the charts, all in the main landmark."""
    page = html.render(verify([broken_run(tmp_path)]).verdicts, [])
    parts = [
        "<main>",
        'class="verdict',
        "Broken rules",
        "All rules, by family",
        "Timeline",
        "</main>",
    ]
    places = [page.index(part) for part in parts]
    assert places == sorted(places)
    assert page.count("<main>") == 1


def test_the_page_is_light(tmp_path: Path) -> None:
    """The page of a usual swarm has at most 2 MB: it holds the part of Plotly that it uses."""
    page = html.render(verify([traced_run(tmp_path)]).verdicts, [])
    assert len(page.encode()) < 2_000_000


def test_a_page_that_would_be_too_large_is_thinned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What would be larger than a page may be gets less detail, fits, and says so."""
    scenario = Scenario(peers=6, pieces=300, p=0.5, m=1.0, upload=30_000.0, trace=False)
    Swarm(scenario, 1).run().write(tmp_path)
    verdicts = verify([tmp_path]).verdicts
    data = len(PageRun(verdicts[0], 0).script())
    monkeypatch.setattr(html, "LEAST_DATA", 0)
    most = len(html.render(verdicts, []).encode()) - data // 2
    monkeypatch.setattr(html, "MOST_BYTES", most)
    page = html.render(verdicts, [])
    assert len(page.encode()) <= most
    assert "To keep this page small" in page


def test_violations_are_explained(tmp_path: Path) -> None:
    """Each violation stands there with its rule, its lines, why, and a button that knows their places."""
    page, document = page_of(verify([broken_run(tmp_path)]))
    found = next(check for check in document["runs"][0]["checks"] if check["id"] == "H01")
    (section,) = page.all("section", id="run-0-H01")
    assert found["rule"] in section.text
    for finding in found["findings"]:
        assert f"because {finding['because']}" in section.text
        for witness in finding["witnesses"]:
            assert f"{witness['log']}:{witness['line']} {witness['text'].strip()}" in section.text
    (button,) = page.all("button", data_finding="H01-0")
    places = page.data()[0]["places"][button.attributes["data-finding"]]
    assert len(places) == len(found["findings"][0]["witnesses"])
    assert all(time is not None and 0 <= time <= page.data()[0]["span"] for _, time, _ in places)


def test_records_of_traces_have_places(tmp_path: Path) -> None:
    """A witness in a trace is placed by the record's own time and neighbor."""
    folder = traced_run(tmp_path)
    path = folder / "trace_peer_1002.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    nth = next(i for i, line in enumerate(lines) if '"in have"' in line)
    conn = json.loads(lines[nth])["conn"]
    (neighbor,) = {int(conn.partition(":")[0]), int(conn.partition(">")[2])} - {1002}
    path.write_text("".join(lines[:nth] + lines[nth + 1 :]))
    report = verify([folder])
    page, document = page_of(report)
    places = page.data()[0]["places"]
    traced = [
        place
        for check in document["runs"][0]["checks"]
        for nth, finding in enumerate(check["findings"])
        for witness, place in zip(finding["witnesses"], places[f"{check['id']}-{nth}"], strict=True)
        if witness["log"].startswith("trace")
    ]
    assert traced
    assert all(place[1] is not None for place in traced)
    assert [p["id"] for p in page.data()[0]["peers"]].index(neighbor) in {p[2] for p in traced}


def test_markup_in_logs_stays_text(tmp_path: Path) -> None:
    """A log line, or a folder's name, with markup in it is shown as text and becomes no element."""
    page, _ = page_of(verify([hostile_run(tmp_path)]))
    clean, _ = page_of(verify([broken_run(tmp_path / "clean")]))
    tags = {one.tag for one in page.elements}
    assert tags <= {one.tag for one in clean.elements} | {"details", "summary"}
    assert len(page.all("script")) == len(clean.all("script"))
    assert any(HOSTILE in one.text for one in page.all("code"))
    assert any("<b>&'\"<i>" in one.text for one in page.all("h1"))
    assert not any(name.startswith("on") for one in page.elements for name in one.attributes)


def test_page_stands_alone(tmp_path: Path) -> None:
    """The page asks nothing of the network: no address in it but names, and a policy that forbids any."""
    page, _ = page_of(verify([broken_run(tmp_path)]))
    for one in page.elements:
        assert not one.attributes.keys() & {"src", "action", "data"}, one.tag
        assert one.attributes.get("href", "#").startswith("#")
    (policy,) = page.all("meta", http_equiv="Content-Security-Policy")
    assert policy.attributes["content"].startswith("default-src 'none';")


def test_charts_say_what_to_look_for(tmp_path: Path) -> None:
    """Each chart has a title that asks a question, and a sentence in bold that says what to look for."""
    page, _ = page_of(verify([broken_run(tmp_path)]))
    captions = [one.text for one in page.all("figcaption")]
    assert len(captions) == 5
    assert all("?" in text and "Look" in text for text in captions)


def test_several_runs_and_problems(tmp_path: Path) -> None:
    """A page of several folders has a part for each, and names those that couldn't be judged."""
    folders = [broken_run(tmp_path / "a"), good_run().write(tmp_path / "b"), tmp_path / "<none>"]
    report = verify(folders, form="html")
    page = Page(report.text)
    assert report.status == 2
    assert [one.attributes["id"] for one in page.all("article")] == ["run-0", "run-1"]
    assert len(page.data()) == 2
    (problems,) = page.all("ul", class_="problems")
    assert "<none>: no such folder" in problems.text


def test_command_line_writes_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--format html writes the file and prints the verdict; the exit status is the verdict's."""
    path = tmp_path / "report.html"
    assert main([str(broken_run(tmp_path / "a")), "--format", "html", "-o", str(path)]) == 1
    told = capsys.readouterr().out
    assert re.search(r": FAIL: \d+ rules: .* 3 fail.*\nwritten: .*report\.html\n$", told)
    assert Page(path.read_text()).all("article", id="run-0")
    assert list(tmp_path.glob(".report*")) == []


def test_several_runs_have_a_page_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of several runs -o FILE becomes an index, from which a page with the charts of each run can be reached and left."""
    folders = [broken_run(tmp_path / "a"), good_run().write(tmp_path / "b c#"), tmp_path / "<none>"]
    path = tmp_path / "report.html"
    assert main([*map(str, folders), "--format", "html", "-o", str(path)]) == 2
    index = Page(path.read_text())
    assert index.all("article") == []
    assert [one.text.split("/")[-1] for one in index.all("a")] == ["a", "b c#"]
    assert [one.text.split()[-1] for one in index.all("span") if "badge" in one.attributes["class"]] == [
        "FAIL", "PASS",
    ]  # fmt: skip
    assert "<none>: no such folder" in index.all("ul", class_="problems")[0].text
    for number, link in enumerate(index.all("a")):
        page = Page((tmp_path / link.attributes["href"]).read_text())
        assert [one.attributes["id"] for one in page.all("article")] == [f"run-{number}"]
        assert len(page.data()) == 1
        assert page.all("a", href="../report.html")[0].text == "All 2 runs"
    assert len(path.read_bytes()) < 30_000


@pytest.mark.parametrize("form", ["text", "json", "junit"])
def test_output_is_for_all_formats(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """-o takes any format, and what it writes is what would have been printed."""
    folder = broken_run(tmp_path / "a")
    path = tmp_path / "report"
    main([str(folder), "--format", form, "-o", str(path)])
    capsys.readouterr()
    main([str(folder), "--format", form])

    def steady(text: str) -> str:
        return re.sub(r'\d+\.\d+ s$|"seconds": .*|time=".*?"', "", text, flags=re.MULTILINE)

    assert steady(path.read_text()) == steady(capsys.readouterr().out)


def test_page_needs_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A page isn't printed on a terminal: without -o it is wrong use."""
    with pytest.raises(SystemExit, match="2"):
        main([str(tmp_path), "--format", "html"])
    assert "--format html needs -o FILE" in capsys.readouterr().err


def test_unwritable_output_is_told_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the report can't be written is one sentence and status 2, before anything is judged."""
    for path, why in ((tmp_path, "it is a folder"), (tmp_path / "no" / "x", "there is no folder")):
        assert main([str(tmp_path / "nothing"), "-o", str(path)]) == 2
        told = capsys.readouterr()
        assert told.out == ""
        assert re.fullmatch(rf"verifier: .*: can't be written: {why}.*\n", told.err)


def test_failed_output_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report that can't be put in place leaves what was there, and nothing beside it."""
    path = tmp_path / "report.html"
    path.write_text("old")

    def fail(_self: Path, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(ReportError, match="No space left on device"):
        write(path, "new")
    assert [one.read_text() for one in tmp_path.iterdir()] == ["old"]


def test_output_follows_links_and_pipes(tmp_path: Path) -> None:
    """A link goes on pointing where it did, and a device is written to, not replaced."""
    path, link = tmp_path / "real", tmp_path / "link"
    path.write_text("old")
    link.symlink_to(path)
    write(link, "new")
    assert link.is_symlink()
    assert path.read_text() == "new"
    write(Path("/dev/null"), "new")
    assert Path("/dev/null").is_char_device()


WALL = """
import runpy, sys

class Wall:
    def find_spec(self, name, path=None, target=None):
        package = name.partition(".")[0]
        if package not in sys.stdlib_module_names and package != "verifier":
            raise ModuleNotFoundError(f"not allowed: {name}", name=name)

sys.meta_path.insert(0, Wall())
runpy.run_module("verifier", run_name="__main__", alter_sys=True)
"""
"""Runs `python -m verifier` with every import refused that is neither standard nor the verifier's."""


def behind_the_wall(*arguments: str) -> subprocess.CompletedProcess[str]:
    """What the verifier says where nothing of others can be imported."""
    command = [sys.executable, "-c", WALL, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_page_needs_nothing(tmp_path: Path) -> None:
    """With every third-party import blocked, the page is written, with Plotly's license in it."""
    path = tmp_path / "report.html"
    done = behind_the_wall(str(broken_run(tmp_path / "a")), "--format", "html", "-o", str(path))
    assert (done.returncode, done.stderr) == (1, "")
    page = path.read_text(encoding="utf-8")
    assert "Copyright 2012-2026, Plotly, Inc." in page
    assert "Licensed under the MIT license" in page


@pytest.mark.parametrize("form", ["text", "json", "junit"])
def test_other_formats_need_nothing(form: str, tmp_path: Path) -> None:
    """With every third-party import blocked, all other formats work too."""
    done = behind_the_wall(str(broken_run(tmp_path)), "--format", form)
    assert (done.returncode, done.stderr) == (1, "")
    assert "H01" in done.stdout


def test_other_formats_load_nothing_of_the_page(tmp_path: Path) -> None:
    """Text and JSON don't even load the page's modules, so they are as quick as before."""
    code = (
        "import sys; from verifier.cli import main; main(sys.argv[1:]);"
        "sys.exit(any('verifier.report.page' in name or name == 'verifier.report.html' for name in sys.modules))"
    )
    command = [sys.executable, "-c", code, str(broken_run(tmp_path)), "--format", "json"]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0
