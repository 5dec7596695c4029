"""A real browser for tests of pages: Debian's headless Chromium, driven over loopback only."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium drives the browser")
WebDriverWait = pytest.importorskip("selenium.webdriver.support.ui").WebDriverWait
NEEDED = {"chromium": "chromium", "chromedriver": "chromium-driver"}
MISSING = [package for program, package in NEEDED.items() if shutil.which(program) is None]
needs_browser = pytest.mark.skipif(
    bool(MISSING), reason=f"needs a browser: apt-get install {' '.join(MISSING)}"
)
"""Marks tests that are skipped where there is no browser."""
QUIET = (
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,1000",
)
"""Switches with which Chromium asks nothing of any network."""


class Browser:
    """Chromium with one page open."""

    def __init__(self, scratch: Path) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium") or ""
        for switch in (*QUIET, f"--user-data-dir={scratch / 'profile'}"):
            options.add_argument(switch)
        if os.geteuid() == 0:  # Chromium's sandbox refuses to run as root
            options.add_argument("--no-sandbox")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        service = webdriver.ChromeService(
            executable_path=shutil.which("chromedriver"),
            env=os.environ | {"TMPDIR": str(scratch)},
        )
        self.driver = webdriver.Chrome(options=options, service=service)
        self.driver.set_script_timeout(60)

    def open(self, report: Path) -> None:
        """Load a page and wait until all is drawn."""
        self.driver.get(report.as_uri())
        drawn = "return document.documentElement.dataset.drawn === 'yes'"
        WebDriverWait(self.driver, 60).until(lambda _: self.run(drawn))

    def run(self, script: str, *arguments: object) -> Any:
        """What a script returns."""
        return self.driver.execute_script(script, *arguments)

    def complaints(self) -> list[dict[str, Any]]:
        """What was written to the console since it was asked last."""
        found: list[dict[str, Any]] = self.driver.get_log("browser")
        return found

    def timeline(self) -> dict[str, Any]:
        """What is in view in the timeline."""
        view: dict[str, Any] = self.run(
            "const view = Report.charts[0].view;"
            "const chart = document.querySelector('figure.timeline .chart');"
            "return {from: view.from, to: view.to, shown: view.shown,"
            " range: chart.layout.xaxis.range, mode: chart.parentElement.dataset.mode,"
            " marks: chart.data[chart.data.length - 1].text,"
            " points: chart.data.reduce((sum, trace) => sum + trace.x.length, 0),"
            " status: document.querySelector('.status').textContent};"
        )
        return view


def running_in(scratch: Path) -> list[str]:
    """The processes that were started with this folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if str(scratch) in (process / "cmdline").read_text(errors="replace"):
                found.append(process.name)
    return found


@contextmanager
def started() -> Iterator[Browser]:
    """A browser; its processes and files end with it."""
    # Not pytest's own folder: a socket in there would have too long a name.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        scratch = Path(name)
        browser = Browser(scratch)
        try:
            yield browser
        finally:
            browser.driver.quit()
            deadline = time.monotonic() + 20
            while running_in(scratch) and time.monotonic() < deadline:
                time.sleep(0.02)
            assert running_in(scratch) == []
