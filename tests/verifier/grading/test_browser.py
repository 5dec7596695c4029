"""The pages of grades in a real browser: they sort, filter, fit a phone, and can be printed."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.archives import HOSTILE
from tests.kit.browser import Browser, needs_browser, started
from tests.kit.grading import Graded, grade
from tests.kit.verifier.judging import good_run
from tests.kit.verifier.pages import broken_run, hostile_run

pytestmark = needs_browser
NAMES = "return [...document.querySelectorAll('tbody tr')].filter(r => !r.hidden).map(r => r.cells[0].textContent)"
CLICK = "document.querySelector(`button[data-sort='${arguments[0]}']`).click()"
WIDE = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests here."""
    with started() as one:
        yield one


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Graded:
    """Four submissions, from all points to none."""
    place = tmp_path_factory.mktemp("pages")
    work = place / "in"
    broken_run(work / "broken")
    good_run().write(work / "good")
    hostile_run(work / "hostile")
    HOSTILE["cut.zip"](work / "cut.zip", work / "good")
    return grade(place / "out", work)


def size(browser: Browser, width: int, theme: str = "light") -> None:
    """Show pages in a window of this width, by a system of this theme."""
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    features = [{"name": "prefers-color-scheme", "value": theme}]
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def test_the_table_sorts_and_filters(browser: Browser, graded: Graded) -> None:
    """A click on a column's title sorts by it, a second one backwards, and the filters leave what fits."""
    size(browser, 1400)
    browser.driver.get((graded.out / "index.html").as_uri())
    assert browser.run(NAMES) == ["broken", "cut.zip", "good", "hostile"]
    browser.run(CLICK, 2)
    assert browser.run(NAMES)[0] == "cut.zip"
    browser.run(CLICK, 2)
    assert browser.run(NAMES)[0] == "good"
    assert browser.run(NAMES)[-1] == "cut.zip"
    head = "return document.querySelectorAll('thead th')[2].getAttribute('aria-sort')"
    assert browser.run(head) == "descending"
    browser.driver.find_element("css selector", "input[name=text]").send_keys("h01")
    assert browser.run(NAMES) == ["broken"]
    assert browser.run("return document.getElementById('shown').textContent") == "1 of 4 shown"
    browser.driver.find_element("css selector", "input[name=text]").clear()
    browser.run(
        "const select = document.querySelector('select'); select.value = 'NOT JUDGED';"
        "select.dispatchEvent(new Event('input', { bubbles: true }))"
    )
    assert browser.run(NAMES) == ["cut.zip"]
    assert browser.complaints() == []


@pytest.mark.parametrize("width", [1400, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_fit(browser: Browser, graded: Graded, width: int, theme: str) -> None:
    """No page is wider than the window, of a laptop or a phone, and its colours follow the system's theme."""
    size(browser, width, theme)
    pages = [graded.out / "index.html", *sorted((graded.out / "submissions").glob("*.html"))]
    for page in pages:
        browser.driver.get(page.as_uri())
        assert browser.run(WIDE) <= 0, page.name
        paper = browser.run("return getComputedStyle(document.body).backgroundColor")
        assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(22, 24, 27)"}[theme]
        assert browser.run("return window.hacked === undefined")
    assert browser.complaints() == []


def test_pages_print(browser: Browser, graded: Graded) -> None:
    """The table and a submission's page can be printed."""
    for page in (graded.out / "index.html", Path(graded.out / "submissions" / "broken.html")):
        browser.driver.get(page.as_uri())
        assert base64.b64decode(browser.driver.print_page()).startswith(b"%PDF")
