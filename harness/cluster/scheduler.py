"""The workers of a Dask scheduler: the only file that imports it, and only when a cluster is wanted.

Workers need Dask and nothing of ours: the program is sent to each, also to those that come later, and
runs there in processes of its own (`worker.py`).
"""

from __future__ import annotations

import logging
import pickle
import sys
import tempfile
import threading
import time
import warnings
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from contextlib import suppress
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.exits import ExitStatus
from harness.cluster import worker
from harness.errors import HarnessError
from harness.output import busy
from harness.records import printable
from harness.remote.bundle import bundle
from verifier.work.handing import LostError

try:
    import cloudpickle
    from distributed import Client, KilledWorker
    from distributed.diagnostics.plugin import UploadFile
    from distributed.versions import VersionMismatchWarning
except ImportError as missing:
    raise HarnessError(
        f"--on needs {missing.name}, which isn't installed here: "
        "run `pip install -e '.[cluster]'` in the project's folder",
        status=ExitStatus.HOSTS_FAILED,
    ) from None

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

CONNECT_TIMEOUT = 10.0
"""Seconds for a scheduler to answer."""
LOOK = 2.0
"""Seconds between two looks at how many workers there are."""
AHEAD = 2
"""Parts for each thread of a worker, so that it needn't wait for the next."""
_PROGRAM = ("core", "io/peerio", "harness", "verifier")
_PYTHON, _DASK = "python", "distributed"
_RESTS = 0.2


def connect(address: str) -> Cluster:
    """The workers of this scheduler, as soon as it has one; HarnessError where that can't be."""
    _silence()
    try:
        with busy(f"connecting to the scheduler at {address}"):
            client = _client(address)
    except OSError as error:
        raise _failed(
            f"{address}: no Dask scheduler answers there ({_said(error)}): "
            "start one with `dask scheduler`, or name another address"
        ) from None
    except Exception as error:  # noqa: BLE001 -- another version of it may raise anything
        raise _failed(
            f"{address}: the scheduler there can't work with {_DASK} {version(_DASK)}, which is "
            f"installed here ({_said(error)}): install the same version there and here"
        ) from None
    try:
        return Cluster(client, address)
    except BaseException:
        client.close()
        raise


class _Client(Client):  # type: ignore[misc] # its types aren't read
    """A client that is closed when we say so; one whose making failed would complain when it is forgotten."""

    def __del__(self) -> None:
        """Nothing."""


def _client(address: str) -> Client:
    """A connected client, made by a thread: what accepts connections and says nothing holds it up for ever."""
    made: Future[Client] = Future()

    def make() -> None:
        try:
            made.set_result(_Client(address, timeout=CONNECT_TIMEOUT, set_as_default=False))
        except BaseException as error:  # noqa: BLE001 -- it is raised where it is waited for
            made.set_exception(error)

    threading.Thread(target=make, daemon=True).start()
    return made.result(1.5 * CONNECT_TIMEOUT)


def _silence() -> None:
    """What goes wrong is told once and in our words, not also by the library's loggers."""
    for name in ("distributed", *logging.root.manager.loggerDict):
        if name.partition(".")[0] == "distributed":
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    warnings.filterwarnings("ignore", category=VersionMismatchWarning)


def _failed(message: str) -> HarnessError:
    return HarnessError(message, status=ExitStatus.HOSTS_FAILED)


def _said(error: BaseException) -> str:
    """What an exception says, in one line."""
    return printable(" ".join(str(error).split())) or type(error).__name__


