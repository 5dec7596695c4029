"""Runs a launcher over fake peers in a process of its own, which a test can interrupt or kill."""

from __future__ import annotations

import sys
from pathlib import Path

from harness.local.launcher import Launcher
from tests.kit import fake_peer

COMMAND = (sys.executable, "-m", "tests.kit.launch")
"""To which a folder, a FIFO, a grace and the peers' modes are added."""


class Silent:
    def on_start(self, peer_id: int, pid: int) -> None:
        pass

    on_status = on_diagnostic = lambda self, told: None
    on_end = on_start

    def on_tick(self) -> None:
        pass


if __name__ == "__main__":
    folder, fifo, grace, *modes = sys.argv[1:]
    commands = {
        n: [*fake_peer.COMMAND, str(n), mode, "--alive", fifo] for n, mode in enumerate(modes, 1001)
    }
    launcher = Launcher(commands, Path(folder), Silent(), timeout=60, grace=float(grace))
    sys.exit(launcher.run().exit_status)
