"""`invoke report` and `invoke swarm --report`: where the page goes, who opens it, what is said."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.local import reports, runfolder
from harness.local.reports import ReportOptions, run_report
from harness.local.swarm import Options, run_swarm
from tests.kit.verifier.judging import good_run
from tests.kit.verifier.pages import broken_run


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that a browser would have been opened with."""
    found: list[str] = []

    def open_page(address: str) -> bool:
        found.append(address)
        return True

    monkeypatch.setattr(webbrowser, "open", open_page)
    return found


def test_page_lies_beside_the_logs(
    tmp_path: Path, opened: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The page goes into the run's folder and is opened, the verdict is told, and its status is the command's."""
    assert run_report(ReportOptions(good_run().write(tmp_path))) == 0
    page = tmp_path / "report.html"
    assert "<!DOCTYPE html>" in page.read_text()
    assert opened == [page.as_uri()]
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("PASS: ")
    assert told[1] == f"Report: {page}"


def test_page_elsewhere_unopened(tmp_path: Path, opened: list[str]) -> None:
    """--output names another file, --no-open leaves it unopened, and a broken rule is still status 1."""
    folder, page = broken_run(tmp_path / "logs"), tmp_path / "page.html"
    assert run_report(ReportOptions(folder, page, show=False)) == 1
    assert page.is_file()
    assert not (folder / "report.html").exists()
    assert opened == []


def test_no_browser_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where no browser can be started the page is there all the same, and a sentence says so."""
    monkeypatch.setattr(webbrowser, "open", lambda _address: False)
    assert run_report(ReportOptions(good_run().write(tmp_path))) == 0
    assert "no browser could be started here" in capsys.readouterr().out


def test_nothing_to_judge(tmp_path: Path, opened: list[str]) -> None:
    """A folder without logs is one message with status 2, and no page."""
    with pytest.raises(HarnessError, match="no log_peer_") as caught:
        run_report(ReportOptions(tmp_path))
    assert caught.value.status == 2
    assert (list(tmp_path.iterdir()), opened) == ([], [])


def test_unwritable_page(tmp_path: Path, opened: list[str]) -> None:
    """A page that can't be written is one message with status 2."""
    with pytest.raises(HarnessError, match="can't be written") as caught:
        run_report(ReportOptions(good_run().write(tmp_path), tmp_path / "no" / "x"))
    assert (caught.value.status, opened) == (2, [])


@pytest.mark.swarm
def test_swarm_ends_with_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`invoke swarm --report` leaves the page in the run folder and says where, last of all."""
    source = tmp_path / "file.bin"
    source.write_bytes(b"0123456789" * 1000)
    options = Options(file=source, peers=3, piece_size=999, free_ports=True, report=True)
    assert run_swarm(options, tmp_path / "runs") == 0
    page = runfolder.latest_run(tmp_path / "runs") / reports.NAME
    assert "✓" in page.read_text(encoding="utf-8")
    assert capsys.readouterr().out.splitlines()[-1] == f"Report: {page}"