class _ByValue:
    """A function of ours that arrives as its code, since its module isn't there."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        module = sys.modules[function.__module__]
        cloudpickle.register_pickle_by_value(module)
        self._pickled = cloudpickle.dumps(function)
        cloudpickle.unregister_pickle_by_value(module)

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)

    def __reduce__(self) -> tuple[Any, ...]:
        return cloudpickle.loads, (self._pickled,)


class Cluster:
    """Workers elsewhere; what is handed out is their `Client`'s to place, and to place again when one dies."""

    def __init__(self, client: Client, address: str) -> None:
        self._client = client
        self._address = address
        self._looked = -LOOK
        self._threads: dict[str, int] = {}
        self._await_workers()
        refuse_versions(client.get_versions(), address)
        made = bundle(_PROGRAM)
        self._archive = f"swarmproof-{made.name}.zip"
        self._plugin = f"{self._archive}-{client.id}"
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, self._archive)
            path.write_bytes(made.archive)
            client.register_plugin(UploadFile(str(path), load=False), name=self._plugin)
        self._run = _ByValue(worker.run_apart)
        self._executor = client.get_executor(pure=False)

    def _await_workers(self) -> None:
        with busy(f"waiting: {_no_worker(self._address)}"):
            while not self._look():
                time.sleep(_RESTS)

    def _look(self) -> dict[str, int]:
        """The threads of each worker, asked for now and then; HarnessError when the scheduler is gone."""
        if self._client.status != "running":
            raise _failed(f"the scheduler at {self._address} is gone")
        if time.monotonic() - self._looked > LOOK:
            try:
                self._threads = dict(self._client.nthreads())
            except Exception as error:  # noqa: BLE001 -- whatever it is, it answers no more
                raise _failed(
                    f"the scheduler at {self._address} is gone ({_said(error)})"
                ) from None
            self._looked = time.monotonic()
        return self._threads

    def places(self) -> int:
        """Some parts for each thread of theirs."""
        return AHEAD * max(1, sum(self._look().values()))

    def state(self) -> str:
        """How many there are."""
        if not self._threads:
            return f"waiting: {_no_worker(self._address)}"
        count, threads = len(self._threads), sum(self._threads.values())
        return f"{count} worker{'s' * (count > 1)}, {threads} thread{'s' * (threads > 1)}"

    def submit(self, work: Callable[[Any], Any], part: Any) -> Future[Any]:
        """Send it to one of them."""
        self._look()
        payload = pickle.dumps((work, part))
        sent = self._executor.submit(self._run, self._archive, payload)
        future: Future[Any] = Future()
        sent.add_done_callback(partial(_settle, future))
        return future

    def wait(self, futures: Collection[Future[Any]], seconds: float) -> None:
        """Wait, and see whether the scheduler is still there."""
        wait(futures, seconds, FIRST_COMPLETED)
        self._look()

    def close(self) -> None:
        """Cancel what waits, forget the program; what workers have begun they end, and nobody is told."""
        client = self._client
        if client.status == "closed":
            return
        with suppress(Exception):  # the scheduler may be gone: then there is nothing to cancel
            if client.status == "running":
                self._executor.shutdown(wait=False)
                client.unregister_worker_plugin(self._plugin)
        with suppress(Exception):
            client.close(timeout=2)


def _no_worker(address: str) -> str:
    return f"the scheduler has no worker: start some with `dask worker {address}`"


def _settle(future: Future[Any], sent: Future[tuple[bytes, str]]) -> None:
    """Hand over what a worker answered."""
    try:
        answer, died = sent.result()
        if died:
            raise LostError(died)
        result, raised = pickle.loads(answer)  # noqa: S301 -- from workers that we chose
        if raised:
            raise _failed(f"a worker failed: {raised}")
    except KilledWorker as error:
        future.set_exception(LostError(f"with its workers: {_said(error)}"))
    except CancelledError:
        future.set_exception(LostError("given up by the scheduler"))
    except (LostError, HarnessError) as error:
        future.set_exception(error)
    except Exception as error:  # noqa: BLE001 -- whatever it is, nobody else would hear of it
        future.set_exception(_failed(f"a worker failed: {_said(error)}"))
    else:
        future.set_result(result)


def refuse_versions(found: dict[str, Any], address: str) -> None:
    """HarnessError where scheduler or workers run what can't work with what runs here."""
    here = _versions(found["client"])
    there = {f"the scheduler at {address}": _versions(found["scheduler"])}
    for name, told in found["workers"].items():
        there[f"the worker at {name}"] = _versions(told)
    for name, versions in there.items():
        wanted = (_DASK,) if name.startswith("the scheduler") else (_DASK, _PYTHON)
        for package in wanted:
            if versions[package] != here[package]:
                raise _failed(
                    f"{name} runs {package} {versions[package]}, and here it is {here[package]}: "
                    "both must be the same"
                )


def _versions(told: dict[str, Any]) -> dict[str, str]:
    """What a process runs: Dask, and the first two numbers of Python."""
    packages = told["packages"]
    python = ".".join(str(packages[_PYTHON]).split(".")[:2])
    return {_DASK: str(packages[_DASK]), _PYTHON: python}
