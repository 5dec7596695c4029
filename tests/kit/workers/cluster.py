"""A Dask scheduler and workers for tests, in processes of their own that have no program of ours."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.kit.workers.processes import started_below

WITHOUT_DASK = "Dask isn't installed: the extra `cluster` brings it"
PATIENCE = 60.0
"""Seconds for anything to happen."""


class Cluster:
    """A scheduler on a free port of this machine, and the workers that a test starts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.workers: list[subprocess.Popen[bytes]] = []
        poison = folder / "poison" / "harness"
        poison.mkdir(parents=True)
        (poison / "__init__.py").write_text("raise ImportError('workers have no harness')\n")
        self.scheduler = self._start(
            "dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", "at"
        )
        self.address = self._address()

    def _start(self, program: str, *words: str) -> subprocess.Popen[bytes]:
        environment = os.environ | {
            "PYTHONPATH": str(self._folder / "poison"),
            "DASK_DISTRIBUTED__WORKER__MEMORY__TERMINATE": "False",
            "DASK_TEMPORARY_DIRECTORY": str(self._folder),
        }
        return subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{program}", "--no-dashboard", *words],
            cwd=self._folder,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _address(self) -> str:
        """Where the scheduler listens, which it writes into a file."""
        file = self._folder / "at"
        wait_for(lambda: file.exists() and file.read_text().rstrip().endswith("}"))
        return file.read_text().partition('"address": "')[2].partition('"')[0]

    def have(self, count: int) -> None:
        """See to it that so many workers are alive, and no more."""
        alive = [one for one in self.workers if one.poll() is None]
        for worker in alive[count:]:
            worker.kill()
            worker.wait()
        self.workers = alive[:count]
        while len(self.workers) < count:
            self.start_worker()

    def start_worker(self) -> subprocess.Popen[bytes]:
        """A worker with one thread, whom nobody starts again when it is killed."""
        words = ("--nthreads", "1", "--no-nanny", "--memory-limit", "0")
        self.workers.append(self._start("dask_worker", self.address, *words))
        return self.workers[-1]

    def end(self) -> None:
        """End all of it."""
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """A scheduler without workers; it and those that come end with the block."""
    made = Cluster(folder)
    try:
        yield made
    finally:
        made.end()


def kill_at_work(worker: subprocess.Popen[bytes]) -> set[int]:
    """Kill a worker without a word while it has a part; the processes that it had started."""
    wait_for(lambda: bool(started_below(worker.pid)))
    begun = started_below(worker.pid)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    return begun


def wait_for(happened: object) -> None:
    """Return when something is so; AssertionError after `PATIENCE`."""
    assert callable(happened)
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline, "it never happens"
        time.sleep(0.02)
