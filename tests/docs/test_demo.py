"""docs/demo.md and configs/README.md: what they say to run shows what they say it shows."""

from __future__ import annotations

import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest

from harness.local import settings
from peerio.simulation.scenario import Scenario
from peerio.simulation.swarm import Swarm
from tests.kit.markdown import ROOT, blocks

DEMO = (ROOT / "docs" / "demo.md").read_text(encoding="utf-8")
SEARCHES = [
    line
    for block in blocks(DEMO)
    if block.language == "sh"
    for line in block.text.splitlines()
    if line.startswith("grep ")
]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the latest run of a swarm like that of the demo."""
    folder = tmp_path_factory.mktemp("project")
    scenario = Scenario(peers=6, pieces=100, piece_size=1000, k=2, p=1.0, m=3.0, rate=25_000.0)
    outcome = Swarm(scenario, 1).run()
    assert outcome.ok
    outcome.write(folder / "runs" / "latest")
    return folder


@pytest.mark.parametrize("search", SEARCHES)
def test_searches_find_their_lines(project: Path, search: str) -> None:
    """Each `grep` of the demo finds lines in the logs or traces of a swarm."""
    command = [word.replace(r"\.", "[.]") for word in shlex.split(search)]
    found = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    assert "Peer 1" in found.stdout or '"kind":"preferred"' in found.stdout


def test_all_points_are_shown() -> None:
    """The demo shows connections, interest, both kinds of choices, chokes, pieces and haves."""
    words = (
        "connect",
        "interested'",
        "preferred",
        "choked",
        "optimistically",
        "downloaded",
        "piece",
    )
    assert all(any(word in search for search in SEARCHES) for word in words)


def test_the_settings_that_are_explained(tmp_path: Path) -> None:
    """The example of `swarm.toml` can be used, and has every key that there is."""
    text = (ROOT / "configs" / "README.md").read_text(encoding="utf-8")
    (example,) = (block.text for block in blocks(text) if block.language == "toml")
    (tmp_path / settings.FILE_NAME).write_text(example, encoding="utf-8")
    assert settings.load(tmp_path).rate_of(1001) == 400_000
    assert set(tomllib.loads(example)) == {"rate", "timeout", "rates"}


def test_every_ready_made_swarm_is_described() -> None:
    """configs/README.md has a row for each folder beside it."""
    text = (ROOT / "configs" / "README.md").read_text(encoding="utf-8")
    names = {path.name for path in (ROOT / "configs").iterdir() if path.is_dir()}
    assert all(f"| `{name}` |" in text for name in names)
