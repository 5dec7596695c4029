"""The HTML report in a real browser: Debian's headless Chromium, driven over loopback only."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from peerio.simulation.scenario import Scenario
from peerio.simulation.swarm import Swarm
from tests.kit.browser import Browser, WebDriverWait, needs_browser, started, webdriver
from tests.kit.verifier.judging import good_run
from tests.kit.verifier.pages import HOSTILE, broken_run, hostile_run
from verifier.api import verify

pytestmark = needs_browser
CHARTS = ("timeline", "pieces", "copies", "uploads", "fairness")
LARGEST = 2_000_000
"""Bytes that a page of fifty peers may have."""
MOST_POINTS = 120_000
"""Points that one view of the timeline may be drawn from: Chromium takes a tenth of a second for them."""
REDRAW = """
const done = arguments[arguments.length - 1];
const frames = () => new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)));
(async () => {
  await frames();
  const begun = performance.now();
  await Plotly.relayout(document.querySelector(arguments[0] + " .chart"),
    {"xaxis.range[0]": arguments[1], "xaxis.range[1]": arguments[2]});
  await frames();
  done(performance.now() - begun);
})();
"""
"""Zooms a chart as a drag does, and says how many milliseconds pass until it is on the screen."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests here."""
    with started() as one:
        yield one


def page(*folders: Path) -> Path:
    """The page of folders with logs, beside them."""
    path = folders[0].parent / "report.html"
    path.write_text(verify(folders, form="html").text, encoding="utf-8")
    return path


def test_a_violation_moves_the_timeline(browser: Browser, tmp_path: Path) -> None:
    """All charts are drawn without a word on the console, a click on a violation moves the timeline to its witnesses, and the whole run comes back."""
    browser.open(page(broken_run(tmp_path / "logs")))
    for name in CHARTS:
        drawn = "return document.querySelectorAll(`figure.${arguments[0]} .chart svg path`).length"
        assert browser.run(drawn, name) > 5, name
    whole = browser.timeline()
    browser.run("document.querySelector(\"button[data-finding='H01-0']\").click()")
    shown = browser.timeline()
    assert whole["from"] < shown["from"] < shown["to"] < whole["to"]
    assert shown["range"] == [shown["from"], shown["to"]]
    assert "".join(shown["marks"]).startswith("<b>1")
    top = "return document.querySelector('figure.timeline .chart').getBoundingClientRect().top"
    assert 0 <= browser.run(top) < 1000
    assert "H01 because" in browser.run("return document.querySelector('.chosen').innerText")
    picture = tmp_path / "violation.png"
    assert browser.driver.save_screenshot(str(picture))
    assert picture.stat().st_size > 20_000
    browser.run("document.querySelector(\"button[data-zoom='whole']\").click()")
    assert browser.timeline()["range"] == pytest.approx(whole["range"])
    assert browser.complaints() == []


def test_zoom_theme_and_paper(browser: Browser, tmp_path: Path) -> None:
    """A drag draws anew what is then in view, the theme changes all colours, and a page of two runs can be printed."""
    folders = [good_run(seed).write(tmp_path / f"run-{seed}") for seed in (1, 2)]
    browser.open(page(*folders))
    assert browser.run("return Report.charts.length") == 2 * len(CHARTS)
    before = browser.timeline()
    surface = browser.driver.find_element("css selector", "figure.timeline .nsewdrag")
    drag = webdriver.ActionChains(browser.driver, duration=50)
    drag.move_to_element(surface).click_and_hold().move_by_offset(200, 0).release().perform()
    WebDriverWait(browser.driver, 20).until(lambda _: browser.timeline()["from"] > before["from"])
    after = browser.timeline()
    assert after["to"] < before["to"]
    assert after["range"] == pytest.approx([after["from"], after["to"]])
    assert after["status"] != before["status"]
    assert after["points"] < before["points"]
    color = "return document.querySelector('figure.timeline .chart').data[3].fillcolor"
    light = browser.run(color)
    browser.run("document.getElementById('theme').click()")
    assert browser.run(color) != light
    assert base64.b64decode(browser.driver.print_page()).startswith(b"%PDF")
    assert browser.complaints() == []


def test_markup_in_a_log_does_nothing(browser: Browser, tmp_path: Path) -> None:
    """Markup in a log line is read as text in the browser too: it runs nothing and loads nothing."""
    browser.open(page(hostile_run(tmp_path / "logs")))
    for button in browser.driver.find_elements("css selector", "button[data-finding]")[:4]:
        browser.run("arguments[0].click()", button)
    assert browser.run("return window.hacked === undefined")
    assert HOSTILE in browser.run("return document.body.innerText")
    assert browser.complaints() == []


def fifty_peers(folder: Path, pieces: int) -> Path:
    """The logs of fifty simulated peers whose clocks are off."""
    scenario = Scenario(
        50, pieces=pieces, k=4, p=5.0, m=15.0, upload=20_000.0, skew=30.0, late=2, trace=False
    )
    Swarm(scenario, 1).run().write(folder)
    return folder


def test_fifty_peers_are_aggregated(browser: Browser, tmp_path: Path) -> None:
    """Fifty peers are drawn from few enough points, aggregated and told so, and one alone in all detail."""
    path = page(fifty_peers(tmp_path / "logs", 8))
    assert path.stat().st_size < LARGEST
    browser.open(path)
    whole = browser.timeline()
    assert whole["mode"] == "overview"
    assert "aggregated" in whole["status"]
    assert whole["points"] < MOST_POINTS
    browser.run("Report.charts[0].show([[3, 100, 7], [9, 200, null]])")
    assert browser.timeline()["shown"] == [3, 9]
    browser.run(
        "const select = document.querySelector('select.lanes'); select.value = '3';"
        "select.dispatchEvent(new Event('change'))"
    )
    one = browser.timeline()
    assert (one["mode"], one["shown"]) == ("detail", [3])
    assert "one for each download" in one["status"]
    assert browser.complaints() == []


@pytest.mark.thorough
@pytest.mark.timeout(600)
def test_two_million_lines(browser: Browser, tmp_path: Path) -> None:
    """Fifty peers and two million lines give a page of at most 2 MB that loads within 5 s and redraws within 0.3 s."""
    folder = fifty_peers(tmp_path / "logs", 830)
    lines = sum(path.read_bytes().count(b"\n") for path in folder.glob("*.log"))
    assert lines > 2_000_000
    path = page(folder)
    size = path.stat().st_size
    assert size < LARGEST
    begun = time.perf_counter()
    browser.open(path)
    loaded = time.perf_counter() - begun
    times: dict[str, int] = {}
    for name in CHARTS[:3]:
        for begin, end in ((10, 30), (20, 22), (0, 50)):
            took = browser.driver.execute_async_script(REDRAW, f"figure.{name}", begin, end)
            times[name] = max(times.get(name, 0), round(took))
    print(f"{lines} lines, {size / 1e6:.1f} MB, loaded in {loaded:.1f} s, redrawn in {times} ms")
    assert loaded < 5
    assert max(times.values()) < 300
    assert browser.timeline()["points"] < MOST_POINTS
    assert browser.complaints() == []
