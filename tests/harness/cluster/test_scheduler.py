"""Campaigns on a real Dask scheduler: the same findings, whatever becomes of workers and scheduler."""

from __future__ import annotations

import os
import pickle
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.exits import ExitStatus
from harness.errors import HarnessError
from harness.search.campaign import run_simulations
from harness.search.judging import Options
from tests.kit.workers.cluster import WITHOUT_DASK, Cluster, cluster, kill_at_work, wait_for
from tests.kit.workers.processes import started_below

pytest.importorskip("distributed", reason=WITHOUT_DASK)

from harness.cluster import scheduler as clusters
from harness.cluster import worker

pytestmark = pytest.mark.timeout(300)  # processes that start slowly where the processors are busy
ROOT = Path(__file__).parents[3]
TINY = {"swarms": 16, "random_seed": 3, "peers": 2, "pieces": 3}
WORDS = [f"--{name.replace('_', '-')}={value}" for name, value in TINY.items()]
LONG = ("--swarms", "100000", "--peers", "2", "--pieces", "1")


def campaign(*words: str) -> subprocess.Popen[str]:
    """A campaign in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "swarmproof", "simulate", *words],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'io'}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def findings(out: str) -> tuple[list[str], str]:
    """What a campaign found: swarms, steps, failures, and the digest."""
    last = out.splitlines()[-1]
    return last.split(", ")[:3], last.rpartition("digest ")[2]


def expected(capsys: pytest.CaptureFixture[str]) -> tuple[list[str], str]:
    """What the same campaign finds without a cluster."""
    assert run_simulations(Options(**TINY)) == 0  # type: ignore[arg-type]
    return findings(capsys.readouterr().out)


def test_without_workers_it_says_what_it_waits_for(
    dask: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    """A scheduler without workers is waited for, with words that say what to do; with the first one, that has nothing of ours, the same is found as here, seed for seed."""
    dask.have(0)
    with campaign(*WORDS, "--on", dask.address) as running:
        assert running.stderr is not None
        told = running.stderr.readline()
        assert told.startswith(
            f"waiting: the scheduler has no worker: start some with `dask worker {dask.address}`"
        )
        dask.have(1)
        out, errors = running.communicate(timeout=100)
    assert running.returncode == 0, errors
    assert findings(out) == expected(capsys)


def test_a_killed_worker_loses_nothing(dask: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    """One of two workers is killed at work: its process ends too, its batch is run again, and the same is found."""
    dask.have(2)
    with campaign(*WORDS, "--on", dask.address) as running:
        begun = kill_at_work(dask.workers[0])
        wait_for(lambda: not any(Path(f"/proc/{one}").exists() for one in begun))
        out, errors = running.communicate(timeout=100)
    assert running.returncode == 0, errors
    assert findings(out) == expected(capsys)


@pytest.mark.thorough
def test_a_scheduler_that_goes_says_how_to_go_on(tmp_path: Path) -> None:
    """When the scheduler is gone a campaign ends with status 8 and one message that says how to go on, and no process stays."""
    with cluster(tmp_path) as made, campaign(*LONG, "--on", made.address) as running:
        made.have(1)
        wait_for(lambda: bool(started_below(made.workers[0].pid)))
        made.scheduler.kill()
        _, errors = running.communicate(timeout=60)
        assert running.returncode == ExitStatus.HOSTS_FAILED
        assert re.fullmatch(
            rf"swarmproof simulate: the scheduler at {made.address} is gone.*: (\d+) of 100000 swarms are "
            r"judged, 0 failed; go on with --random-seed \d+ --swarms \d+",
            errors.splitlines()[-1],
        )
    assert "Traceback" not in errors


@pytest.mark.thorough
def test_an_interrupt_ends_it(dask: Cluster) -> None:
    """Ctrl-C ends a campaign on a cluster with status 130 and one message; the cluster stays for the next."""
    dask.have(1)
    with campaign(*LONG, "--on", dask.address) as running:
        wait_for(lambda: any(started_below(one.pid) for one in dask.workers))
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=60)
    assert running.returncode == ExitStatus.INTERRUPTED
    assert errors.splitlines()[-1].startswith("swarmproof simulate: interrupted: ")
    assert "Traceback" not in errors
    assert dask.scheduler.poll() is None


def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no scheduler answers, or something else does, one message says so, with status 8."""
    monkeypatch.setattr(clusters, "CONNECT_TIMEOUT", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(HarnessError, match=f"{address}: no Dask scheduler answers") as caught:
            clusters.connect(address)
    assert caught.value.status == ExitStatus.HOSTS_FAILED
    with pytest.raises(HarnessError, match=f"{address}: no Dask scheduler answers"):
        clusters.connect(address)


def test_a_scheduler_of_another_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scheduler so old or new that its answers can't be understood is told with the version here, whatever the library raises."""

    def misunderstood(*_: object, **__: object) -> None:
        raise TypeError("Scheduler.identity() got an unexpected keyword argument 'n_workers'")

    monkeypatch.setattr(clusters, "_Client", misunderstood)
    with pytest.raises(HarnessError, match=r"can't work with distributed \d.*unexpected") as caught:
        clusters.connect("tcp://localhost:1")
    assert caught.value.status == ExitStatus.HOSTS_FAILED


def versions(distributed: str, python: str) -> dict[str, Any]:
    return {"packages": {"distributed": distributed, "python": python}}


@pytest.mark.parametrize(
    ("scheduler", "workers", "message"),
    [
        (("2024.8.0", "3.11.7.final.0"), ("2026.8.0", "3.11.7.final.0"), "the scheduler at A runs distributed 2024.8.0, and here it is 2026.8.0"),
        (("2026.8.0", "3.11.7.final.0"), ("2026.7.0", "3.11.7.final.0"), "the worker at B runs distributed 2026.7.0, and here it is 2026.8.0"),
        (("2026.8.0", "3.13.1.final.0"), ("2026.8.0", "3.12.7.final.0"), "the worker at B runs python 3.12, and here it is 3.11"),
    ],
)  # fmt: skip
def test_other_versions_are_refused(
    scheduler: tuple[str, str], workers: tuple[str, str], message: str
) -> None:
    """A scheduler or worker of another version of Dask, or a worker of another Python, is told with both versions."""
    found = {
        "client": versions("2026.8.0", "3.11.2.final.0"),
        "scheduler": versions(*scheduler),
        "workers": {"B": versions(*workers)},
    }
    with pytest.raises(HarnessError, match=message) as caught:
        clusters.refuse_versions(found, "A")
    assert caught.value.status == ExitStatus.HOSTS_FAILED


def test_versions_that_fit() -> None:
    """The last number of Python may differ, and the scheduler's Python."""
    found = {
        "client": versions("2026.8.0", "3.11.2.final.0"),
        "scheduler": versions("2026.8.0", "3.13.0.final.0"),
        "workers": {"B": versions("2026.8.0", "3.11.9.final.0")},
    }
    clusters.refuse_versions(found, "A")


def test_without_dask(tmp_path: Path) -> None:
    """Where Dask isn't installed, one message names the extra, with status 8."""
    (tmp_path / "distributed.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'distributed'\", name='distributed')\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "swarmproof", "simulate", "--swarms", "2", "--on", "localhost:1"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{tmp_path}:{ROOT}:{ROOT / 'io'}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == ExitStatus.HOSTS_FAILED
    assert done.stderr == (
        "swarmproof simulate: --on needs distributed, which isn't installed here: "
        "run `pip install -e '.[cluster]'` in the project's folder\n"
    )


def test_what_is_sent_names_no_module_of_ours() -> None:
    """The function that workers get arrives where there is nothing of ours."""
    sent = pickle.dumps(clusters._ByValue(worker.run_apart))
    program = (
        "import pickle, sys; sys.modules['harness'] = None\n"
        "print(pickle.loads(sys.stdin.buffer.read()).__name__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], input=sent, capture_output=True, check=True
    )
    assert done.stdout == b"run_apart\n"
