"""The first process of a host: furnishes its namespaces, then lives as long as whoever started it.

Run by `unshare` in fresh mount, PID, UTS and network namespaces, in an interpreter of its own without
the project on its path: `init.py NAME OWN_FOLDER HIDDEN_FOLDER`. When its stdin ends, it ends, and the
system ends every other process of the host with it.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

BIND = ("mount", "--bind")
TMPFS = ("mount", "-t", "tmpfs", "tmpfs")


def furnish(name: str, own: Path, hidden: Path) -> None:
    """Give the host its name, its account, its hosts file, and hide the other hosts' folders."""
    socket.sethostname(name)
    for file in ("passwd", "hosts"):
        subprocess.run([*BIND, own / "etc" / file, f"/etc/{file}"], check=True)
    if own.is_relative_to(hidden):
        subprocess.run([*BIND, own, "/mnt"], check=True)
        subprocess.run([*TMPFS, hidden], check=True)
        own.mkdir(parents=True)
        subprocess.run(["mount", "--move", "/mnt", own], check=True)
    for private in ("/run", "/dev/shm"):
        subprocess.run([*TMPFS, private], check=True)
    Path("/run/sshd").mkdir(mode=0o755)  # sshd insists on it
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def start_sshd(own: Path) -> None:
    """Start the server where there is a configuration for it."""
    program, config = shutil.which("sshd"), own / "etc/sshd_config"
    if program is not None and config.exists():
        subprocess.Popen([program, "-D", "-f", config, "-E", own / "sshd.txt"])


def end_with_stdin() -> None:
    """Thread: our end is that of whoever holds the other end of the pipe."""
    while os.read(0, 64):
        pass
    os._exit(0)


def main() -> None:
    """Furnish the host, say so, and collect orphans."""
    name, own, hidden = sys.argv[1:]
    threading.Thread(target=end_with_stdin, daemon=True).start()
    furnish(name, Path(own), Path(hidden))
    start_sshd(Path(own))
    print("ready", flush=True)
    nobody_left = threading.Event()
    while True:
        with suppress(ChildProcessError):
            os.wait()
            continue
        nobody_left.wait(0.2)


if __name__ == "__main__":
    main()
