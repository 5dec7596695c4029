"""Runs a launcher over fake peers in a process of its own, which a test can interrupt or kill."""

import sys
from pathlib import Path

from harness.launcher import Launcher


class Silent:
    def on_start(self, peer_id, pid):
        pass

    on_status = on_diagnostic = lambda self, told: None
    on_end = on_start

    def on_tick(self):
        pass


if __name__ == "__main__":
    folder, fifo, grace, *modes = sys.argv[1:]
    fake = [sys.executable, str(Path(__file__).with_name("fake_peer.py"))]
    commands = {n: [*fake, str(n), mode, "--alive", fifo] for n, mode in enumerate(modes, 1001)}
    launcher = Launcher(commands, Path(folder), Silent(), timeout=60, grace=float(grace))
    sys.exit(launcher.run().exit_status)
