"""The agent on this machine."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from harness.errors import HostError
from harness.remote.host.messages import Clock, HasProgram
from harness.remote.session import Session
from harness.remote.wire import LocalWire
from tests.kit.liar import host


def test_an_agent_on_this_machine(tmp_path: Path) -> None:
    """It answers like one behind SSH, files go to it and come back, and it ends with the session."""
    wire = LocalWire()
    session = Session(host("here", 1001), wire, str(tmp_path / "home"))
    assert abs(session.ask(Clock).time - time.time()) < 60
    assert not session.ask(HasProgram, program="p").there
    source = tmp_path / "file"
    source.write_bytes(b"content")
    with source.open("rb") as content:
        session.put(content, "programs/file")
    there = tmp_path / "home/programs/file"
    assert there.samefile(source)  # it takes no room
    session.get("programs/file", tmp_path / "back", 7)
    assert (tmp_path / "back").read_bytes() == b"content"
    with pytest.raises(HostError, match="8 bytes were announced"):
        session.get("programs/file", tmp_path / "back", 8)
    assert not (tmp_path / "back").exists()
    pid = wire._process.pid
    session.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
