"""What is sent to hosts: complete, pure Python, and the same for the same sources."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.remote.bundle import Bundle, bundle


@pytest.fixture(scope="module")
def packed() -> Bundle:
    return bundle()


def test_a_peer_needs_nothing_else(packed: Bundle, tmp_path: Path) -> None:
    """A peer runs from the archive alone, under an interpreter that has nothing installed."""
    zipfile.ZipFile(io.BytesIO(packed.archive)).extractall(tmp_path)
    bare = [sys.executable, "-E", "-s", "-S"]
    helped = subprocess.run(
        [*bare, tmp_path / "peerProcess.py", "--help"], capture_output=True, text=True, check=False
    )
    assert helped.returncode == 0, helped.stderr
    where = "import structlog, transitions; print(structlog.__file__, transitions.__file__)"
    found = subprocess.run(
        [*bare, "-c", where], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert found.stdout.count(str(tmp_path)) == 2


def test_only_what_a_peer_needs_is_sent(packed: Bundle) -> None:
    """The archive holds the peer and what it requires, and neither verifier, harness nor tests."""
    names = zipfile.ZipFile(io.BytesIO(packed.archive)).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {"core", "io", "peerProcess.py", "structlog", "transitions", "six.py"} <= tops
    assert not tops & {"verifier", "harness", "tests", "fabric", "rich", "pytest"}
    assert all(name.endswith(".py") for name in names)


def test_the_name_is_the_contents(packed: Bundle) -> None:
    """The same sources have the same name, so that they are sent once; others have another."""
    assert bundle() == packed
    assert bundle(("core",)).name != packed.name


class Compiled:
    """A distribution with a compiled part, or one that isn't there."""

    name = "structlog"
    requires = ()

    def __init__(self, root: Path) -> None:
        self.files = [metadata.PackagePath("structlog/_fast.so")]


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (Compiled, r"structlog isn't pure Python here \(_fast.so\).*by hand"),
        (None, r"structlog isn't installed here.*pip install -e '.\[remote\]'"),
    ],
)
def test_what_cannot_be_sent_is_refused(
    found: type | None, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dependency with compiled parts, or that is missing, is refused by name."""
    real = metadata.distribution

    def distribution(name: str) -> object:
        if name != "structlog":
            return real(name)
        if found is None:
            raise metadata.PackageNotFoundError(name)
        return found(Path())

    monkeypatch.setattr(metadata, "distribution", distribution)
    with pytest.raises(HarnessError, match=message):
        bundle()
